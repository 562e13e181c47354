package dashboard

import (
	"slices"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// rift is one field of a record with several values, as pages work on it.
type rift struct {
	merge.Conflict
	id     string
	state  *syncproto.RecordState
	form   *schemas.Form
	field  *schemas.Field // nil where it is about presence
	place  store.Place
	scope  access.ScopeGrant
	values []rivalValue // the one shown first
	// since is when the server held two of them, due when it should be settled.
	since, due int64
	// may says that the reader settles here.
	may    bool
	holder syncproto.PersonID
}

// rivalValue is one of the distinct values, with the versions that say so.
type rivalValue struct {
	value syncproto.Value
	by    []syncproto.ChangeID
}

// presence says that it is about whether record or row is there.
func (x *rift) presence() bool {
	return x.Cell == merge.PresenceCell || x.Cell.Item != (syncproto.ItemID{}) && x.Cell.Sub == syncproto.SubPresence
}

// address is the conflict's own page.
func (x *rift) address() string { return "/conflict/" + x.state.Record.String() + "/" + x.id }

// key names a value by the first of the changes that wrote it.
func (r *rivalValue) key() string { return r.by[0].String() }

// rifts are the conflicts of a record that the reader may see.
func (v *visit) rifts(r store.Reader, view *access.View, s *syncproto.RecordState, days int64, held map[string]holding) ([]rift, error) {
	open := merge.Conflicts(s)
	if len(open) == 0 {
		return nil, nil
	}
	scope, _ := view.In(s.Home)
	place, ok := view.PlaceOf(scope.Place)
	if !ok || s.Erased || !view.Single(scope.Place) {
		return nil, nil
	}
	form, known := v.forms.Form(schemas.FormID(s.Form))
	if !known {
		return nil, nil
	}
	all := make([]rift, 0, len(open))
	for _, c := range open {
		x := rift{Conflict: c, id: wire.ConflictID(s.Record, c.Cell), state: s, form: form, place: place, scope: scope,
			may: view.MayWrite(s.Home, s.Form, access.Settle)}
		if !x.presence() {
			x.field = aside.Leaf(form, c.Cell)
		}
		x.holder = held[x.id].who
		x.take(c.Value, c.Shown...)
		for _, o := range c.Others {
			x.take(o.Value, o.Version)
		}
		if err := x.age(r, days); err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

func (x *rift) take(value syncproto.Value, versions ...syncproto.ChangeID) {
	i := slices.IndexFunc(x.values, func(r rivalValue) bool { return merge.Equal(r.value, value) })
	if i < 0 {
		i = len(x.values)
		x.values = append(x.values, rivalValue{value: value})
	}
	x.values[i].by = append(x.values[i].by, versions...)
}

// age finds since when two values stand there: the time of receipt of the second.
func (x *rift) age(r store.Reader, days int64) error {
	var first []int64
	for _, rival := range x.values {
		rows, err := r.Changes(syncproto.SortIDs(slices.Clone(rival.by)))
		if err != nil {
			return err
		}
		at := int64(0)
		for _, row := range rows {
			if at == 0 || row.Received < at {
				at = row.Received
			}
		}
		first = append(first, at)
	}
	slices.Sort(first)
	if len(first) > 1 {
		x.since = first[1]
	}
	x.due = x.since + days*24*time.Hour.Milliseconds()
	return nil
}

// labelOf is what a conflict is about, in a person's words.
func (v *visit) labelOf(x *rift) string {
	if x.Cell == merge.PresenceCell {
		return v.say("screen_records.presence", nil)
	}
	f, ok := x.form.Field(schemas.FieldID(x.Cell.Field))
	if !ok {
		return "–"
	}
	label := v.label(f.Label)
	switch {
	case x.presence():
		return label + " › " + v.say("decide.row", nil)
	case x.field != nil && x.field != f:
		return label + " › " + v.label(x.field.Label)
	}
	return label
}

// valueText is what a value of a conflict says.
func (v *visit) valueText(t *formview.Teller, x *rift, value syncproto.Value) string {
	if x.presence() {
		if there, _ := value.AsBool(); there {
			return v.say("screen_records.there", nil)
		}
		return v.say("screen_records.gone", nil)
	}
	if text := t.Shown(x.field, merge.FromWire(value)); text != "" {
		return text
	}
	return v.say("screen_records.empty", nil)
}
