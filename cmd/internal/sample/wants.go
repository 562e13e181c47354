package sample

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// needCategories are the kinds of needs, and needWeights how often people name
// each before their neighbourhood and their own lives are looked at.
var (
	needCategories = []string{"livelihood", "infrastructure", "health", "education", "women", "addiction", "security", "leisure", "housing", "elder",
		"disability", "mental_health", "environment",
		"child_protection", "insurance", "food", "accessibility", "participation", "culture", "documents"}
	needWeights = []float64{10, 8, 6, 5, 4, 4, 4, 4, 3.5, 3, 3, 2.5, 2.5, 2, 2, 1.5, 1.5, 1, 1, 0.5}
)

// groupTaste is by how much a group wants a category more, or less, than others do.
var groupTaste = map[string]map[string]float64{
	"women":    {"women": 4, "security": 2.2, "health": 1.8, "child_protection": 2, "mental_health": 2, "infrastructure": 0.7, "leisure": 0.6},
	"men":      {"livelihood": 1.6, "infrastructure": 1.7, "women": 0.25, "housing": 1.4, "mental_health": 0.4},
	"youth":    {"leisure": 4, "livelihood": 2, "education": 1.8, "culture": 2.5, "elder": 0.15, "insurance": 0.4, "infrastructure": 0.6},
	"elders":   {"elder": 5, "health": 2.5, "accessibility": 2, "insurance": 1.6, "leisure": 0.2, "education": 0.4},
	"pwd":      {"disability": 7, "accessibility": 4, "health": 1.6, "leisure": 0.5},
	"steering": {"infrastructure": 1.4, "participation": 3},
	"other":    {},
}

// wants are the categories in the order in which somebody of a group wants them.
func (h *hood) wants(rng *rand.Rand, group string) []string {
	type want struct {
		category string
		by       float64
	}
	all := make([]want, len(needCategories))
	for i, c := range needCategories {
		more := groupTaste[group][c]
		if more == 0 {
			more = 1
		}
		all[i] = want{c, h.taste[c] * more * math.Exp(0.8*rng.NormFloat64())}
	}
	slices.SortStableFunc(all, func(a, b want) int { return cmp.Compare(b.by, a.by) })
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].category
	}
	return names
}

// groupOf is the group of voters to which somebody belongs by sex and age.
func groupOf(sex, band string) string {
	switch {
	case band == "60-74" || band == "75+":
		return "elders"
	case band == "13-18" || band == "19-29":
		return "youth"
	case sex == "female":
		return "women"
	}
	return "men"
}

// newDie is a stream of chance that follows from the seed.
func newDie(seed, n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1<<40|n)) }
