package indicators

import "slices"

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
