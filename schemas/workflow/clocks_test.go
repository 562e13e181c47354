package workflow

import (
	"errors"
	"testing"
	"time"

	"mahalleh/schemas/jalali"
)

// TestClocks holds every clock to the vectors of the calendar.
func TestClocks(t *testing.T) {
	s := Defaults()
	twelve := Defaults()
	twelve.YearEnd = false
	at := func(x string) jalali.Day { return day(t, x) }
	for _, c := range []struct {
		name string
		make func() (Clock, error)
		id   ClockID
		due  string
	}{
		{"fifteen days after the clinic", func() (Clock, error) { return SelectClock(at("1404/10/26"), s) }, ClockSelect, "1404/11/11"},
		{"a month", func() (Clock, error) { return DossierClock(at("1404/10/26"), at("1404/10/20"), Defaults()) }, ClockDossier, "1404/11/26"},
		{"the province gives two months", func() (Clock, error) { return DossierClock(0, at("1404/10/26"), &Settings{DossierMonths: 2}) }, ClockDossier, "1404/12/26"},
		{"a month after the later", func() (Clock, error) { return DossierClock(at("1404/10/20"), at("1404/10/26"), Defaults()) }, ClockDossier, "1404/11/26"},
		{"assigned, training not known", func() (Clock, error) { return DossierClock(0, at("1404/06/31"), Defaults()) }, ClockDossier, "1404/07/30"},
		{"a month into Esfand", func() (Clock, error) { return DossierClock(0, at("1404/11/30"), Defaults()) }, ClockDossier, "1404/12/29"},
		{"a month into a leap Esfand", func() (Clock, error) { return DossierClock(0, at("1403/11/30"), Defaults()) }, ClockDossier, "1403/12/30"},
		{"the year's end", func() (Clock, error) { return AgreementClock(at("1404/02/10"), s) }, ClockAgreement, "1404/12/29"},
		{"a leap year's end", func() (Clock, error) { return AgreementClock(at("1403/02/10"), s) }, ClockAgreement, "1403/12/30"},
		{"twelve months instead", func() (Clock, error) { return AgreementClock(at("1403/12/30"), twelve) }, ClockAgreement, "1404/12/29"},
		{"elders from the funding", func() (Clock, error) { return ElderClock(at("1404/02/01"), at("1404/05/31")) }, ClockElders, "1405/05/31"},
		{"elders from the approval", func() (Clock, error) { return ElderClock(at("1404/06/01"), at("1404/05/31")) }, ClockElders, "1405/06/01"},
		{"a reply", func() (Clock, error) { return ReplyClock(at("1404/10/26"), s) }, ClockReply, "1404/11/26"},
		{"a review", func() (Clock, error) { return ReviewClock(at("1404/10/26"), s) }, ClockReview, "1404/11/10"},
	} {
		clock, err := c.make()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if clock.ID != c.id || clock.Due != at(c.due) {
			t.Errorf("%s: clock %s is due on day %s, want %s on %s", c.name, clock.ID, clock.Due.ISO(), c.id, at(c.due).ISO())
		}
	}
	if _, err := ElderClock(at("1404/01/01"), 0); !errors.Is(err, jalali.ErrRange) {
		t.Errorf("a plan without its money: error %v, want ErrRange", err)
	}
	if _, err := DossierClock(0, jalali.LastDay+1, Defaults()); !errors.Is(err, jalali.ErrRange) {
		t.Errorf("beyond the calendar: error %v, want ErrRange", err)
	}
	if _, err := ReplyClock(jalali.LastDay, s); !errors.Is(err, jalali.ErrRange) {
		t.Errorf("a due day beyond the calendar: error %v, want ErrRange", err)
	}
}

// TestDueIsTheEndOfTheDayInTehran: on the due day nothing is overdue yet, and the
// day ends in Tehran, not in Greenwich.
func TestDueIsTheEndOfTheDayInTehran(t *testing.T) {
	z, err := jalali.LoadTehran()
	if err != nil {
		t.Fatal(err)
	}
	clock, err := DossierClock(0, day(t, "1404/10/26"), Defaults())
	if err != nil {
		t.Fatal(err)
	}
	// 1404/11/26 is 2026-02-15; its last second ends at 20:30 in Greenwich.
	if got, want := clock.Ends(z).UTC(), time.Date(2026, 2, 15, 20, 30, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("the time ends at %v, want %v", got, want)
	}
	for _, c := range []struct {
		today         string
		overdue, left int
	}{{"1404/11/25", 0, 1}, {"1404/11/26", 0, 0}, {"1404/11/27", 1, 0}, {"1404/12/01", 5, 0}} {
		if got, left := clock.Overdue(day(t, c.today)), clock.Left(day(t, c.today)); got != c.overdue || left != c.left {
			t.Errorf("on %s: %d days overdue, %d left, want %d and %d", c.today, got, left, c.overdue, c.left)
		}
	}
}

// TestWorkingDays: Thursdays, Fridays and holidays of the table do not count where a
// length is given in days, and the table cannot make it run for ever.
func TestWorkingDays(t *testing.T) {
	s := Defaults()
	s.Calendar.WorkingDays = true
	// 1404/10/26 is a Friday; the working days after it are 27 to 1 Bahman (a
	// Wednesday), 4 to 8, 11 to 15.
	clock, err := SelectClock(day(t, "1404/10/26"), s)
	if err != nil {
		t.Fatal(err)
	}
	if clock.Due != day(t, "1404/11/15") {
		t.Errorf("fifteen working days end on %s, want %s", clock.Due.ISO(), iso(t, "1404/11/15"))
	}
	s.Calendar.Holidays = []jalali.Day{day(t, "1404/11/05")}
	if clock, err = SelectClock(day(t, "1404/10/26"), s); err != nil || clock.Due != day(t, "1404/11/18") {
		t.Errorf("with a holiday on the 5th they end on %s (%v), want %s", clock.Due.ISO(), err, iso(t, "1404/11/18"))
	}
	if d, err := DossierClock(0, day(t, "1404/10/26"), Defaults()); err != nil || d.Due != day(t, "1404/11/26") {
		t.Errorf("a month is a month: due %s (%v)", d.Due.ISO(), err)
	}
	s.Calendar.Weekend = []jalali.Weekday{0, 1, 2, 3, 4, 5, 6}
	if _, err := SelectClock(day(t, "1404/10/26"), s); err == nil {
		t.Error("a week without a working day ended")
	}
}

// TestRenewalWarning: 60, 30 and 7 days before the end, on the last day, and no
// more after it.
func TestRenewalWarning(t *testing.T) {
	end := day(t, "1404/12/29")
	for left, want := range map[int]int{100: 0, 61: 0, 60: 60, 31: 60, 30: 30, 8: 30, 7: 7, 1: 7, 0: 7, -1: 0} {
		if got := RenewalWarning(end, end-jalali.Day(left), Defaults()); got != want {
			t.Errorf("%d days before the end: warned of %d, want %d", left, got, want)
		}
	}
}
