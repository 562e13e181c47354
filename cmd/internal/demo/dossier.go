package demo

import (
	"context"
	"errors"
	"fmt"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// nextOfDossier leads from every state to where the committee decides.
var nextOfDossier = map[string]string{"assigned": "collecting", "returned": "collecting", "approved": "updating", "published": "updating",
	"collecting": "submitted", "updating": "submitted", "submitted": "county_reviewed"}

// BringForward has the dossier of a neighbourhood reviewed by its county, from whatever
// state it is in, so that the committee can decide on it; it returns the dossier.
func BringForward(ctx context.Context, h *hub.Hub, place uint32) (id syncproto.RecordID, err error) {
	form, ok := h.Packages().FormByName("dossier")
	if !ok {
		return id, errors.New("there is no form of dossiers")
	}
	status, ok := form.FieldByName("status")
	if !ok {
		return id, errors.New("a dossier has no status")
	}
	for range len(nextOfDossier) {
		var at string
		err := h.Store().View(ctx, func(r store.Reader) error {
			p, err := r.PlaceByNumber(place)
			if err != nil {
				return err
			}
			rows, err := access.ForOperator(r).Records(store.Filter{Form: uint32(form.ID), Scopes: []syncproto.ScopeID{syncproto.ScopeOf(p.ID, string(form.Compartment))}, Max: 1})
			if err == nil && len(rows) == 0 {
				err = store.ErrNotFound
			}
			if err == nil {
				id, at = rows[0].State.Record, merge.Content(form, rows[0].State).Fields[status.ID].Code()
			}
			return err
		})
		if err != nil {
			return id, fmt.Errorf("look for the dossier of %d: %w", place, err)
		}
		if at == "county_reviewed" {
			return id, nil
		}
		author := syncproto.PersonID{1}
		_, err = h.Office(ctx, author, id, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
			before := merge.Content(form, s)
			after := before.Clone()
			after.Fields[status.ID] = schemas.CodeValue(nextOfDossier[at])
			edit := merge.Edit{Form: form, Opened: s, Before: before, After: after, Author: author}
			return hub.OfficeEdit{Verb: syncproto.VerbTransition, Form: uint32(form.ID), Ops: edit.Ops()}, nil
		})
		if err != nil {
			return id, err
		}
	}
	return id, fmt.Errorf("the dossier of %d cannot be brought to the committee", place)
}
