// Package diskcount counts what SQLite asks of the disk: a virtual file system
// that hands everything on to the system's own and counts on the way.
package diskcount

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Counts are how often something was asked for since Register.
type Counts struct {
	// Syncs are files made durable, Commits transactions that ended in a
	// write-ahead log, LogBytes what was written to write-ahead logs.
	Syncs, Commits, LogBytes int64
}

// Counter reads the counts of one registered file system.
type Counter struct{ counts *Counts }

// Read returns the counts as they are.
func (c Counter) Read() Counts {
	return Counts{
		Syncs:    atomic.LoadInt64(&c.counts.Syncs),
		Commits:  atomic.LoadInt64(&c.counts.Commits),
		LogBytes: atomic.LoadInt64(&c.counts.LogBytes),
	}
}

// system is the counting file system as SQLite sees it. It and all that hangs
// on it lies outside Go's heap, for SQLite holds its address; it stays until
// the process ends.
type system struct {
	sqlite3.Tsqlite3_vfs
	base   uintptr // the system's own file system
	counts Counts
}

// methods are those of one open file.
type methods struct {
	sqlite3.Tsqlite3_io_methods
	base   uintptr // the methods of the system's own
	counts *Counts // in system
	wal    int32   // the file is a write-ahead log
}

// Register makes the file system known to SQLite under a name, which no other
// one of this process may have.
func Register(name string) (Counter, error) {
	tls := libc.NewTLS()
	defer tls.Close()
	if rc := sqlite3.Xsqlite3_initialize(tls); rc != sqlite3.SQLITE_OK {
		return Counter{}, fmt.Errorf("start SQLite: code %d", rc)
	}
	base := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if base == 0 {
		return Counter{}, errors.New("SQLite has no file system here")
	}
	zName, err := libc.CString(name)
	if err != nil {
		return Counter{}, fmt.Errorf("name file system %s: %w", name, err)
	}
	if sqlite3.Xsqlite3_vfs_find(tls, zName) != 0 {
		return Counter{}, fmt.Errorf("file system %s is registered already", name)
	}
	p, err := allocate[system](tls)
	if err != nil {
		return Counter{}, err
	}
	s := at[system](p)
	s.Tsqlite3_vfs = *at[sqlite3.Tsqlite3_vfs](base)
	s.FpNext, s.FzName, s.base = 0, zName, base
	s.FxOpen = pointer(open)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, p, 0); rc != sqlite3.SQLITE_OK {
		return Counter{}, fmt.Errorf("register file system %s: code %d", name, rc)
	}
	return Counter{&s.counts}, nil
}

// open opens a file by the system's own and puts the counting methods on it.
func open(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	s := at[system](vfs)
	rc := call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](at[sqlite3.Tsqlite3_vfs](s.base).FxOpen)(tls, s.base, name, file, flags, outFlags)
	own := at[uintptr](file) // the first member of a file: its methods
	if rc != sqlite3.SQLITE_OK || *own == 0 {
		return rc
	}
	p, err := allocate[methods](tls)
	if err != nil {
		closeBase(tls, *own, file)
		*own = 0
		return sqlite3.SQLITE_NOMEM
	}
	m := at[methods](p)
	m.Tsqlite3_io_methods = *at[sqlite3.Tsqlite3_io_methods](*own)
	m.base, m.counts = *own, &s.counts
	if flags&sqlite3.SQLITE_OPEN_WAL != 0 {
		m.wal = 1
	}
	m.FxClose, m.FxWrite, m.FxSync = pointer(shut), pointer(write), pointer(flush)
	*own = p
	return rc
}

func closeBase(tls *libc.TLS, base, file uintptr) int32 {
	return call[func(*libc.TLS, uintptr) int32](at[sqlite3.Tsqlite3_io_methods](base).FxClose)(tls, file)
}

func shut(tls *libc.TLS, file uintptr) int32 {
	p := *at[uintptr](file)
	rc := closeBase(tls, at[methods](p).base, file)
	libc.Xfree(tls, p)
	return rc
}

const (
	// A frame of a write-ahead log begins with a header of its own write, in
	// which the size of the database is zero unless the frame ends a commit.
	walHeader   = 32
	frameHeader = 24
)

func write(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32 {
	m := at[methods](*at[uintptr](file))
	rc := call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](at[sqlite3.Tsqlite3_io_methods](m.base).FxWrite)(tls, file, data, n, offset)
	if m.wal == 0 || rc != sqlite3.SQLITE_OK {
		return rc
	}
	atomic.AddInt64(&m.counts.LogBytes, int64(n))
	if n == frameHeader && offset >= walHeader && *at[[4]byte](data + 4) != [4]byte{} {
		atomic.AddInt64(&m.counts.Commits, 1)
	}
	return rc
}

func flush(tls *libc.TLS, file uintptr, flags int32) int32 {
	m := at[methods](*at[uintptr](file))
	rc := call[func(*libc.TLS, uintptr, int32) int32](at[sqlite3.Tsqlite3_io_methods](m.base).FxSync)(tls, file, flags)
	if rc == sqlite3.SQLITE_OK {
		atomic.AddInt64(&m.counts.Syncs, 1)
	}
	return rc
}

// allocate takes room for a T outside Go's heap, zeroed.
func allocate[T any](tls *libc.TLS) (uintptr, error) {
	var t T
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(t)))
	if p == 0 {
		return 0, errors.New("no memory for the counting file system")
	}
	return p, nil
}

// at is the T at an address outside Go's heap.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// pointer is a function of this package as translated C code keeps it, call the
// way back. Such a function is never collected, for it closes over nothing.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

func call[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }
