package clientsdk

import (
	"reflect"
	"strings"
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

// TestDaysAreTheProvinces: what a form offers for a due day, and how far two rounds have to
// lie apart, are the province's days; the usual ones where it says nothing.
func TestDaysAreTheProvinces(t *testing.T) {
	d := newDevice(t)
	hood, province := d.Person().Place, syncproto.PlaceID{1}
	note := wire.GrantsNote{GrantSerial: 1, Places: []wire.Place{{ID: province, Kind: placeProvince}, {ID: hood, Kind: 4, Parent: province}}}
	for place, compartment := range map[syncproto.PlaceID]string{province: "reference", hood: "plain"} {
		note.Grants = append(note.Grants, wire.Grant{Scope: syncproto.ScopeOf(place, compartment), Place: place, Compartment: compartment, Rights: 1 | RightWrite, Role: 8})
	}
	d.grant(note)
	offered := func(form, fields, due string) string {
		t.Helper()
		draft := d.begin(form, fields)
		f, _ := draft.Form().FieldByName(due)
		v := draft.Offers()[f.ID]
		if v.IsEmpty() {
			return ""
		}
		date, err := jalali.Day(v.Date()).Date()
		if err != nil {
			t.Fatal(err)
		}
		return date.String()
	}
	const scores = `"participants_total": 12, "participants_women": 6, "participants_men": 6, "scores": [{"domain": "participation", "consensus": 3},
		{"domain": "leadership", "consensus": 3}, {"domain": "resource_mobilisation", "consensus": 3}, {"domain": "links", "consensus": 3}, {"domain": "skills", "consensus": 3}]`
	d.record("capacity_assessment", `{"instrument": "simple_s1", "round_no": 1, "held_on": "2026-01-01", `+scores+`}`)
	second := d.begin("capacity_assessment", `{"instrument": "simple_s1", "round_no": 2, "held_on": "2026-02-10", `+scores+`}`)
	asked := func(dossier, agreement, reply, apart string) {
		t.Helper()
		for _, x := range []struct{ form, fields, due, want string }{
			{"dossier", `{"assigned_on": "1404/10/26"}`, "due_on", dossier},
			{"dossier", `{}`, "due_on", ""},
			{"dossier", `{"assigned_on": "1404/10/26", "due_on": "1404/12/01"}`, "due_on", ""},
			{"agreement", `{"start_on": "1404/02/10"}`, "end_on", agreement},
			{"advocacy_request", `{"sent_on": "1404/10/26"}`, "reply_due_on", reply},
		} {
			if got := offered(x.form, x.fields, x.due); got != x.want {
				t.Errorf("%s %s is offered %q as %s, want %q", x.form, x.fields, got, x.due, x.want)
			}
		}
		flagged := amongOf(second.Problems())
		if apart == "" && len(flagged) > 0 || apart != "" && (len(flagged) != 1 || !strings.Contains(flagged[0].Message.En, apart)) {
			t.Errorf("rounds 40 days apart: %+v, want %q", flagged, apart)
		}
	}
	asked("1404/11/26", "1404/12/29", "1404/11/26", "less than 90 days")
	draft, err := d.NewAt(ctx, "province_settings", province)
	if err != nil {
		t.Fatal(err)
	}
	if err := draft.SetJSON([]byte(`{"province_code": "01", "dossier_months": 2, "agreement_year_end": false, "reply_days": 10, "round_days": 30}`)); err != nil {
		t.Fatal(err)
	}
	d.mustSave(draft)
	asked("1404/12/26", "1405/02/10", "1404/11/06", "")
}
