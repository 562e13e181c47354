package recount

import (
	"cmp"
	"math/big"
	"slices"
)

// stageNames are the stages of the empowerment plan in their order.
var stageNames = []string{"clinic_selected", "neighbourhood_selected", "initial_assessment", "trust_building", "community_profile", "local_organisation",
	"mobilisation", "needs_assessment", "prioritised", "action_plan", "monitoring", "sustained", "closed"}

// informing are the activities by which a neighbourhood is told of the plan (s0:31).
var informing = []string{"public_meeting", "group_talk", "ceremony", "brochure", "banner"}

// stages reckons D07.
func (a *asked) stages() {
	reached := make([]int64, len(stageNames)+1)
	took := make([][]int64, len(stageNames))
	var enrolled, stuck int64
	for _, n := range a.places {
		var plan *record
		for _, r := range a.at(n, "programme_enrolment") {
			if r.str("programme") == "empowerment_plan" && (plan == nil || r.ID > plan.ID) {
				plan = r
			}
		}
		if plan == nil {
			continue
		}
		enrolled++
		at, newest := a.evidence(n, plan)
		for i := range at + 1 {
			reached[i]++
		}
		for _, s := range plan.rows("stages") {
			from, ok1 := s.date("opened_on")
			to, ok2 := s.date("closed_on")
			if i := slices.Index(stageNames, s.str("stage")); i >= 0 && ok1 && ok2 {
				took[i] = append(took[i], to-from)
			}
		}
		over := plan.has("ended_on") || at >= slices.Index(stageNames, "sustained")
		if idle := a.Today - newest; !over && idle > a.set["stuck_days"] {
			stuck++
			a.count("D07.stuck_list|"+a.name(n)+"|idle_days", idle)
			stage := ""
			if at >= 0 {
				stage = stageNames[at]
			}
			a.word("D07.stuck_list|"+a.name(n)+"|stage", stage)
		}
	}
	a.count("D07.enrolled", enrolled)
	a.count("D07.stuck", stuck)
	for i, s := range stageNames {
		a.count("D07.by_stage|"+s+"|reached", reached[i])
		if i+1 < len(stageNames) {
			a.share("D07.by_stage|"+s+"|conversion", reached[i+1], reached[i])
		} else {
			a.word("D07.by_stage|"+s+"|conversion", "")
		}
		a.percentile("D07.by_stage|"+s+"|median_days", took[i], 50)
	}
}

// madeOf are the forms of which the stages of the plan are made.
var madeOf = []string{"key_person", "local_team", "activity", "neighbourhood_profile", "local_development_centre", "bylaw", "committee", "advocacy_request",
	"follow_up", "survey_campaign", "prioritisation_round", "action_plan", "action_item", "monitoring_review"}

// evidence is the highest stage for which a neighbourhood has evidence, -1 for none,
// and the day on which the newest record of a kind that stages are made of was
// written, or that of the start.
func (a *asked) evidence(n int64, plan *record) (stage int, newest int64) {
	newest, _ = plan.date("started_on")
	for _, form := range madeOf {
		for _, r := range a.at(n, form) {
			newest = max(newest, tehranDay(r.made()))
		}
	}
	stage = -1
	proves := func(name string, enough bool) {
		if enough {
			stage = max(stage, slices.Index(stageNames, name))
		}
	}
	some := func(form string, fits func(*record) bool) int64 {
		count := int64(0)
		for _, r := range a.events(form) { // what is no event corrects nothing
			if r.Place == n && fits(r) {
				count++
			}
		}
		return count
	}
	any := func(*record) bool { return true }
	proves("clinic_selected", plan.has("executor_org_id"))
	proves("neighbourhood_selected", plan.has("decision_id") && plan.has("started_on"))
	proves("initial_assessment", some("key_person", any) >= a.set["plan_key_persons"] && some("local_team", any) > 0)

	types := map[string]bool{}
	told := some("activity", func(r *record) bool {
		is := slices.Contains(informing, r.str("type"))
		if is {
			types[r.str("type")] = true
		}
		return is
	})
	proves("trust_building", told >= a.set["plan_activities"] && int64(len(types)) >= a.set["plan_activity_types"])
	proves("community_profile", some("neighbourhood_profile", any) > 0)
	proves("local_organisation", some("local_development_centre", func(c *record) bool {
		statute := some("bylaw", func(b *record) bool { return b.str("centre_id") == c.ID && b.has("approved_on") })
		return statute > 0 && c.num("block_count") > 0 && c.has("steering_committee_id")
	}) > 0)

	sent := some("advocacy_request", func(r *record) bool { return r.has("steering_decision_id") && r.has("sent_on") })
	visits := some("activity", func(r *record) bool { return r.str("type") == "manager_visit" }) +
		some("follow_up", func(r *record) bool { return r.str("channel") == "manager_visit" })
	proves("mobilisation", sent >= a.set["plan_requests"] && visits >= a.set["plan_manager_visits"])
	proves("needs_assessment", some("survey_campaign", func(r *record) bool { return r.has("decided_by_decision_id") && r.has("executor_person_id") }) > 0)
	proves("prioritised", some("prioritisation_round", func(r *record) bool { return r.has("approved_by_decision_id") }) > 0)
	proves("action_plan", some("action_plan", func(p *record) bool {
		items := some("action_item", func(i *record) bool { return i.str("plan_id") == p.ID })
		return p.has("approved_by_decision_id") && items >= a.set["plan_items"]
	}) > 0)
	group := some("committee", func(r *record) bool { return r.str("kind") == "monitoring" })
	proves("monitoring", group > 0 && some("monitoring_review", any) >= a.set["plan_reviews"])
	proves("sustained", plan.str("stage") == "sustained")
	proves("closed", plan.str("stage") == "closed")
	return stage, newest
}

// clinics reckons D08.
func (a *asked) clinics() {
	var selected, judged, inTime int64
	for _, r := range a.living("organisation") {
		from, ok := r.date("selected_on")
		if r.str("kind") != "sw_clinic" || !ok {
			continue
		}
		selected++
		due := a.days.last(from, a.set["clinic_days"])
		chosen := int64(0)
		for _, e := range a.living("programme_enrolment") {
			if day, ok := e.date("started_on"); ok && e.str("executor_org_id") == r.ID && (chosen == 0 || day < chosen) {
				chosen = day
			}
		}
		if chosen == 0 && due >= a.Today {
			continue
		}
		judged++
		if chosen != 0 && chosen <= due {
			inTime++
			continue
		}
		key := "D08.clinics_late|" + plainID(r.ID) + "|"
		a.count(key+"late_days", cmp.Or(chosen, a.Today)-due)
		if chosen == 0 {
			a.word(key+"chosen_on", "")
		} else {
			a.word(key+"chosen_on", isoDay(chosen))
		}
	}
	a.count("D08.clinics_selected", selected)
	a.count("D08.clinics_judged", judged)
	a.share("D08.in_15_days", inTime, judged)
}

// plans reckons D15.
func (a *asked) plans() {
	var items, late, done, weights int64
	progress, planned := new(big.Rat), new(big.Rat)
	for _, n := range a.places {
		var mine, mineLate, w int64
		p := new(big.Rat)
		for _, r := range a.at(n, "action_item") {
			weight := int64(1)
			if r.has("weight") {
				weight = r.num("weight")
			}
			start, _ := r.date("start_on")
			due, _ := r.date("due_on")
			curve := rat(0)
			if a.Today > start {
				curve = big.NewRat(min(a.Today-start, due-start+1), due-start+1)
			}
			planned.Add(planned, new(big.Rat).Mul(rat(weight), curve))
			p.Add(p, rat(weight*r.num("progress_pct")))
			w += weight
			mine++
			if due < a.Today && r.num("progress_pct") < 100 {
				mineLate++
			}
			if r.str("status") == "done" {
				done++
			}
		}
		if mine > 0 {
			a.count("D15.by_place|"+a.name(n)+"|items", mine)
			a.count("D15.by_place|"+a.name(n)+"|late_items", mineLate)
			a.quotient("D15.by_place|"+a.name(n)+"|progress", p, rat(w))
		}
		items += mine
		late += mineLate
		weights += w
		progress.Add(progress, p)
	}
	planned.Mul(planned, rat(100))
	a.count("D15.items", items)
	a.quotient("D15.progress", progress, rat(weights))
	a.quotient("D15.planned", planned, rat(weights))
	a.quotient("D15.spi", progress, planned)
	a.count("D15.late_items", late)
	a.share("D15.done_rate", done, items)
}

// agreements reckons D20.
func (a *asked) agreements() {
	var active, expiring, six, bases, delivered, unconfirmed int64
	for _, r := range a.living("agreement") {
		end, _ := r.date("end_on")
		state := r.str("state")
		base := r.str("programme") == "social_health_base"
		left := end - a.Today
		inForce := slices.Contains([]string{"active", "expiring", "notice"}, state) && left >= 0
		soon := inForce && left <= a.set["expiring_days"]
		done := int64(0)
		for _, d := range r.rows("deliverables") {
			if d.str("state") == "delivered" {
				done++
			}
		}
		if inForce {
			active++
			if base {
				bases++
				delivered += done
				if done == 6 {
					six++
				}
			}
		}
		if soon {
			expiring++
		}
		over := state == "expired" || left < 0 && slices.Contains([]string{"active", "expiring", "notice"}, state)
		open := base && r.str("confirmed_result") != "approved" && (soon || over)
		if open {
			unconfirmed++
		}
		if soon || over {
			key := "D20.agreement_list|" + plainID(r.ID) + "|"
			a.count(key+"days_left", left)
			a.word(key+"ends_on", isoDay(end))
			a.count(key+"delivered", done)
			a.word(key+"confirmed", r.str("confirmed_result"))
			a.word(key+"state", state)
			switch {
			case open && over:
				a.word(key+"signal", "red")
			case open:
				a.word(key+"signal", "yellow")
			default:
				a.word(key+"signal", "green")
			}
		}
	}
	a.count("D20.active", active)
	a.count("D20.expiring", expiring)
	a.share("D20.six_of_six", six, bases)
	a.ratio("D20.mean_delivered", delivered, bases, 1)
	a.count("D20.unconfirmed", unconfirmed)
}
