package storetest

import (
	"reflect"
	"slices"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func testPlaces(t *testing.T, s store.Store) {
	list := []store.Place{
		{ID: id("place", 1), Number: 3, Kind: store.PlaceNation, NameFa: "ایران", NameEn: "Iran"},
		{ID: id("place", 2), Number: 12, Kind: store.PlaceProvince, Parent: id("place", 1), Code: "01", NameFa: "گیلان", NameEn: "Guilan"},
	}
	update(t, s, func(tx store.Tx) {
		_, err := tx.Place(list[0].ID)
		wantMissing(t, "place", err)
		must(tx.PutPlace(store.Place{ID: list[1].ID, Number: 9}))
		for _, p := range list {
			must(tx.PutPlace(p))
		}
	})
	refused(t, s, "two places have one number", func(tx store.Tx) error { return tx.PutPlace(store.Place{ID: id("place", 3), Number: 12}) })
	view(t, s, func(r store.Reader) {
		for _, p := range list {
			if got := must1(r.Place(p.ID)); got != p {
				t.Errorf("got %+v, want %+v", got, p)
			}
			if got := must1(r.PlaceByNumber(p.Number)); got != p {
				t.Errorf("by number: got %+v, want %+v", got, p)
			}
		}
		if got := must1(r.Places()); !slices.Equal(got, list) {
			t.Errorf("places are %+v, want %+v", got, list)
		}
		_, err := r.PlaceByNumber(9)
		wantMissing(t, "place by a former number", err)
	})
}

func testPeople(t *testing.T, s store.Store) {
	list := []store.Person{
		{ID: id("person", 1), Name: "زهرا", Password: "$argon2id$x", Created: 5},
		{ID: id("person", 2), Name: "alias", Disabled: true, AliasOf: id("person", 1)},
	}
	update(t, s, func(tx store.Tx) {
		_, err := tx.Person(list[0].ID)
		wantMissing(t, "person", err)
		must(tx.PutPerson(store.Person{ID: list[1].ID, Name: "before", Created: 3}))
		for _, p := range list {
			must(tx.PutPerson(p))
		}
	})
	view(t, s, func(r store.Reader) {
		for _, p := range list {
			if got := must1(r.Person(p.ID)); got != p {
				t.Errorf("got %+v, want %+v", got, p)
			}
		}
		got := must1(r.People())
		sorted := slices.IsSortedFunc(got, func(a, b store.Person) int { return slices.Compare(a.ID[:], b.ID[:]) })
		if len(got) != 2 || !sorted {
			t.Errorf("people are %+v, want two by id", got)
		}
	})
}

func testGrants(t *testing.T, s store.Store) {
	g := []store.Grant{
		{Person: id("person", 1), Place: id("place", 1), Role: "facilitator", Serial: 1, From: 10},
		{Person: id("person", 1), Place: id("place", 1), Role: "supervisor", Serial: 2, From: 11},
		{Person: id("person", 2), Place: id("place", 1), Role: "facilitator", Serial: 3, From: 12},
	}
	update(t, s, func(tx store.Tx) {
		if got := must1(tx.GrantSerial()); got != 0 {
			t.Errorf("serial is %d before the first grant", got)
		}
		for _, x := range g {
			must(tx.PutGrant(x))
		}
	})
	g[0].Serial, g[0].Revoked = 4, 20
	update(t, s, func(tx store.Tx) {
		must(tx.PutGrant(g[0]))
		if got := must1(tx.GrantSerial()); got != 4 {
			t.Errorf("serial is %d, want 4", got)
		}
	})
	view(t, s, func(r store.Reader) {
		if got := must1(r.Grants(id("person", 1))); !slices.Equal(got, g[:2]) {
			t.Errorf("grants are %+v, want %+v", got, g[:2])
		}
		if got := must1(r.Grants(syncproto.PersonID{})); len(got) != 3 {
			t.Errorf("%d grants, want 3", len(got))
		}
		if got := must1(r.Grants(id("person", 9))); len(got) != 0 {
			t.Errorf("grants of a stranger are %+v", got)
		}
		if got := must1(r.GrantSerial()); got != 4 {
			t.Errorf("serial is %d, want 4", got)
		}
	})
}

func testDevices(t *testing.T, s store.Store) {
	d := store.Device{
		ID: id("device", 1), Person: id("person", 1), Key: [32]byte{1}, Noise: [32]byte{2}, Name: "گوشی", Enrolled: 3,
		LastSeen: 4, Revoked: 5, Lost: true, Queue: 6, OldestQueued: 7, ClockAhead: -8, App: "field 1",
	}
	update(t, s, func(tx store.Tx) {
		_, err := tx.Device(d.ID)
		wantMissing(t, "device", err)
		_, err = tx.DeviceByNoise(d.Noise)
		wantMissing(t, "device by key", err)
		must(tx.PutDevice(store.Device{ID: d.ID, Noise: [32]byte{9}}))
		must(tx.PutDevice(d))
		must(tx.PutDevice(store.Device{ID: id("device", 2), Noise: [32]byte{3}}))
		for _, n := range []int{2, 1, 2} {
			must(tx.AddDevicePerson(d.ID, id("person", n)))
		}
	})
	refused(t, s, "two devices have one key", func(tx store.Tx) error { return tx.PutDevice(store.Device{ID: id("device", 3), Noise: d.Noise}) })
	view(t, s, func(r store.Reader) {
		if got := must1(r.Device(d.ID)); got != d {
			t.Errorf("got %+v, want %+v", got, d)
		}
		if got := must1(r.DeviceByNoise(d.Noise)); got != d {
			t.Errorf("by key: got %+v, want %+v", got, d)
		}
		_, err := r.DeviceByNoise([32]byte{9})
		wantMissing(t, "device by a former key", err)
		if got := must1(r.Devices()); len(got) != 2 {
			t.Errorf("%d devices, want 2", len(got))
		}
		got := must1(r.DevicePeople(d.ID))
		slices.SortFunc(got, func(a, b syncproto.PersonID) int { return slices.Compare(a[:], b[:]) })
		want := []syncproto.PersonID{id("person", 1), id("person", 2)}
		slices.SortFunc(want, func(a, b syncproto.PersonID) int { return slices.Compare(a[:], b[:]) })
		if !slices.Equal(got, want) {
			t.Errorf("people of the device are %v, want %v", got, want)
		}
		if got := must1(r.DevicePeople(id("device", 2))); len(got) != 0 {
			t.Errorf("people of another device are %v", got)
		}
	})
}

func testCodes(t *testing.T, s store.Store) {
	c := store.Code{SecretHash: syncproto.Hash{1}, Person: id("person", 1), Place: id("place", 1), Created: 1, Expires: 2}
	update(t, s, func(tx store.Tx) {
		_, err := tx.Code(c.SecretHash)
		wantMissing(t, "code", err)
		must(tx.PutCode(c))
	})
	c.UsedBy, c.UsedAt = id("device", 1), 3
	update(t, s, func(tx store.Tx) { must(tx.PutCode(c)) })
	view(t, s, func(r store.Reader) {
		if got := must1(r.Code(c.SecretHash)); got != c {
			t.Errorf("got %+v, want %+v", got, c)
		}
	})
}

func testAudit(t *testing.T, s store.Store) {
	acts := []store.AuditEntry{
		{Scope: scopeID(1), At: 1, By: id("person", 1), Act: "erase", Subject: "x", Note: "یادداشت"},
		{Scope: scopeID(1), At: 1, By: id("person", 2), Act: "release"},
	}
	server := store.AuditEntry{At: 2, Act: "backup"}
	update(t, s, func(tx store.Tx) {
		must(tx.Audit(acts[0]))
		must(tx.Audit(server))
		must(tx.Audit(acts[1]))
	})
	view(t, s, func(r store.Reader) {
		got := must1(r.Audits(scopeID(1)))
		links := must1(r.AuditLinks(scopeID(1), 0, 9))
		var chain syncproto.Hash
		for i := range got {
			if got[i].Salt == [syncproto.SaltSize]byte{} || links[i] != got[i].Digest() {
				t.Errorf("act %d has salt %x, its digest is %x, its link %x", i, got[i].Salt, got[i].Digest(), links[i])
			}
			if at := must1(r.AuditAt(scopeID(1), uint64(i))); at.Count != uint64(i) || at.Head != chain {
				t.Errorf("after %d acts the chain is %+v, want %x", i, at, chain)
			}
			chain = syncproto.ActsNext(chain, links[i])
			got[i].Salt = [syncproto.SaltSize]byte{}
		}
		if !reflect.DeepEqual(got, acts) {
			t.Errorf("acts are %+v, want %+v", got, acts)
		}
		if at := must1(r.AuditAt(scopeID(1), 1<<40)); at != (syncproto.Checkpoint{Scope: scopeID(1), Count: 2, Head: chain}) {
			t.Errorf("the chain stands at %+v, want %x after 2", at, chain)
		}
		if last := must1(r.AuditLinks(scopeID(1), 1, 9)); len(last) != 1 || last[0] != links[1] {
			t.Errorf("from the first act on, links are %x, want %x", last, links[1:])
		}
		if none := must1(r.AuditAt(scopeID(2), 1)); none.Count != 0 || none.Head != (syncproto.Hash{}) {
			t.Errorf("the chain of a scope without acts is %+v", none)
		}
		whole := must1(r.Audits(syncproto.ScopeID{}))
		for i := range whole {
			whole[i].Salt = [syncproto.SaltSize]byte{}
		}
		if !reflect.DeepEqual(whole, []store.AuditEntry{server}) {
			t.Errorf("acts of the server are %+v, want %+v", whole, server)
		}
		if got := must1(r.Audits(scopeID(2))); len(got) != 0 {
			t.Errorf("acts of another scope are %+v", got)
		}
	})
}
