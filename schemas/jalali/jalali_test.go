package jalali

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func date(t *testing.T, s string) Date {
	t.Helper()
	d, err := Parse(s)
	if err != nil {
		t.Fatalf("Parse(%q): %v", s, err)
	}
	return d
}

func TestGregorianVectors(t *testing.T) {
	for _, tt := range []struct{ iso, jalali string }{
		{"2025-03-20", "1403/12/30"},
		{"2025-03-21", "1404/01/01"},
		{"2026-03-20", "1404/12/29"},
		{"2026-03-21", "1405/01/01"},
		{"2024-03-20", "1403/01/01"},
		{"2029-03-20", "1408/01/01"},
		{"2030-03-20", "1408/12/30"},
		{"2008-03-20", "1387/01/01"},
		{"1979-02-11", "1357/11/22"},
		{"1970-01-01", "1348/10/11"},
		{"1921-03-21", "1300/01/01"},
	} {
		t.Run(tt.iso, func(t *testing.T) {
			n, err := ParseISO(tt.iso)
			if err != nil {
				t.Fatal(err)
			}
			if d, err := n.Date(); err != nil || d.String() != tt.jalali {
				t.Errorf("Date() = %v (%v), want %s", d, err, tt.jalali)
			}
			if got := date(t, tt.jalali).EpochDay().ISO(); got != tt.iso {
				t.Errorf("%s is %s, want %s", tt.jalali, got, tt.iso)
			}
		})
	}
}

func TestLeapYears(t *testing.T) {
	leap := map[int]bool{1395: true, 1399: true, 1403: true, 1408: true, 1412: true}
	for year := 1395; year <= 1415; year++ {
		if got := IsLeap(year); got != leap[year] {
			t.Errorf("IsLeap(%d) = %v, want %v", year, got, leap[year])
		}
	}
}

func TestClockVectors(t *testing.T) {
	months := func(n int) func(Date) (Date, error) { return func(d Date) (Date, error) { return d.AddMonths(n) } }
	years := func(n int) func(Date) (Date, error) { return func(d Date) (Date, error) { return d.AddYears(n) } }
	days := func(n int) func(Date) (Date, error) { return func(d Date) (Date, error) { return d.AddDays(n) } }
	yearEnd := func(d Date) (Date, error) { return d.YearEnd(), nil }
	monthEnd := func(d Date) (Date, error) { return d.MonthEnd(), nil }
	for _, tt := range []struct {
		name, from string
		step       func(Date) (Date, error)
		want       string
	}{
		{"a month on", "1404/10/26", months(1), "1404/11/26"},
		{"31 to a month of 30", "1404/06/31", months(1), "1404/07/30"},
		{"30 to Esfand of 29", "1404/11/30", months(1), "1404/12/29"},
		{"30 to leap Esfand", "1403/11/30", months(1), "1403/12/30"},
		{"leap day three years on", "1403/12/30", years(3), "1406/12/29"},
		{"six months to Bahman", "1404/05/31", months(6), "1404/11/30"},
		{"fifteen days over a month end", "1404/10/26", days(15), "1404/11/11"},
		{"leap day five years on", "1403/12/30", years(5), "1408/12/30"},
		{"months over a year end", "1404/12/29", months(1), "1405/01/29"},
		{"months back", "1404/01/31", months(-1), "1403/12/30"},
		{"months back a year", "1404/01/31", months(-13), "1402/12/29"},
		{"no months", "1403/12/30", months(0), "1403/12/30"},
		{"a day over a leap year end", "1403/12/30", days(1), "1404/01/01"},
		{"a day back", "1404/01/01", days(-1), "1403/12/30"},
		{"agreement of a common year", "1404/02/10", yearEnd, "1404/12/29"},
		{"agreement of a leap year", "1403/02/10", yearEnd, "1403/12/30"},
		{"end of Shahrivar", "1404/06/01", monthEnd, "1404/06/31"},
		{"end of leap Esfand", "1408/12/05", monthEnd, "1408/12/30"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.step(date(t, tt.from))
			if err != nil || got.String() != tt.want {
				t.Errorf("from %s: %v (%v), want %s", tt.from, got, err, tt.want)
			}
		})
	}
}

func TestArithmeticLeavesRange(t *testing.T) {
	first, last := Date{MinYear, 1, 1}, Date{MaxYear, 12, int8(DaysIn(MaxYear, 12))}
	for _, tt := range []struct {
		name string
		call func() (Date, error)
		want error
	}{
		{"day before the first", func() (Date, error) { return first.AddDays(-1) }, ErrRange},
		{"day after the last", func() (Date, error) { return last.AddDays(1) }, ErrRange},
		{"days overflow", func() (Date, error) { return first.AddDays(math.MaxInt) }, ErrRange},
		{"month before the first", func() (Date, error) { return first.AddMonths(-1) }, ErrRange},
		{"month after the last", func() (Date, error) { return last.AddMonths(1) }, ErrRange},
		{"months overflow", func() (Date, error) { return last.AddMonths(math.MinInt) }, ErrRange},
		{"years overflow", func() (Date, error) { return last.AddYears(math.MaxInt) }, ErrRange},
		{"days from no date", func() (Date, error) { return Date{}.AddDays(1) }, ErrNoSuchDay},
		{"months from no date", func() (Date, error) { return Date{}.AddMonths(1) }, ErrNoSuchDay},
		{"before FirstDay", func() (Date, error) { return (FirstDay - 1).Date() }, ErrRange},
		{"after LastDay", func() (Date, error) { return (LastDay + 1).Date() }, ErrRange},
		{"year below", func() (Date, error) { return New(1299, 1, 1) }, ErrRange},
		{"month 0", func() (Date, error) { return New(1404, 0, 1) }, ErrNoSuchDay},
		{"month 13", func() (Date, error) { return New(1404, 13, 1) }, ErrNoSuchDay},
		{"day 0", func() (Date, error) { return New(1404, 1, 0) }, ErrNoSuchDay},
		{"31 Mehr", func() (Date, error) { return New(1404, 7, 31) }, ErrNoSuchDay},
		{"30 Esfand of a common year", func() (Date, error) { return New(1404, 12, 30) }, ErrNoSuchDay},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d, err := tt.call(); !errors.Is(err, tt.want) || !d.IsZero() {
				t.Errorf("got %v (%v), want %v", d, err, tt.want)
			}
		})
	}
	if d, err := first.AddDays(daysInAll); err != nil || d != last {
		t.Errorf("first + %d days = %v (%v), want %v", daysInAll, d, err, last)
	}
}

func TestZeroDateIsHarmless(t *testing.T) {
	var d Date
	if got := d.String() + d.Fa() + d.LongFa() + d.LongEn(); got != "" {
		t.Errorf("no date is written %q", got)
	}
	if !d.YearEnd().IsZero() || !d.MonthEnd().IsZero() || d.Quarter() != 0 || d.EpochDay() != 0 {
		t.Errorf("no date has a year end %v, month end %v, quarter %d, day %d", d.YearEnd(), d.MonthEnd(), d.Quarter(), d.EpochDay())
	}
}

func TestCompare(t *testing.T) {
	a, b := date(t, "1403/12/30"), date(t, "1404/01/01")
	if a.Compare(b) != -1 || b.Compare(a) != 1 || a.Compare(a) != 0 {
		t.Errorf("Compare: %d %d %d", a.Compare(b), b.Compare(a), a.Compare(a))
	}
}

func TestFormats(t *testing.T) {
	d := date(t, "1404/10/26")
	for _, tt := range []struct{ name, got, want string }{
		{"ASCII", d.String(), "1404/10/26"},
		{"Persian", d.Fa(), "۱۴۰۴/۱۰/۲۶"},
		{"long Persian", d.LongFa(), "۲۶ دی ۱۴۰۴"},
		{"long English", d.LongEn(), "26 Dey 1404"},
		{"weekday Persian", d.Weekday().Fa(), "جمعه"},
		{"weekday English", d.Weekday().En(), "Friday"},
		{"leading zeros", date(t, "1404/1/2").Fa(), "۱۴۰۴/۰۱/۰۲"},
		{"half space", Tuesday.Fa(), "سه\u200cشنبه"},
		{"month below", MonthFa(0), ""},
		{"month above", MonthEn(13), ""},
		{"weekday above", Weekday(7).Fa(), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestGregorianRefusals(t *testing.T) {
	for _, tt := range []struct {
		iso  string
		want error
	}{
		{"2025-02-29", ErrNoSuchDay}, {"2025-13-01", ErrNoSuchDay}, {"2025-00-10", ErrNoSuchDay},
		{"0000-01-01", ErrRange}, {"2025-1-1", ErrSyntax}, {"2025/01/01", ErrSyntax}, {"", ErrSyntax},
		{"+025-01-01", ErrSyntax}, {"2025-01-01T00:00:00Z", ErrSyntax}, {"۲۰۲۵-۰۱-۰۱", ErrSyntax},
	} {
		if n, err := ParseISO(tt.iso); !errors.Is(err, tt.want) {
			t.Errorf("ParseISO(%q) = %d (%v), want %v", tt.iso, n, err, tt.want)
		}
	}
	if _, err := FromGregorian(2025, time.Month(2), 31); !errors.Is(err, ErrNoSuchDay) {
		t.Errorf("31 February: %v", err)
	}
	if got := Day(math.MinInt32).ISO(); !strings.HasPrefix(got, "-") {
		t.Errorf("the earliest day is written %q", got)
	}
}
