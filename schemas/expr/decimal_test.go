package expr

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestParseDecimal(t *testing.T) {
	rows := []struct {
		source, want string
		err          error
	}{
		{"0", "0", nil},
		{"-0", "0", nil},
		{"-0.0", "0", nil},
		{"12.50", "12.5", nil},
		{"-0.05", "-0.05", nil},
		{"1e3", "1000", nil},
		{"1.5E-2", "0.015", nil},
		{"1.20e1", "12", nil},
		{"0.000000000000000001", "0.000000000000000001", nil},
		{"9223372036854775807", "9223372036854775807", nil},
		{"-9223372036854775808", "-9223372036854775808", nil},
		{"0e99", "0", nil},
		{"9223372036854775808", "", ErrOverflow},
		{"0.0000000000000000001", "", ErrOverflow},
		{"1e40", "", ErrOverflow},
		{"1e-40", "", ErrOverflow},
		{"", "", ErrNotANumber},
		{"-", "", ErrNotANumber},
		{".5", "", ErrNotANumber},
		{"5.", "", ErrNotANumber},
		{"1e", "", ErrNotANumber},
		{"1e1000", "", ErrNotANumber},
		{"1e2e3", "", ErrNotANumber},
		{"0x10", "", ErrNotANumber},
		{"--1", "", ErrNotANumber},
		{"۱", "", ErrNotANumber},
	}
	for _, row := range rows {
		t.Run(row.source, func(t *testing.T) {
			got, err := ParseDecimal(row.source)
			if !errors.Is(err, row.err) || (err == nil && got.String() != row.want) {
				t.Errorf("got %v, %v, want %q, %v", got, err, row.want, row.err)
			}
		})
	}
}

func (d Decimal) rat() *big.Rat {
	return new(big.Rat).SetFrac(big.NewInt(d.Mantissa), power10(int(d.Scale)))
}

// TestArithmeticAgainstRationals compares with exact rationals: equal when the
// result says it fits, and off by less than the last digit otherwise.
func TestArithmeticAgainstRationals(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	t.Log("seed 3, 4")
	pick := func() Decimal {
		mantissa := int64(random.Uint64()) >> random.IntN(64)
		switch random.IntN(20) {
		case 0:
			mantissa = math.MinInt64
		case 1:
			mantissa = math.MaxInt64
		}
		return Decimal{mantissa, uint8(random.IntN(MaxScale + 1))}
	}
	limit := new(big.Rat).SetInt64(math.MaxInt64)
	for range 20_000 {
		a, b := pick(), pick()
		if got, want := a.Cmp(b), a.rat().Cmp(b.rat()); got != want {
			t.Fatalf("%v cmp %v: got %d, want %d", a, b, got, want)
		}
		for _, op := range []struct {
			name  string
			do    func(Decimal) (Decimal, error)
			exact func(x, y *big.Rat) *big.Rat
			error int64 // greatest error in units of 10^-divisionScale beyond rounding to 64 bits
		}{
			{"+", a.Add, new(big.Rat).Add, 0},
			{"-", a.Sub, new(big.Rat).Sub, 0},
			{"*", a.Mul, new(big.Rat).Mul, 0},
			{"div", a.Div, new(big.Rat).Quo, 1},
		} {
			if op.name == "div" && b.Mantissa == 0 {
				continue
			}
			want := op.exact(a.rat(), b.rat())
			got, err := op.do(b)
			if err != nil {
				if new(big.Rat).Abs(want).Cmp(limit) < 0 {
					t.Fatalf("%v %s %v: got %v, want about %v", a, op.name, b, err, want.FloatString(3))
				}
				continue
			}
			difference := new(big.Rat).Sub(got.rat(), want)
			allowed := new(big.Rat)
			if op.error > 0 {
				allowed.SetFrac64(op.error, 1_000_000_000)
			}
			if digits := float64(MaxScale) - math.Log10(math.Max(1, math.Abs(got.Float()))); difference.Sign() != 0 {
				allowed.Add(allowed, new(big.Rat).SetFloat64(math.Pow(10, -digits+1)))
			}
			if difference.Abs(difference).Cmp(allowed) > 0 {
				t.Fatalf("%v %s %v: got %v, want %v", a, op.name, b, got, want.FloatString(20))
			}
		}
	}
}

func TestRoundAgainstRationals(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	t.Log("seed 5, 6")
	half := big.NewRat(1, 2)
	for range 10_000 {
		d := Decimal{int64(random.Uint64()) >> random.IntN(64), uint8(random.IntN(MaxScale + 1))}
		digits := random.IntN(MaxScale + 1)
		scaled := new(big.Rat).Mul(d.rat(), new(big.Rat).SetInt(power10(digits)))
		magnitude := new(big.Rat).Add(new(big.Rat).Abs(scaled), half)
		whole := new(big.Int).Quo(magnitude.Num(), magnitude.Denom()) // half away from zero
		if scaled.Sign() < 0 {
			whole.Neg(whole)
		}
		want := new(big.Rat).SetFrac(whole, power10(digits))
		if got := d.Round(digits); got.rat().Cmp(want) != 0 {
			t.Fatalf("round(%v, %d): got %v, want %v", d, digits, got, want.FloatString(digits))
		}
	}
}

func TestDivideHalfEven(t *testing.T) {
	for _, row := range []struct{ a, b, want int64 }{
		{5, 2, 2}, {7, 2, 4}, {-5, 2, -2}, {-7, 2, -4}, {6, 4, 2}, {2, 4, 0}, {8, 3, 3}, {7, 3, 2}, {-8, 3, -3}, {5, -2, -2},
	} {
		if got := divideHalfEven(big.NewInt(row.a), big.NewInt(row.b)); got.Int64() != row.want {
			t.Errorf("%d/%d: got %v, want %d", row.a, row.b, got, row.want)
		}
	}
}

func TestNewPoint(t *testing.T) {
	d := func(s string) Decimal {
		v, err := ParseDecimal(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	got, err := NewPoint(d("37.25110004"), d("-49.61245"), d("8.06"))
	want := Point{LatE7: 372511000, LonE7: -496124500, AccuracyDM: 81}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got.Lat().String() != "37.2511" || got.Lon().String() != "-49.61245" || got.AccuracyM().String() != "8.1" {
		t.Errorf("back: got %v %v %v", got.Lat(), got.Lon(), got.AccuracyM())
	}
	for _, row := range [][3]string{{"90.1", "0", "0"}, {"0", "-180.1", "0"}, {"0", "0", "-1"}, {"999999999999999999", "0", "0"}} {
		if _, err := NewPoint(d(row[0]), d(row[1]), d(row[2])); !errors.Is(err, ErrNoPlace) {
			t.Errorf("%v: got %v, want ErrNoPlace", row, err)
		}
	}
}
