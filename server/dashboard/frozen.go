package dashboard

import (
	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// frozenNow is the snapshot that an approval now would write, with what it counts: all
// that a dossier rests on, each record in the version that a decision would name, as a
// device makes it.
func (v *visit) frozenNow(view *access.View, place store.Place, number int, formula string) (workflow.Snapshot, []workflow.Counted, error) {
	var all []workflow.Counted
	for _, name := range workflow.DossierForms {
		form, ok := v.forms.FormByName(name)
		if !ok {
			continue
		}
		scope := syncproto.ScopeOf(place.ID, string(form.Compartment))
		if !view.May(scope, access.Read) {
			return workflow.Snapshot{}, nil, store.ErrNotFound
		}
		var after syncproto.RecordID
		for {
			rows, err := view.Records(store.Filter{Scopes: []syncproto.ScopeID{scope}, Form: uint32(form.ID), After: after, Max: mostFiled})
			if err != nil {
				return workflow.Snapshot{}, nil, err
			}
			for _, row := range rows {
				after = row.State.Record
				if !row.State.Erased && merge.Alive(row.State) {
					all = append(all, workflow.Counted{Record: schemas.ID(after), Version: merge.VersionDecided(form, row.State)})
				}
			}
			if len(rows) < mostFiled {
				break
			}
		}
	}
	s, err := workflow.Freeze(number, formula, all)
	return s, all, err
}
