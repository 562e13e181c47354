package clientsdk

import (
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// fromNewerRelease is a record that somebody with a newer release made: of a
// form that is unknown here, or with a field that its form here does not have.
func (o *office) fromNewerRelease(d *device, id syncproto.RecordID, form uint32, ops ...syncproto.Op) {
	o.Helper()
	s := syncproto.NewRecordState(id)
	o.n++
	ch, err := wire.NewChange(syncproto.Header{Verb: syncproto.VerbCreate, Record: id, Form: form, Package: 99,
		Scope: syncproto.ScopeOf(d.Person().Place, "plain"), OriginLog: syncproto.LogID{200}, OriginSeq: o.n, Author: personOf("ali"), Time: d.clock.now.UnixMilli()},
		[16]byte{byte(o.n)}, append(ops, merge.Presence(s, personOf("ali"), true, false)))
	if err != nil {
		o.Fatal(err)
	}
	o.take(ch)
}

// TestUnknownFormIsKept: a record whose form is unknown here is kept as it
// came, in the way of nothing, and an edit of a known form leaves a field alone
// that only a newer release knows.
func TestUnknownFormIsKept(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	d.record("asset", assetJSON)
	value := syncproto.RawBytes(60<<2|syncproto.ClassBytes, "از آینده")
	strange, half := syncproto.RecordID{1, 9: 1}, syncproto.RecordID{2, 9: 1}
	asset, _ := d.forms.FormByName("asset")
	title, _ := asset.FieldByName("title_fa")
	o.fromNewerRelease(d, strange, 9999, syncproto.Op{Kind: syncproto.OpSet, Field: 500, Value: value})
	o.fromNewerRelease(d, half, uint32(asset.ID), syncproto.Op{Kind: syncproto.OpSet, Field: 500, Value: value},
		syncproto.Op{Kind: syncproto.OpSet, Field: uint32(title.ID), Value: syncproto.Text("پل")})
	o.sync(d)

	r := d.get(strange)
	if r.Form != nil || r.Deleted {
		t.Errorf("the unknown record is %+v", r)
	}
	if n, err := d.Count(ctx, Query{}); err != nil || n != 3 {
		t.Errorf("%d records are listed, %v; want all three", n, err)
	}
	if _, err := d.History(ctx, strange); err != nil {
		t.Errorf("its history: %v", err)
	}
	draft := d.open(half)
	d.set(draft, "title_fa", "پل چوبی")
	d.set(draft, "category", "physical")
	d.set(draft, "subtype", "hall")
	d.mustSave(draft)
	o.sync(d)
	d.restart()
	for _, id := range []syncproto.RecordID{strange, half} {
		h, err := d.store.State(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if c := h.State.Candidates(syncproto.CellKey{Field: 500}); len(c) != 1 || c[0].Value != value {
			t.Errorf("%v: field 500 holds %v on the device", id, c)
		}
		if c := o.records[id].Candidates(syncproto.CellKey{Field: 500}); len(c) != 1 || c[0].Value != value {
			t.Errorf("%v: field 500 holds %v on the server", id, c)
		}
	}
	if got := d.value(half, "title_fa"); got.Text() != "پل چوبی" {
		t.Errorf("title is %v", got)
	}
}
