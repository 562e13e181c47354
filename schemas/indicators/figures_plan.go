package indicators

import (
	"cmp"
	"maps"
	"slices"

	"mahalleh/schemas/jalali"
)

// EmpowermentPlan is the programme whose stages D07 follows.
const EmpowermentPlan = "empowerment_plan"

// PlanStages are the codes of PLANSTAGE in their order. The last two follow no
// evidence but the enrolment's own state.
var PlanStages = []string{"clinic_selected", "neighbourhood_selected", "initial_assessment", "trust_building", "community_profile", "local_organisation",
	"mobilisation", "needs_assessment", "prioritised", "action_plan", "monitoring", "sustained", "closed"}

// HasEvidence reports whether the evidence of a stage of the empowerment plan is
// there: what a neighbourhood must have to have reached it.
//
// Source: domain description 4.2 and s0:23-43; the numbers are settings.
func (s *Summary) HasEvidence(stage string, settings *Settings) bool {
	e, p := &s.Plan, &settings.Plan
	enrolled := s.enrolment(EmpowermentPlan)
	if enrolled == nil {
		return false
	}
	switch stage {
	case "clinic_selected":
		return enrolled.Executor != ID{}
	case "neighbourhood_selected":
		return enrolled.Decision != ID{} && enrolled.Started != 0
	case "initial_assessment":
		return e.KeyPersons >= p.KeyPersons && e.Teams > 0
	case "trust_building":
		return e.Activities >= p.Activities && e.ActivityTypes >= p.ActivityTypes
	case "community_profile":
		return e.Profiles > 0
	case "local_organisation":
		return e.Centre && e.Bylaw && e.Steering && e.Blocks > 0
	case "mobilisation":
		return e.PursuedRequests >= p.Requests && e.ManagerVisits >= p.ManagerVisits
	case "needs_assessment":
		return e.Campaign
	case "prioritised":
		return e.Round
	case "action_plan":
		return e.Items >= p.Items
	case "monitoring":
		return e.Monitoring && e.Reviews >= p.Reviews
	}
	return enrolled.Stage == stage
}

// funnel is D07: how many neighbourhoods under the empowerment plan have reached
// each stage, that is have evidence of it or of a later one; what share goes on to
// the next; the median of days in the stage; and how many are stuck, without new
// evidence for too long.
//
// Source: domain description 6 D07 and 4.2.
func (c *combining) funnel(f *Figure) {
	reached := make([]int64, len(PlanStages))
	took := make([]map[int64]int64, len(PlanStages))
	for i := range took {
		took[i] = map[int64]int64{}
	}
	stuck := Table{Name: "stuck_list", Columns: columns("idle_days", "stage")}
	enrolled := int64(0)
	for _, s := range c.all {
		e := s.enrolment(EmpowermentPlan)
		if e == nil {
			continue
		}
		enrolled++
		highest := -1
		for i, stage := range PlanStages {
			if s.HasEvidence(stage, c.settings) {
				highest = i
			}
		}
		for i := range highest + 1 {
			reached[i]++
		}
		for _, x := range e.Stages {
			if i := slices.Index(PlanStages, x.Stage); i >= 0 && x.Opened != 0 && x.Closed != 0 {
				took[i][days(x.Opened, x.Closed)]++
			}
		}
		idle := days(max(s.Plan.Last, e.Started), c.Today)
		if e.Ended == 0 && e.Stage != "sustained" && e.Stage != "closed" && idle > c.settings.Clocks.StuckDays {
			at := ""
			if highest >= 0 {
				at = PlanStages[highest]
			}
			stuck.Rows = append(stuck.Rows, s.row(number("idle_days", KindDays, idle), code("stage", "PLANSTAGE", at)))
		}
	}
	t := Table{Name: "by_stage", List: "PLANSTAGE", Columns: columns("reached", "conversion", "median_days")}
	for i, stage := range PlanStages {
		next := Value{Name: "conversion", Kind: KindPercent, State: Unknown}
		if i+1 < len(PlanStages) {
			next = percent("conversion", reached[i+1], reached[i])
		}
		t.Rows = append(t.Rows, Row{Code: stage, Cells: []Value{count("reached", reached[i]), next, nearest("median_days", KindDays, took[i], 50)}})
	}
	slices.SortStableFunc(stuck.Rows, byFirst)
	f.Values = []Value{count("enrolled", enrolled), count("stuck", int64(len(stuck.Rows)))}
	f.Tables = []Table{t, stuck}
}

// clinics are D08: of the clinics that were selected and have chosen a
// neighbourhood, or whose time for it is over, those that chose within 15 days.
//
// Source: domain description 6 D08; s0:25.
func (c *combining) clinics(f *Figure) {
	chosen := map[ID]jalali.Day{}
	for _, s := range c.all {
		for _, e := range s.Enrolments {
			if e.Executor != (ID{}) {
				chosen[e.Executor] = earlier(chosen[e.Executor], e.Started)
			}
		}
	}
	var inTime, judged, selected int64
	late := Table{Name: "clinics_late", Columns: columns("late_days", "chosen_on")}
	for _, s := range c.all {
		for _, o := range s.Organisations {
			if o.Kind != "sw_clinic" || o.Selected == 0 {
				continue
			}
			selected++
			due := c.settings.due(o.Selected, c.settings.Clocks.ClinicDays)
			day := chosen[o.Record]
			switch {
			case day == 0 && c.Today <= due:
			case day != 0 && day <= due:
				judged++
				inTime++
			default:
				judged++
				until := day
				if day == 0 {
					until = c.Today
				}
				late.Rows = append(late.Rows, Row{Place: s.Place, Record: o.Record, Name: o.Name, Cells: []Value{number("late_days", KindDays, days(due, until)), date("chosen_on", day)}})
			}
		}
	}
	slices.SortStableFunc(late.Rows, byFirst)
	f.Values = []Value{count("clinics_selected", selected), count("clinics_judged", judged), percent("in_15_days", inTime, judged)}
	f.Tables = []Table{late}
}

// actionPlans are D15: progress = Σ w·p / Σ w, planned = Σ w·clamp((today −
// start)/(due − start + 1), 0, 1) / Σ w, SPI = progress/planned, items that are
// late (due < today and not whole), and the share that is done.
//
// Source: domain description 6 D15.
func (c *combining) actionPlans(f *Figure) {
	var weights, progress, items, late, done int64
	planned := &fractions{}
	t := Table{Name: "by_place", Columns: columns("items", "late_items", "progress")}
	for _, s := range c.all {
		var w, p, n int64
		for _, x := range s.Items {
			w += x.Weight
			p += x.Weight * x.Progress
			length := days(x.Start, x.Due) + 1
			if length > 0 {
				planned.add(x.Weight*min(max(days(x.Start, c.Today), 0), length), length)
			}
			if x.Due < c.Today && x.Progress < 100 {
				n++
			}
			if x.Status == "done" {
				done++
			}
		}
		weights, progress, items, late = weights+w, progress+p, items+int64(len(s.Items)), late+n
		if len(s.Items) > 0 {
			t.Rows = append(t.Rows, s.row(count("items", int64(len(s.Items))), count("late_items", n), quotient("progress", KindPercent, p, w, 1, 1)))
		}
	}
	slices.SortStableFunc(t.Rows, func(a, b Row) int { return b.Cells[1].Number.Cmp(a.Cells[1].Number) })
	f.Values = []Value{count("items", items), quotient("progress", KindPercent, progress, weights, 1, 1), planned.over("planned", KindPercent, weights, 100, 1),
		planned.spi(progress), count("late_items", late), percent("done_rate", done, items)}
	f.Tables = []Table{t}
}

// agreements are D20: active ones, those that end within 60 days, the share of
// social-health bases that have delivered all six commitments and the mean of
// those delivered, and renewals that the prevention deputy has not confirmed:
// agreements of a base that are expiring or over.
//
// Source: domain description 6 D20 and 4.3; s2:27-37, s2:55-59.
func (c *combining) agreements(f *Figure) {
	var active, expiring, bases, six, delivered, unconfirmed int64
	t := Table{Name: "agreement_list", Columns: columns("days_left", "ends_on", "delivered", "confirmed", "state", "signal")}
	for _, s := range c.all {
		for _, a := range s.Agreements {
			running := a.State == "active" || a.State == "expiring" || a.State == "notice"
			left := days(c.Today, a.End)
			soon := running && left <= c.settings.Clocks.ExpiringDays
			base := a.Programme == "social_health_base"
			if running && left >= 0 {
				active++
				if soon {
					expiring++
				}
				if base {
					bases++
					delivered += a.Delivered
					if a.Delivered >= commitments {
						six++
					}
				}
			}
			if !soon && a.State != "expired" {
				continue
			}
			signal := Yellow
			if base && a.Confirmation != "approved" {
				unconfirmed++
				if left < 0 {
					signal = Red
				}
			} else if base {
				signal = Green
			}
			row := s.row(number("days_left", KindDays, left), date("ends_on", a.End), count("delivered", a.Delivered), code("confirmed", "CONFIRMATION", a.Confirmation),
				code("state", "AGREEMENTSTATE", a.State), colour("signal", signal))
			row.Record, row.Name = a.Record, a.Number
			t.Rows = append(t.Rows, row)
		}
	}
	slices.SortStableFunc(t.Rows, func(a, b Row) int { return a.Cells[0].Number.Cmp(b.Cells[0].Number) })
	f.Values = []Value{count("active", active), count("expiring", expiring), percent("six_of_six", six, bases), quotient("mean_delivered", KindScore, delivered, bases, 1, 1),
		count("unconfirmed", unconfirmed)}
	f.Tables = []Table{t}
}

// commitments is how many a social-health base owes (s2:27-37).
const commitments = 6

// closedRequests are the states in which nothing more is waited for.
var closedRequests = map[string]bool{"met": true, "partly_met": true, "refused": true}

// advocacy is D21: requests that are open, and of those sent the ones whose reply
// is overdue, the share that was answered, the median of days to the answer, and
// the same by the body that was asked.
//
// Source: domain description 6 D21 and 4.5; s2:37, s0:37.
func (c *combining) advocacy(f *Figure) {
	type tally struct{ requests, open, overdue, sent, answered int64 }
	var all tally
	by, names := map[ID]*tally{}, map[ID]string{}
	took := map[int64]int64{}
	for _, s := range c.all {
		for _, o := range s.Organisations {
			names[o.Record] = o.Name
		}
		for _, r := range s.Requests {
			t := by[r.Target]
			if t == nil {
				t = &tally{}
				by[r.Target] = t
			}
			for _, x := range []*tally{&all, t} {
				x.requests++
				if !closedRequests[r.State] {
					x.open++
				}
				if r.Sent != 0 {
					x.sent++
				}
				if r.Sent != 0 && r.Answered != 0 {
					x.answered++
				}
				if r.Sent != 0 && r.Answered == 0 && r.Due < c.Today && !closedRequests[r.State] {
					x.overdue++
				}
			}
			if r.Sent != 0 && r.Answered != 0 {
				took[days(r.Sent, r.Answered)]++
			}
		}
	}
	t := Table{Name: "by_agency", Columns: columns("requests", "open", "overdue_requests", "answer_rate")}
	for _, target := range slices.SortedFunc(maps.Keys(by), func(a, b ID) int { return cmp.Or(cmp.Compare(by[b].requests, by[a].requests), compareIDs(a, b)) }) {
		x := by[target]
		t.Rows = append(t.Rows, Row{Record: target, Name: names[target], Cells: []Value{count("requests", x.requests), count("open", x.open),
			count("overdue_requests", x.overdue), percent("answer_rate", x.answered, x.sent)}})
	}
	f.Values = []Value{count("requests", all.requests), count("open", all.open), count("overdue_requests", all.overdue), percent("answer_rate", all.answered, all.sent),
		nearest("median_days", KindDays, took, 50)}
	f.Tables = []Table{t}
}
