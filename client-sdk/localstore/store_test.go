package localstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"modernc.org/sqlite"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// testClock stands still until it is moved.
type testClock struct {
	now time.Time
	up  time.Duration
}

func (c *testClock) Now() time.Time        { return c.now }
func (c *testClock) Uptime() time.Duration { return c.up }

func (c *testClock) pass(d time.Duration) { c.now, c.up = c.now.Add(d), c.up+d }

func newClock() *testClock {
	return &testClock{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), up: time.Hour}
}

// seeded is a reader of pseudo-random bytes.
func seeded(seed string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(seed))) }

var ctx = context.Background()

// testForms is a package of one form with every shape the index reads.
func testForms(t testing.TB) *schemas.Package {
	t.Helper()
	pkg, err := schemas.Load(os.DirFS("testdata/forms"))
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

const (
	formPlace  = 1 // the form place: names 10 (fa), 11 (note)
	formMember = 2 // the form member: place 10, name 11, since 12, kind 13
)

var (
	plain   = syncproto.ScopeOf(syncproto.PlaceID{1}, "plain")
	persons = syncproto.ScopeOf(syncproto.PlaceID{1}, "persons")
	author  = syncproto.PersonID{7}
)

var keyFile = []byte("0123456789abcdef0123456789abcdef")

// box is a device under test: what survives a restart, and its open store.
type box struct {
	testing.TB
	*Store
	clock *testClock
	opt   Options
	n     uint64
}

func newBox(t testing.TB) *box { return newBoxWith(t, nil) }

func newBoxWith(t testing.TB, options func(*Options)) *box {
	t.Helper()
	clock := newClock()
	b := &box{TB: t, clock: clock, opt: Options{Path: filepath.Join(t.TempDir(), "device.db"), Clock: clock,
		Rand: seeded(t.Name()), Packages: testForms(t)}}
	if options != nil {
		options(&b.opt)
	}
	s, err := Create(ctx, b.opt, Setup{Identity: Identity{Person: author, Scopes: []syncproto.ScopeID{plain, persons}},
		Credentials: []Credential{{Person: author, KeyFile: keyFile}}})
	if err != nil {
		t.Fatal(err)
	}
	b.Store = s
	t.Cleanup(func() { b.Store.Close() })
	return b
}

// onCommit calls f at every commit of the writing connection.
func (b *box) onCommit(f func()) error {
	c, err := b.db.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Raw(func(driver any) error {
		driver.(*conn).fullConn.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { f(); return 0 })
		return nil
	})
}

// reopenStore closes the store and opens it again, unlocked.
func (b *box) reopenStore() {
	b.Helper()
	if err := b.Close(); err != nil {
		b.Fatal(err)
	}
	b.openAt(b.opt.Path)
}

func (b *box) openAt(path string) {
	b.Helper()
	b.opt.Path = path
	s, err := Open(ctx, b.opt)
	if err != nil {
		b.Fatal(err)
	}
	b.Store = s
	if err := s.Unlock(ctx, Credential{KeyFile: keyFile}); err != nil {
		b.Fatal(err)
	}
}

func (b *box) newRecord() syncproto.RecordID {
	b.n++
	var id syncproto.RecordID
	binary.BigEndian.PutUint64(id[:], b.n)
	id[15] = 1
	return id
}

// save edits a record: fields by number; nil Text clears.
func (b *box) save(id syncproto.RecordID, form uint32, scope syncproto.ScopeID, fields map[uint32]syncproto.Value) *syncproto.Change {
	b.Helper()
	ch, err := b.trySave(id, form, scope, fields)
	if err != nil {
		b.Fatal(err)
	}
	return ch
}

func (b *box) trySave(id syncproto.RecordID, form uint32, scope syncproto.ScopeID, fields map[uint32]syncproto.Value) (*syncproto.Change, error) {
	b.Helper()
	h, err := b.State(ctx, id)
	if err != nil {
		return nil, err
	}
	made, err := b.Append(ctx, func(At) (Saving, error) {
		return Saving{Changes: []NewChange{edit(h.State, id, form, scope, author, fields)}}, nil
	})
	if err != nil {
		return nil, err
	}
	return made[0], nil
}

// edit makes a change on what is shown in a state.
func edit(s *syncproto.RecordState, id syncproto.RecordID, form uint32, scope syncproto.ScopeID, by syncproto.PersonID, fields map[uint32]syncproto.Value) NewChange {
	n := NewChange{Header: syncproto.Header{Verb: syncproto.VerbEdit, Record: id, Form: form, Scope: scope, Author: by, Base: s.Latest}}
	if !s.Exists() {
		n.Header.Verb = syncproto.VerbCreate
	}
	n.Ops = append(n.Ops, merge.Presence(s, by, true, false))
	for f, v := range fields {
		k := syncproto.CellKey{Field: f}
		n.Ops = append(n.Ops, syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: f, Names: merge.Look(s, k).Shown, Value: v})
	}
	return n
}

// text returns what a field of a record shows.
func (b *box) text(id syncproto.RecordID, field uint32) string {
	b.Helper()
	h, err := b.State(ctx, id)
	if err != nil {
		b.Fatal(err)
	}
	s, _ := merge.Look(h.State, syncproto.CellKey{Field: field}).Value.AsText()
	return s
}

func text(s string) syncproto.Value { return syncproto.Text(s) }

func TestSaveAndReopen(t *testing.T) {
	b := newBox(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("محلهٔ گلستان")})
	b.clock.pass(time.Minute)
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("کنار رودخانه")})
	for _, when := range []string{"at once", "after closing", "after closing again"} {
		if got, want := b.text(id, 10), "محلهٔ گلستان"; got != want {
			t.Errorf("%s: name is %q, want %q", when, got, want)
		}
		if got, want := b.text(id, 11), "کنار رودخانه"; got != want {
			t.Errorf("%s: note is %q, want %q", when, got, want)
		}
		l, err := b.List(ctx, Filter{Form: formPlace})
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Rows) != 1 || l.Rows[0].Title != "محلهٔ گلستان" || l.Rows[0].Sync != SyncPending {
			t.Errorf("%s: list is %+v, want one pending row with the name", when, l.Rows)
		}
		b.reopenStore()
	}
	logs, err := b.Logs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(logs) != 1 || logs[0].HeadSeq != 2 {
		t.Errorf("logs are %+v, want one with two changes", logs)
	}
}

func TestLockedStoreShowsNothing(t *testing.T) {
	b := newBox(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	if err := b.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := b.State(ctx, id); !errors.Is(err, ErrLocked) {
		t.Errorf("reading a locked store: got %v, want ErrLocked", err)
	}
	if _, err := b.List(ctx, Filter{}); !errors.Is(err, ErrLocked) {
		t.Errorf("listing a locked store: got %v, want ErrLocked", err)
	}
	if _, err := b.Append(ctx, func(At) (Saving, error) { return Saving{}, nil }); !errors.Is(err, ErrLocked) {
		t.Errorf("saving into a locked store: got %v, want ErrLocked", err)
	}
	if q, err := b.Queue(ctx); err != nil || q.Changes != 1 {
		t.Errorf("queue of a locked store: got %+v, %v, want one change", q, err)
	}
}
