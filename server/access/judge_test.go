package access_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// device enrols a device for the first of people and lets all of them write on
// it, under their own ids and under aliases beside.
func (o *office) device(n byte, people ...syncproto.PersonID) store.Device {
	o.t.Helper()
	d := store.Device{ID: syncproto.DeviceID{n}, Person: people[0], Noise: [32]byte{n}}
	err := o.Store.Update(o.t.Context(), func(tx store.Tx) error {
		err := tx.PutDevice(d)
		for _, p := range people {
			err = errors.Join(err, tx.AddDevicePerson(d.ID, p))
		}
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return d
}

func (o *office) alias(n byte, of store.Person) syncproto.PersonID {
	o.t.Helper()
	id := syncproto.PersonID{0xa, n}
	err := o.Store.Update(o.t.Context(), func(tx store.Tx) error { return tx.PutPerson(store.Person{ID: id, AliasOf: of.ID}) })
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

func (o *office) scope(place uint32, compartment string) syncproto.ScopeID {
	return syncproto.ScopeOf(syncproto.PlaceOf(o.Fingerprint, place), compartment)
}

// judge asks about a change, in a transaction as the hub does.
func (o *office) judge(c *access.Cache, d store.Device, h syncproto.Header) (reason syncproto.Reason) {
	o.t.Helper()
	o.read(func(r store.Reader) error {
		d, err := r.Device(d.ID)
		if err != nil {
			return err
		}
		w, err := c.NewWriter(r, d)
		if err != nil {
			return err
		}
		reason, err = w.Judge(&h, h.Scope)
		return err
	})
	return reason
}

func TestJudge(t *testing.T) {
	o := newOffice(t)
	worker, manager, reader, team := o.person("مریم رضایی"), o.person("علی پورمحمد"), o.person("زهرا کریمی"), o.person("حسن نیک‌پی")
	o.grant("مریم رضایی", "facilitator", "102")
	o.grant("علی پورمحمد", "technical_manager", "101")
	o.grant("زهرا کریمی", "national", "1")
	o.grant("حسن نیک‌پی", "local_team", "102")
	alias, elsewhere := o.alias(1, worker), o.alias(2, worker)
	phone := o.device(1, worker.ID, alias, manager.ID, reader.ID, team.ID)
	other := o.device(2, elsewhere)
	plain, harm, there := o.scope(102, access.Plain), o.scope(102, access.Harm), o.scope(103, access.Plain)
	tests := []struct {
		name   string
		device store.Device
		header syncproto.Header
		want   syncproto.Reason
	}{
		{"where they work", phone, syncproto.Header{Author: worker.ID, Scope: plain, Role: 10}, syncproto.ReasonNone},
		{"under an alias", phone, syncproto.Header{Author: alias, Scope: plain, Role: 10}, syncproto.ReasonNone},
		{"under the alias of another device", phone, syncproto.Header{Author: elsewhere, Scope: plain}, syncproto.ReasonUnknownName},
		{"under the alias of this device", other, syncproto.Header{Author: elsewhere, Scope: plain}, syncproto.ReasonNone},
		{"by name on a device that knows the alias alone", other, syncproto.Header{Author: worker.ID, Scope: plain}, syncproto.ReasonUnknownName},
		{"an author nobody knows", phone, syncproto.Header{Author: syncproto.PersonID{99}, Scope: plain}, syncproto.ReasonUnknownName},
		{"where they have no role", phone, syncproto.Header{Author: worker.ID, Scope: there}, syncproto.ReasonForbidden},
		{"where a colleague on the device may", phone, syncproto.Header{Author: manager.ID, Scope: there, Role: 20}, syncproto.ReasonNone},
		{"a rank above one's own", phone, syncproto.Header{Author: worker.ID, Scope: plain, Role: 20}, syncproto.ReasonForbidden},
		{"vouching without the right", phone, syncproto.Header{Author: worker.ID, Scope: plain, Verified: true}, syncproto.ReasonForbidden},
		{"vouching", phone, syncproto.Header{Author: manager.ID, Scope: plain, Verified: true}, syncproto.ReasonNone},
		{"settling", phone, syncproto.Header{Author: worker.ID, Scope: harm, Verb: syncproto.VerbSettle}, syncproto.ReasonNone},
		{"settling without the right", phone, syncproto.Header{Author: team.ID, Scope: plain, Form: 21, Verb: syncproto.VerbSettle}, syncproto.ReasonForbidden},
		{"editing without the right to settle", phone, syncproto.Header{Author: team.ID, Scope: plain, Form: 21, Verb: syncproto.VerbEdit}, syncproto.ReasonNone},
		{"a form that the role may not write", phone, syncproto.Header{Author: team.ID, Scope: plain, Form: 12}, syncproto.ReasonForbidden},
		{"where one may only read", phone, syncproto.Header{Author: reader.ID, Scope: o.scope(102, access.Reference)}, syncproto.ReasonForbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := o.judge(new(access.Cache), tt.device, tt.header); got != tt.want {
				t.Errorf("reason %d, want %d", got, tt.want)
			}
		})
	}
}

// Acts count at once, also for who has asked before.
func TestJudgeFollowsActs(t *testing.T) {
	o := newOffice(t)
	cache := new(access.Cache)
	worker := o.person("مریم رضایی")
	o.grant("مریم رضایی", "facilitator", "102")
	phone := o.device(1, worker.ID)
	want := func(when string, want syncproto.Reason) {
		t.Helper()
		h := syncproto.Header{Author: worker.ID, Scope: o.scope(102, access.Plain), Role: 10}
		if got := o.judge(cache, phone, h); got != want {
			t.Errorf("%s: reason %d, want %d", when, got, want)
		}
	}
	want("granted", syncproto.ReasonNone)
	if _, err := o.Revoke(t.Context(), "مریم رضایی", "facilitator", "102", ""); err != nil {
		t.Fatal(err)
	}
	want("revoked", syncproto.ReasonRevoked)
	o.grant("مریم رضایی", "facilitator", "102")
	want("granted again", syncproto.ReasonNone)
	for _, disabled := range []bool{true, false} {
		if _, err := o.SetDisabled(t.Context(), "مریم رضایی", disabled, ""); err != nil {
			t.Fatal(err)
		}
		if disabled {
			want("disabled", syncproto.ReasonRevoked)
		}
	}
	want("enabled", syncproto.ReasonNone)
	if _, err := o.RevokeDevice(t.Context(), phone.ID.String(), false, ""); err != nil {
		t.Fatal(err)
	}
	want("the device is revoked", syncproto.ReasonRevoked)
}

// A role by which somebody only reads lends no weight to what they write by
// another.
func TestRankIsOfRolesThatWrite(t *testing.T) {
	o := newOffice(t)
	both := o.person("مریم رضایی")
	o.grant("مریم رضایی", "county", "101")
	o.grant("مریم رضایی", "clinic", "101")
	phone := o.device(1, both.ID)
	persons := o.scope(102, access.Persons)
	for role, want := range map[uint8]syncproto.Reason{15: syncproto.ReasonNone, 30: syncproto.ReasonForbidden} {
		if got := o.judge(new(access.Cache), phone, syncproto.Header{Author: both.ID, Scope: persons, Form: 2, Role: role}); got != want {
			t.Errorf("with rank %d: reason %d, want %d", role, got, want)
		}
	}
}

// What a device says of all who share it, each of them may say.
func TestSharedDeviceClaimsTheLowestRank(t *testing.T) {
	o := newOffice(t)
	worker, manager := o.person("مریم رضایی"), o.person("علی پورمحمد")
	o.grant("مریم رضایی", "facilitator", "102")
	o.grant("علی پورمحمد", "technical_manager", "101")
	phone := o.device(1, worker.ID, manager.ID)
	cache := new(access.Cache)
	ranks := map[syncproto.ScopeID]uint8{}
	o.read(func(r store.Reader) error {
		grants, err := cache.OfDevice(r, phone)
		for _, g := range grants {
			ranks[g.Scope] = g.Rank
		}
		return err
	})
	for _, author := range []store.Person{worker, manager} {
		scope := o.scope(102, access.Plain)
		if got := o.judge(cache, phone, syncproto.Header{Author: author.ID, Scope: scope, Role: ranks[scope]}); got != syncproto.ReasonNone {
			t.Errorf("%s with rank %d: reason %d", author.Name, ranks[scope], got)
		}
	}
	if got := ranks[o.scope(103, access.Plain)]; got != 20 {
		t.Errorf("rank %d where the manager alone works, want 20", got)
	}
}

// The door shows what the people of a device may read, together, and nothing
// of what is elsewhere: neither that it is there.
func TestDoor(t *testing.T) {
	o := newOffice(t)
	worker, clinic := o.person("مریم رضایی"), o.person("علی پورمحمد")
	o.grant("مریم رضایی", "facilitator", "102")
	o.grant("علی پورمحمد", "clinic", "103")
	phone := o.device(1, worker.ID, clinic.ID)
	in := func(n byte, scope syncproto.ScopeID) syncproto.RecordID {
		id := syncproto.RecordID{n}
		s := syncproto.NewRecordState(id)
		s.Form, s.Home, s.Position, s.Created = 12, scope, uint64(n), syncproto.ChangeID{n}
		if err := o.Store.Update(t.Context(), func(tx store.Tx) error { return tx.PutRecord(store.Record{State: s}) }); err != nil {
			t.Fatal(err)
		}
		return id
	}
	mine, theirs := in(1, o.scope(102, access.Harm)), in(2, o.scope(103, access.Persons))
	hidden := in(3, o.scope(103, access.Harm))
	o.read(func(r store.Reader) error {
		door, err := new(access.Cache).ForDevice(r, phone.ID)
		if err != nil {
			return err
		}
		for _, id := range []syncproto.RecordID{mine, theirs} {
			if _, err := door.Record(id); err != nil {
				t.Errorf("record %s: %v", id, err)
			}
		}
		for _, id := range []syncproto.RecordID{hidden, {9}} {
			if _, err := door.Record(id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("record %s: %v, want not found", id, err)
			}
			if _, err := door.History(id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("history of %s: %v, want not found", id, err)
			}
		}
		list, err := door.Records(store.Filter{Max: 10})
		if len(list) != 2 {
			t.Errorf("%d records are listed, want 2", len(list))
		}
		if _, _, _, _, err := door.Page(o.scope(103, access.Harm), 0, store.ToHead, 1000); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("page: %v, want not found", err)
		}
		return err
	})
}

// A referral is read by who works on it, and by nobody else who reads of persons.
func TestReferralIsForItsTeam(t *testing.T) {
	o := newOffice(t)
	scope, persons := o.scope(102, access.Harm), o.scope(102, access.Persons)
	id := syncproto.RecordID{7}
	s := syncproto.NewRecordState(id)
	s.Form, s.Home, s.Position, s.Created = 35, scope, 1, syncproto.ChangeID{7}
	if err := o.Store.Update(t.Context(), func(tx store.Tx) error { return tx.PutRecord(store.Record{State: s}) }); err != nil {
		t.Fatal(err)
	}
	reads := []access.Role{access.Facilitator, access.TechnicalManager}
	for n, role := range access.Roles() {
		who := o.person("شخص " + string(role))
		place := "102"
		if widest, ok := map[access.Role]string{access.County: "101", access.Province: "گیلان", access.National: "1"}[role]; ok {
			place = widest
		}
		o.grant(who.Name, string(role), place)
		phone := o.device(byte(n+1), who.ID)
		may := slices.Contains(reads, role)
		o.read(func(r store.Reader) error {
			door, err := new(access.Cache).ForDevice(r, phone.ID)
			if err != nil {
				return err
			}
			_, record := door.Record(id)
			_, history := door.History(id)
			_, _, _, _, page := door.Page(scope, 0, store.ToHead, 1000)
			list, err := door.Records(store.Filter{Max: 10})
			if got := record == nil && page == nil && len(list) == 1; got != may || !may && !(errors.Is(record, store.ErrNotFound) &&
				errors.Is(history, store.ErrNotFound) && errors.Is(page, store.ErrNotFound) && len(list) == 0) {
				t.Errorf("%s: record %v, history %v, page %v, %d listed; may read: %t", role, record, history, page, len(list), may)
			}
			return err
		})
		want := syncproto.ReasonForbidden
		if may {
			want = syncproto.ReasonNone
		}
		if got := o.judge(new(access.Cache), phone, syncproto.Header{Author: who.ID, Scope: scope, Form: 35}); got != want {
			t.Errorf("%s writes: reason %d, want %d", role, got, want)
		}
		if role == access.Clinic {
			if got := o.judge(new(access.Cache), phone, syncproto.Header{Author: who.ID, Scope: persons, Form: 8}); got != syncproto.ReasonNone {
				t.Errorf("a clinic among persons: reason %d", got)
			}
		}
	}
}

// A device carries 300 scopes. Those for which somebody was named come first,
// and a place that is added takes none away.
func TestWhatADeviceCarries(t *testing.T) {
	o := newOffice(t)
	for n := range 90 {
		o.place(fmt.Sprintf("محلهٔ %d", n), store.PlaceNeighbourhood, "101")
	}
	manager := o.person("علی پورمحمد")
	o.grant("علی پورمحمد", "technical_manager", "101")
	o.grant("علی پورمحمد", "facilitator", "193")
	phone := o.device(1, manager.ID)
	carried := func() (scopes []syncproto.ScopeID) {
		o.read(func(r store.Reader) error {
			grants, err := new(access.Cache).OfDevice(r, phone)
			for _, g := range grants {
				scopes = append(scopes, g.Scope)
			}
			return err
		})
		return scopes
	}
	before := carried()
	if len(before) != syncproto.MaxScopes {
		t.Fatalf("%d scopes, want %d", len(before), syncproto.MaxScopes)
	}
	for name, scope := range map[string]syncproto.ScopeID{"the county's": o.scope(101, access.Reference), "the last place, granted by name": o.scope(193, access.Harm),
		"the oldest place": o.scope(102, access.Harm), "the nation's": o.scope(1, access.Reference)} {
		if !slices.Contains(before, scope) {
			t.Errorf("%s scope is not carried", name)
		}
	}
	o.place("محلهٔ نو", store.PlaceNeighbourhood, "101")
	if after := carried(); !slices.Equal(before, after) {
		t.Error("a place that was added changed what the device carries")
	}
}

// A device is told the names of those who may write, or once might, in the places
// that it reads, and of nobody else: who works elsewhere is not for it to know.
func TestColleagues(t *testing.T) {
	o := newOffice(t)
	mine, manager, former := o.person("مریم رضایی"), o.person("علی پورمحمد"), o.person("هیوا احمدی")
	o.grant("مریم رضایی", "facilitator", "102")
	o.grant("علی پورمحمد", "technical_manager", "101")
	o.grant("هیوا احمدی", "facilitator", "102")
	if _, err := o.Revoke(t.Context(), "هیوا احمدی", "facilitator", "102", ""); err != nil {
		t.Fatal(err)
	}
	o.person("روناک کریمی")
	o.grant("روناک کریمی", "facilitator", "103")
	alias := o.alias(1, mine)
	phone := o.device(1, mine.ID)
	cache := new(access.Cache)
	told := func() map[syncproto.PersonID]string {
		names := map[syncproto.PersonID]string{}
		o.read(func(r store.Reader) error {
			people, err := cache.Colleagues(r, phone, 100)
			for i, p := range people {
				names[p.ID] = p.Name
				if i > 0 && bytes.Compare(people[i-1].ID[:], p.ID[:]) >= 0 {
					t.Error("the names are not in order")
				}
			}
			return err
		})
		return names
	}
	want := map[syncproto.PersonID]string{mine.ID: mine.Name, alias: mine.Name, manager.ID: manager.Name, former.ID: former.Name}
	if got := told(); !maps.Equal(got, want) {
		t.Errorf("the device is told %v, want %v", got, want)
	}
	// Names of people who enrol meanwhile come when the cache is told.
	another := o.alias(2, manager)
	want[another] = manager.Name
	cache.PeopleChanged()
	if got := told(); !maps.Equal(got, want) {
		t.Errorf("after an enrolment the device is told %v, want %v", got, want)
	}
}
