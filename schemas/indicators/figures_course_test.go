package indicators_test

import (
	"fmt"
	"testing"

	"mahalleh/schemas/indicators"
)

// dossiers are neighbourhoods, one for each dossier.
func dossiers(t *testing.T, all ...map[string]any) []*place {
	t.Helper()
	var places []*place
	for i, d := range all {
		p := newPlace(t, byte(i+1))
		p.add(1, "neighbourhood", neighbourhood(fmt.Sprintf("محلهٔ %d", i+1), "رشت"))
		p.add(2, "dossier", d)
		places = append(places, p)
	}
	return places
}

// TestDeadlines are D02 to D04 on the day after the due day of 1404/11/26 and on
// the due day itself, which is still in time.
func TestDeadlines(t *testing.T) {
	places := dossiers(t,
		dossier("submitted", map[string]any{"submitted_on": "1404/11/26"}), // on its last day
		dossier("submitted", map[string]any{"submitted_on": "1404/11/27"}), // a day late
		dossier("collecting", nil),
		dossier("collecting", map[string]any{"due_on": "1404/12/26", "assigned_on": "1404/11/26"}),
		dossier("cancelled", nil),
	)
	f := combine(t, "1404/11/27", places...)
	want(t, f, "D02", map[string]string{"in_time": "1", "verdict_known": "3", "on_time": "33.3"})
	want(t, f, "D03", map[string]string{"overdue": "1"})
	wantRow(t, f, "D03", "overdue_list", "محلهٔ 3", "1", "1404/11/26", "0.0")
	want(t, f, "D04", map[string]string{"at_risk": "0"}) // one day of thirty is within the margin
	f = combine(t, "1404/11/26", places...)
	want(t, f, "D02", map[string]string{"verdict_known": "2", "on_time": "50.0"})
	want(t, f, "D03", map[string]string{"overdue": "0"})
	want(t, f, "D04", map[string]string{"at_risk": "1"})
	wantRow(t, f, "D04", "at_risk_list", "محلهٔ 3", "0.0", "100.0", "1404/11/26")
}

// TestAtRiskMargin takes exactly the margin of 15 %: C = 5 % after six days of
// thirty is 20 % − 15 %, which is not less.
func TestAtRiskMargin(t *testing.T) {
	places := dossiers(t, dossier("collecting", map[string]any{"assigned_on": "1404/11/01", "due_on": "1404/12/01"}))
	p := places[0]
	for i := range 7 {
		p.add(100+i, "team_member", map[string]any{"person_id": ref(200 + i)}) // the whole section of 5 %
	}
	want(t, combine(t, "1404/11/07", p), "D04", map[string]string{"at_risk": "0"})
	want(t, combine(t, "1404/11/08", p), "D04", map[string]string{"at_risk": "1"})
	want(t, combine(t, "1404/11/07", p), "D05", map[string]string{"mean_completeness": "5.0", "complete": "0", "weakest": "profile"})
}

// fullDossier records everything that a dossier asks for.
func fullDossier(t *testing.T, n byte) *place {
	p := newPlace(t, n)
	square := []map[string]any{{"lat": 37.25, "lon": 49.60}, {"lat": 37.26, "lon": 49.60}, {"lat": 37.26, "lon": 49.61}, {"lat": 37.25, "lon": 49.61}, {"lat": 37.25, "lon": 49.60}}
	place := neighbourhood("کوی کامل", "رشت")
	place["boundary"] = square
	p.add(1, "neighbourhood", place)
	p.add(2, "dossier", dossier("collecting", nil))
	var services []map[string]any
	for _, code := range []string{"water", "electricity", "gas", "sewage", "road", "lighting", "waste", "transport", "park", "mosque"} {
		services = append(services, map[string]any{"service": code, "status": "good"})
	}
	p.add(3, "neighbourhood_profile", map[string]any{"reference_year": 1404, "data_basis": "estimate", "population": 3000, "male": 1500, "female": 1500, "households": 900,
		"women_headed_hh": 40, "disabled_persons": 30, "infrastructure": services, "residents_consulted": 12})
	for i := range 8 {
		p.add(10+i, "block", map[string]any{"code": fmt.Sprintf("B%02d", i+1), "households": 100})
		p.add(20+i, "harm_rating", map[string]any{"harm_code": "poverty", "unit": "block", "block_id": ref(10 + i), "intensity": 0, "observed_by": "observation"})
	}
	for i := range 15 {
		p.add(30+i, "key_person", map[string]any{"full_name": "نام", "kind": "trusted", "sex": []string{"female", "male", "male"}[i%3]})
	}
	for i := range 7 {
		p.add(50+i, "team_member", map[string]any{"person_id": ref(200 + i)})
	}
	var scores []map[string]any
	for _, domain := range []string{"participation", "leadership", "problem_assessment", "asking_why", "structures", "resource_mobilisation", "links", "outside_agents", "programme_management"} {
		scores = append(scores, map[string]any{"domain": domain, "consensus": 3})
	}
	p.add(60, "capacity_assessment", map[string]any{"instrument": "laverack9", "round_no": 1, "held_on": "1404/11/01", "scores": scores})
	for i := range 40 {
		p.add(100+i, "asset", map[string]any{"category": []string{"institution", "physical", "economic", "association"}[i%4], "title_fa": "دارایی"})
	}
	for i := range 90 {
		p.add(300+i, "household_response", map[string]any{"block_id": ref(10), "household_no": i + 1, "duration_min": 20})
	}
	for i := range 5 {
		p.add(400+i, "key_informant_interview", map[string]any{"informant_kind": "teacher"})
	}
	p.add(410, "focus_group", map[string]any{"group_kind": "women", "participants": 8})
	p.add(411, "focus_group", map[string]any{"group_kind": "youth", "participants": 8})
	var ranks []map[string]any
	for i := range 5 {
		p.add(420+i, "need", map[string]any{"title_fa": "نیاز", "category": "health", "affected_count": 100})
		ranks = append(ranks, map[string]any{"need_id": ref(420 + i), "score": 5 - i, "rank": i + 1})
	}
	p.add(430, "prioritisation_round", map[string]any{"method": "borda", "held_on": "1404/11/10", "approved_by_decision_id": ref(431), "result": ranks})
	p.add(440, "activity", map[string]any{"type": "public_meeting", "held_on": "1404/11/02", "participants_total": 30, "participants_women": 20, "participants_men": 10})
	return p
}

// TestFullDossier is D05 of a dossier that has all, and of one without a women's
// focus group: as full, and yet not complete.
func TestFullDossier(t *testing.T) {
	p := fullDossier(t, 1)
	s := p.summary()
	if s.Completeness.Percent != 100*indicators.One || !s.Completeness.Complete {
		t.Fatalf("C is %s, open are %v; %+v", s.Completeness.Percent, s.Completeness.Open, s.Fills)
	}
	q := fullDossier(t, 2)
	for i, r := range q.records {
		if r.ID == indicators.ID(schemasID(410)) {
			q.records[i].Gone = true
		}
	}
	q.add(500, "focus_group", map[string]any{"group_kind": "men", "participants": 8})
	if c := q.summary().Completeness; c.Percent != 100*indicators.One || c.Complete || len(c.Open) != 1 || c.Open[0] != indicators.SectionNeedsSurvey {
		t.Errorf("without a women's group: %+v", c)
	}
	f := combine(t, "1404/11/20", p, q)
	want(t, f, "D05", map[string]string{"mean_completeness": "100.0", "complete": "1", "weakest": "profile"})
	wantRow(t, f, "D05", "histogram", "80–100", "2")
	wantRow(t, f, "D05", "by_section", "needs_survey", "100.0", "1")
}

// TestReviewTime is D06: two approvals after 4 and 10 days, one dossier sent back
// twice on one day and submitted again, one waiting too long.
func TestReviewTime(t *testing.T) {
	back := []map[string]any{{"on": "1404/11/15", "by": ref(7), "section": "assets", "reason": "کم است"}, {"on": "1404/11/15", "by": ref(7), "section": "profile", "reason": "کم است"}}
	f := combine(t, "1404/12/10", dossiers(t,
		dossier("approved", map[string]any{"submitted_on": "1404/11/10", "approved_on": "1404/11/14"}),
		dossier("published", map[string]any{"submitted_on": "1404/11/10", "approved_on": "1404/11/20", "returned": back}),
		dossier("submitted", map[string]any{"submitted_on": "1404/11/20"}),
		dossier("returned", map[string]any{"submitted_on": "1404/11/14", "returned": back}),
	)...)
	// Submissions: 1 + 2 + 1 + 1; returns: 0 + 1 + 0 + 1.
	want(t, f, "D06", map[string]string{"reviewed": "2", "median_days": "4", "p90_days": "10", "returned_rate": "40.0", "review_late": "1"})
}

// TestReviewOfALaterRevision: a review waits since the submission that nobody decided
// on yet, not since the first of all.
func TestReviewOfALaterRevision(t *testing.T) {
	places := dossiers(t, dossier("published", map[string]any{"submitted_on": "1404/11/20", "approved_on": "1404/11/25"}))
	places[0].add(3, "dossier", map[string]any{"neighbourhood_id": ref(1), "revision_no": 2, "assigned_on": "1405/10/26", "due_on": "1405/11/26", "status": "submitted", "submitted_on": "1405/11/20"})
	want(t, combine(t, "1405/12/04", places...), "D06", map[string]string{"review_late": "0"})
	want(t, combine(t, "1405/12/05", places...), "D06", map[string]string{"review_late": "1"})
}

// TestRevisions: the first revision's due day and the first submission count,
// whatever a later revision does.
func TestRevisions(t *testing.T) {
	places := dossiers(t, dossier("published", map[string]any{"submitted_on": "1404/11/20", "approved_on": "1404/11/25"}))
	places[0].add(3, "dossier", map[string]any{"neighbourhood_id": ref(1), "revision_no": 2, "assigned_on": "1405/10/26", "due_on": "1405/11/26", "status": "collecting"})
	f := combine(t, "1405/12/01", places...)
	want(t, f, "D02", map[string]string{"on_time": "100.0", "verdict_known": "1"})
	want(t, f, "D06", map[string]string{"median_days": "5"})
	if d := places[0].summary().Dossier; d.Status != "collecting" || d.Revision != 2 {
		t.Errorf("the dossier is %+v", d)
	}
}
