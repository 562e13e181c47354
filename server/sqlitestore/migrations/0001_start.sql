-- The server's data as its first release keeps it.
--
-- Two conventions hold throughout. Ids that repeat in every row (scopes,
-- people, devices, logs) stand as short numbers from the table ids; 0 means
-- "none". A place is scope number * 2^40 + position: one integer that sorts by
-- scope, then by position.
--
-- Every row ends with chk, a checksum over its other columns that the database
-- computes itself whenever the row is written. Much of what is here can be
-- checked against something else (hashes, sums, chains), but names, rights, codes
-- and times cannot: a flipped bit in them is found by chk alone.

-- Small named values of the server itself: its keys, its settings, the last
-- time it saw. An absent value is an empty one.
CREATE TABLE meta (
	key   TEXT NOT NULL PRIMARY KEY,
	value BLOB,
	chk INTEGER NOT NULL AS (row_check(key, value)) STORED
) STRICT, WITHOUT ROWID;

-- One row: the number given out last for changes.ord, and a count of the
-- transactions committed. After a disk error the count shows whether all that
-- was acknowledged is still there.
CREATE TABLE counters (
	one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
	ord     INTEGER NOT NULL,
	commits INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(one, ord, commits)) STORED
) STRICT;
INSERT INTO counters (one, ord, commits) VALUES (1, 0, 0);

-- The openings of this store, oldest first: a random name and when, Unix ms.
CREATE TABLE eras (
	num    INTEGER NOT NULL PRIMARY KEY,
	id     BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	opened INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(num, id, opened)) STORED
) STRICT;

-- Short numbers for the sixteen-byte ids of scopes, people, devices and logs.
-- Rows are only ever added.
CREATE TABLE ids (
	num INTEGER NOT NULL PRIMARY KEY,
	id  BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	chk INTEGER NOT NULL AS (row_check(num, id)) STORED
) STRICT;

-- The logs of devices as far as they are here; num is the log's number in ids.
CREATE TABLE logs (
	num         INTEGER NOT NULL PRIMARY KEY,
	device      INTEGER NOT NULL,
	cert        BLOB,
	received    INTEGER NOT NULL,
	head        BLOB NOT NULL CHECK (length(head) = 32),
	backup_safe INTEGER NOT NULL,
	last_seen   INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(num, device, cert, received, head, backup_safe, last_seen)) STORED
) STRICT;
CREATE INDEX logs_device ON logs (device);

-- The logs, in runs as they came: one row for the entries of a batch. places has
-- 48 bytes for each, from first on: the id of the change that stands there, and
-- the chain hash after it. A change may stand in several logs; its body is kept
-- once, in changes.
CREATE TABLE entries (
	log    INTEGER NOT NULL,
	first  INTEGER NOT NULL,
	places BLOB NOT NULL CHECK (length(places) > 0 AND length(places) % 48 = 0),
	chk INTEGER NOT NULL AS (row_check(log, first, places)) STORED,
	PRIMARY KEY (log, first)
) STRICT, WITHOUT ROWID;

-- Stretches of logs that their devices declared lost.
CREATE TABLE gaps (
	log   INTEGER NOT NULL,
	first INTEGER NOT NULL,
	last  INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(log, first, last)) STORED,
	PRIMARY KEY (log, first, last)
) STRICT, WITHOUT ROWID;

-- The received changes in the order of receipt, each once, with what became of
-- them. result is an acknowledgement with this one result, less change id,
-- outcome, scope and position, which stand in columns (result_scope, position);
-- NULL if nothing else is to be said. ord numbers the applied ones in the order of
-- their application, 0 for the others.
CREATE TABLE changes (
	num          INTEGER NOT NULL PRIMARY KEY,
	id           BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	record       BLOB NOT NULL CHECK (length(record) = 16),
	outcome      INTEGER NOT NULL,
	scope        INTEGER NOT NULL,
	author       INTEGER NOT NULL,
	device       INTEGER NOT NULL,
	log          INTEGER NOT NULL,
	seq          INTEGER NOT NULL,
	received     INTEGER NOT NULL,
	ord          INTEGER NOT NULL,
	result_scope INTEGER NOT NULL,
	position     INTEGER NOT NULL,
	result       BLOB,
	body         BLOB,
	chk INTEGER NOT NULL AS (row_check(num, id, record, outcome, scope, author, device, log, seq, received, ord, result_scope, position, result, body)) STORED
) STRICT;
-- A record's history.
CREATE INDEX changes_record ON changes (record);
-- The few of a record's changes that may wait for something; every new record is
-- looked up here.
CREATE INDEX changes_waiting ON changes (record) WHERE outcome > 3;
-- The few changes a person looks at: all but the applied (1) and merged (2).
CREATE INDEX changes_outcome ON changes (outcome) WHERE outcome > 2;
-- Those of them that a device is told of when it comes: not the conflicted (3).
CREATE INDEX changes_aside ON changes (device) WHERE outcome > 3;

-- What people decided about quarantined changes, in order.
CREATE TABLE decisions (
	num      INTEGER NOT NULL PRIMARY KEY,
	change   BLOB NOT NULL CHECK (length(change) = 16),
	decision TEXT NOT NULL,
	by       INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	note     TEXT NOT NULL,
	instead  BLOB NOT NULL CHECK (length(instead) = 16),
	chk INTEGER NOT NULL AS (row_check(num, change, decision, by, at, note, instead)) STORED
) STRICT;
CREATE INDEX decisions_change ON decisions (change);

-- The records as they stand. Their unique places are the order in which a
-- scope's pages are read; a changed record moves to the end of its scope. hash
-- is the record's share in the scope's sum. Measured (BenchmarkLayout) against
-- a table that is sorted by place itself, this one takes in a tenth to a quarter
-- more changes and needs an eighth less disk, while pages are read at two thirds
-- of the speed; but to decode a record costs several times what reading it does.
CREATE TABLE records (
	num    INTEGER NOT NULL PRIMARY KEY,
	place  INTEGER NOT NULL UNIQUE,
	id     BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	form   INTEGER NOT NULL,
	open   INTEGER NOT NULL,
	erased INTEGER NOT NULL,
	hash   BLOB NOT NULL CHECK (length(hash) = 16),
	state  BLOB NOT NULL,
	chk INTEGER NOT NULL AS (row_check(num, place, id, form, open, erased, hash, state)) STORED
) STRICT;
-- The records with open conflicts.
CREATE INDEX records_open ON records (id) WHERE open > 0;

-- What left a scope, or was erased, and where in the scope's order.
CREATE TABLE marks (
	place   INTEGER NOT NULL PRIMARY KEY,
	record  BLOB NOT NULL CHECK (length(record) = 16),
	scope   INTEGER NOT NULL,
	kind    INTEGER NOT NULL,
	new_home INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(place, record, scope, kind, new_home)) STORED,
	UNIQUE (record, scope)
) STRICT;

-- The scopes with the head of their order; num is the scope's number in ids.
-- sum is the sum of the hashes of its records modulo 2^128, count their number.
CREATE TABLE scopes (
	num         INTEGER NOT NULL PRIMARY KEY,
	place       BLOB NOT NULL CHECK (length(place) = 16),
	compartment TEXT NOT NULL,
	position    INTEGER NOT NULL,
	sum         BLOB NOT NULL CHECK (length(sum) = 16),
	count       INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(num, place, compartment, position, sum, count)) STORED
) STRICT;

-- The sum that a scope had where a transaction ended, so that a device's
-- cursor can be checked.
CREATE TABLE sums (
	place INTEGER NOT NULL PRIMARY KEY,
	sum   BLOB NOT NULL CHECK (length(sum) = 16),
	chk INTEGER NOT NULL AS (row_check(place, sum)) STORED
) STRICT;

-- The places of the country's order; parent is an id, zero for the nation.
CREATE TABLE places (
	id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	number  INTEGER NOT NULL UNIQUE,
	kind    INTEGER NOT NULL,
	parent  BLOB NOT NULL CHECK (length(parent) = 16),
	code    TEXT NOT NULL,
	name_fa TEXT NOT NULL,
	name_en TEXT NOT NULL,
	chk INTEGER NOT NULL AS (row_check(id, number, kind, parent, code, name_fa, name_en)) STORED
) STRICT;

-- Those who may author changes. alias_of is the person that a row stands in
-- for, or zero; password an encoded argon2id hash, or empty.
CREATE TABLE people (
	id       BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	name     TEXT NOT NULL,
	disabled INTEGER NOT NULL,
	alias_of BLOB NOT NULL CHECK (length(alias_of) = 16),
	password TEXT NOT NULL,
	created  INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(id, name, disabled, alias_of, password, created)) STORED
) STRICT;

-- Who plays which role where. serial numbers the acts of granting and
-- revoking, server-wide; revoked is 0 while the grant holds.
CREATE TABLE grants (
	person  BLOB NOT NULL CHECK (length(person) = 16),
	place   BLOB NOT NULL CHECK (length(place) = 16),
	role    TEXT NOT NULL,
	serial  INTEGER NOT NULL,
	since   INTEGER NOT NULL,
	revoked INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(person, place, role, serial, since, revoked)) STORED,
	PRIMARY KEY (person, place, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_serial ON grants (serial);

-- The enrolled devices with their two public keys and what they last reported
-- of themselves.
CREATE TABLE devices (
	id            BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
	person        BLOB NOT NULL CHECK (length(person) = 16),
	key           BLOB NOT NULL CHECK (length(key) = 32),
	noise         BLOB NOT NULL UNIQUE CHECK (length(noise) = 32),
	name          TEXT NOT NULL,
	enrolled      INTEGER NOT NULL,
	last_seen     INTEGER NOT NULL,
	revoked       INTEGER NOT NULL,
	lost          INTEGER NOT NULL,
	queue         INTEGER NOT NULL,
	oldest_queued INTEGER NOT NULL,
	clock_ahead   INTEGER NOT NULL,
	app           TEXT NOT NULL,
	chk INTEGER NOT NULL AS (row_check(id, person, key, noise, name, enrolled, last_seen, revoked, lost, queue, oldest_queued, clock_ahead, app)) STORED
) STRICT;

-- Who may author changes on which device.
CREATE TABLE device_people (
	device BLOB NOT NULL CHECK (length(device) = 16),
	person BLOB NOT NULL CHECK (length(person) = 16),
	chk INTEGER NOT NULL AS (row_check(device, person)) STORED,
	PRIMARY KEY (device, person)
) STRICT, WITHOUT ROWID;

-- The enrolment codes given out, by the hash of their secret.
CREATE TABLE codes (
	secret_hash BLOB NOT NULL PRIMARY KEY CHECK (length(secret_hash) = 32),
	person      BLOB NOT NULL CHECK (length(person) = 16),
	place       BLOB NOT NULL CHECK (length(place) = 16),
	created     INTEGER NOT NULL,
	expires     INTEGER NOT NULL,
	used_by     BLOB NOT NULL CHECK (length(used_by) = 16),
	used_at     INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(secret_hash, person, place, created, expires, used_by, used_at)) STORED
) STRICT, WITHOUT ROWID;

-- The administrative acts, one chain per scope (zero: the server as a whole).
-- chain is SHA-256 over the chain before it and the act, so that none can be
-- taken out or altered unnoticed.
CREATE TABLE audit (
	num     INTEGER NOT NULL PRIMARY KEY,
	scope   INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	by      INTEGER NOT NULL,
	act     TEXT NOT NULL,
	subject TEXT NOT NULL,
	note    TEXT NOT NULL,
	chain   BLOB NOT NULL CHECK (length(chain) = 32),
	chk INTEGER NOT NULL AS (row_check(num, scope, at, by, act, subject, note, chain)) STORED
) STRICT;
CREATE INDEX audit_scope ON audit (scope);
