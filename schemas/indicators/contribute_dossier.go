package indicators

import (
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/expr"
	"mahalleh/schemas/persian"
)

// Kinds of keys of what a dossier is made of, with their parts.
const (
	keyNeighbourhood = "nb"         // record, setting, settlement, harm-prone, centre, clinic, boundary valid, county, city, name
	keyBoundary      = "nb.ring"    // corners
	keyProfile       = "nb.pop"     // year, record, population, female, households, 0-6, 7-18, 19-59, 60+, services, consulted, filled, needed
	keyDossier       = "dossier"    // record, revision, assigned, due, status, submitted, approved, days of return
	keyBlock         = "block"      // record, code, households, corners
	keyBlockGone     = "block.gone" // record, code
	keyKeyPerson     = "keyperson"  // sex
	keyTeam          = "team"       // record, status
	keyMember        = "member"     // person
	keyCapacity      = "capacity"   // event, instrument, round, day, people, domain=score …
	keyAsset         = "asset"      // record, category
	keyAssetAt       = "asset.at"   // record, subtype, latitude, longitude, folded title
	keyPoint         = "at"         // latitude, longitude: of an activity
	keyCampaign      = "campaign"   // record, households to ask, decision, executor, first day
	keyHousehold     = "hh"         // event, refused, minutes, answers, most equal answers
	keyInterview     = "informant"  // event
	keyFocusGroup    = "group"      // event, kind of group
	keyNeed          = "need"       // record, category, status, affected, merged
	keyRound         = "round"      // record, day, approved
	keyRanked        = "ranked"     // round, rank, need
	keyActivity      = "activity"   // event, type, day, total, women, under 18, 60+, disabled, latitude, longitude
)

func countNeighbourhood(r *reader) {
	ring := r.value("boundary").Polygon()
	valid := len(ring) > 3 && expr.IsClosed(ring) && expr.IsSimple(ring)
	r.counts.one(keyNeighbourhood, id(r.ID), part(r.code("setting")), part(r.code("settlement_type")), flag(r.bool("harm_prone")),
		id(r.ref("responsible_centre_id")), id(r.ref("clinic_id")), flag(valid), name(r.text("county")), name(r.text("city_or_village")), name(r.text("name_fa")))
	if valid {
		r.counts.one(keyBoundary, corners(ring))
	}
}

// corners writes a ring in 1e-7 degrees.
func corners(ring []schemas.Point) part {
	var b strings.Builder
	for i, p := range ring {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(int(p.LatE7)))
		b.WriteByte(',')
		b.WriteString(strconv.Itoa(int(p.LonE7)))
	}
	return part(b.String())
}

func countProfile(r *reader) {
	r.counts.one(keyProfile, num(r.int("reference_year")), id(r.ID), r.optional("population"), r.optional("female"), r.optional("households"),
		r.optional("age_0_6"), r.optional("age_7_18"), r.optional("age_19_59"), r.optional("age_60_plus"),
		num(int64(len(r.rows("infrastructure")))), r.optional("residents_consulted"), num(r.Judged.Filled), num(r.Judged.Needed))
	r.evidence()
}

func countDossier(r *reader) {
	returns := map[int32]bool{}
	for _, w := range r.rows("returned") {
		returns[w.value("on").Date()] = true
	}
	r.counts.one(keyDossier, id(r.ID), num(r.int("revision_no")), r.date("assigned_on"), r.date("due_on"), part(r.code("status")),
		r.date("submitted_on"), r.date("approved_on"), num(int64(len(returns))))
}

func countBlock(r *reader) {
	r.counts.one(keyBlock, id(r.ID), name(foldedCode(r)), r.optional("households"), corners(r.value("boundary").Polygon()))
}

func foldedCode(r *reader) string { return persian.Fold(r.text("code")) }

func countKeyPerson(r *reader) {
	r.counts.one(keyKeyPerson, part(r.code("sex")))
	r.evidence()
}

func countTeam(r *reader) {
	r.counts.one(keyTeam, id(r.ID), part(r.code("status")))
	r.evidence()
}

// countTeamMember counts who has not left: whose day of leaving is known counts
// no longer, even before it has come.
func countTeamMember(r *reader) {
	if !r.has("left_on") {
		r.counts.one(keyMember, id(r.ref("person_id")))
	}
}

func countCapacity(r *reader) {
	all := []part{part(r.code("instrument")), num(r.int("round_no")), r.date("held_on"), num(r.int("participants_total"))}
	for _, w := range r.rows("scores") {
		all = append(all, part(w.value("domain").Code())+"="+num(w.value("consensus").Int()))
	}
	r.event(keyCapacity, all...)
}

// countAsset leaves out what somebody found to be another asset's double.
func countAsset(r *reader) {
	if r.has("duplicate_of") {
		return
	}
	r.counts.one(keyAsset, id(r.ID), part(r.code("category")))
	if at := r.value("location"); !at.IsEmpty() {
		p := at.Point()
		r.counts.one(keyAssetAt, id(r.ID), part(r.code("subtype")), num(int64(p.LatE7)), num(int64(p.LonE7)), name(persian.Fold(r.text("title_fa"))))
	}
}

func countCampaign(r *reader) {
	r.counts.one(keyCampaign, id(r.ID), r.optional("target_n"), id(r.ref("decided_by_decision_id")), id(r.ref("executor_person_id")), r.date("opens_on"))
	r.evidence()
}

func countHousehold(r *reader) {
	severities := map[int64]int64{}
	answers, most := int64(0), int64(0)
	for _, w := range r.rows("services_problem") {
		if v := w.value("severity"); !v.IsEmpty() {
			severities[v.Int()]++
			answers++
			most = max(most, severities[v.Int()])
		}
	}
	r.event(keyHousehold, flag(r.bool("refused")), r.optional("duration_min"), num(answers), num(most))
}

func countInterview(r *reader) { r.event(keyInterview) }

func countFocusGroup(r *reader) { r.event(keyFocusGroup, part(r.code("group_kind"))) }

func countNeed(r *reader) {
	r.counts.one(keyNeed, id(r.ID), part(r.code("category")), part(r.code("status")), r.optional("affected_count"), flag(r.has("merged_into_id")))
}

func countRound(r *reader) {
	r.counts.one(keyRound, id(r.ID), r.date("held_on"), flag(r.has("approved_by_decision_id")))
	for _, w := range r.rows("result") {
		r.counts.one(keyRanked, id(r.ID), num(w.value("rank").Int()), id(w.value("need_id").Ref()))
	}
	r.evidence()
}

func countActivity(r *reader) {
	all := []part{part(r.code("type")), r.date("held_on"), num(r.int("participants_total")), num(r.int("participants_women")),
		num(r.int("participants_u18")), num(r.int("participants_60_plus")), num(r.int("participants_pwd"))}
	if at := r.value("location"); !at.IsEmpty() {
		p := at.Point()
		all = append(all, num(int64(p.LatE7)), num(int64(p.LonE7)))
	}
	r.event(keyActivity, all...)
	r.evidence()
}

// folded is a value as a key that is the same for what people hold for the same.
func folded(v schemas.Value) string {
	switch v.Kind() {
	case schemas.KindText:
		return persian.Fold(v.Text())
	case schemas.KindRef:
		return string(id(v.Ref()))
	case schemas.KindCode:
		return v.Code()
	case schemas.KindDate:
		return strconv.Itoa(int(v.Date()))
	}
	return strconv.FormatInt(v.Int(), 10)
}
