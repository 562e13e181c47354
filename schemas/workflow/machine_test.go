package workflow

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
)

// TestMachinesFitTheForms: every state field has a machine, every code of its list
// is a state and can be reached, and every field a guard names exists.
func TestMachinesFitTheForms(t *testing.T) {
	pkg := allForms(t)
	for _, m := range Machines() {
		if err := m.Check(pkg); err != nil {
			t.Error(err)
		}
	}
	for _, form := range pkg.Forms() {
		for _, f := range form.Fields() {
			if m, ok := Of(form.Name); f.Type == schemas.TypeState && (!ok || m.Field != f.Name) {
				t.Errorf("no machine for %s.%s", form.Name, f.Name)
			}
		}
	}
}

// TestCheckFindsWhatIsWrong breaks a machine in each way that Check looks for.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	pkg := allForms(t)
	for name, spoil := range map[string]func(m *Machine){
		"no such form":          func(m *Machine) { m.Form = "nothing" },
		"no state field":        func(m *Machine) { m.Field = "title_fa" },
		"another list":          func(m *Machine) { m.List = "NEEDCAT" },
		"a code left out":       func(m *Machine) { m.Steps = m.Steps[:1] },
		"a state not in a list": func(m *Machine) { m.Steps = append(m.Steps, Step{From: "proposed", To: "forgotten"}) },
		"not to be reached":     func(m *Machine) { m.First = []string{"met"} },
		"an unknown field":      func(m *Machine) { m.Course = []string{"nothing"} },
		"a guard's unknown field": func(m *Machine) {
			m.Steps = append(m.Steps, Step{From: "met", To: "dropped", Guards: []*Guard{{Fields: []string{"nothing"}}}})
		},
	} {
		m := *need
		m.Steps, m.First = slices.Clone(need.Steps), slices.Clone(need.First)
		spoil(&m)
		if m.Check(pkg) == nil {
			t.Errorf("%s was not found", name)
		}
	}
}

// TestOnlySourcesRefuse: what refuses names a line of a seed document or the
// decision itself; what is a setting warns.
func TestOnlySourcesRefuse(t *testing.T) {
	seed := regexp.MustCompile(`^s[0-4]:\d+(-\d+)?$`)
	rules := map[string]bool{}
	for _, m := range Machines() {
		for _, g := range m.guards() {
			switch {
			case g.Level != Warn && g.Level != Refuse:
				t.Errorf("%s has the level %d", g.Name, g.Level)
			case g.Level == Refuse && g.Source != SourceDecision && !seed.MatchString(string(g.Source)):
				t.Errorf("%s refuses by %q, which is no programme's word", g.Name, g.Source)
			case g.Source != SourceSetting && g.Source != SourceDecision && !seed.MatchString(string(g.Source)):
				t.Errorf("%s has the source %q", g.Name, g.Source)
			case g.broken == nil || g.Name == "" || strings.ToLower(g.Name) != g.Name:
				t.Errorf("%s of %s is not whole", g.Name, m.Form)
			}
			rules[g.Name] = true
		}
		for _, s := range m.Steps {
			if len(s.Who) == 0 {
				t.Errorf("%s: nobody may step from %s to %s", m.Form, s.From, s.To)
			}
		}
	}
	if len(rules) < 40 {
		t.Errorf("only %d rules", len(rules))
	}
}

// TestMessagesInBothLanguages: every text is there twice, with the same
// placeholders, and says what to do.
func TestMessagesInBothLanguages(t *testing.T) {
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	request := regexp.MustCompile(`(کنید|بردارید|دهید|بنویسید|برگزینید|برسانید|بفرستید|ببرید|بگیرید|بیفزایید|بخواهید( این گام را بردارد)?|بردارد|باشد|شود)\.$`)
	for key := range messageCount {
		fa, en := messagesFa[key], messagesEn[key]
		if fa == "" || en == "" {
			t.Errorf("message %d: got %q and %q, want a text in both", key, fa, en)
			continue
		}
		inFa, inEn := placeholder.FindAllString(fa, -1), placeholder.FindAllString(en, -1)
		slices.Sort(inFa)
		slices.Sort(inEn)
		if !slices.Equal(inFa, inEn) {
			t.Errorf("message %d: Persian has %v, English %v", key, inFa, inEn)
		}
		if !request.MatchString(fa) || strings.Count(en, ".") < 2 {
			t.Errorf("message %d does not say what to do: %q, %q", key, fa, en)
		}
	}
}

// TestRolesOfARank: a header's rank names roles of the machines.
func TestRolesOfARank(t *testing.T) {
	for rank, want := range map[uint8][]Role{0: nil, 5: {LocalTeam}, 10: {Facilitator}, 15: {Clinic, Steering}, 20: {TechnicalManager}, 40: {Province}, 41: nil} {
		if got := RolesOf(rank); !slices.Equal(got, want) {
			t.Errorf("rank %d: %v, want %v", rank, got, want)
		}
	}
}
