package schemas

import (
	"strings"

	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// ParseTyped reads the value of one field from what a person typed or chose on a
// screen. It is ParseInput, but that an amount of money without a unit is in toman,
// as people speak of money, that a date is a Jalali one, that the accuracy of a place may stand behind ±, and
// that the corners of an area stand one a line. It returns a *FieldError.
func ParseTyped(form *Form, lists Lists, field *Field, text string) (Value, error) {
	if strings.TrimSpace(text) == "" {
		return Value{}, nil
	}
	fail := func(key messageKey, args ...arg) (Value, error) {
		return Value{}, &FieldError{field.Name, say(key, append(args, labelArg(field.Label))...)}
	}
	switch field.Type {
	case TypeDate:
		// Dates on a screen are Jalali ones: another calendar's is asked back, also where
		// it could be read.
		date, err := jalali.Parse(text)
		if err != nil {
			key, near := askDate(err)
			return fail(key, near, wordArg("value", clip(text)))
		}
		return DateValue(int32(date.EpochDay())), nil
	case TypeMoney:
		rial, err := persian.ParseMoney(text, persian.Toman)
		if err != nil {
			return fail(msgTypedMoney, wordArg("value", clip(text)))
		}
		return IntValue(rial), nil
	case TypePoint:
		p, err := readTypedPoint(text)
		if err != nil {
			return fail(msgTypedPlace, wordArg("value", clip(text)))
		}
		return PointValue(p), nil
	case TypePolygon:
		var ring []Point
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			p, err := readTypedPoint(line)
			if err != nil || len(ring) == MaxCorners {
				return fail(msgTypedCorners, countArg("count", len(ring)+1), countArg("max", MaxCorners))
			}
			ring = append(ring, p)
		}
		return PolygonValue(ring), nil
	}
	return ParseInput(form, lists, field, text)
}

// readTypedPoint reads latitude, longitude and, perhaps, the accuracy in metres.
func readTypedPoint(text string) (Point, error) {
	return readPoint(node{}, strings.TrimSpace(strings.ReplaceAll(text, "±", " ")))
}
