package localstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The ways in which the store can refuse. Errors of this package wrap one of
// them or come from the caller's function or context.
var (
	// ErrNewer: the file was written by a newer release; nothing was changed.
	ErrNewer = errors.New("database was written by a newer release")
	// ErrForeign: the file is a database of another program.
	ErrForeign = errors.New("not a database of this program")
	// ErrInUse: another process, or another Store, holds the file.
	ErrInUse = errors.New("database is in use by another process")
	// ErrFull: the disk is full. Nothing was written; what is there stays
	// readable, and what is pending can be exported to another disk.
	ErrFull = errors.New("the disk is full")
	// ErrIO: the disk failed. The connection was closed and opened anew; what
	// was being written is not acknowledged, but may be found there.
	ErrIO = errors.New("the disk failed")
	// ErrCorrupt: stored bytes cannot be read back.
	ErrCorrupt = errors.New("stored bytes are damaged")
	// ErrLocked: the keys are not in memory; unlock first.
	ErrLocked = errors.New("the store is locked")
	// ErrWrongSecret: the passphrase, PIN, key file or recovery key opens nothing here.
	ErrWrongSecret = errors.New("wrong passphrase or key")
	// ErrWait: too many failed unlocks; see WaitError.
	ErrWait = errors.New("too many failed attempts, wait before the next")
	// ErrNotFound: there is no such file, record, draft or log.
	ErrNotFound = errors.New("not found")
	// ErrExists: Create found a file there.
	ErrExists = errors.New("database exists already")
	// ErrOrder: a page does not continue what the device holds of the scope.
	ErrOrder = errors.New("page does not continue the scope")
	// ErrBadPage: a page holds what no right server sends.
	ErrBadPage = errors.New("page makes no sense")
	// ErrScopeGone: the scope is being purged, nothing more is written there.
	ErrScopeGone = errors.New("the scope was taken away")
	// ErrTooLarge: with the change the record would be too large for the server and
	// for every other device; nothing was saved.
	ErrTooLarge = errors.New("the record would be too large")
	// ErrNoRecovery: there is no recovery key to seal to.
	ErrNoRecovery = errors.New("no recovery key is known")
	// ErrClosed: the store was closed, or could not be opened again after the
	// disk failed; whatever writes next tries to.
	ErrClosed = errors.New("the store is closed")
)

// WaitError says how long the next unlock must wait. It wraps ErrWait.
type WaitError struct{ For time.Duration }

// Error names the wait.
func (e *WaitError) Error() string { return fmt.Sprintf("%v: %v", ErrWait, e.For) }

// Unwrap returns ErrWait.
func (e *WaitError) Unwrap() error { return ErrWait }

// translate turns a driver's error into one of this package's, by its result
// code. Other errors pass as they are.
func translate(err error) error {
	var e *sqlite.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	kind := error(nil)
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		kind = ErrFull
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		kind = ErrCorrupt
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PROTOCOL:
		kind = ErrIO
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		kind = ErrInUse
	case sqlite3.SQLITE_INTERRUPT:
		kind = context.Canceled
	default:
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}
