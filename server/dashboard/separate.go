package dashboard

import (
	"mahalleh/schemas"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// separate brings back what was before one record was put in place of another: the other
// is there again, and every field that the act wrote says what it said. What somebody
// changed since stays as they left it.
func (v *visit) separate(r store.Reader, w *writing, x *twins, refs *references) (string, error) {
	seen := map[syncproto.RecordID]string{x.two[0].state.Record: v.value("seen.a"), x.two[1].state.Record: v.value("seen.b")}
	if x.united == nil {
		// Told apart by now, perhaps by this very form.
		for _, f := range x.two {
			if shown := seen[f.state.Record]; shown != seenOf(f.state) {
				return "separated", w.restore(f.state.Record, shown)
			}
		}
		return "", hub.ErrChanged
	}
	u := x.united
	stays, goes := x.two[0], x.two[1]
	if stays.state.Record != u.stays {
		stays, goes = goes, stays
	}
	if err := w.restore(goes.state.Record, seen[u.goes]); err != nil {
		return "", err
	}
	for _, f := range append([]*filed{stays}, refs.all...) {
		wrote, err := actIn(r, f, u.act)
		if err != nil {
			return "", err
		}
		if wrote == nil {
			continue
		}
		shown := seen[f.state.Record]
		if f != stays {
			shown = seenOf(f.state)
		}
		if err := w.on(f.state.Record, shown, nil, func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
			return wrote.undo(w, s, newItem), nil
		}); err != nil {
			return "", err
		}
	}
	w.act.Beside = func(tx store.Tx) error { return setRow(tx, unitedKey(x.scope), u.row(), false) }
	return "separated", nil
}

// written is what one act wrote into a record: its content before and after.
type written struct {
	form          *schemas.Form
	before, after schemas.Record
}

// actIn finds what an act wrote into a record, by playing its history again; nil if it
// wrote nothing. Errors: errNotBrought where the history says too little.
func actIn(r store.Reader, f *filed, act syncproto.GroupID) (*written, error) {
	rows, err := r.History(f.state.Record)
	if err != nil {
		return nil, err
	}
	var wrote *written
	state, past := syncproto.NewRecordState(f.state.Record), standings{}
	for _, row := range rows {
		if row.Result.Outcome != syncproto.Applied && row.Result.Outcome != syncproto.Merged && row.Result.Outcome != syncproto.Conflicted {
			past[row.ID] = merge.Withheld
		}
	}
	for i := range rows {
		if past[rows[i].ID] == merge.Withheld {
			continue
		}
		ch, err := wire.DecodeChange(rows[i].Bytes)
		if err != nil || ch.Redacted() {
			if wrote == nil && !mentions(rows[i:], act) {
				return nil, nil
			}
			return nil, errNotBrought
		}
		mine := ch.Header.Group == act
		if mine && wrote == nil {
			wrote = &written{form: f.form, before: merge.Content(f.form, state)}
		}
		if _, err := merge.Apply(state, ch, past); err != nil {
			return nil, err
		}
		past[rows[i].ID] = merge.Applied
		if mine {
			wrote.after = merge.Content(f.form, state)
		}
	}
	if wrote != nil && hub.VersionOf(state) != hub.VersionOf(f.state) {
		return nil, errNotBrought
	}
	return wrote, nil
}

// mentions reports whether one of the changes belongs to an act.
func mentions(rows []store.Change, act syncproto.GroupID) bool {
	for i := range rows {
		if ch, err := wire.DecodeChange(rows[i].Bytes); err == nil && ch.Header.Group == act {
			return true
		}
	}
	return false
}

// standings says to the merge what was received before.
type standings map[syncproto.ChangeID]merge.Standing

func (s standings) Standing(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	return s[id], nil, nil
}

// undo writes what stood in the fields before the act, where what it wrote still stands.
func (x *written) undo(w *writing, s *syncproto.RecordState, newItem func(int) syncproto.ItemID) hub.OfficeEdit {
	now := merge.Content(x.form, s)
	then := now.Clone()
	edit := merge.Edit{Form: x.form, Opened: s, Before: now, After: then, Author: w.v.who.ID, NewItem: newItem, Settled: map[syncproto.CellKey]bool{}}
	for _, f := range x.form.Fields() {
		before, after := x.before.Fields[f.ID], x.after.Fields[f.ID]
		if before.Equal(after) || !now.Fields[f.ID].Equal(after) {
			continue
		}
		if then.Fields[f.ID] = before; before.IsEmpty() {
			delete(then.Fields, f.ID)
		}
		for _, row := range before.Items() {
			// A row that the act took away comes back over that.
			edit.Settled[syncproto.CellKey{Field: uint32(f.ID), Item: row.ID, Sub: syncproto.SubPresence}] = true
		}
	}
	return hub.OfficeEdit{Verb: syncproto.VerbEdit, Ops: edit.Ops()}
}
