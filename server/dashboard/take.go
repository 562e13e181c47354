package dashboard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/sheet"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) takeRoutes() []route {
	return []route{
		{pattern: "GET /take", handle: (*visit).getTake},
		{pattern: "POST /take/figure", handle: (*visit).takeFigure},
		{pattern: "POST /take/neighbourhoods", handle: (*visit).takeNeighbourhoods},
		{pattern: "POST /take/records", handle: (*visit).takeRecords},
	}
}

const (
	// takesAtOnce bounds how many files are made at a time; others wait.
	takesAtOnce = 4
	// takeGivesUp is how long a reader who takes nothing is waited for.
	takeGivesUp = 2 * time.Minute
	// takeBuffer is how much of a file waits to go out together.
	takeBuffer = 64 << 10
)

// errBrokenOff says that a file could not be ended: what is there of it is not all.
var errBrokenOff = errors.New("a file was broken off")

// takeData leads to files of what a page shows.
type takeData struct {
	To     string
	Hidden []hidden
}

// hidden is a value that a form sends along.
type hidden struct{ Name, Value string }

// takeFigure leads to a table of a figure, "" for its numbers.
func (l *looked) takeFigure(id, table string) takeData {
	return takeData{To: "/take/figure", Hidden: []hidden{{"place", fmt.Sprint(l.place.Number)}, {"figure", id}, {"table", table}}}
}

// take leads to the table as it stands, all its pages.
func (t tableView) take() takeData {
	d := takeData{To: "/take/neighbourhoods", Hidden: []hidden{{"place", fmt.Sprint(t.Place)}, {"q", t.Find}, {"status", t.Status}, {"sort", t.Sort}}}
	if t.Down {
		d.Hidden = append(d.Hidden, hidden{"down", "1"})
	}
	for _, c := range t.Columns {
		d.Hidden = append(d.Hidden, hidden{"col", c})
	}
	return d
}

// taken is what somebody takes away.
type taken struct {
	// name is the file's, in ASCII and without its ending; subject and note say in
	// the chain of acts what was taken, scopes whose records.
	name, subject, note string
	scopes              []syncproto.ScopeID
	write               func(sheet.Writer) error
}

// give writes a file. That it was taken is on record before its first byte leaves.
func (v *visit) give(t taken) error {
	as := v.value("as")
	if as != "csv" && as != "xlsx" {
		return errBadRequest
	}
	select {
	case v.taking <- struct{}{}:
		defer func() { <-v.taking }()
	case <-v.ctx().Done():
		return v.ctx().Err()
	}
	act := store.AuditEntry{At: v.now(), By: v.who.ID, Act: "exported", Subject: t.subject, Note: strings.TrimSpace(as + " " + t.note)}
	if err := v.store.Update(v.ctx(), func(tx store.Tx) error { return access.Note(tx, act, t.scopes...) }); err != nil {
		return err
	}
	v.Hub.ActsNoted(t.scopes...)
	out := &outflow{w: v.w, flow: http.NewResponseController(v.w)}
	// The server bounds how long a request may take to arrive; the answer may take
	// longer.
	_ = out.flow.SetReadDeadline(time.Time{})
	out.begin = func() {
		h := v.w.Header()
		h.Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}[as])
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="mahalleh-%s-%s.%s"`, t.name, strings.ReplaceAll(jalaliText(v.words.Day(time.UnixMilli(v.now()))), "/", ""), as))
	}
	if err := v.sheets(as, out, t.write); err != nil {
		if !out.begun {
			return err
		}
		if v.ctx().Err() == nil {
			v.Log.Error("a file was broken off", "subject", t.subject, "err", err)
		}
		// The connection ends without the file's end, so that the browser says so.
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (v *visit) sheets(as string, out *outflow, write func(sheet.Writer) error) error {
	buffer := bufio.NewWriterSize(out, takeBuffer)
	w := sheet.NewCSV(buffer)
	if as == "xlsx" {
		var err error
		if w, err = sheet.NewXLSX(buffer, v.words.Persian()); err != nil {
			return err
		}
	}
	err := write(w)
	if err != nil {
		// What is not whole does not go out; the error at hand says more than that of
		// letting go.
		buffer.Reset(io.Discard)
		_ = w.Close()
		return err
	}
	return errors.Join(w.Close(), buffer.Flush())
}

// outflow writes to a browser, and gives up on one that takes nothing.
type outflow struct {
	w     http.ResponseWriter
	flow  *http.ResponseController
	begin func()
	begun bool
}

func (o *outflow) Write(b []byte) (int, error) {
	if !o.begun {
		o.begun = true
		o.begin()
	}
	// Not every writer can, and those that cannot have no bound.
	_ = o.flow.SetWriteDeadline(time.Now().Add(takeGivesUp))
	n, err := o.w.Write(b)
	if err != nil {
		return n, errors.Join(errBrokenOff, err)
	}
	return n, nil
}

// jalaliText is a day in ASCII digits, 1404/10/26.
func jalaliText(d jalali.Day) string {
	date, err := d.Date()
	if err != nil {
		return d.ISO()
	}
	return date.String()
}

// dayCells are a day in both calendars; none is two empty cells.
func dayCells(d jalali.Day, known bool) []sheet.Cell {
	if !known {
		return make([]sheet.Cell, 2)
	}
	return []sheet.Cell{sheet.Text(jalaliText(d)), sheet.Day(d)}
}

// dayHeads are the heads of such cells.
func (v *visit) dayHeads(head string) []string {
	return []string{head, v.say("office_take.iso", texts.Args{"head": head})}
}

// codeHeads are the heads of a code and its label.
func (v *visit) codeHeads(head string) []string {
	return []string{v.say("office_take.code", texts.Args{"head": head}), head}
}

func (v *visit) codeCells(list, code string) []sheet.Cell {
	if code == "" {
		return make([]sheet.Cell, 2)
	}
	return []sheet.Cell{sheet.Text(code), sheet.Text(v.code(list, code))}
}

// about writes the sheet that says what a workbook holds; a CSV file has none.
func (v *visit) about(w sheet.Writer, lines [][2]string) error {
	if v.value("as") != "xlsx" {
		return nil
	}
	if err := w.Begin(v.say("office_take.about", nil), []string{v.say("office_take.what", nil), ""}); err != nil {
		return err
	}
	lines = append(lines, [2]string{v.say("office_take.by", nil), v.who.Name}, [2]string{v.say("office_take.at", nil), v.words.Minute(time.UnixMilli(v.now()))},
		[2]string{v.say("office_take.law", nil), v.say("office_take.law_text", nil)})
	for _, line := range lines {
		if err := w.Row([]sheet.Cell{sheet.Text(line[0]), sheet.Text(line[1])}); err != nil {
			return err
		}
	}
	return nil
}

// takeFigure gives the tables of a figure, as its page shows them but with all their
// rows: one of them as CSV, all as a workbook.
func (v *visit) takeFigure() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	f, ok := l.figures.Figure(v.value("figure"))
	if !ok {
		return store.ErrNotFound
	}
	f = l.shown(f)
	lang, asked := v.words.Lang(), v.value("table")
	tables := []indicators.Table{v.valuesTable(&f)}
	for _, t := range f.Tables {
		if len(t.Rows) > 0 {
			tables = append(tables, t)
		}
	}
	if v.value("as") == "csv" {
		chosen := tables[:0]
		for _, t := range tables {
			if t.Name == asked {
				chosen = append(chosen, t)
			}
		}
		if tables = chosen; len(tables) != 1 {
			return store.ErrNotFound
		}
	}
	return v.give(taken{name: fmt.Sprintf("%s-%d", strings.ToLower(f.ID), l.place.Number), subject: "figure " + f.ID, note: fmt.Sprintf("place %d", l.place.Number),
		write: func(w sheet.Writer) error {
			for i := range tables {
				if err := v.writeTable(w, l, &tables[i]); err != nil {
					return err
				}
			}
			return v.about(w, [][2]string{{f.ID, f.Title.In(lang)}, {v.say("office.figure.definition", nil), f.Definition.In(lang)}, {v.say("office.places", nil), v.placeName(l.place)},
				{v.say("office_take.formula", nil), fmt.Sprint(f.Formula)}, {v.say("office_take.as_of", nil), v.words.Minute(time.UnixMilli(f.AsOf))}})
		}})
}

// valuesTable puts a figure's numbers for the whole scope into a table.
func (v *visit) valuesTable(f *indicators.Figure) indicators.Table {
	t := indicators.Table{Title: f.Title, Columns: []indicators.Column{{Name: "value"}}}
	lang := v.words.Lang()
	for _, x := range f.Values {
		name := x.Title.In(lang)
		if unit := v.unit(x.Kind); unit != "" {
			name += " (" + unit + ")"
		}
		t.Rows = append(t.Rows, indicators.Row{Name: name, Cells: []indicators.Value{x}})
	}
	return t
}

// unit is what a number of that kind counts, "" for what has no unit.
func (v *visit) unit(kind indicators.Kind) string {
	switch kind {
	case indicators.KindPercent, indicators.KindDays, indicators.KindHours, indicators.KindMinutes, indicators.KindPer1000, indicators.KindRial:
		return v.words.Catalogue().Member(unitFamily, string(kind), nil)
	}
	return ""
}

// unitFamily names the units of numbers in heads.
const unitFamily texts.Family = "office_take.unit"

// writeTable writes a table of a figure. Rows begin with what they are about: the
// number of a place or a code, and its name.
func (v *visit) writeTable(w sheet.Writer, l *looked, t *indicators.Table) error {
	kinds := make([]indicators.Kind, len(t.Columns))
	for _, r := range t.Rows {
		for i, c := range r.Cells[:min(len(r.Cells), len(kinds))] {
			if kinds[i] == "" || c.Kind == indicators.KindCode || c.Kind == indicators.KindDate {
				kinds[i] = c.Kind
			}
		}
	}
	lang := v.words.Lang()
	heads := v.codeHeads(v.say("office_take.name", nil))
	for i, c := range t.Columns {
		head := c.Title.In(lang)
		if head == "" {
			head = v.say("office_take.value", nil)
		}
		switch unit := v.unit(kinds[i]); {
		case kinds[i] == indicators.KindCode:
			heads = append(heads, v.codeHeads(head)...)
		case kinds[i] == indicators.KindDate:
			heads = append(heads, v.dayHeads(head)...)
		case unit != "" && c.Title.Fa != "":
			heads = append(heads, head+" ("+unit+")")
		default:
			heads = append(heads, head)
		}
	}
	if err := w.Begin(t.Title.In(lang), heads); err != nil {
		return err
	}
	for _, r := range t.Rows {
		about := sheet.Text(r.Code)
		if p, ok := l.names[r.Place]; ok {
			about = sheet.Number(fmt.Sprint(p.Number))
		}
		cells := []sheet.Cell{about, sheet.Text(v.rowName(l, t, &r))}
		for i, c := range r.Cells[:min(len(r.Cells), len(kinds))] {
			cells = append(cells, v.valueCells(c, kinds[i])...)
		}
		if err := w.Row(cells); err != nil {
			return err
		}
	}
	return nil
}

// valueCells are a value in a column of that kind. What is not shown on a page is
// not shown here.
func (v *visit) valueCells(x indicators.Value, column indicators.Kind) []sheet.Cell {
	wide := column == indicators.KindCode || column == indicators.KindDate
	var cells []sheet.Cell
	switch {
	case x.State != indicators.Shown:
		cells = []sheet.Cell{sheet.Text(x.String())}
	case x.Kind == indicators.KindCode:
		return v.codeCells(x.List, x.Text)
	case x.Kind == indicators.KindDate:
		return dayCells(jalali.Day(x.Number.Mantissa), true)
	case x.Kind == indicators.KindText, x.Kind == indicators.KindMonth:
		cells = []sheet.Cell{sheet.Text(x.String())}
	case x.Kind == indicators.KindColour:
		cells = []sheet.Cell{sheet.Text(v.figureText(x))}
	default:
		cells = []sheet.Cell{sheet.Number(x.String())}
	}
	if wide {
		cells = append(cells, sheet.Cell{})
	}
	return cells
}

// takeNeighbourhoods gives the table of neighbourhoods as its address has it: all
// its pages.
func (v *visit) takeNeighbourhoods() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	if !l.single {
		return store.ErrNotFound
	}
	t := v.tableView(l.place.Number)
	found := t.choose(v.hoodsOf(l))
	heads := []string{v.say("office_take.number", nil), v.say("office.hoods.name", nil)}
	for _, c := range t.Columns {
		head := v.words.Catalogue().Member(columnFamily, c, nil)
		switch c {
		case "status", "stage":
			heads = append(heads, v.codeHeads(head)...)
		case "due":
			heads = append(heads, v.dayHeads(head)...)
		case "completeness":
			heads = append(heads, head+" ("+v.unit(indicators.KindPercent)+")")
		default:
			heads = append(heads, head)
		}
	}
	return v.give(taken{name: fmt.Sprintf("neighbourhoods-%d", l.place.Number), subject: "neighbourhoods", note: fmt.Sprintf("place %d", l.place.Number),
		write: func(w sheet.Writer) error {
			if err := w.Begin(v.say("office.nav.neighbourhoods", nil), heads); err != nil {
				return err
			}
			for _, h := range found {
				cells := []sheet.Cell{sheet.Number(fmt.Sprint(h.Number)), sheet.Text(h.Name)}
				for _, c := range t.Columns {
					cells = append(cells, v.hoodCells(h, c)...)
				}
				if err := w.Row(cells); err != nil {
					return err
				}
			}
			return v.about(w, [][2]string{{v.say("office.places", nil), v.placeName(l.place)}, {v.say("office_take.as_of", nil), v.words.Minute(time.UnixMilli(l.figures.AsOf))}})
		}})
}

// hoodCells are the cells of a column of the table of neighbourhoods.
func (v *visit) hoodCells(h *hood, column string) []sheet.Cell {
	number := func(n int64) []sheet.Cell { return []sheet.Cell{sheet.Number(fmt.Sprint(n))} }
	switch column {
	case "status":
		return v.codeCells("DOSSIERSTATUS", h.Status)
	case "stage":
		return v.codeCells("PLANSTAGE", h.Stage)
	case "due":
		return dayCells(h.Due, h.Due != 0)
	case "late":
		return number(h.Late)
	case "completeness":
		return []sheet.Cell{sheet.Number(fmt.Sprintf("%d.%d", h.Percent/10, h.Percent%10))}
	case "gates":
		return number(int64(h.Open))
	case "conflicts":
		return number(h.Conflicts)
	}
	return []sheet.Cell{sheet.Text(v.hoodCell(h, column))}
}

// getTake is the page on which somebody chooses what to take away.
func (v *visit) getTake() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	if !l.single {
		return store.ErrNotFound
	}
	d := takePage{placeData: v.placeData(l, "/take")}
	if err := v.takeable(l, &d); err != nil {
		return err
	}
	for _, f := range l.figures.Figures {
		d.Figures = append(d.Figures, formLink{f.ID, f.Title.In(v.words.Lang())})
	}
	p := v.page("take", v.say("office_take.title", nil))
	p.Data, p.Live = d, false
	return v.render(p)
}

// takePage is what there is to take: figures, and records of forms or the rows of
// their lists, "form/list".
type takePage struct {
	placeData
	Forms, Figures []formLink
}
