package access

import (
	"maps"
	"slices"
	"testing"

	"mahalleh/schemas/forms"
)

// Whoever may write in a compartment may read there: sessions tell results by it.
func TestWhoWritesReads(t *testing.T) {
	for _, r := range rules {
		for c, rights := range r.below {
			if rights&Write != 0 && rights&Read == 0 {
				t.Errorf("%s writes in %s and does not read there", r.role, c)
			}
		}
	}
}

// TestWhoReadsWhat holds the table of roles against the description's table of default
// scopes, read apart from it: what does not stand here is denied.
func TestWhoReadsWhat(t *testing.T) {
	want := map[Role][]string{
		LocalTeam:        {"reference", "plain"},
		Facilitator:      {"reference", "plain", "persons", "harm"},
		Steering:         {"reference", "plain"},
		Clinic:           {"reference", "plain", "persons"},
		TechnicalManager: {"reference", "plain", "persons", "harm"},
		County:           {"reference", "plain", "persons"},
		Province:         {"reference", "plain"},
		National:         {"reference"},
	}
	for _, r := range rules {
		var reads []string
		for c, rights := range r.below {
			if rights&Read != 0 {
				reads = append(reads, c)
			}
		}
		slices.Sort(reads)
		if allowed := slices.Sorted(slices.Values(want[r.role])); !slices.Equal(reads, allowed) {
			t.Errorf("%s reads %v, want %v", r.role, reads, allowed)
		}
		delete(want, r.role)
	}
	if len(want) > 0 {
		t.Errorf("no rule for %v", slices.Collect(maps.Keys(want)))
	}
}

// TestFormsStandWhereRolesAre: a form in a compartment that the table does not know
// could be written nowhere.
func TestFormsStandWhereRolesAre(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range pkg.Forms() {
		if !slices.Contains(Compartments, string(form.Compartment)) {
			t.Errorf("form %s stands in %q, which places do not have", form.Name, form.Compartment)
		}
	}
}
