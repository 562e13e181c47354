package indicators

import (
	"cmp"
	"slices"
)

// Need is one thing that is ranked: its id, and how many people it affects.
type Need struct {
	ID       string
	Affected int64
}

// Place is where a need stands.
type Place struct {
	Need  string
	Score Micro
	// Rank counts from 1; no two needs have the same.
	Rank int
	// Tied says that another need has the same score, so that only the rule for
	// ties decided.
	Tied bool
}

// Rank orders needs by their scores, the greatest first. Among equal scores the
// need that affects more people comes first, then the one with the smaller id:
// so every device has the same list.
//
// Source: the rule for ties is a choice of this project.
func Rank(needs []Need, scores []Micro) []Place {
	return order(needs, scores, func(a, b Micro) int { return cmp.Compare(b, a) })
}

// rankLowest is Rank with the smallest score first.
func rankLowest(needs []Need, scores []Micro) []Place {
	return order(needs, scores, func(a, b Micro) int { return cmp.Compare(a, b) })
}

func order(needs []Need, scores []Micro, better func(a, b Micro) int) []Place {
	at := make([]int, len(needs))
	count := map[Micro]int{}
	for i := range at {
		at[i] = i
		count[scores[i]]++
	}
	slices.SortFunc(at, func(i, j int) int {
		return cmp.Or(better(scores[i], scores[j]), cmp.Compare(needs[j].Affected, needs[i].Affected), cmp.Compare(needs[i].ID, needs[j].ID))
	})
	places := make([]Place, len(at))
	for rank, i := range at {
		places[rank] = Place{Need: needs[i].ID, Score: scores[i], Rank: rank + 1, Tied: count[scores[i]] > 1}
	}
	return places
}

// GroupGap is a need that two groups of voters see very differently.
type GroupGap struct {
	Need string
	// High is the group that ranks it highest, Low the one that ranks it lowest.
	High, Low         string
	HighRank, LowRank int
}

// FlagGap is the difference in places from which on groups of voters are said
// to differ (a choice of this project).
const FlagGap = 3

// GroupGaps compares the rankings of the same needs by several groups, and
// names the needs whose places differ by FlagGap or more, in the order of the
// first group's ranking. Groups are compared in the order of their names.
//
// Source: a choice of this project.
func GroupGaps(byGroup map[string][]Place) []GroupGap {
	groups := make([]string, 0, len(byGroup))
	for g := range byGroup {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	if len(groups) < 2 {
		return nil
	}
	ranks := map[string]map[string]int{}
	for _, g := range groups {
		ranks[g] = map[string]int{}
		for _, p := range byGroup[g] {
			ranks[g][p.Need] = p.Rank
		}
	}
	var gaps []GroupGap
	for _, p := range byGroup[groups[0]] {
		gap := GroupGap{Need: p.Need}
		for _, g := range groups {
			rank, ranked := ranks[g][p.Need]
			if !ranked {
				continue
			}
			if gap.High == "" || rank < gap.HighRank {
				gap.High, gap.HighRank = g, rank
			}
			if gap.Low == "" || rank > gap.LowRank {
				gap.Low, gap.LowRank = g, rank
			}
		}
		if gap.LowRank-gap.HighRank >= FlagGap {
			gaps = append(gaps, gap)
		}
	}
	return gaps
}
