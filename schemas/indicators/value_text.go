package indicators

import (
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// units stand behind the numbers of a kind.
var units = map[Kind]schemas.Text{
	KindDays:    {Fa: "روز", En: "days"},
	KindHours:   {Fa: "ساعت", En: "hours"},
	KindMinutes: {Fa: "دقیقه", En: "minutes"},
	KindRial:    {Fa: "ریال", En: "rial"},
}

// colours are the names of colours.
var colours = map[Colour]schemas.Text{
	Green: {Fa: "سبز", En: "green"}, Yellow: {Fa: "زرد", En: "yellow"}, Red: {Fa: "قرمز", En: "red"}, Blank: {Fa: "بی‌داده", En: "no data"},
}

// In is the value as people read it, in "fa" or "en", with its unit. lists find
// the label of a code; without them, or for a code they do not know, it is the
// code itself.
func (v Value) In(lang string, lists schemas.Lists) string {
	english := lang == "en"
	digits := func(s string) string {
		if english {
			return s
		}
		return persian.ToPersianDigits(s)
	}
	switch {
	case v.State == Unknown:
		return "—"
	case v.State == Hidden:
		return schemas.Text{Fa: "پنهان", En: "hidden"}.In(lang)
	case v.State == Small:
		return digits(schemas.Text{Fa: "کمتر از 5", En: "<5"}.In(lang))
	}
	switch v.Kind {
	case KindText:
		return v.Text
	case KindColour:
		if text, known := colours[Colour(v.Text)]; known {
			return text.In(lang)
		}
		return v.Text
	case KindCode:
		if lists != nil {
			if list, ok := lists.List(v.List); ok {
				if item, ok := list.Item(v.Text); ok {
					return item.Label.In(lang)
				}
			}
		}
		return v.Text
	case KindMonth:
		return digits(strings.Replace(monthName(v.Number.Mantissa), "-", "/", 1))
	case KindDate:
		if d, err := jalali.Day(v.Number.Mantissa).Date(); err == nil {
			return digits(d.String())
		}
	}
	text := v.numberIn(english)
	if unit, has := units[v.Kind]; has {
		text += " " + unit.In(lang)
	}
	return text
}

func (v Value) numberIn(english bool) string {
	if !english {
		return persian.FormatNumber(persian.Number{Coefficient: v.Number.Mantissa, Scale: int(v.Number.Scale), Percent: v.Kind == KindPercent})
	}
	text := fixed(v.Number)
	whole, fraction, broken := strings.Cut(text, ".")
	if !broken {
		text = persian.FormatIntASCII(v.Number.Mantissa)
	} else if n := v.Number.Mantissa / power10(v.Number.Scale); n != 0 {
		text = persian.FormatIntASCII(n) + "." + fraction
	} else {
		text = whole + "." + fraction
	}
	if v.Kind == KindPercent {
		text += "%"
	}
	return text
}

func power10(digits uint8) int64 {
	n := int64(1)
	for range digits {
		n *= 10
	}
	return n
}
