package clientsdk

import (
	"reflect"
	"testing"
	"time"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// TestNeighbourhoods: before the first contact the dossier is counted over what
// was recorded here, and what is missing is not taken for received.
func TestNeighbourhoods(t *testing.T) {
	d := newDevice(t)
	d.record("asset", assetJSON)
	d.record("dossier", dossierJSON)
	all, err := d.Neighbourhoods(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d neighbourhoods: %v", len(all), err)
	}
	n := all[0]
	if n.Place != d.Person().Place || !n.Mine || n.Whole {
		t.Errorf("place %v, mine %t, whole %t; want the enrolment's, mine, and not whole", n.Place, n.Mine, n.Whole)
	}
	if len(n.Summary.Fills) != len(indicators.Sections) || n.Summary.Dossier == nil || n.Summary.Dossier.Status != "assigned" {
		t.Fatalf("sections %v, dossier %v", n.Summary.Fills, n.Summary.Dossier)
	}
	for _, f := range n.Summary.Fills {
		if want := map[indicators.Section]int64{indicators.SectionAssets: 1}[f.Section]; f.Done != want {
			t.Errorf("%s: %d done, want %d", f.Section, f.Done, want)
		}
	}
	if err := d.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Neighbourhoods(ctx); err == nil {
		t.Error("a locked device was counted")
	}
}

// TestSettingsAreTheProvinces: guards count by the province's table, of two records by
// the first, as the office's figures do; a county's record is nobody's.
func TestSettingsAreTheProvinces(t *testing.T) {
	d := newDevice(t)
	hood, county, province := d.Person().Place, syncproto.PlaceID{2}, syncproto.PlaceID{1}
	note := wire.GrantsNote{GrantSerial: 1, Places: []wire.Place{{ID: province, Kind: placeProvince}, {ID: county, Kind: 3, Parent: province}, {ID: hood, Kind: 4, Parent: county}}}
	for _, p := range []syncproto.PlaceID{province, county} {
		note.Grants = append(note.Grants, wire.Grant{Scope: syncproto.ScopeOf(p, "reference"), Place: p, Compartment: "reference", Rights: 1 | RightWrite, Role: 8})
	}
	d.grant(note)
	at := func(place syncproto.PlaceID, fields string) syncproto.RecordID {
		draft, err := d.NewAt(ctx, "province_settings", place)
		if err != nil {
			t.Fatal(err)
		}
		if err := draft.SetJSON([]byte(fields)); err != nil {
			t.Fatal(err)
		}
		return d.mustSave(draft).Record
	}
	at(county, `{"province_code": "01", "reply_days": 5}`)
	if got := d.settings(ctx, hood); got.ReplyDays != 30 {
		t.Errorf("a county's record gives %d days", got.ReplyDays)
	}
	first := at(province, `{"province_code": "02", "decided_on": "2026-03-21", "working_days": true, "weekend": ["friday"], "holidays": [{"day": "2026-06-26"}]}`)
	d.clock.pass(time.Second)
	at(province, `{"province_code": "01", "reply_days": 7}`)
	got := d.settings(ctx, hood)
	want := indicators.ShippedValues().Calendar
	want.WorkingDays, want.Weekend, want.Holidays = true, []jalali.Weekday{jalali.Friday}, []jalali.Day{20630}
	if !reflect.DeepEqual(got.Calendar, want) || got.ReplyDays != 30 {
		t.Errorf("the calendar is %+v, a reply takes %d days; want %+v and 30", got.Calendar, got.ReplyDays, want)
	}
	if _, err := d.Delete(ctx, first, ""); err != nil {
		t.Fatal(err)
	}
	if got := d.settings(ctx, hood); got.ReplyDays != 7 {
		t.Errorf("after the first was deleted a reply takes %d days", got.ReplyDays)
	}
}
