package dashboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// mostRefers bounds how many records that name another are changed with it.
const mostRefers = 200

// references are records that name another one.
type references struct {
	all []*filed
	// more says that not all were found, or that some may not be changed.
	more bool
}

// seen is a fingerprint of all of them.
func (x *references) seen() string {
	h := sha256.New()
	for _, f := range x.all {
		seen := hub.VersionOf(f.state)
		h.Write(f.state.Record[:])
		h.Write(seen[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// mayName reports whether a field can name a record of a form.
func mayName(f *schemas.Field, form string) bool {
	switch f.Type {
	case schemas.TypeReference, schemas.TypeReferences:
		return slices.Contains(f.Forms, form)
	case schemas.TypeList:
		return slices.ContainsFunc(f.Fields, func(sub *schemas.Field) bool { return mayName(sub, form) })
	}
	return false
}

// fixedNames are forms whose records name what was decided on then, and go on doing so.
func fixedNames(form string) bool { return form == decisionForm || form == workflow.SnapshotForm }

// referrers are the records at the place of the two, and at what lies in it, that name
// one of those asked for and that the reader may write, by id. The two themselves are none
// of them.
func (v *visit) referrers(view *access.View, x *twins, named ...*filed) (*references, error) {
	places := view.Inside(x.place.ID)
	refs := &references{more: len(places) > mostTwinPlaces}
	places = places[:min(len(places), mostTwinPlaces)]
	names := func(id schemas.ID) bool {
		return slices.ContainsFunc(named, func(f *filed) bool { return f.id() == id })
	}
	for _, form := range v.forms.Forms() {
		if fixedNames(form.Name) || !slices.ContainsFunc(form.Fields(), func(f *schemas.Field) bool { return mayName(f, x.form.Name) }) {
			continue
		}
		var after syncproto.RecordID
		var scopes []syncproto.ScopeID
		for _, p := range places {
			if scope := syncproto.ScopeOf(p.ID, string(form.Compartment)); view.May(scope, access.Read) {
				scopes = append(scopes, scope)
			}
		}
		for len(scopes) > 0 {
			rows, err := view.Records(store.Filter{Scopes: scopes, Form: uint32(form.ID), After: after, Max: mostFiled})
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				after = row.State.Record
				f, ok := v.filedOf(view, row.State)
				if !ok || f.id() == x.two[0].id() || f.id() == x.two[1].id() || !namesAny(form, f.rec, names) {
					continue
				}
				if !view.MayWrite(row.State.Home, row.State.Form, 0) || len(refs.all) == mostRefers {
					refs.more = true
					continue
				}
				refs.all = append(refs.all, f)
			}
			if len(rows) < mostFiled {
				break
			}
		}
	}
	slices.SortFunc(refs.all, func(a, b *filed) int { return bytes.Compare(a.state.Record[:], b.state.Record[:]) })
	return refs, nil
}

func namesAny(form *schemas.Form, r schemas.Record, names func(schemas.ID) bool) bool {
	found := false
	renamed(form.Fields(), r.Fields, func(value schemas.Value) schemas.Value {
		found = found || slices.ContainsFunc(append(slices.Clone(value.Refs()), value.Ref()), names)
		return value
	})
	return found
}

// rename has a record name one record where it named another.
func rename(form *schemas.Form, r *schemas.Record, from, to schemas.ID) {
	r.Fields = renamed(form.Fields(), r.Fields, func(value schemas.Value) schemas.Value {
		if value.Kind() == schemas.KindRef {
			if value.Ref() == from {
				return schemas.RefValue(to)
			}
			return value
		}
		ids := slices.Clone(value.Refs())
		i := slices.Index(ids, from)
		if i < 0 {
			return value
		}
		ids[i] = to
		return schemas.RefsValue(ids...)
	})
}

// renamed are fields with their references as change makes them, those of rows too.
func renamed(fields []*schemas.Field, values map[schemas.FieldID]schemas.Value, change func(schemas.Value) schemas.Value) map[schemas.FieldID]schemas.Value {
	out := map[schemas.FieldID]schemas.Value{}
	for id, value := range values {
		out[id] = value
	}
	for _, f := range fields {
		value, there := out[f.ID]
		if !there {
			continue
		}
		switch value.Kind() {
		case schemas.KindRef, schemas.KindRefs:
			out[f.ID] = change(value)
		case schemas.KindItems:
			rows := slices.Clone(value.Items())
			for i := range rows {
				rows[i].Fields = renamed(f.Fields, rows[i].Fields, change)
			}
			out[f.ID] = schemas.ItemsValue(rows)
		}
	}
	return out
}
