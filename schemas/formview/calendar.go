package formview

import (
	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
)

// Month is a month of the Jalali calendar as a page shows it for choosing a day.
type Month struct {
	// Title is the month's name and year, At the month itself as "1404/10".
	Title, At string
	// Before, After, YearBefore and YearAfter are the months around, "" where the
	// calendar ends.
	Before, After, YearBefore, YearAfter string
	// Days are the names of the days of the week, from Saturday; Weeks the rows.
	Days  []string
	Weeks [][]MonthDay
}

// MonthDay is one day of a month's grid; one of another month is empty.
type MonthDay struct {
	// N is the day's number as it is shown, Text what a date's control takes for it,
	// Label the day in words.
	N, Text, Label string
	Today, Chosen  bool
}

// MonthOf draws the month in which a day lies. It returns false for a day outside
// the calendar.
func (t *Teller) MonthOf(at, today, chosen jalali.Day) (Month, bool) {
	date, err := at.Date()
	if err != nil {
		return Month{}, false
	}
	first, _ := date.AddDays(1 - date.DayOfMonth())
	m := Month{At: monthText(first)}
	month := jalali.MonthEn(first.Month())
	if t.Persian() {
		month = jalali.MonthFa(first.Month())
	}
	m.Title = month + " " + t.Digits(first.Year())
	for n, to := range map[int]*string{-1: &m.Before, 1: &m.After, -12: &m.YearBefore, 12: &m.YearAfter} {
		if other, err := first.AddMonths(n); err == nil && other.Year() >= jalali.InputMinYear && other.Year() <= jalali.InputMaxYear {
			*to = monthText(other)
		}
	}
	for w := jalali.Saturday; w <= jalali.Friday; w++ {
		if t.Persian() {
			m.Days = append(m.Days, w.Fa())
		} else {
			m.Days = append(m.Days, w.En())
		}
	}
	week := make([]MonthDay, int(first.Weekday()), 7)
	for day := first.EpochDay(); day <= first.MonthEnd().EpochDay(); day++ {
		d, _ := day.Date()
		week = append(week, MonthDay{N: t.Digits(d.DayOfMonth()), Text: t.Typed(&schemas.Field{}, schemas.DateValue(int32(day))), Label: t.Date(day),
			Today: day == today, Chosen: day == chosen})
		if len(week) == 7 {
			m.Weeks, week = append(m.Weeks, week), make([]MonthDay, 0, 7)
		}
	}
	if len(week) > 0 {
		m.Weeks = append(m.Weeks, append(week, make([]MonthDay, 7-len(week))...))
	}
	return m, true
}

func monthText(d jalali.Date) string { return d.String()[:len("1404/10")] }

// ReadMonth reads Month.At: the first day of that month.
func ReadMonth(text string) (jalali.Day, bool) {
	d, err := jalali.Parse(text + "/01")
	if err != nil {
		return 0, false
	}
	return d.EpochDay(), true
}
