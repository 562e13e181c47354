package sample

import (
	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// What goes wrong in a real month, and how people put it right: wrong entries are
// deleted, events corrected by later ones, the same thing is recorded twice, points
// lie elsewhere, answers were not asked for. Figures have to bear all of it.

// slips are done one after another, by everybody in turn.
var slips = []func(x *worker, at int64){slipDeleted, slipCorrected, slipTwice, slipMerged, slipOutside, slipHasty, slipLeft, slipCode}

// planSlips spreads them over a neighbourhood's month.
func (h *hood) planSlips(from, to float64) {
	for i := range max(3, h.scaled(len(slips))) {
		x := h.team[i%len(h.team)]
		slip := slips[(i+h.n)%len(slips)]
		x.todo = append(x.todo, task{at: h.dayOf(from + (to-from)*h.rng.Float64()), do: func(x *worker, at int64, _ int) { slip(x, at) }})
	}
}

// remove deletes a record as it stood when it was opened.
func (d *device) remove(at int64, opened *syncproto.RecordState) {
	d.act(at, d.headerOn(opened, syncproto.VerbDelete), opened, []syncproto.Op{merge.Presence(opened, d.person, false, true)})
}

// slipDeleted records something that was not so, and deletes it.
func slipDeleted(x *worker, at int64) {
	rng := x.rng
	place := x.hood.id()
	var s *syncproto.RecordState
	switch rng.IntN(4) {
	case 0:
		s = x.createAs(x.newRecord(at), at, place, "asset", fields{"category": "association", "subtype": "sports_team", "title_fa": x.says(assetTitles["sports_team"])})
	case 1:
		s = x.createAs(x.newRecord(at), at, place, "activity", x.activity(at, 30+rng.IntN(40)))
	case 2:
		if x.knows(poolBlock) == 0 {
			return
		}
		s = x.createAs(x.newRecord(at), at, place, "harm_rating", fields{"harm_code": "theft", "unit": "block", "block_id": x.one(poolBlock),
			"intensity": 4, "observed_by": "observation"})
	default:
		if x.knows(poolEvidence) == 0 {
			return
		}
		s = x.createAs(x.newRecord(at), at, place, "need", fields{"title_fa": x.says(needTitle["leisure"]), "category": "leisure",
			"affected_groups": []string{"youth"}, "affected_count": 500 + rng.IntN(500), "affected_basis": "estimate",
			"evidence_refs": x.some(poolEvidence, 2), "status": "proposed"})
	}
	x.remove(at+int64(5+rng.IntN(50))*minuteMS, s)
}

// activity is a meeting with so many people.
func (x *worker) activity(at int64, total int) fields {
	women := total * x.rng.IntN(101) / 100
	return fields{"type": "public_meeting", "held_on": today(at), "duration_min": 60, "location": x.hood.point(x.rng, 12), "topic": x.says(activityTopic["public_meeting"]),
		"facilitator_ids": x.hood.facilitators[x.role], "participants_total": total, "participants_women": women, "participants_men": total - women,
		"participants_u18": total / 5, "participants_60_plus": total / 6, "participants_pwd": total / 20, "summary": x.tells(1, activitySummary)}
}

// slipCorrected records a meeting with a wrong number of people and corrects it; now
// and then the correction is corrected again, or taken back.
func slipCorrected(x *worker, at int64) {
	first := x.create(at, x.hood.id(), "activity", x.activity(at, 100+x.rng.IntN(200)))
	again := func(after int64, of recordID, total int) *syncproto.RecordState {
		v := x.activity(at, total)
		v["corrects_id"] = of
		return x.createAs(x.newRecord(after), after, x.hood.id(), "activity", v)
	}
	second := again(at+20*minuteMS, first, 10+x.rng.IntN(20))
	switch x.rng.IntN(3) {
	case 0:
		again(at+hour, second.Record, 12)
	case 1:
		third := again(at+hour, second.Record, 14)
		x.remove(at+2*hour, third)
	}
}

// slipTwice records an asset a second time: seen by its author, or not.
func slipTwice(x *worker, at int64) {
	rng := x.rng
	title := x.says(assetTitles["shop"])
	here := x.hood.point(rng, 8)
	v := fields{"category": "economic", "subtype": "shop", "title_fa": title, "location": here, "block_id": x.one(poolBlock), "availability": "always"}
	first := x.create(at, x.hood.id(), "asset", v)
	near := here
	near.LatE7 += int32(500 + rng.IntN(2000))
	v["location"] = near
	if rng.IntN(2) == 0 {
		v["duplicate_of"] = first
	}
	x.create(at+30*minuteMS, x.hood.id(), "asset", v)
}

// slipMerged writes a need down that is there already, and says so.
func slipMerged(x *worker, at int64) {
	if x.saw[poolNeed] == 0 || x.knows(poolEvidence) == 0 {
		return
	}
	x.create(at, x.hood.id(), "need", fields{"title_fa": x.says(needTitle["health"]), "category": "health", "affected_groups": []string{"all"},
		"affected_count": 40 + x.rng.IntN(400), "affected_basis": "estimate", "evidence_refs": x.some(poolEvidence, 2), "status": "proposed",
		"merged_into_id": x.hood.shared[poolNeed][0]})
}

// slipOutside takes a point far from the neighbourhood.
func slipOutside(x *worker, at int64) {
	far := x.hood.point(x.rng, 30)
	far.LonE7 += 3*x.hood.half + 60_000
	x.create(at, x.hood.id(), "asset", fields{"category": "physical", "subtype": "park", "title_fa": x.says(assetTitles["park"]), "location": far,
		"block_id": x.one(poolBlock), "condition": 3})
}

// slipHasty fills in a survey without asking: the same answer everywhere, in two minutes.
func slipHasty(x *worker, at int64) {
	if x.knows(poolBlock) == 0 {
		return
	}
	x.asked++
	var all rows
	for _, s := range services[:5+x.rng.IntN(4)] {
		all = append(all, fields{"service": s, "severity": 2})
	}
	x.made(poolEvidence, x.create(at, x.hood.id(), "household_response", fields{"campaign_id": x.hood.campaign, "block_id": x.one(poolBlock),
		"household_no": x.asked*3 + int(x.role) + 1, "refused": false, "consent": true, "respondent_sex": "male", "respondent_age_band": "30-44",
		"respondent_relation": "head", "size": 3, "children_u18": 1, "elders_60": 0, "disabled": 0, "women_headed": false,
		"income_sources": []string{"salary"}, "services_problem": all, "perceived_needs": perceived(x, "men"), "willing_to_participate": true,
		"duration_min": 2}))
}

// slipLeft takes somebody into the team who leaves again.
func slipLeft(x *worker, at int64) {
	person, consent := x.somebody(at, x.hood.id(), personName(x.rng, "female"), "female", born(x.device), "team")
	s := x.createAs(x.newRecord(at), at, x.hood.id(), "team_member", fields{"team_id": x.hood.localTeam, "person_id": person, "role": "volunteer",
		"joined_on": today(at) - 3, "consent_id": consent})
	x.edit(at+hour, s, fields{"left_on": today(at)})
}

// slipCode gives a block's code a second time, and settles it by deleting one, or
// does not.
func slipCode(x *worker, at int64) {
	s := x.createAs(x.newRecord(at), at, x.hood.id(), "block", fields{"code": blockCode(x.rng.IntN(x.hood.blocks)), "households": 40})
	if x.rng.IntN(2) == 0 {
		x.remove(at+hour, s)
	}
}

// strip is the boundary of the i-th block where blocks have been drawn: strips from
// west to east.
func (h *hood) strip(i int) any {
	if h.n%3 != 0 {
		return nil
	}
	wide := 2 * h.half / int32(h.blocks)
	west := h.centre.LonE7 - h.half + int32(i)*wide
	corner := func(lat, lon int32) schemas.Point { return schemas.Point{LatE7: h.centre.LatE7 + lat, LonE7: lon} }
	ring := []schemas.Point{corner(-h.half, west), corner(-h.half, west+wide), corner(h.half, west+wide), corner(h.half, west)}
	return append(ring, ring[0])
}

// until is when a certificate ends: of few within the month.
func (h *hood) until(i int) jalali.Day {
	if (h.n+i)%9 == 4 {
		return h.w.start + 12
	}
	return h.w.start + 730
}
