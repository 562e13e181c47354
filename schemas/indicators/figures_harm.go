package indicators

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// The harm map is published in cells that are always the same: a neighbourhood,
// a kind of harm and a Jalali month. A cell with one to four ratings is "<5" (of
// suicide one to nine, and hidden), and nothing of it goes into any other number:
// totals add up the cells that are shown and say how many are not. Filters and
// periods choose among cells. So there is nothing to subtract, today or on another
// day.

// fromTen are the kinds of harm that are published from a greater number on than
// others. The code list says it too (k_min); a phone and a server that disagreed
// about it would publish what the other hides, so it stands here.
//
// Source: domain description 3.4.
var fromTen = map[string]int64{"suicide": 10}

// publishedFrom is from how many ratings on a kind of harm is published.
func publishedFrom(code string) int64 { return max(fromTen[code], SmallCount) }

// harmCell is one of them.
type harmCell struct {
	place *Summary
	month int64
	code  string

	ratings, confirmed, sum, confirmedSum int64
}

// shown reports whether the cell's number of ratings is published.
func (h *harmCell) shown() bool { return h.ratings >= publishedFrom(h.code) }

// confirmedShown reports whether the number of confirmed ratings is published
// too: neither they nor the others may be few.
func (h *harmCell) confirmedShown() bool {
	return h.shown() && !h.few(h.confirmed) && !h.few(h.ratings-h.confirmed)
}

// few reports whether so many ratings of this kind are too few to be published.
func (h *harmCell) few(n int64) bool { return n > 0 && n < publishedFrom(h.code) }

// values are the cell's two numbers as they are published.
func (h *harmCell) values() (ratings, confirmed Value) {
	ratings, confirmed = count("ratings", h.ratings), count("confirmed_ratings", h.confirmed)
	few := Small
	if publishedFrom(h.code) > SmallCount {
		few = Hidden // "<5" would say more than is published
	}
	switch {
	case !h.shown():
		ratings, confirmed = withheld(ratings, few), withheld(confirmed, Hidden)
	case h.few(h.confirmed):
		confirmed = withheld(confirmed, few)
	case !h.confirmedShown():
		confirmed = withheld(confirmed, Hidden)
	}
	return ratings, confirmed
}

func withheld(v Value, why State) Value { return Value{Name: v.Name, Kind: v.Kind, State: why} }

// harmCells are the cells with a rating, by place, kind and month.
func (c *combining) harmCells() []*harmCell {
	var all []*harmCell
	for _, s := range c.all {
		if s.Neighbourhood == nil {
			continue
		}
		by := map[string]*harmCell{}
		for _, h := range s.Harm {
			k := string(num(h.Month)) + separator + h.Code
			if by[k] == nil {
				by[k] = &harmCell{place: s, month: h.Month, code: h.Code}
			}
			x := by[k]
			x.ratings += h.Ratings
			x.confirmed += h.Confirmed
			x.sum += h.Sum
			x.confirmedSum += h.ConfirmedSum
		}
		all = append(all, slices.SortedFunc(maps.Values(by), func(a, b *harmCell) int {
			return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.month, b.month))
		})...)
	}
	return all
}

// harmSum adds up cells that are shown. Of the intensities confirmed ones count
// more, unless how many are confirmed is not shown.
type harmSum struct{ ratings, confirmed, sum, weight, hidden int64 }

func (t *harmSum) add(h *harmCell, confirmedWeight int64) {
	if !h.shown() {
		t.hidden++
		return
	}
	t.ratings += h.ratings
	t.sum += h.sum
	t.weight += h.ratings
	if h.confirmedShown() {
		t.confirmed += h.confirmed
		t.sum += (confirmedWeight - 1) * h.confirmedSum
		t.weight += (confirmedWeight - 1) * h.confirmed
	}
}

func (t *harmSum) values(residents int64) []Value {
	return []Value{count("ratings", t.ratings), count("hidden_cells", t.hidden), quotient("intensity", KindScore, t.sum, t.weight, 1, 1),
		quotient("per_1000", KindPer1000, t.confirmed, residents, 1000, 2)}
}

// harmMap is D12. Ratings above "none" count. Intensity is their mean, confirmed
// ones weighing more; the rate is confirmed ratings for each thousand residents
// where the population is known; the change is against the same months a year
// before. Everything is made of cells that are shown.
//
// The map is made of the ratings of shown cells alone. A cell of it (100 m, 1 km
// in villages, or a block) is left out with fewer than five of them, with fewer
// than three informants, or with fewer than ten households; a grid cell's
// households are its part of the neighbourhood's area.
//
// Source: domain description 6 D12, the rule of small counts, and 10.1.
func (c *combining) harmMap(f *Figure) {
	var all, before harmSum
	var residents int64
	byCode, byMonth := map[string]*harmSum{}, map[int64]*harmSum{}
	ratedByCode := map[string]*harmSum{}
	byPlace := map[ID]*harmSum{}
	cells := Table{Name: "harm_cells", List: "HARM", Columns: columns("month", "ratings", "confirmed_ratings")}
	published := map[ID]map[string]*harmCell{}
	for _, s := range c.all {
		if s.Neighbourhood != nil && s.Profile != nil && s.Profile.Population > 0 {
			residents += s.Profile.Population
		}
	}
	heavy := c.settings.Needs.ConfirmedWeight
	rated := &harmSum{} // of places whose population is known
	for _, h := range c.harmCells() {
		if c.within(h.month+100) && (c.From != 0 || c.To != 0) {
			before.add(h, heavy)
		}
		if !c.within(h.month) {
			continue
		}
		all.add(h, heavy)
		if p := h.place.Profile; p != nil && p.Population > 0 {
			rated.add(h, heavy)
			at(ratedByCode, h.code).add(h, heavy)
		}
		at(byCode, h.code).add(h, heavy)
		at(byMonth, h.month).add(h, heavy)
		at(byPlace, h.place.Place).add(h, heavy)
		ratings, confirmed := h.values()
		row := h.place.row(number("month", KindMonth, h.month), ratings, confirmed)
		row.Code = h.code
		cells.Rows = append(cells.Rows, row)
		if h.shown() {
			if published[h.place.Place] == nil {
				published[h.place.Place] = map[string]*harmCell{}
			}
			published[h.place.Place][string(num(h.month))+separator+h.code] = h
		}
	}
	names := []string{"ratings", "hidden_cells", "intensity", "per_1000"}
	codes := Table{Name: "by_harm", List: "HARM", Columns: columns(names...)}
	for _, x := range slices.Sorted(maps.Keys(byCode)) {
		cells := append(byCode[x].values(0)[:3], at(ratedByCode, x).values(residents)[3])
		codes.Rows = append(codes.Rows, Row{Code: x, Cells: cells})
	}
	slices.SortStableFunc(codes.Rows, byFirst)
	months := Table{Name: "by_month", Columns: columns(names[:2]...)}
	for _, x := range slices.Sorted(maps.Keys(byMonth)) {
		months.Rows = append(months.Rows, Row{Name: monthName(x), Cells: byMonth[x].values(0)[:2]})
	}
	places := Table{Name: "by_place", Columns: columns(names...)}
	for _, s := range c.all {
		if x := byPlace[s.Place]; x != nil {
			population := int64(0)
			if s.Profile != nil {
				population = max(s.Profile.Population, 0)
			}
			places.Rows = append(places.Rows, s.row(x.values(population)...))
		}
	}
	change := count("year_change", all.ratings-before.ratings)
	if c.From == 0 || c.To == 0 {
		change.State = Unknown // without a period there is no year before it
	}
	rate := rated.values(residents)[3]
	f.Values = append(all.values(0)[:3], rate, change)
	f.Tables = []Table{codes, places, months, cells, c.cellsOfMap(published)}
}

// at is the value of a key, made when it is first asked for.
func at[K comparable, V any](m map[K]*V, k K) *V {
	if m[k] == nil {
		m[k] = new(V)
	}
	return m[k]
}

// monthName writes a month as 1404-11.
func monthName(m int64) string {
	text := string(num(m % 100))
	return string(num(m/100)) + "-" + strings.Repeat("0", 2-len(text)) + text
}

// cellsOfMap are the cells of the map, with the intensity alone: how many ratings
// one has is not said.
func (c *combining) cellsOfMap(published map[ID]map[string]*harmCell) Table {
	t := Table{Name: "map_cells", Columns: columns("intensity")}
	type tally struct{ ratings, sum, weight, informants int64 }
	for _, s := range c.all {
		by := map[string]*tally{}
		for _, h := range s.Harm {
			cell := published[s.Place][string(num(h.Month))+separator+h.Code]
			if cell == nil {
				continue
			}
			x := at(by, s.mapCell(h.Cell))
			x.ratings += h.Ratings
			x.sum += h.Sum
			x.weight += h.Ratings
			if cell.confirmedShown() {
				x.sum += (c.settings.Needs.ConfirmedWeight - 1) * h.ConfirmedSum
				x.weight += (c.settings.Needs.ConfirmedWeight - 1) * h.Confirmed
			}
			x.informants = max(x.informants, h.Informants)
		}
		for _, cell := range slices.Sorted(maps.Keys(by)) {
			x := by[cell]
			if x.ratings >= SmallCount && x.informants >= c.settings.Needs.ConfirmInformants && s.householdsOf(cell) >= c.settings.Needs.MapHouseholds {
				r := s.row(quotient("intensity", KindScore, x.sum, x.weight, 1, 1))
				r.Code = cell
				t.Rows = append(t.Rows, r)
			}
		}
	}
	return t
}
