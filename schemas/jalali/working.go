package jalali

import (
	"fmt"
	"slices"
)

// Calendar says which days count where a length is given in days. Its zero value
// counts every day. Months and years are always whole.
type Calendar struct {
	// WorkingDays counts working days only.
	WorkingDays bool
	// Weekend, Yearly and Holidays are no working days.
	Weekend []Weekday
	// Yearly come every year on the same Jalali day.
	Yearly []YearDay
	// Holidays are single days: those that follow the moon, and those that were
	// decided once.
	Holidays []Day
}

// YearDay is a month and its day in every Jalali year: 30 Esfand is one of leap years
// only.
type YearDay [2]int

// Works says whether a day counts.
func (c Calendar) Works(day Day) bool {
	if !c.WorkingDays {
		return true
	}
	if slices.Contains(c.Weekend, day.Weekday()) || slices.Contains(c.Holidays, day) {
		return false
	}
	date, err := day.Date()
	return err != nil || !slices.Contains(c.Yearly, YearDay{date.Month(), date.DayOfMonth()})
}

// maxRun bounds how many days in a row may not count: a table that leaves no
// working day must not run for ever.
const maxRun = 60

// After returns the n-th day that counts after a day. A day outside the calendar,
// and a table that leaves no working day, is ErrRange.
func (c Calendar) After(start Day, n int) (Day, error) {
	if n < 0 || n > int(LastDay-FirstDay) || start < FirstDay || start > LastDay {
		return 0, ErrRange
	}
	day := start
	if !c.WorkingDays {
		day, n = day+Day(n), 0
	}
	for run := 0; n > 0; {
		if day++; c.Works(day) {
			n, run = n-1, 0
		} else if run++; run > maxRun {
			return 0, fmt.Errorf("no working day in %d days: %w", maxRun, ErrRange)
		}
	}
	if day > LastDay {
		return 0, ErrRange
	}
	return day, nil
}
