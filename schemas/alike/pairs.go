package alike

import (
	"cmp"
	"slices"
	"strings"

	"mahalleh/schemas"
)

// Pair are two of a list of records, by their places in it, that may be about the same.
type Pair struct {
	A, B int
	Match
}

const (
	// crowd is how many records that share a beginning are compared each with each;
	// of more, each is compared with the beside that follow it in the order of names.
	crowd  = 40
	beside = 12
)

// Pairs finds those of some records that may be about the same, the surest first. Only
// records that share the beginning of a word of their names, or a number, are compared,
// and at most `left` times, which is lowered by what was done; all is false if that did
// not do.
func (c *Comparison) Pairs(records []schemas.Record, left *int) (pairs []Pair, all bool) {
	groups := map[string][]int{}
	order := make([]string, len(records))
	for i := range records {
		order[i] = c.order(records[i])
		for _, key := range c.keys(records[i]) {
			groups[key] = append(groups[key], i)
		}
	}
	keys := make([]string, 0, len(groups))
	for key, group := range groups {
		if len(group) > 1 {
			keys = append(keys, key)
		}
	}
	// What few share says most.
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(groups[a]), len(groups[b])), strings.Compare(a, b))
	})
	seen := map[[2]int]bool{}
	for _, key := range keys {
		group, reach := groups[key], len(groups[key])
		if len(group) > crowd {
			slices.SortStableFunc(group, func(a, b int) int { return strings.Compare(order[a], order[b]) })
			reach = beside
		}
		for i, a := range group {
			for _, b := range group[i+1 : min(len(group), i+1+reach)] {
				two := [2]int{min(a, b), max(a, b)}
				if seen[two] {
					continue
				}
				if *left <= 0 {
					return sorted(pairs), false
				}
				*left--
				seen[two] = true
				if m := c.Records(records[two[0]], records[two[1]]); m.Sure >= Here {
					pairs = append(pairs, Pair{two[0], two[1], m})
				}
			}
		}
	}
	return sorted(pairs), true
}

// keys are what a record shares with those that may be about the same.
func (c *Comparison) keys(r schemas.Record) (all []string) {
	c.words(r, func(word string, whole bool) {
		if !whole {
			word = beginOf(sound(word))
		}
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	})
	return all
}

// order is where a record stands among others of nearly the same name, whichever of its
// words is written first.
func (c *Comparison) order(r schemas.Record) string {
	var words []string
	for _, f := range c.fields {
		if f.name {
			words = append(words, strings.Fields(sound(r.Fields[f.ID].Text()))...)
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func sorted(pairs []Pair) []Pair {
	slices.SortFunc(pairs, func(x, y Pair) int {
		return cmp.Or(cmp.Compare(y.Sure, x.Sure), cmp.Compare(len(y.Alike), len(x.Alike)), cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
	})
	return pairs
}
