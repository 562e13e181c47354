package recount

import (
	"slices"

	"mahalleh/schemas/persian"
)

// advocacy reckons D21.
func (a *asked) advocacy() {
	type tally struct{ all, open, late, sent, answered int64 }
	total, agencies := tally{}, map[string]*tally{}
	var took []int64
	for _, r := range a.living("advocacy_request") {
		agency := agencies[plainID(r.str("target_org_id"))]
		if agency == nil {
			agency = &tally{}
			agencies[plainID(r.str("target_org_id"))] = agency
		}
		sent, wasSent := r.date("sent_on")
		answered, wasAnswered := r.date("answered_on")
		due, hasDue := r.date("reply_due_on")
		if !hasDue && wasSent {
			due = a.days.last(sent, a.set["reply_days"])
		}
		open := !slices.Contains([]string{"met", "partly_met", "refused"}, r.str("state"))
		if wasSent && wasAnswered {
			took = append(took, answered-sent)
		}
		for _, t := range []*tally{&total, agency} {
			t.all++
			if open {
				t.open++
			}
			if wasSent && !wasAnswered && open && due < a.Today {
				t.late++
			}
			if wasSent {
				t.sent++
				if wasAnswered {
					t.answered++
				}
			}
		}
	}
	a.count("D21.requests", total.all)
	a.count("D21.open", total.open)
	a.count("D21.overdue_requests", total.late)
	a.share("D21.answer_rate", total.answered, total.sent)
	a.percentile("D21.median_days", took, 50)
	for id, t := range agencies {
		key := "D21.by_agency|" + id + "|"
		a.count(key+"requests", t.all)
		a.count(key+"open", t.open)
		a.count(key+"overdue_requests", t.late)
		a.share(key+"answer_rate", t.answered, t.sent)
	}
}

// budget reckons D16.
func (a *asked) budget() {
	type tally struct {
		approved, allocated, paid, training int64
		places                              map[string]bool
	}
	total := &tally{places: map[string]bool{}}
	by := map[string]*tally{}
	paid := map[string]int64{}
	for _, t := range a.events("budget_txn") {
		switch t.str("kind") {
		case "pay":
			paid[t.str("line_id")] += t.num("amount_rial")
		case "return":
			paid[t.str("line_id")] -= t.num("amount_rial")
		}
	}
	type own struct {
		hood string
		year int64
	}
	elders := map[own]int64{}
	for _, l := range a.living("budget_line") {
		if y := l.num("jalali_year"); a.From != 0 && y < a.From/100 || a.To != 0 && y > a.To/100 {
			continue
		}
		key := isoYear(l.num("jalali_year")) + "|" + l.str("programme")
		if by[key] == nil {
			by[key] = &tally{places: map[string]bool{}}
		}
		home := l.str("neighbourhood_id")
		for _, t := range []*tally{total, by[key]} {
			t.approved += l.num("approved_rial")
			t.allocated += l.num("allocated_rial")
			t.paid += paid[l.ID]
			if l.str("item") == "executor_training" {
				t.training += l.num("approved_rial")
			}
			if home != "" {
				t.places[home] = true
			}
		}
		if l.str("programme") == "elder_network" && home != "" {
			elders[own{home, l.num("jalali_year")}] += l.num("allocated_rial")
		}
	}
	below := int64(0)
	for at, sum := range elders {
		if sum < a.set["floor_rial"] {
			below++
			key := "D16.below_floor_list|" + plainID(at.hood) + "|"
			a.count(key+"allocated", sum)
			a.count(key+"floor", a.set["floor_rial"])
		}
	}
	say := func(key string, t *tally) {
		a.count(key+"approved", t.approved)
		a.count(key+"allocated", t.allocated)
		a.count(key+"paid", t.paid)
		a.share(key+"allocation", t.allocated, t.approved)
		a.share(key+"absorption", t.paid, t.allocated)
		a.share(key+"training_share", t.training, t.approved)
		a.ratio(key+"paid_per_place", t.paid, int64(len(t.places)), 1)
	}
	say("D16.", total)
	for key, t := range by {
		say("D16.by_programme|"+key+"|", t)
	}
	a.count("D16.below_floor", below)
	a.count("D16.training_plan", a.set["training_share"])
}

func isoYear(year int64) string { return rat(year).FloatString(0) }

// participation reckons D22.
func (a *asked) participation() {
	var activities, all, women, youth, disabled, known, adults, blocks, reached int64
	for _, n := range a.places {
		here := int64(0)
		var points []point
		for _, r := range a.events("activity") {
			day, _ := r.date("held_on")
			if r.Place != n || !a.inMonths(day) {
				continue
			}
			activities++
			here += r.num("participants_total")
			women += r.num("participants_women")
			youth += r.num("participants_u18")
			disabled += r.num("participants_pwd")
			if p, ok := r.point("location"); ok {
				points = append(points, p)
			}
		}
		all += here
		if p := a.profile(n); p != nil && p.has("age_19_59") && p.has("age_60_plus") {
			known += here
			adults += p.num("age_19_59") + p.num("age_60_plus")
		}
		codes := map[string]bool{}
		for _, b := range a.at(n, "block") {
			if line := b.polygon("boundary"); line != nil {
				codes[b.str("code")] = codes[b.str("code")] || slices.ContainsFunc(points, func(p point) bool { return inside(p, line) })
			}
		}
		for _, hit := range codes {
			blocks++
			if hit {
				reached++
			}
		}
	}
	a.count("D22.activities", activities)
	a.count("D22.took_part", all)
	a.share("D22.of_adults", known, adults)
	a.share("D22.women_share", women, all)
	a.share("D22.youth_share", youth, all)
	a.share("D22.disabled_share", disabled, all)
	a.share("D22.blocks_reached", reached, blocks)
}

// training reckons D23.
func (a *asked) training() {
	trained, certified := map[string]bool{}, map[string]bool{}
	for _, r := range a.events("training_attendance") {
		trained[r.str("person_id")] = true
		if until, ok := r.date("valid_until"); ok && until >= a.Today && r.has("certificate_no") {
			certified[r.str("person_id")] = true
		}
	}
	wrote := map[string]bool{}
	for _, r := range a.all {
		if r.Deleted {
			continue
		}
		for _, w := range r.standing() {
			if day := tehranDay(w.when); day <= a.Today && a.Today-day <= a.set["active_days"] {
				wrote[w.by] = true
			}
		}
	}
	roles := map[string]map[string]bool{"": {}}
	for _, r := range a.living("facilitator") {
		from, hasFrom := r.date("active_from")
		to, hasTo := r.date("active_to")
		if len(r.strs("assigned_neighbourhood_ids")) == 0 || hasFrom && from > a.Today || hasTo && to < a.Today {
			continue
		}
		for _, role := range []string{"", r.str("role")} {
			if roles[role] == nil {
				roles[role] = map[string]bool{}
			}
			roles[role][r.str("person_id")] = true
		}
	}
	for role, people := range roles {
		var t, c, w int64
		for p := range people {
			if !trained[p] {
				continue
			}
			t++
			if certified[p] {
				c++
			}
			if wrote[a.w.account(p)] {
				w++
			}
		}
		key := "D23."
		if role != "" {
			key = "D23.by_role|" + role + "|"
		}
		a.count(key+"workers", int64(len(people)))
		a.count(key+"trained", t)
		a.share(key+"trained_rate", t, int64(len(people)))
		a.count(key+"valid_certificate", c)
		a.count(key+"activated", w)
		a.share(key+"activated_rate", w, t)
	}
}

// account is the author who is the person of a record: the one of whom an operator
// said so. Of the others, the only account with a role at
// the place of that person's facilitator record, or above it, that bears the name of
// the person, if no other facilitator of the place does. Otherwise the record's own id.
func (w *World) account(id string) string {
	who, ok := w.byID[id]
	if !ok || who.Deleted {
		return id
	}
	linked := func(record string) string {
		for _, p := range w.people {
			if plainID(p.Record) == plainID(record) {
				return p.ID
			}
		}
		return ""
	}
	if by := linked(id); by != "" {
		return by
	}
	name := persian.Fold(who.str("full_name"))
	found := map[string]bool{}
	for _, r := range w.records {
		if r.Form != "facilitator" || r.Deleted || r.str("person_id") != id {
			continue
		}
		for _, other := range w.records {
			x, ok := w.byID[other.str("person_id")]
			if ok && other.Form == "facilitator" && !other.Deleted && other.Place == r.Place && x != who && !x.Deleted && linked(x.ID) == "" && persian.Fold(x.str("full_name")) == name {
				return id
			}
		}
		for at := w.places[r.Place]; at != nil; at = w.places[at.In] {
			for _, p := range w.people {
				for _, g := range p.Grants {
					if g.Place == at.Number && g.Revoked == "" && p.Record == "" && persian.Fold(p.Name) == name {
						found[p.ID] = true
					}
				}
			}
		}
	}
	if len(found) == 1 {
		return sortedKeys(found)[0]
	}
	return id
}
