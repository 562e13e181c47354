package formview

import (
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
)

// Teller writes the values of a record for a reader of one language.
type Teller struct {
	*Words
	// Lists are the code lists whose labels are shown.
	Lists schemas.Lists
	// Title names the record that a reference points to, "" where it is not known
	// here. It may be nil.
	Title func(schemas.ID) string
}

// Shown writes a value as one line for reading, "" for an empty one. A field that
// is nil writes a value whose field is not known.
func (t *Teller) Shown(f *schemas.Field, v schemas.Value) string {
	if f == nil {
		f = &schemas.Field{}
	}
	switch v.Kind() {
	case schemas.KindEmpty:
		return ""
	case schemas.KindBool:
		if v.Bool() {
			return t.Say("view_form.value.yes", nil)
		}
		return t.Say("view_form.value.no", nil)
	case schemas.KindInt:
		switch f.Type {
		case schemas.TypeMoney:
			return t.Money(v.Int())
		case schemas.TypeJalaliYear:
			return t.Digits(strconv.FormatInt(v.Int(), 10))
		}
		return t.unit(f, t.Number(v.Int()))
	case schemas.KindDecimal:
		return t.unit(f, t.decimal(v.Decimal().String()))
	case schemas.KindText:
		// A device that checks nothing may send controls that turn what follows round.
		return texts.DropDirectionControls(v.Text())
	case schemas.KindCode:
		return t.Code(f.List, v.Code())
	case schemas.KindCodes:
		return t.join(v.Codes(), func(code string) string { return t.Code(f.List, code) })
	case schemas.KindDate:
		return t.Date(jalali.Day(v.Date()))
	case schemas.KindRef:
		return t.Record(v.Ref())
	case schemas.KindRefs:
		return t.join(idTexts(v.Refs()), func(id string) string {
			read, _ := readID(id)
			return t.Record(read)
		})
	case schemas.KindPoint:
		return t.point(v.Point())
	case schemas.KindPolygon:
		return t.Say("view_form.value.corners", texts.Args{"n": len(v.Polygon())})
	case schemas.KindItems:
		return t.Say("view_form.value.rows", texts.Args{"n": len(v.Items())})
	case schemas.KindAttachments:
		return t.Say("view_form.value.files", texts.Args{"n": len(v.Attachments())})
	}
	return v.Kind().String()
}

// Code is the label of a code in a list, or the code itself.
func (t *Teller) Code(list, code string) string {
	if l, ok := t.Lists.List(list); ok {
		if item, ok := l.Item(code); ok {
			return item.Label.In(t.Lang())
		}
	}
	return code
}

// Record names a record that another one points to.
func (t *Teller) Record(id schemas.ID) string {
	if t.Title != nil {
		if title := t.Title(id); title != "" {
			return title
		}
	}
	return t.Say("view_form.value.elsewhere", texts.Args{"id": texts.Isolate(ShortID(id))})
}

// ShortID is the end of an id, by which people tell records apart.
func ShortID(id schemas.ID) string {
	text := idText(id)
	return text[len(text)-8:]
}

// Row writes the values of a row in one line.
func (t *Teller) Row(list *schemas.Field, row schemas.Item) string {
	var parts []string
	for _, column := range list.Fields {
		if text := t.Shown(column, row.Fields[column.ID]); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " · ")
}

func (t *Teller) point(p schemas.Point) string {
	text := p.Lat().String() + ", " + p.Lon().String()
	if p.AccuracyDM == 0 {
		return texts.Isolate(text)
	}
	return t.Say("view_form.value.point", texts.Args{"place": text, "metres": t.decimal(p.AccuracyM().String())})
}

func (t *Teller) decimal(s string) string {
	if !t.Persian() {
		return s
	}
	return persian.ToPersianDigits(strings.Replace(s, ".", "٫", 1))
}

func (t *Teller) unit(f *schemas.Field, number string) string {
	if unit := f.Unit.In(t.Lang()); unit != "" {
		return number + " " + unit
	}
	return number
}

func (t *Teller) join(all []string, name func(string) string) string {
	named := make([]string, len(all))
	for i, one := range all {
		named[i] = name(one)
	}
	return strings.Join(named, t.Say("view_form.value.comma", nil))
}
