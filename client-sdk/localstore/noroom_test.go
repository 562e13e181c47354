package localstore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// TestOpenWithoutAByteFree holds that a device opens on a disk that takes
// nothing, not even the shared memory beside the database: what is pending
// stays readable and exportable, saving says that the disk is full, and all of
// it goes on once there is room, without opening anew.
func TestOpenWithoutAByteFree(t *testing.T) {
	for _, how := range []string{"after closing", "after a crash", "after a crash, with its shared memory"} {
		t.Run(how, func(t *testing.T) {
			b, d := newDiskBox(t)
			private, public := recoveryPair(t)
			id := b.newRecord()
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("پیش از پر شدن")})
			path := b.opt.Path
			if how != "after closing" {
				dir := filepath.Join(t.TempDir(), "crashed")
				copyStore(t, path, dir)
				if how != "after a crash" {
					shm, err := os.ReadFile(path + "-shm")
					if err != nil {
						t.Fatal(err)
					}
					check(t, os.WriteFile(filepath.Join(dir, "device.db-shm"), shm, 0o600))
				}
				path = filepath.Join(dir, "device.db")
			}
			check(t, b.Close())
			d.set(func(d *disk) { d.full = true })
			b.openAt(path)

			if got := b.text(id, 10); got != "پیش از پر شدن" {
				t.Errorf("on a full disk it shows %q", got)
			}
			if q, err := b.Queue(ctx); err != nil || q.Changes != 1 {
				t.Errorf("queue on a full disk: %+v, %v, want one change", q, err)
			}
			if rows, err := b.List(ctx, Filter{}); err != nil || len(rows.Rows) != 1 {
				t.Errorf("list on a full disk: %v, %v, want one record", rows, err)
			}
			var out bytes.Buffer
			if n, err := b.ExportPending(ctx, &out, public); err != nil || n != 1 {
				t.Fatalf("export on a full disk: %d, %v, want one change", n, err)
			}
			if n, err := ReadExport(&out, private, func(*wire.LogCert, uint64, *syncproto.Change) error { return nil }); err != nil || n != 1 {
				t.Errorf("reading the export: %d, %v, want one change", n, err)
			}
			for range 2 {
				if _, err := b.trySave(id, formPlace, plain, map[uint32]syncproto.Value{11: text("جا نیست")}); !errors.Is(err, ErrFull) {
					t.Fatalf("saving on a full disk: got %v, want ErrFull", err)
				}
			}
			if err := b.Close(); err != nil {
				t.Errorf("closing on a full disk: %v", err)
			}
			b.openAt(path)

			d.set(func(d *disk) { d.full = false })
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("باز جا هست")})
			b.reopenStore()
			if got := b.text(id, 10) + " " + b.text(id, 11); got != "پیش از پر شدن باز جا هست" {
				t.Errorf("once there is room it shows %q", got)
			}
			if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
				t.Errorf("check: %v, %v", problems, err)
			}
			if logs, err := b.Logs(ctx); err != nil || len(logs) != 1 || logs[0].HeadSeq != 2 {
				t.Errorf("logs: %+v, %v, want one up to 2", logs, err)
			}
		})
	}
}

// TestOlderCopyOnAFullDisk holds that an older copy that is found on a full
// disk still opens another log before it writes.
func TestOlderCopyOnAFullDisk(t *testing.T) {
	b, d := newDiskBox(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	check(t, b.Close())
	old, err := os.ReadFile(b.opt.Path)
	check(t, err)
	b.openAt(b.opt.Path)
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("ب")})
	check(t, b.Close())
	check(t, os.WriteFile(b.opt.Path, old, 0o600))
	d.set(func(d *disk) { d.full = true })
	b.openAt(b.opt.Path)
	d.set(func(d *disk) { d.full = false })
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("پ")})
	logs, err := b.Logs(ctx)
	if err != nil || len(logs) != 2 || logs[1].Reason != ForkBehind {
		t.Errorf("logs: %+v, %v, want a second one because of the older copy", logs, err)
	}
}

// TestOlderCopyOnABrokenDisk holds that a file that is behind its side file, on
// a disk that takes no writing, is refused with an error, and never written
// under its old log.
func TestOlderCopyOnABrokenDisk(t *testing.T) {
	b, d := newDiskBox(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	check(t, b.Close())
	old, err := os.ReadFile(b.opt.Path)
	check(t, err)
	b.openAt(b.opt.Path)
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("ب")})
	check(t, b.Close())
	check(t, os.WriteFile(b.opt.Path, old, 0o600))
	d.set(func(d *disk) { d.failWrites = true })
	if _, err := Open(ctx, b.opt); !errors.Is(err, ErrIO) {
		t.Fatalf("opening on a broken disk: got %v, want ErrIO", err)
	}
	d.set(func(d *disk) { d.failWrites = false })
	b.openAt(b.opt.Path)
	d.set(func(d *disk) { d.failWrites = true })
	for range 2 {
		_, err := b.trySave(id, formPlace, plain, map[uint32]syncproto.Value{11: text("پ")})
		if !errors.Is(err, ErrIO) && !errors.Is(err, ErrClosed) {
			t.Fatalf("saving on a broken disk: got %v, want ErrIO or ErrClosed", err)
		}
	}
	d.set(func(d *disk) { d.failWrites = false })
	check(t, b.Tick(ctx)) // opens it again
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("ت")})
	if logs, err := b.Logs(ctx); err != nil || len(logs) != 2 {
		t.Errorf("logs: %+v, %v, want a second one because of the older copy", logs, err)
	}
}
