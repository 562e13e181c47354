package dashboard

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/server/store"
)

func (a *App) overviewRoutes() []route {
	return []route{
		{pattern: "GET /{$}", handle: (*visit).getOverview},
		{pattern: "GET /overview/tiles", handle: (*visit).getTiles, quiet: true},
		{pattern: "GET /figure/{id}", handle: (*visit).getFigure},
		{pattern: "GET /figure/{id}/part", handle: (*visit).getFigurePart, quiet: true},
	}
}

// tileOf says which figures matter this week, and which of their values: the first
// is shown large. A value above zero in alarm makes the tile loud.
type tileOf struct {
	id     string
	values []string
	alarm  string
	bad    bool
}

// tiles are those of the overview, in the order in which a committee asks.
var tiles = []tileOf{
	{id: "D01", values: []string{"coverage", "submitted", "assigned"}},
	{id: "D02", values: []string{"on_time", "in_time", "verdict_known"}},
	{id: "D03", values: []string{"overdue"}, alarm: "overdue", bad: true},
	{id: "D04", values: []string{"at_risk"}, alarm: "at_risk"},
	{id: "D05", values: []string{"mean_completeness", "complete", "weakest"}},
	{id: "D07", values: []string{"enrolled", "stuck"}, alarm: "stuck"},
	{id: "D09", values: []string{"open", "age_max", "late_conflicts"}, alarm: "late_conflicts"},
	{id: "D17", values: []string{"silent", "red", "yellow", "green"}, alarm: "silent", bad: true},
	{id: "D10", values: []string{"needs", "ranked_places"}},
	{id: "D20", values: []string{"expiring", "active"}, alarm: "expiring"},
	{id: "D21", values: []string{"overdue_requests", "open", "answer_rate"}, alarm: "overdue_requests", bad: true},
}

// crumb is a place that a page leads to.
type crumb struct {
	Number uint32
	Name   string
	Here   bool
}

// placeData is what pages about a place share.
type placeData struct {
	// To is the page's own address, for the same of another place.
	To     string
	Place  crumb
	Above  []crumb
	Below  []crumb
	Choose []crumb
	Single bool
	AsOf   time.Time
	Lag    string
}

func (v *visit) placeData(l *looked, to string) placeData {
	crumbs := func(places []store.Place) (all []crumb) {
		for _, p := range places {
			// A county's neighbourhoods have a table of their own.
			if p.Kind != store.PlaceNeighbourhood || len(places) <= 3 {
				all = append(all, crumb{p.Number, v.placeName(p), p.ID == l.place.ID})
			}
		}
		return all
	}
	d := placeData{To: to, Place: crumb{l.place.Number, v.placeName(l.place), true}, Above: crumbs(l.above), Below: crumbs(l.below), Choose: crumbs(l.choose),
		Single: l.single, AsOf: time.UnixMilli(l.figures.AsOf)}
	if len(l.figures.Figures) > 0 {
		d.Lag = v.figureText(l.figures.Figures[0].Lag)
	}
	return d
}

// tile is a figure on the overview.
type tile struct {
	ID, Title, Definition string
	Big                   named
	Values                []named
	Class                 string
}

type named struct{ Title, Text string }

type overviewData struct {
	placeData
	Tiles []tile
}

// figureText is a figure's value as people read it, as the command prints it.
func (v *visit) figureText(x indicators.Value) string { return x.In(v.words.Lang(), v.forms) }

func (v *visit) overview() (*overviewData, error) {
	l, err := v.look(v.value("place"))
	if err != nil {
		return nil, err
	}
	d := &overviewData{placeData: v.placeData(l, "/")}
	for _, t := range tiles {
		f, ok := l.figures.Figure(t.id)
		if !ok {
			continue
		}
		lang := v.words.Lang()
		x := tile{ID: f.ID, Title: f.Title.In(lang), Definition: f.Definition.In(lang)}
		for i, name := range t.values {
			value, ok := f.Value(name)
			if !ok {
				continue
			}
			text := v.figureText(value)
			if i == 0 {
				x.Big = named{value.Title.In(lang), text}
				continue
			}
			x.Values = append(x.Values, named{value.Title.In(lang), text})
		}
		if value, ok := f.Value(t.alarm); ok && value.State == indicators.Shown && value.Number.Mantissa > 0 {
			x.Class = "warn"
			if t.bad {
				x.Class = "bad"
			}
		}
		d.Tiles = append(d.Tiles, x)
	}
	return d, nil
}

func (v *visit) getOverview() error {
	d, err := v.overview()
	if errors.Is(err, store.ErrNotFound) && v.value("place") == "" {
		return v.redirect("/account") // somebody without a role
	}
	if err != nil {
		return err
	}
	p := v.page("overview", v.say("office.overview.title", texts.Args{"place": d.Place.Name}))
	p.Data = d
	return v.render(p)
}

func (v *visit) getTiles() error {
	d, err := v.overview()
	if err != nil {
		return err
	}
	p := v.bare("overview", "")
	p.Data = d
	return v.part("tiles", p)
}

type figureData struct {
	placeData
	ID, Definition, Settings string
	Formula                  int
	Values                   []named
	Tables                   []figureTable
	Take                     takeData
}

type figureTable struct {
	Title   string
	Columns []string
	Rows    []figureRow
	Cut     int
	Take    takeData
}

type figureRow struct {
	Name string
	// Place is the number of the neighbourhood that the row leads to, 0 for none.
	Place uint32
	Cells []string
}

// mostRows bounds a figure's table on a page.
const mostRows = 500

func (v *visit) figure() (*figureData, string, error) {
	l, err := v.look(v.value("place"))
	if err != nil {
		return nil, "", err
	}
	f, ok := l.figures.Figure(v.r.PathValue("id"))
	if !ok {
		return nil, "", store.ErrNotFound
	}
	f = l.shown(f)
	lang := v.words.Lang()
	d := &figureData{placeData: v.placeData(l, "/figure/"+f.ID), ID: f.ID, Definition: f.Definition.In(lang), Formula: f.Formula, Settings: l.figures.Settings}
	if d.Settings == indicators.ShippedSettings {
		d.Settings = v.say("office.figure.shipped", nil)
	} else {
		d.Settings = d.Settings[:min(len(d.Settings), 8)]
	}
	d.Take = l.takeFigure(f.ID, "")
	for _, x := range f.Values {
		d.Values = append(d.Values, named{x.Title.In(lang), v.figureText(x)})
	}
	for i := range f.Tables {
		if t := v.table(l, &f.Tables[i]); len(t.Rows) > 0 {
			t.Take = l.takeFigure(f.ID, f.Tables[i].Name)
			d.Tables = append(d.Tables, t)
		}
	}
	return d, f.Title.In(lang), nil
}

func (v *visit) table(l *looked, t *indicators.Table) figureTable {
	lang := v.words.Lang()
	out := figureTable{Title: t.Title.In(lang), Cut: max(0, len(t.Rows)-mostRows)}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, c.Title.In(lang))
	}
	for _, r := range t.Rows[:min(len(t.Rows), mostRows)] {
		row := figureRow{Name: v.rowName(l, t, &r)}
		if p, ok := l.names[r.Place]; ok && p.Kind == store.PlaceNeighbourhood && l.single {
			row.Place = p.Number
		}
		for _, c := range r.Cells {
			row.Cells = append(row.Cells, v.figureText(c))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// rowName is what a row is about.
func (v *visit) rowName(l *looked, t *indicators.Table, r *indicators.Row) string {
	p, known := l.names[r.Place]
	switch {
	case r.Name != "" && v.words.Persian() && !strings.ContainsFunc(r.Name, unicode.IsLetter):
		return persian.ToPersianDigits(r.Name) // a range, a year or a month
	case r.Name != "":
		return r.Name
	case known:
		return v.placeName(p)
	}
	return v.code(t.List, r.Code)
}

// code is the label of a code, or of a form of that name.
func (v *visit) code(list, code string) string {
	if items, ok := v.forms.List(list); ok {
		if item, ok := items.Item(code); ok {
			return item.Label.In(v.words.Lang())
		}
	}
	if form, ok := v.forms.FormByName(code); ok && list == "" {
		return v.label(form.Label)
	}
	return code
}

func (v *visit) label(t schemas.Text) string { return t.In(v.words.Lang()) }

func (v *visit) getFigure() error {
	d, title, err := v.figure()
	if err != nil {
		return err
	}
	p := v.page("figure", title)
	p.Back, p.Data = fmt.Sprintf("/?place=%d", d.Place.Number), d
	return v.render(p)
}

func (v *visit) getFigurePart() error {
	d, _, err := v.figure()
	if err != nil {
		return err
	}
	p := v.bare("figure", "")
	p.Data = d
	return v.part("figure", p)
}
