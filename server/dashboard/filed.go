package dashboard

import (
	"errors"
	"slices"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// filed is a record with its form, to read fields by their names.
type filed struct {
	form  *schemas.Form
	rec   schemas.Record
	state *syncproto.RecordState
	place store.Place
}

func (f *filed) id() schemas.ID { return schemas.ID(f.state.Record) }

// value is a field of the record.
func (f *filed) value(name string) schemas.Value {
	x, ok := f.form.FieldByName(name)
	if !ok {
		return schemas.Value{}
	}
	return f.rec.Fields[x.ID]
}

// rows are the rows of a list, each by the names of its fields.
func (f *filed) rows(name string) []map[string]schemas.Value {
	list, ok := f.form.FieldByName(name)
	if !ok {
		return nil
	}
	var all []map[string]schemas.Value
	for _, item := range f.rec.Fields[list.ID].Items() {
		row := map[string]schemas.Value{}
		for _, sub := range list.Fields {
			row[sub.Name] = item.Fields[sub.ID]
		}
		all = append(all, row)
	}
	return all
}

// open reads a living record of one of the forms, which the reader sees by itself.
func (v *visit) open(view *access.View, asked string, forms ...string) (*filed, error) {
	id, err := syncproto.ParseID(asked)
	if err != nil {
		return nil, store.ErrNotFound
	}
	row, err := view.Record(syncproto.RecordID(id))
	if err != nil {
		return nil, err
	}
	f, ok := v.filedOf(view, row.State)
	if !ok || !slices.Contains(forms, f.form.Name) {
		return nil, store.ErrNotFound
	}
	return f, nil
}

// filedOf is a record that was read through the door; false for one that is gone or
// whose place the reader sees in sums alone.
func (v *visit) filedOf(view *access.View, s *syncproto.RecordState) (*filed, bool) {
	form, known := v.forms.Form(schemas.FormID(s.Form))
	if !known || s.Erased || !merge.Alive(s) {
		return nil, false
	}
	scope, err := view.Scope(s.Home)
	if err != nil || !view.Single(scope.Place) {
		return nil, false
	}
	place, _ := view.PlaceOf(scope.Place)
	return &filed{form, merge.Content(form, s), s, place}, true
}

// mostFiled bounds how many records of a form a page reads.
const mostFiled = 2000

// filedAt are the living records of a form at these places, as far as the reader sees
// them.
func (v *visit) filedAt(view *access.View, form string, places ...store.Place) ([]*filed, error) {
	f, ok := v.forms.FormByName(form)
	if !ok {
		return nil, store.ErrNotFound
	}
	var scopes []syncproto.ScopeID
	for _, p := range places {
		if scope := syncproto.ScopeOf(p.ID, string(f.Compartment)); view.May(scope, access.Read) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		return nil, nil
	}
	rows, err := view.Records(store.Filter{Scopes: scopes, Form: uint32(f.ID), Max: mostFiled})
	if err != nil {
		return nil, err
	}
	var all []*filed
	for _, row := range rows {
		if x, ok := v.filedOf(view, row.State); ok {
			all = append(all, x)
		}
	}
	return all, nil
}

// put writes values into a record by the names of its fields; an empty one is taken
// out.
func put(form *schemas.Form, r *schemas.Record, values map[string]schemas.Value) error {
	for name, value := range values {
		f, ok := form.FieldByName(name)
		if !ok {
			return errors.New("form " + form.Name + " has no field " + name)
		}
		if value.IsEmpty() {
			delete(r.Fields, f.ID)
		} else {
			r.Fields[f.ID] = value
		}
	}
	return nil
}

// rowsOf are new rows of a list.
func rowsOf(form *schemas.Form, list string, rows []map[string]schemas.Value) schemas.Value {
	f, ok := form.FieldByName(list)
	if !ok {
		return schemas.Value{}
	}
	var items []schemas.Item
	for _, row := range rows {
		item := schemas.Item{Fields: map[schemas.FieldID]schemas.Value{}}
		for _, sub := range f.Fields {
			if value := row[sub.Name]; !value.IsEmpty() {
				item.Fields[sub.ID] = value
			}
		}
		items = append(items, item)
	}
	return schemas.ItemsValue(items)
}

// mayWrite reports whether the reader may write a form at a place: whether a page
// offers it.
func mayWrite(view *access.View, form *schemas.Form, place syncproto.PlaceID) bool {
	return view.MayWrite(syncproto.ScopeOf(place, string(form.Compartment)), uint32(form.ID), 0)
}
