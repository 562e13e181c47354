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
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// disagree makes a record on which this device and ali wrote different
// capacities; ali's came later and is shown.
func disagree(t *testing.T) (*device, *office, syncproto.RecordID) {
	t.Helper()
	d, o := newDevice(t), newOffice(t)
	id := d.record("asset", assetJSON)
	o.sync(d)
	draft := d.open(id)
	d.set(draft, "capacity_value", "80")
	d.clock.pass(time.Hour)
	d.mustSave(draft)
	d.clock.pass(time.Hour)
	o.other(d, id, "ali", map[string]string{"capacity_value": "50"})
	o.sync(d)
	return d, o, id
}

func TestSettle(t *testing.T) {
	for _, test := range []struct {
		name   string
		choice string
		want   int64
	}{
		{"mine", "mine", 80},
		{"theirs", "theirs", 50},
		{"the first candidate", "۱", 50},
		{"the second candidate", "2", 80},
		{"a new value", "=۶۵", 65},
		{"the empty value", "=", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, o, id := disagree(t)
			all, err := d.Conflicts(ctx)
			if err != nil || len(all) != 1 {
				t.Fatalf("conflicts are %+v, %v; want one", all, err)
			}
			x := all[0]
			if x.Path != "capacity_value" || x.Values[0].Value.Int() != 50 || x.Values[0].Mine || !x.Values[1].Mine || x.Title == "" {
				t.Errorf("conflict is %+v", x)
			}
			choice, err := d.ParseChoice(&x, test.choice)
			if err != nil {
				t.Fatal(err)
			}
			r, err := d.Settle(ctx, id, x.ID, choice, "شمردیم")
			if err != nil {
				t.Fatal(err)
			}
			ch, ops := d.change(r.Change)
			if ch.Header.Verb != syncproto.VerbSettle || len(ops["capacity_value"].Names) != 2 {
				t.Errorf("settled by %v naming %d values, want both", ch.Header.Verb, len(ops["capacity_value"].Names))
			}
			if got := d.value(id, "capacity_value"); got.Int() != test.want || got.IsEmpty() != (test.want == 0) {
				t.Errorf("settled on %v, want %d", got, test.want)
			}
			o.sync(d)
			if res := o.results[r.Change]; res.Outcome != syncproto.Applied {
				t.Errorf("the server says %v", res.Outcome)
			}
			if got := d.get(id); len(got.Conflicts) != 0 {
				t.Errorf("conflicts left: %+v", got.Conflicts)
			}
			if _, err := d.Settle(ctx, id, x.ID, Mine(), ""); !errors.Is(err, ErrNotFound) {
				t.Errorf("settled twice: %v", err)
			}
		})
	}
}

func TestSettleRefusals(t *testing.T) {
	d, _, id := disagree(t)
	for _, test := range []struct {
		name   string
		choice Choice
		reason string
		want   error
	}{
		{"no such candidate", Nth(3), "", ErrNotSettled},
		{"a value that breaks a rule", NewValue(schemas.IntValue(-1)), "", ErrInvalid},
		{"a value of another type", NewValue(schemas.TextValue("x")), "", ErrInvalid},
		{"a reason too long", Mine(), strings.Repeat("آ", MaxReason+1), ErrInvalid},
	} {
		if _, err := d.Settle(ctx, id, "capacity_value", test.choice, test.reason); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	place := d.Person().Place
	grant := wire.Grant{Scope: syncproto.ScopeOf(place, "plain"), Place: place, Compartment: "plain", Rights: 1 | RightWrite}
	d.grant(wire.GrantsNote{GrantSerial: 1, Grants: []wire.Grant{grant}})
	if _, err := d.Settle(ctx, id, "capacity_value", Mine(), ""); !errors.Is(err, ErrNoSettle) {
		t.Errorf("without the right: %v", err)
	}
	grant.Rights |= RightSettle
	d.grant(wire.GrantsNote{GrantSerial: 2, Grants: []wire.Grant{grant}})
	x, err := d.Conflict(ctx, id, "capacity_value")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "0", "ours", "-1"} {
		if _, err := d.ParseChoice(x, text); !errors.Is(err, ErrNotSettled) {
			t.Errorf("choice %q: %v", text, err)
		}
	}
}

func TestEqualValuesAreOneCandidate(t *testing.T) {
	d, o, id := disagree(t)
	// A third person writes what ali wrote, not knowing: two values, three authors.
	s := o.records[id].Clone()
	op := syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: 18, Value: syncproto.Int(50)}
	o.make(s, "reza", syncproto.VerbEdit, []syncproto.Op{op, merge.Presence(s, personOf("reza"), true, false)}, d.clock.now)
	o.sync(d)
	x, err := d.Conflict(ctx, id, "capacity_value")
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Values) != 2 || len(x.Values[0].By) != 2 {
		t.Errorf("candidates are %+v, want 50 by two and 80 by one", x.Values)
	}
}

func TestDeleteAgainstEdit(t *testing.T) {
	for _, test := range []struct {
		name   string
		choice Choice
		alive  bool
	}{
		{"kept", Theirs(), true},
		{"deleted", Mine(), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, o := newDevice(t), newOffice(t)
			id := d.record("asset", assetJSON)
			o.sync(d)
			if _, err := d.Delete(ctx, id, "ویران شد"); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Edit(ctx, id); !errors.Is(err, ErrDeleted) {
				t.Errorf("edit of a deleted record: %v", err)
			}
			o.other(d, id, "ali", map[string]string{"condition": "1"})
			o.sync(d)
			got := d.get(id)
			if !got.Contested || got.Deleted || len(got.Conflicts) != 1 || !got.Conflicts[0].Presence {
				t.Fatalf("record is %+v, want it contested", got)
			}
			if _, err := d.Settle(ctx, id, "presence", test.choice, ""); err != nil {
				t.Fatal(err)
			}
			if got := d.get(id); got.Deleted == test.alive || got.Contested {
				t.Errorf("deleted %v, contested %v; want alive %v", got.Deleted, got.Contested, test.alive)
			}
		})
	}
}

func TestDeleteAndRestore(t *testing.T) {
	d := newDevice(t)
	id := d.record("asset", assetJSON)
	if made, err := d.Restore(ctx, id, ""); err != nil || !made.IsZero() {
		t.Errorf("restored what stands: %v, %v", made, err)
	}
	if _, err := d.Delete(ctx, id, ""); err != nil {
		t.Fatal(err)
	}
	if rows, err := d.Find(ctx, "ورزشی"); err != nil || len(rows) != 0 {
		t.Errorf("found a deleted record: %+v, %v", rows, err)
	}
	if _, err := d.Delete(ctx, id, ""); !errors.Is(err, ErrDeleted) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := d.Restore(ctx, id, "اشتباه بود"); err != nil {
		t.Fatal(err)
	}
	if got := d.get(id); got.Deleted || got.Title == "" {
		t.Errorf("record is %+v", got)
	}
	h, err := d.History(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var verbs []syncproto.Verb
	for _, e := range h {
		verbs = append(verbs, e.Verb)
	}
	if !slices.Equal(verbs, []syncproto.Verb{syncproto.VerbCreate, syncproto.VerbDelete, syncproto.VerbRestore}) || h[2].Reason != "اشتباه بود" {
		t.Errorf("history is %+v", h)
	}
}

const needJSON = `{"title_fa": "کم‌آبی", "category": "infrastructure", "affected_groups": ["women"],
	"evidence_refs": ["019bc6a0-0003-7000-8000-000000000003"],
	"root_causes": [{"cause": "چاه خشک است"}, {"cause": "لوله‌ها فرسوده‌اند"}]}`

func TestRows(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("need", needJSON)
	o.sync(d)
	rows := d.value(id, "root_causes").Items()
	if len(rows) != 2 {
		t.Fatalf("rows are %+v", rows)
	}
	draft := d.open(id)
	fields, err := draft.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := draft.SetJSON([]byte(strings.Replace(string(fields), "خشک", "کم‌آب", 1))); err != nil {
		t.Fatal(err)
	}
	// Meanwhile ali adds a row at the end.
	o.other(d, id, "ali", map[string]string{"root_causes": strings.Replace(rowsJSON(t, draft), "]", `, {"cause": "خشکسالی"}]`, 1)})
	o.sync(d)
	_, ops := d.change(d.mustSave(draft).Change)
	if len(ops) != 3 {
		t.Errorf("the change of one cell of one row holds %d operations: %v", len(ops), ops)
	}
	o.sync(d)
	got := d.value(id, "root_causes").Items()
	if len(got) != 3 || got[0].ID != rows[0].ID || got[1].ID != rows[1].ID {
		t.Errorf("rows are %+v, want who they were and ali's", got)
	}
	if c := d.get(id).Conflicts; len(c) != 0 {
		t.Errorf("conflicts are %+v", c)
	}
}

// rowsJSON is the list of causes that stood on the screen, as JSON.
func rowsJSON(t *testing.T, d *Draft) string {
	t.Helper()
	f, _ := d.Form().FieldByName("root_causes")
	b, err := schemas.EncodeJSON(d.Form(), schemas.Record{Form: d.Form().ID, Fields: map[schemas.FieldID]schemas.Value{f.ID: d.before.Fields[f.ID]}})
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	return s[strings.Index(s, "["):strings.LastIndex(s, "}")]
}

// TestRowAgainstRemoval lets one work on a row that the other takes away.
func TestRowAgainstRemoval(t *testing.T) {
	for _, test := range []struct {
		name   string
		choice Choice
		rows   int
	}{
		{"the row stays", Mine(), 2},
		{"the row goes", Theirs(), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, o := newDevice(t), newOffice(t)
			id := d.record("need", needJSON)
			o.sync(d)
			draft := d.open(id)
			fields, err := draft.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if err := draft.SetJSON([]byte(strings.Replace(string(fields), "خشک", "کم‌آب", 1))); err != nil {
				t.Fatal(err)
			}
			f, _ := draft.Form().FieldByName("root_causes")
			rows := draft.before.Fields[f.ID].Items()
			o.other(d, id, "ali", map[string]string{"root_causes": `[{"id": "` + syncproto.ItemID(rows[1].ID).String() + `", "cause": "لوله‌ها فرسوده‌اند"}]`})
			d.mustSave(draft)
			o.sync(d)
			got := d.get(id)
			if len(got.Conflicts) != 1 || !got.Conflicts[0].Presence {
				t.Fatalf("conflicts are %+v, want one about the row", got.Conflicts)
			}
			if _, err := d.Settle(ctx, id, got.Conflicts[0].ID, test.choice, ""); err != nil {
				t.Fatal(err)
			}
			if n := len(d.value(id, "root_causes").Items()); n != test.rows {
				t.Errorf("%d rows, want %d", n, test.rows)
			}
			if left := d.get(id).Conflicts; len(left) != 0 {
				t.Errorf("conflicts left: %+v", left)
			}
		})
	}
}

func TestPreview(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("asset", assetJSON)
	o.sync(d)
	draft := d.open(id)
	d.set(draft, "capacity_value", "80")
	d.set(draft, "owner_kind", "public")
	o.other(d, id, "ali", map[string]string{"capacity_value": "50"})
	o.sync(d)
	d.mustSave(draft)
	p, err := d.Preview(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Verdicts) != 1 || p.Verdicts[0].Outcome != syncproto.Conflicted || len(p.Conflicts) != 1 {
		t.Fatalf("preview is %+v, want a conflict", p)
	}
	if c := p.Verdicts[0].Cells; len(c) != 1 || c[0].Path != "capacity_value" || c[0].Reason != syncproto.ReasonDistinct {
		t.Errorf("cells are %+v", c)
	}
	o.sync(d)
	h, err := d.History(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(h, func(e Entry) bool { return e.Own && e.Verb == syncproto.VerbEdit })
	if i < 0 || h[i].Verdict == nil || h[i].Verdict.Outcome != p.Verdicts[0].Outcome || h[i].Sync != localstore.SyncConflict {
		t.Errorf("the server decided otherwise than the preview: %+v", h)
	}
	if i := slices.IndexFunc(h, func(e Entry) bool { return !e.Own && e.Author == personOf("ali") }); i < 0 || len(h[i].Fields) != 1 {
		t.Errorf("ali's change is not in the history: %+v", h)
	}
}

func TestTransition(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	list, _ := d.forms.List("TEAMSTATUS")
	first, second := list.Items[0].Code, list.Items[1].Code
	draft := d.begin("local_team", `{"name": "تیم اجرایی محله", "formed_on": "1404/10/26", "formed_by_clinic_id": "019bc6a0-0003-7000-8000-000000000003"}`)
	d.set(draft, "status", first)
	id := d.mustSave(draft).Record
	o.sync(d)
	edit := d.open(id)
	if err := edit.Set("status", second); !errors.Is(err, ErrByTransition) {
		t.Errorf("state set by an edit: %v", err)
	}
	if _, err := d.Transition(ctx, id, "status", "nonsense", ""); !errors.Is(err, ErrInvalid) {
		t.Errorf("step to an unknown state: %v", err)
	}
	if _, err := d.Transition(ctx, id, "name", second, ""); !errors.Is(err, ErrUnknownField) {
		t.Errorf("step of a field that is no state: %v", err)
	}
	made, err := d.Transition(ctx, id, "status", second, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.value(id, "status").Code(); got != second {
		t.Errorf("state is %q, want %q", got, second)
	}
	o.sync(d)
	if res := o.results[made]; res.Outcome != syncproto.Applied {
		t.Errorf("the server says %v", res)
	}
}

func TestMove(t *testing.T) {
	d := newDevice(t)
	id := d.record("asset", assetJSON)
	elsewhere := syncproto.PlaceOf(testCode(t).Fingerprint, 13)
	made, err := d.Move(ctx, id, elsewhere, "")
	if err != nil {
		t.Fatal(err)
	}
	ch, ops := d.change(made)
	if ch.Header.Scope != syncproto.ScopeOf(d.Person().Place, "plain") {
		t.Error("the move is not judged where the author saw the record")
	}
	if to, _ := ops["home"].Value.AsScope(); to != syncproto.ScopeOf(elsewhere, "plain") {
		t.Errorf("moved to %v", to)
	}
	if got := d.get(id); got.Scope != syncproto.ScopeOf(elsewhere, "plain") {
		t.Errorf("scope is %v", got.Scope)
	}
}
