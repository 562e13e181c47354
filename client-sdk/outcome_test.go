package clientsdk

import (
	"slices"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// settle is a settlement by somebody else, made on the server's state.
func (o *office) settle(d *device, id syncproto.RecordID, who, field string, v schemas.Value) {
	o.Helper()
	s := o.records[id]
	form, _ := d.forms.Form(schemas.FormID(s.Form))
	f, ok := form.FieldByName(field)
	if !ok {
		o.Fatalf("no field %s", field)
	}
	before := merge.Content(form, s)
	now := before.Clone()
	now.Fields[f.ID] = v
	edit := merge.Edit{Form: form, Opened: s, Before: before, After: now, Author: personOf(who),
		Settled: map[syncproto.CellKey]bool{{Field: uint32(f.ID)}: true},
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(syncproto.LogID{200}, o.n+1, n) }}
	o.make(s, who, syncproto.VerbSettle, edit.Ops(), d.clock.now)
}

// TestAuthorIsToldTheOutcome: whose value lost or won in a conflict that
// somebody else settled hears of it, once, and nobody hears of what is open.
func TestAuthorIsToldTheOutcome(t *testing.T) {
	d, o, id := disagree(t)
	open, err := d.awaited(ctx)
	if err != nil || len(open) != 1 {
		t.Fatalf("waiting for %+v, %v; want one conflict", open, err)
	}
	if told, err := d.settledSince(ctx, open); err != nil || len(told) != 0 {
		t.Errorf("told %+v, %v while it is open", told, err)
	}
	o.settle(d, id, "ali", "capacity_value", schemas.IntValue(60))
	o.sync(d)
	told, err := d.settledSince(ctx, open)
	if err != nil || len(told) != 1 {
		t.Fatalf("told %+v, %v; want one outcome", told, err)
	}
	if x := told[0]; x.Record != id || x.Path != "capacity_value" || x.Value.Int() != 60 || x.By.Author != personOf("ali") {
		t.Errorf("told %+v", x)
	}
	if open, err = d.awaited(ctx); err != nil || len(open) != 0 {
		t.Errorf("still waiting for %+v, %v", open, err)
	}
	h, err := d.History(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if last := h[len(h)-1]; last.Author != personOf("ali") || last.Verb != syncproto.VerbSettle {
		t.Errorf("the history ends with %+v, want ali's settlement", last)
	}
}

// TestAuthorIsToldOfConflictAndSettlementAtOnce: whose change made a conflict that
// was settled before this device saw it hears who decided and on what; of an open
// conflict, of one's own settlement and of a plain change there is nothing to tell.
func TestAuthorIsToldOfConflictAndSettlementAtOnce(t *testing.T) {
	for _, test := range []struct {
		name    string
		between func(d *device, o *office, id syncproto.RecordID)
		told    int
	}{
		{"settled by another", func(d *device, o *office, id syncproto.RecordID) {
			o.settle(d, id, "ali", "capacity_value", schemas.IntValue(60))
		}, 1},
		{"settled on the own value", func(d *device, o *office, id syncproto.RecordID) {
			o.settle(d, id, "ali", "capacity_value", schemas.IntValue(80))
		}, 1},
		{"still open", func(*device, *office, syncproto.RecordID) {}, 0},
		{"another field changed", func(d *device, o *office, id syncproto.RecordID) {
			o.other(d, id, "ali", map[string]string{"condition": "1"})
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, o := newDevice(t), newOffice(t)
			id := d.record("asset", assetJSON)
			o.sync(d)
			own := d.edit(id, "capacity_value", "80").Change
			d.clock.pass(time.Hour)
			o.other(d, id, "ali", map[string]string{"capacity_value": "50"})
			o.between = func() { test.between(d, o, id) }
			o.sync(d)
			told, err := d.settledUnseen(ctx, []syncproto.Result{o.results[own]})
			if err != nil || len(told) != test.told {
				t.Fatalf("told %+v, %v; want %d outcomes", told, err, test.told)
			}
			for _, x := range told {
				if x.Record != id || x.Path != "capacity_value" || x.Title == "" || x.By.Author != personOf("ali") || x.Value.Int() != o.shown(id, "capacity_value", d) ||
					len(x.Values) != 1 || !x.Values[0].Mine || x.Values[0].Value.Int() != 80 {
					t.Errorf("told %+v", x)
				}
			}
		})
	}
}

// shown is the number that a field shows at the office.
func (o *office) shown(id syncproto.RecordID, field string, d *device) int64 {
	form, _ := d.forms.Form(schemas.FormID(o.records[id].Form))
	f, _ := form.FieldByName(field)
	return merge.Content(form, o.records[id]).Fields[f.ID].Int()
}

// TestOutcomesOfARun: a conflict that came while the device watched is told when
// it was settled, once, also if its change was heard of in the same run.
func TestOutcomesOfARun(t *testing.T) {
	d, o, id := disagree(t)
	l := &listener{client: d.Client, heard: o.results, watching: true}
	l.await(ctx)
	l.await(ctx)
	if len(l.open) != 1 {
		t.Fatalf("waiting for %+v, want one conflict once", l.open)
	}
	for change := range o.results {
		l.order = append(l.order, change)
	}
	o.settle(d, id, "ali", "capacity_value", schemas.IntValue(60))
	o.sync(d)
	told, err := d.outcomes(ctx, l)
	if err != nil || len(told) != 1 || len(told[0].Values) != 2 || told[0].Value.Int() != 60 {
		t.Errorf("told %+v, %v; want one outcome with both values", told, err)
	}
}

// TestConflictOfOthersIsNotAwaited: only whose value is in a conflict waits for
// its outcome.
func TestConflictOfOthersIsNotAwaited(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	id := d.record("asset", assetJSON)
	o.sync(d)
	base := o.records[id].Clone()
	o.other(d, id, "ali", map[string]string{"capacity_value": "50"})
	form, _ := d.forms.Form(schemas.FormID(base.Form))
	f, _ := form.FieldByName("capacity_value")
	before := merge.Content(form, base)
	now := before.Clone()
	now.Fields[f.ID] = schemas.IntValue(70)
	edit := merge.Edit{Form: form, Opened: base, Before: before, After: now, Author: personOf("zahra")}
	o.make(o.records[id], "zahra", syncproto.VerbEdit, edit.Ops(), d.clock.now)
	o.sync(d)
	if all, err := d.Conflicts(ctx); err != nil || len(all) != 1 {
		t.Fatalf("conflicts are %+v, %v", all, err)
	}
	if open, err := d.awaited(ctx); err != nil || len(open) != 0 {
		t.Errorf("waiting for %+v, %v", open, err)
	}
}

// TestSettlementSaysOnlyWhatItSettled: that a record is there is no news in its
// history unless that was the question.
func TestSettlementSaysOnlyWhatItSettled(t *testing.T) {
	d, _, id := disagree(t)
	if _, err := d.Settle(ctx, id, "capacity_value", Mine(), ""); err != nil {
		t.Fatal(err)
	}
	h, err := d.History(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range h[len(h)-1].Fields {
		paths = append(paths, f.Path)
	}
	if !slices.Equal(paths, []string{"capacity_value"}) {
		t.Errorf("the settlement says %q", paths)
	}
}
