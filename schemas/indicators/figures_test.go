package indicators_test

import (
	"encoding/json"
	"slices"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
)

// place is a place of records, written as people would.
type place struct {
	t       *testing.T
	forms   *schemas.Package
	id      indicators.ID
	records []indicators.Record
}

func newPlace(t *testing.T, n byte) *place {
	t.Helper()
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &place{t: t, forms: pkg, id: indicators.ID{15: n}}
}

func day(t *testing.T, s string) jalali.Day {
	t.Helper()
	d, err := jalali.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d.EpochDay()
}

// ms is noon of a Jalali day in Tehran.
func ms(t *testing.T, s string) int64 {
	t.Helper()
	return jalali.Tehran{}.StartOfDay(day(t, s)).UnixMilli() + 12*3600*1000
}

// ref is the id of the n-th record of a test.
func ref(n int) string {
	b, _ := json.Marshal(schemasID(n))
	return string(b[1 : len(b)-1])
}

func schemasID(n int) uuid { return uuid{0: byte(n >> 8), 1: byte(n), 6: 0x70, 8: 0x80} }

type uuid [16]byte

func (u uuid) MarshalText() ([]byte, error) {
	const digits = "0123456789abcdef"
	var b []byte
	for i, x := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[x>>4], digits[x&15])
	}
	return b, nil
}

// record makes the n-th record, written at noon of a day by the person 1.
func (p *place) record(n int, form, on string, values map[string]any) indicators.Record {
	p.t.Helper()
	f, ok := p.forms.FormByName(form)
	if !ok {
		p.t.Fatalf("there is no form %s", form)
	}
	raw, err := json.Marshal(values)
	if err != nil {
		p.t.Fatal(err)
	}
	r := indicators.Record{ID: indicators.ID(schemasID(n)), Version: indicators.ID{0: byte(n), 1: 1}, Form: f}
	if r.Values, err = schemas.DecodeJSON(f, p.forms, raw); err != nil {
		p.t.Fatalf("%s %d: %v", form, n, err)
	}
	at := ms(p.t, on)
	r.Made, r.Hands = at, []indicators.Hand{{Person: indicators.ID{15: 1}, Time: at}}
	r.Judge(p.forms)
	return r
}

// add records something on 1404/10/26.
func (p *place) add(n int, form string, values map[string]any) {
	p.t.Helper()
	p.records = append(p.records, p.record(n, form, "1404/10/26", values))
}

func (p *place) counter() indicators.Counter {
	c := indicators.Counter{}
	for _, r := range p.records {
		c.Add(indicators.Contribution(r))
	}
	return c
}

func (p *place) summary() indicators.Summary {
	s := indicators.ShippedValues()
	return p.summaryWith(&s)
}

func (p *place) summaryWith(s *indicators.Settings) indicators.Summary {
	return indicators.Summarise(p.id, p.counter(), s)
}

// combine makes the figures of places on a day.
func combine(t *testing.T, today string, places ...*place) indicators.Figures {
	t.Helper()
	s := indicators.ShippedValues()
	return combineWith(t, &s, today, places...)
}

func combineWith(t *testing.T, s *indicators.Settings, today string, places ...*place) indicators.Figures {
	t.Helper()
	var all []indicators.Summary
	for _, p := range places {
		all = append(all, p.summaryWith(s))
	}
	return indicators.Combine(indicators.Moment{Today: day(t, today), Now: ms(t, today)}, all, s)
}

// want holds a figure's values against what they are printed as.
func want(t *testing.T, f indicators.Figures, id string, values map[string]string) {
	t.Helper()
	x, ok := f.Figure(id)
	if !ok {
		t.Fatalf("there is no %s", id)
	}
	for name, w := range values {
		v, ok := x.Value(name)
		if !ok {
			t.Errorf("%s has no %s", id, name)
		} else if v.String() != w {
			t.Errorf("%s %s is %s, want %s", id, name, v, w)
		}
	}
}

// wantRow holds the row of a code or name against its cells as printed.
func wantRow(t *testing.T, f indicators.Figures, id, table, row string, cells ...string) {
	t.Helper()
	x, _ := f.Figure(id)
	for _, r := range x.Table(table).Rows {
		if r.Code != row && r.Name != row {
			continue
		}
		if len(r.Cells) != len(cells) {
			t.Fatalf("%s %s %s has %d cells, want %d", id, table, row, len(r.Cells), len(cells))
		}
		for i, c := range r.Cells {
			if c.String() != cells[i] {
				t.Errorf("%s %s %s: %s is %s, want %s", id, table, row, c.Name, c, cells[i])
			}
		}
		return
	}
	t.Errorf("%s %s has no row %s", id, table, row)
}

func neighbourhood(name, county string) map[string]any {
	return map[string]any{"name_fa": name, "setting": "urban", "settlement_type": "informal", "harm_prone": false, "province_code": "01", "county": county,
		"city_or_village": county, "facilitator_ids": []string{ref(900)}}
}

func dossier(status string, more map[string]any) map[string]any {
	v := map[string]any{"neighbourhood_id": ref(1), "revision_no": 1, "assigned_on": "1404/10/26", "due_on": "1404/11/26", "status": status}
	for k, x := range more {
		v[k] = x
	}
	return v
}

// TestCoverage is D01: submitted at least once, of those assigned; suspended
// and cancelled dossiers and places without one do not count.
func TestCoverage(t *testing.T) {
	var places []*place
	for i, d := range []map[string]any{
		dossier("collecting", nil),
		dossier("submitted", map[string]any{"submitted_on": "1404/11/20"}),
		dossier("returned", map[string]any{"submitted_on": "1404/11/20"}),
		dossier("suspended", map[string]any{"submitted_on": "1404/11/20"}),
		nil,
	} {
		p := newPlace(t, byte(i+1))
		p.add(1, "neighbourhood", neighbourhood("محله", "رشت"))
		if d != nil {
			p.add(2, "dossier", d)
		}
		places = append(places, p)
	}
	f := combine(t, "1404/11/27", places...)
	want(t, f, "D01", map[string]string{"assigned": "3", "submitted": "2", "coverage": "66.7"})
	want(t, combine(t, "1404/11/27"), "D01", map[string]string{"assigned": "0", "submitted": "0", "coverage": "—"})
}

// TestAssets is D13 with a double, and a place whose population nobody knows.
func TestAssets(t *testing.T) {
	a, b := newPlace(t, 1), newPlace(t, 2)
	a.add(1, "neighbourhood_profile", map[string]any{"reference_year": 1404, "data_basis": "estimate", "population": 2000})
	for i, code := range []string{"institution", "institution", "institution", "physical"} {
		a.add(10+i, "asset", map[string]any{"category": code, "title_fa": "دارایی"})
	}
	a.add(20, "asset", map[string]any{"category": "physical", "title_fa": "دارایی", "duplicate_of": ref(13)})
	a.add(30, "action_item", map[string]any{"code": "A1", "title_fa": "کار", "asset_ids": []string{ref(10), ref(99)}})
	b.add(10, "asset", map[string]any{"category": "economic", "title_fa": "بازار"})
	f := combine(t, "1404/11/27", a, b)
	want(t, f, "D13", map[string]string{"assets": "5", "categories": "3", "density": "2.00", "evenness": "0.530", "activation": "20.0"})
	wantRow(t, f, "D13", "by_category", "institution", "3", "60.0")
	wantRow(t, f, "D13", "by_category", "culture_story", "0", "0.0")
}

// TestEveryNameHasTexts holds what figures name against both catalogues.
func TestEveryNameHasTexts(t *testing.T) {
	p := newPlace(t, 1)
	p.add(1, "neighbourhood", neighbourhood("محله", "رشت"))
	p.add(2, "dossier", dossier("collecting", nil))
	both := func(id string, x schemas.Text) {
		if x.Fa == "" || x.En == "" {
			t.Errorf("%s: no text in both languages: %q, %q", id, x.Fa, x.En)
		}
	}
	for _, f := range combine(t, "1404/11/27", p).Figures {
		both(f.ID, f.Title)
		both(f.ID+" definition", f.Definition)
		both(f.ID+" lag", f.Lag.Title)
		for _, v := range f.Values {
			both(f.ID+" "+v.Name, v.Title)
		}
		for _, tab := range f.Tables {
			both(f.ID+" "+tab.Name, tab.Title)
			for _, c := range tab.Columns {
				both(f.ID+" "+tab.Name+" "+c.Name, c.Title)
			}
		}
	}
}

// TestCountsKeep writes counts as they are kept and reads them again.
func TestCountsKeep(t *testing.T) {
	p := newPlace(t, 1)
	p.add(1, "neighbourhood", neighbourhood("کوی|نارنج‌ستان\n", "رشت"))
	c := indicators.Contribution(p.records[0])
	again, err := indicators.ParseCounts(c.Text())
	if err != nil || !slices.Equal(again, c) || len(c) == 0 {
		t.Errorf("%q reads as %v, %v", c.Text(), again, err)
	}
	for _, bad := range []string{"no number\n", "a\tb\n", "a\t1\nb"} {
		if _, err := indicators.ParseCounts(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	if s := p.summary(); s.Neighbourhood == nil || s.Neighbourhood.Name != "کوی نارنج‌ستان" || s.Neighbourhood.County != "رشت" {
		t.Errorf("the summary is of %+v", s.Neighbourhood)
	}
}
