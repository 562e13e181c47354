package upgrade

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
)

const field = `{"id": %d, "name": %q, "type": %q, %s"label": {"fa": "ف", "en": "f"}, "sensitivity": "S0"}`

func form(revision int, fields ...string) *fstest.MapFile {
	return &fstest.MapFile{Data: fmt.Appendf(nil, `{"id": 7, "name": "demo", "revision": %d, "compartment": "plain", "kind": "record", "merge": "B",
		"label": {"fa": "نمونه"}, "sections": [{"name": "main", "label": {"fa": "اصلی"}, "fields": [%s]}]}`, revision, strings.Join(fields, ","))}
}

// threeRevisions: a count that was text in revision 1 is a number from 2 on; the
// rows' note moves in 3; the code "shop" of the form becomes "market" in 2; the list
// itself replaces "old" by "new".
func threeRevisions(t *testing.T) *schemas.Package {
	t.Helper()
	title := fmt.Sprintf(field, 10, "title", "text", "")
	kind := fmt.Sprintf(field, 13, "kind", "code", `"list": "KIND", `)
	kinds := fmt.Sprintf(field, 14, "kinds", "codes", `"list": "KIND", `)
	rows := func(columns ...string) string {
		return fmt.Sprintf(field, 20, "rows", "list", `"fields": [`+strings.Join(columns, ",")+`], `)
	}
	rowKind := fmt.Sprintf(field, 21, "kind", "code", `"list": "KIND", `)
	note, remark := fmt.Sprintf(field, 22, "note", "text", ""), fmt.Sprintf(field, 23, "remark", "long_text", "")
	pkg, err := schemas.Load(fstest.MapFS{
		"package.json": {Data: []byte(`{"version": 1}`)},
		"lists/KIND.json": {Data: []byte(`{"name": "KIND", "version": 2, "label": {"fa": "نوع"}, "items": [
			{"code": "shop", "fa": "مغازه"}, {"code": "market", "fa": "بازار"},
			{"code": "old", "fa": "کهنه", "replaced_by": "new"}, {"code": "new", "fa": "نو"}]}`)},
		"demo.r1.json": form(1, title, fmt.Sprintf(field, 11, "count_text", "text", ""), kind, kinds, rows(rowKind, note)),
		"demo.r2.json": form(2, title, fmt.Sprintf(field, 12, "count", "integer", ""), kind, kinds, rows(rowKind, note)),
		"demo.r3.json": form(3, title, fmt.Sprintf(field, 12, "count", "integer", ""), kind, kinds, rows(rowKind, remark)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func number(v schemas.Value) schemas.Value {
	n := int64(0)
	for _, r := range v.Text() {
		if r < '0' || r > '9' {
			return schemas.Value{}
		}
		n = n*10 + int64(r-'0')
	}
	return schemas.IntValue(n)
}

func demoTable(t *testing.T) *Table {
	t.Helper()
	table, err := NewTable(threeRevisions(t),
		Step{Form: 7, From: 1, Moves: []Move{{Old: 11, New: 12, Convert: number}}, Codes: []CodeChange{{List: "KIND", Old: "shop", New: "market"}}},
		Step{Form: 7, From: 2, Moves: []Move{{Old: 22, New: 23}}})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

type values map[schemas.FieldID]schemas.Value

func row(v values) schemas.Item { return schemas.Item{ID: schemas.ID{1}, Fields: v} }

func TestUpgrade(t *testing.T) {
	text, code, whole := schemas.TextValue, schemas.CodeValue, schemas.IntValue
	rows := []struct {
		name        string
		from, to    uint32
		given, want values
	}{
		{"one step", 1, 2, values{10: text("x"), 11: text("12")}, values{10: text("x"), 12: whole(12)}},
		{"chain", 1, 3, values{11: text("12"), 20: schemas.ItemsValue([]schemas.Item{row(values{21: code("shop"), 22: text("n")})})},
			values{12: whole(12), 20: schemas.ItemsValue([]schemas.Item{row(values{21: code("market"), 23: text("n")})})}},
		{"only the second step", 2, 3, values{12: whole(3), 13: code("shop")}, values{12: whole(3), 13: code("shop")}},
		{"code renamed by the form", 1, 2, values{13: code("shop"), 14: schemas.CodesValue("shop", "market")}, values{13: code("market"), 14: schemas.CodesValue("market")}},
		{"code replaced by its list", 2, 3, values{13: code("old"), 14: schemas.CodesValue("market", "old")}, values{13: code("new"), 14: schemas.CodesValue("market", "new")}},
		{"unknown code stays", 1, 3, values{13: code("ghost")}, values{13: code("ghost")}},
		{"what does not convert stays", 1, 2, values{11: text("a few")}, values{11: text("a few")}},
		{"a filled field is not overwritten", 1, 2, values{11: text("12"), 12: whole(5)}, values{11: text("12"), 12: whole(5)}},
		{"unknown field stays", 1, 3, values{900: text("later")}, values{900: text("later")}},
		{"same revision", 2, 2, values{11: text("12")}, values{11: text("12")}},
		{"newer than asked", 3, 2, values{13: code("old")}, values{13: code("old")}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			given := schemas.Record{Form: 7, Fields: row.given}
			before := given.Clone()
			got := demoTable(t).Upgrade(given, row.from, row.to)
			if want := (schemas.Record{Form: 7, Fields: row.want}); !got.Equal(want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if !given.Equal(before) {
				t.Errorf("the record given was changed to %+v", given)
			}
		})
	}
}

func TestUnknownFormIsPassedOn(t *testing.T) {
	record := schemas.Record{Form: 99, Fields: values{11: schemas.TextValue("12")}}
	if got := demoTable(t).Upgrade(record, 1, 3); !got.Equal(record) {
		t.Errorf("got %+v, want %+v", got, record)
	}
}

func TestBadSteps(t *testing.T) {
	rows := []struct {
		name  string
		steps []Step
		want  string
	}{
		{"no such form", []Step{{Form: 9, From: 1}}, "no such revision"},
		{"no next revision", []Step{{Form: 7, From: 3}}, "no revision 4"},
		{"twice", []Step{{Form: 7, From: 1}, {Form: 7, From: 1}}, "two steps"},
		{"unknown field", []Step{{Form: 7, From: 1, Moves: []Move{{Old: 99, New: 12}}}}, "move of field 99"},
		{"field that stays", []Step{{Form: 7, From: 1, Moves: []Move{{Old: 10, New: 12, Convert: number}}}}, "still stands"},
		{"kinds that differ", []Step{{Form: 7, From: 1, Moves: []Move{{Old: 11, New: 12}}}}, "text does not fit integer"},
		{"out of the rows", []Step{{Form: 7, From: 2, Moves: []Move{{Old: 22, New: 10}}}}, "different rows"},
		{"unknown list", []Step{{Form: 7, From: 1, Codes: []CodeChange{{List: "X"}}}}, `no list "X"`},
		{"unknown code", []Step{{Form: 7, From: 1, Codes: []CodeChange{{List: "KIND", Old: "shop", New: "mall"}}}}, `"mall" is not in list KIND`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := NewTable(threeRevisions(t), row.steps...)
			if !errors.Is(err, ErrBadStep) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

func TestDefaultFitsTheForms(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Default(pkg); err != nil {
		t.Error(err)
	}
}
