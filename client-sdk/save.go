package clientsdk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// SaveResult says what became of a save.
type SaveResult struct {
	Record syncproto.RecordID
	// Saved: the change is on the disk and will be sent. Without it the record
	// stays a draft, under Draft, until its Problems are mended.
	Saved bool
	Draft DraftID
	// Change is the change that was made; zero if nothing was changed.
	Change syncproto.ChangeID
	// Problems are what the form says, warnings and gaps of saved records too.
	Problems     []schemas.Problem
	Completeness schemas.Completeness
	// Cleared are fields whose values were taken out since they are not asked
	// any more.
	Cleared []schemas.FieldID
}

// Save saves the form: one change in one commit, with only what the person
// changed in it. If a ● field is empty, or a value breaks a rule that is an
// error, the record stays a draft instead, stored and never sent; Saved tells.
//
// A step that a rule of the programme forbids is ErrStepRefused with a *StepError;
// what was typed is stored as a draft then. ErrDiskFull leaves the draft as it is, in
// memory: make space and save again.
func (d *Draft) Save(ctx context.Context) (SaveResult, error) {
	all, err := d.c.SaveGroup(ctx, d)
	if err != nil {
		return SaveResult{}, err
	}
	return all[0], nil
}

// SaveGroup saves several forms in one commit, each record as a change of its
// own that the server judges by itself; together they are marked as one group.
// If one of them must stay a draft, all do.
func (c *Client) SaveGroup(ctx context.Context, drafts ...*Draft) ([]SaveResult, error) {
	const doing = "save"
	all := make([]SaveResult, len(drafts))
	forms := make([]saving, len(drafts))
	sendable := true
	for i, d := range drafts {
		if d.over {
			return nil, told(doing, refuse(ErrDraftOver, nil))
		}
		after, cleared := d.settled()
		problems := d.problems(ctx, after)
		a := schemas.Assess(d.form, c.forms, after, d.env())
		all[i] = SaveResult{Record: d.record, Problems: problems, Completeness: a.Completeness, Cleared: cleared}
		forms[i] = saving{d: d, after: after}
		sendable = sendable && schemas.Sendable(problems)
	}
	if !sendable {
		for i, d := range drafts {
			all[i].Draft = d.id
		}
		return all, autosave(ctx, drafts)
	}
	forms, err := c.freeze(ctx, forms)
	if err != nil {
		return nil, told(doing, err)
	}
	if err := c.judgeSteps(ctx, forms, all); err != nil {
		if failed := autosave(ctx, drafts); failed != nil {
			return nil, failed
		}
		return nil, told(doing, err)
	}
	ids, err := c.commit(ctx, forms)
	if err != nil {
		return nil, told(doing, err)
	}
	for i, d := range drafts {
		d.over = true
		all[i].Saved, all[i].Change = true, ids[i]
	}
	return all, nil
}

// autosave stores drafts that are not sent.
func autosave(ctx context.Context, drafts []*Draft) error {
	for _, d := range drafts {
		if err := d.Autosave(ctx); err != nil {
			return err
		}
	}
	return nil
}

// judgeSteps asks the guards of every form that begins or steps, and adds their
// warnings to what is told of it. Forms beyond all are the program's own.
func (c *Client) judgeSteps(ctx context.Context, forms []saving, all []SaveResult) error {
	beside := map[schemas.ID]schemas.Record{}
	for i := range forms {
		beside[schemas.ID(forms[i].d.record)] = forms[i].after
	}
	for i := range forms {
		f := &forms[i]
		s := f.d.opened
		if !s.Exists() {
			s = syncproto.NewRecordState(f.d.record)
		}
		v := c.judge(ctx, f.d.form, s, f.d.home(), f.d.before, f.after, beside)
		if err := refusal(v); err != nil {
			return err
		}
		if i < len(all) {
			all[i].Problems = append(all[i].Problems, warned(f.d.form, v)...)
		}
		if state, stepped := stepOf(f.d.form, f.d.before, f.after); stepped && f.verb == 0 && !f.d.before.Fields[state].IsEmpty() {
			f.verb = syncproto.VerbTransition
		}
	}
	return nil
}

// stepOf returns the state field that a save changes.
func stepOf(form *schemas.Form, before, after schemas.Record) (schemas.FieldID, bool) {
	for _, f := range form.Fields() {
		if f.Type == schemas.TypeState && !after.Fields[f.ID].IsEmpty() && !before.Fields[f.ID].Equal(after.Fields[f.ID]) {
			return f.ID, true
		}
	}
	return 0, false
}

// saving is one form on its way into the log.
type saving struct {
	d       *Draft
	after   schemas.Record
	verb    syncproto.Verb // 0: create or edit
	settled map[syncproto.CellKey]bool
	reason  string
}

// ops returns the operations of the form, with ids for its new list items; nil
// if nothing was changed.
func (s *saving) ops(newItem func(n int) syncproto.ItemID) []syncproto.Op {
	d := s.d
	id, k := d.c.known()
	edit := merge.Edit{Form: d.form, Opened: ownNames(d.opened, id.Person, k.alias), Before: d.before, After: s.after, Author: id.Person,
		NewItem: newItem, Settled: s.settled}
	ops := edit.Ops()
	if len(ops) > 0 && s.reason != "" {
		ops = append(ops, syncproto.ReasonOp(s.reason))
	}
	return ops
}

// anyItem numbers new list items where only their number counts.
func anyItem(n int) syncproto.ItemID { return syncproto.OwnItem(syncproto.LogID{1}, 1, n) }

// ownNames returns the state with what this person wrote before the first
// contact under the person's id, so that an edit knows it for its author's own.
func ownNames(s *syncproto.RecordState, person, alias syncproto.PersonID) *syncproto.RecordState {
	if alias.IsZero() || alias == person {
		return s
	}
	out := *s
	out.Versions = make(map[syncproto.ChangeID]syncproto.VersionMeta, len(s.Versions))
	for v, m := range s.Versions {
		if m.Author == alias {
			m.Author = person
		}
		out.Versions[v] = m
	}
	return &out
}

// commit writes forms that may be sent, and ends their drafts; it returns the
// change of each, zero where nothing was changed.
func (c *Client) commit(ctx context.Context, forms []saving) (ids []syncproto.ChangeID, err error) {
	var group syncproto.GroupID
	if len(forms) > 1 {
		if _, err := io.ReadFull(lockedRand{c}, group[:]); err != nil {
			return nil, fmt.Errorf("read random bytes: %w", err)
		}
	}
	var drafts []DraftID
	changed := make([]bool, len(forms))
	any := false
	for i := range forms {
		if forms[i].d.stored {
			drafts = append(drafts, forms[i].d.id)
		}
		changed[i] = len(forms[i].ops(anyItem)) > 0
		any = any || changed[i]
	}
	ids = make([]syncproto.ChangeID, len(forms))
	if !any {
		for _, id := range drafts {
			if err := c.store.DropDraft(ctx, id); err != nil {
				return nil, err
			}
		}
		return ids, nil
	}
	before := make([][]byte, len(forms))
	for i := range forms {
		if before[i], err = forms[i].before(); err != nil {
			return nil, err
		}
	}
	made, err := c.append(ctx, func(at localstore.At) (localstore.Saving, error) {
		s := localstore.Saving{Drafts: drafts}
		for i := range forms {
			if !changed[i] {
				continue
			}
			f := &forms[i]
			seq := at.Seq + uint64(len(s.Changes))
			newItem := func(n int) syncproto.ItemID { return at.NewItem(seq, n) }
			n := localstore.NewChange{Header: c.header(f, group), Ops: f.ops(newItem), Before: before[i]}
			s.Changes = append(s.Changes, n)
		}
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range forms {
		if changed[i] {
			ids[i], made = made[0].ID, made[1:]
		}
	}
	return ids, nil
}

func (c *Client) header(f *saving, group syncproto.GroupID) syncproto.Header {
	d := f.d
	h := c.headerOf(d.opened, syncproto.VerbEdit)
	h.Record, h.Form, h.Scope, h.Group = d.record, uint32(d.form.ID), d.home(), group
	if !d.opened.Exists() {
		h.Verb = syncproto.VerbCreate
	}
	if f.verb != 0 {
		h.Verb = f.verb
	}
	h.Role = c.roleIn(h.Scope)
	return h
}

// headerOf is the header of a change on a record as it stands on the screen.
func (c *Client) headerOf(s *syncproto.RecordState, verb syncproto.Verb) syncproto.Header {
	id, k := c.known()
	return syncproto.Header{Verb: verb, Record: s.Record, Form: s.Form, Package: c.forms.Version, Scope: s.Home,
		Base: s.Latest, Author: id.Person, Role: c.roleIn(s.Home), Grants: k.serial}
}

func (c *Client) roleIn(scope syncproto.ScopeID) uint8 {
	_, k := c.known()
	return k.grants[scope].Role
}

// append writes changes in one commit. What the merge would set aside as no
// honest client's is refused here, before it is signed for ever.
func (c *Client) append(ctx context.Context, build func(localstore.At) (localstore.Saving, error)) ([]*syncproto.Change, error) {
	var where localstore.At
	var records []syncproto.RecordID
	made, err := c.store.Append(ctx, func(at localstore.At) (localstore.Saving, error) {
		where, records = at, nil
		s, err := build(at)
		if err != nil {
			return s, err
		}
		for i := range s.Changes {
			h := &s.Changes[i].Header
			ch := syncproto.Change{Header: *h, Ops: s.Changes[i].Ops}
			ch.Header.Time, ch.Header.Correction = at.Time, at.Correction
			if reason, cell := merge.Judge(c.forms, &ch); reason != syncproto.ReasonNone {
				return s, refuse(ErrInvalid, fmt.Errorf("change would be set aside: %s, field %d", reasonName(reason), cell.Field), "field", c.fieldName(h.Form, cell))
			}
			records = append(records, h.Record)
		}
		return s, nil
	})
	if errors.Is(err, wire.ErrTooLarge) || errors.Is(err, localstore.ErrTooLarge) {
		return nil, refuse(ErrTooLarge, err)
	}
	if errors.Is(err, localstore.ErrIO) {
		// The disk did not say whether it kept them.
		if made, there := c.found(ctx, where, records); there {
			err = nil
			return made, nil
		}
	}
	c.noteFull(err)
	if err != nil {
		return nil, err
	}
	c.nudge()
	return made, nil
}

// found looks whether the changes that should stand from a place on are there.
func (c *Client) found(ctx context.Context, at localstore.At, records []syncproto.RecordID) ([]*syncproto.Change, bool) {
	var made []*syncproto.Change
	for i, record := range records {
		own, err := c.store.History(ctx, record)
		if err != nil {
			return nil, false
		}
		for _, o := range own {
			if o.Log == at.Log && o.Seq == at.Seq+uint64(i) && o.Change != nil {
				made = append(made, o.Change)
			}
		}
	}
	return made, len(records) > 0 && len(made) == len(records)
}

// nudge tells a running Watch that there is something to send.
func (c *Client) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
