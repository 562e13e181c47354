package clientsdk

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// faultyDisk is a VFS of SQLite that passes everything to the system's, but for
// writes while it is full, shared memory that is opened while it is tight, and
// the next syncs that shall fail.
type faultyDisk struct {
	full  atomic.Bool
	tight atomic.Bool
	fails atomic.Int32
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

const faultyDiskName = "sdk-faulty-disk"

func newFaultyDisk(t testing.TB) *faultyDisk {
	t.Helper()
	d := &faultyDisk{}
	tls := libc.NewTLS()
	base := sqlite3.Xsqlite3_vfs_find(tls, 0)
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{})))
	vfs := viewC[sqlite3.Tsqlite3_vfs](p)
	*vfs = *viewC[sqlite3.Tsqlite3_vfs](base)
	name, err := libc.CString(faultyDiskName)
	if err != nil {
		t.Fatal(err)
	}
	methods := map[uintptr]uintptr{} // copied method table by the system's
	original := map[uintptr]sqlite3.Tsqlite3_io_methods{}
	write := func(tls *libc.TLS, file, buf uintptr, n int32, off int64) int32 {
		if d.full.Load() {
			return sqlite3.SQLITE_FULL
		}
		return fromC[fileWrite](original[viewC[sqlite3.Tsqlite3_file](file).FpMethods].FxWrite)(tls, file, buf, n, off)
	}
	sync := func(tls *libc.TLS, file uintptr, flags int32) int32 {
		if d.fails.Add(-1) >= 0 {
			return sqlite3.SQLITE_IOERR_FSYNC
		}
		return fromC[fileSync](original[viewC[sqlite3.Tsqlite3_file](file).FpMethods].FxSync)(tls, file, flags)
	}
	share := func(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32 {
		if d.tight.Load() {
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

func TestFullDisk(t *testing.T) {
	disk := newFaultyDisk(t)
	d := newDevice(t, func(o *Options) { o.VFS = faultyDiskName })
	id := d.record("asset", assetJSON)
	draft := d.open(id)
	d.set(draft, "condition", "1")
	unsaved := d.begin("asset", `{"category": "physical", "title_fa": "پل"}`)
	if err := unsaved.Autosave(ctx); err != nil {
		t.Fatal(err)
	}

	disk.full.Store(true)
	if _, err := draft.Save(ctx); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("save: got %v, want %v", err, ErrDiskFull)
	}
	// Nobody is let type what cannot be saved.
	if _, err := d.New(ctx, "asset"); !errors.Is(err, ErrDiskFull) {
		t.Errorf("new form: got %v, want %v", err, ErrDiskFull)
	}
	if _, err := d.Edit(ctx, id); !errors.Is(err, ErrDiskFull) {
		t.Errorf("edit: got %v, want %v", err, ErrDiskFull)
	}
	// What is pending can be read and exported.
	if got := d.value(id, "condition").Int(); got != 3 {
		t.Errorf("condition is %d, want what was saved", got)
	}
	s, err := d.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Disk.Full || s.Pending != 1 {
		t.Errorf("status says full %v, pending %d", s.Disk.Full, s.Pending)
	}
	var out bytes.Buffer
	n, err := d.ExportPending(ctx, &out)
	if err != nil || n != 2 || strings.Count(out.String(), "\n") != 2 || !strings.Contains(out.String(), "سالن ورزشی دبستان") {
		t.Errorf("exported %d lines, %v: %s", n, err, out.String())
	}

	disk.full.Store(false)
	d.mustSave(draft) // what was typed is still there
	if _, err := d.New(ctx, "asset"); err != nil {
		t.Errorf("new form after space was made: %v", err)
	}
}

// TestOpenOnAFullDisk holds that a device opens on a disk without a byte left:
// everything is read and exported, nobody is let type what cannot be saved, and
// it goes on once there is room.
func TestOpenOnAFullDisk(t *testing.T) {
	disk := newFaultyDisk(t)
	d := newDevice(t, func(o *Options) { o.VFS = faultyDiskName })
	id := d.record("asset", assetJSON)
	unsaved := d.begin("asset", `{"category": "physical", "title_fa": "پل"}`)
	if err := unsaved.Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	disk.full.Store(true)
	disk.tight.Store(true)
	d.restart()

	if got := d.value(id, "condition").Int(); got != 3 {
		t.Errorf("condition is %d, want what was saved", got)
	}
	if l, err := d.List(ctx, Query{}); err != nil || len(l.Rows) != 2 {
		t.Errorf("list: %d rows, %v; want the record and the draft's", len(l.Rows), err)
	}
	if h, err := d.History(ctx, id); err != nil || len(h) != 1 {
		t.Errorf("history: %d steps, %v; want one", len(h), err)
	}
	if all, err := d.Conflicts(ctx); err != nil || len(all) != 0 {
		t.Errorf("conflicts: %v, %v", all, err)
	}
	if s, err := d.Status(ctx); err != nil || s.Pending != 1 || s.Drafts != 1 {
		t.Errorf("status: %+v, %v; want one change and one draft", s, err)
	}
	if n, err := d.ExportPending(ctx, io.Discard); err != nil || n != 2 {
		t.Errorf("exported %d lines, %v; want two", n, err)
	}
	drafts, err := d.Drafts(ctx)
	if err != nil || len(drafts) != 1 {
		t.Fatalf("drafts: %v, %v; want one", drafts, err)
	}
	draft, err := d.OpenDraft(ctx, drafts[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := draft.Save(ctx); !errors.Is(err, ErrDiskFull) {
		t.Errorf("save: got %v, want %v", err, ErrDiskFull)
	}
	if _, err := d.New(ctx, "asset"); !errors.Is(err, ErrDiskFull) {
		t.Errorf("new form: got %v, want %v", err, ErrDiskFull)
	}
	if s, err := d.Status(ctx); err != nil || !s.Disk.Full {
		t.Errorf("status: full %v, %v; want true", s.Disk.Full, err)
	}

	disk.full.Store(false)
	disk.tight.Store(false)
	d.edit(id, "condition", "1")
	d.restart()
	if got := d.value(id, "condition").Int(); got != 1 {
		t.Errorf("condition is %d, want what was saved once there was room", got)
	}
}

// TestFailedSync holds that a save is told as saved only if it is on the disk,
// and never twice.
func TestFailedSync(t *testing.T) {
	disk := newFaultyDisk(t)
	d := newDevice(t, func(o *Options) { o.VFS = faultyDiskName })
	draft := d.begin("asset", assetJSON)
	disk.fails.Store(1)
	r, err := draft.Save(ctx)
	disk.fails.Store(0)
	if err != nil && !errors.Is(err, ErrDiskFailed) {
		t.Fatalf("got %v, want a save or %v", err, ErrDiskFailed)
	}
	if err != nil {
		r = d.mustSave(draft)
	}
	d.restart()
	p, err := d.PendingOf(ctx, r.Record)
	if err != nil || len(p) != 1 || p[0].Change != r.Change.String() {
		t.Errorf("pending is %+v, %v; want the one change", p, err)
	}
}

func TestLowDisk(t *testing.T) {
	free := uint64(lowSpace - 1)
	d := newDevice(t, func(o *Options) { o.FreeSpace = func(string) (uint64, error) { return free, nil } })
	_, err := d.New(ctx, "asset")
	if key, args := Explain(err); key != "sdk.error.disk_full" || args["free"] != free {
		t.Errorf("got %s %v, want a full disk", key, args)
	}
	free = lowSpace
	if _, err := d.New(ctx, "asset"); err != nil {
		t.Error(err)
	}
	if n, err := FreeSpace(d.dir); err != nil || n == 0 {
		t.Errorf("the system says %d bytes are free, %v", n, err)
	}
}
