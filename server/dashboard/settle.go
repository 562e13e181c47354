package dashboard

import (
	"errors"
	"slices"
	"strings"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// rivalChoice is what settles a conflict: one of its values, or another one.
type rivalChoice struct {
	rival *rivalValue
	value schemas.Value
}

// settle writes that one of a conflict's values holds, as a device does: naming all that
// was seen. seen is what the page showed of the cell.
func (v *visit) settle(w *writing, record, id, seen string, choose func(*rift) (rivalChoice, error)) error {
	var cell syncproto.CellKey
	var rid syncproto.RecordID
	err := v.read(func(r store.Reader, view *access.View) error {
		x, err := v.findRift(r, view, record, id)
		if err == nil {
			cell, rid = x.Cell, x.state.Record
		}
		return err
	})
	gone := errors.Is(err, store.ErrNotFound)
	if gone {
		// Settled by now, perhaps by this very form: the history of the record knows.
		parsed, failed := syncproto.ParseID(record)
		if failed != nil {
			return store.ErrNotFound
		}
		rid, err = syncproto.RecordID(parsed), nil
	}
	if err != nil {
		return err
	}
	if err := w.on(rid, seen, []syncproto.CellKey{cell}, func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		form, known := v.forms.Form(schemas.FormID(s.Form))
		open := merge.Conflicts(s)
		i := slices.IndexFunc(open, func(c merge.Conflict) bool { return c.Cell == cell })
		if i < 0 || !known || gone {
			return hub.OfficeEdit{}, hub.ErrChanged
		}
		x := &rift{Conflict: open[i], id: id, state: s, form: form}
		if !x.presence() {
			x.field = aside.Leaf(form, cell)
		}
		x.take(open[i].Value, open[i].Shown...)
		for _, o := range open[i].Others {
			x.take(o.Value, o.Version)
		}
		choice, err := choose(x)
		if err != nil {
			return hub.OfficeEdit{}, err
		}
		return w.settlement(x, choice, newItem)
	}); err != nil {
		return err
	}
	w.act.Beside = func(tx store.Tx) error { return putHolding(tx, id, holding{}) }
	return w.do()
}

// settlement is the change that settles.
func (w *writing) settlement(x *rift, choice rivalChoice, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
	e, me := hub.OfficeEdit{Verb: syncproto.VerbSettle}, w.v.who.ID
	alive := false
	value := choice.value
	if choice.rival != nil {
		alive, _ = choice.rival.value.AsBool()
		value = merge.FromWire(choice.rival.value)
	}
	if x.Cell == merge.PresenceCell {
		e.Ops = w.with([]syncproto.Op{merge.Presence(x.state, me, alive, true)})
		return e, nil
	}
	if x.field != nil {
		for _, p := range schemas.CheckValue(x.field, w.v.forms, value, int32(w.v.tehran.Day(time.UnixMilli(w.v.now())))) {
			if p.Level == schemas.LevelError {
				return e, &formError{x.form, []schemas.Problem{p}}
			}
		}
	}
	before := merge.Content(x.form, x.state)
	after := before.Clone()
	put := func(fields map[schemas.FieldID]schemas.Value, id schemas.FieldID, v schemas.Value) {
		if fields[id] = v; v.IsEmpty() {
			delete(fields, id)
		}
	}
	if x.Cell.Item == (syncproto.ItemID{}) {
		put(after.Fields, schemas.FieldID(x.Cell.Field), value)
	} else {
		list := schemas.FieldID(x.Cell.Field)
		rows := slices.Clone(after.Fields[list].Items())
		i := slices.IndexFunc(rows, func(row schemas.Item) bool { return row.ID == schemas.ID(x.Cell.Item) })
		switch {
		case i < 0:
			return e, hub.ErrChanged
		case x.presence() && !alive:
			rows = slices.Delete(rows, i, i+1)
		case !x.presence():
			fields := schemas.Record{Fields: rows[i].Fields}.Clone().Fields
			put(fields, schemas.FieldID(x.Cell.Sub), value)
			rows[i].Fields = fields
		}
		put(after.Fields, list, schemas.ItemsValue(rows))
	}
	edit := merge.Edit{Form: x.form, Opened: x.state, Before: before, After: after, Author: me, NewItem: newItem,
		Settled: map[syncproto.CellKey]bool{x.Cell: true}}
	e.Ops = w.with(edit.Ops())
	return e, nil
}

// settleOne takes a person's choice, and leads to the next conflict.
func (v *visit) settleOne() error {
	record, id := v.r.PathValue("record"), v.r.PathValue("id")
	w, err := v.begin()
	if err != nil {
		return err
	}
	if strings.TrimSpace(v.r.PostForm.Get("reason")) == "" {
		return v.showConflict(errNoReason)
	}
	if err := w.because(v.r.PostForm.Get("reason")); err != nil {
		return v.showConflict(err)
	}
	err = v.settle(w, record, id, v.r.PostForm.Get("seen"), v.choice)
	switch status := statusOf(err); {
	case err == nil:
		v.Moved()
		return v.done("settled", "/conflicts")
	case status == 500, status == 400, notThere(err):
		return err
	}
	return v.showConflict(err)
}

// choice reads what was chosen.
func (v *visit) choice(x *rift) (rivalChoice, error) {
	asked := v.r.PostForm.Get("choice")
	for i := range x.values {
		if x.values[i].key() == asked {
			return rivalChoice{rival: &x.values[i]}, nil
		}
	}
	if asked != choiceNew || x.field == nil || v.newValue(v.plainTeller(), x, true) == nil {
		return rivalChoice{}, errNoChoice
	}
	value, err := schemas.ParseTyped(x.form, v.forms, x.field, v.r.PostForm.Get("value"))
	return rivalChoice{value: value}, err
}

// beginOne is begin for one of several things that a form does, each by itself.
func (v *visit) beginOne(what string) (*writing, error) {
	w, err := v.begin()
	if err == nil {
		w.act.Token = tokenOf(w.act.Token, what)
	}
	return w, err
}

// settleMany lets what is shown stand in all conflicts that were picked, with one
// reason. Each is settled by itself: what was changed meanwhile holds up no other.
func (v *visit) settleMany() error {
	picked, reason := v.r.PostForm["pick"], v.r.PostForm.Get("reason")
	switch {
	case len(picked) == 0:
		return v.showConflicts([]formview.Notice{v.explain(errNoPick)}, nil)
	case strings.TrimSpace(reason) == "":
		return v.showConflicts([]formview.Notice{v.explain(errNoReason)}, picked)
	}
	done, left := 0, []string(nil)
	var failed error
	for _, pick := range picked {
		parts := strings.Split(pick, "/")
		if len(parts) != 3 {
			return errBadRequest
		}
		w, err := v.beginOne(pick)
		if err == nil {
			err = w.because(reason)
		}
		if err == nil {
			err = v.settle(w, parts[0], parts[1], parts[2], func(x *rift) (rivalChoice, error) { return rivalChoice{rival: &x.values[0]}, nil })
		}
		switch status := statusOf(err); {
		case err == nil:
			done++
		case status == 500:
			return err
		default:
			left, failed = append(left, pick), err
		}
	}
	v.Moved()
	var notices []formview.Notice
	if done > 0 {
		notices = append(notices, formview.Notice{Level: formview.Done, Text: v.say("decide.settled_many", texts.Args{"n": done})})
	}
	if failed != nil {
		notices = append(notices, formview.Notice{Level: formview.Warning, Text: v.say("decide.left", texts.Args{"n": len(left)})}, v.explain(failed))
	}
	return v.showConflicts(notices, left)
}
