package recount

import (
	"fmt"
	"math/big"
	"slices"
	"time"
)

// dossier is that of one neighbourhood, over all its revisions.
type dossier struct {
	place              int64
	assigned, due      int64
	submitted, approve int64 // days, 0 if never
	waits              int64 // since when somebody waits for a review, 0 if nobody does
	returns, handed    int64
	fills              []fill
	full               *big.Rat // completeness in percent
	complete           bool
}

// fill is how full a section is, from 0 to 1, and whether its minimum is there.
type fill struct {
	section string
	share   *big.Rat
	gate    bool
}

// assigned are the neighbourhoods with a dossier that is neither cancelled nor
// suspended.
func (a *asked) assignedDossiers() (all []dossier) {
	for _, n := range a.places {
		revisions := a.at(n, "dossier")
		if len(revisions) == 0 {
			continue
		}
		slices.SortStableFunc(revisions, func(x, y *record) int { return int(x.num("revision_no") - y.num("revision_no")) })
		first, last := revisions[0], revisions[len(revisions)-1]
		if s := last.str("status"); s == "cancelled" || s == "suspended" {
			continue
		}
		d := dossier{place: n}
		d.assigned, _ = first.date("assigned_on")
		d.due, _ = first.date("due_on")
		for _, r := range revisions {
			if day, ok := r.date("submitted_on"); ok && (d.submitted == 0 || day < d.submitted) {
				d.submitted = day
			}
			if day, ok := r.date("approved_on"); ok && (d.approve == 0 || day < d.approve) {
				d.approve = day
			}
			days := map[string]bool{}
			for _, x := range r.rows("returned") {
				days[x.str("on")] = true
			}
			d.returns += int64(len(days))
			// It was handed in once before each return, and once more if it is there now.
			switch r.str("status") {
			case "assigned", "collecting", "returned":
				if len(days) == 0 && r.has("submitted_on") {
					d.handed++
				}
			default:
				d.handed++
			}
			d.handed += int64(len(days))
		}
		if s := last.str("status"); s == "submitted" || s == "county_reviewed" {
			d.waits, _ = last.date("submitted_on")
		}
		d.fills = a.fills(n)
		d.full, d.complete = new(big.Rat), true
		for _, f := range d.fills {
			d.full.Add(d.full, new(big.Rat).Mul(f.share, rat(a.set["weight_"+f.section])))
			d.complete = d.complete && f.gate
		}
		all = append(all, d)
	}
	return all
}

// dossiers reckons D01 to D06.
func (a *asked) dossiers() {
	all := a.assignedDossiers()
	var submitted, inTime, known, overdue, risk, complete, returns, handed, late int64
	var reviews []int64
	sum := new(big.Rat)
	histogram := make([]int64, 5)
	fills := map[string]*big.Rat{}
	open := map[string]int64{}
	for _, s := range sections {
		fills[s] = new(big.Rat)
	}
	for _, d := range all {
		sum.Add(sum, d.full)
		bin, _ := new(big.Rat).Quo(d.full, rat(20)).Float64()
		histogram[min(int(bin), 4)]++
		for _, f := range d.fills {
			fills[f.section].Add(fills[f.section], f.share)
			if !f.gate {
				open[f.section]++
			}
		}
		if d.complete {
			complete++
		}
		returns += d.returns
		handed += d.handed
		key := a.name(d.place)
		switch {
		case d.submitted != 0:
			submitted++
			known++
			if d.submitted <= d.due {
				inTime++
			}
			if d.approve != 0 {
				reviews = append(reviews, d.approve-d.submitted)
			}
		case d.due < a.Today:
			known++
			overdue++
			a.count("D03.overdue_list|"+key+"|overdue_days", a.Today-d.due)
			a.word("D03.overdue_list|"+key+"|due", isoDay(d.due))
			a.number("D03.overdue_list|"+key+"|completeness", d.full)
		default:
			passed := rat(100)
			if d.due > d.assigned {
				passed = big.NewRat(100*(a.Today-d.assigned), d.due-d.assigned)
			}
			if d.full.Cmp(new(big.Rat).Sub(passed, rat(a.set["risk_margin"]))) < 0 {
				risk++
				a.word("D04.at_risk_list|"+key+"|due", isoDay(d.due))
				a.number("D04.at_risk_list|"+key+"|completeness", d.full)
				a.number("D04.at_risk_list|"+key+"|expected", passed)
			}
		}
		if d.waits != 0 && a.Today > a.days.last(d.waits, a.set["review_days"]) {
			late++
		}
	}
	n := int64(len(all))
	a.count("D01.assigned", n)
	a.count("D01.submitted", submitted)
	a.share("D01.coverage", submitted, n)
	a.count("D02.in_time", inTime)
	a.count("D02.verdict_known", known)
	a.share("D02.on_time", inTime, known)
	a.count("D03.overdue", overdue)
	a.count("D04.at_risk", risk)
	a.quotient("D05.mean_completeness", sum, rat(n))
	a.count("D05.complete", complete)
	weakest := ""
	for _, s := range sections {
		if n > 0 && (weakest == "" || fills[s].Cmp(fills[weakest]) < 0) {
			weakest = s
		}
		if n > 0 {
			a.quotient("D05.by_section|"+s+"|mean_fill", new(big.Rat).Mul(fills[s], rat(100)), rat(n))
			a.count("D05.by_section|"+s+"|gates_open", open[s])
		}
	}
	a.word("D05.weakest", weakest)
	for i, k := range histogram {
		a.count(fmt.Sprintf("D05.histogram|%d–%d|neighbourhoods", 20*i, 20*i+20), k)
	}
	a.count("D06.reviewed", int64(len(reviews)))
	a.percentile("D06.median_days", reviews, 50)
	a.percentile("D06.p90_days", reviews, 90)
	a.share("D06.returned_rate", returns, handed)
	a.count("D06.review_late", late)
}

var sections = []string{"profile", "boundary_blocks", "key_persons", "local_team", "capacity", "assets", "needs_survey", "prioritised_needs", "harm_map", "participation"}

// fills measures the ten sections of a neighbourhood's dossier.
func (a *asked) fills(n int64) []fill {
	hood := func(form string) []*record { return a.at(n, form) }
	best := func(shares ...*big.Rat) *big.Rat {
		most := new(big.Rat)
		for _, s := range shares {
			if s.Cmp(most) > 0 {
				most = s
			}
		}
		return most
	}
	of := func(done, target int64) *big.Rat {
		if target <= 0 || done >= target {
			return rat(1)
		}
		return big.NewRat(done, target)
	}
	var all []fill
	add := func(section string, share *big.Rat, gate bool) { all = append(all, fill{section, share, gate}) }

	// Profile: the fullest; population, households and ten rows of infrastructure.
	needed := []string{"population", "male", "female", "households", "women_headed_hh", "disabled_persons", "infrastructure", "residents_consulted"}
	var shares []*big.Rat
	gate := false
	for _, p := range hood("neighbourhood_profile") {
		full := int64(0)
		for _, name := range needed {
			if p.has(name) && (name != "infrastructure" || len(p.rows(name)) >= 10) {
				full++
			}
		}
		shares = append(shares, of(full, int64(len(needed))))
		gate = gate || p.has("population") && p.has("households") && int64(len(p.rows("infrastructure"))) >= a.set["gate_services"]
	}
	add("profile", best(shares...), gate)

	// Boundary and blocks.
	blocks := int64(len(hood("block")))
	drawn := slices.ContainsFunc(hood("neighbourhood"), func(r *record) bool { return r.has("boundary") })
	add("boundary_blocks", of(blocks, a.set["target_blocks"]), drawn && blocks >= a.set["gate_blocks"])

	// Key persons.
	women := int64(0)
	for _, r := range hood("key_person") {
		if r.str("sex") == "female" {
			women++
		}
	}
	keys := int64(len(hood("key_person")))
	add("key_persons", of(keys, a.set["target_key_persons"]), keys >= a.set["gate_key_persons"] && women >= a.set["gate_women"])

	// Local team: different people who have not left.
	team := int64(len(a.team(n)))
	add("local_team", of(team, a.set["target_team_members"]), team >= a.set["gate_team_members"])

	// Capacity: the round with the most domains; five are all of an instrument of five.
	shares, gate = nil, false
	for _, r := range hood("capacity_assessment") {
		domains := map[string]bool{}
		for _, s := range r.rows("scores") {
			if s.has("consensus") {
				domains[s.str("domain")] = true
			}
		}
		want := a.set["target_domains"]
		if i := r.str("instrument"); i == "rifkin5" || i == "simple_s1" {
			want = min(want, 5)
		}
		shares = append(shares, of(int64(len(domains)), want))
		gate = gate || int64(len(domains)) >= instrumentSize[r.str("instrument")]
	}
	add("capacity", best(shares...), gate)

	// Assets.
	categories := map[string]bool{}
	assets := int64(0)
	for _, r := range hood("asset") {
		if !r.has("duplicate_of") {
			categories[r.str("category")] = true
			assets++
		}
	}
	add("assets", of(assets, a.set["target_assets"]), assets >= a.set["gate_assets"] && int64(len(categories)) >= a.set["gate_asset_categories"])

	add(a.survey(n))

	// Priorities: the approved round that ranks the most needs.
	ranked := int64(0)
	approved := false
	for _, r := range hood("prioritisation_round") {
		if r.has("approved_by_decision_id") {
			approved = true
			ranked = max(ranked, int64(len(r.rows("result"))))
		}
	}
	add("prioritised_needs", of(ranked, a.set["target_ranked_needs"]), approved)

	add(a.ratedBlocks(n))

	// Residents: those of a profile, or the people of all activities.
	people := int64(0)
	for _, chain := range a.chainsAt(n, "activity") {
		most := int64(0)
		for _, r := range alive(chain) {
			most = max(most, r.num("participants_total"))
		}
		people += most
	}
	for _, p := range hood("neighbourhood_profile") {
		people = max(people, p.num("residents_consulted"))
	}
	add("participation", of(people, a.set["target_residents"]), people >= a.set["gate_residents"])
	return all
}

// instrumentSize is how many domains an instrument has.
var instrumentSize = map[string]int64{"laverack9": 9, "goodman9": 9, "liberato9": 9, "rifkin5": 5, "simple_s1": 5}

// team are the people of the local team who have not left.
func (a *asked) team(n int64) map[string]bool {
	people := map[string]bool{}
	for _, r := range a.at(n, "team_member") {
		if !r.has("left_on") {
			people[r.str("person_id")] = true
		}
	}
	return people
}

func (a *asked) chainsAt(n int64, form string) (all [][]*record) {
	for _, chain := range a.chainsOf(form) {
		if chain[0].Place == n {
			all = append(all, chain)
		}
	}
	return all
}

// survey is the section of the needs survey: households, informants and focus
// groups together; a campaign that plans fewer households may be measured by its
// own number.
func (a *asked) survey(n int64) (string, *big.Rat, bool) {
	households := map[string]int64{}
	total := int64(0)
	for _, chain := range a.chainsAt(n, "household_response") {
		if i := slices.IndexFunc(alive(chain), func(r *record) bool { return !r.yes("refused") }); i >= 0 {
			total++
			households[alive(chain)[i].str("campaign_id")]++
		}
	}
	count := func(form string, fits func(*record) bool) (k int64) {
		for _, chain := range a.chainsAt(n, form) {
			if slices.ContainsFunc(alive(chain), fits) {
				k++
			}
		}
		return k
	}
	informants := count("key_informant_interview", func(*record) bool { return true })
	groups := count("focus_group", func(*record) bool { return true })
	womens := count("focus_group", func(r *record) bool { return r.str("group_kind") == "women" })
	best, gate := new(big.Rat), false
	measure := func(done, target int64) {
		want := target + a.set["target_informants"] + a.set["target_focus_groups"]
		have := min(done, target) + min(informants, a.set["target_informants"]) + min(groups, a.set["target_focus_groups"])
		if share := big.NewRat(have, max(want, 1)); share.Cmp(best) > 0 {
			best = share
		}
		gate = gate || 100*done >= a.set["gate_survey_share"]*target && womens >= a.set["gate_womens_groups"]
	}
	measure(total, a.set["target_households"])
	for _, c := range a.at(n, "survey_campaign") {
		if t := c.num("target_n"); t > 0 && t < a.set["target_households"] {
			measure(households[c.ID], t)
		}
	}
	return "needs_survey", best, gate
}

// ratedBlocks is the section of the harm map: blocks by their codes that have a
// rating. A deleted block is owed its rating unless a living one has its code.
func (a *asked) ratedBlocks(n int64) (string, *big.Rat, bool) {
	code := map[string]string{}
	all := map[string]bool{}
	for _, r := range a.all {
		if r.Form == "block" && r.Place == n && r.fields != nil {
			code[r.ID] = r.str("code")
			all[r.str("code")] = true
		}
	}
	rated := map[string]bool{}
	for _, r := range a.at(n, "harm_rating") {
		if c, ok := code[r.str("block_id")]; ok {
			rated[c] = true
		}
	}
	k, of := int64(len(rated)), int64(len(all))
	if of == 0 {
		return "harm_map", new(big.Rat), false
	}
	return "harm_map", big.NewRat(k, of), 100*k >= a.set["gate_rated_blocks_share"]*of
}

// isoDay is a day as the report prints it.
func isoDay(day int64) string { return time.Unix(day*86400, 0).UTC().Format("2006-01-02") }
