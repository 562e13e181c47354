package dashboard

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

type recordData struct {
	Form, Place string
	Deleted     bool
	Parts       []recordPart
	// History is what was changed, the newest first.
	History []changeRow
	More    int
}

// changeRow is one change of a record: who, when, on which device, and what.
type changeRow struct {
	Who, Device, Verb, Outcome string
	When                       time.Time
	Values                     []changedValue
	Reason                     string
	Erased                     bool
}

type changedValue struct{ Field, Value string }

// mostHistory bounds how many changes a page shows, newest first.
const mostHistory = 200

// The families of what happened to a record.
const (
	verbFamily    texts.Family = "office.verb"
	outcomeFamily texts.Family = "office.outcome"
	// ownFamily are the names of the server's own devices.
	ownFamily texts.Family = "office.own"
)

// getRecord is a record as it stands, and every change of it.
func (v *visit) getRecord() error {
	id, err := syncproto.ParseID(v.r.PathValue("id"))
	if err != nil {
		return store.ErrNotFound
	}
	var d recordData
	var title string
	var number uint32
	err = v.read(func(r store.Reader, view *access.View) error {
		d = recordData{}
		row, err := view.Record(syncproto.RecordID(id))
		if err != nil {
			return err
		}
		s := row.State
		scope, err := view.Scope(s.Home)
		if err != nil {
			return err
		}
		// A role that sees sums alone sees no record of a neighbourhood either.
		if s.Erased || !view.Single(scope.Place) {
			return store.ErrNotFound
		}
		if place, ok := view.PlaceOf(scope.Place); ok {
			d.Place, number = v.placeName(place), place.Number
		}
		title = v.title(view, s)
		if f, ok := v.forms.Form(schemas.FormID(s.Form)); ok {
			d.Form = v.label(f.Label)
		}
		d.Deleted, d.Parts = !merge.Alive(s), v.parts(view, s)
		return v.history(r, view, s, &d)
	})
	if err != nil {
		return err
	}
	p := v.page("record", title)
	p.Back, p.Data, p.Live = fmt.Sprintf("/neighbourhood/%d", number), d, false
	return v.render(p)
}

func (v *visit) history(r store.Reader, view *access.View, s *syncproto.RecordState, d *recordData) error {
	rows, err := view.History(s.Record)
	if err != nil {
		return err
	}
	// Of what was set aside its supervisors alone decide, and read.
	rows = slices.DeleteFunc(rows, func(c store.Change) bool {
		landed := c.Result.Outcome == syncproto.Applied || c.Result.Outcome == syncproto.Merged || c.Result.Outcome == syncproto.Conflicted
		return !landed
	})
	slices.Reverse(rows)
	d.More = max(0, len(rows)-mostHistory)
	names := v.namer(r)
	t := v.teller(view)
	form, _ := v.forms.Form(schemas.FormID(s.Form))
	for i := range rows[:min(len(rows), mostHistory)] {
		c := &rows[i]
		x := changeRow{When: time.UnixMilli(c.Received), Outcome: v.words.Catalogue().Member(outcomeFamily, c.Result.Outcome.String(), nil)}
		if x.Who, err = names.person(c.Author); err != nil {
			return err
		}
		if x.Device, err = names.device(c.Device); err != nil {
			return err
		}
		ch, err := wire.DecodeChange(c.Bytes)
		switch {
		case err != nil || ch.Redacted():
			x.Erased = true
		default:
			x.Verb, x.When = v.words.Catalogue().Member(verbFamily, ch.Header.Verb.String(), nil), time.UnixMilli(ch.Header.AuthorTime())
			x.Reason = syncproto.ReasonOf(ch.Ops)
			for k := range ch.Ops {
				if value, ok := v.changed(t, form, &ch.Ops[k]); ok {
					x.Values = append(x.Values, value)
				}
			}
		}
		d.History = append(d.History, x)
	}
	return nil
}

// changed is what an operation says; false for what says nothing to a person.
func (v *visit) changed(t *formview.Teller, form *schemas.Form, op *syncproto.Op) (changedValue, bool) {
	if form == nil || op.Field < syncproto.FirstFormField {
		return changedValue{}, false
	}
	f, ok := form.Field(schemas.FieldID(op.Field))
	if !ok {
		return changedValue{}, false
	}
	label, leaf := v.label(f.Label), f
	if op.Item != (syncproto.ItemID{}) && op.Sub >= syncproto.FirstFormField {
		sub, ok := form.Field(schemas.FieldID(op.Sub))
		if !ok {
			return changedValue{}, false
		}
		label, leaf = label+" › "+v.label(sub.Label), sub
	}
	value := op.Value
	if _, to, is := value.AsTransition(); is {
		return changedValue{label, t.Code(leaf.List, to)}, true
	}
	text := t.Shown(leaf, merge.FromWire(value))
	switch op.Kind {
	case syncproto.OpItemPlace:
		return changedValue{}, false
	case syncproto.OpItemPut:
		text = v.say("office.record.row_there", nil)
	case syncproto.OpItemRemove:
		text = v.say("office.record.row_gone", nil)
	case syncproto.OpSetRemove:
		text = v.say("office.record.taken_out", texts.Args{"value": text})
	}
	if text == "" {
		text = v.say("office.record.emptied", nil)
	}
	if code, ok := value.AsText(); ok && leaf.List != "" {
		text = t.Code(leaf.List, code)
		if op.Kind == syncproto.OpSetRemove {
			text = v.say("office.record.taken_out", texts.Args{"value": text})
		}
	}
	return changedValue{label, text}, true
}

// namer says what people and devices are called, each read once.
type namer struct {
	v       *visit
	r       store.Reader
	people  map[syncproto.PersonID]string
	devices map[syncproto.DeviceID]string
}

func (v *visit) namer(r store.Reader) *namer {
	return &namer{v, r, map[syncproto.PersonID]string{}, map[syncproto.DeviceID]string{}}
}

func (n *namer) person(id syncproto.PersonID) (string, error) {
	if name, ok := n.people[id]; ok {
		return name, nil
	}
	who, err := access.Resolve(n.r, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	name := who.Name
	if name == "" {
		name = n.v.say("office.record.unknown", nil)
	}
	n.people[id] = name
	return name, nil
}

func (n *namer) device(id syncproto.DeviceID) (string, error) {
	if name, ok := n.devices[id]; ok {
		return name, nil
	}
	d, err := n.r.Device(id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	name := d.Name
	if d.Person.IsZero() && name != "" {
		name = n.v.words.Catalogue().Member(ownFamily, name, nil)
	}
	if name == "" {
		name = id.String()[:8]
	}
	n.devices[id] = name
	return name, nil
}
