package indicators

import (
	"bytes"
	"cmp"
	"slices"

	"mahalleh/schemas/expr"
	"mahalleh/schemas/persian"
)

// inOrder are the summaries as rows of them are shown: by county and name in
// the order of the Persian alphabet, then by id.
func inOrder(summaries []Summary) []*Summary {
	type sortable struct {
		s      *Summary
		county []byte
		name   []byte
	}
	all := make([]sortable, len(summaries))
	for i := range summaries {
		all[i].s = &summaries[i]
		if n := summaries[i].Neighbourhood; n != nil {
			all[i].county, all[i].name = persian.SortKey(n.County), persian.SortKey(n.Name)
		}
	}
	slices.SortFunc(all, func(a, b sortable) int {
		return cmp.Or(bytes.Compare(a.county, b.county), bytes.Compare(a.name, b.name), bytes.Compare(a.s.Place[:], b.s.Place[:]))
	})
	sorted := make([]*Summary, len(all))
	for i := range all {
		sorted[i] = all[i].s
	}
	return sorted
}

// hours are those from writing to arriving of the last 30 days.
func (c *combining) hours() map[int64]int64 {
	hours := map[int64]int64{}
	for _, s := range c.all {
		if s.Operations != nil {
			for _, l := range s.Operations.Lags {
				hours[l.Hours] += l.Changes
			}
		}
	}
	return hours
}

// lag is their median.
func (c *combining) lag() Value { return titled(nearest("lag", KindHours, c.hours(), 50)) }

// nearest is the percentile of numbers that are counted by value, by nearest
// rank: the smallest number that at least so many percent do not exceed.
func nearest(name string, kind Kind, counts map[int64]int64, percentile int64) Value {
	v := Value{Name: name, Kind: kind, State: Unknown}
	var numbers []int64
	total := int64(0)
	for n, times := range counts {
		if times > 0 {
			numbers = append(numbers, n)
			total += times
		}
	}
	slices.Sort(numbers)
	passed := int64(0)
	for _, n := range numbers {
		passed += counts[n]
		if 100*passed >= percentile*total {
			v.State, v.Number = Shown, expr.Int(n)
			break
		}
	}
	return v
}

// score is a Micro as it is published.
func score(name string, m Micro, known bool, digits uint8) Value {
	v := quotient(name, KindScore, int64(m), int64(One), 1, digits)
	if !known {
		v.State = Unknown
	}
	return v
}

// columns are headings of these names.
func columns(names ...string) []Column {
	all := make([]Column, len(names))
	for i, n := range names {
		all[i] = Column{Name: n, Title: textOf(n)}
	}
	return all
}

// byFirst orders rows by their first value, the greatest first.
func byFirst(a, b Row) int { return b.Cells[0].Number.Cmp(a.Cells[0].Number) }

func titled(v Value) Value {
	v.Title = textOf(v.Name)
	return v
}

// title gives the texts to what the figure's function named.
func (f *Figure) title() {
	for i := range f.Values {
		f.Values[i] = titled(f.Values[i])
	}
	for i := range f.Tables {
		t := &f.Tables[i]
		t.Title = textOf(t.Name)
		for _, r := range t.Rows {
			for k := range r.Cells {
				r.Cells[k] = titled(r.Cells[k])
			}
		}
	}
}
