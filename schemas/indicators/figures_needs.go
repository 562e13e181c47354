package indicators

import (
	"cmp"
	"maps"
	"slices"
)

// assets are D13: assets by the six categories, for each thousand residents,
// how evenly they are spread, and how many an action item uses. Doubles count
// once. Density is over the places whose population is known.
//
// Source: domain description 6 D13 and 5.1 (Kretzmann and McKnight 1993).
func (c *combining) assets(f *Figure) {
	var sum Assets
	var known, residents int64
	for _, s := range c.all {
		total := int64(0)
		for i, n := range s.Assets.Counts {
			sum.Counts[i] += n
			total += n
		}
		sum.Used += s.Assets.Used
		if s.Profile != nil && s.Profile.Population > 0 {
			known += total
			residents += s.Profile.Population
		}
	}
	m := AssetMapOf(sum.Counts)
	f.Values = []Value{
		count("assets", m.Total), count("categories", m.Covered),
		quotient("density", KindPer1000, known, residents, 1000, 2),
		score("evenness", m.Evenness, m.Known, 3),
		percent("activation", sum.Used, m.Total),
	}
	t := Table{Name: "by_category", List: "ASSETCAT", Columns: columns("assets", "share")}
	for i, code := range AssetCategoryCodes {
		t.Rows = append(t.Rows, Row{Code: code, Cells: []Value{count("assets", sum.Counts[i]), percent("share", sum.Counts[i], m.Total)}})
	}
	slices.SortStableFunc(t.Rows, byFirst)
	f.Tables = []Table{t}
}

// needSum is a category of needs over places.
type needSum struct {
	code                        string
	reciprocal, weighted        fractions
	needs, affected, top, inTop int64
}

// needSums adds up the categories of all places, and how many places have an
// approved round.
func (c *combining) needSums() (sums []*needSum, ranked, top int64) {
	by := map[string]*needSum{}
	for _, s := range c.all {
		if s.Ranked {
			ranked++
		}
		for _, n := range s.Needs {
			x := by[n.Category]
			if x == nil {
				x = &needSum{code: n.Category}
				by[n.Category] = x
			}
			x.needs += n.Needs
			x.affected += n.Affected
			x.top += n.Top
			top += n.Top
			if n.Rank > 0 {
				x.reciprocal.add(1, n.Rank)
				x.weighted.add(n.Affected, n.Rank)
				if n.Rank <= c.settings.Needs.Top {
					x.inTop++
				}
			}
		}
	}
	sums = slices.SortedFunc(maps.Values(by), func(a, b *needSum) int {
		return cmp.Or(b.reciprocal.cmp(&a.reciprocal), cmp.Compare(b.affected, a.affected), cmp.Compare(a.code, b.code))
	})
	return sums, ranked, top
}

// priorities are D10: categories of needs by Σ 1/rank over neighbourhoods, with a
// category's best rank in the latest approved round; the share of neighbourhoods
// with a round in which it is among the first three; and Σ affected/rank.
//
// Source: domain description 6 D10.
func (c *combining) priorities(f *Figure) {
	sums, ranked, _ := c.needSums()
	t := Table{Name: "by_need", List: "NEEDCAT", Columns: columns("reciprocal", "in_top", "affected", "weighted_need", "needs")}
	needs := int64(0)
	for _, x := range sums {
		needs += x.needs
		t.Rows = append(t.Rows, Row{Code: x.code, Cells: []Value{x.reciprocal.over("reciprocal", KindScore, 1, 1, 3), percent("in_top", x.inTop, ranked),
			count("affected", x.affected), x.weighted.over("weighted_need", KindScore, 1, 1, 1), count("needs", x.needs)}})
	}
	f.Values = []Value{count("needs", needs), count("ranked_places", ranked)}
	f.Tables = []Table{t}
}

// serviceGap is D11: the share of services delivered in a category of needs by
// the share of the first three needs that are of it; below one half is red. The
// period chooses among services, not among rounds.
//
// Source: domain description 6 D11; s1:9.
func (c *combining) serviceGap(f *Figure) {
	sums, _, top := c.needSums()
	delivered := map[string]int64{}
	total, served := int64(0), int64(0)
	for _, s := range c.all {
		for _, x := range s.Services {
			if c.within(x.Month) {
				delivered[x.Category] += x.Deliveries
				total += x.Deliveries
				served += x.Served
			}
		}
	}
	tops := map[string]int64{}
	for _, x := range sums {
		tops[x.code] = x.top
	}
	codes := map[string]bool{}
	for code := range delivered {
		codes[code] = true
	}
	for code, n := range tops {
		codes[code] = codes[code] || n > 0
	}
	t := Table{Name: "by_need", List: "NEEDCAT", Columns: columns("top_needs", "services", "needs_share", "services_share", "gap", "signal")}
	red := int64(0)
	for _, x := range slices.Sorted(maps.Keys(codes)) {
		if !codes[x] {
			continue
		}
		n, d := tops[x], delivered[x]
		// (d/total) / (n/top) = d·top / (total·n)
		gap := quotient("gap", KindRatio, d*top, total*n, 1, 2)
		signal := Blank
		if gap.State == Shown {
			if signal = Green; 100*d*top < c.settings.Needs.GapRed*total*n {
				signal = Red
				red++
			}
		}
		t.Rows = append(t.Rows, Row{Code: x, Cells: []Value{count("top_needs", n), count("services", d), percent("needs_share", n, top),
			percent("services_share", d, total), gap, colour("signal", signal)}})
	}
	slices.SortStableFunc(t.Rows, byCode)
	f.Values = []Value{count("services", total), count("served", served), count("red_categories", red)}
	f.Tables = []Table{t}
}

// capacity is D14: the mean score of each domain by county, from each
// neighbourhood's latest round of an instrument, how it changed since the round
// before, and how many score below 2.
//
// Source: domain description 6 D14 and 5.2 (Laverack 2006).
func (c *combining) capacity(f *Figure) {
	type at struct{ county, instrument, domain string }
	type tally struct{ sum, n, change, changed, low int64 }
	by := map[at]*tally{}
	var places, rounds, sum, scores, low int64
	for _, s := range c.all {
		if len(s.Capacity) == 0 || s.Neighbourhood == nil {
			continue
		}
		places++
		rounds += int64(len(s.Capacity))
		for last, r := range s.Capacity {
			if last+1 < len(s.Capacity) && s.Capacity[last+1].Instrument == r.Instrument {
				continue // a later round follows
			}
			var before map[string]int64
			for i := last - 1; i >= 0 && s.Capacity[i].Instrument == r.Instrument; i-- {
				if s.Capacity[i].Round < r.Round {
					before = s.Capacity[i].Scores
					break
				}
			}
			for _, domain := range slices.Sorted(maps.Keys(r.Scores)) {
				x := by[at{s.Neighbourhood.County, r.Instrument, domain}]
				if x == nil {
					x = &tally{}
					by[at{s.Neighbourhood.County, r.Instrument, domain}] = x
				}
				n := r.Scores[domain]
				x.sum += n
				x.n++
				sum += n
				scores++
				if n < 2 {
					x.low++
					low++
				}
				if was, is := before[domain]; is {
					delta, _ := Delta(was, n)
					x.change += delta
					x.changed++
				}
			}
		}
	}
	t := Table{Name: "by_domain", List: "CAPDOMAIN", Columns: columns("mean_score", "change", "neighbourhoods", "low_domains", "instrument")}
	for _, k := range slices.SortedFunc(maps.Keys(by), func(a, b at) int {
		return cmp.Or(cmp.Compare(a.county, b.county), cmp.Compare(a.instrument, b.instrument), cmp.Compare(a.domain, b.domain))
	}) {
		x := by[k]
		t.Rows = append(t.Rows, Row{Code: k.domain, Name: k.county, Cells: []Value{quotient("mean_score", KindScore, x.sum, x.n, 1, 2),
			quotient("change", KindScore, x.change, x.changed, 1, 2), count("neighbourhoods", x.n), count("low_domains", x.low), code("instrument", "INSTRUMENT", k.instrument)}})
	}
	f.Values = []Value{count("assessed", places), count("rounds", rounds), quotient("mean_score", KindScore, sum, scores, 1, 2), count("low_domains", low)}
	f.Tables = []Table{t}
}

// participation is D22: residents who took part by adults, and the shares of
// women, of those under 18 and of disabled people among them; blocks in which
// something took place. A resident who came twice counts twice. The first is
// over the places whose adult population is known, the last over blocks whose
// boundary is drawn.
//
// Source: domain description 6 D22.
func (c *combining) participation(f *Figure) {
	var sum Activity
	var known, adults, events, blocks int64
	for _, s := range c.all {
		place := int64(0)
		reached := map[string]bool{}
		for _, a := range s.Activities {
			if !c.within(a.Month) {
				continue
			}
			place += a.Total
			sum.Events += a.Events
			sum.Total += a.Total
			sum.Women += a.Women
			sum.Under18 += a.Under18
			sum.Disabled += a.Disabled
			for _, b := range a.Blocks {
				reached[b] = true
			}
		}
		if p := s.Profile; p != nil && p.Age19to59 >= 0 && p.Age60up >= 0 {
			known += place
			adults += p.Age19to59 + p.Age60up
		}
		events += int64(len(reached))
		blocks += s.MappedBlocks
	}
	f.Values = []Value{count("activities", sum.Events), count("took_part", sum.Total), percent("of_adults", known, adults), percent("women_share", sum.Women, sum.Total),
		percent("youth_share", sum.Under18, sum.Total), percent("disabled_share", sum.Disabled, sum.Total), percent("blocks_reached", events, blocks)}
}
