-- What stood on the screen where an own change put something else, for the
-- person who settles a conflict or takes a change back. It is the device's own
-- memory and is never sent. body is the caller's, sealed by the scope's key; the
-- row goes with the change's content, with the record, and with the scope.
CREATE TABLE before (
	n      INTEGER PRIMARY KEY,
	change BLOB    NOT NULL UNIQUE,
	record BLOB    NOT NULL,
	scope  INTEGER NOT NULL REFERENCES scope,
	body   BLOB    NOT NULL,
	chk INTEGER NOT NULL AS (local_check(n, change, record, scope, body)) STORED
) STRICT;
CREATE INDEX before_record ON before (record);
