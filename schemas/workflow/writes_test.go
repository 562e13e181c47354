package workflow

import (
	"slices"
	"testing"

	"mahalleh/schemas"
)

// TestStepsAreOfThoseWhoWrite: whoever may take a step may write its form; a step of
// somebody who may not would be refused by the one table and offered by the other.
func TestStepsAreOfThoseWhoWrite(t *testing.T) {
	all := allForms(t)
	for _, m := range Machines() {
		form, ok := all.FormByName(m.Form)
		if !ok {
			t.Fatalf("there is no form %s", m.Form)
		}
		for _, s := range m.Steps {
			for _, who := range s.Who {
				if only := Writes(who); only != nil && !slices.Contains(only, form.ID) {
					t.Errorf("%s takes %s from %s to %s and may not write it", who, m.Form, s.From, s.To)
				}
			}
		}
	}
}

// TestDevicesKnowWhoWrites: a device asks by rank and by where else somebody writes.
// It lets nobody write less than their roles do, alone and two together, and refuses
// what a role alone may not write, but for a committee's activities.
func TestDevicesKnowWhoWrites(t *testing.T) {
	type row struct {
		role               Role
		reference, persons bool
	}
	rows := []row{{LocalTeam, false, false}, {Facilitator, true, true}, {Steering, false, false}, {Clinic, false, true},
		{TechnicalManager, true, true}, {County, true, false}, {Province, true, false}}
	may := func(r Role, f schemas.FormID) bool { only := Writes(r); return only == nil || slices.Contains(only, f) }
	for _, form := range allForms(t).Forms() {
		for _, a := range rows {
			for _, b := range rows {
				got := MayWriteBy(max(ranks[a.role], ranks[b.role]), a.reference || b.reference, a.persons || b.persons, form.ID)
				want := may(a.role, form.ID) || may(b.role, form.ID)
				if want && !got {
					t.Errorf("%s and %s are kept from %s", a.role, b.role, form.Name)
				}
				if a == b && got && !want && (a.role != Steering || form.Name != "activity") {
					t.Errorf("%s is let write %s", a.role, form.Name)
				}
			}
		}
	}
}
