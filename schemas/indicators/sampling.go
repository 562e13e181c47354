package indicators

import "math/big"

// Sampling says how exact a survey is to be. Shares are in thousandths.
type Sampling struct {
	// Error is the half-width of the confidence interval, 100 for 10 %.
	Error int64
	// Share is the expected share p, 500 if nothing is known.
	Share int64
	// Z is the normal deviate, 1960 for 95 %.
	Z int64
	// Design is the design effect, 1000 for a simple random sample.
	Design int64
}

// UsualSampling is 10 % at 95 % confidence with nothing known; ClusterDesign the
// design effect of drawing whole blocks (a choice of this project).
var UsualSampling = Sampling{Error: 100, Share: 500, Z: 1960, Design: 1000}

// ClusterDesign is the design effect for samples of whole blocks.
const ClusterDesign = 1300

// Households is how many of so many households to ask, rounded up: with n0 =
// z²·p·(1−p)/e², n = n0 / (1 + (n0−1)/N), times the design effect, and never more
// than there are. False if a number makes no sense.
//
// Source: W. G. Cochran, Sampling Techniques (1977), chapter 4, with the
// correction for finite populations.
func (s Sampling) Households(population int64) (int64, bool) {
	if population < 1 || !within(s.Error, 1, 999) || !within(s.Share, 1, 999) || !within(s.Z, 1, 10_000) || !within(s.Design, 1, 100_000) {
		return 0, false
	}
	n0 := big.NewRat(s.Z*s.Z*s.Share*(1000-s.Share), s.Error*s.Error*1_000_000)
	whole := big.NewRat(population, 1)
	// n0·N / (N + n0 − 1)
	below := new(big.Rat).Add(whole, n0)
	below.Sub(below, big.NewRat(1, 1))
	n := new(big.Rat).Mul(n0, whole)
	if below.Sign() <= 0 {
		return population, true
	}
	n.Quo(n, below)
	n.Mul(n, big.NewRat(s.Design, 1000))
	q, rest := new(big.Int).QuoRem(n.Num(), n.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsInt64() || q.Int64() > population {
		return population, true
	}
	return q.Int64(), true
}
