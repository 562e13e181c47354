package indicators

import (
	"cmp"
	"slices"

	"mahalleh/schemas/expr"
)

// coverage is D01, |{n: sub(n) ≠ null}| / |N|: how many of the neighbourhoods
// that owe a dossier have submitted it at least once.
//
// Source: domain description 6 D01.
func (c *combining) coverage(f *Figure) {
	submitted := int64(0)
	for _, s := range c.assigned {
		if s.Dossier.Submitted != 0 {
			submitted++
		}
	}
	n := int64(len(c.assigned))
	f.Values = []Value{count("assigned", n), count("submitted", submitted), percent("coverage", submitted, n)}
}

// onTime is D02, |{n: sub ≤ due}| / |{n: due < today or sub ≠ null}|, the
// denominator being those whose verdict is known. A dossier is due until the end
// of its day.
//
// Source: domain description 6 D02; s1:9.
func (c *combining) onTime(f *Figure) {
	inTime, known := int64(0), int64(0)
	for _, s := range c.assigned {
		d := s.Dossier
		if d.Submitted == 0 && d.Due >= c.Today {
			continue
		}
		known++
		if d.Submitted != 0 && d.Submitted <= d.Due {
			inTime++
		}
	}
	f.Values = []Value{count("in_time", inTime), count("verdict_known", known), percent("on_time", inTime, known)}
}

// overdue is D03, |{n: sub = null ∧ due < today}|, with how many days.
//
// Source: domain description 6 D03.
func (c *combining) overdue(f *Figure) {
	t := Table{Name: "overdue_list", Columns: columns("overdue_days", "due", "completeness")}
	for _, s := range c.assigned {
		if d := s.Dossier; d.Submitted == 0 && d.Due < c.Today {
			t.Rows = append(t.Rows, s.row(number("overdue_days", KindDays, days(d.Due, c.Today)), date("due", d.Due), s.complete()))
		}
	}
	slices.SortStableFunc(t.Rows, byFirst)
	f.Values = []Value{count("overdue", int64(len(t.Rows)))}
	f.Tables = []Table{t}
}

// complete is C(n) as it is published.
func (s *Summary) complete() Value {
	return quotient("completeness", KindPercent, int64(s.Completeness.Percent), int64(One), 1, 1)
}

// atRisk is D04: sub = null ∧ due ≥ today ∧ C(n) < elapsed/length − 0.15. The
// margin is a setting.
//
// Source: domain description 6 D04.
func (c *combining) atRisk(f *Figure) {
	t := Table{Name: "at_risk_list", Columns: columns("completeness", "expected", "due")}
	for _, s := range c.assigned {
		d := s.Dossier
		if d.Submitted != 0 || d.Due < c.Today {
			continue
		}
		elapsed, length := max(days(d.Assigned, c.Today), 0), days(d.Assigned, d.Due)
		if length <= 0 {
			elapsed, length = 1, 1
		}
		// C/100 < elapsed/length − margin/100, times 100·length.
		if int64(s.Completeness.Percent)*length < int64(One)*(100*elapsed-c.settings.Clocks.RiskMargin*length) {
			t.Rows = append(t.Rows, s.row(s.complete(), percent("expected", elapsed, length), date("due", d.Due)))
		}
	}
	f.Values = []Value{count("at_risk", int64(len(t.Rows)))}
	f.Tables = []Table{t}
}

// completeness is D05: Σ C(n)/|N|, how many neighbourhoods stand in each fifth,
// and the weakest section, argmin of the mean fill. Of equals it is the one that
// comes first in the dossier.
//
// Source: domain description 6 D05 and 4.1.
func (c *combining) completeness(f *Figure) {
	const fifths = 5
	var sum int64
	var histogram [fifths]int64
	fills, open := map[Section]*fractions{}, map[Section]int64{}
	for _, s := range c.assigned {
		sum += int64(s.Completeness.Percent)
		histogram[min(int64(s.Completeness.Percent)/int64(20*One), fifths-1)]++
		for _, x := range s.Fills {
			if fills[x.Section] == nil {
				fills[x.Section] = &fractions{}
			}
			fills[x.Section].add(min(x.Done, x.Target), x.Target)
			if !x.Gate {
				open[x.Section]++
			}
		}
	}
	n := int64(len(c.assigned))
	bars := Table{Name: "histogram", Columns: columns("neighbourhoods")}
	for i, name := range []string{"0–20", "20–40", "40–60", "60–80", "80–100"} {
		bars.Rows = append(bars.Rows, Row{Name: name, Cells: []Value{count("neighbourhoods", histogram[i])}})
	}
	sections := Table{Name: "by_section", List: "DOSSIERSECTION", Columns: columns("mean_fill", "gates_open")}
	weakest := Value{Name: "weakest", Kind: KindCode, List: "DOSSIERSECTION", State: Unknown}
	var least *fractions
	for _, x := range Sections {
		fill := fills[x]
		if fill == nil {
			continue
		}
		sections.Rows = append(sections.Rows, Row{Code: string(x), Cells: []Value{fill.over("mean_fill", KindPercent, n, 100, 1), count("gates_open", open[x])}})
		if least == nil || fill.cmp(least) < 0 {
			least, weakest.State, weakest.Text = fill, Shown, string(x)
		}
	}
	f.Values = []Value{quotient("mean_completeness", KindPercent, sum, n*int64(One), 1, 1), count("complete", c.completeCount()), weakest}
	f.Tables = []Table{bars, sections}
}

// completeCount is how many have all gates met.
func (c *combining) completeCount() int64 {
	n := int64(0)
	for _, s := range c.assigned {
		if s.Completeness.Complete {
			n++
		}
	}
	return n
}

// reviewTime is D06: median and p90 of app − sub in days, returns by submissions, and
// dossiers whose review (T9) is overdue.
//
// Source: domain description 6 D06.
func (c *combining) reviewTime(f *Figure) {
	took := map[int64]int64{}
	var reviewed, returns, submissions, waiting int64
	for _, s := range c.assigned {
		d := s.Dossier
		returns += d.Returns
		submissions += d.Submissions
		if d.Submitted != 0 && d.Approved != 0 {
			reviewed++
			took[days(d.Submitted, d.Approved)]++
		}
		if d.Waits != 0 && c.Today > c.settings.due(d.Waits, c.settings.Clocks.ReviewDays) {
			waiting++
		}
	}
	f.Values = []Value{count("reviewed", reviewed), nearest("median_days", KindDays, took, 50), nearest("p90_days", KindDays, took, 90),
		percent("returned_rate", returns, submissions), count("review_late", waiting)}
}

// byCode orders rows by the first value, the greatest first, then by code.
func byCode(a, b Row) int { return cmp.Or(byFirst(a, b), cmp.Compare(a.Code, b.Code)) }

// number is a whole number of a kind.
func number(name string, kind Kind, n int64) Value {
	return Value{Name: name, Kind: kind, Number: expr.Int(n)}
}
