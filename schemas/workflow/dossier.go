package workflow

import "mahalleh/schemas"

var (
	field    = []Role{Facilitator, TechnicalManager}
	offices  = []Role{County, Province}
	province = []Role{Province}
)

// dossier is the course of a neighbourhood's dossier.
var dossier = &Machine{
	Form: "dossier", Field: "status", List: "DOSSIERSTATUS",
	First:  []string{"assigned"},
	Course: []string{"sections", "reviewed_by", "reviewed_on", "approved_by_decision_id", "approved_on", "snapshot_number", "snapshot_formula_version", "snapshot_hash"},
	Steps:  dossierSteps(),
}

// openDossier are the states in which a dossier is worked on.
var openDossier = []string{"assigned", "collecting", "submitted", "returned", "county_reviewed", "updating"}

func dossierSteps() []Step {
	steps := []Step{
		{"assigned", "collecting", field, []*Guard{dossierTrained, dossierCertified}},
		{"collecting", "submitted", field, submitting()},
		{"updating", "submitted", field, submitting()},
		{"submitted", "returned", offices, []*Guard{dossierReasons}},
		{"county_reviewed", "returned", province, []*Guard{dossierReasons}},
		{"returned", "collecting", field, nil},
		{"submitted", "county_reviewed", []Role{County}, nil},
		{"submitted", "approved", province, approving(dossierReviewed)},
		{"county_reviewed", "approved", province, approving()},
		{"approved", "published", province, nil},
		{"approved", "updating", field, nil},
		{"published", "updating", field, nil},
		{"suspended", "collecting", offices, nil},
		{"suspended", "cancelled", offices, nil},
	}
	for _, s := range openDossier {
		steps = append(steps, Step{s, "suspended", offices, nil}, Step{s, "cancelled", offices, nil})
	}
	return steps
}

// submitting are the guards of a submission. That a dossier rests on capacity,
// assets and needs and is made with residents is the programme's own word; how
// much of each is enough is the province's.
func submitting() []*Guard {
	all := []*Guard{dossierSubmittedOn, dossierCountersign, dossierConflicts}
	for _, s := range []struct {
		code     string
		key      messageKey
		evidence []string
	}{
		{"capacity", msgNoCapacity, []string{"capacity_assessment"}},
		{"assets", msgNoAssets, []string{"asset"}},
		{"needs_survey", msgNoNeeds, []string{"household_response", "key_informant_interview", "focus_group"}},
		{"participation", msgNoResidents, []string{"activity", "neighbourhood_profile"}},
	} {
		all = append(all, &Guard{Name: "dossier.none." + s.code, Source: "s1:9", Level: Refuse, facts: true, evidence: s.evidence, key: s.key,
			broken: func(c *Case) (bool, []arg) {
				done, _, _ := c.Facts.Section(s.code)
				return done <= 0, nil
			}})
	}
	for _, code := range DossierSections {
		all = append(all, &Guard{Name: "dossier.gate." + code, Source: SourceSetting, Level: Warn, facts: true, key: msgGate,
			broken: func(c *Case) (bool, []arg) {
				done, target, gate := c.Facts.Section(code)
				return !gate, []arg{c.codeArg("section", "DOSSIERSECTION", code), numberArg("done", done), numberArg("target", target)}
			}})
	}
	return all
}

// DossierSections are the codes of the dossier's sections, in its order.
var DossierSections = []string{"profile", "boundary_blocks", "key_persons", "local_team", "capacity",
	"assets", "needs_survey", "prioritised_needs", "harm_map", "participation"}

// SectionForms are the forms that fill each section, the one that carries it first.
var SectionForms = map[string][]string{
	"profile": {"neighbourhood_profile"}, "boundary_blocks": {"block", "neighbourhood"}, "key_persons": {"key_person"},
	"local_team": {"team_member", "local_team"}, "capacity": {"capacity_assessment"}, "assets": {"asset"},
	"needs_survey": {"household_response", "key_informant_interview", "focus_group"}, "prioritised_needs": {"need", "prioritisation_round"},
	"harm_map": {"harm_rating"}, "participation": {"activity"},
}

func approving(more ...*Guard) []*Guard {
	d := decisionRules{field: "approved_by_decision_id", kind: "approve_dossier", missing: Guard{Source: SourceSetting, Level: Warn}}
	return append(append(d.guards("dossier"), more...), dossierSnapshot)
}

var (
	dossierTrained = &Guard{Name: "dossier.trained", Source: "s1:9", Level: Warn, facts: true, key: msgNotTrained,
		broken: func(c *Case) (bool, []arg) { return c.Facts.Trained() == 0, nil }}

	// dossierCertified asks where the province wants certificates; who is not trained at
	// all is told that alone.
	dossierCertified = &Guard{Name: "dossier.certified", Source: SourceSetting, Level: Warn, facts: true, key: msgNotCertified,
		broken: func(c *Case) (bool, []arg) {
			return c.Settings.Certificate && c.Facts.Trained() > 0 && c.Facts.Certified(c.Today) == 0, nil
		}}

	dossierSubmittedOn = &Guard{Name: "dossier.submitted_on", Source: SourceSetting, Level: Warn, Fields: []string{"submitted_on"}, key: msgDateMissing,
		broken: missing("submitted_on")}

	dossierCountersign = &Guard{Name: "dossier.countersign", Source: SourceSetting, Level: Warn, key: msgCountersign,
		broken: func(c *Case) (bool, []arg) {
			return c.Settings.Countersign && !c.Actor.May([]Role{TechnicalManager}), nil
		}}

	dossierConflicts = &Guard{Name: "dossier.conflicts", Source: SourceSetting, Level: Warn, facts: true, key: msgConflicts,
		broken: func(c *Case) (bool, []arg) {
			n := c.Facts.OpenConflicts()
			return n > 0, []arg{numberArg("count", n)}
		}}

	// dossierReasons wants a reason that was written since the dossier was submitted.
	dossierReasons = &Guard{Name: "dossier.reasons", Source: SourceSetting, Level: Warn, Fields: []string{"returned"}, key: msgNoReasons,
		broken: func(c *Case) (bool, []arg) {
			list, _ := c.form.FieldByName("returned")
			on, ok := list.FieldByName("on")
			for _, row := range c.value("returned").Items() {
				if ok && row.Fields[on.ID].Date() >= c.value("submitted_on").Date() {
					return false, nil
				}
			}
			return true, nil
		}}

	dossierReviewed = &Guard{Name: "dossier.county_review", Source: SourceSetting, Level: Warn, key: msgNoCountyReview,
		broken: func(c *Case) (bool, []arg) { return c.Settings.CountyReview, nil }}

	dossierSnapshot = &Guard{Name: "dossier.snapshot", Source: SourceSetting, Level: Warn,
		Fields: []string{"snapshot_number", "snapshot_formula_version", "snapshot_hash"}, key: msgNoSnapshot,
		broken: func(c *Case) (bool, []arg) {
			return c.empty("snapshot_number") || c.empty("snapshot_formula_version") || c.empty("snapshot_hash"), nil
		}}
)

// missing is the check of a field that is to be filled; its message names it.
func missing(name string) func(c *Case) (bool, []arg) {
	return func(c *Case) (bool, []arg) { return c.empty(name), []arg{c.labelArg("field", name)} }
}

// need is the way of a need into the plan and out of it.
var need = &Machine{
	Form: "need", Field: "status", List: "NEEDSTATUS",
	First:  []string{"proposed"},
	Course: []string{"dropped_reason"},
	Steps: append([]Step{
		{"proposed", "verified", onTheSpot, []*Guard{needEvidence}},
		{"verified", "prioritised", onTheSpot, []*Guard{needRanked}},
		{"prioritised", "in_plan", onTheSpot, []*Guard{needPlanned}},
		{"in_plan", "met", onTheSpot, []*Guard{needDone}},
	}, dropping("proposed", "verified", "prioritised", "in_plan")...),
}

// onTheSpot are those who do the neighbourhood's own work. A steering committee
// decides; what follows from it others write.
var onTheSpot = []Role{Facilitator, Clinic, TechnicalManager}

func dropping(from ...string) []Step {
	var steps []Step
	for _, s := range from {
		steps = append(steps, Step{s, "dropped", onTheSpot, []*Guard{needReason}})
	}
	return steps
}

var (
	// needEvidence counts kinds of evidence. What is not known here may be of
	// another kind, so it is only asked where all is known.
	needEvidence = &Guard{Name: "need.evidence", Source: SourceSetting, Level: Warn, Fields: []string{"evidence_refs"}, key: msgEvidence,
		broken: func(c *Case) (bool, []arg) {
			kinds := map[schemas.FormID]bool{}
			for _, id := range c.value("evidence_refs").Refs() {
				r, ok := c.Records.Record(id)
				if !ok {
					return false, nil
				}
				kinds[r.Form] = true
			}
			return int64(len(kinds)) < c.Settings.EvidenceKinds, []arg{countArg("count", len(kinds)), numberArg("needed", c.Settings.EvidenceKinds)}
		}}

	needRanked = &Guard{Name: "need.ranked", Source: SourceSetting, Level: Warn, facts: true, key: msgNotRanked,
		broken: func(c *Case) (bool, []arg) {
			ranked, known := c.Facts.NeedRanked(c.ID)
			return known && !ranked, nil
		}}

	needPlanned = &Guard{Name: "need.planned", Source: SourceSetting, Level: Warn, facts: true, key: msgNotPlanned,
		broken: func(c *Case) (bool, []arg) {
			items, _, known := c.Facts.NeedItems(c.ID)
			return known && items == 0, nil
		}}

	needDone = &Guard{Name: "need.done", Source: SourceSetting, Level: Warn, facts: true, key: msgNothingDone,
		broken: func(c *Case) (bool, []arg) {
			_, done, known := c.Facts.NeedItems(c.ID)
			return known && done == 0, nil
		}}

	needReason = &Guard{Name: "need.reason", Source: SourceSetting, Level: Warn, Fields: []string{"dropped_reason"}, key: msgFieldMissing,
		broken: missing("dropped_reason")}
)

// actionItem is the course of one action. That it is late follows from its day.
var actionItem = &Machine{
	Form: "action_item", Field: "status", List: "ACTIONSTATE",
	First:  []string{"planned"},
	Course: []string{"progress_pct", "barriers"},
	Steps: []Step{
		{"planned", "running", onTheSpot, []*Guard{itemNeed, itemPlan, itemAfter}},
		{"running", "done", onTheSpot, []*Guard{itemAfter}},
		{"running", "stopped", onTheSpot, nil},
		{"planned", "stopped", onTheSpot, nil},
	},
}

// Late says whether an action is late: its day is over and it is neither done nor
// stopped.
func Late(c *Case) bool {
	c = c.ready(actionItem)
	state := actionItem.stored(c.Before, c)
	due := fieldOf(c.form, c.Before, "due_on")
	return !due.IsEmpty() && due.Date() < int32(c.Today) && state != "done" && state != "stopped"
}

var (
	itemNeed = &Guard{Name: "item.need", Source: "s0:41", Level: Warn, Fields: []string{"need_id"}, key: msgFieldMissing, broken: missing("need_id")}

	itemPlan = &Guard{Name: "item.plan", Source: SourceSetting, Level: Warn, Fields: []string{"plan_id"}, key: msgPlanNotApproved,
		broken: func(c *Case) (bool, []arg) {
			p, ok := c.other(c.ref("plan_id"), "action_plan")
			return ok && p.value("approved_by_decision_id").IsEmpty(), nil
		}}

	itemAfter = &Guard{Name: "item.depends_on", Source: SourceSetting, Level: Warn, Fields: []string{"depends_on"}, key: msgNotDoneBefore,
		broken: func(c *Case) (bool, []arg) {
			open := 0
			for _, id := range c.value("depends_on").Refs() {
				if x, ok := c.other(id, "action_item"); ok && x.value("status").Code() != "done" {
					open++
				}
			}
			return open > 0, []arg{countArg("count", open)}
		}}
)
