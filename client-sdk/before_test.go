package clientsdk

import (
	"errors"
	"testing"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// TestBeforeOfAConflict: who wrote one of the values of a conflict sees what
// stood there before, also where somebody else had written it; a device that only
// received the conflict says that it does not know.
func TestBeforeOfAConflict(t *testing.T) {
	d, other, o := newDevice(t), newDevice(t), newOffice(t)
	id := d.record("asset", assetJSON)
	o.sync(d)
	o.other(d, id, "ali", map[string]string{"condition": "4"})
	o.sync(d)
	d.edit(id, "condition", "2")
	o.other(d, id, "ali", map[string]string{"condition": "5"})
	o.sync(d)
	o.sync(other)
	x := d.get(id).Conflicts
	if len(x) != 1 {
		t.Fatalf("%d conflicts, want one", len(x))
	}
	d.restart()
	was, known, err := d.Before(ctx, &x[0])
	if err != nil || !known || was.Int() != 4 {
		t.Errorf("before: %v, known %v, %v; want 4", was.Int(), known, err)
	}
	far := other.get(id).Conflicts
	if _, known, err := other.Before(ctx, &far[0]); known || err != nil {
		t.Errorf("a device that wrote nothing knows what stood before: %v, %v", known, err)
	}
}

// TestHistorySaysWhatWasReplaced: from what to what, of each field that this
// device changed.
func TestHistorySaysWhatWasReplaced(t *testing.T) {
	d := newDevice(t)
	id := d.record("asset", assetJSON)
	draft := d.open(id)
	d.set(draft, "condition", "5")
	d.set(draft, "description", "تازه رنگ شده است")
	d.mustSave(draft)
	all, err := d.History(ctx, id)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	for _, f := range all[0].Fields {
		if !f.WasKnown || !f.Was.IsEmpty() {
			t.Errorf("before the record was made, %s was %v", f.Path, f.Was)
		}
	}
	for _, f := range all[1].Fields {
		want := schemas.Value{}
		if f.Path == "condition" {
			want = schemas.IntValue(3)
		}
		if !f.WasKnown || !f.Was.Equal(want) {
			t.Errorf("%s was %v, known %v", f.Path, f.Was, f.WasKnown)
		}
	}
}

// TestUndo takes an own change back: only what it did, and nothing of what
// others wrote since; nothing is saved before the person does.
func TestUndo(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("block", `{"code": "B01", "households": 30}`)
	o.sync(d)
	changed := d.edit(id, "households", "300")
	o.sync(d)
	o.other(d, id, "ali", map[string]string{"walk_order": "2"})
	o.sync(d)
	draft, err := d.Undo(ctx, id, changed.Change)
	if err != nil {
		t.Fatal(err)
	}
	if got := draft.Changed(); len(got) != 1 || got[0] != "households" {
		t.Errorf("taken back: %v", got)
	}
	if v := d.value(id, "households"); v.Int() != 300 {
		t.Error("it was saved before anybody asked for it")
	}
	d.mustSave(draft)
	if d.value(id, "households").Int() != 30 || d.value(id, "walk_order").Int() != 2 {
		t.Errorf("after the undo: %v households, walk %v", d.value(id, "households").Int(), d.value(id, "walk_order").Int())
	}
	for _, x := range []syncproto.ChangeID{changed.Change, {1}} {
		if _, err := d.Undo(ctx, id, x); !errors.Is(err, ErrNotFound) {
			t.Errorf("a change that is taken back, or unknown: %v", err)
		}
	}
}

// TestUndoOfRowsAndSets: a row that was added goes, one that was taken out comes
// back, and of a set only the element that was put in.
func TestUndoOfRowsAndSets(t *testing.T) {
	d := newDevice(t)
	id := d.record("household_response", `{"block_id": "019bc6a0-0102-7000-8000-000000000102", "household_no": 1, "income_sources": ["salary"], `+householdAnswers+`}`)
	before := d.get(id).Values
	draft := d.open(id)
	if err := draft.SetJSON([]byte(`{"income_sources": ["salary", "daily_wage"], "perceived_needs": [{"rank": 1, "category": "education", "text": "مدرسه"}]}`)); err != nil {
		t.Fatal(err)
	}
	changed := d.mustSave(draft)
	draft, err := d.Undo(ctx, id, changed.Change)
	if err != nil {
		t.Fatal(err)
	}
	d.mustSave(draft)
	after := d.get(id).Values
	for _, name := range []string{"income_sources", "perceived_needs"} {
		f, _ := draft.Form().FieldByName(name)
		was, is := before.Fields[f.ID], after.Fields[f.ID]
		same := was.Equal(is)
		if f.Type == schemas.TypeList {
			same = len(is.Items()) == 1 && is.Items()[0].ID == was.Items()[0].ID
		}
		if !same {
			t.Errorf("%s: %v after the undo, %v before", name, is, was)
		}
	}
}

// TestListsByState: what is not sent, what was deleted, each alone.
func TestListsByState(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	sent := d.record("block", `{"code": "B01"}`)
	gone := d.record("block", `{"code": "B02"}`)
	o.sync(d)
	if _, err := d.Delete(ctx, gone, "دو بار ثبت شده بود"); err != nil {
		t.Fatal(err)
	}
	fresh := d.record("block", `{"code": "B03"}`)
	for _, x := range []struct {
		name string
		q    Query
		want []syncproto.RecordID
	}{
		{"unsent", Query{States: []SyncState{4}}, []syncproto.RecordID{fresh}},
		{"applied", Query{States: []SyncState{0, 1, 2}}, []syncproto.RecordID{sent}},
		{"none", Query{States: []SyncState{}}, nil},
		{"trash", Query{Gone: true}, []syncproto.RecordID{gone}},
	} {
		page, err := d.List(ctx, x.q)
		if err != nil {
			t.Fatal(err)
		}
		tally, err := d.Tally(ctx, x.q)
		if err != nil || tally[schemas.FormID(7)] != len(x.want) {
			t.Errorf("%s: %v by form, %v", x.name, tally, err)
		}
		n, err := d.Count(ctx, x.q)
		if err != nil || n != len(x.want) || len(page.Rows) != n || n > 0 && page.Rows[0].ID != x.want[0] {
			t.Errorf("%s: %d rows, %v", x.name, n, page.Rows)
		}
	}
}
