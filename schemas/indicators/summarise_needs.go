package indicators

import (
	"cmp"
	"maps"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/expr"
	"mahalleh/schemas/persian"
)

// assetPlace is an asset as doubles are looked for.
type assetPlace struct {
	id      ID
	subtype string
	at      schemas.Point
	title   string
}

func (g *gathering) assetAt(p parts, _ int64) {
	a := assetPlace{id: p.id(), subtype: p.text()}
	a.at = schemas.Point{LatE7: int32(p.int()), LonE7: int32(p.int())}
	a.title = p.text()
	g.places = append(g.places, a)
	g.points = append(g.points, a.at)
}

type needAt struct {
	category string
	affected int64
	merged   bool
}

type roundAt struct {
	id       ID
	held     int64
	approved bool
}

func (g *gathering) need(p parts, _ int64) {
	need := p.id()
	n := needAt{category: p.text()}
	p.text()
	n.affected, n.merged = p.int(), p.flag()
	g.needOf[need] = n
}

func (g *gathering) round(p parts, _ int64) {
	r := roundAt{id: p.id(), held: p.int(), approved: p.flag()}
	g.rounds = append(g.rounds, r)
	g.Plan.Round = g.Plan.Round || r.approved
}

func (g *gathering) rank(p parts, _ int64) {
	round, rank, need := p.id(), p.int(), p.id()
	if g.ranked[round] == nil {
		g.ranked[round] = map[ID]int64{}
	}
	if have, is := g.ranked[round][need]; !is || rank < have {
		g.ranked[round][need] = rank
	}
}

// needs puts together the needs of each category and their best rank in the
// latest approved round: the latest by day, of two on one day the one with the
// greater id. A need that was merged into another counts only by its rank.
func (g *gathering) needs() {
	for asset, category := range g.assets {
		if i := slices.Index(AssetCategoryCodes[:], category); i >= 0 {
			g.Assets.Counts[i]++
			if g.used[asset] {
				g.Assets.Used++
			}
		}
	}
	slices.SortFunc(g.Capacity, byRound)
	by := map[string]*NeedCategory{}
	at := func(category string) *NeedCategory {
		if by[category] == nil {
			by[category] = &NeedCategory{Category: category}
		}
		return by[category]
	}
	for _, n := range g.needOf {
		if !n.merged {
			c := at(n.category)
			c.Needs++
			c.Affected += n.affected
		}
	}
	var latest *roundAt
	for i := range g.rounds {
		r := &g.rounds[i]
		if r.approved && (latest == nil || cmp.Or(cmp.Compare(r.held, latest.held), compareIDs(r.id, latest.id)) > 0) {
			latest = r
		}
	}
	ranked := map[ID]bool{}
	for _, r := range g.rounds {
		for need := range g.ranked[r.id] {
			if r.approved {
				ranked[need] = true
			}
		}
	}
	g.RankedNeeds = slices.SortedFunc(maps.Keys(ranked), compareIDs)
	if latest != nil {
		g.Ranked = true
		for need, rank := range g.ranked[latest.id] {
			if n, known := g.needOf[need]; known && rank > 0 {
				c := at(n.category)
				c.Rank = earlier(c.Rank, rank)
				if rank <= g.settings.Needs.Top {
					c.Top++
				}
			}
		}
	}
	for _, category := range slices.Sorted(maps.Keys(by)) {
		g.Needs = append(g.Needs, *by[category])
	}
}

// harm takes ratings of one kind. Confirmed are those of officials, and those of
// enough informants.
//
// Source: domain description 2.14; the number is a setting.
func (g *gathering) harm(p parts, n int64) {
	h := HarmCount{Month: p.int(), Code: p.text(), Cell: p.text(), Ratings: n}
	intensity, official, informants := p.int(), p.flag(), p.int()
	h.Sum, h.Informants = n*intensity, informants
	if official || informants >= g.settings.Needs.ConfirmInformants {
		h.Confirmed, h.ConfirmedSum = n, n*intensity
	}
	if last := len(g.Harm) - 1; last >= 0 && g.Harm[last].Month == h.Month && g.Harm[last].Code == h.Code && g.Harm[last].Cell == h.Cell {
		have := &g.Harm[last]
		have.Ratings += h.Ratings
		have.Confirmed += h.Confirmed
		have.Sum += h.Sum
		have.ConfirmedSum += h.ConfirmedSum
		have.Informants = max(have.Informants, h.Informants)
		return
	}
	g.Harm = append(g.Harm, h)
}

func (g *gathering) activity(p parts, _ int64) {
	event := p.id()
	p.id()
	kind, day := p.text(), p.day()
	a := Activity{Month: monthOf(day), Events: 1, Total: p.int(), Women: p.int(), Under18: p.int(), Elders: p.int(), Disabled: p.int()}
	lat, known := p.known()
	lon := p.int()
	root := g.chains.root(event)
	g.consulted[root] = max(g.consulted[root], a.Total)
	if !g.chains.counts(event) {
		return
	}
	if informing[kind] {
		g.Plan.Activities++
		g.activityTypes[kind] = true
	}
	if kind == "manager_visit" {
		g.Plan.ManagerVisits++
	}
	if known {
		at := schemas.Point{LatE7: int32(lat), LonE7: int32(lon)}
		g.points = append(g.points, at)
		g.events = append(g.events, located{a.Month, at})
	}
	m := g.months[a.Month]
	if m == nil {
		m = &Activity{Month: a.Month}
		g.months[a.Month] = m
	}
	m.Events += a.Events
	m.Total += a.Total
	m.Women += a.Women
	m.Under18 += a.Under18
	m.Elders += a.Elders
	m.Disabled += a.Disabled
}

// located is where an activity took place, and in which month.
type located struct {
	month int64
	at    schemas.Point
}

// informing are the activities by which a plan builds trust.
//
// Source: s0:31.
var informing = map[string]bool{"public_meeting": true, "group_talk": true, "ceremony": true, "brochure": true, "banner": true}

// onMap says what needs boundaries: which blocks saw an event, and what lies
// outside of the neighbourhood.
func (g *gathering) onMap() {
	mapped := map[string]bool{}
	for _, b := range g.blockRings {
		mapped[b.code] = true
		for _, e := range g.events {
			if m := g.months[e.month]; !slices.Contains(m.Blocks, b.code) && expr.Within(e.at, b.ring, 0) {
				m.Blocks = append(m.Blocks, b.code)
			}
		}
	}
	g.MappedBlocks = int64(len(mapped))
	for _, month := range slices.Sorted(maps.Keys(g.months)) {
		slices.Sort(g.months[month].Blocks)
		g.Activities = append(g.Activities, *g.months[month])
	}
	if len(g.ring) > 0 {
		g.Quality.Located = int64(len(g.points))
		for _, at := range g.points {
			if !expr.Within(at, g.ring, float64(g.settings.Data.MarginMetres)) {
				g.Quality.Outside++
			}
		}
	}
}

func (g *gathering) minute(_ parts, n int64) {
	if n >= g.settings.Data.BurstRecords {
		g.Quality.Bursts++
	}
}

// quality counts assets that may be doubles of one with a smaller id: of the same
// subtype, near, and alike in name.
//
// Source: domain description 2.11; the numbers are settings.
func (g *gathering) quality() {
	near := expr.Int(g.settings.Data.DoubleMetres)
	alike := float64(g.settings.Data.DoubleSimilarity) / 100
	step := max(latStep*g.settings.Data.DoubleMetres/100, 1)
	type cell struct {
		subtype  string
		lat, lon int64
	}
	// A degree of longitude is shorter than one of latitude, so as many steps of
	// it are less far; at the country's northern end two cells are still enough.
	const wide = 2
	seen := map[cell][]assetPlace{}
	slices.SortFunc(g.places, func(a, b assetPlace) int { return compareIDs(a.id, b.id) })
	for _, a := range g.places {
		at := cell{a.subtype, floorDiv(int64(a.at.LatE7), step), floorDiv(int64(a.at.LonE7), step)}
		if g.hasDouble(a, near, alike, func(dLat, dLon int64) []assetPlace {
			return seen[cell{at.subtype, at.lat + dLat, at.lon + dLon}]
		}, wide) {
			g.Quality.Doubles++
		}
		seen[at] = append(seen[at], a)
	}
}

func (g *gathering) hasDouble(a assetPlace, near expr.Decimal, alike float64, around func(dLat, dLon int64) []assetPlace, wide int64) bool {
	for dLat := -wide; dLat <= wide; dLat++ {
		for dLon := -wide; dLon <= wide; dLon++ {
			for _, b := range around(dLat, dLon) {
				if expr.DistanceM(a.at, b.at).Cmp(near) < 0 && persian.Similarity(a.title, b.title) >= alike {
					return true
				}
			}
		}
	}
	return false
}
