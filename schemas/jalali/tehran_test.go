package jalali

import (
	"testing"
	"time"
)

func tehran(t *testing.T) Tehran {
	t.Helper()
	z, err := LoadTehran()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestTehranDay(t *testing.T) {
	z := tehran(t)
	for _, tt := range []struct{ name, at, want string }{
		{"last instant of a winter day", "2026-01-16T20:29:59.999999999Z", "1404/10/26"},
		{"first instant of the next", "2026-01-16T20:30:00Z", "1404/10/27"},
		{"summer 1402 has no summer time", "2023-07-01T20:29:59Z", "1402/04/10"},
		{"summer 1402, next day", "2023-07-01T20:30:00Z", "1402/04/11"},
		{"summer 1401 has", "2022-07-01T19:29:59Z", "1401/04/10"},
		{"summer 1401, next day", "2022-07-01T19:30:00Z", "1401/04/11"},
		{"last second of the last summer time", "2022-09-21T19:29:59Z", "1401/06/30"},
		{"the repeated hour is the same day", "2022-09-21T19:30:00Z", "1401/06/30"},
		{"the day after", "2022-09-21T20:30:00Z", "1401/06/31"},
		{"Nowruz 1404", "2025-03-20T20:30:00Z", "1404/01/01"},
		{"before the epoch", "1969-12-31T20:29:59Z", "1348/10/10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d, err := z.Day(instant(t, tt.at)).Date(); err != nil || d.String() != tt.want {
				t.Errorf("%s lies in %v (%v), want %s", tt.at, d, err, tt.want)
			}
		})
	}
}

func TestTehranOffsets(t *testing.T) {
	z := tehran(t)
	for _, tt := range []struct {
		at   string
		want int
	}{{"2022-07-01T00:00:00Z", 16200}, {"2023-07-01T00:00:00Z", 12600}, {"2040-07-01T00:00:00Z", 12600}, {"2021-12-01T00:00:00Z", 12600}} {
		if _, got := z.In(instant(t, tt.at)).Zone(); got != tt.want {
			t.Errorf("offset at %s: %d s, want %d", tt.at, got, tt.want)
		}
	}
}

func TestEndOfDay(t *testing.T) {
	z := tehran(t)
	for _, tt := range []struct{ due, want string }{
		{"1404/11/26", "2026-02-15T20:30:00Z"},
		{"1401/04/10", "2022-07-01T19:30:00Z"},
		{"1401/06/30", "2022-09-21T20:30:00Z"}, // the day of 25 hours
		{"1400/12/29", "2022-03-20T20:30:00Z"},
		{"1401/01/01", "2022-03-21T20:30:00Z"}, // 00:00 became 01:00
	} {
		if got := z.EndOfDay(date(t, tt.due).EpochDay()).Format(time.RFC3339); got != tt.want {
			t.Errorf("end of %s: %s, want %s", tt.due, got, tt.want)
		}
	}
}

func TestDaysFollowOneAnother(t *testing.T) {
	z := tehran(t)
	last := Date{1410, 12, 29}.EpochDay()
	for n := FirstDay; n <= last; n++ {
		start := z.StartOfDay(n)
		if z.Day(start) != n || z.Day(start.Add(-1)) != n-1 {
			t.Fatalf("day %s begins at %v: %d before it, %d at it", n.ISO(), start, z.Day(start.Add(-1)), z.Day(start))
		}
		length := z.EndOfDay(n).Sub(start)
		if length < 23*time.Hour || length > 25*time.Hour {
			t.Fatalf("day %s lasts %v", n.ISO(), length)
		}
		for h := time.Duration(0); h < length; h += time.Hour / 2 {
			if z.Day(start.Add(h)) != n {
				t.Fatalf("%v after its start, %s is over", h, n.ISO())
			}
		}
	}
}

func TestZeroTehranKeepsStandardTime(t *testing.T) {
	var z Tehran
	if _, got := z.In(instant(t, "2000-07-01T00:00:00Z")).Zone(); got != 12600 {
		t.Errorf("offset %d, want 12600", got)
	}
}

func TestOverdueDays(t *testing.T) {
	due := date(t, "1403/12/29").EpochDay()
	for _, tt := range []struct {
		today string
		want  int
	}{{"1403/12/28", 0}, {"1403/12/29", 0}, {"1403/12/30", 1}, {"1404/01/01", 2}} {
		if got := OverdueDays(due, date(t, tt.today).EpochDay()); got != tt.want {
			t.Errorf("due 1403/12/29, today %s: %d days overdue, want %d", tt.today, got, tt.want)
		}
	}
}
