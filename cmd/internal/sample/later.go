package sample

import (
	"fmt"

	"mahalleh/schemas/jalali"
)

// planLater plans what goes on in the n-th month after the dossier's.
func (h *hood) planLater(n int) {
	from := float64(n) * monthDays
	to := from + monthDays - 1
	if n == 1 && h.ready+3 > from {
		from = h.ready + 3
	}
	m := h.team[manager]
	spread := func(n int, do func(*worker, int64, int)) {
		for i, share := range []int{50, 30, 20} {
			if x := h.team[i]; x.quiet == 0 {
				x.plan(max(1, n*share/100), from, to, do)
			}
		}
	}
	spread(h.scaled(30), doHousehold)
	spread(h.scaled(25), doService)
	spread(h.scaled(20), doReferral)
	spread(h.scaled(20), doMeasure)
	spread(h.scaled(10), doActivity)
	spread(h.scaled(8), doFollowUp)
	spread(h.scaled(6), doHarm)
	spread(h.scaled(4), doAsset)
	spread(hot, doAssetEdit)
	if m.quiet == 0 {
		h.planSlips(from, to)
	}
	if m.quiet == 0 {
		if n == 1 && !h.empowered {
			m.plan(3, from, from+2, doIndicator)
		}
		m.plan(h.w.more(2), from, to, doRequest)
		m.plan(h.w.more(3), from+3, to, doProgress)
		m.plan(h.scaled(2), from, to, doKeyPerson)
		m.plan(1, from, to, doMember)
		m.plan(1, from+1, from+4, doAgain)
		m.plan(1, from+9, from+14, doSubmit)
		m.plan(h.w.more(2), from+5, to, doAnswer)
		if n == 1 && h.empowered {
			m.plan(1, from+1, from+2, doMonitors)
			m.todo = append(m.todo, task{at: h.dayOf(from + 10), do: doStage, arg: len(stages) - 1})
		}
		if n%3 == 2 {
			m.plan(1, to-4, to, doReview)
		}
		if n%4 == 3 {
			m.todo = append(m.todo, task{at: h.dayOf(from + 5), do: doCapacity, arg: n/4 + 1})
		}
	}
	for _, x := range h.team {
		x.order()
	}
}

var referralReason = []string{"نیازمند مشاورهٔ شغلی و معرفی به دورهٔ {trade}", "پیگیری درمان بیماری مزمن", "نیازمند وسیلهٔ کمک‌توانبخشی",
	"سرپرست خانوار و بدون درآمد ثابت", "نیازمند مشاورهٔ خانواده", "پیگیری بیمه و پروندهٔ درمانی", "بازگشت به مدرسه پس از ترک تحصیل"}

var referralFeedback = []string{"پذیرش شد و نوبت {day} است.", "مدارک ناقص بود؛ دوباره می‌رود.", "در فهرست انتظار است.", "خدمت داده شد.",
	"به مرکز دیگری ارجاع شد."}

// doReferral leads somebody, who agreed to it, to another body.
func doReferral(x *worker, t int64, _ int) {
	rng, h := x.rng, x.hood
	sex := pick(rng, "female", "female", "male")
	person, consent := x.somebody(t, h.id(), personName(rng, sex), sex, born(x.device), "referral", "health_data", "service")
	arrived := []string{"unknown", "yes", "no"}[weigh(rng, 45, 42, 13)]
	v := fields{"person_ref": person, "from": h.office, "to_org_id": pick(rng, h.w.office.municipality, h.w.office.vocational, h.w.office.health),
		"reason": x.says(referralReason), "sent_on": today(t), "consent_id": consent, "arrived": arrived}
	if arrived == "yes" {
		v["arrived_on"], v["feedback"] = today(t)+jalali.Day(rng.IntN(9)), maybe(rng, 60, x.says(referralFeedback))
	}
	x.create(t, h.id(), "referral", v)
}

// doMeasure measures an indicator.
func doMeasure(x *worker, t int64, _ int) {
	indicator := x.one(poolIndicator)
	if indicator == nil {
		return
	}
	d, _ := today(t).Date()
	of := 20 + x.rng.IntN(200)
	n := x.rng.IntN(of)
	x.create(t, x.hood.id(), "measurement", fields{"indicator_id": indicator, "period_year": d.Year(), "period": fmt.Sprintf("m%02d", d.Month()),
		"numerator": n, "denominator": of, "value": dec(10_000 * n / of),
		"method": maybe(x.rng, 30, pick(x.rng, "شمارش از دفتر", "پرسش از خانوارها", "مشاهده")), "by": x.hood.persons[x.role]})
}

// doProgress says how far an action has come.
func doProgress(x *worker, t int64, i int) {
	if x.saw[poolItem] == 0 {
		return
	}
	s := x.opened[x.hood.shared[poolItem][i%min(topNeeds, x.saw[poolItem])]]
	if s == nil {
		return
	}
	switch status := x.w.codeOf(s, "status"); {
	case status == "planned":
		x.edit(t, s, fields{"progress_pct": 5 + 5*x.rng.IntN(5)})
		x.step(t+minuteMS, s, "status", "running")
	case status == "running" && x.rng.IntN(4) == 0:
		x.edit(t, s, fields{"progress_pct": 100})
		x.step(t+minuteMS, s, "status", "done")
	case status == "running":
		x.edit(t, s, fields{"progress_pct": 30 + 5*x.rng.IntN(13), "barriers": maybe(x.rng, 50, x.says(barrierText))})
	}
}

// doReview is the quarter's look at how the work goes.
func doReview(x *worker, t int64, _ int) {
	rng := x.rng
	d, _ := today(t).Date()
	list := func(n int, phrases []string) rows {
		var all rows
		for range n {
			all = append(all, fields{"text": x.says(phrases)})
		}
		return all
	}
	suggestions := list(1+rng.IntN(3), suggestionText)
	suggestions[0]["responsible"], suggestions[0]["due"] = x.hood.localTeam, today(t)+30
	x.create(t, x.hood.id(), "monitoring_review", fields{"period_year": d.Year(), "period": fmt.Sprintf("q%d", d.Quarter()),
		"strengths": list(1+rng.IntN(3), strengthText), "weaknesses": list(1+rng.IntN(3), weaknessText), "suggestions": suggestions,
		"signed_by": x.some(poolPerson, 3)})
}
