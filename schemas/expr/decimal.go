package expr

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// MaxScale is the greatest number of digits after the point: an int64 holds 18 full digits.
const MaxScale = 18

// maxDecimalText bounds what ParseDecimal reads: a sign, 19 digits, a point and leading zeros.
const maxDecimalText = 64

// divisionScale is how many digits after the point a quotient keeps: enough for
// shares and square metres, and it leaves nine digits before the point.
const divisionScale = 9

// ErrOverflow says that a number needs more than the 64 bits a Decimal has.
var ErrOverflow = errors.New("number too large")

// ErrNotANumber says that a text is no decimal number.
var ErrNotANumber = errors.New("not a number")

// Decimal is the exact number Mantissa / 10^Scale. Scale is at most MaxScale.
// Two Decimals of equal worth have equal fields once Trim was called on both.
type Decimal struct {
	Mantissa int64
	Scale    uint8
}

// Int returns n as a Decimal without fraction.
func Int(n int64) Decimal { return Decimal{Mantissa: n} }

// Trim removes zeros at the end of the fraction, so 3.50 becomes 3.5 and 4.0 becomes 4.
func (d Decimal) Trim() Decimal {
	for d.Scale > 0 && d.Mantissa%10 == 0 {
		d.Mantissa /= 10
		d.Scale--
	}
	return d
}

// Int64 returns the whole number d, and false when d has a fraction.
func (d Decimal) Int64() (int64, bool) {
	d = d.Trim()
	return d.Mantissa, d.Scale == 0
}

// Float returns the nearest float64, for geometry and charts; never for storing.
func (d Decimal) Float() float64 {
	return float64(d.Mantissa) / math.Pow10(int(d.Scale))
}

// String writes the number with ASCII digits and a point, as JSON has it.
func (d Decimal) String() string {
	if d.Scale == 0 {
		return strconv.FormatInt(d.Mantissa, 10)
	}
	digits := strconv.FormatInt(d.Mantissa, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	scale := int(d.Scale)
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	cut := len(digits) - scale
	return sign + digits[:cut] + "." + digits[cut:]
}

// ParseDecimal reads a JSON number (ASCII digits, optional sign, fraction and
// exponent) exactly. It returns ErrNotANumber or ErrOverflow; the result is trimmed.
func ParseDecimal(s string) (Decimal, error) {
	if len(s) > maxDecimalText {
		return Decimal{}, fmt.Errorf("%.20s…: %w", s, ErrOverflow)
	}
	body, exponentText, hasExponent := strings.Cut(strings.ReplaceAll(s, "E", "e"), "e")
	exponent := 0
	if hasExponent {
		n, err := strconv.Atoi(exponentText)
		if err != nil || n > 100 || n < -100 {
			return Decimal{}, fmt.Errorf("%q: %w", s, ErrNotANumber)
		}
		exponent = n
	}
	negative := strings.HasPrefix(body, "-")
	body = strings.TrimPrefix(strings.TrimPrefix(body, "-"), "+")
	whole, fraction, hasPoint := strings.Cut(body, ".")
	digits := whole + fraction
	if digits == "" || (hasPoint && (whole == "" || fraction == "")) {
		return Decimal{}, fmt.Errorf("%q: %w", s, ErrNotANumber)
	}
	for i := 0; i < len(digits); i++ {
		if digits[i] < '0' || digits[i] > '9' {
			return Decimal{}, fmt.Errorf("%q: %w", s, ErrNotANumber)
		}
	}
	scale := len(fraction) - exponent
	for len(digits) > 1 && digits[len(digits)-1] == '0' && scale > 0 {
		digits = digits[:len(digits)-1]
		scale--
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return Decimal{}, nil
	}
	if scale < 0 {
		if len(digits)-scale > 19 {
			return Decimal{}, fmt.Errorf("%q: %w", s, ErrOverflow)
		}
		digits += strings.Repeat("0", -scale)
		scale = 0
	}
	if scale > MaxScale {
		return Decimal{}, fmt.Errorf("%q has more than %d digits after the point: %w", s, MaxScale, ErrOverflow)
	}
	if negative {
		digits = "-" + digits
	}
	mantissa, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return Decimal{}, fmt.Errorf("%q: %w", s, ErrOverflow)
	}
	return Decimal{Mantissa: mantissa, Scale: uint8(scale)}.Trim(), nil
}

// Cmp returns -1, 0 or +1 as d is less than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	if d.Scale == e.Scale {
		switch {
		case d.Mantissa < e.Mantissa:
			return -1
		case d.Mantissa > e.Mantissa:
			return 1
		}
		return 0
	}
	a, b, _ := aligned(d, e)
	return a.Cmp(b)
}

// Add returns d+e, exact while it fits 64 bits; digits after the point are
// rounded half to even when they do not, and ErrOverflow is left for the rest.
func (d Decimal) Add(e Decimal) (Decimal, error) {
	if d.Scale == e.Scale {
		sum := d.Mantissa + e.Mantissa
		if (sum > d.Mantissa) == (e.Mantissa > 0) {
			return Decimal{sum, d.Scale}.Trim(), nil
		}
	}
	a, b, scale := aligned(d, e)
	return fit(a.Add(a, b), scale)
}

// Sub returns d-e with the rules of Add.
func (d Decimal) Sub(e Decimal) (Decimal, error) {
	if e.Mantissa == math.MinInt64 {
		a, b, scale := aligned(d, e)
		return fit(a.Sub(a, b), scale)
	}
	return d.Add(Decimal{-e.Mantissa, e.Scale})
}

// Mul returns d·e with the rules of Add.
func (d Decimal) Mul(e Decimal) (Decimal, error) {
	const small = 1 << 31
	if d.Mantissa > -small && d.Mantissa < small && e.Mantissa > -small && e.Mantissa < small && d.Scale+e.Scale <= MaxScale {
		return Decimal{d.Mantissa * e.Mantissa, d.Scale + e.Scale}.Trim(), nil
	}
	product := new(big.Int).Mul(big.NewInt(d.Mantissa), big.NewInt(e.Mantissa))
	return fit(product, int(d.Scale)+int(e.Scale))
}

// Div returns d/e to divisionScale digits after the point, half to even.
// The divisor must not be zero; a zero divisor returns ErrNotANumber.
func (d Decimal) Div(e Decimal) (Decimal, error) {
	if e.Mantissa == 0 {
		return Decimal{}, fmt.Errorf("division by zero: %w", ErrNotANumber)
	}
	a, b, _ := aligned(d, e)
	a.Mul(a, power10(divisionScale))
	return fit(divideHalfEven(a, b), divisionScale)
}

// Mod returns the remainder of d/e with the sign of d, as Go's %; the divisor must not be zero.
func (d Decimal) Mod(e Decimal) (Decimal, error) {
	if e.Mantissa == 0 {
		return Decimal{}, fmt.Errorf("division by zero: %w", ErrNotANumber)
	}
	a, b, scale := aligned(d, e)
	return fit(a.Rem(a, b), scale)
}

// Round keeps digits places after the point, a half going away from zero as people expect it.
// digits is held to 0..MaxScale.
func (d Decimal) Round(digits int) Decimal {
	digits = min(max(digits, 0), MaxScale)
	for int(d.Scale) > digits+1 { // only the first digit that falls away decides
		d.Mantissa /= 10
		d.Scale--
	}
	if int(d.Scale) <= digits {
		return d.Trim()
	}
	rest := d.Mantissa % 10
	d.Mantissa /= 10
	d.Scale--
	switch {
	case rest >= 5:
		d.Mantissa++
	case rest <= -5:
		d.Mantissa--
	}
	return d.Trim()
}

// aligned returns both mantissas at the greater of the two scales, and that scale.
func aligned(d, e Decimal) (*big.Int, *big.Int, int) {
	a, b := big.NewInt(d.Mantissa), big.NewInt(e.Mantissa)
	switch {
	case d.Scale < e.Scale:
		a.Mul(a, power10(int(e.Scale-d.Scale)))
		return a, b, int(e.Scale)
	case d.Scale > e.Scale:
		b.Mul(b, power10(int(d.Scale-e.Scale)))
	}
	return a, b, int(d.Scale)
}

func power10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// fit brings a big mantissa into 64 bits by giving up digits after the point.
func fit(mantissa *big.Int, scale int) (Decimal, error) {
	if scale <= MaxScale && mantissa.IsInt64() {
		return Decimal{mantissa.Int64(), uint8(scale)}.Trim(), nil
	}
	for drop := max(1, scale-MaxScale); drop <= scale; drop++ {
		// From the full number each time: rounding a rounded number could go wrong by one.
		rounded := divideHalfEven(mantissa, power10(drop))
		if rounded.IsInt64() {
			return Decimal{rounded.Int64(), uint8(scale - drop)}.Trim(), nil
		}
	}
	return Decimal{}, ErrOverflow
}

// divideHalfEven returns a/b as the nearest whole number, a half going to the even one.
func divideHalfEven(a, b *big.Int) *big.Int {
	quotient, rest := new(big.Int).QuoRem(a, b, new(big.Int))
	twice := new(big.Int).Abs(rest)
	twice.Lsh(twice, 1)
	order := twice.CmpAbs(b)
	if order > 0 || (order == 0 && quotient.Bit(0) == 1) {
		if (a.Sign() < 0) != (b.Sign() < 0) {
			return quotient.Sub(quotient, big.NewInt(1))
		}
		return quotient.Add(quotient, big.NewInt(1))
	}
	return quotient
}
