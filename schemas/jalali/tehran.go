package jalali

import (
	"fmt"
	"sort"
	"time"
	_ "time/tzdata" // phones and Windows carry no zone file, or a stale one
)

// Tehran tells which civil day an instant belongs to in Iran. Since autumn
// 1401 (2022-09-22) the country keeps UTC+3:30 all year; older zone files of
// a system, which Go prefers to the embedded ones, still expect summer time,
// so from then on the rule stands here. Before, the zone's history decides.
//
// Load it once and pass it on. The zero Tehran keeps UTC+3:30 for all time.
type Tehran struct {
	before *time.Location
}

const (
	standardOffset = 3*time.Hour + 30*time.Minute
	// fixedSince is 2022-09-21T19:30:00Z, the end of the last summer time.
	fixedSince = 1663788600
)

// LoadTehran reads the history of the zone.
func LoadTehran() (Tehran, error) {
	loc, err := time.LoadLocation("Asia/Tehran")
	if err != nil {
		return Tehran{}, fmt.Errorf("load Tehran's time zone: %w", err)
	}
	return Tehran{before: loc}, nil
}

// In returns the instant with Tehran's wall clock.
func (z Tehran) In(t time.Time) time.Time {
	if z.before == nil || t.Unix() >= fixedSince {
		return t.In(time.FixedZone("+0330", int(standardOffset/time.Second)))
	}
	return t.In(z.before)
}

// Day returns the civil day of an instant. Instants further from now than an
// int32 of days count as the first or last such day.
func (z Tehran) Day(t time.Time) Day {
	local := z.In(t)
	_, offset := local.Zone()
	seconds := t.Unix() + int64(offset)
	days := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		days--
	}
	return Day(min(max(days, -1<<31), 1<<31-1))
}

// StartOfDay returns the first instant of a civil day, in UTC. It is not
// always midnight: summer time used to begin at 00:00.
func (z Tehran) StartOfDay(n Day) time.Time {
	// No offset was ever below 3 or above 6 hours, and the civil day never
	// goes back, so the boundary is found by bisection.
	const earliest, latest = 6 * 60 * 60, 3 * 60 * 60
	from := int64(n)*secondsPerDay - earliest
	at := sort.Search(earliest-latest, func(i int) bool {
		return z.Day(time.Unix(from+int64(i), 0)) >= n
	})
	return time.Unix(from+int64(at), 0).UTC()
}

// EndOfDay returns the first instant after a civil day, in UTC. What is due
// on a day is in time strictly before it.
func (z Tehran) EndOfDay(n Day) time.Time { return z.StartOfDay(n + 1) }
