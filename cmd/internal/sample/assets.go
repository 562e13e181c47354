package sample

import (
	"slices"

	"mahalleh/syncproto/merge"
)

// assetKinds are subtypes by category, the commonest first.
var assetKinds = []struct {
	category string
	weight   int
	subtypes []string
}{
	{"physical", 22, []string{"vacant_land", "hall", "park", "derelict_building", "waqf", "river", "physical_other"}},
	{"economic", 22, []string{"workshop", "shop", "home_business", "weekly_market", "coop", "farm", "market", "economic_other"}},
	{"association", 17, []string{"heyat", "sandogh", "women_group", "sports_team", "student_group", "association_other"}},
	{"institution", 16, []string{"mosque", "primary_school", "health_house", "library", "sports", "secondary_school", "bank", "kindergarten",
		"pharmacy", "institution_other", "post", "health_centre", "emergency", "positive_life", "police", "fire", "day_rehab", "social_emergency",
		"special_school", "addiction_centre"}},
	{"individual", 13, []string{"craft", "teacher", "cook", "builder", "nurse", "individual_other", "musician"}},
	{"culture_story", 10, []string{"ritual", "food", "handicraft", "story", "old_tree", "hero", "old_site", "culture_other"}},
}

var addresses = []string{"{street}", "{street}، کنار {place}", "روبه‌روی {place}", "انتهای {street}", "{street}، پلاک {1-120}"}

// doAsset records what the neighbourhood has.
func doAsset(x *worker, t int64, _ int) {
	rng := x.rng
	weights := make([]int, len(assetKinds))
	for i := range assetKinds {
		weights[i] = assetKinds[i].weight
	}
	kind := assetKinds[weigh(rng, weights...)]
	sub := common(rng, kind.subtypes)
	v := fields{"category": kind.category, "subtype": sub, "title_fa": x.says(assetTitles[sub]),
		"description":  maybe(rng, 65, x.tells(1+rng.IntN(3), assetDescription)),
		"owner_kind":   maybe(rng, 80, pick(rng, "public", "private", "community", "waqf", "religious")),
		"availability": maybe(rng, 85, pick(rng, "always", "scheduled", "by_permission", "unavailable")),
		"condition":    maybe(rng, 75, 1+weigh(rng, 6, 18, 36, 28, 12)),
		"accessible":   maybe(rng, 60, []string{"no", "partly", "yes"}[weigh(rng, 50, 33, 17)])}
	if kind.category == "physical" || kind.category == "economic" || rng.IntN(3) == 0 {
		v["capacity_value"], v["capacity_unit"] = 10*(1+int(rng.ExpFloat64()*5)), "person"
		if sub == "vacant_land" || sub == "farm" {
			v["capacity_value"], v["capacity_unit"] = 100*(1+int(rng.ExpFloat64()*15)), "m2"
		}
	}
	if kind.category != "individual" && (kind.category != "culture_story" || sub == "old_tree" || sub == "old_site") {
		v["block_id"] = x.one(poolBlock)
		if sub != "home_business" {
			v["location"], v["address"] = x.hood.point(rng, 4+rng.IntN(20)), maybe(rng, 80, x.says(addresses))
		}
	}
	if x.knows(poolPerson) > 0 && rng.IntN(8) == 0 {
		// A contact is named with consent alone.
		person, consent := x.somebody(t, x.hood.id(), personName(rng, "male"), "male", born(x.device), "contact", "dossier")
		v["contact_person_id"], v["consent_id"] = person, consent
	}
	x.made(poolAsset, x.create(t, x.hood.id(), "asset", v))
	x.hood.said.assets++
}

// hot is how many of the first assets of a neighbourhood everybody works on.
const hot = 8

// target is the asset that the i-th edit is about: the same for everybody, so that
// people meet on it.
func (x *worker) target(i int) (recordID, bool) {
	n := min(hot, x.saw[poolAsset])
	if n == 0 {
		return recordID{}, false
	}
	return x.hood.shared[poolAsset][i%n], true
}

// doAssetEdit looks at an asset again. Others do, too, without knowing.
func doAssetEdit(x *worker, t int64, i int) {
	id, ok := x.target(i)
	opened := x.opened[id]
	if !ok || opened == nil {
		return
	}
	rng := x.rng
	v := fields{}
	switch (i + int(x.role)) % 4 {
	case 0:
		v["condition"] = 1 + rng.IntN(5)
	case 1:
		v["availability"] = pick(rng, "always", "scheduled", "by_permission", "unavailable")
	case 2:
		v["description"] = x.tells(2, assetDescription)
	case 3:
		v["accessible"] = pick(rng, "yes", "partly", "no")
	}
	if i%hot < 2 {
		v["capacity_value"], v["capacity_unit"] = 10*(1+rng.IntN(20)), "person"
	}
	x.edit(t, opened, v)
}

// doSettle decides about the conflicts of an asset.
func doSettle(x *worker, t int64, i int) {
	if id, ok := x.target(i); ok && x.opened[id] != nil {
		x.w.made.Settled += x.settle(t, x.opened[id])
	}
}

// open takes the records that will be edited before the next sync as they are now,
// and has a manager find conflicts to decide about.
func (x *worker) open(now, next int64) error {
	clear(x.opened)
	if next >= x.w.end {
		return nil
	}
	var ids []recordID
	want := func(id recordID) {
		if id != (recordID{}) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for i := range min(hot, x.saw[poolAsset]) {
		want(x.hood.shared[poolAsset][i])
	}
	if x.role == manager {
		for _, id := range []recordID{x.hood.dossier, x.hood.localTeam, x.hood.enrolment} {
			want(id)
		}
		for i := range min(topNeeds, x.saw[poolNeed]) {
			want(x.hood.shared[poolNeed][i])
		}
		for _, p := range []int{poolRequest, poolItem} {
			for i := range min(topNeeds, x.saw[p]) {
				want(x.hood.shared[p][i])
			}
		}
	}
	found, err := x.w.states(ids...)
	if err != nil {
		return err
	}
	x.opened = found
	if x.role != manager {
		return nil
	}
	for i := range min(hot, x.saw[poolAsset]) {
		state := found[x.hood.shared[poolAsset][i]]
		if state != nil && len(merge.Conflicts(state)) > 0 && (i+x.hood.n)%3 > 0 && x.rng.IntN(3) == 0 {
			x.todo = append(x.todo, task{at: now + hour + int64(x.rng.IntN(int(max(next-now-2*hour, hour)))), do: doSettle, arg: i})
		}
	}
	x.order()
	return nil
}
