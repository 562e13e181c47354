package dashboard

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/report"
	"mahalleh/server/sheet"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// takeAtOnce is how many records are read in one snapshot: those who write do not
// wait for whoever reads, but what they wrote cannot be folded away meanwhile.
const takeAtOnce = 500

// recordSheet is how the records of a form, or the rows of one of its lists, become
// a table.
type recordSheet struct {
	form    *schemas.Form
	list    *schemas.Field // nil for the records themselves
	columns []recordColumn
}

// recordColumn is a field with the columns that it takes.
type recordColumn struct {
	field *schemas.Field
	heads []string
	cells func(schemas.Value) []sheet.Cell
}

// takeable finds the forms whose records the reader may take.
func (v *visit) takeable(l *looked, d *takePage) error {
	return v.read(func(r store.Reader, view *access.View) error {
		d.Forms = nil
		for _, f := range v.forms.Forms() {
			if len(readableIn(view, l, f)) == 0 {
				continue
			}
			d.Forms = append(d.Forms, formLink{f.Name, v.label(f.Label)})
			for _, field := range f.Fields() {
				if field.Type == schemas.TypeList {
					d.Forms = append(d.Forms, formLink{f.Name + "/" + field.Name, v.label(f.Label) + " › " + v.label(field.Label)})
				}
			}
		}
		return nil
	})
}

// readableIn are the places of which the reader may read records of a form.
func readableIn(view *access.View, l *looked, f *schemas.Form) []store.Place {
	var places []store.Place
	for _, p := range l.inside {
		if view.Single(p.ID) && view.May(syncproto.ScopeOf(p.ID, string(f.Compartment)), access.Read) {
			places = append(places, p)
		}
	}
	return places
}

// takeRecords gives the records of a form, or the rows of one of its lists, at a
// place and all that lies in it, as far as the reader may read them.
func (v *visit) takeRecords() error {
	l, err := v.look(v.value("place"))
	if err != nil {
		return err
	}
	name, asked, listed := strings.Cut(v.value("form"), "/")
	f, ok := v.forms.FormByName(name)
	if !ok {
		return store.ErrNotFound
	}
	s := recordSheet{form: f}
	if listed {
		field, ok := f.FieldByName(asked)
		if !ok || field.Type != schemas.TypeList || field.Parent != 0 {
			return store.ErrNotFound
		}
		s.list = field
		name += "-" + field.Name
	}
	var places []store.Place
	err = v.read(func(r store.Reader, view *access.View) error {
		places = readableIn(view, l, f)
		return nil
	})
	if err != nil {
		return err
	}
	if len(places) == 0 {
		return store.ErrNotFound
	}
	scopes := make([]syncproto.ScopeID, len(places))
	for i, p := range places {
		scopes[i] = syncproto.ScopeOf(p.ID, string(f.Compartment))
	}
	v.columnsOf(&s)
	return v.give(taken{name: fmt.Sprintf("%s-%d", name, l.place.Number), subject: "form " + f.Name, note: fmt.Sprintf("place %d", l.place.Number), scopes: scopes,
		write: func(w sheet.Writer) error {
			title := v.label(f.Label)
			if s.list != nil {
				title = v.label(s.list.Label)
			}
			heads := v.recordHeads(&s)
			if err := w.Begin(title, heads); err != nil {
				return err
			}
			for _, p := range places {
				if err := v.writeRecords(w, l, &s, p); err != nil {
					return err
				}
			}
			return v.aboutFields(w, l, &s)
		}})
}

func (v *visit) recordHeads(s *recordSheet) []string {
	heads := []string{v.say("office_take.record", nil), v.say("office_take.number", nil), v.say("office_take.place", nil)}
	if s.list != nil {
		heads = append(heads, v.say("office_take.row", nil))
	} else {
		heads = append(heads, v.dayHeads(v.say("office_take.made", nil))...)
		heads = append(heads, v.dayHeads(v.say("office_take.changed", nil))...)
		heads = append(heads, v.say("office_take.open", nil))
	}
	for _, c := range s.columns {
		heads = append(heads, c.heads...)
	}
	return heads
}

// writeRecords writes the records of one place. Each few are read in a snapshot of
// their own, with the reader's rights of that moment: whose right ends while they
// take, takes no more.
func (v *visit) writeRecords(w sheet.Writer, l *looked, s *recordSheet, p store.Place) error {
	scope := syncproto.ScopeOf(p.ID, string(s.form.Compartment))
	for after := (syncproto.RecordID{}); ; {
		listed, err := v.Report.Records(v.ctx(), s.form.ID, p.ID, after, takeAtOnce)
		if err != nil || len(listed) == 0 {
			return err
		}
		var rows [][]sheet.Cell
		err = v.read(func(r store.Reader, view *access.View) error {
			rows = rows[:0]
			if !view.Single(p.ID) || !view.May(scope, access.Read) {
				return store.ErrNotFound
			}
			for i := range listed {
				row, err := view.Record(listed[i].Record)
				if errors.Is(err, store.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				// What moved, went or was erased since it was listed is not here.
				if row.State.Erased || row.State.Home != scope || !merge.Alive(row.State) {
					continue
				}
				rows = s.rows(rows, v, p, &listed[i], &row)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, cells := range rows {
			if err := w.Row(cells); err != nil {
				return err
			}
		}
		after = listed[len(listed)-1].Record
	}
}

// rows adds the rows of a record.
func (s *recordSheet) rows(rows [][]sheet.Cell, v *visit, p store.Place, at *report.Listed, row *store.Record) [][]sheet.Cell {
	content := merge.Content(s.form, row.State)
	head := []sheet.Cell{sheet.Text(row.State.Record.String()), sheet.Number(fmt.Sprint(p.Number)), sheet.Text(v.placeName(p))}
	line := func(cells []sheet.Cell, fields map[schemas.FieldID]schemas.Value) {
		for _, c := range s.columns {
			cells = append(cells, c.cells(fields[c.field.ID])...)
		}
		rows = append(rows, cells)
	}
	if s.list == nil {
		cells := append(head, dayCells(v.words.Day(time.UnixMilli(at.Made)), at.Made != 0)...)
		cells = append(cells, dayCells(v.words.Day(time.UnixMilli(at.Changed)), at.Changed != 0)...)
		line(append(cells, sheet.Number(fmt.Sprint(row.Open))), content.Fields)
		return rows
	}
	for n, item := range content.Fields[s.list.ID].Items() {
		line(append(head[:len(head):len(head)], sheet.Number(fmt.Sprint(n+1))), item.Fields)
	}
	return rows
}

// columnsOf makes the columns of a form's own fields, or of a list's.
func (v *visit) columnsOf(s *recordSheet) {
	fields := s.form.Fields()
	if s.list != nil {
		fields = s.list.Fields
	}
	for _, f := range fields {
		if !f.Stored() {
			continue
		}
		c := v.columnOf(f)
		c.field = f
		empty := make([]sheet.Cell, len(c.heads))
		full := c.cells
		c.cells = func(x schemas.Value) []sheet.Cell {
			if x.IsEmpty() {
				return empty
			}
			return full(x)
		}
		s.columns = append(s.columns, c)
	}
}

// columnOf says how a field's values stand in columns: codes beside their labels,
// days in both calendars, amounts in rial, points in degrees, references as ids,
// lists and files by their number.
func (v *visit) columnOf(f *schemas.Field) recordColumn {
	head := v.label(f.Label)
	one := func(head string, cell func(schemas.Value) sheet.Cell) recordColumn {
		return recordColumn{heads: []string{head}, cells: func(x schemas.Value) []sheet.Cell { return []sheet.Cell{cell(x)} }}
	}
	number := func(n int) sheet.Cell { return sheet.Number(fmt.Sprint(n)) }
	withUnit := head
	if unit := f.Unit.In(v.words.Lang()); unit != "" {
		withUnit += " (" + unit + ")"
	}
	switch kind, _ := f.Type.ValueKind(); kind {
	case schemas.KindInt:
		if f.Type == schemas.TypeMoney {
			withUnit = head + " (" + v.words.Catalogue().Member(unitFamily, "rial", nil) + ")"
		}
		return one(withUnit, func(x schemas.Value) sheet.Cell { return sheet.Number(fmt.Sprint(x.Int())) })
	case schemas.KindDecimal:
		return one(withUnit, func(x schemas.Value) sheet.Cell { return sheet.Number(x.Decimal().String()) })
	case schemas.KindCode:
		return recordColumn{heads: v.codeHeads(head), cells: func(x schemas.Value) []sheet.Cell { return v.codeCells(f.List, x.Code()) }}
	case schemas.KindCodes:
		return recordColumn{heads: v.codeHeads(head), cells: func(x schemas.Value) []sheet.Cell {
			labels := make([]string, len(x.Codes()))
			for i, code := range x.Codes() {
				labels[i] = v.code(f.List, code)
			}
			return []sheet.Cell{sheet.Text(strings.Join(x.Codes(), "; ")), sheet.Text(strings.Join(labels, v.say("view_form.value.comma", nil)))}
		}}
	case schemas.KindDate:
		return recordColumn{heads: v.dayHeads(head), cells: func(x schemas.Value) []sheet.Cell { return dayCells(jalali.Day(x.Date()), true) }}
	case schemas.KindRef:
		return one(v.idHead(head), func(x schemas.Value) sheet.Cell { return sheet.Text(syncproto.RecordID(x.Ref()).String()) })
	case schemas.KindRefs:
		return one(v.idHead(head), func(x schemas.Value) sheet.Cell {
			ids := make([]string, len(x.Refs()))
			for i, id := range x.Refs() {
				ids[i] = syncproto.RecordID(id).String()
			}
			return sheet.Text(strings.Join(ids, "; "))
		})
	case schemas.KindPoint:
		return recordColumn{heads: []string{v.say("office_take.lat", texts.Args{"head": head}), v.say("office_take.lon", texts.Args{"head": head})},
			cells: func(x schemas.Value) []sheet.Cell {
				return []sheet.Cell{degrees(x.Point().LatE7), degrees(x.Point().LonE7)}
			}}
	case schemas.KindPolygon:
		return one(v.say("office_take.corners", texts.Args{"head": head}), func(x schemas.Value) sheet.Cell { return number(len(x.Polygon())) })
	case schemas.KindItems:
		return one(v.say("office_take.rows", texts.Args{"head": head}), func(x schemas.Value) sheet.Cell { return number(len(x.Items())) })
	case schemas.KindAttachments:
		return one(v.say("office_take.files", texts.Args{"head": head}), func(x schemas.Value) sheet.Cell { return number(len(x.Attachments())) })
	}
	plain := &formview.Teller{Words: v.words, Lists: v.forms}
	return one(head, func(x schemas.Value) sheet.Cell { return sheet.Text(plain.Shown(f, x)) })
}

func (v *visit) idHead(head string) string { return v.say("office_take.id", texts.Args{"head": head}) }

func degrees(e7 int32) sheet.Cell { return sheet.Number(fmt.Sprintf("%.7f", float64(e7)/1e7)) }

// aboutFields says in a workbook what each column is asked for, as the law wants it
// (e-commerce act, article 59 a-b).
func (v *visit) aboutFields(w sheet.Writer, l *looked, s *recordSheet) error {
	lines := [][2]string{{v.say("office_take.form", nil), v.label(s.form.Label)}, {v.say("office.places", nil), v.placeName(l.place)}}
	for _, c := range s.columns {
		if purpose := c.field.Purpose.In(v.words.Lang()); purpose != "" {
			lines = append(lines, [2]string{v.label(c.field.Label), purpose})
		}
	}
	return v.about(w, lines)
}
