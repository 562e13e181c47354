// Package disktest gives tests a disk that is full, or fails, when they say so.
package disktest

import (
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Disk is a VFS of SQLite that passes everything to the system's, but for writes
// while it is full, shared memory that is opened while it is tight, and the next
// syncs that shall fail.
type Disk struct {
	Full  atomic.Bool
	Tight atomic.Bool
	Fails atomic.Int32
	// methods keeps reachable what only C memory points to.
	methods []any
}

type (
	vfsOpen   = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	fileWrite = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
	fileSync  = func(*libc.TLS, uintptr, int32) int32
	fileMap   = func(*libc.TLS, uintptr, int32, int32, int32, uintptr) int32
)

func viewC[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

func toC[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f})) }

func fromC[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ p uintptr }{p})) }

// Name is what a client calls the disk: Options.VFS.
const Name = "sdk-faulty-disk"

// New registers the disk until the test ends; one test at a time can have it.
func New(t testing.TB) *Disk {
	t.Helper()
	d := &Disk{}
	tls := libc.NewTLS()
	base := sqlite3.Xsqlite3_vfs_find(tls, 0)
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{})))
	vfs := viewC[sqlite3.Tsqlite3_vfs](p)
	*vfs = *viewC[sqlite3.Tsqlite3_vfs](base)
	name, err := libc.CString(Name)
	if err != nil {
		t.Fatal(err)
	}
	methods := map[uintptr]uintptr{} // copied method table by the system's
	original := map[uintptr]sqlite3.Tsqlite3_io_methods{}
	write := func(tls *libc.TLS, file, buf uintptr, n int32, off int64) int32 {
		if d.Full.Load() {
			return sqlite3.SQLITE_FULL
		}
		return fromC[fileWrite](original[viewC[sqlite3.Tsqlite3_file](file).FpMethods].FxWrite)(tls, file, buf, n, off)
	}
	sync := func(tls *libc.TLS, file uintptr, flags int32) int32 {
		if d.Fails.Add(-1) >= 0 {
			return sqlite3.SQLITE_IOERR_FSYNC
		}
		return fromC[fileSync](original[viewC[sqlite3.Tsqlite3_file](file).FpMethods].FxSync)(tls, file, flags)
	}
	share := func(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32 {
		if d.Tight.Load() {
			return sqlite3.SQLITE_IOERR_SHMSIZE
		}
		return fromC[fileMap](original[viewC[sqlite3.Tsqlite3_file](file).FpMethods].FxShmMap)(tls, file, region, size, extend, out)
	}
	open := func(tls *libc.TLS, _, name, file uintptr, flags int32, out uintptr) int32 {
		rc := fromC[vfsOpen](viewC[sqlite3.Tsqlite3_vfs](base).FxOpen)(tls, base, name, file, flags, out)
		f := viewC[sqlite3.Tsqlite3_file](file)
		if rc != 0 || f.FpMethods == 0 {
			return rc
		}
		if methods[f.FpMethods] == 0 {
			m := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
			table := viewC[sqlite3.Tsqlite3_io_methods](m)
			*table = *viewC[sqlite3.Tsqlite3_io_methods](f.FpMethods)
			original[m] = *table
			table.FxWrite, table.FxSync, table.FxShmMap = toC(write), toC(sync), toC(share)
			methods[f.FpMethods] = m
		}
		f.FpMethods = methods[f.FpMethods]
		return rc
	}
	d.methods = []any{open, write, sync, share}
	vfs.FpNext, vfs.FzName, vfs.FxOpen = 0, name, toC(open)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, p, 0); rc != 0 {
		t.Fatalf("register VFS: %d", rc)
	}
	t.Cleanup(func() {
		sqlite3.Xsqlite3_vfs_unregister(tls, p)
		tls.Close()
		runtime.KeepAlive(d)
	})
	return d
}
