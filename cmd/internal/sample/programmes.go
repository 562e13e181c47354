package sample

import (
	"fmt"

	"mahalleh/schemas/jalali"
)

// planProgrammes plans what neighbourhoods of other programmes do besides.
func (h *hood) planProgrammes() {
	m, f := h.team[manager], h.team[facilitator]
	if !h.empowered {
		return
	}
	m.plan(1, 0.45*h.ready, 0.5*h.ready, doCentre)
	m.plan(1, 0.97*h.ready, h.ready, doPlan)
	m.plan(h.w.more(2), 0.6*h.ready, 0.95*h.ready, doRequest)
	f.plan(h.w.more(3), 0.7*h.ready, 1.1*h.ready, doFollowUp)
	m.plan(3, 0.5*h.ready, 0.6*h.ready, doIndicator)
	for i, at := range []float64{0.3, 0.42, 0.5, 0.6, 0.8, 0.94, 1.02} {
		m.todo = append(m.todo, task{at: h.dayOf(at * h.ready), do: doStage, arg: i})
	}
}

// more is how many of something are made that is not a matter of the
// neighbourhood's size.
func (w *world) more(n int) int { return max(1, int(float64(n)*w.o.Scale+0.5)) }

var services3 = []struct {
	deputy     string
	categories []string
}{
	{"social", []string{"livelihood", "women", "food", "housing", "documents", "elder"}},
	{"prevention", []string{"addiction", "mental_health", "child_protection", "women", "education"}},
	{"rehabilitation", []string{"disability", "accessibility", "elder", "mental_health"}},
}

// doService records services by kind of need, in numbers.
func doService(x *worker, t int64, _ int) {
	rng := x.rng
	s := services3[weigh(rng, 45, 33, 22)]
	total := 1 + int(rng.ExpFloat64()*9)
	women := total * (30 + rng.IntN(60)) / 100
	young := total * rng.IntN(45) / 100
	v := fields{"on": today(t), "kind": []string{"service", "contact", "referral"}[weigh(rng, 70, 18, 12)], "deputy": s.deputy,
		"need_category": common(rng, s.categories), "provider_org_id": x.hood.office,
		"place": maybe(rng, 60, x.says([]string{"{hall}"})), "served_total": total, "served_women": women, "served_men": total - women,
		"served_u18": young, "served_60_plus": (total - young) * rng.IntN(50) / 100}
	if s.deputy == "rehabilitation" {
		v["served_pwd"] = total - rng.IntN(total+1)/2
	}
	if rng.IntN(3) == 0 {
		v["cost_rial"] = 1_000_000 * (1 + rng.IntN(60))
	}
	x.create(t, x.hood.id(), "service_delivery", v)
}

// stages of the empowerment plan that a neighbourhood goes through in its month.
var stages = []string{"initial_assessment", "trust_building", "community_profile", "local_organisation", "needs_assessment", "prioritised",
	"action_plan", "monitoring"}

// doStage says that the plan has come to a stage.
func doStage(x *worker, t int64, i int) {
	if s := x.opened[x.hood.enrolment]; s != nil {
		x.step(t, s, "stage", stages[i])
		h := x.hood
		if n := len(h.stages); n > 0 {
			h.stages[n-1]["closed_on"] = today(t)
		}
		h.stages = append(h.stages, fields{"stage": stages[i], "opened_on": today(t)})
		x.edit(t+minuteMS, s, fields{"stages": h.stages})
	}
}

// doMonitors has the group elected that monitors the plan.
func doMonitors(x *worker, t int64, _ int) {
	var members rows
	for _, p := range x.some(poolPerson, 4) {
		members = append(members, fields{"person_id": p, "seat": "resident", "from": today(t)})
	}
	if len(members) == 0 {
		return
	}
	x.create(t, x.hood.id(), "committee", fields{"kind": "monitoring", "name": x.hand.write(x.rng, "گروه نظارت "+x.hood.name),
		"neighbourhood_id": x.hood.record, "status": "formed", "members": members, "quorum_rule": "majority"})
}

// articles of a simple statute.
var articles = []struct{ title, text string }{
	{"نام و محل", "نام این نهاد «مرکز توسعهٔ محلی» است و در همین محله کار می‌کند."},
	{"هدف‌ها", "شناخت و حل مسئله‌های محله با مشارکت اهالی و به‌صورت پایدار."},
	{"عضویت", "هر ساکن محله که ۱۸ سال دارد می‌تواند عضو شود."},
	{"ارکان", "مجمع، کمیتهٔ راهبردی و گروه نظارت."},
	{"انتخابات و دوره", "اعضای کمیتهٔ راهبردی برای دو سال با رأی مخفی برگزیده می‌شوند."},
	{"جلسه‌ها و حد نصاب", "جلسه با حضور بیش از نیمی از اعضا رسمی است."},
	{"امور مالی و بایگانی", "هر دریافت و پرداختی با سند ثبت می‌شود و اهالی می‌توانند آن را ببینند."},
	{"بلوک‌ها و نمایندگان", "هر بلوک یک نماینده در مجمع دارد."},
	{"رسیدگی به اختلاف", "اختلاف‌ها نخست با میانجیگری معتمدان و سپس در مجمع بررسی می‌شود."},
	{"تغییر و انحلال", "تغییر اساسنامه و انحلال مرکز با رأی دوسوم مجمع است."},
}

// doCentre founds the local development centre and votes on its statute.
func doCentre(x *worker, t int64, _ int) {
	rng, h := x.rng, x.hood
	centre := x.newRecord(t)
	state := x.createAs(centre, t, h.id(), "local_development_centre", fields{"name": x.hand.write(rng, "مرکز توسعهٔ محلی "+bare(h.name)),
		"founded_on": today(t), "block_count": h.blocks, "steering_committee_id": h.steering, "status": "planned"})
	var all rows
	for i, a := range articles[:7+rng.IntN(4)] {
		all = append(all, fields{"no": i + 1, "title": a.title, "text": a.text})
	}
	x.create(t+hour, h.id(), "bylaw", fields{"centre_id": centre, "articles": all, "quorum_pct": 51, "term_months": 24, "approved_on": today(t),
		"approved_by_votes_for":     15 + rng.IntN(60),
		"approved_by_votes_against": rng.IntN(8), "approved_by_votes_abstain": rng.IntN(5)})
	x.step(t+2*hour, state, "status", "active")
}

// doPlan makes the year's plan, and has the committee approve it.
func doPlan(x *worker, t int64, _ int) {
	rng, h := x.rng, x.hood
	if x.knows(poolNeed) == 0 || x.knows(poolPerson) < 3 {
		return
	}
	decision := x.meet(t, h.steering, "approve_plan", h.plan, "برنامهٔ اقدام سال آینده بررسی و تأیید شد.", "approved")
	x.createAs(h.plan, t, h.id(), "action_plan", fields{"jalali_year": jalaliYear(t) + 1, "goal": x.says(planGoal),
		"budget_rial": 10_000_000 * (20 + rng.IntN(300)), "approved_by_decision_id": decision})
	for i := range 3 + rng.IntN(5) {
		start := today(t) + jalali.Day(5+rng.IntN(60))
		doItem(x, t+int64(i+1)*4*minuteMS, i, start)
	}
}

// doItem adds one action for one need to the plan.
func doItem(x *worker, t int64, i int, start jalali.Day) {
	rng, h := x.rng, x.hood
	if x.knows(poolNeed) == 0 {
		return
	}
	var resources rows
	for range 1 + rng.IntN(3) {
		row := fields{"source": pick(rng, "local", "gov", "ngo", "charity"), "kind": "people", "qty": 3 + rng.IntN(20), "secured": rng.IntN(2) == 0}
		if rng.IntN(2) == 0 {
			row = fields{"source": pick(rng, "gov", "gov", "charity", "local"), "kind": pick(rng, "money", "material"),
				"amount_rial": 5_000_000 * (1 + rng.IntN(80)), "secured": rng.IntN(3) == 0}
		}
		resources = append(resources, row)
	}
	x.made(poolItem, x.create(t, h.id(), "action_item", fields{"plan_id": h.plan, "code": fmt.Sprintf("A%d.%d", i/5+1, i%5+1),
		"title_fa": x.says(actionTitles), "need_id": x.known(poolNeed, rng.IntN(min(topNeeds, x.knows(poolNeed)))),
		"result_expected": x.says(actionResult), "responsible_id": h.localTeam, "start_on": start, "due_on": start + jalali.Day(15+rng.IntN(150)),
		"resources": resources, "asset_ids": x.some(poolAsset,
			rng.IntN(4)), "progress_pct": 0,
		"status": "planned", "weight": 1 + weigh(rng, 70, 20, 10), "barriers": maybe(rng, 35, x.says(barrierText)),
		"indicator_ids": x.some(poolIndicator, rng.IntN(2))}))
}

// doRequest asks a body for something, which the committee approved.
func doRequest(x *worker, t int64, _ int) {
	rng, h := x.rng, x.hood
	if x.knows(poolPerson) < 3 {
		return
	}
	request := x.newRecord(t)
	subject := x.says(requestSubject)
	programme := "comprehensive"
	if h.empowered {
		programme = "empowerment_plan"
	}
	state := x.createAs(request, t, h.id(), "advocacy_request", fields{"programme": programme, "subject": subject, "need_id": x.one(poolNeed),
		"target_org_id": h.w.office.municipality,
		"asked":         x.says(requestAsked), "state": "draft"})
	x.made(poolRequest, request)
	decision := x.meet(t+hour, h.steering, "approve_request", request, subject+" تصویب شد.", "approved")
	x.edit(t+2*hour, state, fields{"steering_decision_id": decision})
	x.step(t+2*hour, state, "state", "approved")
	if rng.IntN(4) > 0 {
		on := today(t + 3*hour)
		x.edit(t+3*hour, state, fields{"letter_no": "۱۴۰۴/" + written(100+rng.IntN(900)) + "/م", "sent_on": on, "reply_due_on": on + 30})
		x.step(t+3*hour, state, "state", "sent")
	}
}

// doAnswer records what became of a request.
func doAnswer(x *worker, t int64, i int) {
	if x.saw[poolRequest] == 0 {
		return
	}
	s := x.opened[x.hood.shared[poolRequest][i%min(topNeeds, x.saw[poolRequest])]]
	if s == nil {
		return
	}
	switch x.w.codeOf(s, "state") {
	case "sent":
		x.edit(t, s, fields{"answered_on": today(t)})
		x.step(t, s, "state", "answered")
	case "answered":
		x.step(t, s, "state", []string{"partly_met", "met", "refused"}[weigh(x.rng, 45, 30, 25)])
	case "refused":
		x.step(t, s, "state", "escalated")
	}
}

// doFollowUp records one step after a request.
func doFollowUp(x *worker, t int64, _ int) {
	request := x.one(poolRequest)
	if request == nil {
		return
	}
	x.create(t, x.hood.id(), "follow_up", fields{"request_id": request, "on": today(t),
		"channel": common(x.rng, []string{"call", "visit", "letter", "meeting", "manager_visit"}), "by": x.hood.persons[x.role],
		"result":  x.says(followUpResult),
		"next_on": maybe(x.rng, 60, today(t)+jalali.Day(3+x.rng.IntN(20)))})
}

var indicatorKinds = []struct{ code, name, level, formula, kind, unit, direction string }{
	{"P1", "تعداد جلسه‌های مردمی", "process", "شمار جلسه‌های برگزارشده در ماه", "value", "جلسه", "up"},
	{"O1", "سهم خانوارهای مشارکت‌کننده", "outcome", "خانوارهای مشارکت‌کننده به کل خانوار", "percent", "درصد", "up"},
	{"O2", "شکایت از روشنایی", "outcome", "شکایت‌های ثبت‌شده در ماه", "value", "شکایت", "down"},
	{"R1", "اقدام‌های انجام‌شده", "output", "اقدام‌های پایان‌یافته به کل اقدام‌ها", "percent", "درصد", "up"},
	{"I1", "ساعت کار داوطلبانه", "input", "جمع ساعت کار داوطلبان در ماه", "value", "ساعت", "up"},
}

// doIndicator says what is going to be measured.
func doIndicator(x *worker, t int64, i int) {
	k := indicatorKinds[i%len(indicatorKinds)]
	base := 5 + x.rng.IntN(30)
	target := base + 10 + x.rng.IntN(20)
	if k.direction == "down" {
		target = base / 2
	}
	x.made(poolIndicator, x.create(t, x.hood.id(), "indicator", fields{"code": k.code, "name_fa": k.name, "level": k.level, "formula": k.formula,
		"formula_kind": k.kind, "unit": k.unit, "direction": k.direction, "frequency": "monthly",
		"baseline": base, "target": target, "target_on": today(t) + 365}))
}
