// Package indicators holds the scores of the programmes' instruments and the committee's figures: pure functions that the phone and the server both call, so that both say the same.
//
// Figures are made in three steps: [Contribution] turns one record into counts,
// a [Counter] adds them up for a place, [Summarise] makes the place's summary,
// and [Combine] the figures of any set of places on a day.
//
// Every score is a [Micro], an integer of millionths. What the instrument
// defines in whole numbers or fractions is reckoned exactly and rounded once.
// What needs roots or logarithms is reckoned in float64, no two operations
// fused, and rounded once, before anything is compared: processors differ in
// the last digits of a float64, not in the sixth. Ties are broken the same way
// everywhere, see [Rank].
//
// A function that has nothing to answer (no ballots, a denominator of zero)
// says so by its second result; nothing is ever shown as zero that is not known.
package indicators

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Version is the version of all formulas of this package. A frozen result names
// it; a formula that is changed gets the next one.
const Version = 1

// Micro is a number in millionths: One is 1.
type Micro int64

// One is the number 1.
const One Micro = 1_000_000

// Whole is n as a Micro; n is at most nine trillion.
func Whole(n int64) Micro { return Micro(n) * One }

// Ratio is num/den, rounded half away from zero; false if den is zero, or if
// the quotient is beyond what a Micro holds.
func Ratio(num, den int64) (Micro, bool) {
	if den == 0 {
		return 0, false
	}
	negative := (num < 0) != (den < 0)
	n, d := magnitude(num), magnitude(den)
	hi, lo := bits.Mul64(n, uint64(One))
	lo, carry := bits.Add64(lo, d/2, 0)
	hi += carry
	if hi >= d {
		return 0, false
	}
	q, _ := bits.Div64(hi, lo, d)
	if q > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -Micro(q), true
	}
	return Micro(q), true
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// rounded is a float64 as a Micro; the caller knows that it fits.
func rounded(f float64) Micro { return Micro(math.Round(float64(f * float64(One)))) }

// Float is m for charts; never for comparing.
func (m Micro) Float() float64 { return float64(m) / float64(One) }

// Round is m to so many digits after the point, 0 to 6, half away from zero.
func (m Micro) Round(digits int) Micro {
	unit := Micro(1)
	for i := digits; i < 6; i++ {
		unit *= 10
	}
	half := unit / 2
	if m < 0 {
		half = -half
	}
	return (m + half) / unit * unit
}

// String is m in ASCII digits without zeros at its end.
func (m Micro) String() string {
	n := magnitude(int64(m))
	s := strconv.FormatUint(n/uint64(One), 10)
	if rest := n % uint64(One); rest != 0 {
		digits := strconv.FormatUint(rest+uint64(One), 10)[1:]
		s += "." + strings.TrimRight(digits, "0")
	}
	if m < 0 {
		s = "-" + s
	}
	return s
}
