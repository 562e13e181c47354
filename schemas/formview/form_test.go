package formview_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mahalleh/schemas"
	"mahalleh/schemas/expr"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
)

// aForm is a form being filled in, drawn for tests.
type aForm struct {
	form   *schemas.Form
	values map[schemas.FieldID]schemas.Value
	source formview.Source // what a test adds
}

var testDay = func() jalali.Day {
	day, err := jalali.ParseISO("2026-02-15")
	if err != nil {
		panic(err)
	}
	return day
}()

func testForms(t testing.TB) *schemas.Package {
	t.Helper()
	p, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func teller(t testing.TB, p *schemas.Package, lang texts.Lang) *formview.Teller {
	t.Helper()
	w, err := formview.NewWords(lang)
	if err != nil {
		t.Fatal(err)
	}
	return &formview.Teller{Words: w, Lists: p}
}

func (x aForm) draw(tell *formview.Teller) *formview.Form {
	record := schemas.Record{Form: x.form.ID, Fields: x.values}
	env := schemas.Env{Today: int32(testDay), TestMode: true}
	s := x.source
	s.Form, s.Values = x.form, record
	s.Assessment = schemas.Assess(x.form, tell.Lists, record, env)
	s.Problems = s.Assessment.Problems
	s.Offers = schemas.Prefill(x.form, tell.Lists, record, env)
	return formview.Draw(tell, s)
}

// show writes a drawn form as a page does.
func show(t testing.TB, tell *formview.Teller, f *formview.Form) string {
	t.Helper()
	var b bytes.Buffer
	if err := formTemplates(t).Part(&b, "form_body", &formview.Page{Words: tell.Words, Name: "form", Data: f}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func formTemplates(t testing.TB) *formview.Templates {
	t.Helper()
	pages, err := formview.ParseTemplates(fstest.MapFS{"form.html": {Data: []byte(`{{define "content"}}{{end}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// element is one element of a page, with the text inside it.
type element struct {
	tag    string
	attrs  map[string]string
	text   string
	parent *element
}

func elements(t testing.TB, page string) []*element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader("<page>" + page + "</page>"))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var all []*element
	var open *element
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{tag: token.Name.Local, attrs: map[string]string{}, parent: open}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			all, open = append(all, e), e
		case xml.CharData:
			for e := open; e != nil; e = e.parent {
				e.text += string(token)
			}
		case xml.EndElement:
			open = open.parent
		}
	}
}

// Every field of every form that is asked has exactly one control with one label,
// in both languages, empty and filled; every field that is not asked has its place.
func TestEveryAskedFieldHasOneLabelledControl(t *testing.T) {
	p := testForms(t)
	for _, lang := range []texts.Lang{texts.Persian, texts.English} {
		tell := teller(t, p, lang)
		for _, form := range p.Forms() {
			without := filled(p, form)
			for _, f := range form.Fields() { // nobody refused, nobody consented
				if f.Type == schemas.TypeBoolean || f.ID == form.Consent {
					delete(without, f.ID)
				}
			}
			for name, values := range map[string]map[schemas.FieldID]schemas.Value{"empty": {}, "filled": filled(p, form), "without consent": without} {
				t.Run(fmt.Sprintf("%s/%s/%s", form.Name, lang, name), func(t *testing.T) {
					f := aForm{form: form, values: values}.draw(tell)
					page := elements(t, show(t, tell, f))
					wellFormed(t, page)
					for _, field := range fieldsOf(f) {
						oneControl(t, page, field)
					}
				})
			}
		}
	}
}

func fieldsOf(f *formview.Form) []*formview.Field {
	var all []*formview.Field
	for _, s := range f.Sections {
		for _, field := range s.Fields {
			all = append(all, field)
			for _, row := range field.Rows {
				all = append(all, row.Fields...)
			}
		}
	}
	return all
}

// wellFormed holds that ids are unique and that what points to an element finds it.
func wellFormed(t *testing.T, page []*element) {
	t.Helper()
	ids := map[string]int{}
	for _, e := range page {
		if id := e.attrs["id"]; id != "" {
			ids[id]++
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %s stands %d times", id, n)
		}
	}
	for _, e := range page {
		for _, attr := range []string{"for", "aria-describedby", "aria-labelledby", "data-gps", "data-calendar"} {
			for _, id := range strings.Fields(e.attrs[attr]) {
				if ids[id] == 0 {
					t.Errorf("%s of %s points to %s, which is not there", attr, e.tag, id)
				}
			}
		}
		if to, ok := strings.CutPrefix(e.attrs["href"], "#"); ok && ids[to] == 0 {
			t.Errorf("a link leads to %s, which is not there", to)
		}
		if strings.Contains(e.text, "view_form.") {
			t.Errorf("a text is missing: %q", e.text)
		}
	}
}

func oneControl(t *testing.T, page []*element, field *formview.Field) {
	t.Helper()
	named, place := map[string]int{}, 0
	for _, e := range page {
		if e.attrs["id"] == field.ID {
			place++
		}
		if e.attrs["name"] == field.Path && e.attrs["type"] != "hidden" {
			named[e.attrs["type"]+e.tag]++
		}
	}
	if place != 1 {
		t.Errorf("%s has %d places on the page", field.Path, place)
	}
	has := func(tag, attr, value string) (n int, text string) {
		for _, e := range page {
			if e.tag == tag && e.attrs[attr] == value {
				n, text = n+1, text+e.text
			}
		}
		return n, strings.TrimSpace(text)
	}
	legends := 0
	for _, e := range page {
		if e.tag == "legend" && e.parent.attrs["id"] == field.ID && strings.Contains(e.text, field.Label) {
			legends++
		}
	}
	switch {
	case !field.Asked, field.Consent != "", field.Widget == formview.WidgetFiles, field.Widget == formview.WidgetRead, field.Widget == formview.WidgetRows:
		if len(named) > 0 {
			t.Errorf("%s is not to be filled and has the controls %v", field.Path, named)
		}
		if field.Asked && field.Widget == formview.WidgetRows && legends != 1 {
			t.Errorf("the rows of %s have %d legends", field.Path, legends)
		}
	case field.Grouped():
		if legends != 1 {
			t.Errorf("%s has %d legends", field.Path, legends)
		}
		if len(named) > 1 {
			t.Errorf("%s has the controls %v", field.Path, named)
		}
		for _, o := range field.Options {
			if n, text := has("input", "id", o.ID); n != 1 {
				t.Errorf("%s has %d controls for %s (%s)", field.Path, n, o.Text, text)
			}
		}
	default:
		if len(named) != 1 || slices.Max(slices.Collect(maps.Values(named))) != 1 {
			t.Errorf("%s has the controls %v", field.Path, named)
		}
		if n, text := has("label", "for", field.Control); n != 1 || !strings.Contains(text, field.Label) {
			t.Errorf("%s has %d labels: %q", field.Path, n, text)
		}
	}
	if was, _ := has("input", "name", "was:"+field.Path); was != 1 && len(named) > 0 {
		t.Errorf("%s does not say what it showed", field.Path)
	}
}

// filled gives every field of a form a value of its type, lists two rows.
func filled(p *schemas.Package, form *schemas.Form) map[schemas.FieldID]schemas.Value {
	values := map[schemas.FieldID]schemas.Value{}
	for _, f := range form.Fields() {
		if v := some(p, f); !v.IsEmpty() {
			values[f.ID] = v
		}
	}
	return values
}

func some(p *schemas.Package, f *schemas.Field) schemas.Value {
	place := func(n int32) schemas.Point {
		return schemas.Point{LatE7: 37_2500000 + n%2*10000, LonE7: 49_6100000 + n/2*10000, AccuracyDM: 80}
	}
	switch f.Type {
	case schemas.TypeText, schemas.TypeLongText:
		return schemas.TextValue("سالن ورزشی")
	case schemas.TypeInteger, schemas.TypeCounter:
		return schemas.IntValue(3)
	case schemas.TypeMoney:
		return schemas.IntValue(220_000_005)
	case schemas.TypeDecimal:
		return schemas.DecimalValue(expr.Decimal{Mantissa: 25, Scale: 1})
	case schemas.TypeDate:
		return schemas.DateValue(int32(testDay))
	case schemas.TypeJalaliYear:
		return schemas.IntValue(1404)
	case schemas.TypeBoolean:
		return schemas.BoolValue(true)
	case schemas.TypeCode, schemas.TypeState:
		list, _ := p.List(f.List)
		return schemas.CodeValue(list.Items[len(list.Items)-1].Code)
	case schemas.TypeCodes:
		list, _ := p.List(f.List)
		return schemas.CodesValue(list.Items[0].Code, list.Items[1].Code)
	case schemas.TypeReference:
		return schemas.RefValue(schemas.ID{1})
	case schemas.TypeReferences:
		return schemas.RefsValue(schemas.ID{1}, schemas.ID{2})
	case schemas.TypePoint:
		return schemas.PointValue(place(0))
	case schemas.TypePolygon:
		return schemas.PolygonValue([]schemas.Point{place(0), place(1), place(3), place(2), place(0)})
	case schemas.TypeAttachment:
		return schemas.AttachmentsValue(schemas.Attachment{ID: schemas.ID{3}, Size: 90_000, MediaType: "image/jpeg"})
	case schemas.TypeList:
		rows := make([]schemas.Item, 2)
		for i := range rows {
			rows[i].Fields = map[schemas.FieldID]schemas.Value{}
			for _, column := range f.Fields {
				if v := some(p, column); !v.IsEmpty() {
					rows[i].Fields[column.ID] = v
				}
			}
		}
		return schemas.ItemsValue(rows)
	}
	return schemas.Value{}
}

// What stands in a control is read back as the value that it was written from.
func TestTypedIsReadBack(t *testing.T) {
	p := testForms(t)
	for _, lang := range []texts.Lang{texts.Persian, texts.English} {
		tell := teller(t, p, lang)
		for _, form := range p.Forms() {
			for _, f := range form.Fields() {
				for _, f := range append([]*schemas.Field{f}, f.Fields...) {
					v := some(p, f)
					if f.Type == schemas.TypeList || f.Type == schemas.TypeAttachment || v.IsEmpty() {
						continue
					}
					text := tell.Typed(f, v)
					if back, err := schemas.ParseTyped(form, p, f, text); err != nil || !back.Equal(v) {
						t.Errorf("%s.%s: %q was read as %v, %v", form.Name, f.Name, text, back, err)
					}
				}
			}
		}
	}
}
