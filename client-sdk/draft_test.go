package clientsdk

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func TestRecordAsset(t *testing.T) {
	d := newDevice(t)
	draft := d.begin("asset", assetJSON)
	if !draft.IsNew() {
		t.Error("a new draft says it is not")
	}
	r := d.mustSave(draft)
	got := d.get(r.Record)
	if got.Title != "سالن ورزشی دبستان · سالن" && !strings.HasPrefix(got.Title, "سالن ورزشی دبستان") {
		t.Errorf("title is %q", got.Title)
	}
	if got.Sync != localstore.SyncPending || got.Pending != 1 || got.Deleted || len(got.Conflicts) != 0 {
		t.Errorf("record is %+v, want one pending change", got)
	}
	ch, ops := d.change(r.Change)
	if ch.Header.Verb != syncproto.VerbCreate || ch.Header.Package != d.forms.Version || ch.Header.Scope != syncproto.ScopeOf(d.Person().Place, "plain") {
		t.Errorf("header is %+v", ch.Header)
	}
	if _, there := ops["presence"]; !there || len(ops) != 10 {
		t.Errorf("change holds %d operations, want nine fields and the presence", len(ops))
	}
	if err := draft.Set("condition", "4"); !errors.Is(err, ErrDraftOver) {
		t.Errorf("set after save: %v", err)
	}
	if _, err := draft.Save(ctx); !errors.Is(err, ErrDraftOver) {
		t.Errorf("saved twice: %v", err)
	}
	who := got.Who("condition", schemas.ID{})
	if len(who) != 1 || !who[0].Mine || !who[0].Time.Equal(d.clock.now) {
		t.Errorf("condition is by %+v, want this device's person, now", who)
	}
}

// TestUntouchedOfferIsNotSaved holds that what the form proposes is saved only
// if the person takes it.
func TestUntouchedOfferIsNotSaved(t *testing.T) {
	d := newDevice(t)
	const fields = `{"type": "meeting", "topic": "جلسهٔ تیم محله"}`
	draft := d.begin("activity", fields)
	field, _ := draft.Form().FieldByName("held_on")
	offer := draft.Offers()[field.ID]
	if offer.Date() != int32(d.Today()) {
		t.Errorf("offered %v, want today", offer)
	}
	if slices.Contains(draft.Changed(), "held_on") {
		t.Error("an offer counts as changed")
	}
	r, err := draft.Save(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r.Saved {
		t.Fatal("saved without a ● field that was only offered")
	}
	if err := draft.SetValue("held_on", offer); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(draft.Changed(), "held_on") {
		t.Error("a taken offer does not count as changed")
	}
}

// TestEditHoldsOnlyWhatChanged edits one field of a record that shows ten.
func TestEditHoldsOnlyWhatChanged(t *testing.T) {
	d := newDevice(t)
	id := d.record("asset", assetJSON)
	for _, test := range []struct {
		name string
		edit func(*Draft) error
		want []string
	}{
		{"a number", func(x *Draft) error { return x.Set("condition", "۴") }, []string{"condition", "presence"}},
		{"the same number again", func(x *Draft) error { return x.Set("condition", "4") }, nil},
		{"another, and back", func(x *Draft) error { return errors.Join(x.Set("condition", "2"), x.Set("condition", "4")) }, nil},
		{"all fields given, one of them new", func(x *Draft) error {
			b, err := x.JSON()
			if err != nil {
				return err
			}
			return x.SetJSON([]byte(strings.Replace(string(b), "خیابان بهار", "خیابان پاییز", 1)))
		}, []string{"address", "presence"}},
		{"cleared", func(x *Draft) error { return x.SetJSON([]byte(`{"address": null}`)) }, []string{"address", "presence"}},
		{"the same text on another keyboard", func(x *Draft) error { return x.Set("title_fa", "سالن ورزشي دبستان") }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			draft := d.open(id)
			if err := test.edit(draft); err != nil {
				t.Fatal(err)
			}
			r := d.mustSave(draft)
			var got []string
			if !r.Change.IsZero() {
				_, ops := d.change(r.Change)
				for name := range ops {
					got = append(got, name)
				}
				slices.Sort(got)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("the change holds %v, want %v", got, test.want)
			}
		})
	}
}

func TestIncompleteStaysDraft(t *testing.T) {
	d := newDevice(t)
	draft := d.begin("asset", `{"category": "physical", "title_fa": "پارک", "condition": 9}`)
	r, err := draft.Save(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r.Saved || r.Draft != draft.ID() || !r.Change.IsZero() {
		t.Fatalf("result is %+v, want a draft", r)
	}
	if got := levels(r.Problems); !slices.Contains(got, schemas.LevelIncomplete) || !slices.Contains(got, schemas.LevelError) {
		t.Errorf("problems are of the levels %v: %s", got, sayAll(r.Problems))
	}
	s, err := d.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s.Pending != 0 || s.Drafts != 1 {
		t.Errorf("pending %d, drafts %d; want 0 and 1", s.Pending, s.Drafts)
	}

	// The battery dies; the draft is there, and can be mended.
	d.restart()
	list, err := d.Drafts(ctx)
	if err != nil || len(list) != 1 || !list[0].New || list[0].Form.Name != "asset" {
		t.Fatalf("drafts are %+v, %v", list, err)
	}
	again, err := d.OpenDraft(ctx, list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := again.Value("condition"); v.Int() != 9 {
		t.Errorf("condition is %v, want what was typed", v)
	}
	d.set(again, "subtype", "سالن")
	if err := again.Set("subtype", "hall"); err != nil {
		t.Fatal(err)
	}
	d.set(again, "condition", "5")
	if got := d.mustSave(again); got.Record != r.Record {
		t.Errorf("saved as %v, begun as %v", got.Record, r.Record)
	}
	if list, err = d.Drafts(ctx); err != nil || len(list) != 0 {
		t.Errorf("after saving the drafts are %+v, %v", list, err)
	}
}

// TestUnreadableInputIsKept types what is no number.
func TestUnreadableInputIsKept(t *testing.T) {
	d := newDevice(t)
	draft := d.begin("asset", assetJSON)
	err := draft.Set("condition", "خوب")
	var field *schemas.FieldError
	if !errors.Is(err, ErrInvalid) || !errors.As(err, &field) || field.Message.Fa == "" {
		t.Fatalf("got %v, want an input error in both languages", err)
	}
	r, err := draft.Save(ctx)
	if err != nil || r.Saved {
		t.Fatalf("saved %v, %v; want a draft", r.Saved, err)
	}
	d.restart()
	again, err := d.OpenDraft(ctx, r.Draft)
	if err != nil {
		t.Fatal(err)
	}
	if v, typed := again.Value("condition"); typed != "خوب" || v.Int() != 3 {
		t.Errorf("condition is %v, typed %q", v, typed)
	}
	if got := levels(again.Problems()); !slices.Contains(got, schemas.LevelError) {
		t.Errorf("problems are of the levels %v", got)
	}
	d.set(again, "condition", "4")
	d.mustSave(again)
}

func TestEditNamesTheScreen(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("asset", assetJSON)
	o.sync(d)
	draft := d.open(id)
	d.set(draft, "capacity_value", "80")
	d.set(draft, "condition", "4")
	if err := draft.Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	// Somebody else writes meanwhile, and it arrives before the form is saved.
	d.clock.pass(time.Hour)
	theirs := o.other(d, id, "ali", map[string]string{"capacity_value": "50", "owner_kind": "public"})
	o.sync(d)
	if got := d.value(id, "capacity_value"); got.Int() != 50 {
		t.Fatalf("the other's value is not here: %v", got)
	}
	d.restart()
	draft, err := d.OpenDraft(ctx, draft.ID())
	if err != nil {
		t.Fatal(err)
	}
	r := d.mustSave(draft)
	_, ops := d.change(r.Change)
	if slices.Contains(ops["capacity_value"].Names, theirs.ID) {
		t.Error("the save names a value that did not stand on the screen")
	}
	got := d.get(id)
	if len(got.Conflicts) != 1 || got.Conflicts[0].Path != "capacity_value" || len(got.Conflicts[0].Values) != 2 {
		t.Fatalf("conflicts are %+v, want one on the capacity", got.Conflicts)
	}
	if v := d.value(id, "condition"); v.Int() != 4 {
		t.Errorf("condition is %v, want 4", v)
	}
	if v := d.value(id, "owner_kind"); v.Code() != "public" {
		t.Errorf("the other's owner is %v", v)
	}
}

func TestTwoDraftsOfOneRecord(t *testing.T) {
	d := newDevice(t)
	id := d.record("asset", assetJSON)
	first, second := d.open(id), d.open(id)
	d.set(first, "condition", "1")
	d.set(second, "capacity_value", "70")
	if first.ID() == second.ID() {
		t.Fatal("two drafts have one id")
	}
	for _, x := range []*Draft{first, second} {
		if err := x.Autosave(ctx); err != nil {
			t.Fatal(err)
		}
	}
	d.mustSave(first)
	if list, err := d.Drafts(ctx); err != nil || len(list) != 1 || list[0].ID != second.ID() {
		t.Fatalf("drafts are %+v, %v; want the second", list, err)
	}
	d.mustSave(second)
	if c, v := d.value(id, "condition").Int(), d.value(id, "capacity_value").Int(); c != 1 || v != 70 {
		t.Errorf("condition %d, capacity %d; want both drafts' values", c, v)
	}

	// Two drafts that write the same field: neither saw the other's value.
	first, second = d.open(id), d.open(id)
	d.set(first, "condition", "2")
	d.set(second, "condition", "5")
	d.mustSave(first)
	d.clock.pass(time.Minute)
	d.mustSave(second)
	got := d.get(id)
	if len(got.Conflicts) != 1 || len(got.Conflicts[0].Values) != 2 {
		t.Errorf("conflicts are %+v, want both values kept", got.Conflicts)
	}
}

// TestNotAskedIsCleared holds that nothing is stored that the form does not
// show, and that what others wrote there unseen is left.
func TestNotAskedIsCleared(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("asset", assetJSON)
	draft := d.open(id)
	for field, value := range map[string]string{"category": "individual", "subtype": "skill", "capacity_value": ""} {
		if err := draft.Set(field, value); err != nil {
			t.Fatal(err)
		}
	}
	list, _ := d.forms.List("ASSETSUB")
	d.set(draft, "subtype", list.Children("individual")[0].Code)
	d.set(draft, "capacity_unit", "")
	r := d.mustSave(draft)
	if len(r.Cleared) != 2 {
		t.Errorf("cleared %v, want address and location", r.Cleared)
	}
	if v := d.value(id, "address"); !v.IsEmpty() {
		t.Errorf("the address of an ability is %v", v)
	}
	// A new record never carries what was typed and then hidden.
	hidden := d.begin("asset", assetJSON)
	d.set(hidden, "category", "individual")
	d.set(hidden, "subtype", list.Children("individual")[0].Code)
	_, ops := d.change(d.mustSave(hidden).Change)
	if _, there := ops["address"]; there {
		t.Error("a hidden address is in the change")
	}
	// Somebody else gives it an address, not knowing; an edit of the title
	// leaves that alone.
	o.sync(d)
	o.other(d, id, "ali", map[string]string{"address": "کوی گل"})
	o.sync(d)
	_, ops = d.change(d.edit(id, "title_fa", "خیاطی").Change)
	if _, there := ops["address"]; there {
		t.Error("an edit of the title took away an address that nobody saw")
	}
}

func TestConsent(t *testing.T) {
	d := newDevice(t)
	const household = `"disabled": 1, "disability_types": ["mobility"]`
	for _, test := range []struct {
		name, form, fields string
		rule               schemas.Rule // of the problem that names the consent, if there is one
		level              schemas.Level
		saved              bool
	}{
		{"personal data without consent warns", "asset", `{"category": "physical", "subtype": "hall", "title_fa": "کارگاه",
			"contact_person_id": "019bc6a0-0102-7000-8000-000000000102"}`, schemas.RuleConsent, schemas.LevelWarning, true},
		{"a person without consent stays a draft", "key_person", `{"full_name": "سکینه", "kind": "trusted"}`, schemas.RuleRequired, schemas.LevelIncomplete, false},
		{"with consent", "key_person", `{"full_name": "سکینه", "kind": "trusted", "influence": 5, "interest": 4,
			"consent_id": "019bc6a0-0102-7000-8000-000000000102"}`, "", 0, true},
		{"disability without consent is refused", "household_response", `{"consent": false, ` + household + `}`, schemas.RuleConsent, schemas.LevelError, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := d.begin(test.form, test.fields).Save(ctx)
			if err != nil {
				t.Fatal(err)
			}
			form, _ := d.forms.FormByName(test.form)
			var got schemas.Problem
			for _, p := range r.Problems {
				if p.Field == form.Consent && (got.Rule == "" || p.Level > got.Level) {
					got = p
				}
			}
			if r.Saved != test.saved || got.Rule != test.rule || got.Level != test.level {
				t.Errorf("saved %v, want %v; consent %q of level %v, want %q of %v", r.Saved, test.saved, got.Rule, got.Level, test.rule, test.level)
			}
		})
	}
}

func TestSaveGroup(t *testing.T) {
	d := newDevice(t)
	need := d.begin("need", `{"title_fa": "آب آشامیدنی"}`)
	rating, err := d.NewBeside(ctx, need.Record(), d.Person().Place, "harm_rating")
	if err != nil {
		t.Fatal(err)
	}
	if rating.Record() != BesideID(need.Record(), 20) || rating.Record() == need.Record() {
		t.Errorf("id beside %v is %v", need.Record(), rating.Record())
	}
	all, err := d.SaveGroup(ctx, need, rating)
	if err != nil {
		t.Fatal(err)
	}
	if all[0].Saved || all[1].Saved {
		t.Fatalf("saved although ● is missing: %+v", all)
	}
	a, b := d.begin("asset", assetJSON), d.begin("asset", strings.Replace(assetJSON, "سالن", "زمین", 1))
	if all, err = d.SaveGroup(ctx, a, b); err != nil {
		t.Fatal(err)
	}
	first, _ := d.change(all[0].Change)
	second, _ := d.change(all[1].Change)
	if first.Header.Group != second.Header.Group || first.Header.Group == (syncproto.GroupID{}) {
		t.Errorf("groups are %v and %v", first.Header.Group, second.Header.Group)
	}
	if first.Header.OriginSeq+1 != second.Header.OriginSeq {
		t.Errorf("sequences are %d and %d", first.Header.OriginSeq, second.Header.OriginSeq)
	}
}

func TestDiscard(t *testing.T) {
	d := newDevice(t)
	draft := d.begin("asset", assetJSON)
	if err := draft.Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	if err := draft.Discard(ctx); err != nil {
		t.Fatal(err)
	}
	if err := draft.Autosave(ctx); !errors.Is(err, ErrDraftOver) {
		t.Errorf("stored after it was discarded: %v", err)
	}
	if _, err := d.OpenDraft(ctx, draft.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("opened after it was discarded: %v", err)
	}
	for _, text := range []string{"", "x", draft.Record().String() + "0", strings.ReplaceAll(draft.Record().String(), "-", "")} {
		if _, err := ParseRecordID(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("id %q: %v", text, err)
		}
	}
	if id, err := ParseRecordID(draft.Record().String()); err != nil || id != draft.Record() {
		t.Errorf("id read as %v, %v", id, err)
	}
}

// TestDraftOfNewerRelease lists and exports what cannot be opened here.
func TestDraftOfNewerRelease(t *testing.T) {
	d := newDevice(t)
	body := []byte(`{"Version":9,"Text":"متن"}`)
	err := d.store.PutDraft(ctx, localstore.Draft{ID: DraftID{1}, Record: syncproto.RecordID{2}, Form: 12, Scope: syncproto.ScopeOf(d.Person().Place, "plain"), Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.begin("asset", assetJSON).Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	list, err := d.Drafts(ctx)
	if err != nil || len(list) != 2 {
		t.Fatalf("drafts are %+v, %v", list, err)
	}
	i := slices.IndexFunc(list, func(x DraftInfo) bool { return errors.Is(x.Err, ErrNewer) })
	if i < 0 || list[1-i].Err != nil {
		t.Errorf("drafts are %+v, want one of a newer release", list)
	}
	if _, err := d.OpenDraft(ctx, DraftID{1}); !errors.Is(err, ErrNewer) {
		t.Errorf("opened: %v", err)
	}
	var out strings.Builder
	if n, err := d.ExportPending(ctx, &out); err != nil || n != 2 || !strings.Contains(out.String(), `"raw":"`) {
		t.Errorf("exported %d, %v: %s", n, err, out.String())
	}
}

func TestNewRefusals(t *testing.T) {
	d := newDevice(t)
	if _, err := d.New(ctx, "spaceship"); !errors.Is(err, ErrUnknownForm) {
		t.Errorf("unknown form: %v", err)
	}
	draft := d.begin("asset", `{}`)
	if err := draft.Set("colour", "red"); !errors.Is(err, ErrUnknownField) {
		t.Errorf("unknown field: %v", err)
	}
	if err := draft.SetJSON([]byte(`{"condition": "x"}`)); !errors.Is(err, ErrInvalid) {
		t.Errorf("bad JSON value: %v", err)
	}
	if _, err := d.Edit(ctx, syncproto.RecordID{1}); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown record: %v", err)
	}
	place := d.Person().Place
	d.grant(wire.GrantsNote{GrantSerial: 1, Grants: []wire.Grant{
		{Scope: syncproto.ScopeOf(place, "plain"), Place: place, Compartment: "plain", Rights: 1 | RightWrite, Role: 2},
		{Scope: syncproto.ScopeOf(place, "persons"), Place: place, Compartment: "persons", Rights: 1},
	}})
	if _, err := d.New(ctx, "key_person"); !errors.Is(err, ErrNoGrant) {
		t.Errorf("form that may only be read: %v", err)
	}
	ch, _ := d.change(d.mustSave(d.begin("asset", assetJSON)).Change)
	if ch.Header.Role != 2 || ch.Header.Grants != 1 {
		t.Errorf("role %d, grants %d; want those of the grant", ch.Header.Role, ch.Header.Grants)
	}
}

// TestNarrowRolesAreToldBefore: what a committee's member may not write is refused when
// it is begun or opened, not when it has been filled in and sent.
func TestNarrowRolesAreToldBefore(t *testing.T) {
	d := newDevice(t)
	asset := d.record("asset", assetJSON)
	place := d.Person().Place
	d.grant(wire.GrantsNote{GrantSerial: 1, Grants: []wire.Grant{
		{Scope: syncproto.ScopeOf(place, "reference"), Place: place, Compartment: "reference", Rights: 1},
		{Scope: syncproto.ScopeOf(place, "plain"), Place: place, Compartment: "plain", Rights: 1 | RightWrite, Role: 15},
	}})
	if _, err := d.New(ctx, "need"); !errors.Is(err, ErrNoGrant) {
		t.Errorf("a need: %v", err)
	}
	if _, err := d.Edit(ctx, asset); !errors.Is(err, ErrNoGrant) {
		t.Errorf("an asset that is there: %v", err)
	}
	for _, form := range []string{"meeting", "decision", "monitoring_review", "measurement"} {
		if _, err := d.New(ctx, form); err != nil {
			t.Errorf("%s: %v", form, err)
		}
	}
}
