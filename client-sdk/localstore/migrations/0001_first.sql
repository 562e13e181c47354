-- The first layout. Bookkeeping is in clear, content is sealed; each sealed
-- column says so. Ids are 16 bytes, hashes 32, sums 16, times Unix milliseconds.
--
-- Every row ends with chk, a checksum over its other columns that the database
-- computes itself (see rowcheck.go). A flipped bit in what is sealed is noticed
-- when it is opened; one in bookkeeping, such as how far the server holds a log,
-- is noticed by chk alone.

-- One row of what the device knows of itself. boot counts boots, uptime is the
-- milliseconds of the present one as last seen, lived those of all boots
-- before. failures and failed_at make the wait between unlocks. fork is the
-- reason for which a new log must be opened before anything is written, ''
-- if there is none. folds counts how often the write-ahead log was folded back.
-- key_check is a constant sealed by the device key.
CREATE TABLE device (
	one         INTEGER PRIMARY KEY CHECK (one = 1),
	boot        INTEGER NOT NULL,
	uptime      INTEGER NOT NULL,
	lived       INTEGER NOT NULL,
	failures    INTEGER NOT NULL DEFAULT 0,
	failed_at   INTEGER NOT NULL DEFAULT 0,
	server_time INTEGER NOT NULL DEFAULT 0,
	correction  INTEGER,
	fork        TEXT    NOT NULL DEFAULT '',
	folds       INTEGER NOT NULL DEFAULT 0,
	key_check   BLOB    NOT NULL,
	chk INTEGER NOT NULL AS (local_check(one, boot, uptime, lived, failures, failed_at, server_time, correction, fork, folds, key_check)) STORED
) STRICT;

-- The device key, sealed once for each way to unlock: kind 1 passphrase
-- (argon2id with these costs), 2 key file, 3 the province's recovery key
-- (salt holds its public half).
CREATE TABLE wrap (
	n      INTEGER PRIMARY KEY,
	kind   INTEGER NOT NULL,
	person BLOB    NOT NULL,
	salt   BLOB    NOT NULL,
	memory INTEGER NOT NULL,
	passes INTEGER NOT NULL,
	sealed BLOB    NOT NULL,
	chk INTEGER NOT NULL AS (local_check(n, kind, person, salt, memory, passes, sealed)) STORED
) STRICT;

-- Named values, sealed by the device key: identity, keys, settings.
CREATE TABLE setting (
	name   TEXT PRIMARY KEY,
	sealed BLOB NOT NULL,
	chk INTEGER NOT NULL AS (local_check(name, sealed)) STORED
) STRICT, WITHOUT ROWID;

-- A scope the device holds or held. key is its key, sealed by the device key,
-- empty once destroyed. Up to position in era all its records are here;
-- head_sum is the server's sum there if it was told; caught is where the device
-- last had caught up, with all that the scope held. sum and count are over
-- the rows of shadow that lie in the scope. A new first load raises load, and
-- while loading is 1, rows of older loads wait to be seen again. purge is 1
-- when the scope must go as soon as own changes of it are received.
CREATE TABLE scope (
	n        INTEGER PRIMARY KEY,
	id       BLOB    NOT NULL UNIQUE,
	key      BLOB    NOT NULL,
	era      BLOB    NOT NULL,
	position INTEGER NOT NULL DEFAULT 0,
	head_sum BLOB    NOT NULL DEFAULT x'',
	caught   INTEGER NOT NULL DEFAULT 0,
	sum      BLOB    NOT NULL,
	count    INTEGER NOT NULL DEFAULT 0,
	load     INTEGER NOT NULL DEFAULT 1,
	loading  INTEGER NOT NULL DEFAULT 1,
	purge    INTEGER NOT NULL DEFAULT 0,
	chk INTEGER NOT NULL AS (local_check(n, id, key, era, position, head_sum, caught, sum, count, load, loading, purge)) STORED
) STRICT;

-- The server's state of a record, as of position in its scope. gone: 0 it is
-- held, 1 it left the scope and waits for own changes to be received, 2 it was
-- erased and only this row remains, 3 never came from the server or was let go.
-- state is sealed by the scope's key.
CREATE TABLE shadow (
	n        INTEGER PRIMARY KEY,
	record   BLOB    NOT NULL UNIQUE,
	scope    INTEGER NOT NULL REFERENCES scope,
	position INTEGER NOT NULL,
	load     INTEGER NOT NULL,
	gone     INTEGER NOT NULL,
	hash     BLOB    NOT NULL,
	state    BLOB    NOT NULL,
	chk INTEGER NOT NULL AS (local_check(n, record, scope, position, load, gone, hash, state)) STORED
) STRICT;
-- The few that wait are looked for at every acknowledgement.
CREATE INDEX shadow_left ON shadow (gone) WHERE gone = 1;

-- The logs of this database's incarnations, the current one last. key is the
-- key that signs its batches, sealed by the device key. first is the lowest
-- sequence still kept, first_prev the chain hash before it; received is how
-- far the server holds the log, backup_safe how far a verified backup does.
-- head_seq of an older log is where its kept changes end; top is the highest
-- sequence that was ever written under it and may not be used again.
CREATE TABLE log (
	n           INTEGER PRIMARY KEY,
	id          BLOB    NOT NULL UNIQUE,
	serial      INTEGER NOT NULL,
	created     INTEGER NOT NULL,
	reason      TEXT    NOT NULL,
	cert        BLOB    NOT NULL,
	key         BLOB    NOT NULL,
	head_seq    INTEGER NOT NULL,
	head        BLOB    NOT NULL,
	top         INTEGER NOT NULL,
	first       INTEGER NOT NULL DEFAULT 1,
	first_prev  BLOB    NOT NULL,
	received    INTEGER NOT NULL DEFAULT 0,
	backup_safe INTEGER NOT NULL DEFAULT 0,
	chk INTEGER NOT NULL AS (local_check(n, id, serial, created, reason, cert, key, head_seq, head, top, first, first_prev, received, backup_safe)) STORED
) STRICT;

-- Own changes. at is the log's number times 2^40 plus the sequence, so that a
-- log lies in one piece, in order. overlay is 1 while the change must be laid
-- over the record because the server's state is not known to hold it. redact
-- is 1 when its content must go once a backup holds it. outcome is 0 until the
-- server told one; res_scope and res_position say where it was applied. body
-- is the change, sealed by its scope's key, the bare header once redacted,
-- empty once its scope was purged; result is the server's answer, sealed too.
CREATE TABLE entry (
	at           INTEGER PRIMARY KEY,
	change       BLOB    NOT NULL,
	record       BLOB    NOT NULL,
	scope        INTEGER NOT NULL REFERENCES scope,
	chain        BLOB    NOT NULL,
	size         INTEGER NOT NULL,
	saved        INTEGER NOT NULL,
	overlay      INTEGER NOT NULL,
	redact       INTEGER NOT NULL DEFAULT 0,
	outcome      INTEGER NOT NULL DEFAULT 0,
	res_scope    BLOB    NOT NULL DEFAULT x'',
	res_position INTEGER NOT NULL DEFAULT 0,
	body         BLOB    NOT NULL,
	result       BLOB    NOT NULL DEFAULT x'',
	chk INTEGER NOT NULL AS (local_check(at, change, record, scope, chain, size, saved, overlay, redact, outcome, res_scope, res_position, body, result)) STORED
) STRICT;
CREATE INDEX entry_change ON entry (change);
CREATE INDEX entry_record ON entry (record);
-- What is unfinished is found without reading years of what is finished.
CREATE INDEX entry_overlay ON entry (overlay) WHERE overlay = 1;
CREATE INDEX entry_untold ON entry (outcome) WHERE outcome = 0;
CREATE INDEX entry_redact ON entry (redact) WHERE redact = 1;
CREATE INDEX entry_aside ON entry (outcome) WHERE outcome IN (4, 5, 8);

-- Forms begun and not saved; body is sealed by the scope's key.
CREATE TABLE draft (
	n      INTEGER PRIMARY KEY,
	id     BLOB    NOT NULL UNIQUE,
	record BLOB    NOT NULL,
	form   INTEGER NOT NULL,
	scope  INTEGER NOT NULL REFERENCES scope,
	saved  INTEGER NOT NULL,
	body   BLOB    NOT NULL,
	chk INTEGER NOT NULL AS (local_check(n, id, record, form, scope, saved, body)) STORED
) STRICT;
CREATE INDEX draft_record ON draft (record);

-- Records that changed after the snapshot of the index was taken.
CREATE TABLE touched (
	n      INTEGER PRIMARY KEY,
	record BLOB    NOT NULL,
	chk INTEGER NOT NULL AS (local_check(n, record)) STORED
) STRICT;

-- The snapshot of the index in parts, sealed by a key of its own, which is
-- sealed by the device key and replaced whenever something must not come back.
-- package and layout say what the index was built from.
CREATE TABLE snapshot (
	one     INTEGER PRIMARY KEY CHECK (one = 1),
	key     BLOB    NOT NULL,
	layout  INTEGER NOT NULL,
	package INTEGER NOT NULL,
	size    INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (local_check(one, key, layout, package, size)) STORED
) STRICT;
CREATE TABLE snapshot_part (
	n      INTEGER PRIMARY KEY,
	sealed BLOB NOT NULL,
	chk INTEGER NOT NULL AS (local_check(n, sealed)) STORED
) STRICT;
