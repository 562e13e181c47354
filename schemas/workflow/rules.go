package workflow

import (
	"slices"

	"mahalleh/schemas"
)

// Rule is a rule that refuses steps, as results name it.
type Rule struct {
	// Number is the rule's number in a change's result, for ever.
	Number uint8
	Name   string
	Source Source
	// Waits says that the step is taken after all once what the rule asks for is there.
	Waits bool
	// Says is what is wrong and what to do, without what only the case knew.
	Says schemas.Text
}

// FirstRule is the lowest number of a rule.
const FirstRule = 64

// ruleTable numbers every rule that refuses. Numbers are for ever: they stand in
// results that devices keep. A rule that goes leaves its number behind.
var ruleTable = []struct {
	number uint8
	name   string
	// says is the text for who does not know the case; 0 is the rule's own.
	says messageKey
}{
	{64, RuleNoStep, msgAnyNoStep},
	{65, RuleNotYour, msgAnyNotYour},
	{66, "dossier.none.capacity", 0},
	{67, "dossier.none.assets", 0},
	{68, "dossier.none.needs_survey", 0},
	{69, "dossier.none.participation", 0},
	{70, "dossier.decision_other", msgAnyOtherDecision},
	{71, "dossier.decision_result", msgAnyNotApproved},
	{72, "dossier.decision_stale", 0},
	{73, "request.decision", msgAnyNoDecision},
	{74, "request.decision_other", msgAnyOtherDecision},
	{75, "request.decision_result", msgAnyNotApproved},
	{76, "request.decision_stale", 0},
	{77, "request.decided_by", msgAnyOtherCommittee},
	{78, "request.unapproved", 0},
	{79, "agreement.renewed_from", 0},
	{80, "agreement.commitments", msgAnyCommitments},
	{81, "agreement.notice", 0},
	{82, "agreement.prior_notice", 0},
	{83, "agreement.deciders", msgAnyDeciders},
	{84, "agreement.confirmed", 0},
	{85, "plan.clinic", 0},
	{86, "plan.monitoring_group", 0},
	{87, "centre.blocks", 0},
	{88, "centre.statute", 0},
	{89, "agreement.notice_in_time", 0},
}

// RuleOf returns the rule of a number, false if it is none that is known here.
func RuleOf(number uint8) (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Number == number })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

// NumberOf returns the number of a rule that refuses, 0 for any other.
func NumberOf(name string) uint8 {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == name })
	if i < 0 {
		return 0
	}
	return rules[i].Number
}

var rules = makeRules()

func makeRules() []Rule {
	var all []Rule
	for _, row := range ruleTable {
		r := Rule{Number: row.number, Name: row.name, Source: SourceMachine, Waits: row.name != RuleNoStep && row.name != RuleNotYour}
		key := row.says
		for _, m := range machines {
			for _, g := range m.guards() {
				if g.Name != row.name {
					continue
				}
				r.Source = g.Source
				if key == 0 {
					key = g.key
				}
			}
		}
		r.Says = say(key)
		all = append(all, r)
	}
	return all
}
