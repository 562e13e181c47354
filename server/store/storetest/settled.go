package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// settled is what a snapshot says of what hardly ever changes, so that a backend
// may be tempted to remember it.
func settled(r store.Reader) string {
	device, derr := r.Device(id("device", 1))
	people, perr := r.DevicePeople(id("device", 1))
	person, err := r.Person(id("person", 1))
	serial, serr := r.GrantSerial()
	era, eerr := r.LastEra()
	_, scope := r.Scope(scopeID(1))
	_, log := r.Log(id("log", 1))
	for _, err := range []error{derr, perr, err, serr, eerr, scope, log} {
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			panic(err)
		}
	}
	return fmt.Sprint(device.Name, len(people), person.Name, serial, era.Opened, scope == nil, log == nil)
}

// testSettled changes each of these, and asks before and after it in the
// transaction, after one that failed, in a snapshot from before, and in a new one.
func testSettled(t *testing.T, s store.Store) {
	b := newBook(1)
	steps := []func(tx store.Tx) error{
		func(tx store.Tx) error { return tx.AddEra(store.Era{ID: id("era", 1), Opened: 1}) },
		func(tx store.Tx) error { return tx.PutPerson(store.Person{ID: id("person", 1), Name: "مریم"}) },
		func(tx store.Tx) error {
			return tx.PutDevice(store.Device{ID: id("device", 1), Noise: [32]byte{1}, Name: "گوشی"})
		},
		func(tx store.Tx) error { return tx.AddDevicePerson(id("device", 1), id("person", 1)) },
		func(tx store.Tx) error {
			return tx.PutGrant(store.Grant{Person: id("person", 1), Place: id("place", 1), Role: "facilitator", Serial: 7})
		},
		func(tx store.Tx) error { addScope(tx, 1); return nil },
		func(tx store.Tx) error { return tx.PutLog(b.row()) },
		func(tx store.Tx) error { return tx.AddDevicePerson(id("device", 1), id("person", 2)) },
		func(tx store.Tx) error { return tx.PutPerson(store.Person{ID: id("person", 1), Name: "زهرا"}) },
		func(tx store.Tx) error {
			return tx.PutDevice(store.Device{ID: id("device", 1), Noise: [32]byte{1}, Name: "دیگری"})
		},
		func(tx store.Tx) error {
			return tx.PutGrant(store.Grant{Person: id("person", 1), Place: id("place", 1), Role: "facilitator", Serial: 8, Revoked: 9})
		},
		func(tx store.Tx) error { return tx.AddEra(store.Era{ID: id("era", 2), Opened: 2}) },
	}
	now := func() (said string) {
		view(t, s, func(r store.Reader) { said = settled(r) })
		return said
	}
	for i, step := range steps {
		before := now()
		var within string
		no := errors.New("no")
		err := s.Update(t.Context(), func(tx store.Tx) error {
			if got := settled(tx); got != before {
				t.Errorf("step %d: the transaction begins with %s, want %s", i, got, before)
			}
			must(step(tx))
			within = settled(tx)
			return no
		})
		if !errors.Is(err, no) || within == before {
			t.Errorf("step %d: got %v and %s, want another answer within than %s", i, err, within, before)
		}
		if got := now(); got != before {
			t.Errorf("step %d: after a transaction that failed %s, want %s", i, got, before)
		}
		// Of two snapshots from before one has asked already.
		view(t, s, func(asked store.Reader) {
			settled(asked)
			view(t, s, func(fresh store.Reader) {
				must(s.Update(t.Context(), step))
				for name, r := range map[string]store.Reader{"asked": asked, "fresh": fresh} {
					if got := settled(r); got != before {
						t.Errorf("step %d: a snapshot from before (%s) says %s, want %s", i, name, got, before)
					}
				}
				if got := now(); got != within {
					t.Errorf("step %d: afterwards %s, want %s", i, got, within)
				}
			})
		})
		if got := now(); got != within {
			t.Errorf("step %d: afterwards %s, want %s", i, got, within)
		}
	}
	// What comes out belongs to the caller.
	view(t, s, func(r store.Reader) {
		for range 2 {
			got := must1(r.DevicePeople(id("device", 1)))
			clear(got)
		}
		if got := must1(r.DevicePeople(id("device", 1))); reflect.DeepEqual(got, make([]syncproto.PersonID, 2)) {
			t.Error("who shares a device was overwritten by a caller")
		}
	})
}
