package indicators

import (
	"hash/fnv"

	"mahalleh/schemas"
)

// Contribution turns one record as it stands into what it adds to the counts of
// its place: a pure function of that record alone. What was erased, and what no
// form here explains, adds nothing; what was deleted adds nothing but which
// event it corrected and which block it was.
//
// Sums know no order, so what is not a sum becomes one by its key: how many
// different blocks were rated is how many keys of blocks there are, the first
// day is the smallest key that names a day. An event (merge rule A) that another
// one corrects cannot know it; so events stand in keys of their own with what
// they correct, and Summarise lets one of each chain count.
func Contribution(r Record) Counts {
	if r.Form == nil {
		return nil
	}
	read := &reader{Record: &r}
	if r.Gone {
		countGone(read)
		return read.counts.done()
	}
	if count, known := contributions[r.Form.Name]; known {
		count(read)
	}
	countQuality(read)
	return read.counts.done()
}

// contributions say what a record of each form adds.
var contributions = map[string]func(*reader){
	"organisation":             countOrganisation,
	"dossier":                  countDossier,
	"neighbourhood":            countNeighbourhood,
	"neighbourhood_profile":    countProfile,
	"block":                    countBlock,
	"key_person":               countKeyPerson,
	"local_team":               countTeam,
	"team_member":              countTeamMember,
	"capacity_assessment":      countCapacity,
	"asset":                    countAsset,
	"survey_campaign":          countCampaign,
	"household_response":       countHousehold,
	"key_informant_interview":  countInterview,
	"focus_group":              countFocusGroup,
	"need":                     countNeed,
	"prioritisation_round":     countRound,
	"harm_rating":              countHarm,
	"activity":                 countActivity,
	"agreement":                countAgreement,
	"facilitator":              countFacilitator,
	"training_attendance":      countAttendance,
	"local_development_centre": countCentre,
	"bylaw":                    countBylaw,
	"committee":                countCommittee,
	"meeting":                  countMeeting,
	"decision":                 countDecision,
	"action_plan":              countPlan,
	"action_item":              countActionItem,
	"advocacy_request":         countRequest,
	"follow_up":                countFollowUp,
	"monitoring_review":        countReview,
	"service_delivery":         countService,
	"budget_line":              countBudgetLine,
	"budget_txn":               countBudgetTxn,
	"programme_enrolment":      countEnrolment,
}

// SnapshotForm is the form in which the program keeps what an approved dossier
// rested on. Nobody fills it in, so the figures about data leave its records out.
const SnapshotForm = "dossier_snapshot"

// Kinds of keys of every record, with their parts.
const (
	keyRecord   = "rec"      // form
	keyWarnings = "warn"     // form; n warnings
	keyMissing  = "gap"      // form; n empty fields
	keyRepeat   = "repeat"   // digest of what tells the form's records apart
	keyHand     = "hand"     // person, day
	keyMinute   = "minute"   // digest of person and minute
	keyConflict = "conflict" // form, field, class, whether the field is needed, day
	keyCorrects = "corrects" // event, event that it corrects: of one that was deleted
)

// countQuality counts what D09, D23 and D28 say of records of any form. Harm
// ratings are left out: a total that counts them would tell of cells that are
// not shown.
func countQuality(r *reader) {
	form := part(r.Form.Name)
	for _, c := range r.Conflicts {
		class, needed := r.Form.Merge, false
		if f, ok := r.Form.Field(c.Field); ok {
			class, needed = f.Merge, f.Required != schemas.RequiredOptional
		}
		r.counts.one(keyConflict, form, num(int64(c.Field)), part(class), flag(needed), num(int64(dayOf(c.Since))))
	}
	for _, h := range r.Hands {
		r.counts.one(keyHand, id(h.Person), num(int64(dayOf(h.Time))))
	}
	if r.Form.Compartment == schemas.CompartmentHarm || r.Form.Name == SnapshotForm {
		return
	}
	r.counts.one(keyRecord, form)
	r.counts.many(r.Judged.Warnings, keyWarnings, form)
	r.counts.many(r.Judged.Missing, keyMissing, form)
	if maker, ok := r.maker(); ok {
		r.counts.one(keyMinute, digest(id(maker), num(r.Made/60_000)))
	}
	if parts := r.apart(); parts != nil {
		r.counts.one(keyRepeat, digest(append(parts, form)...))
	}
}

// maker is whose words are the oldest.
func (r *reader) maker() (ID, bool) {
	for _, h := range r.Hands {
		if h.Time == r.Made {
			return h.Person, true
		}
	}
	return ID{}, false
}

// apart is what tells the form's records of one place apart, nil if it has
// nothing, or not all of it, or refers to another as its double or correction.
func (r *reader) apart() []part {
	if r.has("corrects_id") || r.has("duplicate_of") {
		return nil
	}
	var all []part
	for _, at := range r.Form.Unique {
		v := r.Values.Fields[at]
		if v.IsEmpty() {
			return nil
		}
		all = append(all, part(folded(v)))
	}
	return all
}

// digest shortens parts whose content nobody needs again. Two that differ are
// the same once in 2^64.
func digest(all ...part) part {
	h := fnv.New64a()
	for _, p := range all {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	var x ID
	copy(x[:], h.Sum(nil))
	return id(x)[:11]
}

// countGone counts what of a deleted record goes on to matter: an original does
// not come back as a second event because a correction in the middle of a chain
// was deleted, and a block does not stop being owed a rating.
func countGone(r *reader) {
	if corrected := r.ref("corrects_id"); corrected != (ID{}) {
		r.counts.one(keyCorrects, id(r.ID), id(corrected))
	}
	if r.Form.Name == "block" {
		r.counts.one(keyBlockGone, id(r.ID), name(foldedCode(r)))
	}
}

// event begins the key of an event: its id, and the one that it corrects.
func (r *reader) event(kind string, parts ...part) {
	r.counts.one(kind, append([]part{id(r.ID), id(r.ref("corrects_id"))}, parts...)...)
}
