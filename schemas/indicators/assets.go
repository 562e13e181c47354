package indicators

import "math"

// AssetCategories is how many categories an asset map has: individuals,
// associations, institutions, physical, economic, culture and stories.
const AssetCategories = 6

// AssetMap is what a neighbourhood's asset map comes to.
type AssetMap struct {
	Total int64
	// Covered is how many categories have an asset, Coverage their share.
	Covered  int64
	Coverage Micro
	// Evenness is Shannon's, −Σ p·ln p / ln 6: 1 for as many in each category, 0
	// for all in one. A map that is only institutions shows it. Known says that
	// there is an asset at all.
	Evenness Micro
	Known    bool
}

// AssetMapOf reckons with the number of assets in each category.
//
// Source: J. Kretzmann and J. McKnight, Building Communities from the Inside Out
// (1993), with the six categories of AmeriCorps VISTA; C. Shannon's entropy in E.
// C. Pielou's evenness (1966).
func AssetMapOf(counts [AssetCategories]int64) AssetMap {
	var m AssetMap
	for _, n := range counts {
		m.Total += n
		if n > 0 {
			m.Covered++
		}
	}
	m.Coverage, _ = Ratio(m.Covered, AssetCategories)
	if m.Total == 0 {
		return m
	}
	m.Known = true
	entropy := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(m.Total)
			entropy -= float64(p * math.Log(p))
		}
	}
	m.Evenness = rounded(math.Abs(entropy) / math.Log(AssetCategories))
	return m
}

// AssetDensity is assets for each thousand residents; false without residents.
//
// Source: a choice of this project, beside the map of J. Kretzmann and J. McKnight.
func AssetDensity(assets, residents int64) (Micro, bool) { return Ratio(1000*assets, residents) }

// Activation is the share of assets that some action item uses; false without
// assets.
//
// Source: a choice of this project, beside the map of J. Kretzmann and J. McKnight.
func Activation(linked, assets int64) (Micro, bool) { return Ratio(linked, assets) }
