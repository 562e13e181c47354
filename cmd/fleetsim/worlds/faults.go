package worlds

import (
	"context"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// Faults are mistakes that tell a device of what is outside its scope, by name. The
// comparison must find each.
var Faults = map[string]Fault{
	"acts everywhere are counted": func(_ store.Store, ev session.ServerEvent) session.ServerEvent {
		if e, is := ev.(session.SessionLoaded); is {
			e.Welcome.Lease += e.Serial
			return e
		}
		return ev
	},
	"a mark says where the record went": func(st store.Store, ev session.ServerEvent) session.ServerEvent {
		e, is := ev.(session.ScopesRead)
		if !is {
			return ev
		}
		for p := range e.Pages {
			for m := range e.Pages[p].Marks {
				mark := &e.Pages[p].Marks[m]
				look(st, func(r store.Reader) error {
					row, err := r.Record(mark.Record)
					if err == nil {
						mark.To = row.State.Home
					}
					return err
				})
			}
		}
		return e
	},
	"a result says what is true": func(st store.Store, ev session.ServerEvent) session.ServerEvent {
		e, is := ev.(session.Accepted)
		if !is {
			return ev
		}
		for i := range e.Results {
			told := &e.Results[i].Result
			look(st, func(r store.Reader) error {
				row, err := r.Change(told.Change)
				if err == nil {
					told.Reason = row.Result.Reason
				}
				return err
			})
		}
		return e
	},
	"the scope filter is skipped": func(st store.Store, ev session.ServerEvent) session.ServerEvent {
		e, is := ev.(session.SessionLoaded)
		if !is {
			return ev
		}
		look(st, func(r store.Reader) error {
			places, err := r.Places()
			for _, p := range places {
				scope := syncproto.ScopeOf(p.ID, compartment)
				if head, err := r.Scope(scope); err == nil && head.Count > 0 {
					e.Starts = append(e.Starts, session.Start{Scope: scope})
				}
			}
			return err
		})
		return e
	},
}

// look reads what a fault tells; what is not there is not told.
func look(st store.Store, f func(store.Reader) error) { _ = st.View(context.Background(), f) }
