package hub

import (
	"fmt"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// evidencePage is how many records of one form are looked at at once. Of most forms
// the first record decides.
const evidencePage = 200

// evidence are records of one place as far as a transaction has looked at them: of
// which forms there are any is asked by very few steps, so no index is kept for it,
// and the place is walked, once in a transaction. What was counted is kept, so that
// many steps that ask for the same cost no more than one.
type evidence struct {
	w      *work
	place  syncproto.PlaceID
	scopes []syncproto.ScopeID
	forms  map[string]*formWalk
	// counter are the counts of all records in seen, facts those of the counter if
	// told.
	counter indicators.Counter
	seen    map[syncproto.RecordID]counted
	facts   workflow.Facts
	told    bool
}

// formWalk is how far the records of a form were read from the store.
type formWalk struct {
	id    schemas.FormID
	after syncproto.RecordID
	over  bool
}

// counted is what a record adds to the figures of its place, and as what it was
// counted: as it stands in the store, or in the transaction with so many changes
// and steps that wait.
type counted struct {
	counts  indicators.Counts
	stored  bool
	number  uint64
	waiting int
}

// evidenceAt is what the transaction has looked at of a place.
func (w *work) evidenceAt(place syncproto.PlaceID) *evidence {
	e := w.evidence[place]
	if e == nil {
		e = &evidence{w: w, place: place, scopes: scopesOf(place), forms: map[string]*formWalk{},
			counter: indicators.Counter{}, seen: map[syncproto.RecordID]counted{}}
		w.evidence[place] = e
	}
	return e
}

func scopesOf(place syncproto.PlaceID) []syncproto.ScopeID {
	var all []syncproto.ScopeID
	for _, c := range access.Compartments {
		all = append(all, syncproto.ScopeOf(place, c))
	}
	return all
}

// more looks at more records of the forms; false if there are none.
func (e *evidence) more(forms []string) (any bool, err error) {
	for _, name := range forms {
		form, known := e.w.h.packages.FormByName(name)
		walk := e.forms[name]
		if walk == nil {
			walk = &formWalk{over: !known}
			if known {
				walk.id = form.ID
			}
			e.forms[name] = walk
			any = true // those that the transaction works on
		}
		if walk.over {
			continue
		}
		rows, err := e.w.tx.Records(store.Filter{Scopes: e.scopes, Form: uint32(form.ID), After: walk.after, Max: evidencePage})
		if err != nil {
			return false, fmt.Errorf("look for records of form %s: %w", name, err)
		}
		for i := range rows {
			walk.after = rows[i].State.Record
			if e.w.records[walk.after] == nil {
				e.see(walk.after, counted{counts: e.count(rows[i].State), stored: true})
			}
		}
		walk.over = len(rows) < evidencePage
		any = any || len(rows) > 0
	}
	return any, nil
}

func (e *evidence) count(s *syncproto.RecordState) indicators.Counts {
	return indicators.Contribution(merge.Counted(e.w.h.packages, s))
}

// see counts a record as it is now.
func (e *evidence) see(id syncproto.RecordID, now counted) {
	before := e.seen[id]
	e.seen[id] = now
	if !slices.Equal(before.counts, now.counts) {
		e.counter.Subtract(before.counts)
		e.counter.Add(now.counts)
		e.told = false
	}
}

// of are the facts of the records that were looked at, those that the transaction
// works on as they stand in it; judged is the record whose step is judged, which
// changes meanwhile.
func (e *evidence) of(judged syncproto.RecordID) workflow.Facts {
	var ids []uint32
	for _, walk := range e.forms {
		ids = append(ids, uint32(walk.id))
	}
	for id, t := range e.w.records {
		before, known := e.seen[id]
		switch {
		case t.state.Form == 0 || !slices.Contains(ids, t.state.Form) || !slices.Contains(e.scopes, t.state.Home):
			if known {
				e.see(id, counted{})
			}
		case !known || before.stored || id == judged || before.number != t.state.Number || before.waiting != len(t.state.Waiting):
			e.see(id, counted{counts: e.count(t.state), number: t.state.Number, waiting: len(t.state.Waiting)})
		}
	}
	if !e.told {
		settings := indicators.ShippedValues()
		s := indicators.Summarise(indicators.ID(e.place), e.counter, &settings)
		e.facts, e.told = workflow.FactsOf(&s), true
	}
	return e.facts
}
