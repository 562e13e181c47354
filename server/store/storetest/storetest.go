// Package storetest holds the one suite that every backend of the server's
// store passes.
package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Run checks a backend against the contract. open makes an empty store and
// registers its closing; all that Run puts into a store is sound (headers,
// chains, sums, heads), so that open may also register a check of the whole.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, store.Store)
	}{
		{"meta and eras", testMeta},
		{"logs", testLogs},
		{"entries", testEntries},
		{"results by log", testResults},
		{"changes", testChanges},
		{"many at once", testTogether},
		{"history", testHistory},
		{"by outcome", testByOutcome},
		{"set aside", testSetAside},
		{"decisions", testDecisions},
		{"records", testRecords},
		{"listing records", testListing},
		{"pages", testPages},
		{"pages by weight", testPageWeight},
		{"marks", testMarks},
		{"moves", testMoves},
		{"scopes", testScopes},
		{"sums", testSums},
		{"places", testPlaces},
		{"people", testPeople},
		{"grants", testGrants},
		{"devices", testDevices},
		{"codes", testCodes},
		{"audit", testAudit},
		{"sign-in", testSignin},
		{"who is who in each snapshot", testSettled},
		{"slices are copied", testCopies},
		{"update is atomic", testAtomic},
		{"update that panics", testPanic},
		{"update that is cancelled", testCancel},
		{"views are snapshots", testSnapshot},
		{"transactions end", testEnded},
		{"positions have no gaps", testPositions},
		{"closing", testClose},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, open(t)) })
	}
}

// Twice wraps a store so that the function of every Update runs twice: once on
// a transaction that is thrown away, then for good. Callers are tested with it
// against the law that a function may run again.
func Twice(s store.Store) store.Store { return twice{s} }

type twice struct{ store.Store }

var errAgain = errors.New("run again")

func (s twice) Update(ctx context.Context, f func(store.Tx) error) error {
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return errAgain
	})
	if !errors.Is(err, errAgain) {
		return err
	}
	return s.Store.Update(ctx, f)
}

// id makes a made-up identity that is the same every time.
func id(what string, n int) [16]byte {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, n))
	return [16]byte(h[:16])
}

func scopeID(n int) syncproto.ScopeID { return id("scope", n) }

// recordID ascends with n, as ids made in time order do.
func recordID(n int) syncproto.RecordID {
	r := id("record", n)
	r[0], r[1] = byte(n>>8), byte(n)
	return r
}

func update(t *testing.T, s store.Store, f func(store.Tx)) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx store.Tx) error { f(tx); return nil }); err != nil {
		t.Fatalf("update: %v", err)
	}
}

// refused checks that a transaction fails; what says what happened if it did not.
func refused(t *testing.T, s store.Store, what string, f func(store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), f); err == nil {
		t.Error(what)
	}
}

func view(t *testing.T, s store.Store, f func(store.Reader)) {
	t.Helper()
	if err := s.View(t.Context(), func(r store.Reader) error { f(r); return nil }); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// must and must1 end the test's function on an error.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func must1[T any](v T, err error) T {
	must(err)
	return v
}

func wantMissing(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%s: got error %v, want store.ErrNotFound", what, err)
	}
}

// book writes a device's log.
type book struct {
	log    syncproto.LogID
	device syncproto.DeviceID
	seq    uint64
	chain  syncproto.Hash
}

func newBook(n int) *book {
	log := syncproto.LogID(id("log", n))
	return &book{log: log, device: id("device", n), chain: syncproto.ChainStart(log)}
}

// change makes the next change of the log, with its entry.
func (b *book) change(record syncproto.RecordID, scope syncproto.ScopeID, text string) (store.Change, store.Entry) {
	b.seq++
	author := syncproto.PersonID(id("person", 1))
	ch := must1(wire.NewChange(syncproto.Header{
		Verb: syncproto.VerbCreate, Record: record, Form: 7, Package: 1, Scope: scope,
		OriginLog: b.log, OriginSeq: b.seq, Author: author, Time: int64(b.seq),
	}, id("secret", int(b.seq)), []syncproto.Op{{Kind: syncproto.OpSet, Field: 10, Value: syncproto.Text(text)}}))
	row := store.Change{
		ID: ch.ID, Record: record, Scope: scope, Author: author, Device: b.device, Log: b.log, Seq: b.seq,
		Bytes: wire.AppendChange(nil, ch), Received: 1000 + int64(b.seq),
		Result: syncproto.Result{Change: ch.ID, Outcome: syncproto.Parked, Reason: syncproto.ReasonWaitsCreate},
	}
	return row, b.entry(row)
}

// entry makes the log's entry at its sequence for a change, which may stand in
// another log as well.
func (b *book) entry(c store.Change) store.Entry {
	header, _, _, err := wire.SplitChange(c.Bytes)
	must(err)
	b.chain = syncproto.ChainNext(b.chain, header)
	return store.Entry{Seq: b.seq, Change: c.ID, Chain: b.chain}
}

// row is the log's row as it stands.
func (b *book) row() store.Log {
	return store.Log{ID: b.log, Device: b.device, Cert: []byte("certificate"), Received: b.seq, Head: b.chain, LastSeen: 5}
}

// newState makes a record's state with one text.
func newState(record syncproto.RecordID, home syncproto.ScopeID, text string) *syncproto.RecordState {
	v := syncproto.ChangeID(id("version "+text, int(record[1])))
	s := syncproto.NewRecordState(record)
	s.Form, s.Created, s.Home, s.Number, s.Latest = 7, v, home, 1, v
	s.Versions[v] = syncproto.VersionMeta{Author: id("person", 1), Role: 2, Time: 99}
	s.Cells[syncproto.CellKey{Field: 10}] = &syncproto.Cell{Candidates: []syncproto.Candidate{{Version: v, Value: syncproto.Text(text)}}}
	return s
}

// addScope makes a scope at position 0.
func addScope(tx store.Tx, n int) syncproto.ScopeID {
	must(tx.PutScope(store.Scope{ID: scopeID(n), Place: id("place", n), Compartment: "plain"}))
	return scopeID(n)
}

// apply puts a record at the next position of its home, and the scope's head
// with it, as the server does.
func apply(tx store.Tx, s *syncproto.RecordState, open int) store.Record {
	home := must1(tx.LockScope(s.Home))
	old, err := tx.Record(s.Record)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		panic(err)
	case old.State.Home == s.Home:
		home.Sum = syncproto.SumSub(home.Sum, old.Hash)
		home.Count--
	default:
		left := must1(tx.LockScope(old.State.Home))
		left.Position++
		left.Sum = syncproto.SumSub(left.Sum, old.Hash)
		left.Count--
		must(tx.PutMark(store.Mark{Scope: left.ID, Position: left.Position, Record: s.Record, Kind: store.MarkLeft, To: s.Home}))
		must(tx.DropMark(s.Home, s.Record))
		must(tx.PutScope(left))
	}
	home.Position++
	home.Count++
	s.Position = home.Position
	rec := store.Record{State: s, Hash: wire.StateHash(s), Open: open}
	home.Sum = syncproto.SumAdd(home.Sum, rec.Hash)
	must(tx.PutRecord(rec))
	must(tx.PutScope(home))
	return rec
}
