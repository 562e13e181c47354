package schemas

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// sixtyFields writes a form of 60 fields: 40 numbers, each with relevance and a
// constraint, 8 computed, 4 texts, 4 codes, a date, a point, a polygon and a list.
func sixtyFields() string {
	var fields []string
	add := func(format string, args ...any) {
		id := len(fields) + 10
		fields = append(fields, fmt.Sprintf(`{"id": %d, "label": {"fa": "ف", "en": "f"}, "sensitivity": "S0", `, id)+fmt.Sprintf(format, args...)+"}")
	}
	for i := range 40 {
		add(`"name": "n%d", "type": "integer", "required": "submit", "min": 0, "max": 100000, "relevant": "${t0} != '' and ${n%d} >= 0",
			"constraints": [{"expr": ". <= ${n0} * 2 + %d", "level": "error", "message": {"fa": "م"}}]`, i+1, i, i)
	}
	fields[0] = `{"id": 10, "name": "n0", "type": "integer", "label": {"fa": "ف"}, "sensitivity": "S0"}`
	for i := 1; i < 40; i++ {
		fields[i] = strings.Replace(fields[i], fmt.Sprintf(`"name": "n%d"`, i+1), fmt.Sprintf(`"name": "n%d"`, i), 1)
		fields[i] = strings.Replace(fields[i], fmt.Sprintf("${n%d}", i), fmt.Sprintf("${n%d}", i-1), 1)
	}
	for i := range 8 {
		add(`"name": "c%d", "type": "computed", "result": "decimal", "calculate": "round((${n%d} + ${n%d}) div 3 * 100, 2)"`, i, i, i+1)
	}
	for i := range 4 {
		add(`"name": "t%d", "type": "text", "pattern": "[^0-9]*"`, i)
		add(`"name": "k%d", "type": "code", "list": "KIND"`, i)
	}
	add(`"name": "on", "type": "date", "constraints": [{"expr": ". <= today()", "level": "error", "message": {"fa": "م"}}]`)
	add(`"name": "here", "type": "point", "constraints": [{"expr": "within(., ${ring}, 300)", "level": "warning", "message": {"fa": "م"}}]`)
	add(`"name": "ring", "type": "polygon", "constraints": [{"expr": "is-closed(.) and is-simple(.) and area-ha(.) < 1000", "level": "error", "message": {"fa": "م"}}]`)
	add(`"name": "rows", "type": "list", "constraints": [{"expr": "unique(${rows.name}) and sum(${rows.n}) < 1000", "level": "error", "message": {"fa": "م"}}],
		"fields": [{"id": 200, "name": "name", "type": "text", "label": {"fa": "ن"}, "sensitivity": "S0", "required": "always"},
		           {"id": 201, "name": "n", "type": "integer", "label": {"fa": "ن"}, "sensitivity": "S0", "relevant": "${name} != ''"}]`)
	return `{"id": 8, "name": "sixty", "revision": 1, "compartment": "plain", "kind": "record", "merge": "B", "label": {"fa": "شصت"},
		"sections": [{"name": "main", "label": {"fa": "اصلی"}, "fields": [` + strings.Join(fields, ",\n") + `]}]}`
}

func sixtyRecord(t testing.TB) (*Form, *Package, Record) {
	t.Helper()
	files := demoFiles(t)
	files["sixty.r1.json"] = &fstest.MapFile{Data: []byte(sixtyFields())}
	pkg, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	form, _ := pkg.FormByName("sixty")
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, `"n%d": %d,`, i, 100+i)
	}
	for i := range 4 {
		fmt.Fprintf(&b, `"t%d": "سالن ورزشی محله", "k%d": "place",`, i, i)
	}
	b.WriteString(`"on": "2026-01-16", "here": {"lat": 37.251, "lon": 49.611}, "ring": [`)
	for i := range 33 { // half a circle and back along a flatter one
		x, y := float64(i)/32, float64(i*(32-i))/1024
		fmt.Fprintf(&b, `{"lat": %.6f, "lon": %.6f},`, 37.25-y/100, 49.61+x/100)
	}
	b.WriteString(`{"lat": 37.255, "lon": 49.615}, {"lat": 37.25, "lon": 49.61}], "rows": [`)
	for i := range 20 {
		fmt.Fprintf(&b, `{"name": "ردیف %d", "n": %d},`, i, i)
	}
	record, err := DecodeJSON(form, pkg, []byte("{"+strings.TrimSuffix(b.String(), ",")+"]}"))
	if err != nil {
		t.Fatal(err)
	}
	return form, pkg, record
}

func TestSixtyFields(t *testing.T) {
	form, pkg, record := sixtyRecord(t)
	if len(form.Fields()) != 60 {
		t.Errorf("got %d fields, want 60", len(form.Fields()))
	}
	if got := Validate(form, pkg, record, demoEnv); len(got) != 0 {
		t.Errorf("got %q, want no problem", brief(form, got))
	}
	if got := Compute(form, pkg, record, demoEnv); len(got.Fields) != 8 {
		t.Errorf("got %d computed fields, want 8", len(got.Fields))
	}
}

// BenchmarkAssess validates and computes a full record of 60 fields and 20 rows; the goal is 5 ms.
func BenchmarkAssess(b *testing.B) {
	form, pkg, record := sixtyRecord(b)
	b.ReportAllocs()
	for b.Loop() {
		a := Assess(form, pkg, Normalise(form, record), demoEnv)
		a.Computed()
	}
}

// BenchmarkDecodeJSON reads the same record.
func BenchmarkDecodeJSON(b *testing.B) {
	form, pkg, record := sixtyRecord(b)
	data, err := EncodeJSON(form, record)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := DecodeJSON(form, pkg, data); err != nil {
			b.Fatal(err)
		}
	}
}
