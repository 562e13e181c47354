package forms_test

import (
	"io/fs"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
)

// today is 2026-02-15, 26 Bahman 1404.
const today = 20_499

func load(t testing.TB) *schemas.Package {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func TestEmbeddedPackageLoads(t *testing.T) {
	pkg := load(t)
	names, err := fs.Glob(forms.Files(), "*.r*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("got %d form files, %v", len(names), err)
	}
	revisions := 0
	for _, form := range pkg.Forms() {
		for revision := range form.Revision {
			if _, ok := pkg.FormRevision(form.ID, revision+1); ok {
				revisions++
			}
		}
		if byName, ok := pkg.FormByName(form.Name); !ok || byName != form {
			t.Errorf("form %s is not found by its name", form.Name)
		}
	}
	if revisions != len(names) {
		t.Errorf("got %d revisions from %d files", revisions, len(names))
	}
}

// TestFilesLoadLikeTheEmbeddedPackage loads what travels to devices.
func TestFilesLoadLikeTheEmbeddedPackage(t *testing.T) {
	pkg, err := schemas.Load(forms.Files())
	if err != nil {
		t.Fatal(err)
	}
	if want := load(t); pkg.Version != want.Version || len(pkg.Forms()) != len(want.Forms()) {
		t.Errorf("got version %d with %d forms, want %d with %d", pkg.Version, len(pkg.Forms()), want.Version, len(want.Forms()))
	}
}

func TestEverythingHasAnEnglishLabel(t *testing.T) {
	pkg := load(t)
	missing := func(where string, text schemas.Text) {
		if text.En == "" {
			t.Errorf("%s has no English text", where)
		}
	}
	for _, form := range pkg.Forms() {
		missing(form.Name, form.Label)
		for _, section := range form.Sections {
			missing(form.Name+" section "+section.Name, section.Label)
		}
		for _, constraint := range form.Constraints {
			missing(form.Name+" rule "+constraint.Expr, constraint.Message)
		}
		for _, field := range form.Fields() {
			for _, one := range append([]*schemas.Field{field}, field.Fields...) {
				missing(form.Name+"."+one.Name, one.Label)
				if one.Hint.Fa != "" {
					missing(form.Name+"."+one.Name+" hint", one.Hint)
				}
				for _, constraint := range one.Constraints {
					missing(form.Name+"."+one.Name+" rule "+constraint.Expr, constraint.Message)
				}
			}
		}
	}
	for _, name := range pkg.Lists() {
		list, _ := pkg.List(name)
		missing(name, list.Label)
		for _, item := range list.Items {
			missing(name+"."+item.Code, item.Label)
		}
	}
}

// TestAnUnansweredFormBreaksNoRule holds that a new record is incomplete, not wrong:
// rules speak only once there is something to speak of.
func TestAnUnansweredFormBreaksNoRule(t *testing.T) {
	pkg := load(t)
	for _, form := range pkg.Forms() {
		empty := schemas.Record{Form: form.ID}
		for _, problem := range schemas.Validate(form, pkg, empty, schemas.Env{Today: today}) {
			if problem.Level == schemas.LevelError || problem.Rule == schemas.RuleExpression {
				t.Errorf("%s: %s: %s", form.Name, problem.Rule, problem.Message.En)
			}
		}
	}
}

// TestReferencesNameKnownForms allows forms that come later only where they are listed here.
func TestReferencesNameKnownForms(t *testing.T) {
	pkg := load(t)
	later := map[string]bool{}
	for _, form := range pkg.Forms() {
		for _, field := range form.Fields() {
			for _, one := range append([]*schemas.Field{field}, field.Fields...) {
				for _, target := range one.Forms {
					if _, ok := pkg.FormByName(target); !ok {
						later[target] = true
					}
				}
			}
		}
	}
	for target := range later {
		switch target {
		case "household":
		default:
			t.Errorf("no form %q", target)
		}
	}
}

// sensitiveAmongPersons is the one S3 answer that clinic and county read: of a household
// without name or address.
const sensitiveAmongPersons = "household_response.disability_types"

// TestNamesStayAmongPersons: what everybody at a place reads may refer to a person, but
// says nothing of one; exact harm, and what is sensitive of a named person, stand where
// only those read who work at the place.
func TestNamesStayAmongPersons(t *testing.T) {
	for _, form := range load(t).Forms() {
		for _, field := range form.Fields() {
			for _, one := range append([]*schemas.Field{field}, field.Fields...) {
				open := form.Compartment == schemas.CompartmentReference || form.Compartment == schemas.CompartmentPlain
				refers := one.Type == schemas.TypeReference || one.Type == schemas.TypeReferences || one.Type == schemas.TypeList
				switch {
				case open && one.Sensitivity > schemas.S2, open && one.Sensitivity == schemas.S2 && !refers:
					t.Errorf("%s.%s is %v and stands in %s", form.Name, one.Name, one.Sensitivity, form.Compartment)
				case one.Sensitivity == schemas.S4 && form.Compartment != schemas.CompartmentHarm:
					t.Errorf("%s.%s is %v and stands in %s", form.Name, one.Name, one.Sensitivity, form.Compartment)
				case one.Sensitivity == schemas.S3 && form.Compartment != schemas.CompartmentHarm && form.Name+"."+one.Name != sensitiveAmongPersons:
					t.Errorf("%s.%s is %v and stands in %s, which clinic and county read", form.Name, one.Name, one.Sensitivity, form.Compartment)
				case one.Sensitivity == schemas.S3 && form.Consent == 0:
					t.Errorf("%s.%s is %v, and the form asks no consent", form.Name, one.Name, one.Sensitivity)
				}
			}
		}
	}
}

// TestMoneyIsRial: an amount says its unit and is never negative.
func TestMoneyIsRial(t *testing.T) {
	found := 0
	for _, form := range load(t).Forms() {
		for _, field := range form.Fields() {
			for _, one := range append([]*schemas.Field{field}, field.Fields...) {
				if one.Type != schemas.TypeMoney {
					continue
				}
				if found++; one.Unit.Fa != "ریال" || one.Min.IsEmpty() || one.Min.Int() < 0 {
					t.Errorf("%s.%s has the unit %q and the least amount %v", form.Name, one.Name, one.Unit.Fa, one.Min)
				}
			}
		}
	}
	if found < 5 {
		t.Errorf("%d fields hold money", found)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := schemas.Load(forms.Files()); err != nil {
			b.Fatal(err)
		}
	}
}
