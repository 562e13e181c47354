package indicators

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/expr"
	"mahalleh/schemas/jalali"
)

// Kind says what a value is a number of.
type Kind string

// The kinds of value.
const (
	KindCount   Kind = "count"
	KindPercent Kind = "percent"
	KindDays    Kind = "days"
	KindHours   Kind = "hours"
	KindMinutes Kind = "minutes"
	KindRatio   Kind = "ratio" // a number without a unit
	KindPer1000 Kind = "per_1000"
	KindRial    Kind = "rial"
	KindScore   Kind = "score"
	KindDate    Kind = "date"   // days since 1970-01-01
	KindMonth   Kind = "month"  // a Jalali month as year*100+month
	KindCode    Kind = "code"   // a code of the list that List names
	KindColour  Kind = "colour" // green, yellow, red or blank
	KindText    Kind = "text"   // a name
)

// State says whether a value is shown.
type State string

// The states of a value.
const (
	Shown State = ""
	// Unknown is a ratio without a denominator, or what nobody has said. It is
	// printed as "—" and never as zero.
	Unknown State = "unknown"
	// Small is one to four where a count is of people or cases who must not be
	// recognised. It is printed as "<5" and goes into no other number.
	Small State = "small"
	// Hidden is a second number that would give a small one away by subtraction. It
	// is printed as "*".
	Hidden State = "hidden"
)

// Value is one number of a figure, rounded as it is published.
type Value struct {
	Name   string
	Title  schemas.Text
	Kind   Kind
	State  State
	Number expr.Decimal
	// Text is that of KindCode, KindColour and KindText; List the code list.
	Text, List string
}

// valueJSON is a value as programs read it.
type valueJSON struct {
	Name  string       `json:"name"`
	Title schemas.Text `json:"title"`
	Kind  Kind         `json:"kind"`
	State State        `json:"state,omitempty"`
	Value any          `json:"value"`
	List  string       `json:"list,omitempty"`
}

// MarshalJSON writes the value for programs: its number is null where it is not
// shown, and why stands beside it.
func (v Value) MarshalJSON() ([]byte, error) {
	out := valueJSON{Name: v.Name, Title: v.Title, Kind: v.Kind, State: v.State, List: v.List}
	switch {
	case v.State != Shown:
	case v.Kind == KindCode || v.Kind == KindColour || v.Kind == KindText:
		out.Value = v.Text
	case v.Kind == KindMonth:
		out.Value = monthName(v.Number.Mantissa)
	case v.Kind == KindDate:
		out.Value = jalali.Day(v.Number.Mantissa).ISO()
	default:
		out.Value = json.Number(fixed(v.Number))
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value) UnmarshalJSON(b []byte) error {
	var in valueJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	*v = Value{Name: in.Name, Title: in.Title, Kind: in.Kind, State: in.State, List: in.List}
	if v.State != Shown {
		return nil
	}
	text := fmt.Sprint(in.Value)
	var err error
	switch v.Kind {
	case KindCode, KindColour, KindText:
		v.Text = text
	case KindMonth:
		v.Number.Mantissa, err = strconv.ParseInt(strings.Replace(text, "-", "", 1), 10, 64)
	case KindDate:
		var day jalali.Day
		day, err = jalali.ParseISO(text)
		v.Number.Mantissa = int64(day)
	default:
		whole, fraction, _ := strings.Cut(text, ".")
		v.Number.Scale = uint8(min(len(fraction), 18))
		v.Number.Mantissa, err = strconv.ParseInt(whole+fraction, 10, 64)
	}
	if err != nil {
		return fmt.Errorf("%s %q is no %s: %w", v.Name, text, v.Kind, err)
	}
	return nil
}

func count(name string, n int64) Value {
	return Value{Name: name, Kind: KindCount, Number: expr.Int(n)}
}

// percent is 100*num/den to one decimal, as all percentages are.
func percent(name string, num, den int64) Value { return quotient(name, KindPercent, num, den, 100, 1) }

// quotient is factor*num/den, rounded once, half away from zero.
func quotient(name string, kind Kind, num, den, factor int64, digits uint8) Value {
	v := Value{Name: name, Kind: kind}
	q, ok := roundedQuotient(num, den, factor*power10(digits))
	if !ok {
		v.State = Unknown
		return v
	}
	v.Number = expr.Decimal{Mantissa: q, Scale: digits}
	return v
}

// roundedQuotient is factor*num/den rounded half away from zero; false if den
// is zero, or the result beyond an int64.
func roundedQuotient(num, den, factor int64) (int64, bool) {
	if den == 0 {
		return 0, false
	}
	n := new(big.Int).Mul(big.NewInt(num), big.NewInt(2*factor))
	d := big.NewInt(den)
	if d.Sign() < 0 {
		n.Neg(n)
		d.Neg(d)
	}
	if n.Sign() < 0 {
		n.Sub(n, d)
	} else {
		n.Add(n, d)
	}
	n.Quo(n, d.Lsh(d, 1))
	return n.Int64(), n.IsInt64()
}

// String is the value as programs print it, in ASCII digits and without its unit:
// "52.4", "—" for what is not known, "<5" for a small count, "*" for what would
// give one away, a date as 1404/11/27.
func (v Value) String() string {
	switch {
	case v.State == Unknown:
		return "—"
	case v.State == Hidden:
		return "*"
	case v.State == Small:
		return fmt.Sprintf("<%d", SmallCount)
	case v.Kind == KindCode || v.Kind == KindColour || v.Kind == KindText:
		return v.Text
	case v.Kind == KindMonth:
		return monthName(v.Number.Mantissa)
	case v.Kind == KindDate:
		if d, err := jalali.Day(v.Number.Mantissa).Date(); err == nil {
			return d.String()
		}
	}
	return fixed(v.Number)
}

// fixed writes a number with all digits of its scale, so that columns stand
// under one another.
func fixed(d expr.Decimal) string {
	s := strconv.FormatInt(d.Mantissa, 10)
	if d.Scale == 0 {
		return s
	}
	sign := ""
	if d.Mantissa < 0 {
		sign, s = "-", s[1:]
	}
	for len(s) <= int(d.Scale) {
		s = "0" + s
	}
	point := len(s) - int(d.Scale)
	return sign + s[:point] + "." + s[point:]
}

// SmallCount is the count from which on a number of people or cases who must not
// be recognised is published; one to four are "<5", nothing is zero.
//
// Source: domain description 6, the rule of small counts, and 10.1 (k ≥ 5).
const SmallCount = 5
