package sample

import (
	"fmt"

	"mahalleh/schemas/indicators"
)

var affected = map[string][]string{"women": {"women", "wh_hh"}, "elder": {"elders"}, "disability": {"pwd"}, "accessibility": {"pwd", "elders"},
	"leisure": {"youth", "children"}, "education": {"children", "adolescents"}, "livelihood": {"unemployed", "youth"},
	"addiction": {"addicts_families", "youth"}, "child_protection": {"children"}, "security": {"women", "adolescents"}, "documents": {"migrants"}}

// doNeed writes a need down, with what speaks for it.
func doNeed(x *worker, t int64, i int) {
	rng := x.rng
	evidence := x.some(poolEvidence, 2+rng.IntN(5))
	if len(evidence) == 0 {
		return
	}
	wanted := x.hood.wants(rng, pick(rng, "women", "men", "youth", "elders"))
	category := wanted[min(rng.IntN(6), rng.IntN(6))]
	groups := affected[category]
	if groups == nil {
		groups = []string{"all"}
	}
	var causes rows
	for range 1 + rng.IntN(3) {
		causes = append(causes, fields{"cause": x.says(needCause)})
	}
	v := fields{"title_fa": x.says(needTitle[category]), "category": category, "description": maybe(rng, 70, x.tells(1+rng.IntN(3), needDescription)),
		"affected_groups": groups,
		"affected_count":  10 + int(rng.ExpFloat64()*float64(x.hood.people.all)/12),
		"affected_basis":  pick(rng, "estimate", "field_count", "health_house"), "evidence_refs": evidence, "root_causes": causes,
		"existing_asset_ids": x.some(poolAsset, rng.IntN(3)), "status": "proposed"}
	if x.hood.method == "hanlon_opr" {
		v["hanlon_a"], v["hanlon_b"], v["hanlon_c"] = 2+rng.IntN(8), 3+rng.IntN(16), 2+rng.IntN(8)
		for _, name := range []string{"pearl_propriety", "pearl_economics", "pearl_acceptability", "pearl_resources", "pearl_legality"} {
			v[name] = rng.IntN(25) > 0
		}
	}
	x.made(poolNeed, x.create(t, x.hood.id(), "need", v))
	x.hood.said.needs++
}

const (
	// topNeeds are put to the vote, and followed through their states.
	topNeeds   = 8
	leastRound = 3
)

// doVerify says of the first needs that two kinds of evidence speak for them.
func doVerify(x *worker, t int64, _ int) { x.stepNeeds(t, topNeeds, "proposed", "verified") }

// doPrioritised says which needs came out first.
func doPrioritised(x *worker, t int64, _ int) { x.stepNeeds(t, 5, "verified", "prioritised") }

func (x *worker) stepNeeds(t int64, n int, from, to string) {
	for i := range min(n, x.saw[poolNeed]) {
		if s := x.opened[x.hood.shared[poolNeed][i]]; s != nil && x.w.codeOf(s, "status") == from {
			x.step(t+int64(i)*minuteMS, s, "status", to)
		}
	}
}

// voters are the groups that vote, and how many of a hundred each has.
var voters = []string{"women", "men", "youth", "elders", "pwd", "steering"}
var voterShares = []int{34, 22, 20, 12, 5, 7}

// doRound holds the session in which residents rank the needs: ballots, the
// result, and the steering committee that approves it.
func doRound(x *worker, t int64, _ int) {
	rng, h := x.rng, x.hood
	n := min(topNeeds, x.saw[poolNeed])
	if n < leastRound || x.knows(poolPerson) < 3 {
		return
	}
	needs := make([]indicators.Need, n)
	ids := make([]recordID, n)
	category := make([]string, n)
	for i := range n {
		ids[i] = h.shared[poolNeed][i]
		needs[i] = indicators.Need{ID: ids[i].String(), Affected: 1}
		if s := x.opened[ids[i]]; s != nil {
			category[i] = x.w.codeOf(s, "category")
		}
	}
	method := h.method
	if method == "hanlon_opr" {
		method = "nominal_group" // the scores stand in the needs; people rank as well
	}
	round := x.newRecord(t)
	var ballots [][]int64
	mix := map[string]int{}
	for i := range h.scaled(40) {
		group := voters[weigh(rng, voterShares...)]
		mix[group]++
		ranks := rankBy(h.wants(rng, group), category)
		var choices rows
		b := make([]int64, n)
		for k, r := range ranks {
			if method == "dot_vote" {
				dots := []int{2, 2, 1}
				if r < len(dots) {
					b[k] = int64(dots[r])
					choices = append(choices, fields{"need_id": ids[k], "points": dots[r]})
				}
				continue
			}
			b[k] = int64(r + 1)
			choices = append(choices, fields{"need_id": ids[k], "rank": r + 1})
		}
		ballots = append(ballots, b)
		x.create(t+int64(i+1)*20_000, h.id(), "ballot", fields{"round_id": round, "voter_token": fmt.Sprintf("%016x", rng.Uint64()),
			"voter_group": group, "choices": choices})
	}
	var tally indicators.Tally
	if method == "dot_vote" {
		tally = indicators.DotVote(needs, ballots, indicators.Dots{PerVoter: 5, PerNeed: 2})
	} else {
		tally = indicators.Borda(needs, ballots)
	}
	var result, groups rows
	for _, p := range tally.Places {
		for i := range needs {
			if needs[i].ID == p.Need {
				result = append(result, fields{"need_id": ids[i], "score": dec(int64(p.Score) / int64(indicators.One/100)), "rank": p.Rank})
			}
		}
	}
	for _, g := range voters {
		if mix[g] > 0 {
			groups = append(groups, fields{"group": g, "count": mix[g]})
		}
	}
	after := t + 3*hour
	decision := x.meet(after, h.steering, "approve_priorities", round, "اولویت‌های محله بر پایهٔ رأی اهالی تأیید شد.", "approved")
	v := fields{"method": method, "held_on": today(t), "need_ids": ids, "voter_mix": groups}
	if method == "dot_vote" {
		v["dots_per_voter"], v["max_dots_per_need"] = 5, 2
	}
	held := x.createAs(round, t, h.id(), "prioritisation_round", v)
	// The ranks are frozen as the committee approves them, with the formulas.
	x.edit(after+hour, held, fields{"approved_by_decision_id": decision, "result": result, "result_formula_version": formula()})
}

// rankBy is the rank, from 0, of each of some categories among those that somebody
// wants in this order. Needs of one category stand one after another.
func rankBy(wants, categories []string) []int {
	ranks := make([]int, len(categories))
	next := 0
	for _, w := range wants {
		for i, c := range categories {
			if c == w {
				ranks[i] = next
				next++
			}
		}
	}
	return ranks
}

// meet records a meeting of a committee and what it decided on one thing.
func (x *worker) meet(t int64, committee recordID, kind string, about recordID, text, result string) (decision recordID) {
	rng, h := x.rng, x.hood
	present := x.some(poolPerson, 3+rng.IntN(6))
	var agenda, votes rows
	agenda = append(agenda, fields{"item": x.hand.write(rng, text)})
	if rng.IntN(2) == 0 {
		agenda = append(agenda, fields{"item": x.says([]string{"پیگیری {bad}", "گزارش {who}", "دعوت از {office}", "تقسیم کار پیمایش {street}"})})
	}
	for _, p := range present {
		votes = append(votes, fields{"member": p, "vote": []string{"for", "against", "abstain"}[weigh(rng, 88, 5, 7)],
			"opinion": maybe(rng, 15, x.says(voteOpinion))})
	}
	for i := range votes {
		if i*2 <= len(votes) { // what is approved has a majority
			votes[i]["vote"] = "for"
		}
	}
	meeting := x.create(t, h.id(), "meeting", fields{"committee_id": committee, "held_on": today(t), "place": x.says([]string{"{hall}"}),
		"agenda": agenda, "present_ids": present, "minutes": x.tells(2, meetingMinutes)})
	return x.create(t+5*minuteMS, h.id(), "decision", fields{"meeting_id": meeting, "kind": kind, "subject_ref": about,
		"text": x.hand.write(rng, text), "votes": votes, "result": result,
		"responsible_id": present[0], "due_on": maybe(rng, 50, today(t)+14)})
}

// doCommittee elects the steering committee.
func doCommittee(x *worker, t int64, _ int) {
	var members rows
	for _, p := range x.some(poolPerson, 7) {
		members = append(members, fields{"person_id": p, "seat": "resident", "from": today(t)})
	}
	members = append(members, fields{"person_id": x.hood.persons[facilitator], "seat": "secretary", "from": today(t)})
	x.createAs(x.hood.steering, t, x.hood.id(), "committee", fields{"kind": "steering", "name": x.hand.write(x.rng, "کمیتهٔ راهبردی "+x.hood.name),
		"neighbourhood_id": x.hood.record, "status": "formed", "members": members, "quorum_rule": "majority"})
}
