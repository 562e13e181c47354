package localstore

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// newDiskBox is a device on a disk that can be made to fail.
func newDiskBox(t testing.TB) (*box, *disk) {
	t.Helper()
	d := newDisk(t)
	b := newBoxWith(t, func(o *Options) { o.VFS = d.name })
	return b, d
}

func TestSaveIsOneCommitAndOneSync(t *testing.T) {
	b, d := newDiskBox(t)
	commits := 0
	if err := b.onCommit(func() { commits++ }); err != nil {
		t.Fatal(err)
	}
	id := b.newRecord()
	draft := Draft{ID: DraftID{1}, Record: id, Form: formPlace, Scope: plain, Body: []byte("نیمه‌کاره")}
	if err := b.PutDraft(ctx, draft); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if i == 150 { // in an idle moment
			check(t, b.Maintain(ctx))
		}
		syncs, _ := d.count()
		was := commits
		h, err := b.State(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Append(ctx, func(At) (Saving, error) {
			return Saving{Changes: []NewChange{edit(h.State, id, formPlace, plain, author, map[uint32]syncproto.Value{10: text(fmt.Sprint("نام ", i))})},
				Drafts: []DraftID{draft.ID}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		after, _ := d.count()
		if after-syncs != 1 || commits-was != 1 {
			t.Fatalf("save %d took %d syncs and %d commits, want 1 and 1", i, after-syncs, commits-was)
		}
	}
	if all, err := b.Drafts(ctx); err != nil || len(all) != 0 {
		t.Errorf("drafts after saving: %d, %v, want none", len(all), err)
	}
}

// A group of records is saved together, or not at all.
func TestGroupIsOneCommit(t *testing.T) {
	b, d := newDiskBox(t)
	one, two := b.newRecord(), b.newRecord()
	syncs, _ := d.count()
	fresh := func(id syncproto.RecordID, scope syncproto.ScopeID, name string) NewChange {
		n := edit(syncproto.NewRecordState(id), id, formPlace, scope, author, map[uint32]syncproto.Value{10: text(name)})
		n.Header.Group = syncproto.GroupID{5}
		return n
	}
	made, err := b.Append(ctx, func(a At) (Saving, error) {
		if a.Seq != 1 || a.Boot != 1 {
			t.Errorf("place of the saving: %+v, want sequence 1 of boot 1", a)
		}
		return Saving{Changes: []NewChange{fresh(one, plain, "الف"), fresh(two, persons, "ب")}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := d.count(); after-syncs != 1 {
		t.Errorf("a group took %d syncs, want 1", after-syncs)
	}
	for i, ch := range made {
		if ch.Header.OriginSeq != uint64(i+1) || ch.Header.Group != (syncproto.GroupID{5}) {
			t.Errorf("change %d: %+v", i, ch.Header)
		}
	}
	boom := errors.New("form does not fit")
	_, err = b.Append(ctx, func(At) (Saving, error) { return Saving{}, boom })
	if !errors.Is(err, boom) {
		t.Errorf("build's error: got %v, want it passed on", err)
	}
	_, err = b.Append(ctx, func(At) (Saving, error) {
		return Saving{Changes: []NewChange{fresh(b.newRecord(), plain, "ج"), {}}}, nil
	})
	if err == nil {
		t.Error("a group with a change that cannot be encoded was saved")
	}
	if q, err := b.Queue(ctx); err != nil || q.Changes != 2 {
		t.Errorf("queue: %+v, %v, want the two of the first group", q, err)
	}
}

func TestFailedSyncIsNeverAcknowledged(t *testing.T) {
	b, d := newDiskBox(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	was := b.db
	d.set(func(d *disk) { d.failSyncs = 1 })
	if _, err := b.trySave(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ب")}); !errors.Is(err, ErrIO) {
		t.Fatalf("saving while a sync fails: got %v, want ErrIO", err)
	}
	if b.db == was {
		t.Error("the connections that saw the failure are still in use")
	}
	// The store opened the file anew: it goes on by itself, and what it shows
	// is what its log holds.
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("پ")})
	if got := b.text(id, 11); got != "پ" {
		t.Errorf("after the failure it shows %q, want «پ»", got)
	}
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	logs, err := b.Logs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(logs) != 1 {
		t.Errorf("logs: %+v, want the same one", logs)
	}
	// A disk that goes on failing closes the store, and it says so.
	d.set(func(d *disk) { d.failSyncs = 1 << 30 })
	if _, err := b.trySave(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ت")}); !errors.Is(err, ErrIO) {
		t.Errorf("saving on a dead disk: got %v, want ErrIO", err)
	}
	if _, err := b.State(ctx, id); err != nil && !errors.Is(err, ErrClosed) {
		t.Errorf("reading on a dead disk: got %v, want an answer or ErrClosed", err)
	}
	d.set(func(d *disk) { d.failSyncs = 0 })
	if err := b.Tick(ctx); err != nil {
		t.Fatalf("writing once the disk works again: %v", err)
	}
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("ج")})
	if got := b.text(id, 11); got != "ج" {
		t.Errorf("once the disk works again it shows %q, want «ج»", got)
	}
	b.reopenStore()
	if got := b.text(id, 11); got != "ج" {
		t.Errorf("after reopening it shows %q, want «ج»", got)
	}
}

func TestFullDiskKeepsWhatIsPending(t *testing.T) {
	for _, how := range []string{"no more pages", "no more bytes"} {
		t.Run(how, func(t *testing.T) {
			b, d := newDiskBox(t)
			id := b.newRecord()
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("پیش از پر شدن")})
			private, public := recoveryPair(t)
			fill := func(full bool) {
				if how == "no more bytes" {
					d.set(func(d *disk) { d.full = full })
					return
				}
				limit := 1
				if !full {
					limit = 1 << 30
				}
				if _, err := b.db.write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", limit)); err != nil {
					t.Fatal(err)
				}
			}
			fill(true)
			long := string(bytes.Repeat([]byte("بلند "), 4000))
			for range 3 {
				if _, err := b.trySave(id, formPlace, plain, map[uint32]syncproto.Value{11: text(long)}); !errors.Is(err, ErrFull) {
					t.Fatalf("saving on a full disk: got %v, want ErrFull", err)
				}
			}
			err := b.PutDraft(ctx, Draft{ID: DraftID{1}, Record: id, Form: formPlace, Scope: plain, Body: []byte(long)})
			if !errors.Is(err, ErrFull) {
				t.Errorf("storing a draft on a full disk: got %v, want ErrFull", err)
			}
			if got := b.text(id, 10); got != "پیش از پر شدن" {
				t.Errorf("on a full disk it shows %q", got)
			}
			if err := b.Lock(ctx); err != nil {
				t.Fatal(err)
			}
			if err := b.Unlock(ctx, Credential{KeyFile: keyFile}); err != nil {
				t.Fatalf("unlock on a full disk: %v", err)
			}
			var out bytes.Buffer
			if n, err := b.ExportPending(ctx, &out, public); err != nil || n != 1 {
				t.Fatalf("export on a full disk: %d, %v, want one change", n, err)
			}
			n, err := ReadExport(&out, private, func(_ *wire.LogCert, seq uint64, ch *syncproto.Change) error {
				if seq != 1 || ch.Header.Record != id || ch.Redacted() {
					t.Errorf("exported change %d: %+v", seq, ch.Header)
				}
				return nil
			})
			if err != nil || n != 1 {
				t.Errorf("reading the export: %d, %v, want one change", n, err)
			}
			fill(false)
			b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("باز جا هست")})
			if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
				t.Errorf("check: %v, %v", problems, err)
			}
		})
	}
}

func recoveryPair(t testing.TB) (*ecdh.PrivateKey, []byte) {
	t.Helper()
	seed := make([]byte, 32)
	if _, err := seeded("recovery").Read(seed); err != nil {
		t.Fatal(err)
	}
	private, err := ecdh.X25519().NewPrivateKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	return private, private.PublicKey().Bytes()
}

// TestCrashAtEveryStep takes a copy of the files before every write and sync
// of a working day and opens each: what was acknowledged by then is there,
// nothing is half there, and no sequence is used twice.
func TestCrashAtEveryStep(t *testing.T) {
	b, d := newDiskBox(t)
	f := newServer(t)
	type crash struct {
		dir     string
		acked   uint64 // changes whose Append had returned
		begun   uint64 // changes whose Append had been called
		cursor  uint64 // position that had been acknowledged
		offered uint64 // position that was being applied
	}
	var crashes []crash
	var now crash
	take := func(string) {
		c := now
		c.dir = filepath.Join(t.TempDir(), fmt.Sprint(len(crashes)))
		copyStore(t, b.opt.Path, c.dir)
		crashes = append(crashes, c)
	}
	d.set(func(d *disk) { d.before = take })
	id := b.newRecord()
	save := func(field uint32, s string) {
		now.begun++
		b.save(id, formPlace, plain, map[uint32]syncproto.Value{field: text(s)})
		now.acked++
	}
	save(10, "الف")
	save(11, "ب")
	for range 3 {
		f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("از دیگری")})
	}
	results := f.push(b)
	now.offered = f.position[plain]
	f.catchUp(b, results, plain)
	now.cursor = now.offered
	save(10, "پ")
	if err := b.SaveIndex(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	save(11, "ت")
	take("")
	d.set(func(d *disk) { d.before = nil })
	if len(crashes) < 20 {
		t.Fatalf("only %d writes and syncs seen", len(crashes))
	}
	for i, c := range crashes {
		opt := b.opt
		opt.Path, opt.VFS, opt.Rand = filepath.Join(c.dir, "device.db"), "", seeded(fmt.Sprint("crash", i))
		s, err := Open(ctx, opt)
		if err != nil {
			t.Fatalf("crash %d: %v", i, err)
		}
		if err := s.Unlock(ctx, Credential{KeyFile: keyFile}); err != nil {
			t.Fatalf("crash %d: %v", i, err)
		}
		problems, err := s.Check(ctx)
		if err != nil || len(problems) > 0 {
			t.Errorf("crash %d: check: %v, %v", i, problems, err)
		}
		logs, err := s.Logs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		last := logs[len(logs)-1]
		if len(logs) != 1 || last.HeadSeq < c.acked || last.HeadSeq > c.begun {
			t.Errorf("crash %d: %d logs, the last up to %d; want one, %d to %d", i, len(logs), last.HeadSeq, c.acked, c.begun)
		}
		scopes, err := s.Scopes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, sc := range scopes {
			if sc.Scope == plain && sc.Position != c.cursor && sc.Position != c.offered {
				t.Errorf("crash %d: cursor at %d, want %d or %d", i, sc.Position, c.cursor, c.offered)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("crash %d: close: %v", i, err)
		}
	}
}

// copyStore copies database, write-ahead log and side file, as a dead battery
// leaves them; the lock and the shared memory do not survive one.
func copyStore(t testing.TB, path, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", headSuffix} {
		b, err := os.ReadFile(path + end)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(path)+end), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
