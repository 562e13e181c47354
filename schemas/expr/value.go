package expr

import "fmt"

// Kind says what a value or an expression is.
type Kind uint8

// The kinds.
const (
	KindEmpty   Kind = iota // nothing; as a type, the literal ''
	KindBool                // yes or no
	KindNumber              // exact decimal
	KindText                // text
	KindCode                // one code
	KindCodes               // set of codes
	KindDate                // civil date
	KindRef                 // id of a record
	KindRefs                // set of ids
	KindPoint               // place
	KindPolygon             // ring of places
	KindFiles               // attachments, of which only the number is known
	KindRows                // rows of a list field, of which only the number is known
	KindColumn              // one field of every row
)

var kindNames = [...]string{"empty", "boolean", "number", "text", "code", "codes", "date", "reference", "references",
	"point", "polygon", "attachments", "rows", "column of rows"}

// String names the kind for messages.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Type is what an expression yields: a kind, the code list of codes, and the kind of a column's elements.
type Type struct {
	Kind Kind
	List string
	Elem Kind
}

// Value is what a field holds and what evaluating yields. Fields other than Kind
// count only for the kinds named beside them.
type Value struct {
	Kind   Kind
	Num    Decimal  // number; boolean as 0 or 1; date as days since 1970-01-01; files and rows as their number
	Str    string   // text, code; reference as its 16 bytes
	Strs   []string // codes, references
	Points []Point  // point as one, polygon
	Column []Value  // column
}

// BoolValue returns yes or no as a value.
func BoolValue(b bool) Value {
	if b {
		return Value{Kind: KindBool, Num: Decimal{Mantissa: 1}}
	}
	return Value{Kind: KindBool}
}

// NumberValue returns a number as a value.
func NumberValue(d Decimal) Value { return Value{Kind: KindNumber, Num: d} }

// DateValue returns a civil date, as days since 1970-01-01, as a value.
func DateValue(days int32) Value { return Value{Kind: KindDate, Num: Int(int64(days))} }

// TextValue returns a text as a value; the empty text is the empty value.
func TextValue(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Kind: KindText, Str: s}
}

// CodeValue returns a code as a value; the empty code is the empty value.
func CodeValue(code string) Value {
	if code == "" {
		return Value{}
	}
	return Value{Kind: KindCode, Str: code}
}

// True says whether the value is yes; empty is not.
func (v Value) True() bool { return v.Kind == KindBool && v.Num.Mantissa != 0 }

// IsEmpty says whether the value is empty; a list without rows is empty too.
func (v Value) IsEmpty() bool {
	switch v.Kind {
	case KindEmpty:
		return true
	case KindRows, KindFiles:
		return v.Num.Mantissa == 0
	case KindColumn:
		return len(v.Column) == 0
	}
	return false
}

// same says whether two values are equal in the sense of =. Codes and texts compare by their letters.
func same(a, b Value) bool {
	if a.IsEmpty() || b.IsEmpty() {
		return a.IsEmpty() && b.IsEmpty()
	}
	switch a.Kind {
	case KindText, KindCode, KindRef:
		return (b.Kind == KindText || b.Kind == KindCode || b.Kind == KindRef) && a.Str == b.Str
	case KindBool, KindNumber, KindDate:
		return a.Kind == b.Kind && a.Num.Cmp(b.Num) == 0
	}
	return false
}
