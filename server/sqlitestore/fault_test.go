package sqlitestore

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"

	"mahalleh/server/store"
)

// TestDiskFull lets the database grow no further: the error is ErrFull, what
// was acknowledged stays readable, and with room again saving goes on.
func TestDiskFull(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	saveAll(t, s, d, 0, 20)
	limit := func(pages string) {
		t.Helper()
		if err := s.writer.script("PRAGMA max_page_count = " + pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // which SQLite raises to what is there
	saved := 20
	var err error
	for err == nil && saved < 1000 {
		if err = save(t, s, d, saved, "some more text than usual"); err == nil {
			saved++
		}
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("after %d records: got %v, want store.ErrFull", saved, err)
	}
	// A caller that passes over the error gets it at the end.
	kept := *d
	err = s.Update(t.Context(), func(tx store.Tx) error {
		for n := range 200 {
			_ = d.save(tx, 2000+n, "x")
		}
		return nil
	})
	*d = kept
	if !errors.Is(err, store.ErrFull) {
		t.Errorf("error passed over: got %v, want store.ErrFull", err)
	}
	err = s.View(t.Context(), func(r store.Reader) error {
		list, err := r.Records(store.Filter{Max: 2000})
		if len(list) != saved {
			t.Errorf("%d records can be read, want %d", len(list), saved)
		}
		return err
	})
	if err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	wantSound(t, s)
	limit("1000000")
	saveAll(t, s, d, saved, saved+20)
	if rep := wantSound(t, s); rep.Records != int64(saved+20) {
		t.Errorf("%d records, want %d", rep.Records, saved+20)
	}
}

// fault makes COMMIT fail on the connections of a store.
type fault struct {
	driver.Connector
	// code is the result code of the next COMMIT, 0 for none; after says that
	// it fails when its work is done.
	code  int
	after bool
}

type (
	faultConn struct {
		driver.Conn
		f *fault
	}
	faultStmt struct {
		driver.Stmt
		f      *fault
		commit bool
	}
	faultError struct{ code int }
)

func (e faultError) Error() string { return fmt.Sprintf("made to fail (%d)", e.code) }
func (e faultError) Code() int     { return e.code }

func (f *fault) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := f.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &faultConn{c, f}, nil
}

func (c *faultConn) Prepare(sql string) (driver.Stmt, error) {
	st, err := c.Conn.Prepare(sql)
	if err != nil {
		return nil, err
	}
	return &faultStmt{st, c.f, sql == "COMMIT"}, nil
}

func (s *faultStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	code := s.f.code
	if !s.commit || code == 0 {
		return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	}
	s.f.code = 0
	if s.f.after {
		if _, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args); err != nil {
			return nil, err
		}
	}
	return nil, faultError{code}
}

func (s *faultStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// Extended result codes.
const (
	ioerrFsync = 1034
	ioerrWrite = 778
	corrupt    = 11
	full       = 13
	ioerrShm   = 4874
)

// TestCommitFails makes the last step of a save fail, before and after it took
// effect. Nothing is acknowledged; the connection is not used again unless only
// the disk was full; nothing that was acknowledged is lost; the same save,
// tried again, finds out what became of it.
func TestCommitFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		code  int
		after bool
		want  error
		again bool // a new connection
	}{
		{"sync fails", ioerrFsync, false, store.ErrDisk, true},
		{"sync fails, but the bytes arrive", ioerrFsync, true, store.ErrDisk, true},
		{"write fails", ioerrWrite, false, store.ErrDisk, true},
		{"a page is damaged", corrupt, false, store.ErrCorrupt, true},
		{"disk is full", full, false, store.ErrFull, false},
		{"no room for the map of the log", ioerrShm, false, store.ErrFull, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "server.db")
			base, err := sqlite.NewConnector(dsn(path, "", nil))
			if err != nil {
				t.Fatal(err)
			}
			f := &fault{Connector: base}
			s, err := open(t.Context(), Options{}, path, f)
			if err != nil {
				t.Fatal(err)
			}
			d := newDevice(1)
			saveAll(t, s, d, 0, 3)
			before := s.writer
			f.code, f.after = c.code, c.after
			if err := save(t, s, d, 3, "x"); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			err = save(t, s, d, 3, "x")
			if c.after == (err == nil) {
				t.Errorf("tried again: %v; had it arrived: %t", err, c.after)
			}
			if c.after {
				d.seq, d.chain = headOf(t, s, d)
			}
			if (s.writer != before) != c.again {
				t.Errorf("new connection: %t, want %t", s.writer != before, c.again)
			}
			saveAll(t, s, d, 4, 6)
			if rep := wantSound(t, s); rep.Records != 6 || rep.Changes != 6 {
				t.Errorf("report is %+v, want 6 records and changes", rep)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func headOf(t *testing.T, s *Store, d *device) (seq uint64, chain [32]byte) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		log, err := r.Log(d.log)
		seq, chain = log.Received, log.Head
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return seq, chain
}

// TestAcknowledgedIsGone has the disk lose transactions that were acknowledged:
// the store says so and writes no more, for what it would tell devices is false.
func TestAcknowledgedIsGone(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	saveAll(t, s, d, 0, 3)
	s.commits += 2
	s.writer.dead = true
	for range 2 {
		if err := save(t, s, d, 3, "x"); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("got %v, want store.ErrCorrupt", err)
		}
	}
	err := s.View(t.Context(), func(r store.Reader) error { _, err := r.Record(recordID(1)); return err })
	if err != nil {
		t.Errorf("what is there cannot be read: %v", err)
	}
}

// TestReaderAfterDiskError has a reading connection die: the next view opens
// another.
func TestReaderAfterDiskError(t *testing.T) {
	s := newStore(t)
	saveAll(t, s, newDevice(1), 0, 2)
	for range 10 {
		err := s.view(t.Context(), func(r *reader) error { return r.c.note(faultError{ioerrWrite}) })
		if !errors.Is(err, store.ErrDisk) {
			t.Errorf("got %v, want store.ErrDisk", err)
		}
	}
	err := s.View(t.Context(), func(r store.Reader) error { _, err := r.Record(recordID(1)); return err })
	if err != nil {
		t.Errorf("after disk errors: %v", err)
	}
}

// shot is what lies on disk at one moment.
type shot struct {
	db, wal []byte
	saved   int
}

func takeShot(t *testing.T, s *Store, saved int) shot {
	t.Helper()
	db, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(s.path + "-wal")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return shot{db, wal, saved}
}

// open puts the files into a new folder and opens them, as after a crash.
func (x shot) open(t *testing.T) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.db")
	for name, b := range map[string][]byte{path: x.db, path + "-wal": x.wal} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return openAt(t, path)
}

// TestCrashAtEveryCommit takes the files as they lie on disk after every
// commit, with the write-ahead log folded back now and then, and opens each
// copy: it holds exactly what was acknowledged, and is sound.
func TestCrashAtEveryCommit(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	var shots []shot
	for n := range 24 {
		if err := save(t, s, d, n%9, fmt.Sprint("text ", n)); err != nil {
			t.Fatal(err)
		}
		shots = append(shots, takeShot(t, s, n+1))
		if n%7 == 3 {
			if _, err := s.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			shots = append(shots, takeShot(t, s, n+1))
		}
	}
	for i, x := range shots {
		c := x.open(t)
		if rep := wantSound(t, c); rep.Changes != int64(x.saved) || c.commits != int64(x.saved) {
			t.Errorf("shot %d: %d changes, %d commits, want %d", i, rep.Changes, c.commits, x.saved)
		}
		again := *newDevice(1)
		again.seq, again.chain = headOf(t, c, d)
		saveAll(t, c, &again, 100, 102)
		wantSound(t, c)
		if err := c.Close(); err != nil {
			t.Errorf("shot %d: close: %v", i, err)
		}
	}
}

// TestCrashInsideACommit cuts the write-ahead log short at many places: what
// opens is a whole number of saves from the front.
func TestCrashInsideACommit(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	saveAll(t, s, d, 0, 3)
	if _, err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	saveAll(t, s, d, 3, 9)
	x := takeShot(t, s, 9)
	last := int64(3)
	const cuts = 40
	for i := range cuts + 1 {
		y := x
		y.wal = x.wal[:len(x.wal)*i/cuts]
		if i%4 == 3 && len(y.wal) > 100 {
			// The last page arrived garbled.
			y.wal = bytes.Clone(y.wal)
			for j := range 50 {
				y.wal[len(y.wal)-1-j] ^= 0x55
			}
		}
		c := y.open(t)
		rep := wantSound(t, c)
		if rep.Changes != c.commits || rep.Changes < 3 || rep.Changes > 9 || i%4 != 3 && rep.Changes < last {
			t.Errorf("cut %d: %d changes, %d commits, after %d before", i, rep.Changes, c.commits, last)
		}
		if i%4 != 3 {
			last = rep.Changes
		}
		if err := c.Close(); err != nil {
			t.Errorf("cut %d: close: %v", i, err)
		}
	}
	if last != 9 {
		t.Errorf("the whole log holds %d saves, want 9", last)
	}
}
