package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// Office writes records at a server: a hub over any store, which starts empty.
type Office struct {
	t     testing.TB
	Forms *schemas.Package
	Store store.Store
	Hub   *hub.Hub
	// Now is the server's clock, Unix milliseconds; each write moves it on by a
	// minute.
	Now    int64
	Author syncproto.PersonID
}

// NewOffice opens a hub over the store, which is closed when the test ends; the seed
// is that of its keys and eras.
func NewOffice(t testing.TB, st store.Store, seed byte) *Office {
	t.Helper()
	o := &Office{t: t, Store: st, Now: 1_768_500_000_000, Author: syncproto.PersonID{9}}
	var err error
	if o.Forms, err = forms.Load(); err != nil {
		t.Fatal(err)
	}
	o.Hub, err = hub.New(t.Context(), hub.Options{Store: st, Packages: o.Forms, Clock: func() int64 { return o.Now }, Rand: rand.NewChaCha8([32]byte{seed})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Hub.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// Place makes a place below another one, none if that is zero.
func (o *Office) Place(n byte, kind store.PlaceKind, parent syncproto.PlaceID) syncproto.PlaceID {
	o.t.Helper()
	id := syncproto.PlaceID{n}
	err := o.Store.Update(o.t.Context(), func(tx store.Tx) error {
		return tx.PutPlace(store.Place{ID: id, Number: uint32(n), Kind: kind, Parent: parent, NameFa: fmt.Sprintf("محلهٔ %d", n)})
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

// Write writes fields of a record by their names, and makes the record, in the
// form's compartment of the place, if it is new. An empty value empties a field.
func (o *Office) Write(record syncproto.RecordID, form string, place syncproto.PlaceID, fields map[string]schemas.Value) syncproto.RecordID {
	o.t.Helper()
	f := o.form(form)
	o.write(record, func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		e := hub.OfficeEdit{Verb: syncproto.VerbEdit, Form: uint32(f.ID), Scope: syncproto.ScopeOf(place, string(f.Compartment))}
		before := schemas.Record{Form: f.ID}
		if s.Exists() {
			before = merge.Content(f, s)
		} else {
			e.Verb = syncproto.VerbCreate
		}
		after := before.Clone()
		if after.Fields == nil {
			after.Fields = map[schemas.FieldID]schemas.Value{}
		}
		for name, v := range fields {
			field, ok := f.FieldByName(name)
			if !ok {
				return e, fmt.Errorf("form %s has no field %q", form, name)
			}
			after.Fields[field.ID] = v
		}
		edit := merge.Edit{Form: f, Opened: s, Before: before, After: after, Author: o.Author, NewItem: newItem}
		e.Ops = edit.Ops()
		return e, nil
	})
	return record
}

// Step takes a state field of a record to another state.
func (o *Office) Step(record syncproto.RecordID, form, field, to string) {
	o.t.Helper()
	f, ok := o.form(form).FieldByName(field)
	if !ok {
		o.t.Fatalf("form %s has no field %q", form, field)
	}
	o.act(record, syncproto.VerbTransition, func(s *syncproto.RecordState) []syncproto.Op {
		return []syncproto.Op{merge.TransitionOp(s, f.ID, to), merge.Presence(s, o.Author, true, false)}
	})
}

// Delete takes a record away, and Restore brings it back.
func (o *Office) Delete(record syncproto.RecordID)  { o.t.Helper(); o.presence(record, false) }
func (o *Office) Restore(record syncproto.RecordID) { o.t.Helper(); o.presence(record, true) }

func (o *Office) presence(record syncproto.RecordID, alive bool) {
	o.t.Helper()
	verb := syncproto.VerbDelete
	if alive {
		verb = syncproto.VerbRestore
	}
	o.act(record, verb, func(s *syncproto.RecordState) []syncproto.Op {
		return []syncproto.Op{merge.Presence(s, o.Author, alive, true)}
	})
}

// Move brings a record to the same compartment of another place.
func (o *Office) Move(record syncproto.RecordID, form string, to syncproto.PlaceID) {
	o.t.Helper()
	scope := syncproto.ScopeOf(to, string(o.form(form).Compartment))
	o.act(record, syncproto.VerbMove, func(s *syncproto.RecordState) []syncproto.Op {
		return []syncproto.Op{merge.MoveOp(s, scope), merge.Presence(s, o.Author, true, false)}
	})
}

// Erase takes a record's content away for ever.
func (o *Office) Erase(record syncproto.RecordID) {
	o.t.Helper()
	if err := o.Hub.Erase(o.t.Context(), record); err != nil {
		o.t.Fatal(err)
	}
}

func (o *Office) form(name string) *schemas.Form {
	o.t.Helper()
	f, ok := o.Forms.FormByName(name)
	if !ok {
		o.t.Fatalf("there is no form %q", name)
	}
	return f
}

func (o *Office) act(record syncproto.RecordID, verb syncproto.Verb, ops func(*syncproto.RecordState) []syncproto.Op) {
	o.t.Helper()
	o.write(record, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		if !s.Exists() {
			return hub.OfficeEdit{}, errors.New("there is no such record")
		}
		return hub.OfficeEdit{Verb: verb, Form: s.Form, Scope: s.Home, Ops: ops(s)}, nil
	})
}

func (o *Office) write(record syncproto.RecordID, edit func(*syncproto.RecordState, func(int) syncproto.ItemID) (hub.OfficeEdit, error)) {
	o.t.Helper()
	o.Now += 60_000
	got, err := o.Hub.Office(o.t.Context(), o.Author, record, edit)
	if err != nil {
		o.t.Fatal(err)
	}
	if got.Outcome == syncproto.Quarantined || got.Outcome == syncproto.Parked {
		o.t.Fatalf("a change to record %s was not applied: %s, reason %d", record, got.Outcome, got.Reason)
	}
}
