package faultdisk

import (
	"errors"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// system is the file system as SQLite sees it. It and all that hangs on it lies
// outside Go's heap, for SQLite holds its address; what is Go's is reached by
// its handle.
type system struct {
	sqlite3.Tsqlite3_vfs
	disk uintptr
}

// methods are those of one open file.
type methods struct {
	sqlite3.Tsqlite3_io_methods
	base uintptr // the methods of the system's own
	file uintptr // handle
}

// file is an open file.
type file struct {
	disk *Disk
	name string
}

// handles give Go's values numbers that may lie in foreign memory.
var handles = registry{held: map[uintptr]any{}}

type registry struct {
	mu   sync.RWMutex
	held map[uintptr]any
	last uintptr
}

func (r *registry) add(v any) uintptr {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.held[r.last] = v
	return r.last
}

func (r *registry) drop(h uintptr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, h)
}

func held[T any](h uintptr) T {
	handles.mu.RLock()
	defer handles.mu.RUnlock()
	return handles.held[h].(T)
}

// open opens a file by the system's own and puts these methods on it.
func open(tls *libc.TLS, vfs, name, out uintptr, flags int32, outFlags uintptr) int32 {
	d := held[*Disk](at[system](vfs).disk)
	op := Op{Kind: Open, File: fileName(name)}
	own := at[uintptr](out) // the first member of a file: its methods
	if f := d.begin(op); f.Code != 0 {
		*own = 0
		return f.Code
	}
	rc := call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](at[sqlite3.Tsqlite3_vfs](d.base).FxOpen)(tls, d.base, name, out, flags, outFlags)
	if rc != sqlite3.SQLITE_OK || *own == 0 {
		return rc
	}
	p, err := allocate[methods](tls)
	if err != nil {
		closeBase(tls, *own, out)
		*own = 0
		return sqlite3.SQLITE_NOMEM
	}
	m := at[methods](p)
	m.Tsqlite3_io_methods = *at[sqlite3.Tsqlite3_io_methods](*own)
	m.base, m.file = *own, handles.add(&file{d, op.File})
	m.FxClose, m.FxWrite, m.FxTruncate, m.FxSync = pointer(shut), pointer(write), pointer(truncate), pointer(flush)
	*own = p
	d.done(op)
	return rc
}

// remove deletes a file.
func remove(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32 {
	d := held[*Disk](at[system](vfs).disk)
	op := Op{Kind: Delete, File: fileName(name)}
	if f := d.begin(op); f.Code != 0 {
		return f.Code
	}
	rc := call[func(*libc.TLS, uintptr, uintptr, int32) int32](at[sqlite3.Tsqlite3_vfs](d.base).FxDelete)(tls, d.base, name, syncDir)
	if rc == sqlite3.SQLITE_OK {
		d.done(op)
	}
	return rc
}

func closeBase(tls *libc.TLS, base, out uintptr) int32 {
	return call[func(*libc.TLS, uintptr) int32](at[sqlite3.Tsqlite3_io_methods](base).FxClose)(tls, out)
}

func shut(tls *libc.TLS, out uintptr) int32 {
	p := *at[uintptr](out)
	m := at[methods](p)
	rc := closeBase(tls, m.base, out)
	handles.drop(m.file)
	libc.Xfree(tls, p)
	return rc
}

// of returns an open file and the methods of the system's own for it.
func of(out uintptr) (*file, *sqlite3.Tsqlite3_io_methods) {
	m := at[methods](*at[uintptr](out))
	return held[*file](m.file), at[sqlite3.Tsqlite3_io_methods](m.base)
}

func write(tls *libc.TLS, out, data uintptr, n int32, offset int64) int32 {
	f, base := of(out)
	op := Op{Kind: Write, File: f.name, Offset: offset, Data: unsafe.Slice(at[byte](data), n)}
	fault := f.disk.begin(op)
	if fault.Code != 0 {
		n = int32(min(int(n), fault.Short))
		op.Data = op.Data[:n]
	}
	rc := int32(sqlite3.SQLITE_OK)
	if n > 0 {
		rc = call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](base.FxWrite)(tls, out, data, n, offset)
	}
	if rc == sqlite3.SQLITE_OK && n > 0 {
		f.disk.done(op)
	}
	if fault.Code != 0 {
		return fault.Code
	}
	return rc
}

func truncate(tls *libc.TLS, out uintptr, size int64) int32 {
	f, base := of(out)
	op := Op{Kind: Truncate, File: f.name, Size: size}
	if fault := f.disk.begin(op); fault.Code != 0 {
		return fault.Code
	}
	rc := call[func(*libc.TLS, uintptr, int64) int32](base.FxTruncate)(tls, out, size)
	if rc == sqlite3.SQLITE_OK {
		f.disk.done(op)
	}
	return rc
}

func flush(tls *libc.TLS, out uintptr, flags int32) int32 {
	f, base := of(out)
	op := Op{Kind: Sync, File: f.name}
	if fault := f.disk.begin(op); fault.Code != 0 {
		return fault.Code
	}
	rc := call[func(*libc.TLS, uintptr, int32) int32](base.FxSync)(tls, out, flags)
	if rc == sqlite3.SQLITE_OK {
		f.disk.done(op)
	}
	return rc
}

// allocate takes room for a T outside Go's heap, zeroed.
func allocate[T any](tls *libc.TLS) (uintptr, error) {
	var t T
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(t)))
	if p == 0 {
		return 0, errors.New("no memory for the file system")
	}
	return p, nil
}

// at is the T at an address outside Go's heap.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// pointer is a function of this package as translated C code keeps it, call the
// way back. Such a function is never collected, for it closes over nothing.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

func call[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }
