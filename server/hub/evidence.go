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
// and the place is walked.
type evidence struct {
	w      *work
	place  syncproto.PlaceID
	scopes []syncproto.ScopeID
	forms  map[string]*formWalk
}

// formWalk is how far the records of a form were read from the store.
type formWalk struct {
	read  []counted
	after syncproto.RecordID
	over  bool
}

// counted is what a record adds to the figures of its place.
type counted struct {
	record syncproto.RecordID
	counts indicators.Counts
}

// evidenceAt is what the transaction has looked at of a place.
func (w *work) evidenceAt(place syncproto.PlaceID) *evidence {
	e := w.evidence[place]
	if e == nil {
		e = &evidence{w: w, place: place, scopes: scopesOf(place), forms: map[string]*formWalk{}}
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
		walk := e.forms[name]
		if walk == nil {
			walk = &formWalk{}
			e.forms[name] = walk
			any = true // those that the transaction works on
		}
		form, known := e.w.h.packages.FormByName(name)
		if walk.over || !known {
			continue
		}
		rows, err := e.w.tx.Records(store.Filter{Scopes: e.scopes, Form: uint32(form.ID), After: walk.after, Max: evidencePage})
		if err != nil {
			return false, fmt.Errorf("look for records of form %s: %w", name, err)
		}
		for i := range rows {
			walk.read = append(walk.read, e.count(rows[i].State))
			walk.after = rows[i].State.Record
		}
		walk.over = len(rows) < evidencePage
		any = any || len(rows) > 0
	}
	return any, nil
}

func (e *evidence) count(s *syncproto.RecordState) counted {
	return counted{s.Record, indicators.Contribution(merge.Counted(e.w.h.packages, s))}
}

// facts are those of the records that were looked at, those that the transaction
// works on as they stand in it.
func (e *evidence) facts() workflow.Facts {
	counter := indicators.Counter{}
	var ids []schemas.FormID
	for name, walk := range e.forms {
		if form, known := e.w.h.packages.FormByName(name); known {
			ids = append(ids, form.ID)
		}
		for _, c := range walk.read {
			if e.w.records[c.record] == nil {
				counter.Add(c.counts)
			}
		}
	}
	for _, t := range e.w.records {
		if slices.Contains(ids, schemas.FormID(t.state.Form)) && slices.Contains(e.scopes, t.state.Home) {
			counter.Add(e.count(t.state).counts)
		}
	}
	settings := indicators.ShippedValues()
	s := indicators.Summarise(indicators.ID(e.place), counter, &settings)
	return workflow.FactsOf(&s)
}
