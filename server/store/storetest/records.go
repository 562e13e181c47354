package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func testRecords(t *testing.T, s store.Store) {
	var want store.Record
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		_, err := tx.Record(recordID(1))
		wantMissing(t, "record", err)
		st := newState(recordID(1), scopeID(1), "text")
		st.Entered = 1
		st.Names = map[syncproto.Remembered]struct{}{{Cell: syncproto.CellKey{Field: 3}, Version: id("version", 7)}: {}}
		st.Passed = map[syncproto.CellKey][]syncproto.ChangeID{{Field: 1}: {id("version", 3)}}
		want = apply(tx, st, 2)
		if got := must1(tx.Record(recordID(1))); !reflect.DeepEqual(got, want) {
			t.Errorf("in the transaction: got %+v, want %+v", got, want)
		}
	})
	view(t, s, func(r store.Reader) {
		if got := must1(r.Record(recordID(1))); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	update(t, s, func(tx store.Tx) { want = apply(tx, newState(recordID(1), scopeID(1), "new"), 0) })
	view(t, s, func(r store.Reader) {
		if got := must1(r.Record(recordID(1))); !reflect.DeepEqual(got, want) {
			t.Errorf("replaced: got %+v, want %+v", got, want)
		}
	})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		st := newState(recordID(2), scopeID(1), "thief")
		st.Position = want.State.Position
		return tx.PutRecord(store.Record{State: st, Hash: wire.StateHash(st)})
	})
	if err == nil {
		t.Error("two records stand at one position")
	}
}

func recordsOf(list []store.Record) []syncproto.RecordID {
	ids := []syncproto.RecordID{}
	for _, r := range list {
		ids = append(ids, r.State.Record)
	}
	return ids
}

func recordIDs(ns ...int) []syncproto.RecordID {
	ids := []syncproto.RecordID{}
	for _, n := range ns {
		ids = append(ids, recordID(n))
	}
	return ids
}

func testListing(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		addScope(tx, 2)
		addScope(tx, 3)
		// Written against the order of ids: odd ones in scope 1, even in 2.
		for n := 9; n >= 1; n-- {
			st := newState(recordID(n), scopeID(2-n%2), "x")
			st.Form = uint32(7 + n%3)
			open := 0
			if n >= 7 {
				open = 1
			}
			apply(tx, st, open)
		}
	})
	view(t, s, func(r store.Reader) {
		both := []syncproto.ScopeID{scopeID(1), scopeID(2)}
		for _, c := range []struct {
			name   string
			filter store.Filter
			want   []syncproto.RecordID
		}{
			{"all", store.Filter{Max: 100}, recordIDs(1, 2, 3, 4, 5, 6, 7, 8, 9)},
			{"first page", store.Filter{Max: 4}, recordIDs(1, 2, 3, 4)},
			{"second page", store.Filter{Max: 4, After: recordID(4)}, recordIDs(5, 6, 7, 8)},
			{"after an id between", store.Filter{Max: 2, After: syncproto.RecordID{0, 4, 255, 255, 255, 255}}, recordIDs(5, 6)},
			{"one scope", store.Filter{Max: 100, Scopes: both[1:]}, recordIDs(2, 4, 6, 8)},
			{"two scopes, a page", store.Filter{Max: 3, Scopes: both, After: recordID(5)}, recordIDs(6, 7, 8)},
			{"a scope without records", store.Filter{Max: 3, Scopes: []syncproto.ScopeID{scopeID(3)}}, nil},
			{"an unknown scope", store.Filter{Max: 3, Scopes: []syncproto.ScopeID{scopeID(4)}}, nil},
			{"no scope", store.Filter{Max: 3, Scopes: []syncproto.ScopeID{}}, nil},
			{"a form", store.Filter{Max: 100, Form: 8}, recordIDs(1, 4, 7)},
			{"a form in a scope", store.Filter{Max: 100, Form: 8, Scopes: both[:1]}, recordIDs(1, 7)},
			{"conflicts", store.Filter{Max: 100, Conflicts: true}, recordIDs(7, 8, 9)},
			{"conflicts in a scope", store.Filter{Max: 1, Conflicts: true, Scopes: both[:1], After: recordID(7)}, recordIDs(9)},
		} {
			if got := recordsOf(must1(r.Records(c.filter))); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, got, c.want)
			}
		}
		var got []syncproto.RecordID
		must(r.Each(scopeID(1), func(id syncproto.RecordID, hash [16]byte) error {
			// Another question in the middle of the walk is allowed.
			if rec := must1(r.Record(id)); rec.Hash != hash {
				t.Errorf("hash of %s is %x, want %x", id, hash, rec.Hash)
			}
			got = append(got, id)
			return nil
		}))
		if want := recordIDs(1, 3, 5, 7, 9); !slices.Equal(got, want) {
			t.Errorf("each: got %v, want %v", got, want)
		}
		calls := 0
		err := r.Each(scopeID(1), func(syncproto.RecordID, [16]byte) error { calls++; return errRefused })
		if err == nil || calls != 1 {
			t.Errorf("each went on after an error: %d calls, error %v", calls, err)
		}
		must(r.Each(scopeID(4), func(syncproto.RecordID, [16]byte) error { return errRefused }))
	})
}

// wantPage reads one page and compares it: records as numbers, marks as minus
// the number.
func wantPage(t *testing.T, r store.Reader, after uint64, max int, want []int, to uint64, more bool) {
	t.Helper()
	wantPageTo(t, r, after, store.ToHead, max, want, to, more)
}

func wantPageTo(t *testing.T, r store.Reader, after, upTo uint64, max int, want []int, to uint64, more bool) {
	t.Helper()
	recs, marks, gotTo, gotMore, err := r.Page(scopeID(1), after, upTo, max)
	if err != nil {
		t.Errorf("page after %d: %v", after, err)
		return
	}
	wantWhole(t, r, after, upTo, max, recs, marks, gotTo, gotMore)
	type item struct {
		at uint64
		n  int
	}
	var items []item
	for i, rec := range recs {
		if i > 0 && recs[i-1].State.Position >= rec.State.Position {
			t.Errorf("records of the page are out of order")
		}
		items = append(items, item{rec.State.Position, int(rec.State.Record[1])})
	}
	for i, m := range marks {
		if i > 0 && marks[i-1].Position >= m.Position {
			t.Errorf("marks of the page are out of order")
		}
		items = append(items, item{m.Position, -int(m.Record[1])})
	}
	slices.SortStableFunc(items, func(a, b item) int { return int(a.at) - int(b.at) })
	got := []int{}
	for _, it := range items {
		got = append(got, it.n)
	}
	if !slices.Equal(got, want) || gotTo != to || gotMore != more {
		t.Errorf("page after %d: got %v up to %d (more %t), want %v up to %d (more %t)", after, got, gotTo, gotMore, want, to, more)
	}
}

// wantWhole reads the same page for who holds nothing and compares it.
func wantWhole(t *testing.T, r store.Reader, after, upTo uint64, max int, recs []store.Record, marks []store.Mark, to uint64, more bool) {
	t.Helper()
	whole, gotMarks, gotTo, gotMore, err := r.Whole(scopeID(1), after, upTo, max)
	if err != nil {
		t.Errorf("whole records after %d: %v", after, err)
		return
	}
	var want [][]byte
	for _, rec := range recs {
		if !rec.State.Erased {
			want = append(want, wire.AppendRecord(nil, rec.State, 0))
		}
	}
	if !slices.EqualFunc(whole, want, bytes.Equal) || !slices.Equal(gotMarks, marks) || gotTo != to || gotMore != more {
		t.Errorf("whole records after %d: got %d and %d marks up to %d (more %t), want %d and %d up to %d (more %t), each as the record appended",
			after, len(whole), len(gotMarks), gotTo, gotMore, len(want), len(marks), to, more)
	}
}

func testPages(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		wantPage(t, tx, 0, 1000, []int{}, 0, false)
		for n := 1; n <= 4; n++ {
			apply(tx, newState(recordID(n), scopeID(1), "x"), 0)
		}
		wantPage(t, tx, 2, 1<<20, []int{3, 4}, 4, false)
	})
	update(t, s, func(tx store.Tx) { apply(tx, newState(recordID(2), scopeID(1), "again"), 0) })
	view(t, s, func(r store.Reader) {
		wantPage(t, r, 0, 1<<20, []int{1, 3, 4, 2}, 5, false)
		wantPage(t, r, 1, 1<<20, []int{3, 4, 2}, 5, false)
		wantPage(t, r, 4, 1<<20, []int{2}, 5, false)
		wantPage(t, r, 5, 1<<20, []int{}, 5, false)
		wantPageTo(t, r, 0, 4, 1<<20, []int{1, 3, 4}, 4, false)
		wantPageTo(t, r, 1, 2, 1<<20, []int{}, 2, false)
		wantPageTo(t, r, 0, 3, 1, []int{1}, 1, true)
		wantPageTo(t, r, 3, 3, 1<<20, []int{}, 3, false)
		wantPageTo(t, r, 3, 9, 1<<20, []int{4, 2}, 5, false)
		recs, marks, _, more, err := r.Page(scopeID(8), 0, store.ToHead, 100)
		if len(recs)+len(marks) != 0 || more || err != nil {
			t.Errorf("page of an unknown scope: %v, %v, more %t, error %v", recs, marks, more, err)
		}
	})
	// A scope whose head moved on without leaving anything.
	update(t, s, func(tx store.Tx) {
		head := must1(tx.LockScope(scopeID(1)))
		head.Position = 9
		must(tx.PutScope(head))
	})
	view(t, s, func(r store.Reader) {
		wantPage(t, r, 4, 1<<20, []int{2}, 9, false)
		wantPage(t, r, 0, 1, []int{1}, 1, true)
	})
}

func testPageWeight(t *testing.T, s store.Store) {
	const n = 12
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		for i := 1; i <= n; i++ {
			size := 1000
			if i == 5 {
				size = 20000
			}
			apply(tx, newState(recordID(i), scopeID(1), strings.Repeat("x", size)), 0)
		}
	})
	view(t, s, func(r store.Reader) {
		for _, max := range []int{-1, 0, 1, 999, 2500, 5000, 25000, 1 << 20} {
			var at uint64
			var got []int
			for more := true; more; {
				recs, _, to, m, err := r.Page(scopeID(1), at, store.ToHead, max)
				if err != nil {
					t.Fatalf("weight %d: %v", max, err)
				}
				weight := 0
				for _, rec := range recs {
					weight += len(wire.AppendStoredRecord(nil, rec.State))
					got = append(got, int(rec.State.Record[1]))
				}
				if len(recs) == 0 || weight > max && len(recs) > 1 {
					t.Errorf("weight %d: a page of %d records weighs %d", max, len(recs), weight)
				}
				if want := recs[len(recs)-1].State.Position; to != want {
					t.Errorf("weight %d: page reaches %d, its last record %d", max, to, want)
				}
				at, more = to, m
			}
			if len(got) != n || !slices.IsSorted(got) {
				t.Errorf("weight %d: pages hold %v", max, got)
			}
		}
	})
}

func testMarks(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) {
		addScope(tx, 1)
		addScope(tx, 2)
		for n := 1; n <= 4; n++ {
			apply(tx, newState(recordID(n), scopeID(1), "x"), 0)
		}
		// Erased: the stone and the mark stand at one position.
		head := must1(tx.LockScope(scopeID(1)))
		old := must1(tx.Record(recordID(2)))
		head.Position++
		head.Count--
		head.Sum = syncproto.SumSub(head.Sum, old.Hash)
		stone := syncproto.NewRecordState(recordID(2))
		stone.Form, stone.Created, stone.Home, stone.Position, stone.Erased = 7, old.State.Created, scopeID(1), head.Position, true
		must(tx.PutRecord(store.Record{State: stone}))
		must(tx.PutMark(store.Mark{Scope: scopeID(1), Position: head.Position, Record: recordID(2), Kind: store.MarkErased}))
		must(tx.PutScope(head))
	})
	view(t, s, func(r store.Reader) {
		wantPage(t, r, 0, 1<<20, []int{1, 3, 4, 2, -2}, 5, false)
		wantPage(t, r, 4, 1, []int{2, -2}, 5, false)
		_, marks, _, _, err := r.Page(scopeID(1), 4, store.ToHead, 1)
		want := []store.Mark{{Scope: scopeID(1), Position: 5, Record: recordID(2), Kind: store.MarkErased}}
		if err != nil || !reflect.DeepEqual(marks, want) {
			t.Errorf("marks are %+v (error %v), want %+v", marks, err, want)
		}
		var left []syncproto.RecordID
		must(r.Each(scopeID(1), func(id syncproto.RecordID, _ [16]byte) error { left = append(left, id); return nil }))
		if want := recordIDs(1, 3, 4); !slices.Equal(left, want) {
			t.Errorf("each passes over the erased: got %v, want %v", left, want)
		}
	})
}

func testMoves(t *testing.T, s store.Store) {
	move := func(n, to int) {
		update(t, s, func(tx store.Tx) { apply(tx, newState(recordID(n), scopeID(to), fmt.Sprint("in ", to)), 0) })
	}
	update(t, s, func(tx store.Tx) {
		for n := 1; n <= 3; n++ {
			addScope(tx, n)
		}
		for n := 1; n <= 3; n++ {
			apply(tx, newState(recordID(n), scopeID(1), "x"), 0)
		}
	})
	move(1, 2)
	view(t, s, func(r store.Reader) {
		wantPage(t, r, 0, 1<<20, []int{2, 3, -1}, 4, false)
		_, marks, _, _, err := r.Page(scopeID(1), 3, store.ToHead, 1)
		want := []store.Mark{{Scope: scopeID(1), Position: 4, Record: recordID(1), Kind: store.MarkLeft, To: scopeID(2)}}
		if err != nil || !reflect.DeepEqual(marks, want) {
			t.Errorf("marks are %+v (error %v), want %+v", marks, err, want)
		}
	})
	move(3, 2)
	move(1, 1)
	view(t, s, func(r store.Reader) { wantPage(t, r, 0, 1<<20, []int{2, -3, 1}, 6, false) })
	move(1, 3)
	// The mark that stood there first is replaced, not doubled.
	view(t, s, func(r store.Reader) {
		wantPage(t, r, 0, 1<<20, []int{2, -3, -1}, 7, false)
		if got := must1(r.Record(recordID(1))); got.State.Home != scopeID(3) || got.State.Position != 1 {
			t.Errorf("record is in %s at %d", got.State.Home, got.State.Position)
		}
	})
	update(t, s, func(tx store.Tx) {
		must(tx.PutMark(store.Mark{Scope: scopeID(1), Position: 8, Record: recordID(3), Kind: store.MarkLeft, To: scopeID(2)}))
		head := must1(tx.LockScope(scopeID(1)))
		head.Position = 8
		must(tx.PutScope(head))
		must(tx.DropMark(scopeID(7), recordID(3)))
	})
	view(t, s, func(r store.Reader) { wantPage(t, r, 0, 1<<20, []int{2, -1, -3}, 8, false) })
}
