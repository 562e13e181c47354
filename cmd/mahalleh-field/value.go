package main

import (
	"context"
	"fmt"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// shown writes a value in one line for a person; "–" for an empty one.
func (d *device) shown(ctx context.Context, f *schemas.Field, v schemas.Value) string {
	a := d.app
	switch v.Kind() {
	case schemas.KindEmpty:
		return "–"
	case schemas.KindBool:
		if v.Bool() {
			return a.T("field.value.yes")
		}
		return a.T("field.value.no")
	case schemas.KindInt:
		return d.number(f, v.Int())
	case schemas.KindDecimal:
		return d.unit(f, digits(a, strings.ReplaceAll(v.Decimal().String(), ".", a.T("field.value.point"))))
	case schemas.KindText:
		return v.Text()
	case schemas.KindCode:
		return d.codeText(f, v.Code())
	case schemas.KindCodes:
		all := make([]string, len(v.Codes()))
		for i, code := range v.Codes() {
			all[i] = d.codeText(f, code)
		}
		return strings.Join(all, d.comma())
	case schemas.KindDate:
		return day(a, jalali.Day(v.Date()))
	case schemas.KindRef:
		return d.reference(ctx, syncproto.RecordID(v.Ref()))
	case schemas.KindRefs:
		all := make([]string, len(v.Refs()))
		for i, id := range v.Refs() {
			all[i] = d.reference(ctx, syncproto.RecordID(id))
		}
		return strings.Join(all, d.comma())
	case schemas.KindPoint:
		p := v.Point()
		text := fmt.Sprintf("%s, %s", p.Lat(), p.Lon())
		if p.AccuracyDM > 0 {
			text += fmt.Sprintf(" ±%s m", p.AccuracyM())
		}
		return text
	case schemas.KindPolygon:
		return a.T("field.value.corners", cli.Args{"n": len(v.Polygon())})
	case schemas.KindItems:
		return a.T("field.value.rows", cli.Args{"n": len(v.Items())})
	case schemas.KindAttachments:
		return a.T("field.value.files", cli.Args{"n": len(v.Attachments())})
	}
	return v.Kind().String()
}

// number writes a whole number as its field wants it: money in toman, years
// without grouping, everything else grouped and with its unit.
func (d *device) number(f *schemas.Field, n int64) string {
	if f != nil {
		switch f.Type {
		case schemas.TypeMoney:
			return d.money(n)
		case schemas.TypeJalaliYear:
			return digits(d.app, plain(n))
		}
	}
	return d.unit(f, d.app.Catalogue().Number(n))
}

// money writes an amount of rial in toman, as people speak of it.
func (d *device) money(rial int64) string {
	if d.app.Lang() == cli.Persian {
		return persian.FormatToman(rial)
	}
	text := persian.FormatIntASCII(rial / int64(persian.Toman))
	if rest := rial % int64(persian.Toman); rest != 0 {
		text += fmt.Sprintf(".%d", max(rest, -rest))
	}
	return d.app.T("field.value.toman", cli.Args{"amount": text})
}

func (d *device) unit(f *schemas.Field, number string) string {
	if f == nil || f.Unit.Fa == "" {
		return number
	}
	return number + " " + f.Unit.In(d.lang())
}

func (d *device) comma() string {
	if d.app.Lang() == cli.Persian {
		return "، "
	}
	return ", "
}

// codeText is the label of a code in its field's list, or the code itself.
func (d *device) codeText(f *schemas.Field, code string) string {
	if f != nil {
		if list, ok := d.Forms().List(f.List); ok {
			if item, ok := list.Item(code); ok {
				return item.Label.In(d.lang())
			}
		}
	}
	return code
}

// reference writes a record that another one refers to: its title and the end
// of its id. What this device does not hold is shown by its id alone.
func (d *device) reference(ctx context.Context, id syncproto.RecordID) string {
	title, err := d.Label(ctx, id, d.lang())
	if err != nil || title == "" {
		return id.String()
	}
	return title + " [" + shortID(id.String()) + "]"
}

// parse reads what a person typed for a field, or for a column of rows. Unlike
// JSON it takes amounts of money in toman, y and n for yes and no, and ids of
// records cut short.
func (d *device) parse(ctx context.Context, form *schemas.Form, f *schemas.Field, text string) (schemas.Value, error) {
	switch f.Type {
	case schemas.TypeMoney:
		return d.parseMoney(f, text)
	case schemas.TypeBoolean:
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "y", "ب":
			return schemas.BoolValue(true), nil
		case "n", "ن":
			return schemas.BoolValue(false), nil
		}
	case schemas.TypeReference, schemas.TypeReferences:
		words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,،;؛\n", r) })
		for i, word := range words {
			if id, err := d.find(ctx, word); err == nil {
				words[i] = id.String()
			}
		}
		text = strings.Join(words, " ")
	}
	return schemas.ParseInput(form, d.Forms(), f, text)
}

func (d *device) parseMoney(f *schemas.Field, text string) (schemas.Value, error) {
	if strings.TrimSpace(text) == "" {
		return schemas.Value{}, nil
	}
	rial, err := persian.ParseMoney(text, persian.Toman)
	if err != nil {
		return schemas.Value{}, &cli.Error{Code: cli.DataInvalid, Key: "field.value.bad_money",
			Args: cli.Args{"field": f.Label.In(d.lang()), "text": text}, Hint: "field.value.bad_money_hint", Cause: err}
	}
	return schemas.IntValue(rial), nil
}
