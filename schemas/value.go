package schemas

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mahalleh/schemas/expr"
)

// Kind says what a Value holds. The numbers are stable: they may be used in stored bytes.
type Kind uint8

// The kinds of value.
const (
	KindEmpty       Kind = 0  // nothing: not answered, or cleared
	KindBool        Kind = 1  // yes or no
	KindInt         Kind = 2  // whole number: integer, money in rial, Jalali year, total of a counter
	KindDecimal     Kind = 3  // exact decimal number
	KindText        Kind = 4  // text, non-empty
	KindCode        Kind = 5  // one code of a list
	KindCodes       Kind = 6  // several codes, sorted, each once
	KindDate        Kind = 7  // civil date as days since 1970-01-01
	KindRef         Kind = 8  // id of another record
	KindRefs        Kind = 9  // ids of other records, sorted, each once
	KindPoint       Kind = 10 // place
	KindPolygon     Kind = 11 // ring of places, first and last equal when closed
	KindItems       Kind = 12 // rows of a list field
	KindAttachments Kind = 13 // files, sorted by id, each once
)

var kindNames = [...]string{"empty", "boolean", "integer", "decimal", "text", "code", "codes", "date",
	"reference", "references", "point", "polygon", "items", "attachments"}

// String names the kind as the value codec of unknown fields does.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ID is the 16 bytes of a UUID that names a record, a row or an attachment. It is
// an alias, so that every package's own id type converts without ceremony.
type ID = [16]byte

// Decimal is an exact decimal number, trimmed when it comes from DecimalValue.
type Decimal = expr.Decimal

// Point is a WGS84 position with accuracy.
type Point = expr.Point

// Item is one row of a list field. Fields maps the ids of the row's fields.
type Item struct {
	ID     ID
	Fields map[FieldID]Value
}

// Attachment describes a file by its size in bytes, its media type and the root
// of its chunk hashes; the bytes themselves travel apart.
type Attachment struct {
	ID        ID
	Size      uint64
	MediaType string
	Root      [32]byte
}

// Record is the content of one record: the form it follows and its values. An
// absent field is empty. Ids that the form does not know are kept untouched.
type Record struct {
	Form   FormID
	Fields map[FieldID]Value
}

// Value is the value of one field: a tagged union that is built by the functions
// named after its kinds and read by the methods of the same names. The zero
// Value is empty. A method called on another kind returns a zero result.
// Values share their slices: neither side may change them afterwards.
type Value struct {
	kind  Kind
	scale uint8
	extra uint32 // accuracy of a point
	num   int64
	text  string
	list  any // []string, []ID, []Point, []Item or []Attachment
}

// BoolValue returns yes or no as a value.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// IntValue returns a whole number as a value.
func IntValue(n int64) Value { return Value{kind: KindInt, num: n} }

// DecimalValue returns an exact decimal as a value, trimmed so that equal numbers are equal values.
func DecimalValue(d Decimal) Value {
	d = d.Trim()
	return Value{kind: KindDecimal, num: d.Mantissa, scale: d.Scale}
}

// TextValue returns a text as a value; the empty text is the empty value. The text is not cleaned.
func TextValue(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{kind: KindText, text: s}
}

// CodeValue returns one code as a value; the empty code is the empty value.
func CodeValue(code string) Value {
	if code == "" {
		return Value{}
	}
	return Value{kind: KindCode, text: code}
}

// CodesValue returns a set of codes as a value, sorted, each once. No code at all is the empty value.
func CodesValue(codes ...string) Value {
	sorted := slices.Compact(slices.Sorted(slices.Values(codes)))
	if len(sorted) == 0 {
		return Value{}
	}
	return Value{kind: KindCodes, list: sorted}
}

// DateValue returns a civil date, as days since 1970-01-01, as a value.
func DateValue(days int32) Value { return Value{kind: KindDate, num: int64(days)} }

// RefValue returns the id of another record as a value; the zero id is the empty value.
func RefValue(id ID) Value {
	if id == (ID{}) {
		return Value{}
	}
	return Value{kind: KindRef, text: string(id[:])}
}

// RefsValue returns a set of ids as a value, sorted, each once. No id at all is the empty value.
func RefsValue(ids ...ID) Value {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	sorted = slices.Compact(sorted)
	if len(sorted) == 0 {
		return Value{}
	}
	return Value{kind: KindRefs, list: sorted}
}

// PointValue returns a place as a value.
func PointValue(p Point) Value {
	return Value{kind: KindPoint, extra: p.AccuracyDM, num: int64(p.LatE7)<<32 | int64(uint32(p.LonE7))}
}

// PolygonValue returns a ring of places as a value; an empty ring is the empty value.
func PolygonValue(ring []Point) Value {
	if len(ring) == 0 {
		return Value{}
	}
	return Value{kind: KindPolygon, list: ring}
}

// ItemsValue returns rows as a value, in the order given; no row is the empty value.
func ItemsValue(items []Item) Value {
	if len(items) == 0 {
		return Value{}
	}
	return Value{kind: KindItems, list: items}
}

// AttachmentsValue returns files as a value, sorted by id, each id once; no file is the empty value.
func AttachmentsValue(files ...Attachment) Value {
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b Attachment) int { return slices.Compare(a.ID[:], b.ID[:]) })
	sorted = slices.CompactFunc(sorted, func(a, b Attachment) bool { return a.ID == b.ID })
	if len(sorted) == 0 {
		return Value{}
	}
	return Value{kind: KindAttachments, list: sorted}
}

// Kind says what the value holds.
func (v Value) Kind() Kind { return v.kind }

// IsEmpty says whether the value holds nothing.
func (v Value) IsEmpty() bool { return v.kind == KindEmpty }

// Bool returns the yes or no of a KindBool value.
func (v Value) Bool() bool { return v.kind == KindBool && v.num != 0 }

// Int returns the whole number of a KindInt value.
func (v Value) Int() int64 {
	if v.kind != KindInt {
		return 0
	}
	return v.num
}

// Decimal returns the number of a KindDecimal or KindInt value.
func (v Value) Decimal() Decimal {
	if v.kind != KindDecimal && v.kind != KindInt {
		return Decimal{}
	}
	return Decimal{Mantissa: v.num, Scale: v.scale}
}

// Text returns the text of a KindText value.
func (v Value) Text() string {
	if v.kind != KindText {
		return ""
	}
	return v.text
}

// Code returns the code of a KindCode value.
func (v Value) Code() string {
	if v.kind != KindCode {
		return ""
	}
	return v.text
}

// Codes returns the sorted codes of a KindCodes value; the caller must not change them.
func (v Value) Codes() []string {
	codes, _ := v.list.([]string)
	return codes
}

// Date returns the days since 1970-01-01 of a KindDate value.
func (v Value) Date() int32 {
	if v.kind != KindDate {
		return 0
	}
	return int32(v.num)
}

// Ref returns the id of a KindRef value.
func (v Value) Ref() ID {
	var id ID
	if v.kind == KindRef {
		copy(id[:], v.text)
	}
	return id
}

// Refs returns the sorted ids of a KindRefs value; the caller must not change them.
func (v Value) Refs() []ID {
	ids, _ := v.list.([]ID)
	return ids
}

// Point returns the place of a KindPoint value.
func (v Value) Point() Point {
	if v.kind != KindPoint {
		return Point{}
	}
	return Point{LatE7: int32(v.num >> 32), LonE7: int32(uint32(v.num)), AccuracyDM: v.extra}
}

// Polygon returns the ring of a KindPolygon value; the caller must not change it.
func (v Value) Polygon() []Point {
	ring, _ := v.list.([]Point)
	return ring
}

// Items returns the rows of a KindItems value; the caller must not change them.
func (v Value) Items() []Item {
	items, _ := v.list.([]Item)
	return items
}

// Attachments returns the files of a KindAttachments value; the caller must not change them.
func (v Value) Attachments() []Attachment {
	files, _ := v.list.([]Attachment)
	return files
}

// Equal says whether both hold the same kind and content. Rows compare in order,
// and an empty entry in a row equals an absent one.
func (v Value) Equal(w Value) bool { return v.Compare(w) == 0 }

// Compare orders values first by kind, then by content: numbers and dates by
// size, texts by their bytes, lists element by element. It is a total order that
// agrees with Equal, for stable output; people's order is persian.SortKey.
func (v Value) Compare(w Value) int {
	if c := cmp.Compare(v.kind, w.kind); c != 0 {
		return c
	}
	switch v.kind {
	case KindDecimal:
		return v.Decimal().Cmp(w.Decimal())
	case KindText, KindCode, KindRef:
		return strings.Compare(v.text, w.text)
	case KindCodes:
		return slices.Compare(v.Codes(), w.Codes())
	case KindRefs:
		return slices.CompareFunc(v.Refs(), w.Refs(), compareID)
	case KindPolygon:
		return slices.CompareFunc(v.Polygon(), w.Polygon(), comparePoint)
	case KindItems:
		return slices.CompareFunc(v.Items(), w.Items(), compareItem)
	case KindAttachments:
		return slices.CompareFunc(v.Attachments(), w.Attachments(), compareAttachment)
	}
	return cmp.Or(cmp.Compare(v.num, w.num), cmp.Compare(v.extra, w.extra))
}

func compareID(a, b ID) int { return slices.Compare(a[:], b[:]) }

func comparePoint(a, b Point) int {
	return cmp.Or(cmp.Compare(a.LatE7, b.LatE7), cmp.Compare(a.LonE7, b.LonE7), cmp.Compare(a.AccuracyDM, b.AccuracyDM))
}

func compareAttachment(a, b Attachment) int {
	return cmp.Or(compareID(a.ID, b.ID), cmp.Compare(a.Size, b.Size), strings.Compare(a.MediaType, b.MediaType),
		slices.Compare(a.Root[:], b.Root[:]))
}

func compareItem(a, b Item) int {
	if c := compareID(a.ID, b.ID); c != 0 {
		return c
	}
	return compareFields(a.Fields, b.Fields)
}

// compareFields orders by the smallest field id whose values differ.
func compareFields(a, b map[FieldID]Value) int {
	ids := make([]FieldID, 0, len(a)+len(b))
	for id := range a {
		ids = append(ids, id)
	}
	for id := range b {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if c := a[id].Compare(b[id]); c != 0 {
			return c
		}
	}
	return 0
}

// Equal says whether both records follow the same form and hold equal values; an
// empty entry equals an absent one.
func (r Record) Equal(other Record) bool {
	return r.Form == other.Form && compareFields(r.Fields, other.Fields) == 0
}

// Clone returns a record whose map of fields can be changed without touching r.
// The values are shared, as values never change.
func (r Record) Clone() Record {
	fields := make(map[FieldID]Value, len(r.Fields))
	for id, value := range r.Fields {
		fields[id] = value
	}
	return Record{Form: r.Form, Fields: fields}
}
