package indicators_test

import (
	"fmt"
	"testing"

	"mahalleh/schemas/indicators"
)

const hour, minute = 3600 * 1000, 60 * 1000

// TestDevices are D17 to D19 and the lag that stands with every figure.
func TestDevices(t *testing.T) {
	p := newPlace(t, 1)
	p.add(1, "neighbourhood", neighbourhood("محله", "رشت"))
	p.add(2, "dossier", dossier("collecting", nil))
	now := ms(t, "1404/11/27")
	s := p.summary()
	device := func(n byte, hours int64, queue, oldest, told, skew int64) indicators.Device {
		return indicators.Device{ID: indicators.ID{n}, Name: fmt.Sprint("d", n), LastSync: now - hours*hour, Queue: queue, Oldest: now - oldest*hour, Reported: now - told*hour,
			Skew: skew, SkewKnown: true}
	}
	s.Operations = &indicators.Operations{
		Changes: 2000, Merged: 30, Opened: 10,
		Devices: []indicators.Device{
			device(1, 72, 5, 80, 2, 10*minute),
			device(2, 73, 0, 0, 3, 11*minute),
			device(3, 241, 7, 300, 241, -25*60*minute),
			device(4, 15*24, 0, 0, 1, 0),
			{ID: indicators.ID{5}, Name: "d5", Queue: -1},
		},
		Lags: []indicators.Lag{{Hours: 1, Changes: 50}, {Hours: 30, Changes: 39}, {Hours: 200, Changes: 11}},
	}
	settings := indicators.ShippedValues()
	at := indicators.Moment{Today: day(t, "1404/11/27"), Now: now}
	f := indicators.Combine(at, []indicators.Summary{s}, &settings)
	want(t, f, "D17", map[string]string{"devices": "5", "green": "1", "yellow": "1", "red": "2", "never_synced": "1", "silent": "1", "lag_p50": "1", "lag_p90": "200"})
	wantRow(t, f, "D17", "device_list", "d3", "10", "red", "0")
	wantRow(t, f, "D17", "device_list", "d4", "15", "red", "1")
	want(t, f, "D18", map[string]string{"queue": "12", "devices_waiting": "2", "devices_told": "4", "oldest_hours": "300"})
	wantRow(t, f, "D18", "device_list", "d3", "7", "300", "241")
	want(t, f, "D19", map[string]string{"devices": "4", "skew_median": "0", "amber_clocks": "1", "red_clocks": "1"})
	want(t, f, "D09", map[string]string{"open": "0", "age_max": "—", "auto_rate": "75.0", "per_1000_changes": "5.00"})
	for _, x := range f.Figures {
		if x.AsOf != now || x.Lag.String() != "1" || x.Formula != indicators.Version {
			t.Errorf("%s says %d, lag %s, formula %d", x.ID, x.AsOf, x.Lag, x.Formula)
		}
	}
	// Nobody is silent where nothing is to be done.
	p.records[1] = p.record(2, "dossier", "1404/10/26", dossier("published", nil))
	done := p.summary()
	done.Operations = s.Operations
	want(t, indicators.Combine(at, []indicators.Summary{done}, &settings), "D17", map[string]string{"silent": "0"})
	// Nothing is said of devices where nobody told of any.
	want(t, combine(t, "1404/11/27", p), "D09", map[string]string{"auto_rate": "—", "per_1000_changes": "—"})
}

// TestConflicts is D09 by form; those of the harm map are left out.
func TestConflicts(t *testing.T) {
	p := newPlace(t, 1)
	since := func(n int, form, on string, values map[string]any) {
		r := p.record(n, form, on, values)
		r.Conflicts = []indicators.Conflict{{Field: 10, Since: ms(t, on)}, {Field: 11, Since: ms(t, on)}}
		p.records = append(p.records, r)
	}
	since(1, "asset", "1404/11/20", map[string]any{"category": "physical"})
	since(2, "asset", "1404/11/01", map[string]any{"category": "physical"})
	since(3, "need", "1404/11/26", map[string]any{"category": "health"})
	since(4, "harm_rating", "1404/11/26", map[string]any{"harm_code": "theft", "intensity": 2})
	f := combine(t, "1404/11/27", p)
	want(t, f, "D09", map[string]string{"open": "6", "age_p50": "7", "age_p90": "26", "age_max": "26", "late_conflicts": "2"})
	wantRow(t, f, "D09", "by_form", "asset", "4", "7", "26", "26", "2")
	classC := int64(0)
	for _, c := range p.summary().Conflicts {
		if c.Class == "C" && c.Needed {
			classC += c.Count
		}
	}
	if classC != 2 { // harm and unit of the rating
		t.Errorf("%d conflicts of class C on needed fields", classC)
	}
}

// TestTraining is D23: assigned, trained, with a certificate that holds, active.
func TestTraining(t *testing.T) {
	p, province := newPlace(t, 1), newPlace(t, 2)
	worker := func(n, person int, role string, more map[string]any) {
		v := map[string]any{"person_id": ref(person), "role": role, "centre_id": ref(800), "assigned_neighbourhood_ids": []string{ref(1)}}
		for k, x := range more {
			v[k] = x
		}
		p.add(n, "facilitator", v)
	}
	worker(1, 901, "facilitator", nil)
	worker(2, 902, "facilitator", nil)
	worker(3, 903, "technical_manager", nil)
	worker(4, 904, "facilitator", map[string]any{"active_to": "1404/11/01"})
	worker(5, 905, "licence_holder", map[string]any{"assigned_neighbourhood_ids": nil})
	attended := func(n, person int, more map[string]any) {
		v := map[string]any{"course_id": ref(950), "person_id": ref(person)}
		for k, x := range more {
			v[k] = x
		}
		province.add(n, "training_attendance", v)
	}
	attended(10, 901, map[string]any{"certificate_no": "۱", "valid_until": "1404/11/26"})
	attended(11, 901, map[string]any{"certificate_no": "۲", "valid_until": "1405/01/01"})
	attended(12, 902, map[string]any{"certificate_no": "۳", "valid_until": "1404/01/01"})
	attended(13, 904, nil)
	r := p.record(20, "asset", "1404/11/10", map[string]any{"category": "physical"})
	r.Hands = []indicators.Hand{{Person: indicators.ID(schemasID(902)), Time: r.Made}, {Person: indicators.ID{99}, Time: r.Made}}
	p.records = append(p.records, r)
	f := combine(t, "1404/11/27", p, province)
	want(t, f, "D23", map[string]string{"workers": "3", "trained": "2", "trained_rate": "66.7", "valid_certificate": "1", "activated": "1", "activated_rate": "50.0"})
	wantRow(t, f, "D23", "by_role", "technical_manager", "1", "0", "0.0", "0", "0", "—")
	// An account that is another id than the person's record is told apart by whoever knows both.
	s, o := p.summary(), province.summary()
	s.Operations = &indicators.Operations{People: []indicators.Identity{{Author: indicators.ID{99}, Person: indicators.ID(schemasID(901))}}}
	settings := indicators.ShippedValues()
	f = indicators.Combine(indicators.Moment{Today: day(t, "1404/11/27")}, []indicators.Summary{s, o}, &settings)
	want(t, f, "D23", map[string]string{"activated": "2"})
	want(t, combine(t, "1405/02/01", p, province), "D23", map[string]string{"valid_certificate": "0", "activated": "0"})
}

// TestQuality is D28.
func TestQuality(t *testing.T) {
	p := newPlace(t, 1)
	v := neighbourhood("محله", "رشت")
	v["boundary"] = []map[string]any{{"lat": 37.25, "lon": 49.60}, {"lat": 37.26, "lon": 49.60}, {"lat": 37.26, "lon": 49.61}, {"lat": 37.25, "lon": 49.61}, {"lat": 37.25, "lon": 49.60}}
	p.add(1, "neighbourhood", v)
	survey := func(n, minutes int, severities ...int) {
		var rows []map[string]any
		for i, s := range severities {
			rows = append(rows, map[string]any{"service": []string{"water", "gas", "road", "park", "bank", "post"}[i], "severity": s})
		}
		p.add(n, "household_response", map[string]any{"household_no": n, "duration_min": minutes, "services_problem": rows})
	}
	survey(10, 20, 2, 2, 2, 2, 2, 2)
	survey(11, 4, 2, 2, 2, 2, 2, 1)
	survey(12, 5, 3, 3, 3, 3) // too few answers to say
	p.add(13, "household_response", map[string]any{"household_no": 13, "refused": true})
	asset := func(n int, title string, lat, lon float64, more map[string]any) {
		v := map[string]any{"category": "physical", "subtype": "hall", "title_fa": title, "location": map[string]any{"lat": lat, "lon": lon, "accuracy_m": 8}}
		for k, x := range more {
			v[k] = x
		}
		p.add(n, "asset", v)
	}
	asset(20, "سالن ورزشی دبستان شهید گمنام", 37.2511, 49.6024, nil)
	asset(21, "سالن ورزشي دبستان شهيد گمنام", 37.25118, 49.6025, nil) // 13 m away
	asset(22, "سالن ورزشی دبستان شهید گمنام", 37.2520, 49.6024, nil)  // 100 m away
	asset(23, "سالن ورزشی دبستان شهید گمنام", 37.2511, 49.6024, map[string]any{"duplicate_of": ref(20)})
	asset(24, "باغ", 37.30, 49.70, nil)
	p.add(30, "block", map[string]any{"code": "B01"})
	p.add(31, "block", map[string]any{"code": "b۰۱"})
	// What the program writes at an approval is nobody's record.
	for n := range 6 {
		p.add(40+n, indicators.SnapshotForm, map[string]any{"dossier_id": ref(50), "number": 1, "part": 1, "content": "-"})
	}
	f := combine(t, "1404/11/27", p)
	want(t, f, "D28", map[string]string{"records": "12", "repeats": "1", "doubles": "1", "straight_share": "33.3", "short_share": "33.3", "outside_share": "25.0", "bursts": "1"})
	warnings, missing := int64(0), int64(0)
	for _, r := range p.records {
		if r.Form.Name == indicators.SnapshotForm {
			continue
		}
		warnings, missing = warnings+r.Judged.Warnings, missing+r.Judged.Missing
	}
	want(t, f, "D28", map[string]string{"warnings_per_100": hundredth(warnings, 12), "missing_per_100": hundredth(missing, 12)})
	if warnings == 0 || missing == 0 {
		t.Error("nothing to warn of")
	}
}

// hundredth is 100·n/d to one decimal, half up.
func hundredth(n, d int64) string {
	tenths := (2000*n + d) / (2 * d)
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}

// TestHarmMap is D12: one cell that is shown, one that is not, one whose few
// unconfirmed ratings hide how many are confirmed, and a map of blocks.
func TestHarmMap(t *testing.T) {
	p := newPlace(t, 1)
	p.add(1, "neighbourhood", neighbourhood("محله", "رشت"))
	p.add(2, "neighbourhood_profile", map[string]any{"reference_year": 1404, "data_basis": "census", "population": 2000, "households": 600})
	p.add(3, "block", map[string]any{"code": "B01", "households": 10})
	n := 10
	rate := func(times int, code, month string, intensity, informants int) {
		for range times {
			n++
			p.records = append(p.records, p.harm(n, code, month, intensity, informants))
		}
	}
	rate(6, "poverty", "1404/11/05", 4, 3)
	rate(6, "poverty", "1403/11/05", 1, 3)
	rate(4, "theft", "1404/11/05", 3, 3)
	rate(6, "divorce", "1404/11/05", 1, 3)
	rate(2, "divorce", "1404/11/05", 4, 1)
	rate(9, "vandalism", "1404/11/05", 0, 3)
	settings := indicators.ShippedValues()
	at := indicators.Moment{Today: day(t, "1404/11/27"), From: 140411, To: 140411}
	f := indicators.Combine(at, []indicators.Summary{p.summary()}, &settings)
	// Intensity: (6·4·2 + 6·1 + 2·4)/(12 + 8); the rate is of six confirmed of 2,000.
	want(t, f, "D12", map[string]string{"ratings": "14", "hidden_cells": "1", "intensity": "3.1", "per_1000": "3.00", "year_change": "8"})
	wantRow(t, f, "D12", "harm_cells", "poverty", "1404-11", "6", "6")
	wantRow(t, f, "D12", "harm_cells", "theft", "1404-11", "<5", "*")
	wantRow(t, f, "D12", "harm_cells", "divorce", "1404-11", "8", "*")
	wantRow(t, f, "D12", "by_harm", "theft", "0", "1", "—", "0.00")
	x, _ := f.Figure("D12")
	if rows := x.Table("map_cells").Rows; len(rows) != 1 || rows[0].Cells[0].String() != "3.1" {
		t.Errorf("the map is %+v", rows)
	}
	settings.Needs.MapHouseholds = 11
	f = indicators.Combine(at, []indicators.Summary{p.summary()}, &settings)
	x, _ = f.Figure("D12")
	if rows := x.Table("map_cells").Rows; len(rows) != 0 {
		t.Errorf("a block of ten households is on the map: %+v", rows)
	}
}
