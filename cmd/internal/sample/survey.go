package sample

import (
	"fmt"
	"slices"
)

// bands are the ages of those who answer, and how many of a hundred have them.
var (
	bands      = []string{"13-18", "19-29", "30-44", "45-59", "60-74", "75+"}
	bandShares = []int{2, 18, 38, 24, 14, 4}
	services   = []string{"lighting", "sewage", "road", "waste", "transport", "water", "internet", "drainage", "health_centre", "park", "pharmacy",
		"gas", "sports", "emergency", "kindergarten", "accessibility", "library", "bank", "police", "electricity", "secondary_school"}
	incomes = []string{"daily_wage", "self_employed", "cash_subsidy", "salary", "farming", "pension", "allowance", "home_business", "family_help",
		"fishing", "rent", "charity", "none"}
	skills = []string{"sewing", "cook", "farming", "builder", "driving", "craft", "child_care", "teacher", "computer", "elder_care", "repair",
		"electrician", "livestock", "first_aid", "sport_coach", "plumbing", "storytelling", "mediation", "photography", "accounting"}
	incomeBands = []string{"below_quarter", "quarter_to_half", "half_to_three_quarters", "three_quarters_to_full", "above_minimum"}
	materials   = []string{"brick_steel", "cement_block", "concrete_frame", "brick_wood", "mud_brick", "wood"}
	disabled    = []string{"physical", "intellectual", "hearing", "visual", "mental", "speech", "epilepsy"}
)

// doHousehold asks a household.
func doHousehold(x *worker, t int64, _ int) {
	rng := x.rng
	v := fields{"campaign_id": x.hood.campaign, "block_id": x.one(poolBlock), "household_no": x.asked*3 + int(x.role) + 1, "refused": false}
	if v["block_id"] == nil {
		return // the blocks have not come yet
	}
	x.asked++
	if rng.IntN(25) == 0 {
		v["refused"] = true
		x.create(t, x.hood.id(), "household_response", v)
		return
	}
	size := 1 + weigh(rng, 9, 21, 27, 25, 11, 4, 2, 1)
	sex, band := pick(rng, "female", "female", "male"), bands[weigh(rng, bandShares...)]
	children := 0
	if size > 1 && band != "75+" {
		children = min(size-1, weigh(rng, 35, 28, 24, 9, 4))
	}
	elders := min(size-children, weigh(rng, 72, 19, 9))
	if band == "60-74" || band == "75+" {
		elders = max(elders, 1)
		children = min(children, size-elders)
	}
	with := 0
	if rng.IntN(13) == 0 {
		with = 1
	}
	v["consent"], v["respondent_sex"], v["respondent_age_band"] = true, sex, band
	v["size"], v["children_u18"], v["elders_60"], v["disabled"] = size, children, elders, with
	v["respondent_relation"] = []string{"head", "spouse", "child", "parent", "sibling"}[weigh(rng, 45, 40, 9, 4, 2)]
	v["women_headed"] = rng.IntN(100) < 13
	if with > 0 && rng.IntN(4) > 0 {
		v["disability_types"] = []string{common(rng, disabled)}
	}
	x.living(v, size)
	v["services_problem"] = problems(x)
	v["perceived_needs"] = perceived(x, groupOf(sex, band))
	if with > 0 && rng.IntN(2) == 0 {
		v["perceived_needs"].(rows)[0] = fields{"rank": 1, "category": "disability", "text": x.says(needText["disability"])}
	}
	v["skills_offered"] = distinct(rng, weigh(rng, 40, 40, 20), skills)
	v["willing_to_participate"] = rng.IntN(100) < 62
	v["satisfaction"], v["belonging"] = 1+weigh(rng, 14, 26, 34, 19, 7), 1+weigh(rng, 6, 12, 26, 34, 22)
	took := 9 + int(rng.ExpFloat64()*11)
	start := int((t + tehran) % day / minuteMS)
	if start+took < 24*60 {
		v["start_time"], v["end_time"] = clockTime(start), clockTime(start+took)
	}
	v["duration_min"] = took
	if rng.IntN(60) == 0 {
		v["duration_min"] = 2 // the form asks about it and lets it pass
	}
	x.made(poolEvidence, x.create(t, x.hood.id(), "household_response", v))
	x.hood.said.households++
}

// living is what a household lives on and in.
func (x *worker) living(v fields, size int) {
	rng := x.rng
	v["income_sources"] = distinct(rng, 1+rng.IntN(2), incomes)
	v["income_band"] = maybe(rng, 80, incomeBands[weigh(rng, 16, 24, 26, 20, 14)])
	v["employed_count"] = min(size, weigh(rng, 22, 58, 17, 3))
	v["insurance"] = []string{"none", "social_security", "iran_health", "rural_nomadic", "unknown"}[weigh(rng, 14, 38, 30, 15, 3)]
	v["dwelling_tenure"] = []string{"owned_deed", "owned_no_deed", "rented", "free", "deposit", "waqf"}[weigh(rng, 30, 26, 28, 10, 4, 2)]
	v["dwelling_material"] = maybe(rng, 70, common(rng, materials))
}

func clockTime(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// problems are a household's with services, each once.
func problems(x *worker) rows {
	var all rows
	for _, s := range distinct(x.rng, 1+x.rng.IntN(4), services) {
		all = append(all, fields{"service": s, "severity": weigh(x.rng, 4, 14, 30, 32, 20)})
	}
	return all
}

// distinct picks some different ones of a list, the first most often.
func distinct(rng interface {
	Float64() float64
	IntN(int) int
}, n int, all []string) []string {
	var some []string
	for range 4 * n {
		i := int(float64(len(all)) * rng.Float64() * rng.Float64())
		if len(some) < n && !slices.Contains(some, all[i]) {
			some = append(some, all[i])
		}
	}
	return some
}

// perceived are the needs that somebody of a group names, some in their own words.
func perceived(x *worker, group string) rows {
	var all rows
	for i, c := range x.hood.wants(x.rng, group)[:1+weigh(x.rng, 10, 20, 45, 15, 10)] {
		all = append(all, fields{"rank": i + 1, "category": c, "text": maybe(x.rng, 75-15*i, x.says(needText[c]))})
	}
	return all
}

// doInterview talks with somebody who knows the neighbourhood.
func doInterview(x *worker, t int64, _ int) {
	sex := pick(x.rng, "female", "male")
	_, consent := x.somebody(t, x.hood.id(), personName(x.rng, sex), sex, born(x.device), "survey")
	v := fields{"campaign_id": x.hood.campaign, "held_on": today(t), "informant_kind": common(x.rng, keyKinds), "consent_id": consent,
		"themes": themes(x, 2+x.rng.IntN(4))}
	var named rows
	for _, c := range x.hood.wants(x.rng, pick(x.rng, "women", "men", "elders"))[:1+x.rng.IntN(3)] {
		named = append(named, fields{"category": c, "text": x.says(needText[c])})
	}
	v["named_needs"] = named
	x.made(poolEvidence, x.create(t, x.hood.id(), "key_informant_interview", v))
}

var themeCodes = []string{"livelihood", "services", "safety", "participation", "women", "relations", "youth", "health", "education", "history",
	"children", "elders", "assets", "solutions", "disability", "housing", "other"}

func themes(x *worker, n int) rows {
	var all rows
	for _, c := range distinct(x.rng, n, themeCodes) {
		all = append(all, fields{"code": c, "quote": x.says(themeQuotes[c]), "note": maybe(x.rng, 35, x.says(themeNotes))})
	}
	return all
}

// groupKinds are those who are brought together to talk; women first.
var groupKinds = []string{"women", "youth", "mixed", "elders", "men", "pwd"}

// doGroup brings a group together.
func doGroup(x *worker, t int64, i int) {
	kind := groupKinds[i%len(groupKinds)]
	var ranked rows
	voter := kind
	if kind == "mixed" {
		voter = "other"
	}
	for i, c := range x.hood.wants(x.rng, voter)[:5] {
		ranked = append(ranked, fields{"rank": i + 1, "category": c, "text": maybe(x.rng, 70, x.says(needText[c]))})
	}
	other := x.hood.persons[(int(x.role)+1)%3]
	x.made(poolEvidence, x.create(t, x.hood.id(), "focus_group", fields{"campaign_id": x.hood.campaign, "held_on": today(t), "group_kind": kind,
		"participants": 5 + x.rng.IntN(10), "moderator": x.hood.persons[x.role], "note_taker": other, "themes": themes(x,
			3+x.rng.IntN(3)), "ranked_items": ranked}))
	x.hood.said.groups++
}

// harms are rated block by block, those that can be seen at a place also there.
var (
	blockHarms = []string{"unemployment", "poverty", "school_dropout", "acute_family_conflict", "theft", "divorce", "child_labour",
		"drug_dealing_place", "social_isolation", "early_marriage", "alcohol", "spouse_abuse", "elder_abuse", "child_abuse", "marginalisation",
		"runaway", "pwd_abuse"}
	countOnly  = []string{"spouse_abuse", "elder_abuse", "child_abuse", "pwd_abuse"}
	pointHarms = []string{"unsafe_space", "drug_use_place", "vandalism", "street_conflict", "waste_picking", "begging", "homelessness"}
	factors    = []string{"dark_street", "vacant_land", "derelict_building", "no_guard", "waste_heap", "dead_end", "unfinished_building", "no_cctv",
		"underpass", "dense_plants", "abandoned_vehicle", "out_of_sight"}
)

// doHarm rates one harm of a block, or at a place; never a person.
func doHarm(x *worker, t int64, i int) {
	rng := x.rng
	if x.knows(poolBlock) == 0 {
		return
	}
	v := fields{"intensity": weigh(rng, 12, 30, 30, 20, 8), "observed_by": []string{"informants", "observation", "official"}[weigh(rng, 55, 35, 10)]}
	if v["observed_by"] == "informants" {
		v["informants_n"] = 2 + rng.IntN(6)
	}
	if i%6 == 5 {
		v["harm_code"], v["unit"], v["location"] = common(rng, pointHarms), "point", x.hood.point(rng, 5+rng.IntN(25))
	} else {
		v["harm_code"], v["unit"] = common(rng, blockHarms), "block"
		v["block_id"] = x.known(poolBlock, i%x.knows(poolBlock))
		if x.hood.n%4 == 0 && i%5 < 2 { // what this neighbourhood talks about
			v["harm_code"], v["observed_by"], v["informants_n"] = []string{"poverty", "suicide"}[x.hood.n/4%2], "informants", 3+rng.IntN(4)
		}
		// Most counts are small: what is published of them has to hide them.
		v["count"] = maybe(rng, 70, weigh(rng, 18, 22, 18, 12, 8, 6, 5, 4, 3, 2, 1, 1))
	}
	if !slices.Contains(countOnly, v["harm_code"].(string)) {
		v["frequency"] = []string{"weekly", "monthly", "daily", "rare"}[weigh(rng, 40, 25, 20, 15)]
		v["time_bands"] = distinct(rng, 1+rng.IntN(2), []string{"evening", "night", "noon", "morning"})
		v["place_factors"] = distinct(rng, rng.IntN(3), factors)
		v["note"] = maybe(rng, 40, x.says(harmNote))
	}
	x.made(poolEvidence, x.create(t, x.hood.id(), "harm_rating", v))
	x.hood.said.harm++
}
