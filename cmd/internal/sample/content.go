package sample

import (
	"fmt"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// dec is a decimal number of hundredths.
type dec int64

// rows are the rows of a list.
type rows []fields

// contentOf makes a record of what a form is filled in with. A nil value leaves
// its field empty.
func contentOf(form *schemas.Form, v fields) (schemas.Record, error) {
	r := schemas.Record{Form: form.ID, Fields: make(map[schemas.FieldID]schemas.Value, len(v))}
	for name, x := range v {
		f, ok := form.FieldByName(name)
		if !ok {
			return r, fmt.Errorf("there is no field %s", name)
		}
		if x == nil {
			continue
		}
		value, err := valueOf(f, x)
		if err != nil {
			return r, fmt.Errorf("field %s: %w", name, err)
		}
		r.Fields[f.ID] = value
	}
	return r, nil
}

func valueOf(f *schemas.Field, x any) (schemas.Value, error) {
	switch x := x.(type) {
	case bool:
		return schemas.BoolValue(x), nil
	case int:
		if f.Type == schemas.TypeDecimal {
			return schemas.DecimalValue(schemas.Decimal{Mantissa: int64(x)}), nil
		}
		return schemas.IntValue(int64(x)), nil
	case dec:
		return schemas.DecimalValue(schemas.Decimal{Mantissa: int64(x), Scale: 2}), nil
	case jalali.Day:
		return schemas.DateValue(int32(x)), nil
	case schemas.Point:
		return schemas.PointValue(x), nil
	case []schemas.Point:
		return schemas.PolygonValue(x), nil
	case recordID:
		if f.Type == schemas.TypeReferences {
			return schemas.RefsValue(schemas.ID(x)), nil
		}
		return schemas.RefValue(schemas.ID(x)), nil
	case []recordID:
		ids := make([]schemas.ID, len(x))
		for i, id := range x {
			ids[i] = schemas.ID(id)
		}
		return schemas.RefsValue(ids...), nil
	case []string:
		return schemas.CodesValue(x...), nil
	case string:
		if f.Type == schemas.TypeText || f.Type == schemas.TypeLongText {
			return schemas.TextValue(x), nil
		}
		return schemas.CodeValue(x), nil
	case rows:
		return rowsOf(f, x)
	}
	return schemas.Value{}, fmt.Errorf("a %T cannot be filled in", x)
}

func rowsOf(list *schemas.Field, all rows) (schemas.Value, error) {
	items := make([]schemas.Item, 0, len(all))
	for _, row := range all {
		item := schemas.Item{Fields: make(map[schemas.FieldID]schemas.Value, len(row))}
		for name, x := range row {
			f := columnOf(list, name)
			if f == nil {
				return schemas.Value{}, fmt.Errorf("there is no column %s", name)
			}
			if x == nil {
				continue
			}
			value, err := valueOf(f, x)
			if err != nil {
				return schemas.Value{}, fmt.Errorf("column %s: %w", name, err)
			}
			item.Fields[f.ID] = value
		}
		items = append(items, item)
	}
	return schemas.ItemsValue(items), nil
}

func columnOf(list *schemas.Field, name string) *schemas.Field {
	for _, f := range list.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}
