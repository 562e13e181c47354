package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
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
	"mahalleh/syncproto/wire"
)

// choiceNew chooses another value than those that were written.
const choiceNew = "new"

var (
	// errNoChoice: nothing was chosen of the values.
	errNoChoice = errors.New("nothing was chosen")
	// errNoPick: nothing was picked of a list.
	errNoPick = errors.New("nothing was picked")
)

// conflictData is one conflict as a person settles it.
type conflictData struct {
	To, Record, Title, Form, Place, Label string
	Name, Seen                            string // the page's form, and what it shows
	Presence, Late, May                   bool
	Before                                string
	BeforeKnown                           bool
	Rivals                                []rivalData
	New                                   *formview.NewValue
	Age, Due                              string
	Holder                                string
	Holders                               []chosen
	Parts                                 []recordPart
	Most                                  int
	Reason                                string
}

type rivalData struct {
	Key, Value          string
	By                  []saidBy
	Mine, Shown, Chosen bool
}

// saidBy is who wrote a value, when, and on which device.
type saidBy struct {
	Who, Device    string
	When, Received time.Time
	Verified       bool
}

// findRift finds an open conflict that the reader may see. Errors: store.ErrNotFound.
func (v *visit) findRift(r store.Reader, view *access.View, record, id string) (*rift, error) {
	rid, err := syncproto.ParseID(record)
	if err != nil {
		return nil, store.ErrNotFound
	}
	row, err := view.Record(syncproto.RecordID(rid))
	if err != nil {
		return nil, err
	}
	held, err := readHoldings(r)
	if err != nil {
		return nil, err
	}
	all, err := v.rifts(r, view, row.State, 0, held)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].id == id {
			return &all[i], nil
		}
	}
	return nil, store.ErrNotFound
}

func (v *visit) getConflict() error { return v.showConflict(nil) }

// showConflict shows a conflict, with why settling it failed.
func (v *visit) showConflict(failed error) error {
	d := conflictData{Most: maxReason, Reason: v.r.PostForm.Get("reason")}
	var place store.Place
	var since int64
	err := v.read(func(r store.Reader, view *access.View) error {
		x, err := v.findRift(r, view, v.r.PathValue("record"), v.r.PathValue("id"))
		if err != nil {
			return err
		}
		place, since = x.place, x.since
		return v.fillConflict(r, view, x, &d)
	})
	if errors.Is(err, store.ErrNotFound) {
		return v.settledAlready()
	}
	if err != nil {
		return err
	}
	l, err := v.look(fmt.Sprint(place.Number))
	if err != nil {
		return err
	}
	due, now := since+l.settings.Clocks.ConflictDays*24*time.Hour.Milliseconds(), v.now()
	d.Age, d.Late = v.words.Ago(time.Duration(now-since)*time.Millisecond), due < now
	d.Due = v.words.Date(v.tehran.Day(time.UnixMilli(due)))
	if d.Name, err = v.newForm(); err != nil {
		return err
	}
	p := v.page("conflict", v.say("screen_records.conflict_of", texts.Args{"label": d.Label}))
	p.Back, p.Data, p.Live = "/conflicts", d, false
	if failed == nil {
		return v.render(p)
	}
	p.Notices = []formview.Notice{v.explain(failed)}
	return v.renderAs(statusOf(failed), p)
}

// settledAlready leads to the record where a conflict is open no more, if the reader may
// see the record; otherwise nothing is there.
func (v *visit) settledAlready() error {
	id, err := syncproto.ParseID(v.r.PathValue("record"))
	if err != nil {
		return store.ErrNotFound
	}
	err = v.read(func(_ store.Reader, view *access.View) error {
		row, err := view.Record(syncproto.RecordID(id))
		if err != nil {
			return err
		}
		if g, _ := view.In(row.State.Home); row.State.Erased || !view.Single(g.Place) {
			return store.ErrNotFound
		}
		return nil
	})
	if err != nil {
		return err
	}
	return v.done("settled_already", "/record/"+syncproto.RecordID(id).String())
}

func (v *visit) fillConflict(r store.Reader, view *access.View, x *rift, d *conflictData) error {
	t, names := v.teller(view), v.namer(r)
	d.To, d.Record, d.Title, d.Form = x.address(), x.state.Record.String(), v.titleBy(t, x.state), v.label(x.form.Label)
	d.Place, d.Label, d.Presence, d.May = v.placeName(x.place), v.labelOf(x), x.presence(), x.may
	d.Seen, d.Parts = seenOf(x.state, x.Cell), v.parts(view, x.state)
	before, known, err := beforeBoth(r, x)
	if err != nil {
		return err
	}
	if d.BeforeKnown = known; known {
		d.Before = v.valueText(t, x, before)
	}
	choice := v.r.PostForm.Get("choice")
	d.Rivals = nil
	for i := range x.values {
		rival := &x.values[i]
		one := rivalData{Key: rival.key(), Value: v.valueText(t, x, rival.value), Shown: i == 0, Chosen: choice == rival.key()}
		for _, version := range rival.by {
			meta := x.state.Versions[version]
			one.Mine = one.Mine || meta.Author == v.who.ID
			by := saidBy{When: time.UnixMilli(meta.Time), Verified: meta.Verified}
			if by.Who, err = names.person(meta.Author); err != nil {
				return err
			}
			if row, err := r.Change(version); err == nil {
				by.Received = time.UnixMilli(row.Received)
				if by.Device, err = names.device(row.Device); err != nil {
					return err
				}
			}
			one.By = append(one.By, by)
		}
		slices.SortStableFunc(one.By, func(a, b saidBy) int { return a.When.Compare(b.When) })
		d.Rivals = append(d.Rivals, one)
	}
	d.New = v.newValue(t, x, choice == choiceNew)
	if x.holder != (syncproto.PersonID{}) {
		if d.Holder, err = names.person(x.holder); err != nil {
			return err
		}
	}
	d.Holders = nil
	if x.may {
		holders, err := v.access.Holders(r, x.place.ID, x.scope.Compartment, access.Settle)
		if err != nil {
			return err
		}
		for _, p := range holders {
			d.Holders = append(d.Holders, chosen{p.ID.String(), p.Name, p.ID == x.holder})
		}
	}
	return nil
}

// beforeBoth is what stood in the cell before its values were written: what one of them
// replaced, and no value does any more. Known is false where the history does not say.
func beforeBoth(r store.Reader, x *rift) (v syncproto.Value, known bool, err error) {
	for _, rival := range x.values {
		for _, version := range rival.by {
			row, err := r.Change(version)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return v, false, err
			}
			op := opOn(row.Bytes, x.Cell)
			if op == nil {
				continue
			}
			if len(op.Names) == 0 {
				known = true // there was nothing
				continue
			}
			for _, name := range op.Names {
				old, err := r.Change(name)
				if errors.Is(err, store.ErrNotFound) {
					continue
				}
				if err != nil {
					return v, false, err
				}
				if was := opOn(old.Bytes, x.Cell); was != nil {
					return was.Value, true, nil
				}
			}
		}
	}
	return v, known, nil
}

// opOn is the operation of a change that writes a value into a cell, nil if there is
// none.
func opOn(change []byte, k syncproto.CellKey) *syncproto.Op {
	ch, err := wire.DecodeChange(change)
	if err != nil {
		return nil
	}
	for i := range ch.Ops {
		if merge.CellOf(&ch.Ops[i]) == k {
			return &ch.Ops[i]
		}
	}
	return nil
}

// newValue is the control for a third value, nil where the record's own form is the place
// for it.
func (v *visit) newValue(t *formview.Teller, x *rift, isChosen bool) *formview.NewValue {
	if x.field == nil {
		return nil
	}
	var rivals []schemas.Value
	for _, rival := range x.values {
		rivals = append(rivals, merge.FromWire(rival.value))
	}
	return t.NewValue(x.field, v.r.PostForm.Get("value"), isChosen, rivals)
}

// plainTeller writes values without asking for what they refer to.
func (v *visit) plainTeller() *formview.Teller {
	return &formview.Teller{Words: v.words, Lists: v.forms}
}

// explainChoice says why a choice was not taken; false for any other error.
func (v *visit) explainChoice(err error) (formview.Notice, bool) {
	n := formview.Notice{Level: formview.Problem}
	wrong, isField := errors.AsType[*schemas.FieldError](err)
	switch {
	case errors.Is(err, hub.ErrMayNot):
		n.Text, n.Hint = v.say("decide.may_not", nil), v.say("decide.may_not_hint", nil)
	case errors.Is(err, hub.ErrNotReleasable), errors.Is(err, aside.ErrNotSettable):
		n.Text, n.Hint = v.say("decide.not_releasable", nil), v.say("decide.not_releasable_hint", nil)
	case errors.Is(err, errNoChoice):
		n.Text = v.say("screen_records.no_choice", nil)
	case errors.Is(err, errOpen):
		n.Text, n.Hint = v.say("office_likely.open", nil), v.say("office_likely.open_hint", nil)
	case errors.Is(err, errNotBrought):
		n.Text, n.Hint = v.say("office_likely.not_brought", nil), v.say("office_likely.not_brought_hint", nil)
	case errors.Is(err, errNoPick):
		n.Text = v.say("decide.no_pick", nil)
	case isField:
		n.Text = cmp.Or(v.label(wrong.Message), v.say("office.failed.refused", nil))
	default:
		return n, false
	}
	return n, true
}
