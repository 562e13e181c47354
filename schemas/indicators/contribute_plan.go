package indicators

// Kinds of keys of the programmes, with their parts.
const (
	keyOrganisation = "org"       // record, kind, selected, willing, located, can establish, past success, name
	keyAgreement    = "agreement" // record, state, programme, start, end, confirmation, delivered, owed, renewed from, number
	keyFacilitator  = "worker"    // person, role, from, to, neighbourhoods
	keyAttendance   = "trained"   // event, person, course, certificate, valid until
	keyCentre       = "ldc"       // record, status, steering committee, blocks
	keyBylaw        = "bylaw"     // centre, approved
	keyCommittee    = "committee" // record, kind, status, neighbourhood
	keyMeeting      = "meeting"   // record, committee, day
	keyDecision     = "decision"  // record, kind, subject, result, meeting
	keyPlan         = "plan"      // record, year, approved
	keyItem         = "item"      // record, plan, need, start, due, weight, progress, status, code
	keyAssetUsed    = "item.asset"
	keyRequest      = "request"    // record, programme, target, state, sent, due, answered, decision
	keyFollowUp     = "followup"   // event, request, day, channel
	keyReview       = "review"     // record, signatures
	keyService      = "service"    // event, month, need category, deputy, kind, total, women
	keyBudget       = "budget"     // record, programme, item, neighbourhood, year, approved, allocated, required
	keyBudgetTxn    = "budget.txn" // event, line, kind, rial, day
	keyEnrolment    = "enrolment"  // record, programme, executor, decision, started, ended, stage
	keyStage        = "stage"      // enrolment, stage, opened, closed
	keyEvidence     = "evidence"   // day: of a record that is evidence of a stage
)

func countOrganisation(r *reader) {
	r.counts.one(keyOrganisation, id(r.ID), part(r.code("kind")), r.date("selected_on"), flag(r.bool("willing")), flag(r.bool("located_in_target")),
		flag(r.bool("can_establish_base")), flag(r.bool("past_success")), name(r.text("name_fa")))
}

func countAgreement(r *reader) {
	owed, delivered := map[string]bool{}, map[string]bool{}
	for _, w := range r.rows("deliverables") {
		commitment := w.value("commitment").Code()
		owed[commitment] = true
		if w.value("state").Code() == "delivered" {
			delivered[commitment] = true
		}
	}
	r.counts.one(keyAgreement, id(r.ID), part(r.code("state")), part(r.code("programme")), r.date("start_on"), r.date("end_on"),
		part(r.code("confirmed_result")), num(int64(len(delivered))), num(int64(len(owed))), id(r.ref("renewed_from_id")), name(r.text("number")))
}

func countFacilitator(r *reader) {
	r.counts.one(keyFacilitator, id(r.ref("person_id")), part(r.code("role")), r.date("active_from"), r.date("active_to"),
		num(int64(len(r.value("assigned_neighbourhood_ids").Refs()))))
}

func countAttendance(r *reader) {
	r.event(keyAttendance, id(r.ref("person_id")), id(r.ref("course_id")), flag(r.has("certificate_no")), r.date("valid_until"))
}

func countCentre(r *reader) {
	r.counts.one(keyCentre, id(r.ID), part(r.code("status")), id(r.ref("steering_committee_id")), num(r.int("block_count")))
	r.evidence()
}

func countBylaw(r *reader) {
	r.counts.one(keyBylaw, id(r.ref("centre_id")), r.date("approved_on"))
	r.evidence()
}

func countCommittee(r *reader) {
	r.counts.one(keyCommittee, id(r.ID), part(r.code("kind")), part(r.code("status")), id(r.ref("neighbourhood_id")))
	r.evidence()
}

func countMeeting(r *reader) {
	r.counts.one(keyMeeting, id(r.ID), id(r.ref("committee_id")), r.date("held_on"))
}

func countDecision(r *reader) {
	r.counts.one(keyDecision, id(r.ID), part(r.code("kind")), id(r.ref("subject_ref")), part(r.code("result")), id(r.ref("meeting_id")))
}

func countPlan(r *reader) {
	r.counts.one(keyPlan, id(r.ID), num(r.int("jalali_year")), flag(r.has("approved_by_decision_id")))
	r.evidence()
}

// countActionItem takes 1 for a weight that nobody gave, as domain description
// 2.15 says.
func countActionItem(r *reader) {
	weight := int64(1)
	if r.has("weight") {
		weight = r.int("weight")
	}
	r.counts.one(keyItem, id(r.ID), id(r.ref("plan_id")), id(r.ref("need_id")), r.date("start_on"), r.date("due_on"), num(weight), num(r.int("progress_pct")),
		part(r.code("status")), name(r.text("code")))
	for _, asset := range r.value("asset_ids").Refs() {
		r.counts.one(keyAssetUsed, id(asset))
	}
	r.evidence()
}

func countRequest(r *reader) {
	r.counts.one(keyRequest, id(r.ID), part(r.code("programme")), id(r.ref("target_org_id")), part(r.code("state")), r.date("sent_on"),
		r.date("reply_due_on"), r.date("answered_on"), id(r.ref("steering_decision_id")))
	r.evidence()
}

func countFollowUp(r *reader) {
	r.event(keyFollowUp, id(r.ref("request_id")), r.date("on"), part(r.code("channel")))
	r.evidence()
}

func countReview(r *reader) {
	r.counts.one(keyReview, id(r.ID), num(int64(len(r.value("signed_by").Refs()))))
	r.evidence()
}

func countService(r *reader) {
	r.event(keyService, num(monthOf(r.day("on"))), part(r.code("need_category")), part(r.code("deputy")), part(r.code("kind")),
		num(r.int("served_total")), num(r.int("served_women")))
}

func countBudgetLine(r *reader) {
	r.counts.one(keyBudget, id(r.ID), part(r.code("programme")), part(r.code("item")), id(r.ref("neighbourhood_id")), num(r.int("jalali_year")),
		num(r.int("approved_rial")), r.optional("allocated_rial"), r.optional("required_rial"))
}

func countBudgetTxn(r *reader) {
	r.event(keyBudgetTxn, id(r.ref("line_id")), part(r.code("kind")), num(r.int("amount_rial")), r.date("on"))
}

func countEnrolment(r *reader) {
	r.counts.one(keyEnrolment, id(r.ID), part(r.code("programme")), id(r.ref("executor_org_id")), id(r.ref("decision_id")),
		r.date("started_on"), r.date("ended_on"), part(r.code("stage")))
	for _, w := range r.rows("stages") {
		r.counts.one(keyStage, id(r.ID), part(w.value("stage").Code()), w.date("opened_on"), w.date("closed_on"))
	}
}

// evidence says that something was recorded of which a stage of the empowerment
// plan is made.
func (r *reader) evidence() { r.counts.one(keyEvidence, num(int64(dayOf(r.Made)))) }
