package clientsdk

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// settled is what stands on the screen as it would be saved: texts cleaned,
// and the values of fields that are not asked any more taken out, since nobody
// sees them. It also returns which fields that cleared.
//
// A value that was not asked for when the form was opened and that nobody
// touched stays: somebody else wrote it, and who saves has not seen it.
func (d *Draft) settled() (schemas.Record, []schemas.FieldID) {
	r := schemas.Normalise(d.form, d.now)
	now := schemas.Assess(d.form, d.c.forms, r, d.env())
	then := schemas.Assess(d.form, d.c.forms, d.before, d.env())
	var cleared []schemas.FieldID
	for _, f := range d.form.Fields() {
		v := r.Fields[f.ID]
		switch {
		case v.IsEmpty() || !clearable(f, d.before.Fields[f.ID]):
		case !now.Relevant(f.ID):
			if then.Relevant(f.ID) || !v.Equal(d.before.Fields[f.ID]) {
				delete(r.Fields, f.ID)
				cleared = append(cleared, f.ID)
			}
		case f.Type == schemas.TypeList:
			rows, gone := d.settledRows(f, v.Items(), now, then)
			r.Fields[f.ID] = schemas.ItemsValue(rows)
			cleared = append(cleared, gone...)
		}
	}
	return r, cleared
}

// clearable reports whether a value can be taken out by clearing it: a state
// goes by transitions, and what a counter was told stays counted.
func clearable(f *schemas.Field, before schemas.Value) bool {
	return f.Type != schemas.TypeState && f.Type != schemas.TypeCounter || before.IsEmpty()
}

func (d *Draft) settledRows(list *schemas.Field, rows []schemas.Item, now, then *schemas.Assessment) (out []schemas.Item, cleared []schemas.FieldID) {
	old := d.before.Fields[list.ID].Items()
	for i, row := range rows {
		was := slices.IndexFunc(old, func(o schemas.Item) bool { return o.ID == row.ID && o.ID != (schemas.ID{}) })
		fields := schemas.Record{Fields: row.Fields}.Clone().Fields
		for _, f := range list.Fields {
			v := fields[f.ID]
			if v.IsEmpty() || now.RelevantInRow(f.ID, i) {
				continue
			}
			if was >= 0 && !then.RelevantInRow(f.ID, was) && v.Equal(old[was].Fields[f.ID]) {
				continue
			}
			delete(fields, f.ID)
			cleared = append(cleared, f.ID)
		}
		out = append(out, schemas.Item{ID: row.ID, Fields: fields})
	}
	return out, cleared
}

// whyOf is what a person is told of an input that cannot be read.
func whyOf(err error) schemas.Text {
	var field *schemas.FieldError
	if errors.As(err, &field) {
		return field.Message
	}
	return schemas.Text{Fa: err.Error(), En: err.Error()}
}

// BesideID is the id of the record of a form that belongs to another record,
// in another compartment: the time of the first, and 74 bits of SHA-256 over a
// label, its id and the form's number.
func BesideID(record syncproto.RecordID, form schemas.FormID) syncproto.RecordID {
	b := append([]byte("mahalleh record beside 1\n"), record[:]...)
	h := sha256.Sum256(binary.BigEndian.AppendUint32(b, uint32(form)))
	id := syncproto.RecordID(h[:16])
	var ms uint64
	for _, b := range record[:6] {
		ms = ms<<8 | uint64(b)
	}
	stampID(&id, ms)
	return id
}

// placeOf finds the place of a scope: that of the grant, or the place of the
// enrolment if the scope is one of its compartments.
func (c *Client) placeOf(scope syncproto.ScopeID) syncproto.PlaceID {
	id, k := c.known()
	if g, ok := k.grants[scope]; ok {
		return g.Place
	}
	for _, name := range c.compartments() {
		if syncproto.ScopeOf(id.Place, name) == scope {
			return id.Place
		}
	}
	return syncproto.PlaceID{}
}

// The form and field in which a neighbourhood's boundary stands, for rules
// that ask whether a place lies in it.
const (
	boundaryForm  = "neighbourhood"
	boundaryField = "boundary"
)

// boundary returns the boundary of a place, nil if it is not known here.
func (c *Client) boundary(ctx context.Context, place syncproto.PlaceID) ([]schemas.Point, error) {
	form, ok := c.forms.FormByName(boundaryForm)
	if !ok {
		return nil, nil
	}
	field, ok := form.FieldByName(boundaryField)
	if !ok {
		return nil, nil
	}
	l, err := c.store.List(ctx, localstore.Filter{Form: uint32(form.ID), Scopes: []syncproto.ScopeID{syncproto.ScopeOf(place, string(form.Compartment))}})
	if err != nil {
		return nil, err
	}
	for _, row := range l.Rows {
		h, err := c.store.State(ctx, row.Record)
		if err != nil {
			return nil, err
		}
		if ring := merge.Content(form, h.State).Fields[field.ID].Polygon(); len(ring) > 0 {
			return ring, nil
		}
	}
	return nil, nil
}
