package persian

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	// MaxNumberBytes bounds a typed number: 19 digits of three bytes with
	// separators fit several times.
	MaxNumberBytes = 128
	// maxScale bounds the digits after the decimal mark; 10^18 is the largest
	// power of ten in an int64.
	maxScale = 18
)

// Number is a typed decimal, exact: Coefficient / 10^Scale, and a hundredth of
// that when Percent is set. Trailing zeros stay as typed («۲٫۵۰» has Scale 2).
type Number struct {
	Coefficient int64
	Scale       int // 0 to 18
	Percent     bool
}

// String returns the number in the form of JSON, ASCII digits and a dot,
// without the percent sign.
func (n Number) String() string {
	digits := strconv.FormatInt(n.Coefficient, 10)
	if n.Scale <= 0 {
		return digits
	}
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	if pad := n.Scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	point := len(digits) - n.Scale
	return sign + digits[:point] + "." + digits[point:]
}

// ParseNumber reads a number as people type it: three digit families, sign,
// thousands apart by ٬ , or ، in groups of three, decimals after ٫ . or «/»
// (۳/۵ is 3.5), ٪ or % behind or before. It returns an error that wraps
// ErrEmpty, ErrTooLong, ErrSyntax or ErrOutOfRange.
func ParseNumber(s string) (Number, error) {
	if len(s) > MaxNumberBytes {
		return Number{}, fmt.Errorf("persian: number of %d bytes: %w", len(s), ErrTooLong)
	}
	c, err := Clean(s)
	if err != nil {
		return Number{}, err
	}
	n, err := parseNumber(c)
	if err != nil {
		return Number{}, fmt.Errorf("persian: number %q: %w", c, err)
	}
	return n, nil
}

// ParseInt reads a whole number as [ParseNumber] does and refuses a decimal
// mark with ErrNotWhole, because «۱.۰۰۰» may be one or a thousand.
func ParseInt(s string) (int64, error) {
	n, err := ParseNumber(s)
	if err != nil {
		return 0, err
	}
	if n.Scale > 0 || n.Percent {
		return 0, fmt.Errorf("persian: number %s: %w", n, ErrNotWhole)
	}
	return n.Coefficient, nil
}

func parseNumber(s string) (Number, error) {
	n, err := scanNumber(s)
	if err != nil {
		return Number{}, err
	}
	coefficient, err := signed(n.magnitude, n.negative)
	if err != nil {
		return Number{}, err
	}
	return Number{Coefficient: coefficient, Scale: n.scale, Percent: n.percent}, nil
}

// scanned is a number before its sign meets its size: 2^63 fits only below
// zero, and an amount learns its sign from a word.
type scanned struct {
	magnitude uint64
	scale     int
	negative  bool
	percent   bool
}

func scanNumber(s string) (scanned, error) {
	var n scanned
	s = strings.TrimSpace(s)
	if s == "" {
		return n, ErrEmpty
	}
	if rest, ok := cutPercent(s); ok {
		n.percent = true
		s = rest
	}
	for _, sign := range []string{"-", "+", string(minusSign)} {
		if rest, ok := strings.CutPrefix(s, sign); ok {
			s, n.negative = strings.TrimSpace(rest), sign != "+"
			break
		}
	}
	var (
		digits   int // in the group or fraction being read
		total    int
		mark     rune // the thousands mark in use
		fraction bool
	)
	for _, r := range s {
		d := digitValue(r)
		switch {
		case d >= 0:
			digits, total = digits+1, total+1
			if fraction && digits > maxScale || mark != 0 && !fraction && digits > 3 {
				return n, tooFine(fraction)
			}
			if n.magnitude > (math.MaxUint64-uint64(d))/10 {
				return n, ErrOutOfRange
			}
			n.magnitude = n.magnitude*10 + uint64(d)
		case fraction:
			return n, ErrSyntax
		case r == decimal || r == '.' || r == '/':
			if mark != 0 && digits != 3 {
				return n, ErrSyntax
			}
			fraction, digits = true, 0
		case r == thousands || r == ',' || r == '،':
			if mark == 0 && (digits == 0 || digits > 3) || mark != 0 && (r != mark || digits != 3) {
				return n, ErrSyntax
			}
			mark, digits = r, 0
		default:
			return n, ErrSyntax
		}
	}
	switch {
	case total == 0, fraction && digits == 0, mark != 0 && !fraction && digits != 3:
		return n, ErrSyntax
	case fraction:
		n.scale = digits
	}
	return n, nil
}

func tooFine(fraction bool) error {
	if fraction {
		return ErrOutOfRange
	}
	return ErrSyntax
}

func cutPercent(s string) (rest string, found bool) {
	for _, sign := range []string{string(percent), "%"} {
		if rest, ok := strings.CutSuffix(s, sign); ok {
			return strings.TrimSpace(rest), true
		}
		if rest, ok := strings.CutPrefix(s, sign); ok {
			return strings.TrimSpace(rest), true
		}
	}
	return s, false
}

// signed applies a sign to a magnitude, or returns ErrOutOfRange.
func signed(magnitude uint64, negative bool) (int64, error) {
	switch {
	case negative && magnitude <= 1<<63:
		return int64(-magnitude), nil
	case !negative && magnitude <= math.MaxInt64:
		return int64(magnitude), nil
	}
	return 0, ErrOutOfRange
}

// FormatInt writes a whole number for Persian readers: ۱٬۲۳۴٬۵۶۷.
func FormatInt(n int64) string { return FormatNumber(Number{Coefficient: n}) }

// FormatNumber writes a number for Persian readers, thousands apart by ٬,
// decimals after ٫, percent as ٪. A minus sign is led by a left-to-right
// mark, as in CLDR, or it would jump to the other end of the number.
func FormatNumber(n Number) string {
	text, negative := strings.CutPrefix(n.String(), "-")
	whole, fraction, _ := strings.Cut(text, ".")
	var b strings.Builder
	if negative {
		b.WriteRune(lrm)
		b.WriteRune(minusSign)
	}
	writeGrouped(&b, whole, thousands)
	if fraction != "" {
		b.WriteRune(decimal)
		b.WriteString(fraction)
	}
	if n.Percent {
		b.WriteRune(percent)
	}
	return ToPersianDigits(b.String())
}

// FormatIntASCII writes a whole number for English readers: 1,234,567.
func FormatIntASCII(n int64) string {
	text, negative := strings.CutPrefix(strconv.FormatInt(n, 10), "-")
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	writeGrouped(&b, text, ',')
	return b.String()
}

func writeGrouped(b *strings.Builder, digits string, mark rune) {
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteRune(mark)
		}
		b.WriteRune(d)
	}
}
