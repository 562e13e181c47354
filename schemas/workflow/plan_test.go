package workflow

import (
	"slices"
	"testing"
)

// TestStageOf: the current stage is the highest whose evidence is complete, with
// whatever before it is still open; thirty days without anything new block it.
func TestStageOf(t *testing.T) {
	capableClinic := record(t, "organisation", fields{"kind": "sw_clinic", "willing": true, "located_in_target": true, "past_success": true})
	chosen := record(t, "decision", fields{"kind": "select_neighbourhood", "result": "approved"})
	now := somePlan.with(fields{"executor_org_id": uuid(anOrg), "decision_id": uuid(aDecision), "stage": "clinic_selected"})
	names := known{id(anOrg): capableClinic, id(aDecision): chosen}
	for name, c := range map[string]struct {
		facts   PlanFacts
		records known
		stage   string
		today   string
		want    PlanState
	}{
		"nothing":                {PlanFacts{}, nil, "", "1404/10/26", PlanState{}},
		"a clinic":               {PlanFacts{}, known{id(anOrg): capableClinic}, "", "1404/10/26", PlanState{Current: "clinic_selected", Evidenced: []string{"clinic_selected"}}},
		"a neighbourhood":        {PlanFacts{}, names, "", "1404/10/26", PlanState{Current: "neighbourhood_selected", Evidenced: []string{"clinic_selected", "neighbourhood_selected"}}},
		"nine key persons":       {PlanFacts{KeyPersons: 9, Teams: 1}, nil, "", "1404/10/26", PlanState{}},
		"ten, and a team":        {PlanFacts{KeyPersons: 10, Teams: 1}, nil, "", "1404/10/26", PlanState{Current: "initial_assessment", Evidenced: []string{"initial_assessment"}}},
		"four of one type":       {PlanFacts{Informing: 4, InformingKinds: 1}, nil, "", "1404/10/26", PlanState{}},
		"four of two types":      {PlanFacts{Informing: 4, InformingKinds: 2}, nil, "", "1404/10/26", PlanState{Current: "trust_building", Evidenced: []string{"trust_building"}}},
		"a centre, no statute":   {PlanFacts{Centres: 1, Blocks: 8, Steering: 1}, nil, "", "1404/10/26", PlanState{}},
		"a request, no visit":    {PlanFacts{Pursued: 1}, nil, "", "1404/10/26", PlanState{}},
		"two items":              {PlanFacts{PlanItems: 2}, nil, "", "1404/10/26", PlanState{}},
		"stages that overlap":    {PlanFacts{Profiles: 1, Rounds: 1}, nil, "", "1404/10/26", PlanState{Current: "prioritised", Evidenced: []string{"community_profile", "prioritised"}}},
		"a group, no review":     {PlanFacts{Monitoring: 1}, nil, "", "1404/10/26", PlanState{}},
		"everything":             {full().plan, names, "", "1404/10/26", PlanState{Current: "monitoring", Evidenced: Stages[:11]}},
		"sustained, as is said":  {PlanFacts{Profiles: 1}, nil, "sustained", "1404/10/26", PlanState{Current: "sustained", Evidenced: []string{"community_profile"}}},
		"thirty days":            {PlanFacts{LastEvidence: day(t, "1404/11/01")}, nil, "", "1404/12/01", PlanState{}},
		"thirty-one days":        {PlanFacts{LastEvidence: day(t, "1404/11/01")}, nil, "", "1404/12/02", PlanState{Blocked: true}},
		"nothing since it began": {PlanFacts{}, nil, "", "1404/11/27", PlanState{Blocked: true}},
		"closed is not blocked":  {PlanFacts{}, nil, "closed", "1405/01/01", PlanState{Current: "closed"}},
	} {
		content := now
		if c.stage != "" {
			content = now.with(fields{"stage": c.stage})
		}
		r := record(t, "programme_enrolment", content)
		got := StageOf(&Case{Forms: allForms(t), ID: id(1), Before: r, After: r, Records: c.records, Facts: &told{plan: c.facts}, Today: day(t, c.today)})
		if got.Current != c.want.Current || got.Blocked != c.want.Blocked || !slices.Equal(got.Evidenced, c.want.Evidenced) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestStagesAreTheListsOrder: the stages are the codes of PLANSTAGE in its order.
func TestStagesAreTheListsOrder(t *testing.T) {
	list, ok := allForms(t).List("PLANSTAGE")
	if !ok {
		t.Fatal("no list")
	}
	var codes []string
	for _, item := range list.Items {
		codes = append(codes, item.Code)
	}
	if want := append(slices.Clone(Stages), "closed"); !slices.Equal(codes, want) {
		t.Errorf("%v, want %v", Stages, codes)
	}
	sections, ok := allForms(t).List("DOSSIERSECTION")
	if !ok || len(sections.Items) != len(DossierSections) {
		t.Fatal("sections")
	}
	for i, item := range sections.Items {
		if item.Code != DossierSections[i] {
			t.Errorf("section %d is %s, want %s", i, DossierSections[i], item.Code)
		}
	}
}

// TestClinicCapable: the three criteria, with the second in either way.
func TestClinicCapable(t *testing.T) {
	pkg := allForms(t)
	for _, c := range []struct {
		willing, there, base, past, want bool
	}{
		{true, true, false, true, true}, {true, false, true, true, true}, {true, true, true, true, true},
		{false, true, true, true, false}, {true, false, false, true, false}, {true, true, true, false, false},
	} {
		r := record(t, "organisation", fields{"kind": "sw_clinic", "willing": c.willing, "located_in_target": c.there, "can_establish_base": c.base, "past_success": c.past})
		if got := ClinicCapable(pkg, r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestLateAndEscalate: what follows from a day, for the lists that show it.
func TestLateAndEscalate(t *testing.T) {
	item := func(state string) *Case {
		r := record(t, "action_item", fields{"code": "A1.1", "due_on": "1404/10/26", "status": state})
		return &Case{Forms: allForms(t), Before: r, After: r, Today: day(t, "1404/10/27")}
	}
	for state, want := range map[string]bool{"planned": true, "running": true, "done": false, "stopped": false} {
		if got := Late(item(state)); got != want {
			t.Errorf("an item that is %s: late %v", state, got)
		}
	}
	due := item("running")
	if due.Today--; Late(due) {
		t.Error("late on its last day")
	}
	request := func(state string, more fields) *Case {
		r := record(t, "advocacy_request", someRequest.with(fields{"state": state, "sent_on": "1404/09/01"}).with(more))
		return &Case{Forms: allForms(t), Before: r, After: r, Today: day(t, "1404/10/02")}
	}
	for name, c := range map[string]struct {
		c    *Case
		want bool
	}{
		"overdue":        {request("sent", nil), true},
		"answered":       {request("answered", nil), false},
		"due later":      {request("sent", fields{"reply_due_on": "1404/10/02"}), false},
		"never sent":     {request("sent", fields{"sent_on": nil}), false},
		"due by setting": {func() *Case { c := request("sent", nil); c.Settings = Defaults(); c.Settings.ReplyDays = 31; return c }(), false},
	} {
		if got := Escalate(c.c); got != c.want {
			t.Errorf("%s: escalate %v", name, got)
		}
	}
}
