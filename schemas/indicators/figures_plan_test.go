package indicators_test

import (
	"testing"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
)

// TestFunnel is D07: one neighbourhood with evidence up to trust building, though
// it lacks that of the stage before; one enrolled and idle; one not in the plan.
func TestFunnel(t *testing.T) {
	a, b, c := newPlace(t, 1), newPlace(t, 2), newPlace(t, 3)
	enrolment := map[string]any{"neighbourhood_id": ref(1), "programme": "empowerment_plan", "executor_org_id": ref(800), "decision_id": ref(801), "started_on": "1404/10/20",
		"stage": "trust_building", "stages": []map[string]any{
			{"stage": "clinic_selected", "opened_on": "1404/10/01", "closed_on": "1404/10/11"},
			{"stage": "trust_building", "opened_on": "1404/10/21"}}}
	for i, p := range []*place{a, b, c} {
		p.add(1, "neighbourhood", neighbourhood([]string{"الف", "ب", "پ"}[i], "سنندج"))
	}
	a.add(2, "programme_enrolment", enrolment)
	for i, kind := range []string{"public_meeting", "brochure", "banner", "ceremony", "manager_visit"} {
		a.add(10+i, "activity", map[string]any{"type": kind, "held_on": "1404/10/25", "participants_total": 10})
	}
	b.add(2, "programme_enrolment", map[string]any{"neighbourhood_id": ref(1), "programme": "empowerment_plan", "executor_org_id": ref(800), "started_on": "1404/10/01"})
	f := combine(t, "1404/11/10", a, b, c)
	want(t, f, "D07", map[string]string{"enrolled": "2", "stuck": "1"})
	wantRow(t, f, "D07", "by_stage", "clinic_selected", "2", "50.0", "10")
	wantRow(t, f, "D07", "by_stage", "initial_assessment", "1", "100.0", "—")
	wantRow(t, f, "D07", "by_stage", "trust_building", "1", "0.0", "—")
	wantRow(t, f, "D07", "by_stage", "community_profile", "0", "—", "—")
	wantRow(t, f, "D07", "stuck_list", "ب", "39", "clinic_selected")
}

// TestFifteenDays is D08: T1 of 1404/10/26 ends on 1404/11/11.
func TestFifteenDays(t *testing.T) {
	county := newPlace(t, 9)
	clinic := func(n int, selected any) {
		county.add(n, "organisation", map[string]any{"name_fa": "کلینیک", "kind": "sw_clinic", "province_code": "12", "county": "سنندج", "selected_on": selected})
	}
	clinic(1, "1404/10/26")
	clinic(2, "1404/10/26")
	clinic(3, "1404/11/01")
	clinic(4, nil)
	p := newPlace(t, 1)
	p.add(1, "neighbourhood", neighbourhood("محله", "سنندج"))
	p.add(2, "programme_enrolment", map[string]any{"neighbourhood_id": ref(1), "programme": "empowerment_plan", "executor_org_id": ref(1), "started_on": "1404/11/11"})
	f := combine(t, "1404/11/12", county, p)
	want(t, f, "D08", map[string]string{"clinics_selected": "3", "clinics_judged": "2", "in_15_days": "50.0"})
	wantRow(t, f, "D08", "clinics_late", "کلینیک", "1", "—")
	want(t, combine(t, "1404/11/11", county, p), "D08", map[string]string{"clinics_judged": "1", "in_15_days": "100.0"})
}

// TestWorkingDays: where a province counts working days, D06, D08 and D21 do. From
// Friday 1404/10/26 with its weekend and a holiday on Sunday the 5th, the 15 days end
// on 1404/11/18, 14 on the 15th, 30 on 1404/12/10: 22 Bahman is one of every year.
func TestWorkingDays(t *testing.T) {
	s := indicators.ShippedValues()
	s.Calendar.WorkingDays, s.Calendar.Holidays = true, []jalali.Day{day(t, "1404/11/05")}
	p := newPlace(t, 1)
	p.add(1, "neighbourhood", neighbourhood("محله", "سنندج"))
	p.add(2, "organisation", map[string]any{"name_fa": "کلینیک", "kind": "sw_clinic", "province_code": "12", "county": "سنندج", "selected_on": "1404/10/26"})
	p.add(3, "dossier", map[string]any{"neighbourhood_id": ref(1), "revision_no": 1, "assigned_on": "1404/09/20", "due_on": "1404/10/20", "status": "submitted", "submitted_on": "1404/10/26"})
	p.add(4, "advocacy_request", map[string]any{"programme": "social_health_base", "target_org_id": ref(2), "state": "sent", "sent_on": "1404/10/26"})
	for _, c := range []struct{ today, late, judged, overdue string }{
		{"1404/11/15", "0", "0", "0"}, {"1404/11/16", "1", "0", "0"}, {"1404/11/18", "1", "0", "0"}, {"1404/11/19", "1", "1", "0"},
		{"1404/12/10", "1", "1", "0"}, {"1404/12/11", "1", "1", "1"},
	} {
		f := combineWith(t, &s, c.today, p)
		want(t, f, "D06", map[string]string{"review_late": c.late})
		want(t, f, "D08", map[string]string{"clinics_judged": c.judged})
		want(t, f, "D21", map[string]string{"overdue_requests": c.overdue})
	}
	s.Calendar.Weekend = []jalali.Weekday{0, 1, 2, 3, 4, 5, 6}
	want(t, combineWith(t, &s, "1404/11/12", p), "D08", map[string]string{"clinics_judged": "1"})
}

// TestActionPlans is D15 with domain description 8's item: 25 % of weight 2, from
// 2026-02-19 to 2026-03-20, thirty days.
func TestActionPlans(t *testing.T) {
	p := newPlace(t, 1)
	p.add(1, "neighbourhood", neighbourhood("محله", "رشت"))
	p.add(2, "action_item", map[string]any{"code": "A1.2", "start_on": "2026-02-19", "due_on": "2026-03-20", "progress_pct": 25, "status": "running", "weight": 2})
	p.add(3, "action_item", map[string]any{"code": "A1.3", "start_on": "2026-01-20", "due_on": "2026-01-29", "progress_pct": 100, "status": "done"})
	p.add(4, "action_item", map[string]any{"code": "A1.4", "start_on": "2026-01-20", "due_on": "2026-01-29", "progress_pct": 40, "status": "running"})
	// 2026-03-06 is fifteen days after the start: planned (2·½ + 1 + 1)/4, done (50 + 100 + 40)/4.
	f := combine(t, "1404/12/15", p)
	want(t, f, "D15", map[string]string{"items": "3", "progress": "47.5", "planned": "75.0", "spi": "0.63", "late_items": "1", "done_rate": "33.3"})
	wantRow(t, f, "D15", "by_place", "محله", "3", "1", "47.5")
	want(t, combine(t, "1404/10/20", p), "D15", map[string]string{"planned": "0.0", "spi": "—"})
}

// TestAgreements is D20 in the last months of 1404.
func TestAgreements(t *testing.T) {
	p := newPlace(t, 1)
	six := func(delivered int) []map[string]any {
		var rows []map[string]any
		for i, c := range []string{"needs_prioritised", "assets_identified", "harm_map", "participatory_plan", "collective_action", "advocacy"} {
			state := "in_progress"
			if i < delivered {
				state = "delivered"
			}
			rows = append(rows, map[string]any{"commitment": c, "state": state})
		}
		return rows
	}
	agreement := func(n int, number, state, end string, more map[string]any) {
		v := map[string]any{"number": number, "programme": "social_health_base", "start_on": "1404/02/10", "end_on": end, "state": state}
		for k, x := range more {
			v[k] = x
		}
		p.add(n, "agreement", v)
	}
	agreement(1, "۱", "active", "1404/12/29", map[string]any{"deliverables": six(6), "confirmed_result": "approved"})
	agreement(2, "۲", "active", "1404/12/29", map[string]any{"deliverables": six(3)})
	agreement(3, "۳", "expired", "1403/12/30", map[string]any{"deliverables": six(6)})
	agreement(4, "۴", "terminated", "1404/12/29", nil)
	agreement(5, "۵", "active", "1405/12/29", map[string]any{"programme": "elder_network"})
	f := combine(t, "1404/11/10", p)
	want(t, f, "D20", map[string]string{"active": "3", "expiring": "2", "six_of_six": "50.0", "mean_delivered": "4.5", "unconfirmed": "2"})
	wantRow(t, f, "D20", "agreement_list", "۱", "49", "1404/12/29", "6", "approved", "active", "green")
	wantRow(t, f, "D20", "agreement_list", "۲", "49", "1404/12/29", "3", "—", "active", "yellow")
	wantRow(t, f, "D20", "agreement_list", "۳", "-316", "1403/12/30", "6", "—", "expired", "red")
}

// TestAdvocacy is D21: T8 is thirty days after sending where no day was given.
func TestAdvocacy(t *testing.T) {
	p, county := newPlace(t, 1), newPlace(t, 2)
	county.add(700, "organisation", map[string]any{"name_fa": "شهرداری", "kind": "municipality", "province_code": "12", "county": "سنندج"})
	request := func(n int, state string, more map[string]any) {
		v := map[string]any{"programme": "empowerment_plan", "target_org_id": ref(700), "state": state}
		for k, x := range more {
			v[k] = x
		}
		p.add(n, "advocacy_request", v)
	}
	request(1, "sent", map[string]any{"sent_on": "1404/10/01"}) // due on 1404/11/01
	request(2, "sent", map[string]any{"sent_on": "1404/11/01", "reply_due_on": "1404/11/20"})
	request(3, "met", map[string]any{"sent_on": "1404/10/01", "answered_on": "1404/10/11"})
	request(4, "refused", map[string]any{"sent_on": "1404/10/01", "answered_on": "1404/10/21", "target_org_id": ref(701)})
	request(5, "draft", map[string]any{"target_org_id": ref(701)})
	f := combine(t, "1404/11/10", p, county)
	want(t, f, "D21", map[string]string{"requests": "5", "open": "3", "overdue_requests": "1", "answer_rate": "50.0", "median_days": "10"})
	wantRow(t, f, "D21", "by_agency", "شهرداری", "3", "2", "1", "33.3")
}

// TestCorrections: of a chain of corrections one event counts, that which no
// living one corrects, and what a deleted correction said no longer counts.
func TestCorrections(t *testing.T) {
	people := func(n int, corrects int) map[string]any {
		v := map[string]any{"type": "public_meeting", "held_on": "1404/11/01", "participants_total": n}
		if corrects > 0 {
			v["corrects_id"] = ref(corrects)
		}
		return v
	}
	p := newPlace(t, 1)
	p.add(10, "activity", people(10, 0))
	p.add(11, "activity", people(20, 10))
	p.add(12, "activity", people(40, 11))
	p.add(13, "activity", people(80, 10)) // another correction of the same: of the two ends it has the greater id
	want(t, combine(t, "1404/11/10", p), "D22", map[string]string{"took_part": "80", "activities": "1"})
	p.records[3].Gone = true
	want(t, combine(t, "1404/11/10", p), "D22", map[string]string{"took_part": "40", "activities": "1"})
	p.records[1].Gone = true // the middle of the chain: still one event
	want(t, combine(t, "1404/11/10", p), "D22", map[string]string{"took_part": "40", "activities": "1"})
	p.records[2].Gone = true // the last correction: what was corrected is back
	want(t, combine(t, "1404/11/10", p), "D22", map[string]string{"took_part": "10", "activities": "1"})
	q := newPlace(t, 2)
	q.add(10, "activity", people(10, 11))
	q.add(11, "activity", people(20, 10)) // a circle
	want(t, combine(t, "1404/11/10", q), "D22", map[string]string{"took_part": "20", "activities": "1"})
}
