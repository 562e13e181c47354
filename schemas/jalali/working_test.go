package jalali

import (
	"errors"
	"testing"
)

func dayOf(t *testing.T, year, month, day int) Day {
	t.Helper()
	d, err := New(year, month, day)
	if err != nil {
		t.Fatal(err)
	}
	return d.EpochDay()
}

// TestWorkingDays holds the days that count to a calendar on paper. 1404/10/26 is a
// Friday, 1404/12/29 too.
func TestWorkingDays(t *testing.T) {
	at := func(y, m, d int) Day { return dayOf(t, y, m, d) }
	week := Calendar{WorkingDays: true, Weekend: []Weekday{Thursday, Friday}}
	moon := week
	moon.Holidays = []Day{at(1404, 11, 5)}
	nowruz := week
	nowruz.Yearly = []YearDay{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 12}, {1, 13}}
	for _, c := range []struct {
		name       string
		cal        Calendar
		start      Day
		n          int
		want       Day
		startWorks bool
	}{
		{"every day", Calendar{}, at(1404, 10, 26), 15, at(1404, 11, 11), true},
		{"a table that is not used", Calendar{Weekend: week.Weekend, Holidays: moon.Holidays}, at(1404, 10, 26), 15, at(1404, 11, 11), true},
		{"no day at all", week, at(1404, 10, 26), 0, at(1404, 10, 26), false},
		{"fifteen after a Friday", week, at(1404, 10, 26), 15, at(1404, 11, 15), false},
		{"with a holiday among them", moon, at(1404, 10, 26), 15, at(1404, 11, 18), false},
		{"with a holiday on a Friday", Calendar{WorkingDays: true, Weekend: week.Weekend, Holidays: []Day{at(1404, 11, 3)}}, at(1404, 10, 26), 15, at(1404, 11, 15), false},
		// 1405/01/01 is a Saturday: 5, 8 and 9 Farvardin work, 6 and 7 are Thursday and Friday.
		{"over Nowruz", nowruz, at(1404, 12, 29), 3, at(1405, 1, 9), false},
		{"over the next Nowruz too", nowruz, at(1405, 12, 29), 1, at(1406, 1, 7), true},
		{"a leap day every year", Calendar{WorkingDays: true, Yearly: []YearDay{{12, 30}}}, at(1403, 12, 29), 1, at(1404, 1, 1), true},
	} {
		got, err := c.cal.After(c.start, c.n)
		if err != nil || got != c.want {
			t.Errorf("%s: ends on %s (%v), want %s", c.name, got.ISO(), err, c.want.ISO())
		}
		if c.cal.Works(c.start) != c.startWorks {
			t.Errorf("%s: the first day counts: %v", c.name, !c.startWorks)
		}
	}
}

// TestWorkingDaysEnd: a table without a working day, and days outside the calendar,
// are errors and no loops.
func TestWorkingDaysEnd(t *testing.T) {
	never := Calendar{WorkingDays: true, Weekend: []Weekday{0, 1, 2, 3, 4, 5, 6}}
	for name, c := range map[string]struct {
		cal   Calendar
		start Day
		n     int
	}{
		"a week without a working day": {never, 20000, 1}, "beyond the calendar": {Calendar{}, LastDay, 1},
		"before it": {Calendar{}, FirstDay - 1, 1}, "backwards": {Calendar{}, 20000, -1}, "too long": {Calendar{}, FirstDay, 1 << 30},
	} {
		if d, err := c.cal.After(c.start, c.n); !errors.Is(err, ErrRange) {
			t.Errorf("%s: %s, %v", name, d.ISO(), err)
		}
	}
}
