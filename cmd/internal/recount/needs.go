package recount

import (
	"math"
	"math/big"
	"slices"
)

// round is the neighbourhood's latest approved round, nil if there is none.
func (a *asked) round(n int64) *record {
	var best *record
	for _, r := range a.at(n, "prioritisation_round") {
		if !r.has("approved_by_decision_id") {
			continue
		}
		if best == nil || r.str("held_on") > best.str("held_on") || r.str("held_on") == best.str("held_on") && r.ID > best.ID {
			best = r
		}
	}
	return best
}

// needs reckons D10.
func (a *asked) needs() {
	type tally struct {
		reciprocal, weighted *big.Rat
		top, affected, needs int64
	}
	by := map[string]*tally{}
	of := func(category string) *tally {
		if by[category] == nil {
			by[category] = &tally{reciprocal: new(big.Rat), weighted: new(big.Rat)}
		}
		return by[category]
	}
	var needs, ranked int64
	for _, n := range a.places {
		affected := map[string]int64{}
		for _, r := range a.at(n, "need") {
			if r.has("merged_into_id") {
				continue
			}
			needs++
			of(r.str("category")).needs++
			of(r.str("category")).affected += r.num("affected_count")
			affected[r.str("category")] += r.num("affected_count")
		}
		latest := a.round(n)
		if latest == nil {
			continue
		}
		ranked++
		best := map[string]int64{}
		for _, x := range latest.rows("result") {
			need, ok := a.w.byID[x.str("need_id")]
			if !ok || need.Deleted || need.Form != "need" {
				continue
			}
			c := need.str("category")
			if k := x.num("rank"); k > 0 && (best[c] == 0 || k < best[c]) {
				best[c] = k
			}
		}
		for c, k := range best {
			t := of(c)
			t.reciprocal.Add(t.reciprocal, big.NewRat(1, k))
			t.weighted.Add(t.weighted, big.NewRat(affected[c], k))
			if k <= a.set["top_needs"] {
				t.top++
			}
		}
	}
	a.count("D10.needs", needs)
	a.count("D10.ranked_places", ranked)
	for c, t := range by {
		key := "D10.by_need|" + c + "|"
		a.number(key+"reciprocal", t.reciprocal)
		a.share(key+"in_top", t.top, ranked)
		a.count(key+"affected", t.affected)
		a.number(key+"weighted_need", t.weighted)
		a.count(key+"needs", t.needs)
	}
}

// services reckons D11.
func (a *asked) services() {
	top, done := map[string]int64{}, map[string]int64{}
	var tops, services, served, red int64
	for _, n := range a.places {
		latest := a.round(n)
		if latest == nil {
			continue
		}
		for _, x := range latest.rows("result") {
			need, ok := a.w.byID[x.str("need_id")]
			if k := x.num("rank"); ok && !need.Deleted && need.Form == "need" && k > 0 && k <= a.set["top_needs"] {
				top[need.str("category")]++
				tops++
			}
		}
	}
	for _, r := range a.events("service_delivery") {
		day, _ := r.date("on")
		if r.str("kind") == "service" && a.inMonths(day) {
			done[r.str("need_category")]++
			services++
			served += r.num("served_total")
		}
	}
	categories := map[string]bool{}
	for c := range top {
		categories[c] = true
	}
	for c := range done {
		categories[c] = true
	}
	for c := range categories {
		key := "D11.by_need|" + c + "|"
		a.count(key+"top_needs", top[c])
		a.count(key+"services", done[c])
		a.share(key+"needs_share", top[c], tops)
		a.share(key+"services_share", done[c], services)
		if top[c] == 0 || services == 0 {
			a.word(key+"gap", "")
			a.word(key+"signal", "blank")
			continue
		}
		gap := big.NewRat(done[c]*tops, services*top[c])
		a.number(key+"gap", gap)
		if new(big.Rat).Mul(gap, rat(100)).Cmp(rat(a.set["gap_red"])) < 0 {
			a.word(key+"signal", "red")
			red++
		} else {
			a.word(key+"signal", "green")
		}
	}
	a.count("D11.services", services)
	a.count("D11.served", served)
	a.count("D11.red_categories", red)
}

// assets reckons D13.
func (a *asked) assets() {
	by := map[string]int64{}
	var all, linked, known, residents int64
	used := map[string]bool{}
	for _, r := range a.living("action_item") {
		for _, id := range r.strs("asset_ids") {
			used[id] = true
		}
	}
	for _, n := range a.places {
		here := int64(0)
		for _, r := range a.at(n, "asset") {
			if r.has("duplicate_of") {
				continue
			}
			here++
			by[r.str("category")]++
			if used[r.ID] {
				linked++
			}
		}
		all += here
		if p, ok := a.population(n); ok {
			residents += p
			known += here
		}
	}
	a.count("D13.assets", all)
	a.count("D13.categories", int64(len(by)))
	a.ratio("D13.density", known, residents, 1000)
	evenness := 0.0
	for _, k := range by {
		p := float64(k) / float64(all)
		evenness -= p * math.Log(p) / math.Log(6)
	}
	if all == 0 {
		a.word("D13.evenness", "")
	} else {
		a.number("D13.evenness", new(big.Rat).SetFloat64(evenness))
	}
	a.share("D13.activation", linked, all)
	for _, c := range []string{"individual", "association", "institution", "physical", "economic", "culture_story"} {
		a.count("D13.by_category|"+c+"|assets", by[c])
		a.share("D13.by_category|"+c+"|share", by[c], all)
	}
}

// capacity reckons D14.
func (a *asked) capacity() {
	type tally struct{ score, n, low, change, changes int64 }
	type cell struct{ county, domain, instrument string }
	by := map[cell]*tally{}
	var assessed, rounds, score, scores, low int64
	for _, n := range a.places {
		here := map[string][]*record{}
		for _, r := range a.events("capacity_assessment") {
			if r.Place == n {
				rounds++
				here[r.str("instrument")] = append(here[r.str("instrument")], r)
			}
		}
		if len(here) > 0 {
			assessed++
		}
		county := ""
		for _, r := range a.at(n, "neighbourhood") {
			county = r.str("county")
		}
		for instrument, all := range here {
			slices.SortFunc(all, func(x, y *record) int {
				if d := x.num("round_no") - y.num("round_no"); d != 0 {
					return int(d)
				}
				return slices.Compare([]string{x.str("held_on"), x.ID}, []string{y.str("held_on"), y.ID})
			})
			latest := all[len(all)-1]
			before := map[string]int64{}
			for _, r := range all {
				if r.num("round_no") < latest.num("round_no") {
					clear(before)
					for _, s := range r.rows("scores") {
						before[s.str("domain")] = s.num("consensus")
					}
				}
			}
			for _, s := range latest.rows("scores") {
				k := s.num("consensus")
				at := cell{county, s.str("domain"), instrument}
				if by[at] == nil {
					by[at] = &tally{}
				}
				by[at].n++
				by[at].score += k
				score += k
				scores++
				if k < 2 {
					by[at].low++
					low++
				}
				if was, ok := before[s.str("domain")]; ok {
					by[at].change += k - was
					by[at].changes++
				}
			}
		}
	}
	a.count("D14.assessed", assessed)
	a.count("D14.rounds", rounds)
	a.ratio("D14.mean_score", score, scores, 1)
	a.count("D14.low_domains", low)
	for at, t := range by {
		key := "D14.by_domain|" + at.county + "|" + at.domain + "|" + at.instrument + "|"
		a.ratio(key+"mean_score", t.score, t.n, 1)
		a.ratio(key+"change", t.change, t.changes, 1)
		a.count(key+"neighbourhoods", t.n)
		a.count(key+"low_domains", t.low)
		a.word(key+"instrument", at.instrument)
	}
}
