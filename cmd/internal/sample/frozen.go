package sample

import (
	"fmt"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/workflow"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// formula is the version of the formulas with that of the province's settings, which
// are those that ship with the programs.
func formula() string {
	s := indicators.ShippedValues()
	return workflow.FormulaOf(&s)
}

// counted are the records that a neighbourhood's dossier rests on, as they are at the
// server, each in the version that a decision on it would name.
func (w *world) counted(h *hood) ([]workflow.Counted, error) {
	var all []workflow.Counted
	err := w.o.Store.View(w.ctx, func(r store.Reader) error {
		all = nil
		for _, name := range workflow.DossierForms {
			form, ok := w.forms.FormByName(name)
			if !ok {
				return fmt.Errorf("there is no form %s", name)
			}
			f := store.Filter{Scopes: []syncproto.ScopeID{syncproto.ScopeOf(h.place.ID, string(form.Compartment))}, Form: uint32(form.ID), Max: 500}
			for more := true; more; {
				rows, err := r.Records(f)
				if err != nil {
					return err
				}
				for _, row := range rows {
					f.After = row.State.Record
					if merge.Alive(row.State) {
						all = append(all, workflow.Counted{Record: schemas.ID(f.After), Version: merge.VersionDecided(form, row.State)})
					}
				}
				more = len(rows) == f.Max
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what the dossier of %s rests on: %w", h.name, err)
	}
	return all, nil
}

// approve approves a dossier as a device does: with the number, the formulas and the
// hash of what was approved, and with the list beside it.
func (d *device) approve(at int64, h *hood, s *syncproto.RecordState, v fields) error {
	content, err := d.w.counted(h)
	if err != nil {
		return err
	}
	frozen, err := workflow.Freeze(1, formula(), content)
	if err != nil {
		return fmt.Errorf("freeze the dossier of %s: %w", h.name, err)
	}
	v["snapshot_number"], v["snapshot_formula_version"], v["snapshot_hash"] = frozen.Number, frozen.Formula, frozen.Hash
	d.edit(at, s, v)
	d.step(at, s, "status", "approved")
	for i, part := range workflow.EncodeCounted(content) {
		d.create(at, h.place.ID, workflow.SnapshotForm, fields{"dossier_id": h.dossier, "number": frozen.Number, "part": i + 1, "content": part})
	}
	return nil
}
