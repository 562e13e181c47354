package storetest

import (
	"reflect"
	"slices"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func testChanges(t *testing.T, s store.Store) {
	b := newBook(1)
	var c store.Change
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		var e store.Entry
		c, e = b.change(recordID(1), scopeID(1), "x")
		_, err := tx.Change(c.ID)
		wantMissing(t, "change", err)
		_, err = tx.Outcome(c.ID)
		wantMissing(t, "outcome", err)
		must(tx.PutChange(c))
		must(tx.AppendEntries(b.log, []store.Entry{e}))
		must(tx.PutLog(b.row()))
		if got := must1(tx.Change(c.ID)); !reflect.DeepEqual(got, c) {
			t.Errorf("in the transaction: got %+v, want %+v", got, c)
		}
	})
	view(t, s, func(r store.Reader) {
		if got := must1(r.Change(c.ID)); !reflect.DeepEqual(got, c) {
			t.Errorf("got %+v, want %+v", got, c)
		}
		if got := must1(r.Outcome(c.ID)); got != syncproto.Parked {
			t.Errorf("outcome is %s, want parked", got)
		}
	})
	// Redacted, moved to another scope and applied: all of the row is replaced.
	update(t, s, func(tx store.Tx) {
		ch := must1(wire.DecodeChange(c.Bytes))
		ch.Secret, ch.OpsBytes, ch.Ops = [16]byte{}, nil, nil
		c.Bytes = wire.AppendChange(nil, ch)
		c.Scope, c.Order = scopeID(2), must1(tx.NextOrder())
		c.Result = syncproto.Result{Change: c.ID, Outcome: syncproto.Erased, Scope: scopeID(3), Position: 4}
		must(tx.PutChange(c))
	})
	view(t, s, func(r store.Reader) {
		if got := must1(r.Change(c.ID)); !reflect.DeepEqual(got, c) {
			t.Errorf("replaced: got %+v, want %+v", got, c)
		}
	})
	// A change of which nothing is known but its id, and which holds no bytes.
	bare := store.Change{ID: id("change", 1), Result: syncproto.Result{Change: id("change", 1), Outcome: syncproto.Quarantined, Reason: syncproto.ReasonMalformed}}
	raw := store.Change{ID: id("change", 2), Bytes: []byte("no change at all"), Result: syncproto.Result{Change: id("change", 2), Outcome: syncproto.Quarantined, Reason: syncproto.ReasonMalformed}}
	update(t, s, func(tx store.Tx) { must(tx.PutChange(bare)); must(tx.PutChange(raw)) })
	view(t, s, func(r store.Reader) {
		for _, want := range []store.Change{bare, raw} {
			if got := must1(r.Change(want.ID)); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	})
}

// put writes a change with its entry and the log's row.
func put(tx store.Tx, b *book, record syncproto.RecordID, scope syncproto.ScopeID, o syncproto.Outcome, order uint64) syncproto.ChangeID {
	c, e := b.change(record, scope, "x")
	c.Result = syncproto.Result{Change: c.ID, Outcome: o}
	c.Order = order
	must(tx.PutChange(c))
	must(tx.AppendEntries(b.log, []store.Entry{e}))
	must(tx.PutLog(b.row()))
	return c.ID
}

// Asking for many at once answers as asking for each does, however many they
// are, and whichever are not there.
func testTogether(t *testing.T, s store.Store) {
	b := newBook(1)
	const there = 150
	var changes []syncproto.ChangeID
	var records []syncproto.RecordID
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		for i := range there {
			changes = append(changes, put(tx, b, recordID(i), scopeID(1), syncproto.Applied, must1(tx.NextOrder())))
			records = append(records, recordID(i))
			apply(tx, newState(recordID(i), scopeID(1), "x"), 0)
		}
	})
	view(t, s, func(r store.Reader) {
		for _, n := range []int{0, 1, 2, 7, 8, 9, 63, 64, 65, 128, 130, there} {
			asked, of := slices.Clone(changes[:n]), slices.Clone(records[:n])
			if n > 2 {
				asked = append(asked, id("change", 1))
				of = append(of, recordID(9999))
			}
			got := map[syncproto.ChangeID]store.Change{}
			for _, c := range must1(r.Changes(asked)) {
				got[c.ID] = c
			}
			states := map[syncproto.RecordID]store.Record{}
			for _, rec := range must1(r.RecordsByID(of)) {
				states[rec.State.Record] = rec
			}
			if len(got) != n || len(states) != n {
				t.Errorf("of %d changes and records %d and %d are there", n, len(got), len(states))
			}
			for i := range n {
				if want := must1(r.Change(changes[i])); !reflect.DeepEqual(got[changes[i]], want) {
					t.Errorf("change %d of %d: got %+v, want %+v", i, n, got[changes[i]], want)
				}
				if want := must1(r.Record(records[i])); !reflect.DeepEqual(states[records[i]], want) {
					t.Errorf("record %d of %d: got %+v, want %+v", i, n, states[records[i]], want)
				}
			}
		}
	})
}

func idsOf(list []store.Change) []syncproto.ChangeID {
	ids := []syncproto.ChangeID{}
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	return ids
}

func testHistory(t *testing.T, s store.Store) {
	b := newBook(1)
	var waiting1, waiting2, late, first, aside syncproto.ChangeID
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		if a, b := must1(tx.NextOrder()), must1(tx.NextOrder()); a == 0 || b <= a {
			t.Errorf("orders are %d, %d, want ascending from 1", a, b)
		}
		waiting1 = put(tx, b, recordID(1), scopeID(1), syncproto.Parked, 0)
		late = put(tx, b, recordID(1), scopeID(1), syncproto.Parked, 0)
		put(tx, b, recordID(2), scopeID(1), syncproto.Applied, must1(tx.NextOrder()))
		first = put(tx, b, recordID(1), scopeID(1), syncproto.Applied, must1(tx.NextOrder()))
		aside = put(tx, b, recordID(1), scopeID(1), syncproto.Quarantined, 0)
		waiting2 = put(tx, b, recordID(1), scopeID(1), syncproto.Parked, 0)
	})
	update(t, s, func(tx store.Tx) {
		c := must1(tx.Change(late))
		c.Result.Outcome, c.Order = syncproto.Merged, must1(tx.NextOrder())
		must(tx.PutChange(c))
	})
	view(t, s, func(r store.Reader) {
		want := []syncproto.ChangeID{first, late, waiting1, aside, waiting2}
		if got := idsOf(must1(r.History(recordID(1)))); !slices.Equal(got, want) {
			t.Errorf("history is %v, want %v", got, want)
		}
		want = []syncproto.ChangeID{waiting1, waiting2}
		for _, of := range [][]syncproto.RecordID{{recordID(1)}, {recordID(9), recordID(2), recordID(1)}} {
			if got := idsOf(must1(r.Waiting(of, syncproto.Parked))); !slices.Equal(got, want) {
				t.Errorf("waiting of %v are %v, want %v", of, got, want)
			}
		}
		if got := must1(r.Waiting([]syncproto.RecordID{recordID(2)}, syncproto.Parked)); len(got) != 0 {
			t.Errorf("waiting of another record are %v", got)
		}
		if got := must1(r.History(recordID(9))); len(got) != 0 {
			t.Errorf("history of an unknown record is %v", got)
		}
	})
}

func testByOutcome(t *testing.T, s store.Store) {
	b := newBook(1)
	var q []syncproto.ChangeID
	var applied []syncproto.ChangeID
	update(t, s, func(tx store.Tx) {
		for n := range 3 {
			addScope(tx, n)
		}
		for n := range 9 {
			q = append(q, put(tx, b, recordID(n), scopeID(n%3), syncproto.Quarantined, 0))
			put(tx, b, recordID(n), scopeID(n%3), syncproto.Parked, 0)
			applied = append(applied, put(tx, b, recordID(n), scopeID(n%3), syncproto.Applied, must1(tx.NextOrder())))
		}
	})
	view(t, s, func(r store.Reader) {
		for _, c := range []struct {
			name    string
			outcome syncproto.Outcome
			scopes  []syncproto.ScopeID
			after   syncproto.ChangeID
			max     int
			want    []syncproto.ChangeID
		}{
			{"all", syncproto.Quarantined, nil, syncproto.ChangeID{}, 100, q},
			{"first page", syncproto.Quarantined, nil, syncproto.ChangeID{}, 4, q[:4]},
			{"second page", syncproto.Quarantined, nil, q[3], 4, q[4:8]},
			{"last page", syncproto.Quarantined, nil, q[7], 4, q[8:]},
			{"after the last", syncproto.Quarantined, nil, q[8], 4, nil},
			{"after a change of another outcome", syncproto.Quarantined, nil, applied[6], 100, q[7:]},
			{"two scopes", syncproto.Quarantined, []syncproto.ScopeID{scopeID(2), scopeID(0)}, syncproto.ChangeID{}, 3, []syncproto.ChangeID{q[0], q[2], q[3]}},
			{"no scope", syncproto.Quarantined, []syncproto.ScopeID{}, syncproto.ChangeID{}, 100, nil},
			{"unknown scope", syncproto.Quarantined, []syncproto.ScopeID{scopeID(8)}, syncproto.ChangeID{}, 100, nil},
			{"applied ones", syncproto.Applied, nil, applied[0], 2, applied[1:3]},
			{"none of them", syncproto.Rejected, nil, syncproto.ChangeID{}, 100, nil},
		} {
			got := idsOf(must1(r.ByOutcome(c.outcome, c.scopes, c.after, c.max)))
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, got, c.want)
			}
		}
		_, err := r.ByOutcome(syncproto.Quarantined, nil, id("change", 99), 10)
		wantMissing(t, "after an unknown change", err)
	})
}

func testSetAside(t *testing.T, s store.Store) {
	b, other := newBook(1), newBook(2)
	var mine []syncproto.ChangeID
	update(t, s, func(tx store.Tx) {
		addScope(tx, 0)
		for n := range 4 {
			for _, o := range []syncproto.Outcome{syncproto.Quarantined, syncproto.Conflicted, syncproto.Parked, syncproto.Erased} {
				id := put(tx, b, recordID(n), scopeID(0), o, 0)
				put(tx, other, recordID(n), scopeID(0), o, 0)
				if o != syncproto.Conflicted {
					mine = append(mine, id)
				}
			}
		}
	})
	view(t, s, func(r store.Reader) {
		if got := idsOf(must1(r.SetAside(b.device, 100))); !slices.Equal(got, mine) {
			t.Errorf("got %v, want %v", got, mine)
		}
		if got := idsOf(must1(r.SetAside(b.device, 3))); !slices.Equal(got, mine[:3]) {
			t.Errorf("three of them: got %v, want %v", got, mine[:3])
		}
		if got := must1(r.SetAside(syncproto.DeviceID{99}, 100)); len(got) != 0 {
			t.Errorf("of an unknown device: got %v", got)
		}
	})
}

func testDecisions(t *testing.T, s store.Store) {
	list := []store.Quarantine{
		{Change: id("change", 1), Decision: "kept", By: id("person", 1), At: 9, Note: "یادداشت"},
		{Change: id("change", 1), Decision: "corrected", By: id("person", 2), At: 3, Instead: id("change", 2)},
	}
	update(t, s, func(tx store.Tx) {
		for _, q := range list {
			must(tx.PutDecision(q))
		}
	})
	view(t, s, func(r store.Reader) {
		if got := must1(r.Decisions(id("change", 1))); !reflect.DeepEqual(got, list) {
			t.Errorf("decisions are %+v, want %+v", got, list)
		}
		if got := must1(r.Decisions(id("change", 2))); len(got) != 0 {
			t.Errorf("decisions about another change are %+v", got)
		}
	})
}
