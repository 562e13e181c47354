package formview

import (
	"slices"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
)

// Widget is the kind of control of a field; each has a template of its name.
type Widget string

// The widgets.
const (
	WidgetText     Widget = "text"
	WidgetLongText Widget = "long_text"
	WidgetNumber   Widget = "number"
	WidgetMoney    Widget = "money"
	WidgetDate     Widget = "date"
	WidgetOne      Widget = "one"  // one of a choice: yes or no, a code, a record, a state
	WidgetMany     Widget = "many" // several of a choice
	WidgetPoint    Widget = "point"
	WidgetArea     Widget = "area"
	WidgetFiles    Widget = "files"
	WidgetRows     Widget = "rows"
	WidgetRead     Widget = "read" // only read: computed, or a state without a step
)

// shortChoice is how many options of a choice of one are shown open, shortSet of a
// choice of several, which are gone through one by one; more are searched.
const (
	shortChoice = 8
	shortSet    = 12
	// longestScale is how many values of a number are shown to choose from.
	longestScale = 7
)

// widgets is the widget of each type of field.
var widgets = map[schemas.Type]Widget{
	schemas.TypeText: WidgetText, schemas.TypeLongText: WidgetLongText,
	schemas.TypeInteger: WidgetNumber, schemas.TypeDecimal: WidgetNumber, schemas.TypeCounter: WidgetNumber, schemas.TypeJalaliYear: WidgetNumber,
	schemas.TypeMoney: WidgetMoney, schemas.TypeDate: WidgetDate,
	schemas.TypeBoolean: WidgetOne, schemas.TypeCode: WidgetOne, schemas.TypeState: WidgetOne, schemas.TypeReference: WidgetOne,
	schemas.TypeCodes: WidgetMany, schemas.TypeReferences: WidgetMany,
	schemas.TypePoint: WidgetPoint, schemas.TypePolygon: WidgetArea,
	schemas.TypeList: WidgetRows, schemas.TypeAttachment: WidgetFiles, schemas.TypeComputed: WidgetRead,
}

// widgetOf is the widget of a field: a whole number of a short scale is chosen.
func widgetOf(f *schemas.Field) Widget {
	if scale(f) > 0 {
		return WidgetOne
	}
	return widgets[f.Type]
}

// scale is how many values a whole number may have, if they are few; else 0.
func scale(f *schemas.Field) int64 {
	if f.Type != schemas.TypeInteger || f.Min.IsEmpty() || f.Max.IsEmpty() {
		return 0
	}
	if n := f.Max.Int() - f.Min.Int() + 1; n <= longestScale {
		return n
	}
	return 0
}

// field draws a field of the record (row -1) or of a row.
func (d *drawing) field(f *schemas.Field, path string, row int, v schemas.Value, asked bool) *Field {
	id := "f-" + strings.ReplaceAll(path, ".", "-")
	out := &Field{Path: path, ID: id, Control: id + "-c", Name: f.Name, Widget: widgetOf(f), Asked: asked}
	d.out.byPath[path] = out
	if !asked {
		return out
	}
	lang := d.Lang()
	out.Label, out.Hint, out.Unit, out.Purpose = f.Label.In(lang), f.Hint.In(lang), f.Unit.In(lang), f.Purpose.In(lang)
	out.Sensitive, out.Decimal = f.Sensitivity >= schemas.S3, f.Type == schemas.TypeDecimal
	if out.Purpose == d.why {
		out.Purpose = ""
	} else {
		d.why = out.Purpose
	}
	d.say(out, f, row)
	out.Need = d.need(f, out)
	out.Text = d.Typed(f, v)
	if d.s.Typed != nil {
		if typed := d.s.Typed(f, row); typed != "" {
			out.Text = typed
			out.Meant = d.meant(f, typed)
			v = schemas.Value{}
		}
	}
	out.Said = d.s.Said[path]
	if other, ok := d.s.Others[path]; ok {
		out.Other = &other
	}
	d.offer(out, f, row)
	switch out.Widget {
	case WidgetMoney, WidgetDate, WidgetPoint, WidgetArea:
		out.Shown = d.echo(f, v)
	case WidgetOne, WidgetMany:
		d.options(out, f, row, v)
	case WidgetRows:
		d.rows(out, f, v)
	case WidgetFiles:
		for _, file := range v.Attachments() {
			out.Files = append(out.Files, d.Say("view_form.file", texts.Args{"type": file.MediaType, "size": texts.Bytes(file.Size)}))
		}
	case WidgetRead:
		computed := d.computed.Fields[f.ID]
		if row >= 0 {
			computed = d.computedInRow(f, row)
		}
		shown := *f
		shown.Type = f.Result
		out.Shown = d.Shown(&shown, computed)
	}
	if out.Sensitive && !d.consented && out.Text == "" && f.ID != d.s.Form.Consent && f.Type != schemas.TypeList {
		// The law forbids to keep what it asks without consent: that is asked first.
		d.waiting = append(d.waiting, out)
	}
	return out
}

// say puts beside a field what the form says of it. What a section lacks is only
// marked while it is filled in.
func (d *drawing) say(out *Field, f *schemas.Field, row int) {
	for _, p := range d.problems[place{f.ID, row + 1}] {
		if p.Level == schemas.LevelWarning || p.Level == schemas.LevelError || d.s.Strict && p.Level == schemas.LevelIncomplete {
			told := d.problem(p)
			if p.Rule == schemas.RuleRequired { // the label stands above it
				told.Message = d.Say("view_form.empty", nil)
			}
			out.Problems = append(out.Problems, told)
		}
	}
}

// need is how much a field is needed now: a rule may want it always.
func (d *drawing) need(f *schemas.Field, out *Field) string {
	switch {
	case f.Required == schemas.RequiredAlways || f.RequiredWhen != "" && d.lacks(f):
		return "always"
	case f.Required == schemas.RequiredSubmit:
		return "submit"
	}
	return "optional"
}

func (d *drawing) lacks(f *schemas.Field) bool {
	return slices.ContainsFunc(d.s.Problems, func(p schemas.Problem) bool {
		return p.Field == f.ID && p.Rule == schemas.RuleRequired && p.Level == schemas.LevelIncomplete
	})
}

// echo is how a person reads what was typed: in words, so that a slip is seen.
func (d *drawing) echo(f *schemas.Field, v schemas.Value) string {
	switch {
	case v.IsEmpty():
		return ""
	case f.Type == schemas.TypeMoney && d.Persian():
		return persian.MoneyWords(v.Int())
	case f.Type == schemas.TypeDate:
		day := jalali.Day(v.Date())
		if d.Persian() {
			return day.Weekday().Fa() + "، " + d.Date(day)
		}
		return day.Weekday().En() + ", " + d.Date(day)
	}
	return d.Shown(f, v)
}

func (d *drawing) offer(out *Field, f *schemas.Field, row int) {
	var v schemas.Value
	switch {
	case row < 0:
		v = d.s.Offers[f.ID]
	case d.s.RowOffers != nil:
		list, _ := d.s.Form.Field(f.Parent)
		v = d.s.RowOffers(list, row)[f.ID]
	}
	if !v.IsEmpty() && out.Text == "" && f.Type != schemas.TypeList {
		out.Offer = &Choice{Text: d.Typed(f, v), Label: d.Shown(f, v)}
	}
}

// meant are the dates that a text may mean which is none, for a person to pick.
func (d *drawing) meant(f *schemas.Field, text string) []Choice {
	if f.Type != schemas.TypeDate {
		return nil
	}
	var all []Choice
	for _, date := range datesMeant(text) {
		v := schemas.DateValue(int32(date.EpochDay()))
		all = append(all, Choice{Text: d.Typed(f, v), Label: d.Shown(f, v)})
	}
	return all
}

func (d *drawing) computedInRow(f *schemas.Field, row int) schemas.Value {
	if rows := d.computed.Fields[f.Parent].Items(); row < len(rows) {
		return rows[row].Fields[f.ID]
	}
	return schemas.Value{}
}

func (d *drawing) rowKeys(list *schemas.Field, n int) []string {
	if d.s.RowKeys != nil {
		return d.s.RowKeys(list)
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = strconv.Itoa(i + 1)
	}
	return keys
}

func (d *drawing) rows(out *Field, list *schemas.Field, v schemas.Value) {
	items := v.Items()
	out.Dropped = d.s.Dropped[list.ID]
	keys := d.rowKeys(list, len(items))
	out.Full = len(items) >= list.MaxItems
	for i, item := range items {
		path := list.Name + "." + keys[i]
		row := &Row{Path: path, ID: "r-" + strings.ReplaceAll(path, ".", "-"), Key: keys[i], N: i + 1, First: i == 0, Last: i == len(items)-1}
		for _, column := range list.Fields {
			row.Fields = append(row.Fields, d.field(column, path+"."+column.Name, i, item.Fields[column.ID], d.s.Assessment.RelevantInRow(column.ID, i) && !column.ByProgram))
		}
		out.Rows = append(out.Rows, row)
	}
}
