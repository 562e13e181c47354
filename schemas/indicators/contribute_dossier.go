package indicators

// Kinds of keys, with their parts.
const (
	keyNeighbourhood = "nb"      // record, setting, settlement, harm-prone, centre, clinic, county, city, name
	keyProfile       = "nb.pop"  // year, record, population, female, households, 0-6, 7-18, 19-59, 60+, services, consulted, filled, needed
	keyDossier       = "dossier" // record, revision, assigned, due, status, submitted, approved, days of return, number
	keyAsset         = "asset"   // record, category
	keyAssetUsed     = "item.asset"
)

func countNeighbourhood(r *reader) {
	r.counts.one(keyNeighbourhood, id(r.ID), part(r.code("setting")), part(r.code("settlement_type")), flag(r.bool("harm_prone")),
		id(r.ref("responsible_centre_id")), id(r.ref("clinic_id")), name(r.text("county")), name(r.text("city_or_village")), name(r.text("name_fa")))
}

func countProfile(r *reader) {
	r.counts.one(keyProfile, num(r.int("reference_year")), id(r.ID), r.optional("population"), r.optional("female"), r.optional("households"),
		r.optional("age_0_6"), r.optional("age_7_18"), r.optional("age_19_59"), r.optional("age_60_plus"),
		num(int64(len(r.rows("infrastructure")))), r.optional("residents_consulted"), num(r.Judged.Filled), num(r.Judged.Needed))
}

func countDossier(r *reader) {
	returns := map[int32]bool{}
	for _, w := range r.rows("returned") {
		returns[w.value("on").Date()] = true
	}
	r.counts.one(keyDossier, id(r.ID), num(r.int("revision_no")), r.date("assigned_on"), r.date("due_on"), part(r.code("status")),
		r.date("submitted_on"), r.date("approved_on"), num(int64(len(returns))))
}

// countAsset leaves out what somebody found to be another asset's double.
func countAsset(r *reader) {
	if !r.has("duplicate_of") {
		r.counts.one(keyAsset, id(r.ID), part(r.code("category")))
	}
}

func countActionItem(r *reader) {
	for _, asset := range r.value("asset_ids").Refs() {
		r.counts.one(keyAssetUsed, id(asset))
	}
}
