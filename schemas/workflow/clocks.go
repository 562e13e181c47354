package workflow

import (
	"fmt"
	"time"

	"mahalleh/schemas/jalali"
)

// ClockID names a clock of the programmes.
type ClockID string

// The clocks. What is due at T5 and T6 belongs to families.
const (
	ClockSelect    ClockID = "T1" // the neighbourhood is chosen, s0:25
	ClockDossier   ClockID = "T2" // the dossier is submitted, s1:9
	ClockAgreement ClockID = "T3" // the agreement ends, s2:55-59
	ClockRenewal   ClockID = "T4" // the renewal is prepared, setting
	ClockElders    ClockID = "T7" // the elders' plan ends, s3:24
	ClockReply     ClockID = "T8" // a request is answered, setting
	ClockReview    ClockID = "T9" // the committee looks at a dossier, setting
)

// elderYears is the length that the programme's own document states, s3:24.
const elderYears = 1

// Clock is a time that runs: it is kept until the end of the civil day Due.
type Clock struct {
	ID         ClockID
	Source     Source
	Start, Due jalali.Day
}

// Overdue returns how many days today lies after the due day, never below 0.
func (c Clock) Overdue(today jalali.Day) int { return jalali.OverdueDays(c.Due, today) }

// Left returns how many days are left after today, never below 0.
func (c Clock) Left(today jalali.Day) int { return jalali.OverdueDays(today, c.Due) }

// Ends returns the instant at which the time is over: the end of the due day in
// Tehran.
func (c Clock) Ends(z jalali.Tehran) time.Time { return z.EndOfDay(c.Due) }

// SelectClock is T1: the target neighbourhood is chosen within 15 days after the
// clinic was, or within the days that the province gives.
func SelectClock(clinicSelected jalali.Day, s *Settings) (Clock, error) {
	due, err := s.Calendar.After(clinicSelected, s.SelectDays)
	return Clock{ClockSelect, "s0:25", clinicSelected, due}, err
}

// DossierClock is T2: the dossier is submitted within one Jalali month, or within the
// months that the province gives, after the
// end of the training or the assignment, whichever is later. A zero day is not
// known and does not count.
func DossierClock(trained, assigned jalali.Day, s *Settings) (Clock, error) {
	start := max(trained, assigned)
	due, err := months(start, s.DossierMonths)
	return Clock{ClockDossier, "s1:9", start, due}, err
}

// AgreementClock is T3: an agreement ends with the Jalali year in which it starts.
func AgreementClock(start jalali.Day, s *Settings) (Clock, error) {
	date, err := start.Date()
	if err != nil {
		return Clock{}, err
	}
	c := Clock{ID: ClockAgreement, Source: "s2:59", Start: start, Due: date.YearEnd().EpochDay()}
	if !s.YearEnd {
		c.Due, err = months(start, 12)
	}
	return c, err
}

// RenewalWarning is T4: it returns the shortest of the settings' lengths within
// which an agreement ends, 0 while it is far or over.
func RenewalWarning(end, today jalali.Day, s *Settings) int {
	left, warned := int(end)-int(today), 0
	for _, days := range s.RenewalDays {
		if left >= 0 && left <= days && (warned == 0 || days < warned) {
			warned = days
		}
	}
	return warned
}

// ElderClock is T7: the elders' plan runs a year from when it is both approved and
// funded. A zero day is not known yet; then the clock has not started and
// jalali.ErrRange is returned.
func ElderClock(approved, funded jalali.Day) (Clock, error) {
	if approved == 0 || funded == 0 {
		return Clock{}, fmt.Errorf("not approved and funded yet: %w", jalali.ErrRange)
	}
	start := max(approved, funded)
	due, err := months(start, 12*elderYears)
	return Clock{ClockElders, "s3:24", start, due}, err
}

// ReplyClock is T8: a request is answered.
func ReplyClock(sent jalali.Day, s *Settings) (Clock, error) {
	due, err := s.Calendar.After(sent, s.ReplyDays)
	return Clock{ClockReply, SourceSetting, sent, due}, err
}

// ReviewClock is T9: the committee has looked at a submitted dossier.
func ReviewClock(submitted jalali.Day, s *Settings) (Clock, error) {
	due, err := s.Calendar.After(submitted, s.ReviewDays)
	return Clock{ClockReview, SourceSetting, submitted, due}, err
}

// months returns the same day n Jalali months later, or the month's last.
func months(start jalali.Day, n int) (jalali.Day, error) {
	date, err := start.Date()
	if err != nil {
		return 0, err
	}
	due, err := date.AddMonths(n)
	return due.EpochDay(), err
}
