// Package faultdisk is a SQLite file system for proofs: it hands everything on
// to the system's own, and on the way counts it, writes it down so that what a
// power loss leaves can be made of it, or makes it fail.
package faultdisk

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Kind is what SQLite asks of a file.
type Kind uint8

// The kinds of operations.
const (
	Open Kind = iota + 1
	Write
	Truncate
	Sync
	Delete
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"", "open", "write", "truncate", "sync", "delete"}[k]
}

// Op is one operation on one file.
type Op struct {
	Kind Kind
	// File is the name in its directory.
	File string
	// Offset and Data are those of a write, Size is that of a truncation.
	Offset int64
	Data   []byte
	Size   int64
}

// Fault is what an operation is made to end in. The zero one lets it pass.
type Fault struct {
	// Code is SQLite's, such as SQLITE_IOERR_FSYNC; not 0.
	Code int32
	// Short is how many bytes of a failing write reach the file all the same.
	Short int
}

// Counts are how often something was asked for since Register.
type Counts struct {
	// Syncs are files made durable, Commits transactions that ended in a
	// write-ahead log, LogBytes what was written to write-ahead logs.
	Syncs, Commits, LogBytes int64
}

// Disk is one registered file system. It is safe for concurrent use.
type Disk struct {
	name string
	base uintptr // the system's own file system

	mu     sync.Mutex
	counts Counts
	fault  func(n int, op Op) Fault
	asked  int // operations since fault was set
	record *Recording
}

// Name is the name under which stores open it.
func (d *Disk) Name() string { return d.name }

// Counts returns the counts as they are.
func (d *Disk) Counts() Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts
}

// Fail asks f what becomes of each operation from now on, with its number from
// 0; nil lets all pass. f must not use the disk.
func (d *Disk) Fail(f func(n int, op Op) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.asked = f, 0
}

// begin takes notice of an operation and says what becomes of it.
func (d *Disk) begin(op Op) Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault == nil || strings.HasSuffix(op.File, "-shm") {
		return Fault{}
	}
	f := d.fault(d.asked, op)
	d.asked++
	return f
}

// done takes notice of what an operation did.
func (d *Disk) done(op Op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	log := strings.HasSuffix(op.File, "-wal")
	switch op.Kind {
	case Sync:
		d.counts.Syncs++
	case Write:
		if log {
			d.counts.LogBytes += int64(len(op.Data))
		}
		if log && endsCommit(op) {
			d.counts.Commits++
		}
	}
	if d.record != nil {
		d.record.add(op)
	}
}

const (
	// A frame of a write-ahead log begins with a header of its own write, in
	// which the size of the database is zero unless the frame ends a commit.
	walHeader   = 32
	frameHeader = 24
)

func endsCommit(op Op) bool {
	return len(op.Data) == frameHeader && op.Offset >= walHeader && [4]byte(op.Data[4:8]) != [4]byte{}
}

// Register makes a file system known to SQLite under a name, which no other one
// of this process may have. It stays until the process ends.
func Register(name string) (*Disk, error) {
	tls := libc.NewTLS()
	defer tls.Close()
	if rc := sqlite3.Xsqlite3_initialize(tls); rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("start SQLite: code %d", rc)
	}
	base := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if base == 0 {
		return nil, errors.New("SQLite has no file system here")
	}
	zName, err := libc.CString(name)
	if err != nil {
		return nil, fmt.Errorf("name file system %s: %w", name, err)
	}
	if sqlite3.Xsqlite3_vfs_find(tls, zName) != 0 {
		return nil, fmt.Errorf("file system %s is registered already", name)
	}
	d := &Disk{name: name, base: base}
	p, err := allocate[system](tls)
	if err != nil {
		return nil, err
	}
	s := at[system](p)
	s.Tsqlite3_vfs = *at[sqlite3.Tsqlite3_vfs](base)
	s.FpNext, s.FzName, s.disk = 0, zName, handles.add(d)
	s.FxOpen, s.FxDelete = pointer(open), pointer(remove)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, p, 0); rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("register file system %s: code %d", name, rc)
	}
	return d, nil
}

// fileName is the last element of the path that SQLite gave, "" for a file
// without a name.
func fileName(name uintptr) string {
	if name == 0 {
		return ""
	}
	return filepath.Base(libc.GoString(name))
}
