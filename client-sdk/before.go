package clientsdk

import (
	"context"
	"slices"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// before writes down what stood where a form's save puts something else, for
// the device's own memory: empty for a record that the save makes.
func (s *saving) before() ([]byte, error) {
	d := s.d
	if !d.opened.Exists() {
		return nil, nil
	}
	was := schemas.Record{Fields: map[schemas.FieldID]schemas.Value{}}
	for _, f := range d.form.Fields() {
		if v := d.before.Fields[f.ID]; f.Stored() && !v.IsEmpty() && !v.Equal(s.after.Fields[f.ID]) {
			was.Fields[f.ID] = v
		}
	}
	// By number and kind, so that they read the same in every revision of the form.
	return schemas.EncodeJSON(&schemas.Form{}, was)
}

// pasts are what stood before the own changes of a record, by change.
type pasts map[syncproto.ChangeID]schemas.Record

func (c *Client) beforeOf(ctx context.Context, id syncproto.RecordID) (pasts, error) {
	stored, err := c.store.Before(ctx, id)
	if err != nil {
		return nil, err
	}
	all := pasts{}
	for change, body := range stored {
		r, err := schemas.DecodeJSON(&schemas.Form{}, nil, body)
		if err != nil {
			return nil, refuse(ErrDamaged, err)
		}
		all[change] = r
	}
	return all, nil
}

// cell returns what stood in a cell before a change; known is false if the
// device does not remember.
func (p pasts) cell(change syncproto.ChangeID, k syncproto.CellKey) (v schemas.Value, known bool) {
	r, known := p[change]
	if !known {
		return v, false
	}
	v = r.Fields[schemas.FieldID(k.Field)]
	if k.Item == (syncproto.ItemID{}) {
		return v, true
	}
	row, there := rowOf(v, k.Item)
	if k.Sub == syncproto.SubPresence {
		return schemas.BoolValue(there), true
	}
	return row.Fields[schemas.FieldID(k.Sub)], true
}

func rowOf(list schemas.Value, id syncproto.ItemID) (schemas.Item, bool) {
	rows := list.Items()
	i := slices.IndexFunc(rows, func(row schemas.Item) bool { return row.ID == schemas.ID(id) })
	if i < 0 {
		return schemas.Item{}, false
	}
	return rows[i], true
}

// tell adds to an entry of the history what stood before.
func (p pasts) tell(ch *syncproto.Change, e *Entry) {
	for i := range e.Fields {
		f := &e.Fields[i]
		switch {
		case f.WasKnown || f.Kind != syncproto.OpSet && f.Kind != syncproto.OpText && f.Kind != syncproto.OpItemPut:
		case ch.Header.Verb == syncproto.VerbCreate:
			f.WasKnown = true // there was nothing
		default:
			f.Was, f.WasKnown = p.cell(ch.ID, f.cell)
		}
	}
}

// Before returns what stood in the field of a conflict before its values were
// written, as this device remembers it from when it wrote one of them; known is
// false on a device that wrote none, or has forgotten.
func (c *Client) Before(ctx context.Context, x *Conflict) (v schemas.Value, known bool, err error) {
	const doing = "read what stood before"
	if x.Field == nil {
		return v, false, nil
	}
	p, err := c.beforeOf(ctx, x.Record)
	if err != nil {
		return v, false, told(doing, err)
	}
	for _, k := range x.Values {
		for _, by := range k.By {
			if v, known = p.cell(by.Change, x.cell); known {
				return v, true, nil
			}
		}
	}
	return schemas.Value{}, false, nil
}

// Undo opens the form of a record with what a change of this device had put in
// its fields taken back: they hold again what stood before. Nothing is saved
// until the draft is; what others wrote since into other fields stays. A state is
// not stepped back, since that is a step of its own. It says ErrNotFound if the
// device does not remember what stood before.
func (c *Client) Undo(ctx context.Context, id syncproto.RecordID, change syncproto.ChangeID) (*Draft, error) {
	const doing = "take a change back"
	d, err := c.Edit(ctx, id)
	if err != nil {
		return nil, err
	}
	own, err := c.store.Change(ctx, change)
	if err != nil {
		return nil, told(doing, err)
	}
	if own.Change == nil || own.Change.Redacted() || own.Change.Header.Record != id {
		return nil, told(doing, refuse(ErrNotFound, nil))
	}
	p, err := c.beforeOf(ctx, id)
	if err != nil {
		return nil, told(doing, err)
	}
	was, known := p[change]
	if !known {
		return nil, told(doing, refuse(ErrNotFound, nil))
	}
	for i := range own.Change.Ops {
		d.takeBack(&own.Change.Ops[i], was)
	}
	if len(d.Changed()) == 0 {
		return nil, told(doing, refuse(ErrNotFound, nil))
	}
	return d, nil
}

// takeBack puts what stood before where an operation put something else.
func (d *Draft) takeBack(op *syncproto.Op, was schemas.Record) {
	k := merge.CellOf(op)
	f, ok := d.form.Field(schemas.FieldID(k.Field))
	if !ok || f.Type == schemas.TypeState || f.Type == schemas.TypeCounter || f.Type == schemas.TypeAttachment {
		return
	}
	before := was.Fields[f.ID]
	switch op.Kind {
	case syncproto.OpSet, syncproto.OpText, syncproto.OpItemPut, syncproto.OpItemRemove:
		if k.Item != (syncproto.ItemID{}) {
			d.takeBackRow(f, k, before)
			return
		}
		d.replace(f.ID, before)
	case syncproto.OpSetAdd, syncproto.OpSetRemove:
		// Only this element: others may have added some since.
		d.replace(f.ID, withElement(d.now.Fields[f.ID], merge.FromWire(op.Value), op.Kind == syncproto.OpSetRemove))
	}
}

func (d *Draft) takeBackRow(f *schemas.Field, k syncproto.CellKey, before schemas.Value) {
	rows := slices.Clone(d.now.Fields[f.ID].Items())
	i := slices.IndexFunc(rows, func(row schemas.Item) bool { return row.ID == schemas.ID(k.Item) })
	old, there := rowOf(before, k.Item)
	switch {
	case !there && i >= 0:
		rows = slices.Delete(rows, i, i+1)
	case there && i < 0:
		rows = append(rows, old)
	case there:
		fields := schemas.Record{Fields: rows[i].Fields}.Clone().Fields
		sub := schemas.FieldID(k.Sub)
		if fields[sub] = old.Fields[sub]; fields[sub].IsEmpty() {
			delete(fields, sub)
		}
		rows[i].Fields = fields
	}
	d.replace(f.ID, schemas.ItemsValue(rows))
}

// withElement is a set with an element in it, or without.
func withElement(set, element schemas.Value, in bool) schemas.Value {
	if element.Kind() == schemas.KindRef {
		refs := slices.DeleteFunc(slices.Clone(set.Refs()), func(id schemas.ID) bool { return id == element.Ref() })
		if in {
			refs = append(refs, element.Ref())
		}
		return schemas.RefsValue(refs...)
	}
	codes := slices.DeleteFunc(slices.Clone(set.Codes()), func(code string) bool { return code == element.Code() })
	if in {
		codes = append(codes, element.Code())
	}
	return schemas.CodesValue(codes...)
}
