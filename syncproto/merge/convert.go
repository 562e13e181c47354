package merge

import (
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// toWire returns a single value of a field of this type as it travels; false
// for kinds that are not single values.
func toWire(t schemas.Type, v schemas.Value) (syncproto.Value, bool) {
	switch v.Kind() {
	case schemas.KindEmpty:
		return syncproto.None(), true
	case schemas.KindBool:
		return syncproto.Bool(v.Bool()), true
	case schemas.KindInt:
		switch t {
		case schemas.TypeMoney:
			return syncproto.Money(v.Int()), true
		case schemas.TypeJalaliYear:
			return syncproto.Year(int32(v.Int())), true
		case schemas.TypeCounter:
			return syncproto.Increment(v.Int()), true
		}
		return syncproto.Int(v.Int()), true
	case schemas.KindDecimal:
		d := v.Decimal()
		return syncproto.Decimal(d.Mantissa, d.Scale), true
	case schemas.KindText:
		return syncproto.Text(v.Text()), true
	case schemas.KindCode:
		return syncproto.Code(v.Code()), true
	case schemas.KindDate:
		return syncproto.Date(v.Date()), true
	case schemas.KindRef:
		return syncproto.Ref(v.Ref()), true
	case schemas.KindPoint:
		p := v.Point()
		return syncproto.At(syncproto.Point{LatE7: p.LatE7, LonE7: p.LonE7, AccuracyDM: p.AccuracyDM}), true
	case schemas.KindPolygon:
		ring := v.Polygon()
		points := make([]syncproto.Point, len(ring))
		for i, p := range ring {
			points[i] = syncproto.Point{LatE7: p.LatE7, LonE7: p.LonE7}
		}
		return syncproto.Polygon(points), true
	}
	return syncproto.Value{}, false
}

// FromWire returns a travelling value as the form language sees it; a value of
// a type that this program does not know is empty.
func FromWire(v syncproto.Value) schemas.Value {
	if b, ok := v.AsBool(); ok {
		return schemas.BoolValue(b)
	}
	if n, ok := v.AsInt(); ok {
		if v.Type == syncproto.TypeDate {
			return schemas.DateValue(int32(n))
		}
		return schemas.IntValue(n)
	}
	if m, scale, ok := v.AsDecimal(); ok {
		return schemas.DecimalValue(schemas.Decimal{Mantissa: m, Scale: scale})
	}
	if s, ok := v.AsText(); ok {
		if v.Type == syncproto.TypeCode {
			return schemas.CodeValue(s)
		}
		return schemas.TextValue(s)
	}
	if id, ok := v.AsRef(); ok {
		return schemas.RefValue(id)
	}
	if p, ok := v.AsPoint(); ok {
		return schemas.PointValue(schemas.Point{LatE7: p.LatE7, LonE7: p.LonE7, AccuracyDM: p.AccuracyDM})
	}
	if ring, ok := v.AsPolygon(); ok {
		points := make([]schemas.Point, len(ring))
		for i, p := range ring {
			points[i] = schemas.Point{LatE7: p.LatE7, LonE7: p.LonE7}
		}
		return schemas.PolygonValue(points)
	}
	return schemas.Value{}
}

// fitsType reports whether a travelling value may stand in a field of the type.
func fitsType(t schemas.Type, v syncproto.ValueType) bool {
	if v == syncproto.TypeNone {
		return t != schemas.TypeCounter && t != schemas.TypeState
	}
	switch t {
	case schemas.TypeText:
		return v == syncproto.TypeText
	case schemas.TypeLongText:
		return v == syncproto.TypeLongText
	case schemas.TypeInteger:
		return v == syncproto.TypeInt
	case schemas.TypeDecimal:
		return v == syncproto.TypeDecimal
	case schemas.TypeMoney:
		return v == syncproto.TypeMoney
	case schemas.TypeDate:
		return v == syncproto.TypeDate
	case schemas.TypeJalaliYear:
		return v == syncproto.TypeYear
	case schemas.TypeBoolean:
		return v == syncproto.TypeTrue || v == syncproto.TypeFalse
	case schemas.TypeCode, schemas.TypeCodes:
		return v == syncproto.TypeCode
	case schemas.TypeReference, schemas.TypeReferences:
		return v == syncproto.TypeRef
	case schemas.TypePoint:
		return v == syncproto.TypePoint
	case schemas.TypePolygon:
		return v == syncproto.TypePolygon
	case schemas.TypeCounter:
		return v == syncproto.TypeIncrement
	case schemas.TypeAttachment:
		return v == syncproto.TypeAttachment
	case schemas.TypeState:
		return v == syncproto.TypeTransition
	}
	return false
}
