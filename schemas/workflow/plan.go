package workflow

import (
	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// Stages are the stages of the empowerment plan in their order, without the last,
// closed, which may follow any of them.
var Stages = []string{"clinic_selected", "neighbourhood_selected", "initial_assessment", "trust_building", "community_profile",
	"local_organisation", "mobilisation", "needs_assessment", "prioritised", "action_plan", "monitoring", "sustained"}

// plan is the stage that somebody says the empowerment plan is at. Stages overlap:
// one may go on to any later stage and back to an earlier one, and evidence is what
// counts (see StageOf). A clinic that is not capable is not selected, and nobody
// monitors without the group that the steering committee chose.
var plan = &Machine{
	Form: "programme_enrolment", Field: "stage", List: "PLANSTAGE",
	First:  []string{"clinic_selected"},
	Begin:  []*Guard{planClinic},
	Course: []string{"stages", "started_on", "ended_on"},
	Steps:  planSteps(),
}

// planners work on the plan; the province chooses with them.
var planners = []Role{Facilitator, Clinic, TechnicalManager, County, Province}

func planSteps() []Step {
	var steps []Step
	for i, from := range Stages {
		for j, to := range Stages {
			if i == j {
				continue
			}
			s := Step{From: from, To: to, Who: planners}
			switch {
			case j == 0:
				s.Guards = []*Guard{planClinic}
			case j > i:
				s.Guards = append([]*Guard{planClinic}, stageGuards(to)...)
			}
			steps = append(steps, s)
		}
		steps = append(steps, Step{From: from, To: "closed", Who: planners})
	}
	return steps
}

func stageGuards(to string) []*Guard {
	switch to {
	case "neighbourhood_selected":
		return []*Guard{planChosen, planInTime}
	case "monitoring":
		return []*Guard{planMonitors, stageEvidence}
	case "sustained":
		return nil
	}
	return []*Guard{stageEvidence}
}

var (
	planClinic = &Guard{Name: "plan.clinic", Source: "s0:23", Level: Refuse, Fields: []string{"executor_org_id"}, key: msgNotCapable,
		broken: func(c *Case) (bool, []arg) {
			if c.code("programme") != empowerment {
				return false, nil
			}
			x, ok := c.other(c.ref("executor_org_id"), "organisation")
			return ok && x.value("kind").Code() == "sw_clinic" && !capable(x), nil
		}}

	planChosen = &Guard{Name: "plan.chosen", Source: SourceSetting, Level: Warn, Fields: []string{"decision_id"}, key: msgNotChosen,
		broken: func(c *Case) (bool, []arg) {
			x, ok := c.other(c.ref("decision_id"), "decision")
			return !ok || x.value("result").Code() != "approved", nil
		}}

	// planInTime tells of a choice that comes late; it was made all the same.
	planInTime = &Guard{Name: "plan.in_time", Source: "s0:25", Level: Warn, Fields: []string{"started_on", "executor_org_id"}, key: msgChosenLate,
		broken: func(c *Case) (bool, []arg) {
			x, ok := c.other(c.ref("executor_org_id"), "organisation")
			if !ok || x.value("selected_on").IsEmpty() || c.empty("started_on") {
				return false, nil
			}
			clock, err := SelectClock(jalali.Day(x.value("selected_on").Date()), c.Settings)
			return err == nil && clock.Overdue(c.day("started_on")) > 0, []arg{dayArg("due", clock.Due),
				countArg("within", c.Settings.SelectDays), countArg("days", clock.Overdue(c.day("started_on")))}
		}}

	planMonitors = &Guard{Name: "plan.monitoring_group", Source: "s0:43", Level: Refuse, facts: true, evidence: []string{"committee"}, key: msgNoMonitors,
		broken: func(c *Case) (bool, []arg) { return c.Facts.Plan().Monitoring == 0, nil }}

	stageEvidence = &Guard{Name: "plan.evidence", Source: SourceSetting, Level: Warn, facts: true, Fields: []string{"stage"}, key: msgNoEvidence,
		broken: func(c *Case) (bool, []arg) {
			return !evidence(c.To, c.Facts.Plan(), c.Settings), []arg{c.codeArg("state", "PLANSTAGE", c.To)}
		}}
)

// capable is the reading of s0:23: willing, there or able to be there, and with a
// record of success.
func capable(clinic look) bool {
	yes := func(name string) bool { return clinic.value(name).Bool() }
	return yes("willing") && (yes("located_in_target") || yes("can_establish_base")) && yes("past_success")
}

// evidence says whether what a stage rests on is there. Of the first two the
// enrolment itself tells, of the last nothing is asked.
func evidence(stage string, f PlanFacts, s *Settings) bool {
	switch stage {
	case "initial_assessment":
		return f.KeyPersons >= s.KeyPersons && f.Teams > 0
	case "trust_building":
		return f.Informing >= s.Informing && f.InformingKinds >= s.InformingKinds
	case "community_profile":
		return f.Profiles > 0
	case "local_organisation":
		return f.Centres > 0 && f.Statutes > 0 && f.Blocks > 0 && f.Steering > 0
	case "mobilisation":
		return f.Pursued >= s.Pursued && f.Visits >= s.Visits
	case "needs_assessment":
		return f.Surveys > 0
	case "prioritised":
		return f.Rounds > 0
	case "action_plan":
		return f.PlanItems >= s.PlanItems
	case "monitoring":
		return f.Monitoring > 0 && f.Reviews >= s.Reviews
	}
	return false
}

// PlanState is where the empowerment plan of a neighbourhood stands by its evidence.
type PlanState struct {
	// Current is the highest stage whose evidence is complete, "" if none is; when
	// the enrolment says sustained or closed, that.
	Current string
	// Evidenced are all stages whose evidence is complete, in their order. Stages
	// overlap, so some before the current one may be open.
	Evidenced []string
	// Blocked says that no new evidence came for 30 days (a setting).
	Blocked bool
}

// StageOf returns where a plan stands. The case's record is its enrolment.
func StageOf(c *Case) PlanState {
	c = c.ready(plan)
	var p PlanState
	stored := plan.stored(c.After, c)
	if clinic, ok := c.other(c.ref("executor_org_id"), "organisation"); ok && capable(clinic) {
		p.Evidenced = append(p.Evidenced, "clinic_selected")
	}
	if d, ok := c.other(c.ref("decision_id"), "decision"); ok && d.value("result").Code() == "approved" {
		p.Evidenced = append(p.Evidenced, "neighbourhood_selected")
	}
	last := jalali.Day(max(c.value("started_on").Date(), 0))
	if c.known() {
		f := c.Facts.Plan()
		for _, s := range Stages[2:] {
			if evidence(s, f, c.Settings) {
				p.Evidenced = append(p.Evidenced, s)
			}
		}
		last = max(last, f.LastEvidence)
	}
	if n := len(p.Evidenced); n > 0 {
		p.Current = p.Evidenced[n-1]
	}
	if stored == "sustained" || stored == "closed" {
		p.Current = stored
		return p
	}
	p.Blocked = last != 0 && int(c.Today)-int(last) > c.Settings.BlockedDays
	return p
}

// ClinicCapable says whether an organisation's record fulfils the three criteria of
// a capable clinic (s0:23).
func ClinicCapable(forms *schemas.Package, organisation schemas.Record) bool {
	form, ok := forms.FormByName("organisation")
	return ok && capable(look{form, organisation})
}
