package hub_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// trap is a store in which the hub's work fails at a chosen place.
type trap struct {
	store.Store
	// at is called before a row is read or written; it may panic, or give the
	// error to answer with.
	at func(what string, id [16]byte) error
	// dead stores answer nothing any more, like those of a process that is gone.
	dead bool
	// blind stores show nothing outside of transactions.
	blind bool
}

func (s *trap) View(ctx context.Context, f func(store.Reader) error) error {
	if s.blind {
		return errDead
	}
	return s.Store.View(ctx, f)
}

var errDead = errors.New("the process is gone")

func (s *trap) Update(ctx context.Context, f func(store.Tx) error) error {
	if s.dead {
		return errDead
	}
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(&trapTx{tx, s}) })
}

func (s *trap) reach(what string, id [16]byte) error {
	if s.at == nil {
		return nil
	}
	return s.at(what, id)
}

type trapTx struct {
	store.Tx
	s *trap
}

func (t *trapTx) Record(id syncproto.RecordID) (store.Record, error) {
	if err := t.s.reach("read record", id); err != nil {
		return store.Record{}, err
	}
	return t.Tx.Record(id)
}

func (t *trapTx) RecordsByID(ids []syncproto.RecordID) ([]store.Record, error) {
	for _, id := range ids {
		if err := t.s.reach("read record", id); err != nil {
			return nil, err
		}
	}
	return t.Tx.RecordsByID(ids)
}

func (t *trapTx) Decisions(id syncproto.ChangeID) ([]store.Quarantine, error) {
	if err := t.s.reach("look at what waits", id); err != nil {
		return nil, err
	}
	return t.Tx.Decisions(id)
}

func (t *trapTx) PutRecord(r store.Record) error {
	if err := t.s.reach("write record", r.State.Latest); err != nil {
		return err
	}
	return t.Tx.PutRecord(r)
}

func (t *trapTx) NextOrder() (uint64, error) {
	if err := t.s.reach("number a change", [16]byte{}); err != nil {
		return 0, err
	}
	return t.Tx.NextOrder()
}

// trapped opens the hub anew over a trap.
func (b *bench) trapped() *trap {
	b.t.Helper()
	b.close()
	s := &trap{}
	b.wrap = func(inner store.Store) store.Store { s.Store = inner; return s }
	b.open()
	return s
}

// panicAt makes the hub's work panic at a row of this id.
func panicAt(what string, id [16]byte) func(string, [16]byte) error {
	return func(w string, at [16]byte) error {
		if w == what && at == id {
			panic(fmt.Sprintf("%s %x", what, id))
		}
		return nil
	}
}

func (b *bench) row(id syncproto.ChangeID) store.Change {
	b.t.Helper()
	var row store.Change
	if err := b.store.View(b.ctx, func(r store.Reader) (err error) { row, err = r.Change(id); return err }); err != nil {
		b.t.Fatal(err)
	}
	return row
}

func (b *bench) wantOutcome(id syncproto.ChangeID, want syncproto.Outcome, why syncproto.Reason) {
	b.t.Helper()
	if got := b.row(id).Result; got.Outcome != want || got.Reason != why {
		b.t.Errorf("change %s is %s (reason %d), want %s (%d)", id, got.Outcome, got.Reason, want, why)
	}
}

// One bad change is set aside; those before and after it go on.
func TestPanicSetsItsChangeAside(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a := b.phone(1, "facilitator")
	for n := byte(9); n < 12; n++ {
		a.save(syncproto.NewRecordState(syncproto.RecordID{n}), newAsset("سالن"))
	}
	trap.at = panicAt("read record", syncproto.RecordID{10})
	got := a.mustPush(1)
	same(t, outcomes(got), []syncproto.Outcome{syncproto.Applied, syncproto.Quarantined, syncproto.Applied})
	if r := got.Results[1].Result.Reason; r != syncproto.ReasonMalformed {
		t.Errorf("reason %d, want malformed", r)
	}
}

// A panic while a parked child is applied is the child's, not the create's that
// freed it.
func TestPanicWhileUnparkingIsTheChilds(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	create := a.save(s, newAsset("سالن"))
	seen := syncproto.NewRecordState(s.Record)
	if _, err := merge.Apply(seen, create, nil); err != nil {
		t.Fatal(err)
	}
	bad := c.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	good := c.save(seen, map[string]schemas.Value{"capacity_value": schemas.IntValue(80)})
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Parked, syncproto.Parked})
	trap.at = panicAt("look at what waits", bad.ID)
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Applied})
	b.wantOutcome(bad.ID, syncproto.Quarantined, syncproto.ReasonMalformed)
	if o := b.row(good.ID).Result.Outcome; o != syncproto.Applied && o != syncproto.Merged {
		t.Errorf("the other child is %s", o)
	}
}

// What fails when the record is written at the end is blamed on the newest
// change of that record; the next run goes on without it.
func TestPanicWhilePlacingIsTheNewestChanges(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	create := a.save(s, newAsset("سالن"))
	seen := syncproto.NewRecordState(s.Record)
	if _, err := merge.Apply(seen, create, nil); err != nil {
		t.Fatal(err)
	}
	bad := a.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	a.save(syncproto.NewRecordState(syncproto.RecordID{10}), newAsset("زمین"))
	trap.at = panicAt("write record", bad.ID)
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Applied, syncproto.Quarantined, syncproto.Applied})
	if n := b.record(s.Record).State.Number; n != 1 {
		t.Errorf("version %d of the record, want 1", n)
	}
}

// A panic that no change can be blamed for fails the batch, and not the server.
func TestPanicOfNobodyFailsTheBatchAlone(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a := b.phone(1, "facilitator")
	a.save(syncproto.NewRecordState(syncproto.RecordID{9}), newAsset("سالن"))
	trap.at = func(what string, _ [16]byte) error {
		if what == "write record" {
			panic("whatever is written")
		}
		return nil
	}
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined})
	_, err := b.hub.Office(b.ctx, a.person, syncproto.RecordID{11}, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		return hub.OfficeEdit{Verb: syncproto.VerbCreate, Form: 12, Package: 1, Scope: b.scope("plain"), Ops: []syncproto.Op{merge.Presence(s, a.person, true, false)}}, nil
	})
	if err == nil {
		t.Error("an office write that panics is told as done")
	}
	trap.at = nil
	a.save(syncproto.NewRecordState(syncproto.RecordID{12}), newAsset("زمین"))
	same(t, outcomes(a.mustPush(2)), []syncproto.Outcome{syncproto.Applied})
}

// A parked row that cannot be read any more does not hold up its create.
func TestUnreadableParkedRowIsSetAside(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	create := a.save(s, newAsset("سالن"))
	seen := syncproto.NewRecordState(s.Record)
	if _, err := merge.Apply(seen, create, nil); err != nil {
		t.Fatal(err)
	}
	child := c.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Parked})
	row := b.row(child.ID)
	row.Bytes = row.Bytes[:len(row.Bytes)-3]
	b.update(func(tx store.Tx) error { return tx.PutChange(row) })
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Applied})
	b.wantOutcome(child.ID, syncproto.Quarantined, syncproto.ReasonMalformed)
}

// A record whose row is damaged keeps the changes of other records waiting for
// nothing; its own are set aside whole.
func TestDamagedRecordStopsNobody(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	seen := b.record(s.Record).State
	a.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	a.save(syncproto.NewRecordState(syncproto.RecordID{10}), newAsset("زمین"))
	trap.at = func(what string, id [16]byte) error {
		if what == "read record" && id == s.Record {
			return fmt.Errorf("record %s: %w", s.Record, store.ErrCorrupt)
		}
		return nil
	}
	same(t, outcomes(a.mustPush(2)), []syncproto.Outcome{syncproto.Quarantined, syncproto.Applied})
}

// A change at which the process dies, whatever kills it, is set aside without
// being looked at once that has happened three times.
func TestChangeThatKillsTheProcessIsSetAside(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a := b.phone(1, "facilitator")
	for n := byte(9); n < 13; n++ {
		a.save(syncproto.NewRecordState(syncproto.RecordID{n}), newAsset("سالن"))
	}
	kills := func(what string, id [16]byte) error {
		if what == "read record" && id == [16]byte{11} {
			trap.dead = true
			return errDead
		}
		return nil
	}
	deaths := 0
	for ; deaths < 10; deaths++ {
		trap.at = kills
		if got, err := a.push(1); err == nil {
			same(t, outcomes(got), []syncproto.Outcome{syncproto.Applied, syncproto.Applied, syncproto.Quarantined, syncproto.Applied})
			break
		}
		b.reopen(trap)
	}
	if deaths < 3 || deaths > 5 {
		t.Errorf("the process died %d times", deaths)
	}
}

// reopen starts the process anew after its death.
func (b *bench) reopen(trap *trap) {
	b.t.Helper()
	b.close()
	trap.at, trap.dead = nil, false
	b.open()
}

// What stands at a change's turn without being its fault, such as an outage at
// that very moment, leaves no trace.
func TestDeathsElsewhereBlameNobody(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a := b.phone(1, "facilitator")
	for n := range 6 {
		a.save(syncproto.NewRecordState(syncproto.RecordID{byte(9 + n)}), newAsset("سالن"))
		trap.dead = true
		if _, err := a.push(uint64(n + 1)); err == nil {
			t.Fatal("a dead process answered")
		}
		b.reopen(trap)
		same(t, outcomes(a.mustPush(uint64(n+1))), []syncproto.Outcome{syncproto.Applied})
	}
}
