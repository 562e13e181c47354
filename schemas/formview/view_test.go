package formview_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
)

func formNamed(t testing.TB, p *schemas.Package, name string) *schemas.Form {
	t.Helper()
	form, ok := p.FormByName(name)
	if !ok {
		t.Fatalf("there is no form %s", name)
	}
	return form
}

// set gives a form values by the names of its fields.
func set(t testing.TB, p *schemas.Package, form *schemas.Form, json string) map[schemas.FieldID]schemas.Value {
	t.Helper()
	r, err := schemas.DecodeJSON(form, p, []byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return r.Fields
}

func field(t testing.TB, f *formview.Form, path string) *formview.Field {
	t.Helper()
	found, ok := f.Field(path)
	if !ok {
		t.Fatalf("there is no field %s", path)
	}
	return found
}

// Consent is asked before what is personal, and before it is given nothing that the
// law protects can be filled in.
func TestConsentComesFirst(t *testing.T) {
	p := testForms(t)
	tell := teller(t, p, texts.Persian)
	for _, form := range p.Forms() {
		if form.Consent == 0 {
			continue
		}
		consent, _ := form.Field(form.Consent)
		before := true
		for _, f := range fieldsOf(aForm{form: form}.draw(tell)) {
			if f.Name == consent.Name {
				before = false
				continue
			}
			of, ok := form.FieldByName(f.Name)
			if ok && before && of.Sensitivity >= schemas.S2 && !strings.Contains(consent.Relevant, "${"+of.Name+"}") {
				t.Errorf("%s.%s is asked before the consent", form.Name, f.Name)
			}
		}
	}
	form := formNamed(t, p, "household_response")
	values := set(t, p, form, `{"disabled": 1}`)
	if f := field(t, aForm{form: form, values: values}.draw(tell), "disability_types"); f.Consent != "f-consent-c-yes" {
		t.Errorf("disability is asked without consent: %+v", f)
	}
	values = set(t, p, form, `{"disabled": 1, "consent": true}`)
	if f := field(t, aForm{form: form, values: values}.draw(tell), "disability_types"); f.Consent != "" || len(f.Options) == 0 {
		t.Errorf("disability is not asked with consent: %+v", f)
	}
}

// Amounts and dates are written out beside what was typed, so that a slip is seen.
func TestWhatWasTypedIsReadBackInWords(t *testing.T) {
	p := testForms(t)
	tell := teller(t, p, texts.Persian)
	form := formNamed(t, p, "action_plan")
	f := field(t, aForm{form: form, values: set(t, p, form, `{"budget_rial": 220000000}`)}.draw(tell), "budget_rial")
	if f.Text != "۲۲۰۰۰۰۰۰" || f.Shown != "بیست‌ودو میلیون تومان" {
		t.Errorf("the amount is %q, in words %q", f.Text, f.Shown)
	}
	form = formNamed(t, p, "dossier")
	f = field(t, aForm{form: form, values: set(t, p, form, `{"assigned_on": "1404/10/26"}`)}.draw(tell), "assigned_on")
	if f.Text != "۱۴۰۴/۱۰/۲۶" || f.Shown != "جمعه، ۲۶ دی ۱۴۰۴" {
		t.Errorf("the day is %q, in words %q", f.Text, f.Shown)
	}
}

// A text that is no date stays as it is, and the dates that it may mean are offered.
func TestDatesThatMayBeMeant(t *testing.T) {
	p := testForms(t)
	tell := teller(t, p, texts.English)
	form := formNamed(t, p, "dossier")
	typed := func(f *schemas.Field, _ int) string {
		if f.Name == "assigned_on" {
			return "04/10/26"
		}
		return ""
	}
	f := field(t, aForm{form: form, source: formview.Source{Typed: typed}}.draw(tell), "assigned_on")
	if f.Text != "04/10/26" || len(f.Meant) == 0 || f.Meant[0].Text != "1404/10/26" {
		t.Errorf("typed %q may mean %v", f.Text, f.Meant)
	}
}

// A list of codes that hangs below another is shown below the code that was chosen.
func TestChoicesHangBelowWhatWasChosen(t *testing.T) {
	p := testForms(t)
	tell := teller(t, p, texts.English)
	form := formNamed(t, p, "asset")
	all := field(t, aForm{form: form}.draw(tell), "subtype")
	some := field(t, aForm{form: form, values: set(t, p, form, `{"category": "economic"}`)}.draw(tell), "subtype")
	if len(some.Options) == 0 || len(some.Options) >= len(all.Options) {
		t.Errorf("%d of %d are shown", len(some.Options), len(all.Options))
	}
	// What stands there is shown also if it does not hang there.
	wrong := field(t, aForm{form: form, values: set(t, p, form, `{"category": "economic", "subtype": "hall"}`)}.draw(tell), "subtype")
	if wrong.Chosen == "" || !wrong.Options[0].Chosen || wrong.Options[0].Text != "hall" {
		t.Errorf("the code that stands there is not shown: %+v", wrong.Options[0])
	}
}

// Codes are found by any spelling: ye and ke of either alphabet, with the joiner or
// without.
func TestCodesAreFoundByAnySpelling(t *testing.T) {
	p := testForms(t)
	tell := teller(t, p, texts.Persian)
	f, _ := formNamed(t, p, "asset").FieldByName("subtype")
	for _, text := range []string{"کتابخانه", "كتابخانه", "کتاب"} {
		if found := tell.FindCodes(f, text); len(found.Choices) == 0 || found.Choices[0].Text != "library" {
			t.Errorf("%q finds %v", text, found.Choices)
		}
	}
	if found := tell.FindCodes(f, "چیزی که نیست"); len(found.Choices) != 0 {
		t.Errorf("nothing finds %v", found.Choices)
	}
}

// The grid of a month stands on its days of the week, and ends where the calendar does.
func TestMonth(t *testing.T) {
	tell := teller(t, testForms(t), texts.Persian)
	at, ok := formview.ReadMonth("1403/12")
	if !ok {
		t.Fatal("the month cannot be read")
	}
	m, ok := tell.MonthOf(at, at, at+29)
	if !ok || m.Title != "اسفند ۱۴۰۳" || m.Before != "1403/11" || m.After != "1404/01" || m.YearAfter != "1404/12" {
		t.Fatalf("the month is %+v", m)
	}
	days, chosen := 0, ""
	for _, week := range m.Weeks {
		if len(week) != 7 {
			t.Errorf("a week has %d days", len(week))
		}
		for i, day := range week {
			if day.N == "" {
				continue
			}
			days++
			if day.Chosen {
				chosen = day.Text
			}
			if date, err := jalali.Parse(day.Text); err != nil || int(date.Weekday()) != i {
				t.Errorf("%s stands under day %d, %v", day.Text, i, err)
			}
		}
	}
	if days != 30 || chosen != "۱۴۰۳/۱۲/۳۰" {
		t.Errorf("the month has %d days, chosen is %s", days, chosen)
	}
	last, _ := formview.ReadMonth("1450/12")
	if m, ok := tell.MonthOf(last, at, at); !ok || m.After != "" || m.YearAfter != "" || m.Before == "" {
		t.Errorf("the last month leads to %+v", m)
	}
}

// sixtyFields is a form of sixty fields of all kinds, half of them asked only because
// of others, with a list of four rows.
func sixtyFields(t testing.TB) (*schemas.Package, *schemas.Form, map[schemas.FieldID]schemas.Value) {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(forms.Files(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(forms.Files(), name)
		files[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{`"type": "integer", "min": 0, "max": 1000`, `"type": "text"`, `"type": "code", "list": "NEEDCAT"`, `"type": "boolean"`,
		`"type": "date"`, `"type": "money"`, `"type": "codes", "list": "DISABILITY"`, `"type": "long_text"`, `"type": "code", "list": "SEX"`, `"type": "decimal"`, `"type": "point"`}
	var fields, values []string
	for i := range 56 {
		relevant := ""
		if i%2 == 1 {
			relevant = fmt.Sprintf(`"relevant": "${f%d} != ''", `, i-1)
		}
		fields = append(fields, fmt.Sprintf(`{"id": %d, "name": "f%d", "label": {"fa": "پرسش %d", "en": "Question %d"}, "required": "submit", "sensitivity": "S1", %s%s}`, 10+i, i, i, i, relevant, kinds[i%len(kinds)]))
		values = append(values, fmt.Sprintf(`"f%d": %s`, i, []string{`12`, `"سالن ورزشی"`, `"health"`, `true`, `"1404/10/26"`, `22000000`, `[]`, `"شرح"`, `"female"`, `2.5`, `{"lat": 37.25, "lon": 49.61}`}[i%len(kinds)]))
	}
	fields = append(fields, `{"id": 100, "name": "rows", "type": "list", "label": {"fa": "ردیف‌ها", "en": "Rows"}, "sensitivity": "S1", "fields": [
		{"id": 101, "name": "a", "type": "text", "label": {"fa": "الف", "en": "A"}, "required": "always", "sensitivity": "S1"},
		{"id": 102, "name": "b", "type": "integer", "label": {"fa": "ب", "en": "B"}, "sensitivity": "S1"},
		{"id": 103, "name": "c", "type": "code", "list": "SEX", "label": {"fa": "پ", "en": "C"}, "sensitivity": "S1"}]}`)
	values = append(values, `"rows": [{"a": "یک", "b": 1}, {"a": "دو", "b": 2}, {"a": "سه", "b": 3}, {"a": "چهار", "b": 4}]`)
	files["sixty.r1.json"] = &fstest.MapFile{Data: []byte(`{"id": 9000, "name": "sixty", "revision": 1, "compartment": "plain", "kind": "record", "merge": "B",
		"label": {"fa": "شصت", "en": "Sixty"}, "title": ["f1"], "sections": [{"name": "main", "label": {"fa": "اصلی", "en": "Main"}, "fields": [` + strings.Join(fields, ",\n") + `]}]}`)}
	p, err := schemas.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	form := formNamed(t, p, "sixty")
	return p, form, set(t, p, form, "{"+strings.Join(values, ",")+"}")
}

// BenchmarkSixtyFields takes apart what every field that is left costs with a form of
// 60 fields: judging and drawing it, and writing the whole page, of which a script is
// sent the parts that changed.
func BenchmarkSixtyFields(b *testing.B) {
	p, form, values := sixtyFields(b)
	tell := teller(b, p, texts.Persian)
	x := aForm{form: form, values: values}
	b.Run("evaluate", func(b *testing.B) {
		for b.Loop() {
			x.draw(tell)
		}
	})
	b.Run("write", func(b *testing.B) {
		pages := formTemplates(b)
		f := x.draw(tell)
		for b.Loop() {
			var page bytes.Buffer
			if err := pages.Part(&page, "form_body", &formview.Page{Words: tell.Words, Name: "form", Data: f}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(fieldsOf(f))), "fields")
	})
}
