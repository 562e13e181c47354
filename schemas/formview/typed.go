package formview

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// Answers of a yes-or-no question, as its control sends them.
const (
	answerYes = "yes"
	answerNo  = "no"
)

// Typed is the text that stands in a value's control, and that schemas.ParseTyped reads back:
// money in toman, dates Jalali, codes and ids apart by blanks, the corners of an
// area one a line.
func (t *Teller) Typed(f *schemas.Field, v schemas.Value) string {
	switch v.Kind() {
	case schemas.KindBool:
		if v.Bool() {
			return answerYes
		}
		return answerNo
	case schemas.KindInt:
		if f.Type == schemas.TypeMoney {
			return t.decimal(tomanText(v.Int()))
		}
		return t.Digits(strconv.FormatInt(v.Int(), 10))
	case schemas.KindDecimal:
		return t.decimal(v.Decimal().String())
	case schemas.KindText:
		return v.Text()
	case schemas.KindCode:
		return v.Code()
	case schemas.KindCodes:
		return strings.Join(v.Codes(), " ")
	case schemas.KindDate:
		date, err := jalali.Day(v.Date()).Date()
		if err != nil {
			return jalali.Day(v.Date()).ISO()
		}
		return t.Digits(date.String())
	case schemas.KindRef:
		return idText(v.Ref())
	case schemas.KindRefs:
		return strings.Join(idTexts(v.Refs()), " ")
	case schemas.KindPoint:
		return pointText(v.Point())
	case schemas.KindPolygon:
		corners := make([]string, len(v.Polygon()))
		for i, p := range v.Polygon() {
			corners[i] = pointText(p)
		}
		return strings.Join(corners, "\n")
	}
	return ""
}

func pointText(p schemas.Point) string {
	text := p.Lat().String() + ", " + p.Lon().String()
	if p.AccuracyDM > 0 {
		text += " ±" + p.AccuracyM().String()
	}
	return text
}

// tomanText writes an amount of rial in toman: the last rial are its decimal.
func tomanText(rial int64) string {
	text := strconv.FormatInt(rial/10, 10)
	if rest := rial % 10; rest != 0 {
		if rial < 0 && rial > -10 {
			text = "-0"
		}
		text += "." + strconv.FormatInt(max(rest, -rest), 10)
	}
	return text
}

func idText(id schemas.ID) string { return uuid.UUID(id).String() }

func idTexts(ids []schemas.ID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = idText(id)
	}
	return all
}

func readID(text string) (schemas.ID, error) {
	id, err := uuid.Parse(text)
	return schemas.ID(id), err
}
