package dashboard

import (
	"context"
	"slices"
	"strconv"
	"time"

	"mahalleh/schemas/indicators"
	"mahalleh/schemas/persian"
	"mahalleh/server/access"
	"mahalleh/server/report"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// reckoned are the figures of a place with all that lies in it, and what they were
// made from. They are shared, and never changed.
type reckoned struct {
	figures   indicators.Figures
	summaries []indicators.Summary
	settings  indicators.Settings
	minute    int64
	// ids are the places that they are of.
	ids []syncproto.PlaceID
	// hoods are the rows of the table of neighbourhoods, made when somebody asks.
	hoods *hoodLists
}

// reckon makes the figures of a place with all that lies in it, as the command
// report does, or hands on what was made a moment ago. Whoever calls it has asked the
// view whether it may be shown.
func (a *App) reckon(ctx context.Context, place store.Place, inside []store.Place) (reckoned, error) {
	ids := make([]syncproto.PlaceID, len(inside))
	for i, p := range inside {
		ids[i] = p.ID
	}
	minute := a.now() / time.Minute.Milliseconds()
	fits := func(x *reckoned) bool { return x.minute == minute && slices.Equal(x.ids, ids) }
	return a.kept.get(ctx, place.ID, fits, func(ctx context.Context) (reckoned, error) { return a.reckonNow(ctx, place, ids) })
}

func (a *App) reckonNow(ctx context.Context, place store.Place, ids []syncproto.PlaceID) (reckoned, error) {
	now := a.now()
	x := reckoned{minute: now / time.Minute.Milliseconds(), ids: ids, hoods: &hoodLists{}}
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
