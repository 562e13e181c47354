package storetest

import (
	"reflect"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func testSignin(t *testing.T, s store.Store) {
	person, other := id("person", 1), id("person", 2)
	i := store.Invitation{SecretHash: syncproto.Hash{1}, Person: person, Created: 1, Expires: 2}
	f := store.Factor{Person: person, Secret: []byte("twenty bytes of chaos"), Step: 3}
	list := []store.Session{
		{Token: syncproto.Hash{2}, Person: person, Made: 20, Seen: 21, Second: true, Address: "192.0.2.1", Agent: "مرورگر"},
		{Token: syncproto.Hash{3}, Person: person, Made: 10, Seen: 11},
		{Token: syncproto.Hash{4}, Person: other, Made: 5, Seen: 5},
	}
	update(t, s, func(tx store.Tx) {
		_, err := tx.Invitation(i.SecretHash)
		wantMissing(t, "invitation", err)
		_, err = tx.Factor(person)
		wantMissing(t, "second factor", err)
		_, err = tx.Session(list[0].Token)
		wantMissing(t, "session", err)
		must(tx.DropInvitations(person))
		must(tx.DropFactor(person))
		must(tx.DropSession(list[0].Token))
		must(tx.PutInvitation(i))
		must(tx.PutInvitation(store.Invitation{SecretHash: syncproto.Hash{9}, Person: other}))
		must(tx.PutFactor(store.Factor{Person: person, Secret: []byte("before")}))
		must(tx.PutFactor(f))
		for _, x := range list {
			must(tx.PutSession(store.Session{Token: x.Token, Person: x.Person}))
			must(tx.PutSession(x))
		}
	})
	i.Used = 7
	update(t, s, func(tx store.Tx) { must(tx.PutInvitation(i)) })
	view(t, s, func(r store.Reader) {
		if got := must1(r.Invitation(i.SecretHash)); got != i {
			t.Errorf("invitation is %+v, want %+v", got, i)
		}
		if got := must1(r.Factor(person)); !reflect.DeepEqual(got, f) {
			t.Errorf("factor is %+v, want %+v", got, f)
		}
		for _, x := range list {
			if got := must1(r.Session(x.Token)); got != x {
				t.Errorf("session is %+v, want %+v", got, x)
			}
		}
		if got := must1(r.Sessions(person)); !reflect.DeepEqual(got, list[:2]) {
			t.Errorf("sessions are %+v, want %+v", got, list[:2])
		}
		if got := must1(r.Sessions(syncproto.PersonID{})); !reflect.DeepEqual(got, list) {
			t.Errorf("all sessions are %+v, want %+v", got, list)
		}
	})
	update(t, s, func(tx store.Tx) {
		must(tx.DropInvitations(person))
		must(tx.DropFactor(person))
		must(tx.DropSession(list[0].Token))
	})
	view(t, s, func(r store.Reader) {
		_, err := r.Invitation(i.SecretHash)
		wantMissing(t, "dropped invitation", err)
		_, err = r.Factor(person)
		wantMissing(t, "dropped second factor", err)
		_, err = r.Session(list[0].Token)
		wantMissing(t, "dropped session", err)
		if got := must1(r.Sessions(syncproto.PersonID{})); len(got) != 2 {
			t.Errorf("%d sessions stayed, want 2", len(got))
		}
		if got := must1(r.Invitation(syncproto.Hash{9})); got.Person != other {
			t.Errorf("the other person's invitation is %+v", got)
		}
	})
}
