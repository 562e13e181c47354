package formview_test

import (
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

// stands tells of each section that is asked its name, whether it is open, and how it
// stands.
func stands(f *formview.Form) string {
	var all []string
	for _, s := range f.Sections {
		if !s.Asked {
			continue
		}
		open := ""
		if s.Open {
			open = "+"
		}
		all = append(all, open+strings.TrimPrefix(s.ID, "s-")+" "+s.State())
	}
	return strings.Join(all, ", ")
}

// A long form is opened where something is left to do, and where something must be
// mended; a short one shows all it asks.
func TestLongFormsFold(t *testing.T) {
	p := testForms(t)
	tell := teller(t, p, texts.English)
	household := formNamed(t, p, "household_response")
	block := `"block_id": "019bc6a0-0001-7000-8000-000000000001", "household_no": 4`
	for _, test := range []struct {
		name, values string
		strict       bool
		want         string
	}{
		{"begun", `{}`, false, "+main part, respondent part, members part, living free, needs part, participation part, time free"},
		{"its first part is filled in", `{` + block + `, "consent": true}`, false,
			"main done, +respondent part, members part, living free, needs part, participation part, time free"},
		{"a mistake elsewhere", `{` + block + `, "consent": true, "size": 2, "children_u18": 5}`, false,
			"main done, +respondent part, +members wrong, living free, needs part, participation part, time free"},
		{"it was to be saved", `{` + block + `, "consent": true}`, true,
			"main done, +respondent wrong, +members wrong, living free, +needs wrong, +participation wrong, time free"},
		{"refused: nothing is left to do", `{` + block + `, "refused": true}`, false, "main done, +time free"},
	} {
		x := aForm{form: household, values: set(t, p, household, test.values)}
		x.source.Strict = test.strict
		f := x.draw(tell)
		if got := stands(f); got != test.want || !f.Folds {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
		if at, want := f.FirstWrong(), strings.Contains(test.want, "wrong"); (at != "") != want {
			t.Errorf("%s: the first to be mended is %q", test.name, at)
		}
	}
	if (aForm{form: formNamed(t, p, "asset")}).draw(tell).Folds {
		t.Error("a short form folds")
	}
}

// Each section leads to the next that is asked, and is sent again when that is
// another, whether it is open or not.
func TestSectionsLeadOn(t *testing.T) {
	p := testForms(t)
	tell := teller(t, p, texts.English)
	household := formNamed(t, p, "household_response")
	before, after := aForm{form: household}.draw(tell), aForm{form: household, values: set(t, p, household, `{"refused": true}`)}.draw(tell)
	if next := before.Sections[0].Next; next == nil || next.ID != "s-respondent" {
		t.Errorf("the first leads to %+v", next)
	}
	if next := after.Sections[0].Next; next == nil || next.ID != "s-time" {
		t.Errorf("after a refusal the first leads to %+v", next)
	}
	shows := func(f *formview.Form, id string) string {
		parts := f.Parts()
		i := slices.IndexFunc(parts, func(x formview.Part) bool { return x.ID == id })
		return parts[i].Shows
	}
	for _, id := range []string{"s-main-n", "s-respondent", "f-respondent_sex"} {
		if shows(before, id) == shows(after, id) {
			t.Errorf("%s is not sent again", id)
		}
	}
}

// What the program writes itself has no place among the questions.
func TestWhatTheProgramWritesIsNotAsked(t *testing.T) {
	p := testForms(t)
	dossier := formNamed(t, p, "dossier")
	f := aForm{form: dossier, values: set(t, p, dossier, `{"snapshot_number": 3}`)}.draw(teller(t, p, texts.English))
	if s := f.Sections[3]; s.ID != "s-snapshot" || s.Asked || field(t, f, "snapshot_number").Asked {
		t.Errorf("the snapshot is asked: %+v", s)
	}
}
