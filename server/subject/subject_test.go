package subject_test

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/store/storetest"
	"mahalleh/server/subject"
	"mahalleh/syncproto"
)

// office writes records of one neighbourhood at the server.
type office struct {
	*storetest.Office
	t     *testing.T
	place syncproto.PlaceID
}

func newOffice(t *testing.T) *office {
	t.Helper()
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "server.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &office{Office: storetest.NewOffice(t, st, 1), t: t}
	o.place = o.Place(7, store.PlaceNeighbourhood, syncproto.PlaceID{})
	return o
}

func (o *office) write(id byte, form string, fields map[string]schemas.Value) syncproto.RecordID {
	o.t.Helper()
	return o.Write(syncproto.RecordID{id}, form, o.place, fields)
}

func (o *office) find(person syncproto.RecordID) (map[syncproto.RecordID]subject.Why, error) {
	found, err := subject.Find(o.t.Context(), subject.Source{View: o.Store.View, Forms: o.Forms}, person)
	whys := map[syncproto.RecordID]subject.Why{}
	for _, f := range found {
		whys[f.ID] = f.Why
	}
	if !slices.IsSortedFunc(found, func(a, b subject.Record) int { return int(a.Why) - int(b.Why) }) {
		o.t.Errorf("the closest do not come first: %v", found)
	}
	return whys, err
}

func text(s string) schemas.Value             { return schemas.TextValue(s) }
func ref(id syncproto.RecordID) schemas.Value { return schemas.RefValue(schemas.ID(id)) }

func TestAllThatIsHeldOnAPersonIsFound(t *testing.T) {
	o := newOffice(t)
	zahra := o.write(1, "person", map[string]schemas.Value{"full_name": text("زهرا كريمي‌پور"), "phone": text("09110000012")})
	other := o.write(2, "person", map[string]schemas.Value{"full_name": text("علی احمدی"), "phone": text("09110000013")})
	consent := o.write(3, "consent", map[string]schemas.Value{"person_id": ref(zahra)})
	theirs := o.write(4, "consent", map[string]schemas.Value{"person_id": ref(other)})
	o.write(1, "person", map[string]schemas.Value{"consent_id": ref(consent), "phone": text("09110000014")})
	member := o.write(5, "team_member", map[string]schemas.Value{"person_id": ref(zahra)})
	interview := o.write(6, "key_informant_interview", map[string]schemas.Value{"consent_id": ref(consent)})
	asset := o.write(7, "asset", map[string]schemas.Value{"title_fa": text("کتابخانه"), "contact_person_id": ref(zahra), "consent_id": ref(consent)})
	named := o.write(8, "asset", map[string]schemas.Value{"title_fa": text("کارگاه زهرا کریمی پور")})
	numbered := o.write(9, "asset", map[string]schemas.Value{"title_fa": text("زنگ بزنید: ۰۹۱۱ ۰۰۰ ۰۰ ۱۲، عصرها")})
	once := o.write(10, "team_member", map[string]schemas.Value{"person_id": ref(zahra)})
	o.write(10, "team_member", map[string]schemas.Value{"person_id": ref(other)})
	o.write(11, "asset", map[string]schemas.Value{"title_fa": text("زهراکریمی‌پوریان ۰۹۱۱۰۰۰۰۰۱۳")})
	o.write(12, "key_informant_interview", map[string]schemas.Value{"consent_id": ref(theirs)})
	request := o.write(13, "data_subject_request", map[string]schemas.Value{"person_id": ref(zahra)})

	got, err := o.find(zahra)
	if err != nil {
		t.Fatal(err)
	}
	want := map[syncproto.RecordID]subject.Why{zahra: subject.Self, consent: subject.Consent, member: subject.About, interview: subject.About,
		asset: subject.Mention, once: subject.Mention, request: subject.Mention, named: subject.Text, numbered: subject.Text}
	if !maps.Equal(got, want) {
		t.Errorf("found\n%v, want\n%v", got, want)
	}

	// Erased, nothing is theirs any more, and what is left is found again.
	for id, why := range got {
		if why.Theirs() {
			o.Erase(id)
		}
	}
	got, err = o.find(zahra)
	if err != nil {
		t.Fatal(err)
	}
	want = map[syncproto.RecordID]subject.Why{zahra: subject.Self, asset: subject.Mention, once: subject.Mention, request: subject.Mention}
	if !maps.Equal(got, want) {
		t.Errorf("after the erasure found\n%v, want\n%v", got, want)
	}
}

// What was set aside, and what a person kept out, holds what it says all the same.
func TestWhatWasKeptOutIsFound(t *testing.T) {
	o := newOffice(t)
	zahra := o.write(1, "person", map[string]schemas.Value{"full_name": text("زهرا کریمی")})
	aside := func(id byte) syncproto.ChangeID {
		t.Helper()
		form, _ := o.Forms.FormByName("asset")
		title, _ := form.FieldByName("title_fa")
		condition, _ := form.FieldByName("condition")
		got, err := o.Hub.Office(t.Context(), o.Author, syncproto.RecordID{id}, func(*syncproto.RecordState, func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
			return hub.OfficeEdit{Verb: syncproto.VerbCreate, Form: uint32(form.ID), Scope: syncproto.ScopeOf(o.place, "plain"), Ops: []syncproto.Op{
				{Kind: syncproto.OpSet, Field: uint32(title.ID), Value: syncproto.Text("خانهٔ زهرا کریمی")},
				{Kind: syncproto.OpSet, Field: uint32(condition.ID), Value: syncproto.Text("خوب")}}}, nil
		})
		if err != nil || got.Outcome != syncproto.Quarantined {
			t.Fatalf("a text in a number's field: %+v, %v", got, err)
		}
		return got.Change
	}
	aside(2)
	if err := o.Hub.Keep(t.Context(), aside(3), o.Author, ""); err != nil {
		t.Fatal(err)
	}
	got, err := o.find(zahra)
	want := map[syncproto.RecordID]subject.Why{zahra: subject.Self, {2}: subject.Text, {3}: subject.Text}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("found %v (%v), want %v", got, err, want)
	}
}

func TestWhoIsNoPerson(t *testing.T) {
	o := newOffice(t)
	asset := o.write(1, "asset", map[string]schemas.Value{"title_fa": text("سالن")})
	if _, err := o.find(asset); !errors.Is(err, subject.ErrNoPerson) {
		t.Errorf("an asset: %v", err)
	}
	if _, err := o.find(syncproto.RecordID{2}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing: %v", err)
	}
}

// Whoever has a role, even one that settles what was set aside, does not read along
// everything that was ever received; the operator does.
func TestOnlyTheOperatorReadsWhatWasReceived(t *testing.T) {
	o := newOffice(t)
	o.write(1, "asset", map[string]schemas.Value{"title_fa": text("سالن")})
	manager := syncproto.PersonID{9}
	err := o.Store.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.PutPerson(store.Person{ID: manager, Name: "هیوا"}); err != nil {
			return err
		}
		return tx.PutGrant(store.Grant{Person: manager, Place: o.place, Role: "technical_manager", Serial: 1})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = o.Store.View(t.Context(), func(r store.Reader) error {
		door, err := access.ForPerson(r, manager)
		if err != nil {
			return err
		}
		if !door.May(syncproto.ScopeOf(o.place, "plain"), access.Read|access.Supervise) {
			t.Error("the manager has no rights; the test tests nothing")
		}
		for who, door := range map[string]*access.Door{"the manager": door, "the operator": access.ForOperator(r)} {
			rows, err := door.Received(syncproto.Applied, syncproto.ChangeID{}, 10)
			if want := map[string]int{"the operator": 1}[who]; err != nil || len(rows) != want {
				t.Errorf("%s reads %d changes (%v), want %d", who, len(rows), err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
