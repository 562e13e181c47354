package workflow

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas/forms"
)

// The numbers of rules stand in results that devices keep: none may ever change.
func TestNumbersOfRulesAreForEver(t *testing.T) {
	want := map[string]uint8{
		"no_step": 64, "not_your": 65,
		"dossier.none.capacity": 66, "dossier.none.assets": 67, "dossier.none.needs_survey": 68, "dossier.none.participation": 69,
		"dossier.decision_other": 70, "dossier.decision_result": 71, "dossier.decision_stale": 72,
		"request.decision": 73, "request.decision_other": 74, "request.decision_result": 75, "request.decision_stale": 76,
		"request.decided_by": 77, "request.unapproved": 78,
		"agreement.renewed_from": 79, "agreement.commitments": 80, "agreement.notice": 81, "agreement.prior_notice": 82,
		"agreement.deciders": 83, "agreement.confirmed": 84,
		"plan.clinic": 85, "plan.monitoring_group": 86, "centre.blocks": 87, "centre.statute": 88, "agreement.notice_in_time": 89,
	}
	got := map[string]uint8{}
	for _, row := range ruleTable {
		if row.number < FirstRule || got[row.name] != 0 {
			t.Errorf("%s has the number %d, or two", row.name, row.number)
		}
		got[row.name] = row.number
	}
	if !maps.Equal(got, want) {
		t.Errorf("the numbers are %v, want %v", got, want)
	}
	for name, n := range want {
		if r, ok := RuleOf(n); !ok || r.Name != name || NumberOf(name) != n {
			t.Errorf("%d is %+v, and %s is %d", n, r, name, NumberOf(name))
		}
	}
	if _, ok := RuleOf(63); ok || NumberOf("dossier.trained") != 0 {
		t.Error("what refuses nothing has a number")
	}
}

// TestEveryRefusalHasANumber: whatever refuses can be told, says in both languages
// what to do, and leaves no place open for what only the case knew.
func TestEveryRefusalHasANumber(t *testing.T) {
	for _, m := range Machines() {
		for _, g := range m.guards() {
			if g.Level != Refuse {
				continue
			}
			r, ok := RuleOf(NumberOf(g.Name))
			if !ok || r.Source != g.Source {
				t.Errorf("%s: %s (%s) is told as %+v", m.Form, g.Name, g.Source, r)
			}
			if g.facts && len(g.evidence) == 0 {
				t.Errorf("%s does not say which forms are asked for", g.Name)
			}
		}
	}
	for _, r := range rules {
		if r.Says.Fa == "" || r.Says.En == "" || strings.ContainsAny(r.Says.Fa+r.Says.En, "{}") {
			t.Errorf("%s says %+v", r.Name, r.Says)
		}
	}
}

// TestEvidenceIsOfForms: the forms that a rule asks for are there.
func TestEvidenceIsOfForms(t *testing.T) {
	p, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range Machines() {
		for _, g := range m.guards() {
			if i := slices.IndexFunc(g.evidence, func(name string) bool { _, ok := p.FormByName(name); return !ok }); i >= 0 {
				t.Errorf("%s asks for %s, and there is no such form", g.Name, g.evidence[i])
			}
		}
	}
}
