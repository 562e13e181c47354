package forms

import (
	"slices"
	"testing"

	"mahalleh/schemas"
)

// sensitiveFields are all fields of class S3 and above of forms that record people, the
// columns of their lists too, by form.
func sensitiveFields(t *testing.T, pkg *schemas.Package) map[*schemas.Form][]*schemas.Field {
	t.Helper()
	all, n := map[*schemas.Form][]*schemas.Field{}, 0
	for _, form := range pkg.Forms() {
		for _, f := range form.Fields() {
			for _, one := range append([]*schemas.Field{f}, f.Fields...) {
				if one.Type != schemas.TypeList && one.Stored() && (one.Sensitivity == schemas.S3 || one.Sensitivity > schemas.S3 && form.Consent != 0) {
					all[form] = append(all[form], one)
					n++
				}
			}
		}
	}
	if n < 4 {
		t.Fatalf("only %d sensitive fields", n)
	}
	return all
}

// anyValue is some value of a field.
func anyValue(t *testing.T, pkg *schemas.Package, f *schemas.Field) schemas.Value {
	t.Helper()
	kind, _ := f.Type.ValueKind()
	id := schemas.ID{1, 2, 3}
	switch kind {
	case schemas.KindText:
		return schemas.TextValue("دیابت")
	case schemas.KindInt:
		return schemas.IntValue(2)
	case schemas.KindDecimal:
		return schemas.DecimalValue(schemas.IntValue(2).Decimal())
	case schemas.KindBool:
		return schemas.BoolValue(true)
	case schemas.KindDate:
		return schemas.DateValue(20_000)
	case schemas.KindRef:
		return schemas.RefValue(id)
	case schemas.KindRefs:
		return schemas.RefsValue(id)
	case schemas.KindCode, schemas.KindCodes:
		list, ok := pkg.List(f.List)
		if !ok {
			t.Fatalf("no list %s", f.List)
		}
		if kind == schemas.KindCode {
			return schemas.CodeValue(list.Items[0].Code)
		}
		return schemas.CodesValue(list.Items[0].Code)
	}
	t.Fatalf("no value for %s of type %s", f.Name, f.Type)
	return schemas.Value{}
}

// TestSensitiveFieldsNeedConsent: of every form, each field of class S3 keeps the record a
// draft as long as the consent is empty, or is a no; in rows of lists as well, and also
// where the form does not ask for it any more. With the consent nothing is said.
func TestSensitiveFieldsNeedConsent(t *testing.T) {
	pkg, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for form, fields := range sensitiveFields(t, pkg) {
		consent, ok := form.Field(form.Consent)
		if !ok {
			t.Errorf("%s holds %s and asks for no consent", form.Name, fields[0].Name)
			continue
		}
		for _, f := range fields {
			v := anyValue(t, pkg, f)
			record := schemas.Record{Form: form.ID, Fields: map[schemas.FieldID]schemas.Value{f.ID: v}}
			if f.Parent != 0 {
				record.Fields = map[schemas.FieldID]schemas.Value{f.Parent: schemas.ItemsValue([]schemas.Item{{ID: schemas.ID{9}, Fields: map[schemas.FieldID]schemas.Value{f.ID: v}}})}
			}
			refused := func() bool {
				a := schemas.Assess(form, pkg, record, exampleEnv(t))
				named := slices.ContainsFunc(a.Problems, func(p schemas.Problem) bool {
					return p.Field == consent.ID && p.Rule == schemas.RuleConsent && p.Level == schemas.LevelError && p.Message.Fa != "" && p.Message.En != ""
				})
				if named == form.Consented(record) || named && a.Sendable() {
					t.Errorf("%s.%s: named %v, consented %v, sendable %v", form.Name, f.Name, named, form.Consented(record), a.Sendable())
				}
				return named
			}
			if !refused() {
				t.Errorf("%s.%s is kept without consent", form.Name, f.Name)
			}
			if consent.Type == schemas.TypeBoolean {
				record.Fields[consent.ID] = schemas.BoolValue(false)
				if !refused() {
					t.Errorf("%s.%s is kept though consent was refused", form.Name, f.Name)
				}
			}
			record.Fields[consent.ID] = anyValue(t, pkg, consent)
			if refused() {
				t.Errorf("%s.%s is refused with consent", form.Name, f.Name)
			}
		}
	}
}
