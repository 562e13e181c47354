package workflow

import (
	"maps"
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// The records that the cases name.
const (
	aPerson, aDecision, aMeeting, aCommittee, anOrg, aPlan, anItem, aBefore, anEvidence, another byte = 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
)

var (
	someDossier   = fields{"neighbourhood_id": uuid(aPerson), "revision_no": 1, "assigned_on": "1404/10/26", "due_on": "1404/11/26"}
	someAgreement = fields{"number": "12", "kind": "agreement", "programme": base, "party_org_id": uuid(anOrg),
		"signed_on": "1404/02/10", "start_on": "1404/02/10", "end_on": "1404/12/29"}
	someRequest = fields{"programme": empowerment, "subject": "آب", "target_org_id": uuid(anOrg), "asked": "لولهٔ نو"}
	somePlan    = fields{"neighbourhood_id": uuid(aPerson), "programme": empowerment, "started_on": "1404/10/26"}
	three       = []fields{{"role": "org_head", "on": "1404/10/01"}, {"role": "specialised_deputy", "on": "1404/10/01"}, {"role": "responsible_official", "on": "1404/10/01"}}
)

// decided are a decision with its meeting and committee.
func decided(t *testing.T, kind, of string, more fields) known {
	member := func(n byte) fields { return fields{"person_id": uuid(n), "seat": "member", "from": "1404/01/01"} }
	return known{
		id(aDecision): record(t, "decision", fields{"meeting_id": uuid(aMeeting), "kind": kind, "subject_ref": uuid(1),
			"subject_version": "000102030405060708090a0b0c0d0e0f", "text": "تصویب شد", "result": "approved"}.with(more)),
		id(aMeeting): record(t, "meeting", fields{"committee_id": uuid(aCommittee), "held_on": "1404/10/20",
			"present_ids": []string{uuid(20), uuid(21)}}),
		id(aCommittee): record(t, "committee", fields{"kind": of, "quorum_rule": "majority",
			"members": []fields{member(20), member(21), member(22)}}),
	}
}

// current is the version that decided names.
var current = schemas.ID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// spoken are cases in which a rule speaks, with the level at which it does; each is
// held against a case in which it is silent.
func spoken(t *testing.T) map[string]struct {
	says, silent question
	level        Level
} {
	submit := question{form: "dossier", now: someDossier.with(fields{"status": "collecting"}), decides: fields{"submitted_on": "1404/11/20"},
		to: "submitted", facts: full(), actor: []Role{Facilitator}}
	lacking := func(code string, s section) question {
		q, f := submit, full()
		f.sections[code] = s
		q.facts = f
		return q
	}
	facts := func(q question, change func(f *told)) question {
		f := full()
		change(f)
		q.facts = f
		return q
	}
	with := func(q question, decides fields) question {
		all := maps.Clone(q.decides)
		if all == nil {
			all = fields{}
		}
		maps.Copy(all, decides) // nil takes a field out
		q.decides = all
		return q
	}
	set := func(q question, change func(s *Settings)) question {
		q.settings = Defaults()
		change(q.settings)
		return q
	}
	naming := func(q question, k known) question {
		q.records = maps.Clone(k)
		return q
	}
	start := question{form: "dossier", now: someDossier.with(fields{"status": "assigned"}), to: "collecting", facts: full(), actor: []Role{Facilitator}}
	giveBack := question{form: "dossier", now: someDossier.with(fields{"status": "submitted", "submitted_on": "1404/11/20"}), to: "returned", actor: []Role{Province},
		decides: fields{"returned": []fields{{"on": "1404/11/22", "by": uuid(aPerson), "section": "assets", "reason": "کم است"}}}}
	approve := question{form: "dossier", now: someDossier.with(fields{"status": "county_reviewed"}), to: "approved", actor: []Role{Province}, version: current,
		records: decided(t, "approve_dossier", "provincial_cb", nil),
		decides: fields{"approved_by_decision_id": uuid(aDecision), "snapshot_number": 1, "snapshot_formula_version": "1",
			"snapshot_hash": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}}
	short := approve
	short.now = someDossier.with(fields{"status": "submitted"})
	verify := question{form: "need", now: fields{"title_fa": "آب", "evidence_refs": []string{uuid(aBefore), uuid(anEvidence)}, "status": "proposed"}, to: "verified", actor: []Role{Clinic}, facts: full(),
		records: known{id(aBefore): {Form: 14}, id(anEvidence): {Form: 15}}}
	needAt := func(from, to string) question {
		return question{form: "need", now: fields{"title_fa": "آب", "status": from}, to: to, actor: []Role{Facilitator}, facts: full()}
	}
	run := question{form: "action_item", now: fields{"code": "A1.1", "need_id": uuid(anEvidence), "plan_id": uuid(aPlan), "depends_on": []string{uuid(anItem)}, "status": "planned"}, to: "running", actor: []Role{Clinic},
		records: known{id(aPlan): record(t, "action_plan", fields{"jalali_year": 1404, "goal": "آب", "approved_by_decision_id": uuid(aDecision)}),
			id(anItem): record(t, "action_item", fields{"code": "A1.0", "status": "done"})}}
	sign := question{form: "agreement", now: someAgreement.with(fields{"renewed_from_id": uuid(aBefore), "state": "draft"}), to: "signed", actor: []Role{Province},
		records: known{id(aBefore): record(t, "agreement", someAgreement.with(fields{"confirmed_result": "approved", "state": "active"}))}}
	unconfirmed := known{id(aBefore): record(t, "agreement", someAgreement.with(fields{"state": "active"}))}
	var six []fields
	for _, c := range []string{"needs_prioritised", "assets_identified", "harm_map", "participatory_plan", "collective_action", "advocacy"} {
		six = append(six, fields{"commitment": c, "state": "not_started"})
	}
	activate := question{form: "agreement", now: someAgreement.with(fields{"deliverables": six, "state": "signed"}), to: "active", actor: []Role{County}}
	notice := question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), decides: fields{"notice_on": "1404/08/01"}, to: "notice", actor: []Role{County}, today: "1404/08/01"}
	// Given on the 1st of Aban, and written down when the year was over.
	recorded := question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), decides: fields{"notice_on": "1404/08/01"}, to: "notice", actor: []Role{County}, today: "1405/01/10"}
	end := question{form: "agreement", now: someAgreement.with(fields{"state": "notice", "notice_on": "1404/08/01"}), to: "terminated", actor: []Role{Province},
		decides: fields{"terminated_on": "1404/09/15", "termination_ground": "تعطیلی", "deciders": three}}
	renew := question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), decides: fields{"confirmed_result": "approved"}, to: "renewed", actor: []Role{Province}, today: "1405/01/10"}
	pass := question{form: "advocacy_request", now: someRequest.with(fields{"state": "draft"}), decides: fields{"steering_decision_id": uuid(aDecision)}, to: "approved", actor: []Role{Clinic},
		records: decided(t, "approve_request", "steering", nil), version: current}
	send := question{form: "advocacy_request", now: someRequest.with(fields{"state": "approved", "steering_decision_id": uuid(aDecision)}), decides: fields{"sent_on": "1404/10/26"}, to: "sent", actor: []Role{Facilitator},
		records: decided(t, "approve_request", "steering", nil), version: current}
	direct := question{form: "advocacy_request", now: someRequest.with(fields{"programme": base, "state": "draft"}), decides: fields{"sent_on": "1404/10/26"}, to: "sent", actor: []Role{Facilitator}}
	answer := question{form: "advocacy_request", now: someRequest.with(fields{"state": "sent", "sent_on": "1404/09/01"}), decides: fields{"answered_on": "1404/10/20"}, to: "answered", actor: []Role{County}}
	escalate := question{form: "advocacy_request", now: someRequest.with(fields{"state": "sent", "sent_on": "1404/09/01"}), to: "escalated", actor: []Role{County}}
	form := question{form: "committee", now: fields{"kind": "cb_council", "quorum_rule": "all", "status": "proposed",
		"members": []fields{{"person_id": uuid(20), "seat": "member", "from": "1404/01/01"}, {"person_id": uuid(21), "seat": "member", "from": "1404/01/01"}}}, to: "formed", actor: []Role{County}}
	open := question{form: "local_development_centre", now: fields{"name": "امید", "block_count": 8, "steering_committee_id": uuid(aCommittee), "status": "planned"}, to: "active", actor: []Role{Clinic}, facts: full(),
		records: decided(t, "other", "steering", nil)}
	grow := question{form: "local_team", now: fields{"name": "امید", "status": "active"}, to: "merged_into_ldc", actor: []Role{Clinic}, facts: full()}
	see := question{form: "data_subject_request", now: fields{"person_id": uuid(aPerson), "kind": "access", "identity_checked": true, "state": "received"}, to: "in_progress", actor: []Role{TechnicalManager}}
	deny := with(see, fields{"refused_reason": "درخواست تکراری"})
	deny.to = "refused"
	clinic := func(yes bool, selected string) schemas.Record {
		return record(t, "organisation", fields{"kind": "sw_clinic", "willing": true, "located_in_target": false, "can_establish_base": yes, "past_success": true, "selected_on": selected})
	}
	begin := question{form: "programme_enrolment", now: somePlan.with(fields{"executor_org_id": uuid(anOrg)}), to: "clinic_selected", actor: []Role{Province}, records: known{id(anOrg): clinic(true, "1404/10/15")}}
	choose := question{form: "programme_enrolment", now: somePlan.with(fields{"executor_org_id": uuid(anOrg), "decision_id": uuid(aDecision), "stage": "clinic_selected"}), to: "neighbourhood_selected", actor: []Role{Province},
		records: decided(t, "select_neighbourhood", "provincial_cb", nil), facts: full()}
	choose.records[id(anOrg)] = clinic(true, "1404/10/15")
	late := naming(choose, choose.records)
	late.records[id(anOrg)] = clinic(true, "1404/10/01")
	stage := func(to string) question {
		q := choose
		q.now, q.to = choose.now.with(fields{"stage": "neighbourhood_selected"}), to
		return q
	}
	decisionCase := func(q question, more fields, k string) question {
		kind, of := "approve_request", "steering"
		if q.form == "dossier" {
			kind, of = "approve_dossier", "provincial_cb"
		}
		if k != "" {
			of = k
		}
		return naming(q, decided(t, kind, of, more))
	}
	absent := func(q question) question {
		q = naming(q, q.records)
		q.records[id(aMeeting)] = record(t, "meeting", fields{"committee_id": uuid(aCommittee), "held_on": "1404/10/20", "present_ids": []string{uuid(20), uuid(90), uuid(91)}})
		return q
	}
	elsewhere := func(q question) question {
		q.now = q.now.with(fields{"programme": "comprehensive"})
		return q
	}
	type row = struct {
		says, silent question
		level        Level
	}
	rows := map[string]row{
		"dossier.certified":        {set(facts(start, func(f *told) { f.certified = 0 }), func(s *Settings) { s.Certificate = true }), set(start, func(s *Settings) { s.Certificate = true }), Warn},
		"dossier.trained":          {facts(start, func(f *told) { f.trained = 0 }), start, Warn},
		"dossier.submitted_on":     {with(submit, fields{"submitted_on": nil}), submit, Warn},
		"dossier.countersign":      {set(submit, func(s *Settings) { s.Countersign = true }), submit, Warn},
		"dossier.conflicts":        {facts(submit, func(f *told) { f.conflicts = 2 }), submit, Warn},
		"dossier.reasons":          {with(giveBack, fields{"returned": []fields{{"on": "1404/11/01", "by": uuid(aPerson), "section": "assets", "reason": "کم است"}}}), giveBack, Warn},
		"dossier.county_review":    {set(short, func(s *Settings) { s.CountyReview = true }), short, Warn},
		"dossier.snapshot":         {with(approve, fields{"snapshot_hash": nil}), approve, Warn},
		"dossier.decision":         {with(approve, fields{"approved_by_decision_id": nil}), approve, Warn},
		"dossier.decision_other":   {decisionCase(approve, fields{"kind": "return_dossier"}, ""), approve, Refuse},
		"dossier.decision_result":  {decisionCase(approve, fields{"result": "deferred"}, ""), approve, Refuse},
		"dossier.decision_stale":   {decisionCase(approve, fields{"subject_version": "ff0102030405060708090a0b0c0d0e0f"}, ""), approve, Refuse},
		"dossier.decision_unbound": {decisionCase(approve, fields{"subject_version": nil}, ""), approve, Warn},
		"dossier.quorum":           {absent(approve), approve, Warn},
		"need.evidence":            {naming(verify, known{id(aBefore): {Form: 14}, id(anEvidence): {Form: 14}}), verify, Warn},
		"need.ranked":              {facts(needAt("verified", "prioritised"), func(f *told) { f.ranked = false }), needAt("verified", "prioritised"), Warn},
		"need.planned":             {facts(needAt("prioritised", "in_plan"), func(f *told) { f.items = 0 }), needAt("prioritised", "in_plan"), Warn},
		"need.done":                {facts(needAt("in_plan", "met"), func(f *told) { f.done = 0 }), needAt("in_plan", "met"), Warn},
		"need.reason":              {needAt("proposed", "dropped"), with(needAt("proposed", "dropped"), fields{"dropped_reason": "تکراری"}), Warn},
		"item.need":                {with(run, fields{"need_id": nil}), run, Warn},
		"item.plan":                {naming(run, known{id(aPlan): record(t, "action_plan", fields{"jalali_year": 1404})}), run, Warn},
		"item.depends_on":          {naming(run, known{id(anItem): record(t, "action_item", fields{"status": "running"})}), run, Warn},
		"agreement.renewed_from":   {naming(sign, unconfirmed), sign, Refuse},
		"agreement.year":           {with(sign, fields{"end_on": "1405/02/09"}), sign, Warn},
		"agreement.signed_on":      {with(sign, fields{"signed_on": nil}), sign, Warn},
		"agreement.commitments":    {with(activate, fields{"deliverables": six[:5]}), activate, Refuse},
		"agreement.start":          {with(activate, fields{"start_on": "1404/11/01"}), activate, Warn},
		"agreement.notice":         {with(notice, fields{"notice_on": nil}), notice, Refuse},
		"agreement.notice_in_time": {with(recorded, fields{"notice_on": "1405/01/05"}), recorded, Refuse},
		"agreement.prior_notice":   {with(end, fields{"terminated_on": "1404/08/01"}), end, Refuse},
		"agreement.deciders":       {with(end, fields{"deciders": three[:2]}), end, Refuse},
		"agreement.ground":         {with(end, fields{"termination_ground": nil}), end, Warn},
		"agreement.notice_days":    {with(end, fields{"terminated_on": "1404/08/20"}), end, Warn},
		"agreement.confirmed":      {with(renew, fields{"confirmed_result": "rejected"}), renew, Refuse},
		"request.decision":         {with(pass, fields{"steering_decision_id": nil}), pass, Refuse},
		"request.decision_other":   {decisionCase(pass, fields{"subject_ref": uuid(another)}, ""), pass, Refuse},
		"request.decision_result":  {decisionCase(pass, fields{"result": "rejected"}, ""), pass, Refuse},
		"request.decision_stale":   {decisionCase(send, fields{"subject_version": "ff0102030405060708090a0b0c0d0e0f"}, ""), send, Refuse},
		"request.decision_unbound": {decisionCase(pass, fields{"subject_version": nil}, ""), pass, Warn},
		"request.quorum":           {absent(pass), pass, Warn},
		"request.decided_by":       {decisionCase(pass, nil, "county_wg"), pass, Refuse},
		"request.unapproved":       {with(direct, fields{"programme": empowerment}), direct, Refuse},
		"request.sent_on":          {with(send, fields{"sent_on": nil}), send, Warn},
		"request.answered_on":      {with(answer, fields{"answered_on": nil}), answer, Warn},
		"request.reply_due":        {with(escalate, fields{"sent_on": "1404/10/20"}), escalate, Warn},
		"committee.members":        {with(form, fields{"members": []fields{{"person_id": uuid(20), "seat": "member", "from": "1404/01/01"}}}), form, Warn},
		"centre.blocks":            {facts(open, func(f *told) { f.plan.Blocks = 0 }), open, Refuse},
		"centre.statute":           {facts(open, func(f *told) { f.plan.Statutes = 0 }), open, Refuse},
		"centre.steering":          {naming(open, decided(t, "other", "cb_council", nil)), open, Warn},
		"team.centre":              {facts(grow, func(f *told) { f.plan.Centres = 0 }), grow, Warn},
		"subject.identity":         {with(see, fields{"identity_checked": nil}), see, Warn},
		"subject.reason":           {with(deny, fields{"refused_reason": nil}), deny, Warn},
		"plan.clinic":              {naming(begin, known{id(anOrg): clinic(false, "1404/10/15")}), begin, Refuse},
		"plan.chosen":              {with(choose, fields{"decision_id": nil}), choose, Warn},
		"plan.in_time":             {late, choose, Warn},
		"plan.monitoring_group":    {facts(stage("monitoring"), func(f *told) { f.plan.Monitoring = 0 }), stage("monitoring"), Refuse},
		"plan.evidence":            {facts(stage("trust_building"), func(f *told) { f.plan.InformingKinds = 1 }), stage("trust_building"), Warn},
	}
	for _, code := range []string{"capacity", "assets", "needs_survey", "participation"} {
		rows["dossier.none."+code] = row{lacking(code, section{0, 10, false}), lacking(code, section{1, 10, false}), Refuse}
	}
	for _, code := range DossierSections {
		rows["dossier.gate."+code] = row{lacking(code, section{5, 10, false}), submit, Warn}
	}
	// A rule of one programme warns in another.
	for rule, q := range map[string]question{"agreement.notice": rows["agreement.notice"].says, "agreement.deciders": rows["agreement.deciders"].says,
		"agreement.confirmed": rows["agreement.confirmed"].says, "request.unapproved": rows["request.unapproved"].says, "request.decision": rows["request.decision"].says} {
		rows[rule+" elsewhere"] = row{elsewhere(with(q, fields{"programme": "comprehensive"})), rows[rule].silent, Warn}
	}
	return rows
}

// TestEveryGuardSpeaks: each rule of each machine is seen to speak at its level, and
// to be silent where nothing is wrong.
func TestEveryGuardSpeaks(t *testing.T) {
	rows := spoken(t)
	for name, row := range rows {
		rule := name
		if i := len(name) - len(" elsewhere"); i > 0 && name[i:] == " elsewhere" {
			rule = name[:i]
		}
		if got := row.says.level(t, rule); got != row.level {
			t.Errorf("%s: level %d, want %d", name, got, row.level)
		}
		if got := row.silent.level(t, rule); got != 0 {
			t.Errorf("%s speaks (level %d) where nothing is wrong", name, got)
		}
		m, c := row.silent.ask(t)
		if f, refused := Judge(m, c).Refused(); refused {
			t.Errorf("%s: the case without a fault is refused by %s: %s", name, f.Rule, f.Message.En)
		}
	}
	for _, m := range Machines() {
		for _, g := range m.guards() {
			if _, ok := rows[g.Name]; !ok {
				t.Errorf("no case in which %s speaks", g.Name)
			}
		}
	}
}

// TestRefusalsAskNoSettings: the server judges steps without a province's settings, so
// no rule that refuses may depend on them.
func TestRefusalsAskNoSettings(t *testing.T) {
	other := &Settings{Calendar: jalali.Calendar{WorkingDays: true, Weekend: []jalali.Weekday{jalali.Monday}}, NoticeDays: 400, ExpiringDays: 400, ReplyDays: 1, EvidenceKinds: 9, CountyReview: true, Countersign: true}
	for name, row := range spoken(t) {
		for what, q := range map[string]question{"says": row.says, "silent": row.silent} {
			m, c := q.ask(t)
			c.Refusals = true
			mine, refused := Judge(m, c).Refused()
			c.Settings = other
			if f, r := Judge(m, c).Refused(); r != refused || f.Rule != mine.Rule {
				t.Errorf("%s, %s: refused by %q, with other settings by %q", name, what, mine.Rule, f.Rule)
			}
		}
	}
}

// TestMessagesAreFilled: what a person reads has no open placeholder and no bare code.
func TestMessagesAreFilled(t *testing.T) {
	for name, row := range spoken(t) {
		m, c := row.says.ask(t)
		for _, f := range Judge(m, c).Findings {
			for _, text := range []string{f.Message.Fa, f.Message.En} {
				if text == "" || slices.ContainsFunc([]rune(text), func(r rune) bool { return r == '{' || r == '}' || r == '_' }) {
					t.Errorf("%s says %q", name, text)
				}
			}
		}
	}
}

// TestStepsThatAreNone: what no step leads to is refused with what may follow; so is
// another role's step, and a beginning in the middle.
func TestStepsThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		question
		rule string
	}{
		"over the committee's head":  {question{form: "dossier", now: someDossier.with(fields{"status": "collecting"}), to: "published", actor: []Role{Province}}, RuleNoStep},
		"out of an end":              {question{form: "dossier", now: someDossier.with(fields{"status": "cancelled"}), to: "collecting", actor: []Role{Province}}, RuleNoStep},
		"begun in the middle":        {question{form: "dossier", now: someDossier, to: "approved", actor: []Role{Province}}, RuleNoStep},
		"a facilitator approves":     {question{form: "dossier", now: someDossier.with(fields{"status": "county_reviewed"}), to: "approved", actor: []Role{Facilitator}}, RuleNotYour},
		"the county approves":        {question{form: "dossier", now: someDossier.with(fields{"status": "county_reviewed"}), to: "approved", actor: []Role{County}}, RuleNotYour},
		"a base ends its agreement":  {question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), to: "notice", actor: []Role{Facilitator}, today: "1404/08/01"}, RuleNotYour},
		"a member seats a committee": {question{form: "committee", now: fields{"kind": "steering", "quorum_rule": "all", "status": "proposed"}, to: "formed", actor: []Role{Steering}}, RuleNotYour},
		"renewed before its end":     {question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), to: "renewed", actor: []Role{Province}, today: "1404/08/01"}, RuleNoStep},
		"expired by hand":            {question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), to: "expired", actor: []Role{Province}, today: "1404/08/01"}, RuleNoStep},
		"active by hand":             {question{form: "committee", now: fields{"kind": "cb_council", "quorum_rule": "all", "status": "formed"}, to: "active", actor: []Role{County}}, RuleNoStep},
	} {
		m, ca := c.ask(t)
		f, refused := Judge(m, ca).Refused()
		if !refused || f.Rule != c.rule || f.Source != SourceMachine {
			t.Errorf("%s: %+v, want a refusal by %s", name, f, c.rule)
		}
		if f.Message.Fa == "" || f.Message.En == "" {
			t.Errorf("%s: no message", name)
		}
	}
	office := question{form: "dossier", now: someDossier.with(fields{"status": "county_reviewed"}), to: "approved", unknownWho: true}
	if m, c := office.ask(t); Judge(m, c).Findings[0].Level != Warn {
		t.Error("the office's own act was asked who it is")
	}
}

// TestNothingRefusesUnasked: without the neighbourhood's summary, the guards that
// need it are silent: what is not known is no fault.
func TestNothingRefusesUnasked(t *testing.T) {
	q := question{form: "dossier", now: someDossier.with(fields{"status": "collecting"}), decides: fields{"submitted_on": "1404/11/20"}, to: "submitted", actor: []Role{Facilitator}}
	if m, c := q.ask(t); len(Judge(m, c).Findings) != 0 {
		t.Errorf("%+v", Judge(m, c).Findings)
	}
}

// TestQuietRules: a province silences warnings, never a refusal.
func TestQuietRules(t *testing.T) {
	rows := spoken(t)
	q := rows["need.ranked"].says
	q.settings = Defaults()
	q.settings.Quiet = []string{"need.ranked", "agreement.deciders"}
	if q.level(t, "need.ranked") != 0 {
		t.Error("a silenced warning was given")
	}
	q = rows["agreement.deciders"].says
	q.settings = Defaults()
	q.settings.Quiet = []string{"agreement.deciders"}
	if q.level(t, "agreement.deciders") != Refuse {
		t.Error("a refusal was silenced")
	}
}

// TestDerivedStates: what follows from the day is shown, and never stored.
func TestDerivedStates(t *testing.T) {
	for name, c := range map[string]struct {
		question
		want string
	}{
		"far from its end":       {question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), today: "1404/08/01"}, "active"},
		"sixty-one days left":    {question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), today: "1404/10/28"}, "active"},
		"sixty days left":        {question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), today: "1404/10/29"}, "expiring"},
		"its last day":           {question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), today: "1404/12/29"}, "expiring"},
		"the day after":          {question{form: "agreement", now: someAgreement.with(fields{"state": "active"}), today: "1405/01/01"}, "expired"},
		"a notice does not age":  {question{form: "agreement", now: someAgreement.with(fields{"state": "notice"}), today: "1405/01/01"}, "notice"},
		"a council never met":    {question{form: "committee", now: fields{"status": "formed"}, facts: &told{}}, "formed"},
		"a council that meets":   {question{form: "committee", now: fields{"status": "formed"}, facts: &told{met: true, last: day(t, "1404/07/26")}}, "active"},
		"a council that sleeps":  {question{form: "committee", now: fields{"status": "formed"}, facts: &told{met: true, last: day(t, "1404/07/25")}}, "dormant"},
		"a council not known":    {question{form: "committee", now: fields{"status": "formed"}}, "formed"},
		"a council proposed":     {question{form: "committee", now: fields{"status": "proposed"}, facts: &told{met: true, last: day(t, "1404/10/25")}}, "proposed"},
		"an end that is missing": {question{form: "agreement", now: someAgreement.with(fields{"state": "active", "end_on": nil}), today: "1405/01/01"}, "expired"},
	} {
		c.to = "x"
		m, ok := Of(c.form)
		if !ok {
			t.Fatal(c.form)
		}
		ca := &Case{Forms: allForms(t), ID: id(1), Before: record(t, c.form, c.now), Facts: c.facts}
		if c.today == "" {
			c.today = "1404/10/26"
		}
		ca.Today = day(t, c.today)
		if got := m.Shown(ca); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
