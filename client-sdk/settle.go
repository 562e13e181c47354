package clientsdk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// MaxReason bounds the text of a reason, in characters.
const MaxReason = 500

// cleanReason cleans a reason and bounds it.
func cleanReason(reason string) (string, error) {
	s, err := persian.Clean(reason)
	if err != nil {
		return "", refuse(ErrInvalid, err, "field", "reason")
	}
	if persian.Length(s) > MaxReason {
		return "", refuse(ErrInvalid, fmt.Errorf("reason of %d characters, at most %d", persian.Length(s), MaxReason), "field", "reason")
	}
	return s, nil
}

// Settle decides a conflict, given by its id or path, with one ordinary
// change that names every value seen; offline too. Values that others wrote
// meanwhile stay, and are a conflict again. The reason may be empty. It says
// ErrNoSettle if the person may not decide there, as far as the device knows.
func (c *Client) Settle(ctx context.Context, record syncproto.RecordID, conflict string, choice Choice, reason string) (SaveResult, error) {
	doing := "settle " + conflict
	h, err := c.held(ctx, record)
	if err != nil {
		return SaveResult{}, told(doing, err)
	}
	if _, k := c.known(); !k.granted(h.State.Home, RightWrite|RightSettle) {
		return SaveResult{}, told(doing, refuse(ErrNoSettle, nil))
	}
	form, ok := c.forms.Form(schemas.FormID(h.State.Form))
	if !ok {
		return SaveResult{}, told(doing, refuse(ErrUnknownForm, nil, "form", fmt.Sprint(h.State.Form)))
	}
	all := c.conflictsOf(form, h.State)
	i := slices.IndexFunc(all, func(x Conflict) bool { return x.ID == conflict || x.Path == conflict })
	if i < 0 {
		return SaveResult{}, told(doing, refuse(ErrNotFound, nil))
	}
	k, err := all[i].pick(choice)
	if err != nil {
		return SaveResult{}, told(doing, err)
	}
	if reason, err = cleanReason(reason); err != nil {
		return SaveResult{}, told(doing, err)
	}
	var id syncproto.ChangeID
	if all[i].cell == merge.PresenceCell {
		id, err = c.act(ctx, h.State, syncproto.VerbSettle, reason, presence(k.Alive, true))
	} else {
		id, err = c.settleField(ctx, form, h.State, &all[i], k, reason)
	}
	if err != nil {
		return SaveResult{}, told(doing, err)
	}
	return SaveResult{Record: record, Saved: true, Change: id}, nil
}

func (c *Client) settleField(ctx context.Context, form *schemas.Form, s *syncproto.RecordState, x *Conflict, k Candidate, reason string) (syncproto.ChangeID, error) {
	none := syncproto.ChangeID{}
	if x.Field != nil {
		for _, p := range schemas.CheckValue(x.Field, c.forms, k.Value, int32(c.Today())) {
			if p.Level == schemas.LevelError {
				return none, refuse(ErrInvalid, &schemas.FieldError{Path: x.Path, Message: p.Message}, "field", x.Path)
			}
		}
	}
	d := &Draft{record: s.Record, form: form, scope: s.Home, place: c.placeOf(s.Home), opened: s}
	if err := c.ready(ctx, d); err != nil {
		return none, err
	}
	if err := d.decide(x, k); err != nil {
		return none, err
	}
	if err := d.keepsConsent(ctx, x.Field); err != nil {
		return none, err
	}
	ids, err := c.commit(ctx, []saving{{d: d, after: d.now, verb: syncproto.VerbSettle,
		settled: map[syncproto.CellKey]bool{x.cell: true}, reason: reason}})
	if err != nil {
		return none, err
	}
	if ids[0].IsZero() {
		return none, refuse(ErrNotSettled, errors.New("nothing is left to settle"))
	}
	return ids[0], nil
}

// keepsConsent refuses a value that would leave what is sensitive of a person in the
// record without their consent: a settlement is no way around what a form refuses.
func (d *Draft) keepsConsent(ctx context.Context, f *schemas.Field) error {
	if f == nil || f.ID != d.form.Consent && f.Sensitivity < schemas.S3 {
		return nil
	}
	problems := append(schemas.Validate(d.form, d.c.forms, d.now, d.env()), d.c.named(ctx, d.form, d.record, d.now)...)
	for _, p := range problems {
		if p.Rule == schemas.RuleConsent && p.Level == schemas.LevelError {
			return refuse(ErrInvalid, &schemas.FieldError{Path: f.Name, Message: p.Message}, "field", f.Name)
		}
	}
	return nil
}

// decide puts the chosen value where the conflict is.
func (d *Draft) decide(x *Conflict, k Candidate) error {
	if x.cell.Item == (syncproto.ItemID{}) {
		d.replace(schemas.FieldID(x.cell.Field), k.Value)
		return nil
	}
	list := schemas.FieldID(x.cell.Field)
	rows := slices.Clone(d.now.Fields[list].Items())
	i := slices.IndexFunc(rows, func(row schemas.Item) bool { return row.ID == schemas.ID(x.cell.Item) })
	if i < 0 {
		return refuse(ErrNotFound, errors.New("the row is not shown"))
	}
	switch {
	case x.Presence && k.Alive: // it stays as it is, and is said to be there
	case x.Presence:
		rows = slices.Delete(rows, i, i+1)
	default:
		fields := schemas.Record{Fields: rows[i].Fields}.Clone().Fields
		if fields[schemas.FieldID(x.cell.Sub)] = k.Value; k.Value.IsEmpty() {
			delete(fields, schemas.FieldID(x.cell.Sub))
		}
		rows[i].Fields = fields
	}
	d.replace(list, schemas.ItemsValue(rows))
	return nil
}

func (d *Draft) replace(id schemas.FieldID, v schemas.Value) {
	if v.IsEmpty() {
		delete(d.now.Fields, id)
		return
	}
	d.now.Fields[id] = v
}

// presence makes the operation that says whether a record is there; all names
// every candidate seen, as a deletion, restoration or settlement does.
func presence(alive, all bool) func(*syncproto.RecordState, syncproto.PersonID) []syncproto.Op {
	return func(s *syncproto.RecordState, author syncproto.PersonID) []syncproto.Op {
		return []syncproto.Op{merge.Presence(s, author, alive, all)}
	}
}

// Delete takes a record away; it can be restored. What somebody else writes
// into it meanwhile, without knowing, leaves it visible and contested.
func (c *Client) Delete(ctx context.Context, id syncproto.RecordID, reason string) (syncproto.ChangeID, error) {
	return c.actOn(ctx, "delete record", id, syncproto.VerbDelete, reason, false, presence(false, true))
}

// Restore brings a deleted record back; of one that stands it makes no change.
func (c *Client) Restore(ctx context.Context, id syncproto.RecordID, reason string) (syncproto.ChangeID, error) {
	return c.actOn(ctx, "restore record", id, syncproto.VerbRestore, reason, true, presence(true, true))
}

// Transition steps the state of a field to another one. If the state was
// changed by somebody else meanwhile, the step is set aside and History says so.
// What a rule of the programme forbids is ErrStepRefused, with a *StepError; of
// what only warns, MayStep tells.
func (c *Client) Transition(ctx context.Context, id syncproto.RecordID, field, to, reason string) (syncproto.ChangeID, error) {
	doing := "set " + field
	h, form, err := c.open(ctx, id)
	if err != nil {
		return syncproto.ChangeID{}, told(doing, err)
	}
	f, ok := form.FieldByName(field)
	if !ok || f.Type != schemas.TypeState {
		return syncproto.ChangeID{}, told(doing, refuse(ErrUnknownField, nil, "field", field))
	}
	v, err := c.stateOf(form, f, to)
	if err != nil {
		return syncproto.ChangeID{}, told(doing, err)
	}
	if of, ok := snapshotFieldsOf(form); ok && of.state == f && v.Code() == frozenState {
		if reason, err = cleanReason(reason); err != nil {
			return syncproto.ChangeID{}, told(doing, err)
		}
		return c.tellAct(doing)(c.approve(ctx, form, h.State, v, reason))
	}
	if err := refusal(c.judgeStep(ctx, form, f, h.State, v)); err != nil {
		return syncproto.ChangeID{}, told(doing, err)
	}
	return c.tellAct(doing)(c.actChecked(ctx, h.State, syncproto.VerbTransition, reason,
		func(s *syncproto.RecordState, author syncproto.PersonID) []syncproto.Op {
			return []syncproto.Op{merge.TransitionOp(s, f.ID, v.Code()), merge.Presence(s, author, true, false)}
		}))
}

// Move gives a record another home: the same compartment of another place. It
// says ErrNoGrant if the person may not record there.
func (c *Client) Move(ctx context.Context, id syncproto.RecordID, place syncproto.PlaceID, reason string) (syncproto.ChangeID, error) {
	const doing = "move record"
	h, form, err := c.open(ctx, id)
	if err != nil {
		return syncproto.ChangeID{}, told(doing, err)
	}
	to := syncproto.ScopeOf(place, string(form.Compartment))
	if _, k := c.known(); !k.mayWrite(place, form) {
		return syncproto.ChangeID{}, told(doing, refuse(ErrNoGrant, nil, "form", form.Name))
	}
	return c.tellAct(doing)(c.actChecked(ctx, h.State, syncproto.VerbMove, reason,
		func(s *syncproto.RecordState, author syncproto.PersonID) []syncproto.Op {
			return []syncproto.Op{merge.MoveOp(s, to), merge.Presence(s, author, true, false)}
		}))
}

type opsOf = func(*syncproto.RecordState, syncproto.PersonID) []syncproto.Op

// actOn is an act on a whole record; deleted says in which state it must be.
func (c *Client) actOn(ctx context.Context, doing string, id syncproto.RecordID, verb syncproto.Verb, reason string, deleted bool, ops opsOf) (syncproto.ChangeID, error) {
	h, err := c.held(ctx, id)
	switch {
	case err != nil:
	case h.State.Erased:
		err = refuse(ErrErased, nil)
	case !h.State.Exists():
		err = refuse(ErrNotFound, nil)
	case merge.Alive(h.State) == deleted && !merge.Look(h.State, merge.PresenceCell).Contested:
		if err = refuse(ErrDeleted, nil); deleted {
			return syncproto.ChangeID{}, nil // it is there already
		}
	}
	if err != nil {
		return syncproto.ChangeID{}, told(doing, err)
	}
	return c.tellAct(doing)(c.actChecked(ctx, h.State, verb, reason, ops))
}

func (c *Client) tellAct(doing string) func(syncproto.ChangeID, error) (syncproto.ChangeID, error) {
	return func(id syncproto.ChangeID, err error) (syncproto.ChangeID, error) { return id, told(doing, err) }
}

func (c *Client) actChecked(ctx context.Context, s *syncproto.RecordState, verb syncproto.Verb, reason string, ops opsOf) (syncproto.ChangeID, error) {
	reason, err := cleanReason(reason)
	if err != nil {
		return syncproto.ChangeID{}, err
	}
	return c.act(ctx, s, verb, reason, ops)
}

// act writes one change of operations on a record as it stands on the screen.
func (c *Client) act(ctx context.Context, s *syncproto.RecordState, verb syncproto.Verb, reason string, ops opsOf) (syncproto.ChangeID, error) {
	h := c.headerOf(s, verb)
	id, k := c.known()
	all := ops(ownNames(s, id.Person, k.alias), h.Author)
	if reason != "" {
		all = append(all, syncproto.ReasonOp(reason))
	}
	made, err := c.append(ctx, func(localstore.At) (localstore.Saving, error) {
		return localstore.Saving{Changes: []localstore.NewChange{{Header: h, Ops: all}}}, nil
	})
	if err != nil {
		return syncproto.ChangeID{}, err
	}
	return made[0].ID, nil
}
