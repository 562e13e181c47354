-- People sign in to the committee's pages.
--
-- A password stood in people from the beginning. What comes beside it are the
-- links by which a person chooses one, the second factor of those who decide for
-- a province, and the browsers that are signed in. All of it belongs to a backup:
-- after a restore people sign in as before, while sessions of those days are over,
-- since they end twelve hours after they began.

-- The links that were given out, by the hash of their secret; used_at is 0 while
-- one is good for use.
CREATE TABLE invitations (
	secret_hash BLOB NOT NULL PRIMARY KEY CHECK (length(secret_hash) = 32),
	person      BLOB NOT NULL CHECK (length(person) = 16),
	created     INTEGER NOT NULL,
	expires     INTEGER NOT NULL,
	used_at     INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(secret_hash, person, created, expires, used_at)) STORED
) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_person ON invitations (person);

-- The secrets of second factors. step is the half minute of the last code that
-- was taken: neither it nor an older one is good again.
CREATE TABLE factors (
	person BLOB NOT NULL PRIMARY KEY CHECK (length(person) = 16),
	secret BLOB NOT NULL,
	step   INTEGER NOT NULL,
	chk INTEGER NOT NULL AS (row_check(person, secret, step)) STORED
) STRICT, WITHOUT ROWID;

-- The browsers that are signed in, by the hash of the token in their cookie. made
-- and seen are Unix ms, second says that a second factor was shown; address and
-- agent are what the person recognises them by.
CREATE TABLE sessions (
	token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
	person     BLOB NOT NULL CHECK (length(person) = 16),
	made       INTEGER NOT NULL,
	seen       INTEGER NOT NULL,
	second     INTEGER NOT NULL,
	address    TEXT NOT NULL,
	agent      TEXT NOT NULL,
	chk INTEGER NOT NULL AS (row_check(token_hash, person, made, seen, second, address, agent)) STORED
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_person ON sessions (person);
