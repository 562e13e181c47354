package localstore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// putBack replaces the closed store's file by an older copy of it; the side
// file, which is outside backups, stays.
func (b *box) putBack(old string) {
	b.Helper()
	for _, end := range []string{"", "-wal", "-shm"} {
		os.Remove(b.opt.Path + end)
		raw, err := os.ReadFile(old + end)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(b.opt.Path+end, raw, 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// TestOldCopyGoesOnUnderANewLog: a phone is put back from an old copy and loses
// changes that the server has, and some that nobody has.
func TestOldCopyGoesOnUnderANewLog(t *testing.T) {
	b, f := newBox(t), newServer(t)
	one, two := b.newRecord(), b.newRecord()
	b.save(one, formPlace, plain, map[uint32]syncproto.Value{10: text("رسیده")})
	f.sync(b, plain)
	pending := b.save(two, formPlace, plain, map[uint32]syncproto.Value{10: text("در راه")})

	backup := filepath.Join(t.TempDir(), "backup.db")
	m, err := b.BackupTo(ctx, backup)
	if err != nil {
		t.Fatal(err)
	}
	if m.HeadSeq != 2 {
		t.Errorf("manifest names change %d, want 2", m.HeadSeq)
	}
	if _, err := VerifyBackup(backup); err != nil {
		t.Error(err)
	}
	b.save(one, formPlace, plain, map[uint32]syncproto.Value{11: text("پس از پشتیبان")})
	f.sync(b, plain)
	lost := b.save(one, formPlace, plain, map[uint32]syncproto.Value{11: text("گم‌شده")})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.putBack(backup)
	b.openAt(b.opt.Path)

	logs, err := b.Logs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(logs) != 2 || logs[1].Reason != ForkBehind || logs[1].HeadSeq != 1 || logs[0].HeadSeq != 1 || logs[1].Serial != 2 {
		t.Fatalf("logs: %+v, want the old one with its received change and a new one with the pending change", logs)
	}
	cert, err := wire.DecodeLogCert(logs[1].Cert)
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.Identity(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if cert.Log != logs[1].Log || cert.Device() != id.Device {
		t.Errorf("certificate of %v for device %v, want log %v and device %v", cert.Log, cert.Device(), logs[1].Log, id.Device)
	}
	st, err := b.ReadBatch(ctx, logs[1].Log, 1, 10, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if st.Changes[0].ID != pending.ID {
		t.Errorf("re-issued change has id %v, want %v", st.Changes[0].ID, pending.ID)
	}
	// The server already has it, from the old log; the change it never saw is
	// gone with the phone's newer copy, and nothing else is.
	f.sync(b, plain)
	if got := b.text(one, 11); got != "پس از پشتیبان" {
		t.Errorf("after syncing it shows %q, want «پس از پشتیبان»", got)
	}
	f.same(b, plain)
	b.save(two, formPlace, plain, map[uint32]syncproto.Value{11: text("ادامه")})
	f.sync(b, plain)
	f.same(b, plain)
	if _, known := f.changes[lost.ID]; known {
		t.Error("the lost change arrived from nowhere")
	}
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	// Opening it again is no reason for yet another log.
	b.reopenStore()
	if logs, err = b.Logs(ctx); err != nil || len(logs) != 2 {
		t.Errorf("after opening again: %d logs, %v, want 2", len(logs), err)
	}
}

// The copy may be opened and closed without being unlocked; the decision must
// not be forgotten, though the side file is the only witness.
func TestOldCopyIsRememberedWhileLocked(t *testing.T) {
	b := newBox(t)
	id := b.newRecord()
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := b.BackupTo(ctx, backup); err != nil {
		t.Fatal(err)
	}
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.putBack(backup)
	s, err := Open(ctx, b.opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(b.opt.Path + headSuffix); err != nil {
		t.Fatal(err)
	}
	b.openAt(b.opt.Path)
	if logs, err := b.Logs(ctx); err != nil || len(logs) != 2 {
		t.Errorf("%d logs, %v, want a second one", len(logs), err)
	}
}

func TestSideFile(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, path string)
		logs int
	}{
		{"left alone", func(*testing.T, string) {}, 1},
		{"absent", func(t *testing.T, path string) { check(t, os.Remove(path+headSuffix)) }, 1},
		{"torn", func(t *testing.T, path string) { check(t, os.Truncate(path+headSuffix, 40)) }, 1},
		{"of a dead battery, one change behind", func(t *testing.T, path string) {
			log, _, _, _ := readSide(path)
			check(t, os.WriteFile(path+headSuffix, appendSide(log, 0, syncproto.ChainStart(log)), 0o600))
		}, 1},
		{"ahead", func(t *testing.T, path string) {
			log, seq, head, _ := readSide(path)
			check(t, os.WriteFile(path+headSuffix, appendSide(log, seq+1, head), 0o600))
		}, 2},
		{"of another history", func(t *testing.T, path string) {
			log, seq, _, _ := readSide(path)
			check(t, os.WriteFile(path+headSuffix, appendSide(log, seq, syncproto.Hash{1}), 0o600))
		}, 2},
		{"of an unknown log", func(t *testing.T, path string) {
			check(t, os.WriteFile(path+headSuffix, appendSide(syncproto.LogID{1}, 1, syncproto.Hash{1}), 0o600))
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			id := b.newRecord()
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ب")})
			check(t, b.Close())
			c.do(t, b.opt.Path)
			b.openAt(b.opt.Path)
			logs, err := b.Logs(ctx)
			check(t, err)
			if len(logs) != c.logs {
				t.Errorf("%d logs, want %d", len(logs), c.logs)
			}
			if got := b.text(id, 10); got != "ب" {
				t.Errorf("shows %q, want «ب»", got)
			}
			if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
				t.Errorf("check: %v, %v", problems, err)
			}
			b.reopenStore()
			if logs, err = b.Logs(ctx); err != nil || len(logs) != c.logs {
				t.Errorf("opened again: %d logs, %v, want %d", len(logs), err, c.logs)
			}
		})
	}
}

// A link in the side file's place is left alone, and so is what it leads to.
func TestSideFileIsALink(t *testing.T) {
	b := newBox(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	check(t, b.Close())
	precious := filepath.Join(t.TempDir(), "precious")
	check(t, os.WriteFile(precious, []byte("another program's"), 0o600))
	check(t, os.Remove(b.opt.Path+headSuffix))
	if err := os.Symlink(precious, b.opt.Path+headSuffix); err != nil {
		t.Skip("no links here:", err)
	}
	b.openAt(b.opt.Path)
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ب")})
	if got := b.text(id, 10); got != "ب" {
		t.Errorf("shows %q, want «ب»", got)
	}
	if got, err := os.ReadFile(precious); err != nil || string(got) != "another program's" {
		t.Errorf("the file that the link leads to holds %q, %v", got, err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCloneGoesOnUnderANewLog: the whole folder, side file included, is copied
// to a second phone; both write the same sequence, and the server tells one.
func TestCloneGoesOnUnderANewLog(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id, both := b.newRecord(), b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("رسیده")})
	f.sync(b, plain)
	check(t, b.Close())
	dir := t.TempDir()
	copyStore(t, b.opt.Path, dir)
	b.openAt(b.opt.Path)

	clone := &box{TB: t, clock: b.clock, opt: b.opt, n: 100}
	clone.opt.Rand = seeded("the clone's")
	clone.openAt(filepath.Join(dir, "device.db"))
	t.Cleanup(func() { clone.Store.Close() })

	b.save(both, formPlace, plain, map[uint32]syncproto.Value{10: text("از گوشی نخست")})
	mine := clone.save(clone.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("از رونوشت")})
	f.sync(b, plain)

	logs, err := clone.Logs(ctx)
	check(t, err)
	old := logs[0]
	if old.HeadSeq != 2 || f.held[old.Log] != 2 {
		t.Fatalf("clone stands at %d, server holds %d, want 2 and 2", old.HeadSeq, f.held[old.Log])
	}
	check(t, clone.Fork(ctx, syncproto.LogID{}, "another copy writes this log"))
	logs, err = clone.Logs(ctx)
	check(t, err)
	if len(logs) != 2 || logs[0].HeadSeq != 0 || logs[1].HeadSeq != 2 || logs[0].Log == logs[1].Log {
		t.Fatalf("clone's logs: %+v, want both changes in a new one", logs)
	}
	st, err := clone.ReadBatch(ctx, syncproto.LogID{}, 1, 10, 1<<20)
	check(t, err)
	if again := st.Changes[1]; again.ID != mine.ID || string(again.HeaderBytes) != string(mine.HeaderBytes) || string(again.OpsBytes) != string(mine.OpsBytes) {
		t.Error("the re-issued change is not the same bytes")
	}
	for _, d := range []*box{clone, b} {
		f.sync(d, plain)
		f.same(d, plain)
		if problems, err := d.Check(ctx); err != nil || len(problems) != 0 {
			t.Errorf("check: %v, %v", problems, err)
		}
	}
}

// TestClonesAddDifferentItems: two copies of a database that add a list item
// under the same sequence of the same log have added two.
func TestClonesAddDifferentItems(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.sync(b, plain)
	dir := t.TempDir()
	copyStore(t, b.opt.Path, dir)
	clone := &box{TB: t, clock: b.clock, opt: b.opt, n: 100}
	clone.opt.Rand = seeded("the clone's")
	clone.openAt(filepath.Join(dir, "device.db"))
	t.Cleanup(func() { clone.Store.Close() })
	add := func(d *box) (at At, item syncproto.ItemID) {
		_, err := d.Append(ctx, func(where At) (Saving, error) {
			at, item = where, where.NewItem(where.Seq, 0)
			put := syncproto.Op{Kind: syncproto.OpItemPut, Critical: true, Field: 24, Item: item, Value: syncproto.None()}
			return Saving{Changes: []NewChange{{Header: syncproto.Header{Verb: syncproto.VerbEdit, Record: id, Form: formPlace, Scope: plain, Author: author}, Ops: []syncproto.Op{put}}}}, nil
		})
		check(t, err)
		return at, item
	}
	at, one := add(b)
	atClone, other := add(clone)
	if at.Log != atClone.Log || at.Seq != atClone.Seq {
		t.Fatalf("saved at %d of %v and %d of %v, want the same place", at.Seq, at.Log, atClone.Seq, atClone.Log)
	}
	if one == other {
		t.Errorf("both items have the id %v", one)
	}
	f.sync(b, plain)
	check(t, clone.Fork(ctx, syncproto.LogID{}, "another copy writes this log"))
	f.sync(clone, plain)
	f.sync(b, plain)
	for _, d := range []*box{b, clone} {
		h, err := d.State(ctx, id)
		check(t, err)
		for _, item := range []syncproto.ItemID{one, other} {
			if h.State.Cells[syncproto.CellKey{Field: 24, Item: item}] == nil {
				t.Errorf("item %v is missing", item)
			}
		}
	}
}

// TestServerPutBack: the server loses its last day; the device sends it again.
func TestServerPutBack(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id, late := b.newRecord(), b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("در پشتیبان")})
	f.sync(b, plain)
	logs, err := b.Logs(ctx)
	check(t, err)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 1))

	old := newServer(t)
	old.era = syncproto.EraID{2}
	first, err := b.ReadBatch(ctx, logs[0].Log, 1, 1, 1<<20)
	check(t, err)
	ch, err := wire.OpenChange(first.Changes[0].HeaderBytes, first.Changes[0].Secret, first.Changes[0].OpsBytes)
	check(t, err)
	old.take(ch)
	old.held[logs[0].Log] = 1

	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("پس از پشتیبان")})
	b.save(late, formPlace, plain, map[uint32]syncproto.Value{10: text("رکورد تازه")})
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("از دیگری، گم‌شده")})
	f.sync(b, plain)
	f.same(b, plain)

	// A session with the old server: it holds one change, and its scope is
	// loaded anew.
	err = b.SetReceived(ctx, syncproto.LogID{}, 1)
	check(t, err)
	q, err := b.Queue(ctx)
	check(t, err)
	if q.Changes != 2 {
		t.Errorf("queue: %d changes, want the 2 that the server lost", q.Changes)
	}
	check(t, b.ResetCursor(ctx, plain))
	show := func(when string) {
		t.Helper()
		if got := b.text(id, 10) + "/" + b.text(id, 11) + "/" + b.text(late, 10); got != "در پشتیبان/پس از پشتیبان/رکورد تازه" {
			t.Errorf("%s: shows %q", when, got)
		}
	}
	show("before the load")
	if a := old.catchUp(b, nil, plain); len(a.Differ) != 0 {
		t.Errorf("scopes that differ: %v, want none", a.Differ)
	}
	show("after the load, before sending again")
	old.sync(b, plain)
	show("after sending again")
	old.same(b, plain)
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
}

func TestTwoProcessesAndOtherFiles(t *testing.T) {
	b := newBox(t)
	b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	if _, err := Open(ctx, b.opt); !errors.Is(err, ErrInUse) {
		t.Errorf("second opening: got %v, want ErrInUse", err)
	}
	if _, err := Create(ctx, b.opt, Setup{Credentials: []Credential{{KeyFile: keyFile}}}); !errors.Is(err, ErrExists) {
		t.Errorf("creating over it: got %v, want ErrExists", err)
	}
	gone := b.opt
	gone.Path += ".none"
	if _, err := Open(ctx, gone); !errors.Is(err, ErrNotFound) {
		t.Errorf("opening nothing: got %v, want ErrNotFound", err)
	}
	for _, c := range []struct {
		name, script string
		want         error
	}{
		{"newer", fmt.Sprintf("PRAGMA user_version = %d", 99), ErrNewer},
		{"foreign", "PRAGMA application_id = 5", ErrForeign},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
			if _, err := b.db.write.Exec(c.script); err != nil {
				t.Fatal(err)
			}
			check(t, b.Close())
			before := digestOf(t, b.opt.Path)
			if _, err := Open(ctx, b.opt); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if digestOf(t, b.opt.Path) != before {
				t.Error("the file was changed")
			}
		})
	}
	t.Run("no database", func(t *testing.T) {
		opt := b.opt
		opt.Path = filepath.Join(t.TempDir(), "x.db")
		check(t, os.WriteFile(opt.Path, make([]byte, 8192), 0o600))
		if _, err := Open(ctx, opt); !errors.Is(err, ErrForeign) && !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v, want ErrForeign or ErrCorrupt", err)
		}
	})
}

func digestOf(t testing.TB, path string) [32]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	return sha256.Sum256(b)
}

func TestBootAndUptime(t *testing.T) {
	b := newBox(t)
	where := func() (a At) {
		t.Helper()
		_, err := b.Append(ctx, func(at At) (Saving, error) { a = at; return Saving{}, errors.New("only looking") })
		if err == nil {
			t.Fatal("no error")
		}
		return a
	}
	if a := where(); a.Boot != 1 || a.Uptime != uint64(time.Hour.Milliseconds()) || a.Corrected {
		t.Errorf("at first: %+v", a)
	}
	b.clock.pass(time.Hour)
	check(t, b.NoteServerTime(ctx, b.clock.now.Add(30*time.Second)))
	b.clock.pass(time.Hour)
	b.reopenStore()
	if a := where(); a.Boot != 1 || !a.Corrected || a.Correction != 30_000 {
		t.Errorf("same boot, half a minute behind the server: %+v", a)
	}
	b.clock.up = time.Minute
	b.reopenStore()
	if a := where(); a.Boot != 2 || a.Uptime != uint64(time.Minute.Milliseconds()) {
		t.Errorf("after a boot: %+v", a)
	}
	if got, want := b.Lived(), 3*time.Hour+time.Minute; got != want {
		t.Errorf("lived %v, want %v", got, want)
	}
	last, ahead, ok, err := b.ServerTime(ctx)
	if err != nil || !ok || ahead != 30*time.Second || !last.Equal(time.Date(2026, 11, 21, 9, 0, 30, 0, time.UTC)) {
		t.Errorf("server time: %v, %v, %v, %v", last, ahead, ok, err)
	}
}
