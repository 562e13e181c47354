// Package jalali reckons with the Persian civil calendar: dates, days since the Unix epoch, Tehran's civil day, names, reading and writing.
//
// A civil day is stored and compared as a [Day] or as a Gregorian ISO date;
// [Date] is the Jalali view of it. Nothing here asks for the time: the caller
// passes instants in.
package jalali

import "errors"

// MinYear and MaxYear bound the years this package reckons with. Within them
// the arithmetic leap rule agrees with the astronomical calendar.
const (
	MinYear = 1300
	MaxYear = 1500
)

// Errors of this package; returned errors wrap exactly one of them.
var (
	// ErrRange marks a year outside the range that is reckoned with or asked for.
	ErrRange = errors.New("year is out of range")
	// ErrNoSuchDay marks a month or day that the calendar does not have.
	ErrNoSuchDay = errors.New("there is no such day in the calendar")
)

// Date is a day of the Jalali calendar. A Date made by this package exists in
// the calendar; the zero Date is "no date". Dates are comparable with ==.
type Date struct {
	year       int16
	month, day int8
}

// New returns the date with this year, month (1 = Farvardin) and day, or an
// error that wraps ErrRange or ErrNoSuchDay.
func New(year, month, day int) (Date, error) {
	if year < MinYear || year > MaxYear {
		return Date{}, ErrRange
	}
	if day < 1 || day > DaysIn(year, month) {
		return Date{}, ErrNoSuchDay
	}
	return Date{int16(year), int8(month), int8(day)}, nil
}

// IsLeap reports whether Esfand of this year has 30 days, by the rule
// (25y + 11) mod 33 < 8. ICU's Persian calendar uses it; it equals the
// calendar by law, the vernal equinox against noon of Iran Standard Time, for
// every year from 1300 to 1501 (ICU4X lists 1502 as its first exception). A
// test computes the equinoxes. Outside 1300 to 1501 the answer is unproven.
func IsLeap(year int) bool {
	m := (25*(year%33) + 11) % 33
	if m < 0 {
		m += 33
	}
	return m < 8
}

// DaysIn returns the length of a month in days, 0 for a month outside 1 to 12.
func DaysIn(year, month int) int {
	switch {
	case month < 1 || month > 12:
		return 0
	case month <= 6:
		return 31
	case month <= 11 || IsLeap(year):
		return 30
	}
	return 29
}

// IsZero reports whether d is "no date".
func (d Date) IsZero() bool { return d == Date{} }

// Year returns the Jalali year, which is also the fiscal year.
func (d Date) Year() int { return int(d.year) }

// Month returns the month, 1 (Farvardin) to 12 (Esfand).
func (d Date) Month() int { return int(d.month) }

// DayOfMonth returns the day within the month, from 1.
func (d Date) DayOfMonth() int { return int(d.day) }

// Quarter returns the quarter of the year: 1 is Farvardin to Khordad. It is 0
// for no date.
func (d Date) Quarter() int { return (int(d.month) + 2) / 3 }

// Compare returns -1, 0 or 1 as d lies before, on or after other.
func (d Date) Compare(other Date) int {
	switch a, b := d.ordinal(), other.ordinal(); {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (d Date) ordinal() int { return (int(d.year)*16+int(d.month))*32 + int(d.day) }

// AddDays returns the date n days later (earlier when negative), or ErrRange.
func (d Date) AddDays(n int) (Date, error) {
	if d.IsZero() {
		return Date{}, ErrNoSuchDay
	}
	if n < -daysInAll || n > daysInAll {
		return Date{}, ErrRange
	}
	return (d.EpochDay() + Day(n)).Date()
}

// AddMonths returns the same day n months later, or the last day of that month
// where it is shorter (31 Shahrivar + 1 = 30 Mehr). It returns ErrRange when
// the year leaves the range, ErrNoSuchDay for no date.
func (d Date) AddMonths(n int) (Date, error) {
	if d.IsZero() {
		return Date{}, ErrNoSuchDay
	}
	const all = 12 * (MaxYear - MinYear + 1)
	if n < -all || n > all {
		return Date{}, ErrRange
	}
	index := int(d.year)*12 + int(d.month) - 1 + n
	year, month := index/12, index%12+1
	if year < MinYear || year > MaxYear {
		return Date{}, ErrRange
	}
	return Date{int16(year), int8(month), min(d.day, int8(DaysIn(year, month)))}, nil
}

// AddYears returns the same day n years later; 30 Esfand becomes 29 where the
// year is not leap. Errors are those of [Date.AddMonths].
func (d Date) AddYears(n int) (Date, error) {
	if n < -MaxYear || n > MaxYear {
		return Date{}, ErrRange
	}
	return d.AddMonths(12 * n)
}

// MonthEnd returns the last day of d's month, no date for no date.
func (d Date) MonthEnd() Date {
	d.day = int8(DaysIn(int(d.year), int(d.month)))
	return d
}

// YearEnd returns the last day of d's year, 29 or 30 Esfand, no date for no
// date.
func (d Date) YearEnd() Date {
	if d.IsZero() {
		return d
	}
	d.month = 12
	return d.MonthEnd()
}

const daysInAll = int(LastDay - FirstDay)
