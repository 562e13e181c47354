package dashboard

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/persian"
	"mahalleh/server/access"
	"mahalleh/server/report"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// figureCache keeps the figures of places until something moves, or a minute
// passes: two hundred readers who look at one province cost what one does.
type figureCache struct {
	mu  sync.Mutex
	all map[syncproto.PlaceID]*sync.Mutex // who reckons a place, others wait for
	got map[syncproto.PlaceID]reckoned
	// state counts what moved: what was reckoned before is not kept.
	state uint64
}

// reckoned are the figures of a place with all that lies in it, and what they were
// made from.
type reckoned struct {
	figures   indicators.Figures
	summaries []indicators.Summary
	settings  indicators.Settings
	minute    int64
}

// mostKept bounds how many places' figures are kept.
const mostKept = 64

func (c *figureCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = nil
	c.state++
}

func (c *figureCache) turn(place syncproto.PlaceID) *sync.Mutex {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || len(c.all) > mostKept {
		c.all = map[syncproto.PlaceID]*sync.Mutex{}
	}
	if c.all[place] == nil {
		c.all[place] = &sync.Mutex{}
	}
	return c.all[place]
}

func (c *figureCache) kept(place syncproto.PlaceID, minute int64) (reckoned, uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.got[place]
	return x, c.state, ok && x.minute == minute
}

func (c *figureCache) keep(place syncproto.PlaceID, state uint64, x reckoned) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state != c.state {
		return
	}
	if c.got == nil || len(c.got) >= mostKept {
		c.got = map[syncproto.PlaceID]reckoned{}
	}
	c.got[place] = x
}

// reckon makes the figures of a place with all that lies in it, as the command
// report does. Whoever calls it has asked the view whether it may be shown.
func (a *App) reckon(ctx context.Context, place store.Place, inside []store.Place) (reckoned, error) {
	now := a.now()
	minute := now / time.Minute.Milliseconds()
	turn := a.kept.turn(place.ID)
	turn.Lock()
	defer turn.Unlock()
	x, state, ok := a.kept.kept(place.ID, minute)
	if ok {
		return x, nil
	}
	x = reckoned{minute: minute}
	ids := make([]syncproto.PlaceID, len(inside))
	for i, p := range inside {
		ids[i] = p.ID
	}
	err := a.store.View(ctx, func(r store.Reader) (err error) {
		x.settings, err = report.SettingsAt(r, a.forms, place)
		return err
	})
	if err != nil {
		return x, err
	}
	if x.summaries, err = a.Report.Summaries(ctx, now, ids, &x.settings); err != nil {
		return x, err
	}
	at := indicators.Moment{Now: now, Today: a.tehran.Day(time.UnixMilli(now))}
	x.figures = indicators.Combine(at, x.summaries, &x.settings)
	a.kept.keep(place.ID, state, x)
	return x, nil
}

// looked is the place that a page is about, with what of it the reader may see.
type looked struct {
	place  store.Place
	above  []store.Place
	inside []store.Place
	// below are the places right below, and choose those that a reader of several
	// may change to.
	below, choose []store.Place
	single        bool
	names         map[indicators.ID]store.Place
	reckoned
}

// look finds the place that is asked for, or the reader's own, and its figures.
// Errors: store.ErrNotFound, report.ErrBuilding.
func (v *visit) look(asked string) (*looked, error) {
	l := &looked{}
	err := v.read(func(r store.Reader, view *access.View) error {
		*l = looked{names: map[indicators.ID]store.Place{}}
		tops := view.Tops()
		switch {
		case asked != "":
			n, err := strconv.ParseUint(persian.ToASCIIDigits(asked), 10, 32)
			if err != nil {
				return store.ErrNotFound
			}
			if l.place, err = view.Place(uint32(n)); err != nil {
				return err
			}
		case len(tops) > 0:
			l.place = tops[0]
		default:
			return store.ErrNotFound
		}
		if len(tops) > 1 {
			l.choose = tops
		}
		l.inside, l.single = view.Inside(l.place.ID), view.Single(l.place.ID)
		for _, p := range l.inside {
			l.names[indicators.ID(p.ID)] = p
			if p.Parent == l.place.ID {
				l.below = append(l.below, p)
			}
		}
		l.above = slices.DeleteFunc(view.Above(l.place), func(p store.Place) bool { return !view.Figures(p.ID) })
		slices.Reverse(l.above)
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.reckoned, err = v.reckon(v.ctx(), l.place, l.inside)
	return l, err
}

// shown is a figure without what the reader's role sees only in sums: rows of
// single neighbourhoods, records, people or devices. Only tables whose rows are
// codes, or the fifths of completeness, are known to have none.
func (l *looked) shown(f indicators.Figure) indicators.Figure {
	if l.single {
		return f
	}
	f.Tables = slices.Clone(f.Tables)
	f.Tables = slices.DeleteFunc(f.Tables, func(t indicators.Table) bool {
		return t.Name != "histogram" && slices.ContainsFunc(t.Rows, func(r indicators.Row) bool {
			return r.Code == "" || r.Place != (indicators.ID{}) || r.Record != (indicators.ID{})
		})
	})
	return f
}
