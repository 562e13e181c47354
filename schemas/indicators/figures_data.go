package indicators

import (
	"cmp"
	"maps"
	"slices"

	"mahalleh/schemas/jalali"
)

// harmRating is the form whose numbers are told in D12 alone.
const harmRating = "harm_rating"

// conflicts are D09: fields for which several values wait for a person, how long
// they have waited, by form; of the changes that met others the share that was
// put together without a person; and conflicts for each thousand changes. Those
// of the harm map are left out: a total with them would tell of cells that are
// not shown.
//
// Source: domain description 6 D09 and 4.8.
func (c *combining) conflicts(f *Figure) {
	type tally struct {
		open, late int64
		ages       map[int64]int64
	}
	all := &tally{ages: map[int64]int64{}}
	by := map[string]*tally{}
	var changes, merged, opened int64
	told := false
	for _, s := range c.all {
		for _, x := range s.Conflicts {
			if x.Form == harmRating {
				continue
			}
			if by[x.Form] == nil {
				by[x.Form] = &tally{ages: map[int64]int64{}}
			}
			age := max(days(x.Since, c.Today), 0)
			for _, t := range []*tally{all, by[x.Form]} {
				t.open += x.Count
				t.ages[age] += x.Count
				if age > c.settings.Clocks.ConflictDays {
					t.late += x.Count
				}
			}
		}
		if o := s.Operations; o != nil {
			told = true
			changes += o.Changes
			merged += o.Merged
			opened += o.Opened
		}
	}
	cells := func(t *tally) []Value {
		return []Value{count("open", t.open), nearest("age_p50", KindDays, t.ages, 50), nearest("age_p90", KindDays, t.ages, 90), nearest("age_max", KindDays, t.ages, 100),
			count("late_conflicts", t.late)}
	}
	t := Table{Name: "by_form", Columns: columns("open", "age_p50", "age_p90", "age_max", "late_conflicts")}
	for _, form := range slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b].open, by[a].open), cmp.Compare(a, b)) }) {
		t.Rows = append(t.Rows, Row{Code: form, Cells: cells(by[form])})
	}
	rate, per := percent("auto_rate", merged, merged+opened), quotient("per_1000_changes", KindPer1000, opened, changes, 1000, 2)
	if !told {
		rate.State, per.State = Unknown, Unknown
	}
	f.Values = append(cells(all), rate, per)
	f.Tables = []Table{t}
}

// deviceAt is a device and the place of the row about it.
type deviceAt struct {
	Device
	place *Summary
}

// devices are those of all places, each once, by name.
func (c *combining) devices() []deviceAt {
	var all []deviceAt
	seen := map[ID]bool{}
	for _, s := range c.all {
		if s.Operations == nil {
			continue
		}
		for _, d := range s.Operations.Devices {
			if !seen[d.ID] {
				seen[d.ID] = true
				all = append(all, deviceAt{d, s})
			}
		}
	}
	slices.SortFunc(all, func(a, b deviceAt) int { return cmp.Or(cmp.Compare(a.Name, b.Name), compareIDs(a.ID, b.ID)) })
	return all
}

const (
	msMinute = 60_000
	msHour   = 60 * msMinute
	msDay    = 24 * msHour
)

// active reports whether work is owed at a place: an open dossier, or a programme
// that has not ended.
func (s *Summary) active() bool {
	if s.Assigned() && s.Dossier.Status != "approved" && s.Dossier.Status != "published" {
		return true
	}
	return slices.ContainsFunc(s.Enrolments, func(e Enrolment) bool { return e.Ended == 0 })
}

// freshness is D17: how long ago each device synced; green up to 3 days, yellow
// up to 10, else red; silent if it is more than 14 days while its neighbourhood is
// active; and how long changes of the last 30 days took to arrive. All numbers
// are settings.
//
// Source: domain description 6 D17.
func (c *combining) freshness(f *Figure) {
	limits := &c.settings.Data
	n := map[Colour]int64{}
	silent := int64(0)
	t := Table{Name: "device_list", Columns: columns("sync_age", "signal", "silent")}
	for _, d := range c.devices() {
		age := Value{Name: "sync_age", Kind: KindDays, State: Unknown}
		signal, quiet := Blank, false
		if d.LastSync != 0 {
			ms := max(c.Now-d.LastSync, 0)
			age = number("sync_age", KindDays, ms/msDay)
			switch {
			case ms <= limits.FreshDays*msDay:
				signal = Green
			case ms <= limits.StaleDays*msDay:
				signal = Yellow
			default:
				signal = Red
			}
			quiet = ms > limits.SilentDays*msDay && d.place.active()
		}
		n[signal]++
		if quiet {
			silent++
		}
		t.Rows = append(t.Rows, Row{Place: d.place.Place, Record: d.ID, Name: d.Name, Cells: []Value{age, colour("signal", signal), yes("silent", quiet)}})
	}
	slices.SortStableFunc(t.Rows, byFirst)
	hours := c.hours()
	f.Values = []Value{count("devices", int64(len(t.Rows))), count("green", n[Green]), count("yellow", n[Yellow]), count("red", n[Red]), count("never_synced", n[Blank]),
		count("silent", silent), nearest("lag_p50", KindHours, hours, 50), nearest("lag_p90", KindHours, hours, 90)}
	f.Tables = []Table{t}
}

// yes is 1 or 0 as a count.
func yes(name string, b bool) Value {
	if b {
		return count(name, 1)
	}
	return count(name, 0)
}

// unsynced is D18: how many changes devices had not sent when they last said so,
// since when the oldest waited, and how old that word is.
//
// Source: domain description 6 D18.
func (c *combining) unsynced(f *Figure) {
	t := Table{Name: "device_list", Columns: columns("queue", "oldest_hours", "told_hours")}
	var sum, with, told, oldest int64
	for _, d := range c.devices() {
		if d.Queue < 0 || d.Reported == 0 {
			continue
		}
		told++
		sum += d.Queue
		wait := Value{Name: "oldest_hours", Kind: KindHours, State: Unknown}
		if d.Queue > 0 {
			with++
			if d.Oldest != 0 {
				h := max(c.Now-d.Oldest, 0) / msHour
				oldest, wait = max(oldest, h), number("oldest_hours", KindHours, h)
			}
		}
		t.Rows = append(t.Rows, Row{Place: d.place.Place, Record: d.ID, Name: d.Name,
			Cells: []Value{count("queue", d.Queue), wait, number("told_hours", KindHours, max(c.Now-d.Reported, 0)/msHour)}})
	}
	slices.SortStableFunc(t.Rows, byFirst)
	f.Values = []Value{count("queue", sum), count("devices_waiting", with), count("devices_told", told), number("oldest_hours", KindHours, oldest)}
	f.Tables = []Table{t}
}

// clocks are D19: the median of the server's clock less the devices', and how many
// are off by more than ten minutes, and by more than a day.
//
// Source: domain description 6 D19.
func (c *combining) clocks(f *Figure) {
	limits := &c.settings.Data
	t := Table{Name: "device_list", Columns: columns("skew_minutes", "signal")}
	minutes := map[int64]int64{}
	n := map[Colour]int64{}
	for _, d := range c.devices() {
		if !d.SkewKnown {
			continue
		}
		off := max(d.Skew, -d.Skew)
		signal := Green
		switch {
		case off > limits.SkewRedMinutes*msMinute:
			signal = Red
		case off > limits.SkewAmberMinutes*msMinute:
			signal = Yellow
		}
		n[signal]++
		minutes[d.Skew/msMinute]++
		t.Rows = append(t.Rows, Row{Place: d.place.Place, Record: d.ID, Name: d.Name, Cells: []Value{number("skew_minutes", KindMinutes, d.Skew/msMinute), colour("signal", signal)}})
	}
	slices.SortStableFunc(t.Rows, func(a, b Row) int {
		return cmp.Compare(max(b.Cells[0].Number.Mantissa, -b.Cells[0].Number.Mantissa), max(a.Cells[0].Number.Mantissa, -a.Cells[0].Number.Mantissa))
	})
	f.Values = []Value{count("devices", int64(len(t.Rows))), nearest("skew_median", KindMinutes, minutes, 50), count("amber_clocks", n[Yellow]), count("red_clocks", n[Red])}
	f.Tables = []Table{t}
}

// training is D23: of those who have a neighbourhood assigned and are in their
// part today, how many were trained, hold a valid certificate, and recorded
// something that arrived within 30 days.
//
// Source: domain description 6 D23; s1:1, s1:9.
func (c *combining) training(f *Figure) {
	trained, last := map[ID]Training{}, map[ID]jalali.Day{}
	roles := map[ID]string{}
	person := map[ID]ID{}
	for _, s := range c.all {
		if s.Operations != nil {
			for _, x := range s.Operations.People {
				person[x.Author] = x.Person
			}
		}
	}
	for _, s := range c.all {
		for _, t := range s.Trained {
			have, is := trained[t.Person]
			if !is || t.Holds(c.Today) && !have.Holds(c.Today) {
				trained[t.Person] = t
			}
		}
		for _, h := range s.Hands {
			who, is := person[h.Person]
			if !is {
				who = h.Person
			}
			last[who] = max(last[who], h.Day)
		}
		for _, w := range s.Workers {
			if w.Assigned > 0 && (w.From == 0 || w.From <= c.Today) && (w.To == 0 || w.To >= c.Today) {
				if have, is := roles[w.Person]; !is || w.Role < have {
					roles[w.Person] = w.Role
				}
			}
		}
	}
	type tally struct{ assigned, trained, valid, active int64 }
	var all tally
	by := map[string]*tally{}
	for who, role := range roles {
		if by[role] == nil {
			by[role] = &tally{}
		}
		t, is := trained[who]
		for _, x := range []*tally{&all, by[role]} {
			x.assigned++
			if !is {
				continue
			}
			x.trained++
			if t.Holds(c.Today) {
				x.valid++
			}
			if day, wrote := last[who]; wrote && days(day, c.Today) <= c.settings.Data.ActiveDays {
				x.active++
			}
		}
	}
	cells := func(x *tally) []Value {
		return []Value{count("workers", x.assigned), count("trained", x.trained), percent("trained_rate", x.trained, x.assigned), count("valid_certificate", x.valid),
			count("activated", x.active), percent("activated_rate", x.active, x.trained)}
	}
	t := Table{Name: "by_role", List: "FACILITATORROLE", Columns: columns("workers", "trained", "trained_rate", "valid_certificate", "activated", "activated_rate")}
	for _, role := range slices.Sorted(maps.Keys(by)) {
		t.Rows = append(t.Rows, Row{Code: role, Cells: cells(by[role])})
	}
	f.Values = cells(&all)
	f.Tables = []Table{t}
}

// holds reports whether a certificate holds on a day.
// Holds says that the training has a certificate which is valid on a day.
func (t Training) Holds(day jalali.Day) bool { return t.Certified && (t.Until == 0 || t.Until >= day) }

// quality is D28: warnings and empty fields for each hundred records, records that
// repeat another, assets that may be doubles, straight-lined and hasty surveys,
// points outside of the boundary, and minutes in which one person recorded very
// many. Ratings of the harm map are left out.
//
// Source: domain description 6 D28.
func (c *combining) quality(f *Figure) {
	var all Quality
	t := Table{Name: "by_place", Columns: columns("warnings_per_100", "missing_per_100", "suspects", "records")}
	for _, s := range c.all {
		q := &s.Quality
		all.add(q)
		if q.Records > 0 {
			t.Rows = append(t.Rows, s.row(quotient("warnings_per_100", KindRatio, q.Warnings, q.Records, 100, 1),
				quotient("missing_per_100", KindRatio, q.Missing, q.Records, 100, 1), count("suspects", q.Repeats+q.Doubles), count("records", q.Records)))
		}
	}
	slices.SortStableFunc(t.Rows, byFirst)
	f.Values = []Value{count("records", all.Records), quotient("warnings_per_100", KindRatio, all.Warnings, all.Records, 100, 1),
		quotient("missing_per_100", KindRatio, all.Missing, all.Records, 100, 1), count("repeats", all.Repeats), count("doubles", all.Doubles),
		percent("straight_share", all.Straight, all.Surveys), percent("short_share", all.Short, all.Timed), percent("outside_share", all.Outside, all.Located),
		count("bursts", all.Bursts)}
	f.Tables = []Table{t}
}

func (q *Quality) add(o *Quality) {
	q.Records += o.Records
	q.Warnings += o.Warnings
	q.Missing += o.Missing
	q.Repeats += o.Repeats
	q.Doubles += o.Doubles
	q.Surveys += o.Surveys
	q.Straight += o.Straight
	q.Timed += o.Timed
	q.Short += o.Short
	q.Located += o.Located
	q.Outside += o.Outside
	q.Bursts += o.Bursts
}
