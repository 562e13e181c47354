package indicators

import (
	"maps"
	"math/big"
	"slices"

	"mahalleh/schemas/expr"
	"mahalleh/schemas/jalali"
)

// fractions are an exact sum of fractions. They are gathered by their denominators, so
// that many thousands of them stay cheap.
type fractions struct{ by map[int64]int64 }

func (b *fractions) add(num, den int64) {
	if den == 0 {
		return
	}
	if b.by == nil {
		b.by = map[int64]int64{}
	}
	b.by[den] += num
}

func (b *fractions) rat() *big.Rat {
	sum := new(big.Rat)
	for _, den := range slices.Sorted(maps.Keys(b.by)) {
		sum.Add(sum, big.NewRat(b.by[den], den))
	}
	return sum
}

func (b *fractions) cmp(o *fractions) int { return b.rat().Cmp(o.rat()) }

// over is factor times the sum divided by a whole number, rounded once, half
// away from zero.
func (b *fractions) over(name string, kind Kind, den, factor int64, digits uint8) Value {
	if den == 0 {
		return Value{Name: name, Kind: kind, State: Unknown}
	}
	r := b.rat()
	r.Mul(r, big.NewRat(factor, den))
	return rational(name, kind, r, digits)
}

// rational is a fraction as it is published.
func rational(name string, kind Kind, r *big.Rat, digits uint8) Value {
	v := Value{Name: name, Kind: kind}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n := new(big.Int).Mul(r.Num(), scale)
	n.Lsh(n, 1)
	if n.Sign() < 0 {
		n.Sub(n, r.Denom())
	} else {
		n.Add(n, r.Denom())
	}
	n.Quo(n, new(big.Int).Lsh(r.Denom(), 1))
	if !n.IsInt64() {
		v.State = Unknown
		return v
	}
	v.Number = expr.Decimal{Mantissa: n.Int64(), Scale: digits}
	return v
}

// date is a day, "—" if there is none.
func date(name string, d jalali.Day) Value {
	v := Value{Name: name, Kind: KindDate, Number: expr.Int(int64(d))}
	if d == 0 {
		v.State = Unknown
	}
	return v
}

// colour is a colour of a figure.
func colour(name string, c Colour) Value { return Value{Name: name, Kind: KindColour, Text: string(c)} }

// label is a name of something.
func label(name, text string) Value {
	v := Value{Name: name, Kind: KindText, Text: text}
	if text == "" {
		v.State = Unknown
	}
	return v
}

// code is a code of a list.
func code(name, list, code string) Value {
	v := Value{Name: name, Kind: KindCode, List: list, Text: code}
	if code == "" {
		v.State = Unknown
	}
	return v
}

// spi is progress by what was planned, to two decimals. Progress is in percent.
func (b *fractions) spi(progress int64) Value {
	planned := b.rat()
	if planned.Sign() == 0 {
		return Value{Name: "spi", Kind: KindRatio, State: Unknown}
	}
	r := big.NewRat(progress, 100)
	return rational("spi", KindRatio, r.Quo(r, planned), 2)
}
