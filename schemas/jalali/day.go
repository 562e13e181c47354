package jalali

import (
	"fmt"
	"time"
)

// Day is a civil day as the count of days since 1970-01-01, negative before.
// It is what is stored, compared and subtracted.
type Day int32

// FirstDay and LastDay are 1 Farvardin 1300 and the last of Esfand 1500.
const (
	FirstDay = Day(epochOffset + 365*(MinYear-1) + (8*MinYear+21)/33)
	LastDay  = Day(epochOffset + 365*MaxYear + (8*(MaxYear+1)+21)/33 - 1)
)

// epochOffset puts 1 Farvardin 1403 on 2024-03-20, day 19802.
const epochOffset = 19802 - (365*(1403-1) + (8*1403+21)/33)

// yearStart returns 1 Farvardin. (8y+21)/33 counts the leap years before y:
// it steps exactly after the years of [IsLeap].
func yearStart(year int) Day {
	return Day(epochOffset + 365*(year-1) + (8*year+21)/33)
}

// EpochDay returns d as days since 1970-01-01; for no date it returns 0, which
// means nothing.
func (d Date) EpochDay() Day {
	if d.IsZero() {
		return 0
	}
	m := int(d.month) - 1
	return yearStart(int(d.year)) + Day(m*30+min(m, 6)+int(d.day)-1)
}

// Date returns the Jalali date of the day, or ErrRange outside FirstDay to
// LastDay.
func (n Day) Date() (Date, error) {
	if n < FirstDay || n > LastDay {
		return Date{}, ErrRange
	}
	year := MinYear + int(n-FirstDay)/366 // at most one too low in 200 years
	for yearStart(year+1) <= n {
		year++
	}
	rest := int(n - yearStart(year))
	if rest < 6*31 {
		return Date{int16(year), int8(rest/31 + 1), int8(rest%31 + 1)}, nil
	}
	rest -= 6 * 31
	return Date{int16(year), int8(rest/30 + 7), int8(rest%30 + 1)}, nil
}

// Gregorian returns the Gregorian date of the day.
func (n Day) Gregorian() (year int, month time.Month, day int) {
	return n.utc().Date()
}

// ISO returns the day as YYYY-MM-DD in the Gregorian calendar, the form in
// which dates are stored and sent.
func (n Day) ISO() string { return n.utc().Format(time.DateOnly) }

// Weekday returns the day of the week.
func (n Day) Weekday() Weekday {
	// 1970-01-03 was a Saturday.
	return Weekday(((int64(n)-2)%7 + 7) % 7)
}

func (n Day) utc() time.Time { return time.Unix(int64(n)*secondsPerDay, 0).UTC() }

const secondsPerDay = 24 * 60 * 60

// FromGregorian returns the day of a Gregorian date, or ErrNoSuchDay for one
// that does not exist and ErrRange for a year outside 1 to 9999.
func FromGregorian(year int, month time.Month, day int) (Day, error) {
	if year < 1 || year > 9999 {
		return 0, ErrRange
	}
	if month < time.January || month > time.December || day < 1 || day > 31 {
		return 0, ErrNoSuchDay
	}
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day {
		return 0, ErrNoSuchDay
	}
	return Day(t.Unix() / secondsPerDay), nil // midnight: no remainder
}

// ParseISO reads a stored YYYY-MM-DD, and nothing else; what people type goes
// through [Parse]. The error wraps ErrSyntax, ErrRange or ErrNoSuchDay.
func ParseISO(s string) (Day, error) {
	var v [3]int
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return 0, fmt.Errorf("jalali: ISO date: %w", ErrSyntax)
	}
	for i, part := range [3]string{s[:4], s[5:7], s[8:]} {
		n, ok := atoi(part)
		if !ok {
			return 0, fmt.Errorf("jalali: ISO date: %w", ErrSyntax)
		}
		v[i] = n
	}
	n, err := FromGregorian(v[0], time.Month(v[1]), v[2])
	if err != nil {
		return 0, fmt.Errorf("jalali: ISO date: %w", err)
	}
	return n, nil
}

// OverdueDays returns how many days today lies after due, never below 0.
func OverdueDays(due, today Day) int { return max(0, int(today)-int(due)) }

func atoi(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
