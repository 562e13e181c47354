package report

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// What a state does not say is how many changes it came from, how late they
// arrived, and how many met others. That is counted along the changes themselves,
// in the order of their receipt, with a cursor for each outcome. A change that was
// set aside or waited, and is applied later, stands behind the cursor by then: so
// those are remembered, and looked at again.

// landed are the outcomes of changes that count.
var landed = []syncproto.Outcome{syncproto.Applied, syncproto.Merged, syncproto.Conflicted}

// aside are the outcomes of those that may count later.
var aside = []syncproto.Outcome{syncproto.Parked, syncproto.Quarantined}

const (
	// arrivalsAtOnce bounds what is read in one snapshot.
	arrivalsAtOnce = 1000
	hourMillis     = 60 * 60 * 1000
	// mostHours is two years: what took longer is a wrong clock.
	mostHours = 2 * 366 * 24
)

// arrival is what changes are counted by.
type arrival struct {
	place      syncproto.PlaceID
	day, hours int64
	outcome    syncproto.Outcome
}

// count reads on along the changes, and returns how many there were.
func (o *Options) count(ctx context.Context, w *writer) (n int, err error) {
	if err := o.places(ctx, w); err != nil {
		return 0, err
	}
	for _, outcome := range slices.Concat(landed, aside) {
		for {
			more, err := o.countPage(ctx, w, outcome)
			n += more
			if err != nil {
				return n, fmt.Errorf("count changes: %w", err)
			}
			if more < arrivalsAtOnce {
				break
			}
		}
	}
	if err := o.countLate(ctx, w); err != nil {
		return n, fmt.Errorf("count changes that waited: %w", err)
	}
	return n, nil
}

// places looks up the places of all scopes there may be: a change may have come from
// one in which nothing lives yet. The harm map's are not among them: how many changes it
// saw would tell of cells that are hidden.
func (o *Options) places(ctx context.Context, w *writer) error {
	if w.places == nil {
		w.places, w.known = map[syncproto.ScopeID]syncproto.PlaceID{}, map[syncproto.PlaceID]bool{}
	}
	return o.View(ctx, func(r store.Reader) error {
		all, err := r.Places()
		for _, p := range all {
			if w.known[p.ID] {
				continue
			}
			w.known[p.ID] = true
			for _, c := range access.Compartments {
				if c != access.Harm {
					w.places[syncproto.ScopeOf(p.ID, c)] = p.ID
				}
			}
		}
		return err
	})
}

func (o *Options) countPage(ctx context.Context, w *writer, outcome syncproto.Outcome) (int, error) {
	var cursor []byte
	if _, err := w.one(ctx, "SELECT change FROM received WHERE outcome = ?", []any{int64(outcome)}, &cursor); err != nil {
		return 0, err
	}
	var after syncproto.ChangeID
	copy(after[:], cursor)
	var rows []store.Change
	err := o.View(ctx, func(r store.Reader) (err error) {
		rows, err = access.ForOperator(r).Received(outcome, after, arrivalsAtOnce)
		return err
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	last := rows[len(rows)-1].ID
	return len(rows), w.update(ctx, func() error {
		sums := map[arrival]int64{}
		var one int64
		waits, err := w.one(ctx, "SELECT 1 FROM waiting LIMIT 1", nil, &one)
		if err != nil {
			return err
		}
		for i := range rows {
			row := &rows[i]
			if slices.Contains(aside, outcome) {
				if err := w.exec(ctx, "INSERT OR IGNORE INTO waiting (change) VALUES (?)", row.ID[:]); err != nil {
					return err
				}
				continue
			}
			if waits {
				if err := w.exec(ctx, "DELETE FROM waiting WHERE change = ?", row.ID[:]); err != nil {
					return err
				}
			}
			sum(sums, w.places, row)
		}
		if err := w.arrived(ctx, sums); err != nil {
			return err
		}
		return w.exec(ctx, "INSERT INTO received (outcome, change) VALUES (?, ?) ON CONFLICT (outcome) DO UPDATE SET change = excluded.change", int64(outcome), last[:])
	})
}

// countLate counts what waited and has landed since.
func (o *Options) countLate(ctx context.Context, w *writer) error {
	s, err := w.stmt(ctx, "SELECT change FROM waiting")
	if err != nil {
		return err
	}
	found, err := s.QueryContext(ctx)
	if err != nil {
		return err
	}
	var ids []syncproto.ChangeID
	for found.Next() {
		var id []byte
		if err := found.Scan(&id); err != nil {
			return errors.Join(err, found.Close())
		}
		ids = append(ids, syncproto.ChangeID(id))
	}
	if err := errors.Join(found.Err(), found.Close()); err != nil {
		return err
	}
	for some := range slices.Chunk(ids, arrivalsAtOnce) {
		var rows []store.Change
		err := o.View(ctx, func(r store.Reader) (err error) {
			rows, err = r.Changes(some)
			return err
		})
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(row store.Change) bool { return slices.Contains(aside, row.Result.Outcome) })
		if len(rows) == 0 {
			continue
		}
		err = w.update(ctx, func() error {
			sums := map[arrival]int64{}
			for i := range rows {
				if slices.Contains(landed, rows[i].Result.Outcome) {
					sum(sums, w.places, &rows[i])
				}
				if err := w.exec(ctx, "DELETE FROM waiting WHERE change = ?", rows[i].ID[:]); err != nil {
					return err
				}
			}
			return w.arrived(ctx, sums)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func sum(sums map[arrival]int64, places map[syncproto.ScopeID]syncproto.PlaceID, row *store.Change) {
	place, counts := places[row.Scope]
	if !counts {
		return
	}
	a := arrival{place: place, day: tehranDay(row.Received), outcome: row.Result.Outcome}
	// The header stands even where the content was erased.
	if header, _, _, err := wire.SplitChange(row.Bytes); err == nil {
		if h, err := wire.DecodeHeader(header); err == nil {
			a.hours = min(max((row.Received-h.AuthorTime())/hourMillis, 0), mostHours)
		}
	}
	sums[a]++
}

// tehranDay is the civil day on which something arrived.
func tehranDay(ms int64) int64 { return int64(jalali.Tehran{}.Day(time.UnixMilli(ms))) }

func (w *writer) arrived(ctx context.Context, sums map[arrival]int64) error {
	for a, n := range sums {
		err := w.exec(ctx, `INSERT INTO arrivals (place, day, hours, outcome, n) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (place, day, hours, outcome) DO UPDATE SET n = n + excluded.n`, a.place[:], a.day, a.hours, int64(a.outcome), n)
		if err != nil {
			return err
		}
	}
	return nil
}

// lagDays is of how many days the lags of changes are told.
const lagDays = 30

// operations reads what is known of a place beside its records, but its devices.
func operations(q *asking, place syncproto.PlaceID, now int64) (*indicators.Operations, error) {
	o := &indicators.Operations{}
	first := tehranDay(now) - lagDays
	err := q.each("SELECT day, hours, outcome, n FROM arrivals WHERE place = ? ORDER BY hours", []any{place[:]}, func(rows *sql.Rows) error {
		var day, hours, outcome, n int64
		if err := rows.Scan(&day, &hours, &outcome, &n); err != nil {
			return err
		}
		o.Changes += n
		switch syncproto.Outcome(outcome) {
		case syncproto.Merged:
			o.Merged += n
		case syncproto.Conflicted:
			o.Opened += n
		}
		if day <= first {
			return nil
		}
		if last := len(o.Lags) - 1; last >= 0 && o.Lags[last].Hours == hours {
			o.Lags[last].Changes += n
		} else {
			o.Lags = append(o.Lags, indicators.Lag{Hours: hours, Changes: n})
		}
		return nil
	})
	return o, err
}

// devices lists the devices that write at each place: those of people with a role
// that holds there. Revoked ones write no more.
func (o *Options) devices(ctx context.Context) (map[syncproto.PlaceID][]indicators.Device, error) {
	all := map[syncproto.PlaceID][]indicators.Device{}
	err := o.View(ctx, func(r store.Reader) error {
		devices, err := r.Devices()
		if err != nil {
			return fmt.Errorf("read devices: %w", err)
		}
		grants, err := r.Grants(syncproto.PersonID{})
		if err != nil {
			return fmt.Errorf("read grants: %w", err)
		}
		places := map[syncproto.PersonID][]syncproto.PlaceID{}
		for _, g := range grants {
			if g.Revoked == 0 && !slices.Contains(places[g.Person], g.Place) {
				places[g.Person] = append(places[g.Person], g.Place)
			}
		}
		slices.SortFunc(devices, func(a, b store.Device) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		for _, d := range devices {
			if d.Revoked != 0 || d.Person.IsZero() {
				continue // of the last kind are the server's own
			}
			people, err := r.DevicePeople(d.ID)
			if err != nil {
				return fmt.Errorf("read people of device %s: %w", d.ID, err)
			}
			var told []syncproto.PlaceID
			for _, person := range people {
				who, err := access.Resolve(r, person)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return fmt.Errorf("read person %s: %w", person, err)
				}
				for _, place := range places[who.ID] {
					if !slices.Contains(told, place) {
						told = append(told, place)
						all[place] = append(all[place], deviceOf(d))
					}
				}
			}
		}
		return nil
	})
	return all, err
}

func deviceOf(d store.Device) indicators.Device {
	// It says all this with its greeting, and so it has said nothing yet if it was
	// not seen since it was enrolled.
	x := indicators.Device{ID: indicators.ID(d.ID), Person: indicators.ID(d.Person), Name: d.Name, LastSync: d.LastSeen, Queue: -1}
	if d.LastSeen > 0 {
		x.Queue, x.Reported, x.Oldest = int64(d.Queue), d.LastSeen, d.OldestQueued
		x.Skew, x.SkewKnown = -d.ClockAhead, true
	}
	return x
}
