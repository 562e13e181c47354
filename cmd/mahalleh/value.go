package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/expr"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// plainValue is a travelling value as JSON results have it: dates in ISO form,
// decimals exact, places as [latitude, longitude]. A value of a type that this
// program does not know stands with its bytes, so that nothing is left out.
func plainValue(v syncproto.Value) any {
	if v.IsNone() {
		return nil
	}
	if b, ok := v.AsBool(); ok {
		return b
	}
	if n, ok := v.AsInt(); ok {
		if v.Type == syncproto.TypeDate {
			return jalali.Day(n).ISO()
		}
		return n
	}
	if m, scale, ok := v.AsDecimal(); ok {
		return json.Number(expr.Decimal{Mantissa: m, Scale: scale}.String())
	}
	if s, ok := v.AsText(); ok {
		return s
	}
	if id, ok := v.AsRef(); ok {
		return id.String()
	}
	if id, ok := v.AsScope(); ok {
		return id.String()
	}
	return plainShape(v)
}

func plainShape(v syncproto.Value) any {
	if p, ok := v.AsPoint(); ok {
		return plainPoint(p)
	}
	if ring, ok := v.AsPolygon(); ok {
		points := make([][2]json.Number, len(ring))
		for i, p := range ring {
			points[i] = plainPoint(p)
		}
		return points
	}
	if from, to, ok := v.AsTransition(); ok {
		return map[string]string{"from": from, "to": to}
	}
	if size, media, root, ok := v.AsAttachment(); ok {
		return map[string]any{"size": size, "media_type": media, "root": root.String()}
	}
	raw := map[string]any{"type": v.Type}
	switch v.Type.Class() {
	case syncproto.ClassVarint:
		raw["number"] = v.Num()
	case syncproto.ClassFixed:
		raw["id"] = syncproto.ItemID(v.ID()).String()
	case syncproto.ClassBytes:
		raw["bytes"] = base64.StdEncoding.EncodeToString([]byte(v.Bytes()))
	}
	return raw
}

// degreeDigits is how many digits after the point the parts of a place have.
const degreeDigits = 7

func plainPoint(p syncproto.Point) [2]json.Number {
	degrees := func(e7 int32) json.Number {
		return json.Number(expr.Decimal{Mantissa: int64(e7), Scale: degreeDigits}.Trim().String())
	}
	return [2]json.Number{degrees(p.LatE7), degrees(p.LonE7)}
}

// label is the text of a code in its list in both languages, nil for any other
// value.
func label(forms *schemas.Package, field *schemas.Field, v syncproto.Value) *schemas.Text {
	if field == nil || field.List == "" {
		return nil
	}
	code, ok := v.AsText()
	if _, to, step := v.AsTransition(); step {
		code, ok = to, true
	}
	list, known := forms.List(field.List)
	if !ok || !known {
		return nil
	}
	item, known := list.Item(code)
	if !known {
		return nil
	}
	return &item.Label
}

// valueItem is a value as commands print it.
type valueItem struct {
	Value any `json:"value"`
	// Label is what a code or a day is called in both languages.
	Label *schemas.Text `json:"label,omitempty"`
}

// dateText is a day in both calendars, nil for one that has no Jalali date.
func dateText(d jalali.Day) *schemas.Text {
	date, err := d.Date()
	if err != nil {
		return nil
	}
	return &schemas.Text{Fa: date.Fa(), En: d.ISO()}
}

func (n *names) value(field *schemas.Field, v syncproto.Value) valueItem {
	item := valueItem{Value: plainValue(v), Label: label(n.forms, field, v)}
	if days, ok := v.AsInt(); ok && v.Type == syncproto.TypeDate {
		item.Label = dateText(jalali.Day(days))
	}
	if id, ok := v.AsScope(); ok {
		if scope, known := n.scopes[id]; known {
			item.Value = scope
		}
	}
	return item
}

// text is a value in one line for a person.
func (v valueItem) text(a *cli.App) string {
	if v.Label != nil {
		return v.Label.In(string(a.Lang()))
	}
	switch x := v.Value.(type) {
	case nil:
		return "–"
	case bool:
		if x {
			return a.T("mahalleh_data.value.yes")
		}
		return a.T("mahalleh_data.value.no")
	case json.Number: // as every number comes out of a result
		if a.Lang() == cli.Persian {
			return persian.ToPersianDigits(strings.ReplaceAll(x.String(), ".", "٫"))
		}
		return x.String()
	case string:
		return x
	case map[string]any, []any:
		raw, err := marshal(x)
		if err != nil {
			return fmt.Sprint(x)
		}
		return string(raw)
	}
	return fmt.Sprint(v.Value)
}
