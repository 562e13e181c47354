package indicators

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
)

// elderNetwork is the programme whose least credit for a neighbourhood is known
// (s3:30); executorTraining is the item that counts as training.
const (
	elderNetwork     = "elder_network"
	executorTraining = "executor_training"
)

// money is what was approved, allocated and paid.
type money struct{ approved, allocated, paid, training int64 }

func (m *money) add(b *BudgetLine, paid int64) {
	m.approved += b.Approved
	m.allocated += max(b.Allocated, 0)
	m.paid += paid
	if b.Item == executorTraining {
		m.training += b.Approved
	}
}

// budget is D16: allocation = allocated/approved, absorption = paid/allocated,
// paid for each neighbourhood that has a line of its own, the share of training
// in what was approved, and neighbourhoods under the elder networks whose
// allocation is below the least required. What was paid is payments less returns.
// Lines of the years of the period count.
//
// Source: domain description 6 D16; s3:30.
func (c *combining) budget(f *Figure) {
	type at struct {
		year      int64
		programme string
	}
	paid := map[ID]int64{}
	for _, s := range c.all {
		for _, p := range s.Payments {
			paid[p.Line] += p.Paid
		}
	}
	var all money
	by, placesOf := map[at]*money{}, map[at]map[ID]bool{}
	places := map[ID]bool{}
	type floorAt struct {
		year  int64
		place ID
	}
	allocated := map[floorAt]int64{}
	for _, s := range c.all {
		for i := range s.Budget {
			b := &s.Budget[i]
			if !c.withinYear(b.Year) {
				continue
			}
			k := at{b.Year, b.Programme}
			if by[k] == nil {
				by[k], placesOf[k] = &money{}, map[ID]bool{}
			}
			by[k].add(b, paid[b.Record])
			all.add(b, paid[b.Record])
			if b.Neighbourhood != (ID{}) {
				places[b.Neighbourhood], placesOf[k][b.Neighbourhood] = true, true
				if b.Programme == elderNetwork {
					allocated[floorAt{b.Year, b.Neighbourhood}] += max(b.Allocated, 0)
				}
			}
		}
	}
	names := map[ID]string{}
	for _, s := range c.all {
		if s.Neighbourhood != nil {
			names[s.Neighbourhood.Record] = s.Neighbourhood.Name
		}
	}
	t := Table{Name: "by_programme", List: "PROGRAMME", Columns: columns("approved", "allocated", "paid", "allocation", "absorption", "training_share", "paid_per_place")}
	for _, k := range slices.SortedFunc(maps.Keys(by), func(a, b at) int {
		return cmp.Or(cmp.Compare(b.year, a.year), cmp.Compare(a.programme, b.programme))
	}) {
		t.Rows = append(t.Rows, Row{Code: k.programme, Name: strconv.FormatInt(k.year, 10), Cells: by[k].values(int64(len(placesOf[k])))})
	}
	low := Table{Name: "below_floor_list", Columns: columns("allocated", "floor")}
	for _, k := range slices.SortedFunc(maps.Keys(allocated), func(a, b floorAt) int { return cmp.Or(cmp.Compare(b.year, a.year), compareIDs(a.place, b.place)) }) {
		if n := allocated[k]; n < c.settings.Money.FloorRial {
			low.Rows = append(low.Rows, Row{Record: k.place, Name: names[k.place], Cells: []Value{number("allocated", KindRial, n), number("floor", KindRial, c.settings.Money.FloorRial)}})
		}
	}
	f.Values = append(all.values(int64(len(places))), count("below_floor", int64(len(low.Rows))), number("training_plan", KindPercent, c.settings.Money.TrainingShare))
	f.Tables = []Table{t, low}
}

func (m *money) values(places int64) []Value {
	return []Value{number("approved", KindRial, m.approved), number("allocated", KindRial, m.allocated), number("paid", KindRial, m.paid),
		percent("allocation", m.allocated, m.approved), percent("absorption", m.paid, m.allocated), percent("training_share", m.training, m.approved),
		quotient("paid_per_place", KindRial, m.paid, places, 1, 0)}
}
