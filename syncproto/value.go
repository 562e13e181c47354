package syncproto

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// ValueType is the type byte of a value on the wire: a number and, in its two
// low bits, the class that says how the payload is laid out, so that a reader
// that does not know the number can still keep the value and pass it on.
type ValueType uint8

// The payload classes.
const (
	ClassVarint = 0 // an unsigned LEB128 number, minimal
	ClassFixed  = 1 // sixteen bytes
	ClassBytes  = 2 // a length and that many bytes
	ClassNone   = 3 // nothing
)

// The value types. Numbers are for ever: append, never reorder.
const (
	TypeNone  ValueType = 0<<2 | ClassNone // the empty value: what a cleared field holds
	TypeFalse ValueType = 1<<2 | ClassNone
	TypeTrue  ValueType = 2<<2 | ClassNone

	// The byte 0 is no type: the zero Value is no value.
	TypeInt       ValueType = 1<<2 | ClassVarint // zigzag
	TypeDate      ValueType = 2<<2 | ClassVarint // zigzag days since 1970-01-01
	TypeMoney     ValueType = 3<<2 | ClassVarint // zigzag rials
	TypeYear      ValueType = 4<<2 | ClassVarint // zigzag Jalali year
	TypeIncrement ValueType = 5<<2 | ClassVarint // zigzag: what one change added to a counter

	TypeRef   ValueType = 0<<2 | ClassFixed // a record
	TypeScope ValueType = 1<<2 | ClassFixed // a scope: the home of a record

	TypeText       ValueType = 0<<2 | ClassBytes // UTF-8
	TypeCode       ValueType = 1<<2 | ClassBytes // a code of a code list
	TypeDecimal    ValueType = 2<<2 | ClassBytes // scale byte, zigzag mantissa
	TypePoint      ValueType = 3<<2 | ClassBytes // zigzag latitude, longitude in 1e-7 degree, accuracy in decimetres
	TypePolygon    ValueType = 4<<2 | ClassBytes // count, then zigzag differences of latitude and longitude
	TypeLongText   ValueType = 5<<2 | ClassBytes // length of the text, the text, the base it was written on
	TypeAttachment ValueType = 6<<2 | ClassBytes // size, length of media type, media type, 32 bytes chunk-hash root
	TypeTransition ValueType = 7<<2 | ClassBytes // length of "from", "from", "to"
	TypePlace      ValueType = 8<<2 | ClassBytes // order key of a list item, compared as bytes
)

// Class returns how the payload of the type is laid out.
func (t ValueType) Class() uint8 { return uint8(t) & 3 }

// Value is one scalar value as it travels. It is comparable: two values are
// the same bytes on the wire exactly if they are ==. The zero Value is not
// valid; an empty field holds None.
type Value struct {
	Type ValueType
	num  uint64   // ClassVarint: the payload as written
	id   [16]byte // ClassFixed
	str  string   // ClassBytes
}

// Point is a place on the earth, WGS84.
type Point struct {
	LatE7, LonE7 int32  // 1e-7 degrees
	AccuracyDM   uint32 // radius of uncertainty in decimetres, 0 unknown
}

// ErrValue says that a payload does not fit its type.
var ErrValue = errors.New("payload does not fit its value type")

// Zigzag maps small negative and positive numbers to small unsigned ones.
func Zigzag(n int64) uint64 { return uint64(n)<<1 ^ uint64(n>>63) }

// Unzigzag is the inverse of Zigzag.
func Unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// None is the empty value: what a cleared field holds.
func None() Value { return Value{Type: TypeNone} }

// Bool makes a yes or no.
func Bool(b bool) Value {
	if b {
		return Value{Type: TypeTrue}
	}
	return Value{Type: TypeFalse}
}

// Int makes an integer.
func Int(n int64) Value { return Value{Type: TypeInt, num: Zigzag(n)} }

// Date makes a civil date, in days since 1970-01-01.
func Date(days int32) Value { return Value{Type: TypeDate, num: Zigzag(int64(days))} }

// Money makes an amount of rials.
func Money(rial int64) Value { return Value{Type: TypeMoney, num: Zigzag(rial)} }

// Year makes a Jalali year.
func Year(y int32) Value { return Value{Type: TypeYear, num: Zigzag(int64(y))} }

// Increment makes what one change adds to a counter.
func Increment(n int64) Value { return Value{Type: TypeIncrement, num: Zigzag(n)} }

// Ref makes a reference to a record.
func Ref(id RecordID) Value { return Value{Type: TypeRef, id: id} }

// Scope makes a home scope.
func Scope(id ScopeID) Value { return Value{Type: TypeScope, id: id} }

// Text makes a text.
func Text(s string) Value { return Value{Type: TypeText, str: s} }

// Code makes a code of a code list.
func Code(s string) Value { return Value{Type: TypeCode, str: s} }

// Place makes the order key of a list item.
func Place(key string) Value { return Value{Type: TypePlace, str: key} }

// Decimal makes mantissa / 10^scale.
func Decimal(mantissa int64, scale uint8) Value {
	b := binary.AppendUvarint([]byte{scale}, Zigzag(mantissa))
	return Value{Type: TypeDecimal, str: string(b)}
}

// At makes a point.
func At(p Point) Value {
	b := binary.AppendUvarint(nil, Zigzag(int64(p.LatE7)))
	b = binary.AppendUvarint(b, Zigzag(int64(p.LonE7)))
	b = binary.AppendUvarint(b, uint64(p.AccuracyDM))
	return Value{Type: TypePoint, str: string(b)}
}

// Polygon makes a ring of points; accuracies are not kept.
func Polygon(ring []Point) Value {
	b := binary.AppendUvarint(nil, uint64(len(ring)))
	var lat, lon int64
	for _, p := range ring {
		b = binary.AppendUvarint(b, Zigzag(int64(p.LatE7)-lat))
		b = binary.AppendUvarint(b, Zigzag(int64(p.LonE7)-lon))
		lat, lon = int64(p.LatE7), int64(p.LonE7)
	}
	return Value{Type: TypePolygon, str: string(b)}
}

// LongText makes an author's whole text together with the text it was written on.
func LongText(text, base string) Value {
	b := binary.AppendUvarint(nil, uint64(len(text)))
	return Value{Type: TypeLongText, str: string(b) + text + base}
}

// Attachment describes one attached file: its size in bytes, its media type
// and the root of its chunk hashes.
func Attachment(size uint64, mediaType string, root Hash) Value {
	b := binary.AppendUvarint(nil, size)
	b = binary.AppendUvarint(b, uint64(len(mediaType)))
	return Value{Type: TypeAttachment, str: string(b) + mediaType + string(root[:])}
}

// Transition makes a step of a state machine.
func Transition(from, to string) Value {
	b := binary.AppendUvarint(nil, uint64(len(from)))
	return Value{Type: TypeTransition, str: string(b) + from + to}
}

// RawVarint, RawFixed and RawBytes make a value of a type this program may not
// know; they are for decoders. A known type's payload must pass Check.
func RawVarint(t ValueType, n uint64) Value { return Value{Type: t, num: n} }

// RawFixed makes a value of class ClassFixed; see RawVarint.
func RawFixed(t ValueType, id [16]byte) Value { return Value{Type: t, id: id} }

// RawBytes makes a value of class ClassBytes; see RawVarint.
func RawBytes(t ValueType, payload string) Value { return Value{Type: t, str: payload} }

// Num returns the payload of class ClassVarint as written.
func (v Value) Num() uint64 { return v.num }

// ID returns the payload of class ClassFixed.
func (v Value) ID() [16]byte { return v.id }

// Bytes returns the payload of class ClassBytes.
func (v Value) Bytes() string { return v.str }

// IsNone reports whether the value is the empty one.
func (v Value) IsNone() bool { return v.Type == TypeNone }

// AsBool returns the yes or no and whether the value is one.
func (v Value) AsBool() (b, ok bool) {
	return v.Type == TypeTrue, v.Type == TypeTrue || v.Type == TypeFalse
}

// AsInt returns the number of an Int, Date, Money, Year or Increment.
func (v Value) AsInt() (int64, bool) {
	switch v.Type {
	case TypeInt, TypeDate, TypeMoney, TypeYear, TypeIncrement:
		return Unzigzag(v.num), true
	}
	return 0, false
}

// AsText returns the letters of a Text, Code, Place or LongText.
func (v Value) AsText() (string, bool) {
	switch v.Type {
	case TypeText, TypeCode, TypePlace:
		return v.str, true
	case TypeLongText:
		t, _, ok := v.AsLongText()
		return t, ok
	}
	return "", false
}

// AsLongText returns an author's whole text and the text it was written on.
func (v Value) AsLongText() (text, base string, ok bool) {
	if v.Type != TypeLongText {
		return "", "", false
	}
	return v.split()
}

// AsTransition returns the step of a state machine.
func (v Value) AsTransition() (from, to string, ok bool) {
	if v.Type != TypeTransition {
		return "", "", false
	}
	return v.split()
}

func (v Value) split() (first, rest string, ok bool) {
	n, k := uvarint(v.str)
	if k <= 0 || n > uint64(len(v.str)-k) {
		return "", "", false
	}
	return v.str[k : k+int(n)], v.str[k+int(n):], true
}

// AsRef returns the record a Ref points at.
func (v Value) AsRef() (RecordID, bool) { return v.id, v.Type == TypeRef }

// AsScope returns the scope of a Scope.
func (v Value) AsScope() (ScopeID, bool) { return v.id, v.Type == TypeScope }

// AsDecimal returns mantissa and scale of a Decimal.
func (v Value) AsDecimal() (mantissa int64, scale uint8, ok bool) {
	if v.Type != TypeDecimal || len(v.str) < 2 {
		return 0, 0, false
	}
	n, k := uvarint(v.str[1:])
	if k <= 0 || 1+k != len(v.str) {
		return 0, 0, false
	}
	return Unzigzag(n), v.str[0], true
}

// AsPoint returns the place of a Point.
func (v Value) AsPoint() (p Point, ok bool) {
	if v.Type != TypePoint {
		return p, false
	}
	s := v.str
	lat, k := uvarint(s)
	if k <= 0 {
		return p, false
	}
	s = s[k:]
	lon, k := uvarint(s)
	if k <= 0 {
		return p, false
	}
	s = s[k:]
	acc, k := uvarint(s)
	if k <= 0 || k != len(s) || acc > math.MaxUint32 {
		return p, false
	}
	la, lo := Unzigzag(lat), Unzigzag(lon)
	if !fits32(la) || !fits32(lo) {
		return p, false
	}
	return Point{int32(la), int32(lo), uint32(acc)}, true
}

// AsPolygon returns the ring of a Polygon.
func (v Value) AsPolygon() ([]Point, bool) {
	if v.Type != TypePolygon {
		return nil, false
	}
	s := v.str
	n, k := uvarint(s)
	if k <= 0 || n > MaxPolygonPoints || n > uint64(len(s)) {
		return nil, false
	}
	s = s[k:]
	ring := make([]Point, 0, n)
	var lat, lon int64
	for range n {
		a, k := uvarint(s)
		if k <= 0 {
			return nil, false
		}
		s = s[k:]
		o, k := uvarint(s)
		if k <= 0 {
			return nil, false
		}
		s = s[k:]
		da, do := Unzigzag(a), Unzigzag(o)
		if da > 1<<33 || da < -1<<33 || do > 1<<33 || do < -1<<33 {
			return nil, false
		}
		lat, lon = lat+da, lon+do
		if !fits32(lat) || !fits32(lon) {
			return nil, false
		}
		ring = append(ring, Point{LatE7: int32(lat), LonE7: int32(lon)})
	}
	return ring, len(s) == 0
}

// AsAttachment returns size in bytes, media type and chunk-hash root.
func (v Value) AsAttachment() (size uint64, mediaType string, root Hash, ok bool) {
	if v.Type != TypeAttachment {
		return 0, "", root, false
	}
	s := v.str
	size, k := uvarint(s)
	if k <= 0 {
		return 0, "", root, false
	}
	s = s[k:]
	n, k := uvarint(s)
	if k <= 0 || n > MaxMediaType || uint64(len(s)-k) != n+32 {
		return 0, "", root, false
	}
	copy(root[:], s[k+int(n):])
	return size, s[k : k+int(n)], root, true
}

// Check says whether the payload of a known type is whole and in its one
// allowed form; values of unknown types pass, they are kept as they are. The
// error wraps ErrValue.
func (v Value) Check() error {
	ok := true
	switch v.Type {
	case 0:
		ok = false
	case TypeText, TypeCode:
		ok = utf8.ValidString(v.str)
	case TypeDate, TypeYear:
		ok = fits32(Unzigzag(v.num))
	case TypeDecimal:
		_, scale, is := v.AsDecimal()
		ok = is && scale <= MaxDecimalScale
	case TypePoint:
		_, ok = v.AsPoint()
	case TypePolygon:
		_, ok = v.AsPolygon()
	case TypeLongText, TypeTransition:
		var a, b string
		a, b, ok = v.split()
		ok = ok && utf8.ValidString(a) && utf8.ValidString(b)
	case TypeAttachment:
		_, _, _, ok = v.AsAttachment()
	}
	if !ok {
		return fmt.Errorf("value type %d: %w", v.Type, ErrValue)
	}
	return nil
}

func fits32(n int64) bool { return n >= math.MinInt32 && n <= math.MaxInt32 }

// uvarint reads a minimal unsigned LEB128 number; k <= 0 says it is cut,
// too long, or longer than it needs to be.
func uvarint(s string) (n uint64, k int) {
	for i := 0; i < len(s) && i < 10; i++ {
		b := s[i]
		if b < 0x80 {
			if i == 9 && b > 1 || i > 0 && b == 0 {
				return 0, -1
			}
			return n | uint64(b)<<(7*i), i + 1
		}
		n |= uint64(b&0x7f) << (7 * i)
	}
	return 0, 0
}
