package report

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// columnsOf says how a field's values stand in columns, as people who ask in SQL
// expect them: days as ISO texts, codes as themselves, ids as texts, sets as JSON
// arrays, shapes as well-known text, points as two columns of degrees. A computed
// field has none.
func columnsOf(f *schemas.Field) []column {
	one := func(kind string, write func(schemas.Value) any) []column {
		return []column{{name: f.Name, kind: kind, field: f, write: write}}
	}
	kind, _ := f.Type.ValueKind()
	switch kind {
	case schemas.KindText:
		return one("TEXT", func(v schemas.Value) any { return v.Text() })
	case schemas.KindInt:
		return one("INTEGER", func(v schemas.Value) any { return v.Int() })
	case schemas.KindBool:
		return one("INTEGER", func(v schemas.Value) any { return v.Bool() })
	case schemas.KindCode:
		return one("TEXT", func(v schemas.Value) any { return v.Code() })
	case schemas.KindDecimal:
		return one("REAL", func(v schemas.Value) any { return v.Decimal().Float() })
	case schemas.KindDate:
		return one("TEXT", func(v schemas.Value) any { return jalali.Day(v.Date()).ISO() })
	case schemas.KindRef:
		return one("TEXT", func(v schemas.Value) any { return idText(v.Ref()) })
	case schemas.KindCodes:
		return one("TEXT", func(v schemas.Value) any { return array(v.Codes()) })
	case schemas.KindRefs:
		return one("TEXT", func(v schemas.Value) any {
			ids := make([]string, len(v.Refs()))
			for i, id := range v.Refs() {
				ids[i] = idText(id)
			}
			return array(ids)
		})
	case schemas.KindAttachments:
		return one("TEXT", func(v schemas.Value) any {
			roots := make([]string, len(v.Attachments()))
			for i, a := range v.Attachments() {
				roots[i] = hex.EncodeToString(a.Root[:])
			}
			return array(roots)
		})
	case schemas.KindPolygon:
		return one("TEXT", func(v schemas.Value) any { return polygon(v.Polygon()) })
	case schemas.KindPoint:
		return []column{
			{name: f.Name + ".lat", kind: "REAL", field: f, write: func(v schemas.Value) any { return degrees(v.Point().LatE7) }},
			{name: f.Name + ".lon", kind: "REAL", field: f, write: func(v schemas.Value) any { return degrees(v.Point().LonE7) }},
		}
	}
	return nil
}

// idText is an id as exports and commands have it.
func idText(id schemas.ID) string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// degrees are a coordinate's 1e-7 degrees as degrees.
func degrees(e7 int32) float64 { return float64(e7) / 1e7 }

func array(all []string) string {
	// Texts always encode.
	b, err := json.Marshal(all)
	if err != nil {
		return fmt.Sprint(all)
	}
	return string(b)
}

func polygon(ring []schemas.Point) string {
	if len(ring) == 0 {
		return "POLYGON EMPTY"
	}
	var b strings.Builder
	b.WriteString("POLYGON((")
	at := func(p schemas.Point) {
		b.WriteString(strconv.FormatFloat(degrees(p.LonE7), 'f', -1, 64) + " " + strconv.FormatFloat(degrees(p.LatE7), 'f', -1, 64))
	}
	for _, p := range ring {
		at(p)
		b.WriteString(", ")
	}
	// A ring ends where it begins.
	at(ring[0])
	b.WriteString("))")
	return b.String()
}
