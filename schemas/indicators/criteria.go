package indicators

import (
	"errors"
	"fmt"
	"math"
)

// Errors of weighing by criteria; returned errors wrap exactly one of them.
var (
	// ErrWeights says that the weights do not add up to one, or that one is negative.
	ErrWeights = errors.New("the weights of the criteria do not add up to 1")
	// ErrScores says that a score is missing, or outside of its criterion's scale.
	ErrScores = errors.New("a score is missing or outside of its scale")
	// ErrMatrix says that a matrix of comparisons is not one: not square, not
	// positive, or with judgements that contradict one another.
	ErrMatrix = errors.New("the comparisons do not make a matrix")
)

// Criterion is what needs are judged by.
type Criterion struct {
	Weight Micro
	// Down says that a lower score is better, as of costs.
	Down bool
	// Low and High are the ends of the scale; both zero for a measured value.
	Low, High Micro
}

// maxScore bounds scores, so that sums of products stay exact.
const maxScore = 100_000 * One

func checkCriteria(needs []Need, criteria []Criterion, scores [][]Micro, measured bool) error {
	var sum Micro
	for k, c := range criteria {
		if c.Weight < 0 || c.Weight > One {
			return fmt.Errorf("criterion %d weighs %s: %w", k+1, c.Weight, ErrWeights)
		}
		sum += c.Weight
		if c.Low == c.High && !measured {
			return fmt.Errorf("criterion %d is a measured value without a scale: %w", k+1, ErrScores)
		}
	}
	if len(criteria) == 0 || sum != One {
		return fmt.Errorf("their sum is %s: %w", sum, ErrWeights)
	}
	if len(scores) != len(needs) {
		return fmt.Errorf("%d rows for %d needs: %w", len(scores), len(needs), ErrScores)
	}
	for i, row := range scores {
		if len(row) != len(criteria) {
			return fmt.Errorf("need %s has %d scores for %d criteria: %w", needs[i].ID, len(row), len(criteria), ErrScores)
		}
		for k, s := range row {
			c := criteria[k]
			if s > maxScore || s < -maxScore || c.Low != c.High && (s < c.Low || s > c.High) {
				return fmt.Errorf("need %s has %s for criterion %d: %w", needs[i].ID, s, k+1, ErrScores)
			}
		}
	}
	return nil
}

// WeightedSum ranks by Σ w·s, the weights adding up to one. scores has a row for
// each need and in it a score for each criterion. Of a criterion in which less is
// better the score is mirrored within its scale.
//
// Source: the weighted sum of P. C. Fishburn, "Additive Utilities with Incomplete Product
// Sets" (1967).
func WeightedSum(needs []Need, criteria []Criterion, scores [][]Micro) ([]Place, error) {
	if err := checkCriteria(needs, criteria, scores, false); err != nil {
		return nil, err
	}
	sums := make([]Micro, len(needs))
	for i, row := range scores {
		var sum int64
		for k, c := range criteria {
			s := row[k]
			if c.Down {
				s = c.Low + c.High - s
			}
			sum += int64(c.Weight) * int64(s)
		}
		sums[i] = Micro(sum).Round(0) / One
	}
	return Rank(needs, sums), nil
}

// TOPSIS ranks by nearness to the ideal: scores are divided by the length of
// their criterion's vector and weighed; the result is d⁻/(d⁺+d⁻), with d⁺ the
// distance from the best and d⁻ that from the worst of each criterion. Needs that
// do not differ at all get 0.
//
// Source: C.-L. Hwang and K. Yoon, Multiple Attribute Decision Making (1981),
// with vector normalisation.
func TOPSIS(needs []Need, criteria []Criterion, scores [][]Micro) ([]Place, error) {
	if err := checkCriteria(needs, criteria, scores, true); err != nil {
		return nil, err
	}
	plus, minus := make([]float64, len(needs)), make([]float64, len(needs))
	for k, c := range criteria {
		length := 0.0
		for i := range needs {
			s := scores[i][k].Float()
			length += float64(s * s)
		}
		if length = math.Sqrt(length); length == 0 {
			continue
		}
		weighed := make([]float64, len(needs))
		best, worst := math.Inf(-1), math.Inf(1)
		for i := range needs {
			weighed[i] = float64(c.Weight.Float() * float64(scores[i][k].Float()/length))
			best, worst = math.Max(best, weighed[i]), math.Min(worst, weighed[i])
		}
		if c.Down {
			best, worst = worst, best
		}
		for i, v := range weighed {
			plus[i] += float64((v - best) * (v - best))
			minus[i] += float64((v - worst) * (v - worst))
		}
	}
	near := make([]Micro, len(needs))
	for i := range needs {
		up, down := math.Sqrt(plus[i]), math.Sqrt(minus[i])
		if up+down > 0 {
			near[i] = rounded(down / (up + down))
		}
	}
	return Rank(needs, near), nil
}
