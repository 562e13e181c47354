package sqlitestore

import (
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"mahalleh/server/store"
)

// errClosed says that the store was closed.
var errClosed = errors.New("store is closed")

// coded is what the driver's errors tell beyond their text.
type coded interface {
	error
	Code() int
}

// primary is the primary result code of a driver error, 0 for other errors.
func primary(err error) int {
	if c, ok := errors.AsType[coded](err); ok {
		return c.Code() & 0xff
	}
	return 0
}

// translate turns driver errors into the contract's.
func translate(err error) error {
	if c, ok := errors.AsType[coded](err); ok && c.Code() == sqlite3.SQLITE_IOERR_SHMSIZE {
		// The map of the write-ahead log needs room too, at opening.
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	switch primary(err) {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: %w", store.ErrDisk, err)
	}
	return err
}

// poisons reports whether after this error the transaction cannot go on: all
// but a broken constraint, which undoes its own statement only. SQLite rolls
// back by itself after some errors; what followed would commit by itself.
func poisons(err error) bool {
	code := primary(err)
	return code != 0 && code != sqlite3.SQLITE_CONSTRAINT
}

// kills reports whether after this error the connection must not be used again.
func kills(err error) bool {
	switch primary(err) {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_NOMEM:
		return true
	}
	return false
}
