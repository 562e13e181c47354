package sqlitestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"mahalleh/server/store"
	"mahalleh/server/store/storetest"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{Path: path})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// newStore opens an empty store; when the test is over it is closed, opened
// again, and checked from end to end.
func newStore(t testing.TB) *Store {
	t.Helper()
	s := openAt(t, filepath.Join(t.TempDir(), "server.db"))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		s := openAt(t, s.path)
		wantSound(t, s)
		if err := s.Close(); err != nil {
			t.Errorf("close again: %v", err)
		}
	})
	return s
}

func wantSound(t testing.TB, s *Store) Report {
	t.Helper()
	rep, err := s.Check(context.Background())
	if err != nil {
		t.Errorf("check: %v", err)
	}
	for _, p := range rep.Problems {
		t.Errorf("check: %s", p)
	}
	return rep
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return newStore(t) })
}

func TestContractWhenFunctionsRunAgain(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	for n := range 3 {
		kept := *d
		err := storetest.Twice(s).Update(t.Context(), func(tx store.Tx) error {
			*d = kept
			return d.save(tx, n, "x")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if rep := wantSound(t, s); rep.Records != 3 || rep.Entries != 3 {
		t.Errorf("report is %+v, want 3 records and entries", rep)
	}
}

func fakeID(what string, n int) [16]byte {
	h := syncproto.Commit([16]byte{}, fmt.Appendf(nil, "%s %d", what, n))
	return [16]byte(h[:])
}

// device saves records as the server does for a device: change, entry, log,
// record, scope.
type device struct {
	log   syncproto.LogID
	seq   uint64
	chain syncproto.Hash
	// scopes is over how many scopes its records are spread.
	scopes int
	// whole gathers entries into one run.
	whole bool
	run   []store.Entry
}

func newDevice(n int) *device {
	log := syncproto.LogID(fakeID("log", n))
	return &device{log: log, chain: syncproto.ChainStart(log), scopes: 3}
}

func recordID(n int) syncproto.RecordID {
	r := fakeID("record", n)
	r[0], r[1], r[2] = byte(n>>16), byte(n>>8), byte(n)
	return r
}

func (d *device) save(tx store.Tx, n int, text string) error {
	place := syncproto.PlaceID(fakeID("place", n%d.scopes))
	home := syncproto.ScopeOf(place, "plain")
	author := syncproto.PersonID(fakeID("person", n%7))
	d.seq++
	ch, err := wire.NewChange(syncproto.Header{
		Verb: syncproto.VerbEdit, Record: recordID(n), Form: 3, Package: 1, Scope: home, OriginLog: d.log, OriginSeq: d.seq,
		Author: author, Time: int64(d.seq),
	}, fakeID("secret", int(d.seq)), []syncproto.Op{{Kind: syncproto.OpSet, Field: 10, Value: syncproto.Text(text)}})
	if err != nil {
		return err
	}
	if _, err := tx.Outcome(ch.ID); !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("change %s is there already: %w", ch.ID, err)
	}
	scope, err := tx.LockScope(home)
	if errors.Is(err, store.ErrNotFound) {
		scope, err = store.Scope{ID: home, Place: place, Compartment: "plain"}, nil
	}
	if err != nil {
		return err
	}
	rec, err := tx.Record(recordID(n))
	switch {
	case errors.Is(err, store.ErrNotFound):
		rec.State = syncproto.NewRecordState(recordID(n))
		rec.State.Form, rec.State.Created, rec.State.Home = 3, ch.ID, home
		scope.Count++
	case err != nil:
		return err
	default:
		scope.Sum = syncproto.SumSub(scope.Sum, rec.Hash)
	}
	scope.Position++
	s := rec.State
	s.Latest, s.Position = ch.ID, scope.Position
	s.Number++
	s.Versions[ch.ID] = syncproto.VersionMeta{Author: author, Time: int64(d.seq)}
	s.Cells[syncproto.CellKey{Field: 10}] = &syncproto.Cell{Position: s.Position, Candidates: []syncproto.Candidate{{Version: ch.ID, Value: syncproto.Text(text)}}}
	s.Prune()
	rec.Hash = wire.StateHash(s)
	scope.Sum = syncproto.SumAdd(scope.Sum, rec.Hash)
	if err := tx.PutRecord(rec); err != nil {
		return err
	}
	if err := tx.PutScope(scope); err != nil {
		return err
	}
	order, err := tx.NextOrder()
	if err != nil {
		return err
	}
	err = tx.PutChange(store.Change{
		ID: ch.ID, Record: recordID(n), Scope: home, Author: author, Device: fakeID("device", 1), Log: d.log, Seq: d.seq,
		Bytes: wire.AppendChange(nil, ch), Received: 5, Order: order,
		Result: syncproto.Result{Change: ch.ID, Outcome: syncproto.Applied, Scope: home, Position: scope.Position,
			Cells: []syncproto.CellResult{{Cell: syncproto.CellKey{Field: 10}, Reason: syncproto.ReasonPlain}}},
	})
	if err != nil {
		return err
	}
	d.chain = syncproto.ChainNext(d.chain, ch.HeaderBytes)
	if d.run = append(d.run, store.Entry{Seq: d.seq, Change: ch.ID, Chain: d.chain}); !d.whole {
		if err := tx.AppendEntries(d.log, d.run); err != nil {
			return err
		}
		d.run = nil
	}
	return tx.PutLog(store.Log{ID: d.log, Device: fakeID("device", 1), Received: d.seq, Head: d.chain})
}

// save runs save in a transaction of its own; on an error the device is as it
// was before.
func save(t testing.TB, s *Store, d *device, n int, text string) error {
	t.Helper()
	kept := *d
	err := s.Update(context.Background(), func(tx store.Tx) error { return d.save(tx, n, text) })
	if err != nil {
		*d = kept
	}
	return err
}

func saveAll(t testing.TB, s *Store, d *device, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := save(t, s, d, n, "x"); err != nil {
			t.Fatalf("save %d: %v", n, err)
		}
	}
}

// saveRun saves records in one transaction, with their entries in one run.
func saveRun(t testing.TB, s *Store, d *device, from, to int) {
	t.Helper()
	err := s.Update(context.Background(), func(tx store.Tx) error {
		d.whole = true
		for n := from; n < to; n++ {
			if err := d.save(tx, n, "x"); err != nil {
				return err
			}
		}
		err := tx.AppendEntries(d.log, d.run)
		d.whole, d.run = false, nil
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pragma(t *testing.T, c *conn, name string) (value string) {
	t.Helper()
	err := c.one("PRAGMA "+name, func(r *row) error { value = fmt.Sprint(r.v[0]); return nil })
	if err != nil {
		t.Fatalf("pragma %s: %v", name, err)
	}
	return value
}

// TestEveryConnectionSyncsFully holds every kind of connection there is against
// the promise that an acknowledged change is on disk.
func TestEveryConnectionSyncsFully(t *testing.T) {
	s := newStore(t)
	saveAll(t, s, newDevice(1), 0, 2)
	check := func(name string, c *conn) {
		t.Helper()
		for pragmaName, want := range map[string]string{
			"synchronous": "2", "journal_mode": "wal", "fullfsync": "1", "checkpoint_fullfsync": "1", "secure_delete": "1",
		} {
			if got := pragma(t, c, pragmaName); got != want {
				t.Errorf("%s: %s is %s, want %s", name, pragmaName, got, want)
			}
		}
	}
	check("writer", s.writer)
	var readers []*conn
	for range cap(s.readers) {
		c, err := s.borrow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check("reader", c)
		if got := pragma(t, c, "query_only"); got != "1" {
			t.Errorf("reader: query_only is %s", got)
		}
		readers = append(readers, c)
	}
	for _, c := range readers {
		s.giveBack(c)
	}
	if got := pragma(t, s.writer, "wal_autocheckpoint"); got != strconv.Itoa(walBackstopPages) {
		t.Errorf("wal_autocheckpoint is %s", got)
	}
	if got := pragma(t, s.writer, "journal_size_limit"); got != strconv.Itoa(walKeepBytes) {
		t.Errorf("journal_size_limit is %s", got)
	}
	s.writer.dead = true
	saveAll(t, s, newDevice(2), 5, 6)
	check("writer after a disk error", s.writer)
}

func TestOpenAgain(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	saveAll(t, s, d, 0, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(s.path + name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("closing leaves %s behind", name)
		}
	}
	again := openAt(t, s.path)
	saveAll(t, again, d, 3, 9)
	if rep := wantSound(t, again); rep.Records != 9 || rep.Changes != 11 {
		t.Errorf("report is %+v, want 9 records and 11 changes", rep)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage string
		want   error
		text   string
	}{
		{"a newer schema", "PRAGMA user_version = 99", store.ErrNewer, "schema is number 99"},
		{"another program's database", "PRAGMA application_id = 7", errForeign, "not a Mahalleh"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "server.db")
			s := openAt(t, path)
			if err := s.writer.script(c.damage); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), Options{Path: path})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.text)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the refused database was changed")
			}
		})
	}
	t.Run("no database at all", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "server.db")
		if err := os.WriteFile(path, bytes.Repeat([]byte("letter to a friend\n"), 300), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), Options{Path: path}); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("got %v, want store.ErrCorrupt", err)
		}
	})
	t.Run("a VFS that is not there", func(t *testing.T) {
		if _, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "x.db"), VFS: "nowhere"}); err == nil {
			t.Error("opened")
		}
	})
}

func TestPathsThatLookLikeURLs(t *testing.T) {
	for _, name := range []string{"a b?c=d#e.db", "100%41.db", "پرونده.db"} {
		dir := t.TempDir()
		s := openAt(t, filepath.Join(dir, name))
		saveAll(t, s, newDevice(1), 0, 1)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The child of TestTwoProcesses: it opens the database that the variable
// names, and stays until its input ends.
const childVariable = "MAHALLEH_TEST_HOLD"

func TestMain(m *testing.M) {
	path := os.Getenv(childVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	s, err := Open(context.Background(), Options{Path: path})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s // The process ends without closing it.
	os.Exit(0)
}

func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.db")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+path)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 6)
	if _, err := io.ReadFull(out, line); err != nil || string(line) != "ready\n" {
		rest, _ := io.ReadAll(out)
		t.Fatalf("child says %q (%v)", append(line, rest...), err)
	}
	_, err = Open(t.Context(), Options{Path: path})
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(child.Process.Pid)) {
		t.Errorf("got %v, want store.ErrInUse that names process %d", err, child.Process.Pid)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
	// The system gave the lock back.
	s := openAt(t, path)
	if _, err := Open(t.Context(), Options{Path: path}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("twice in one process: got %v, want store.ErrInUse", err)
	}
	wantSound(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadersDoNotWrite(t *testing.T) {
	s := newStore(t)
	err := s.view(t.Context(), func(r *reader) error {
		_, err := r.c.exec("INSERT INTO meta (key, value) VALUES ('x', NULL)")
		return err
	})
	if err == nil {
		t.Error("a view wrote")
	}
}

// TestErasedBytesAreGone looks for a text in the database's file after it was
// erased: not even in free pages may it be left.
func TestErasedBytesAreGone(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	secret := strings.Repeat("very private ", 700)
	if err := save(t, s, d, 1, secret); err != nil {
		t.Fatal(err)
	}
	saveAll(t, s, d, 2, 30)
	err := s.Update(t.Context(), func(tx store.Tx) error {
		list, err := tx.History(recordID(1))
		if err != nil {
			return err
		}
		for _, c := range list {
			ch, err := wire.DecodeChange(c.Bytes)
			if err != nil {
				return err
			}
			c.Bytes = wire.AppendChange(nil, &syncproto.Change{HeaderBytes: ch.HeaderBytes})
			c.Result.Outcome = syncproto.Erased
			if err := tx.PutChange(c); err != nil {
				return err
			}
		}
		rec, err := tx.Record(recordID(1))
		if err != nil {
			return err
		}
		scope, err := tx.LockScope(rec.State.Home)
		if err != nil {
			return err
		}
		scope.Position++
		scope.Count--
		scope.Sum = syncproto.SumSub(scope.Sum, rec.Hash)
		stone := syncproto.NewRecordState(recordID(1))
		stone.Form, stone.Home, stone.Position, stone.Erased = 3, scope.ID, scope.Position, true
		return errors.Join(tx.PutRecord(store.Record{State: stone}), tx.PutScope(scope))
	})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := s.Checkpoint(t.Context()); err != nil || !f.Truncated {
		t.Fatalf("checkpoint: %+v, %v", f, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("very private")) {
		t.Error("the erased text is still in the file")
	}
}

func TestCheckpoint(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	size := func() int64 {
		fi, err := os.Stat(s.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return fi.Size()
	}
	saveAll(t, s, d, 0, 50)
	if size() == 0 {
		t.Error("saves folded the write-ahead log themselves")
	}
	// A reader in the middle keeps the file, but nobody waits.
	err := s.View(t.Context(), func(r store.Reader) error {
		saveAll(t, s, d, 50, 55)
		f, err := s.Checkpoint(t.Context())
		if f.Truncated || f.Folded >= f.Pages {
			t.Errorf("with a reader behind: %+v", f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// So does a writer.
	err = s.Update(t.Context(), func(store.Tx) error {
		f, err := s.Checkpoint(t.Context())
		if f.Truncated || f.Folded != f.Pages {
			t.Errorf("with a writer at work: %+v", f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Checkpoint(t.Context())
	if err != nil || !f.Truncated || size() != 0 {
		t.Errorf("idle: %+v, %v, %d bytes left", f, err, size())
	}
	saveAll(t, s, d, 55, 60)
	wantSound(t, s)
}

// TestNobodyElseReads: database, write-ahead log and its map are the owner's
// alone from the beginning, not only once the database was opened again, and so is
// a copy, not only once it is whole.
func TestNobodyElseReads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("rights are another matter there")
	}
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Path: filepath.Join(dir, "s.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutMeta("x", []byte("y")) }); err != nil {
		t.Fatal(err)
	}
	if err := s.copyInto(t.Context(), filepath.Join(dir, "copy.db")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s.db", "s.db-wal", "s.db-shm", "copy.db"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the rights %o", name, info.Mode().Perm())
		}
	}
}

// What the connections keep in memory is told, the writer's and the readers'.
func TestCacheIsTold(t *testing.T) {
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "server.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutMeta("a", []byte("b")) }); err != nil {
		t.Fatal(err)
	}
	written := s.Cache()
	if err := s.View(t.Context(), func(r store.Reader) error { _, err := r.Meta("a"); return err }); err != nil {
		t.Fatal(err)
	}
	if read := s.Cache(); written <= 0 || read <= written {
		t.Errorf("%d bytes after a commit and %d after a reader", written, read)
	}
}
