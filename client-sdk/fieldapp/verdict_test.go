package fieldapp

import (
	"strings"
	"testing"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
)

// TestTheServersRefusalNamesItsRule: of a step that the server did not take, the history
// says what is wrong, by which rule from which source, in either language.
func TestTheServersRefusalNamesItsRule(t *testing.T) {
	s := newScreen(t)
	for _, c := range []struct {
		lang  texts.Lang
		rule  string
		wants []string
	}{
		{texts.English, "dossier.none.assets", []string{"is not taken until what is missing is there", "Status: ", "none is recorded", "dossier.none.assets", "s1:9"}},
		{texts.English, workflow.RuleNotYour, []string{"its step was not taken", "another role", "machine"}},
		{texts.Persian, "dossier.none.assets", []string{"تا آنچه کم است نرسد", "داشته‌سنجی", "قاعدهٔ", "s1:9"}},
	} {
		rule, _ := workflow.RuleOf(workflow.NumberOf(c.rule))
		v := &visit{App: s.App, words: s.words[c.lang]}
		said := strings.Join(v.verdict(&clientsdk.Verdict{Outcome: syncproto.Merged, Cells: []clientsdk.CellVerdict{
			{Path: "status", Label: schemas.Text{Fa: "وضعیت", En: "Status"}, Reason: syncproto.Reason(rule.Number), Rule: rule}}}), "\n")
		for _, want := range c.wants {
			if !strings.Contains(said, want) {
				t.Errorf("%s, %s: %q is not in\n%s", c.lang, c.rule, want, said)
			}
		}
	}
}
