package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"mahalleh/schemas/expr"
	"mahalleh/schemas/jalali"
)

// EncodeJSON writes a record as DecodeJSON reads it, fields in the form's order,
// indented, with a line end. Empty values are left out. Values whose field the
// form does not know, or whose kind is not the field's, stand as "#id" with their
// kind, so that nothing is lost on the way through an older form.
func EncodeJSON(form *Form, record Record) ([]byte, error) {
	if record.Form != form.ID {
		return nil, fmt.Errorf("record of form %d cannot be written as %s (form %d)", record.Form, form.Name, form.ID)
	}
	var out bytes.Buffer
	writeFields(&out, form.fields, record.Fields, "")
	var indented bytes.Buffer
	if err := json.Indent(&indented, out.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("indent record: %w", err)
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// writeFields writes an object; head is what stands first in it, with its comma.
func writeFields(out *bytes.Buffer, known []*Field, fields map[FieldID]Value, head string) {
	out.WriteByte('{')
	out.WriteString(head)
	separator := ""
	if head != "" {
		separator = ","
	}
	written := make(map[FieldID]bool, len(known))
	for _, field := range known {
		value, ok := fields[field.ID]
		if !ok {
			continue
		}
		kind, _ := field.Type.ValueKind()
		if value.IsEmpty() || value.kind == kind {
			written[field.ID] = true
		}
		if value.IsEmpty() || value.kind != kind {
			continue
		}
		out.WriteString(separator)
		separator = ","
		writeString(out, field.Name)
		out.WriteByte(':')
		writeValue(out, value, field.Fields)
	}
	var unknown []FieldID
	for id, value := range fields {
		if !written[id] && !value.IsEmpty() {
			unknown = append(unknown, id)
		}
	}
	slices.Sort(unknown)
	for _, id := range unknown {
		fmt.Fprintf(out, `%s"#%d":{"kind":"%s","value":`, separator, id, fields[id].kind)
		separator = ","
		writeValue(out, fields[id], nil)
		out.WriteByte('}')
	}
	out.WriteByte('}')
}

func writeValue(out *bytes.Buffer, v Value, columns []*Field) {
	switch v.kind {
	case KindBool:
		out.WriteString(strconv.FormatBool(v.Bool()))
	case KindInt, KindDecimal:
		out.WriteString(v.Decimal().String())
	case KindText, KindCode:
		writeString(out, v.text)
	case KindCodes:
		writeArray(out, v.Codes(), writeString)
	case KindDate:
		writeString(out, jalali.Day(v.Date()).ISO())
	case KindRef:
		writeString(out, uuid.UUID(v.Ref()).String())
	case KindRefs:
		writeArray(out, v.Refs(), func(out *bytes.Buffer, id ID) { writeString(out, uuid.UUID(id).String()) })
	case KindPoint:
		writePoint(out, v.Point())
	case KindPolygon:
		writeArray(out, v.Polygon(), writePoint)
	case KindItems:
		writeArray(out, v.Items(), func(out *bytes.Buffer, item Item) {
			head := ""
			if item.ID != (ID{}) {
				head = `"id":"` + uuid.UUID(item.ID).String() + `"`
			}
			writeFields(out, columns, item.Fields, head)
		})
	case KindAttachments:
		writeArray(out, v.Attachments(), func(out *bytes.Buffer, file Attachment) {
			fmt.Fprintf(out, `{"id":"%s","size":%d,"media_type":`, uuid.UUID(file.ID), file.Size)
			writeString(out, file.MediaType)
			fmt.Fprintf(out, `,"root":"%x"}`, file.Root)
		})
	default:
		out.WriteString("null")
	}
}

func writeArray[E any](out *bytes.Buffer, elements []E, write func(*bytes.Buffer, E)) {
	out.WriteByte('[')
	for i, element := range elements {
		if i > 0 {
			out.WriteByte(',')
		}
		write(out, element)
	}
	out.WriteByte(']')
}

func writePoint(out *bytes.Buffer, p Point) {
	fmt.Fprintf(out, `{"lat":%s,"lon":%s`, p.Lat(), p.Lon())
	if p.AccuracyDM != 0 {
		fmt.Fprintf(out, `,"accuracy_m":%s`, p.AccuracyM())
	}
	out.WriteByte('}')
}

// writeString writes a JSON text that people can read: no escapes for < > &.
func writeString(out *bytes.Buffer, s string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	// A string always encodes; the encoder's only error is the buffer's, which has none.
	_ = encoder.Encode(s)
	out.Truncate(out.Len() - 1) // the line end that Encode adds
}

var errUnknownValue = errors.New("not a value of an unknown field")

// readUnknown reads a member "#id" as writeFields wrote it.
func readUnknown(name string, n node) (FieldID, Value, error) {
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, Value{}, errUnknownValue
	}
	id, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || !n.isObject() || len(n.members) != 2 {
		return 0, Value{}, errUnknownValue
	}
	kindName, _ := n.member("kind").token.(string)
	value, err := readGeneric(kindName, n.member("value"))
	return FieldID(id), value, err
}

// readGeneric reads a value by its kind alone.
func readGeneric(kindName string, n node) (Value, error) {
	text, isText := n.token.(string)
	wrong := fmt.Errorf("%s: %w", clip(kindName), errUnknownValue)
	switch Kind(slices.Index(kindNames[:], kindName)) {
	case KindBool:
		b, ok := n.token.(bool)
		if !ok {
			return Value{}, wrong
		}
		return BoolValue(b), nil
	case KindInt, KindDecimal:
		number, _ := n.token.(json.Number)
		d, err := expr.ParseDecimal(number.String())
		if err != nil {
			return Value{}, wrong
		}
		if kindName == kindNames[KindDecimal] {
			return DecimalValue(d), nil
		}
		whole, ok := d.Int64()
		if !ok {
			return Value{}, wrong
		}
		return IntValue(whole), nil
	case KindText, KindCode:
		if !isText {
			return Value{}, wrong
		}
		if kindName == kindNames[KindCode] {
			return CodeValue(text), nil
		}
		return TextValue(text), nil
	case KindDate:
		days, err := readDate(text)
		if err != nil {
			return Value{}, wrong
		}
		return DateValue(days), nil
	case KindRef:
		id, ok := readID(text)
		if !ok {
			return Value{}, wrong
		}
		return RefValue(id), nil
	case KindPoint:
		point, err := readPoint(n, "")
		return PointValue(point), err
	case KindPolygon:
		ring, err := readRing(n)
		return PolygonValue(ring), err
	case KindAttachments:
		files, err := readAttachments(n)
		return AttachmentsValue(files...), err
	case KindCodes, KindRefs, KindItems:
		if !n.isArray() || len(n.items) > MaxEntries {
			return Value{}, wrong
		}
		return readGenericList(kindName, n)
	}
	return Value{}, wrong
}

func readGenericList(kindName string, n node) (Value, error) {
	var codes []string
	var ids []ID
	var items []Item
	for _, element := range n.items {
		text, _ := element.token.(string)
		switch kindName {
		case kindNames[KindCodes]:
			codes = append(codes, text)
		case kindNames[KindRefs]:
			id, ok := readID(text)
			if !ok {
				return Value{}, errUnknownValue
			}
			ids = append(ids, id)
		default:
			item := Item{Fields: make(map[FieldID]Value)}
			for _, m := range element.members {
				if m.name == "id" {
					text, _ := m.value.token.(string)
					item.ID, _ = readID(text)
					continue
				}
				id, value, err := readUnknown(m.name, m.value)
				if err != nil {
					return Value{}, err
				}
				item.Fields[id] = value
			}
			items = append(items, item)
		}
	}
	switch kindName {
	case kindNames[KindCodes]:
		return CodesValue(codes...), nil
	case kindNames[KindRefs]:
		return RefsValue(ids...), nil
	}
	return ItemsValue(items), nil
}
