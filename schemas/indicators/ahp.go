package indicators

import (
	"fmt"
	"math"
)

// Judgement says how much more one thing weighs than another: Num to Den, as
// 3 to 1, or 1 to 3.
type Judgement struct{ Num, Den int64 }

// AHPResult is what a matrix of comparisons comes to.
type AHPResult struct {
	// Weights add up to about one.
	Weights []Micro
	// Lambda is the principal eigenvalue, CI = (λ−n)/(n−1), CR = CI/RI(n).
	Lambda, CI, CR Micro
	// Consistent says that CR is at most MaxInconsistency.
	Consistent bool
}

// MaxInconsistency is the consistency ratio up to which Saaty accepts
// judgements, 0.10.
const MaxInconsistency = One / 10

// maxAHP is the largest matrix: RI is given up to it.
const maxAHP = 11

// randomIndex is Saaty's RI, the mean CI of random matrices, from n = 1.
var randomIndex = [maxAHP]float64{0, 0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51}

// AHP weighs things by comparing each with each, by row geometric means.
// matrix[i][j] says how much more i weighs than j; the diagonal is 1, and
// matrix[j][i] is the inverse of matrix[i][j]. At most eleven things.
//
// Source: T. L. Saaty, The Analytic Hierarchy Process (1980); G. Crawford and C.
// Williams, "A note on the analysis of subjective judgment matrices" (1985), for
// the geometric mean.
func AHP(matrix [][]Judgement) (AHPResult, error) {
	n := len(matrix)
	if n == 0 || n > maxAHP {
		return AHPResult{}, fmt.Errorf("%d things to compare, 1 to %d are possible: %w", n, maxAHP, ErrMatrix)
	}
	for i, row := range matrix {
		if len(row) != n {
			return AHPResult{}, fmt.Errorf("row %d has %d comparisons for %d things: %w", i+1, len(row), n, ErrMatrix)
		}
		for j, a := range row {
			if !within(a.Num, 1, 1000) || !within(a.Den, 1, 1000) {
				return AHPResult{}, fmt.Errorf("%d against %d is %d to %d: %w", i+1, j+1, a.Num, a.Den, ErrMatrix)
			}
		}
	}
	for i := range n {
		for j := range n {
			a, b := matrix[i][j], matrix[j][i]
			if a.Num*b.Num != a.Den*b.Den {
				return AHPResult{}, fmt.Errorf("%d against %d is not the inverse of %d against %d: %w", i+1, j+1, j+1, i+1, ErrMatrix)
			}
		}
	}
	weights, sum := make([]float64, n), 0.0
	for i, row := range matrix {
		logs := 0.0
		for _, a := range row {
			logs += math.Log(float64(a.Num) / float64(a.Den))
		}
		weights[i] = math.Exp(logs / float64(n))
		sum += weights[i]
	}
	for i := range weights {
		weights[i] /= sum
	}
	lambda := 0.0
	for i, row := range matrix {
		through := 0.0
		for j, a := range row {
			through += float64(float64(a.Num) / float64(a.Den) * weights[j])
		}
		lambda += through / weights[i]
	}
	lambda /= float64(n)
	r := AHPResult{Weights: make([]Micro, n), Lambda: rounded(lambda), Consistent: true}
	for i, w := range weights {
		r.Weights[i] = rounded(w)
	}
	if n > 1 {
		ci := (lambda - float64(n)) / float64(n-1)
		r.CI = rounded(ci)
		if ri := randomIndex[n-1]; ri > 0 {
			r.CR = rounded(ci / ri)
			r.Consistent = r.CR <= MaxInconsistency
		}
	}
	return r, nil
}
