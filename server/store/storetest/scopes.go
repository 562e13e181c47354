package storetest

import (
	"reflect"
	"slices"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func testScopes(t *testing.T, s store.Store) {
	want := store.Scope{ID: scopeID(1), Place: id("place", 1), Compartment: "harm"}
	update(t, s, func(tx store.Tx) {
		_, err := tx.Scope(scopeID(1))
		wantMissing(t, "scope", err)
		_, err = tx.LockScope(scopeID(1))
		wantMissing(t, "locked scope", err)
		must(tx.PutScope(want))
		addScope(tx, 2)
		if got := must1(tx.Scope(scopeID(1))); got != want {
			t.Errorf("in the transaction: got %+v, want %+v", got, want)
		}
		if got := must1(tx.Scopes()); len(got) != 2 {
			t.Errorf("in the transaction: %d scopes, want 2", len(got))
		}
	})
	update(t, s, func(tx store.Tx) {
		if got := must1(tx.LockScope(scopeID(1))); got != want {
			t.Errorf("locked: got %+v, want %+v", got, want)
		}
		want.Position, want.Compartment = 3, "plain"
		must(tx.PutScope(want))
		list := must1(tx.Scopes())
		if i := slices.IndexFunc(list, func(x store.Scope) bool { return x.ID == want.ID }); i < 0 || list[i] != want || len(list) != 2 {
			t.Errorf("in the transaction the scopes are %+v", list)
		}
	})
	view(t, s, func(r store.Reader) {
		if got := must1(r.Scope(scopeID(1))); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		list := must1(r.Scopes())
		byID := slices.IsSortedFunc(list, func(a, b store.Scope) int { return slices.Compare(a.ID[:], b.ID[:]) })
		if len(list) != 2 || !byID {
			t.Errorf("scopes are %+v, want two by id", list)
		}
	})
}

func testSums(t *testing.T, s store.Store) {
	sums := map[uint64][16]byte{}
	for _, step := range []int{1, 3, 1} {
		update(t, s, func(tx store.Tx) {
			if len(sums) == 0 {
				addScope(tx, 1)
			}
			for range step {
				n := int(must1(tx.Scope(scopeID(1))).Position) + 1
				apply(tx, newState(recordID(n), scopeID(1), "x"), 0)
			}
			head := must1(tx.Scope(scopeID(1)))
			sums[head.Position] = head.Sum
			if got, err := tx.SumAt(scopeID(1), head.Position); err != nil || got != head.Sum {
				t.Errorf("in the transaction: sum is %x (error %v), want %x", got, err, head.Sum)
			}
		})
	}
	view(t, s, func(r store.Reader) {
		for at, want := range sums {
			if got, err := r.SumAt(scopeID(1), at); err != nil || got != want {
				t.Errorf("sum at %d is %x (error %v), want %x", at, got, err, want)
			}
		}
		for _, at := range []uint64{2, 3, 6, 1 << 62} {
			_, err := r.SumAt(scopeID(1), at)
			wantMissing(t, "sum where no transaction ended", err)
		}
		_, err := r.SumAt(syncproto.ScopeID(id("scope", 9)), 1)
		wantMissing(t, "sum of an unknown scope", err)
	})
}
