package localstore

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// disk is a VFS of SQLite that passes everything to the system's and counts
// and fails on request.
type disk struct {
	name string
	path string // of the database last opened there; guarded by disks

	mu     sync.Mutex
	syncs  int
	writes int
	// failSyncs makes that many of the next syncs fail, full every write.
	failSyncs int
	full      bool
	// failWrites makes every write fail as a broken disk does.
	failWrites bool
	// before is called before each write and sync, if set.
	before func(what string)
}

// disks finds the disk of a method table that a file was opened with; SQLite
// passes nothing else to its methods.
var disks = struct {
	sync.Mutex
	byMethods map[uintptr]*disk
	byVFS     map[uintptr]*disk
	original  map[uintptr]uintptr // copied method table -> the system's
}{byMethods: map[uintptr]*disk{}, byVFS: map[uintptr]*disk{}, original: map[uintptr]uintptr{}}

// at views C memory as a Go struct.
func cview[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

func fnPtr[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f})) }

func ptrFn[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ p uintptr }{p})) }

func newDisk(t testing.TB) *disk {
	t.Helper()
	tls := libc.NewTLS()
	base := sqlite3.Xsqlite3_vfs_find(tls, 0)
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{})))
	vfs := cview[sqlite3.Tsqlite3_vfs](p)
	*vfs = *cview[sqlite3.Tsqlite3_vfs](base)
	d := &disk{name: "test-" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())}
	name, err := libc.CString(d.name)
	if err != nil {
		t.Fatal(err)
	}
	vfs.FpNext, vfs.FzName, vfs.FxOpen = 0, name, fnPtr(diskOpen)
	vfs.FpAppData = cview[sqlite3.Tsqlite3_vfs](base).FpAppData
	disks.Lock()
	disks.byVFS[p] = d
	disks.Unlock()
	if rc := sqlite3.Xsqlite3_vfs_register(tls, p, 0); rc != 0 {
		t.Fatalf("register VFS: %d", rc)
	}
	t.Cleanup(func() {
		sqlite3.Xsqlite3_vfs_unregister(tls, p)
		tls.Close()
	})
	return d
}

type (
	openFn  = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	syncFn  = func(*libc.TLS, uintptr, int32) int32
	writeFn = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
	shmFn   = func(*libc.TLS, uintptr, int32, int32, int32, uintptr) int32
)

func diskOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32 {
	base := sqlite3.Xsqlite3_vfs_find(tls, 0)
	rc := ptrFn[openFn](cview[sqlite3.Tsqlite3_vfs](base).FxOpen)(tls, base, name, file, flags, out)
	if flags&sqlite3.SQLITE_OPEN_MAIN_DB != 0 {
		disks.Lock()
		disks.byVFS[vfs].path = libc.GoString(name)
		disks.Unlock()
	}
	f := cview[sqlite3.Tsqlite3_file](file)
	if rc != 0 || f.FpMethods == 0 {
		return rc
	}
	disks.Lock()
	defer disks.Unlock()
	d := disks.byVFS[vfs]
	for copied, original := range disks.original {
		if original == f.FpMethods && disks.byMethods[copied] == d {
			f.FpMethods = copied
			return rc
		}
	}
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
	m := cview[sqlite3.Tsqlite3_io_methods](p)
	*m = *cview[sqlite3.Tsqlite3_io_methods](f.FpMethods)
	m.FxSync, m.FxWrite, m.FxShmMap = fnPtr(diskSync), fnPtr(diskWrite), fnPtr(diskShmMap)
	// Without memory mapping every byte goes through xWrite.
	disks.original[p], disks.byMethods[p] = f.FpMethods, d
	f.FpMethods = p
	return rc
}

func diskOf(file uintptr) (*disk, *sqlite3.Tsqlite3_io_methods) {
	p := cview[sqlite3.Tsqlite3_file](file).FpMethods
	disks.Lock()
	defer disks.Unlock()
	return disks.byMethods[p], cview[sqlite3.Tsqlite3_io_methods](disks.original[p])
}

func diskSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	d, m := diskOf(file)
	d.mu.Lock()
	d.syncs++
	fail := d.failSyncs > 0
	if fail {
		d.failSyncs--
	}
	before := d.before
	d.mu.Unlock()
	if before != nil {
		before("sync")
	}
	if fail {
		return sqlite3.SQLITE_IOERR | 4<<8 // SQLITE_IOERR_FSYNC
	}
	return ptrFn[syncFn](m.FxSync)(tls, file, flags)
}

func diskWrite(tls *libc.TLS, file, buf uintptr, n int32, off int64) int32 {
	d, m := diskOf(file)
	d.mu.Lock()
	d.writes++
	full, broken, before := d.full, d.failWrites, d.before
	d.mu.Unlock()
	if before != nil {
		before("write")
	}
	if full {
		return sqlite3.SQLITE_FULL
	}
	if broken {
		return sqlite3.SQLITE_IOERR_WRITE
	}
	return ptrFn[writeFn](m.FxWrite)(tls, file, buf, n, off)
}

// diskShmMap maps a piece of the shared memory, which on a full disk cannot
// grow: SQLite writes into each of its blocks so that none is found missing later.
func diskShmMap(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32 {
	d, m := diskOf(file)
	disks.Lock()
	path := d.path
	disks.Unlock()
	d.mu.Lock()
	full := d.full
	d.mu.Unlock()
	if st, err := os.Stat(path + "-shm"); full && (err != nil || st.Size() < int64(region+1)*int64(size)) {
		return sqlite3.SQLITE_IOERR_SHMSIZE
	}
	return ptrFn[shmFn](m.FxShmMap)(tls, file, region, size, extend, out)
}

func (d *disk) set(f func(*disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

func (d *disk) count() (syncs, writes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs, d.writes
}

func (d *disk) String() string {
	syncs, writes := d.count()
	return fmt.Sprintf("%d syncs, %d writes", syncs, writes)
}
