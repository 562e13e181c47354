package schemas

// Normalise returns the record as it is stored: texts cleaned, numbers of the kind
// their field has, sets sorted, empty values left out, computed fields dropped
// since they are never stored. A value that does not fit its field, and a field
// that the form does not know, stay as they are. Normalising twice changes nothing.
func Normalise(form *Form, record Record) Record {
	return Record{Form: record.Form, Fields: normaliseFields(form.byID, 0, record.Fields)}
}

// normaliseFields normalises the fields of a record (parent 0) or of a row of the list parent.
func normaliseFields(known map[FieldID]*Field, parent FieldID, fields map[FieldID]Value) map[FieldID]Value {
	out := make(map[FieldID]Value, len(fields))
	for id, value := range fields {
		field, ok := known[id]
		if ok && field.Parent == parent {
			if !field.Stored() {
				continue
			}
			value = normaliseValue(known, field, value)
		}
		if !value.IsEmpty() {
			out[id] = value
		}
	}
	return out
}

func normaliseValue(known map[FieldID]*Field, field *Field, value Value) Value {
	want, _ := field.Type.ValueKind()
	switch {
	case value.kind == KindText && (want == KindText || want == KindCode):
		cleaned, ok := cleanInput(value.text, field.Type == TypeLongText)
		if !ok {
			return value // kept as it is: no byte of a person's text is dropped here
		}
		if want == KindCode {
			return CodeValue(cleaned)
		}
		return TextValue(cleaned)
	case value.kind == KindInt && want == KindDecimal:
		return DecimalValue(value.Decimal())
	case value.kind == KindDecimal && want == KindInt:
		if whole, ok := value.Decimal().Int64(); ok {
			return IntValue(whole)
		}
	case value.kind == KindCode && want == KindCodes:
		return CodesValue(value.text)
	case value.kind == KindRef && want == KindRefs:
		return RefsValue(value.Ref())
	case value.kind == KindDecimal:
		return DecimalValue(value.Decimal())
	case value.kind == KindItems:
		items := make([]Item, len(value.Items()))
		for i, item := range value.Items() {
			items[i] = Item{ID: item.ID, Fields: normaliseFields(known, field.ID, item.Fields)}
		}
		return ItemsValue(items)
	}
	return value
}
