package clientsdk

import (
	"cmp"
	"context"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// Entry is one change in the history of a record.
type Entry struct {
	Made
	// Own: this device wrote it and keeps it, so everything below is known. Of
	// others' changes only the values are known that still stand.
	Own  bool
	Verb syncproto.Verb
	// Reason is why, as its author wrote for a settlement or a deletion.
	Reason string
	Sync   SyncState
	// Verdict is what the server said, nil while it said nothing.
	Verdict *Verdict
	Fields  []FieldChange
}

// FieldChange is what a change did to one field.
type FieldChange struct {
	// Path and Label name the field as in Conflict.
	Path  string
	Label schemas.Text
	Field *schemas.Field // nil for presence and home, and for what the form does not know
	Kind  syncproto.OpKind
	// Value is the value set, the element added or removed, or what was counted.
	Value schemas.Value
	// Was is what stood there before, on the screen of the author; known of what
	// this device wrote and keeps.
	Was      schemas.Value
	WasKnown bool

	cell syncproto.CellKey
}

// History returns what the device knows of how a record came about, oldest
// first by the authors' clocks: its own changes that it keeps, and of others
// what still stands. The whole history is kept by the server.
func (c *Client) History(ctx context.Context, id syncproto.RecordID) ([]Entry, error) {
	const doing = "read history"
	if err := c.mayRead(); err != nil {
		return nil, told(doing, err)
	}
	own, err := c.store.History(ctx, id)
	if err != nil {
		return nil, told(doing, err)
	}
	h, err := c.store.State(ctx, id)
	if err != nil {
		return nil, told(doing, err)
	}
	if !h.State.Exists() && len(own) == 0 {
		return nil, told(doing, refuse(ErrNotFound, nil))
	}
	form, _ := c.forms.Form(formOf(h.State, own))
	before, err := c.beforeOf(ctx, id)
	if err != nil {
		return nil, told(doing, err)
	}
	var all []Entry
	mine := map[syncproto.ChangeID]bool{}
	for i := range own {
		if o := &own[i]; o.Change != nil && !mine[o.Change.ID] {
			mine[o.Change.ID] = true
			if o.Result != nil {
				o.Result = takenSince(h.State, o.Result)
			}
			e := c.ownEntry(form, h.State, o)
			before.tell(o.Change, &e)
			all = append(all, e)
		}
	}
	all = append(all, c.othersEntries(form, h.State, mine)...)
	slices.SortStableFunc(all, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	return all, nil
}

func formOf(s *syncproto.RecordState, own []localstore.OwnChange) schemas.FormID {
	if s.Exists() {
		return schemas.FormID(s.Form)
	}
	for _, o := range own {
		if o.Change != nil {
			return schemas.FormID(o.Change.Header.Form)
		}
	}
	return 0
}

func (c *Client) ownEntry(form *schemas.Form, s *syncproto.RecordState, o *localstore.OwnChange) Entry {
	h := &o.Change.Header
	e := Entry{Made: c.madeOf(o.Change), Own: true, Verb: h.Verb, Sync: o.Sync, Reason: syncproto.ReasonOf(o.Change.Ops)}
	if o.Result != nil {
		v := c.verdict(form, s, o.Result)
		e.Verdict = &v
	}
	for i := range o.Change.Ops {
		op := &o.Change.Ops[i]
		switch {
		case op.Kind == syncproto.OpReason, op.Kind == syncproto.OpItemPlace:
		case op.Field == syncproto.FieldPresence && !aboutPresence(o.Change):
			// Every edit says that the record is there; that is no news.
		default:
			e.Fields = append(e.Fields, fieldChange(form, merge.CellOf(op), op.Kind, op.Value))
		}
	}
	return e
}

// aboutPresence reports whether a change is about the record being there: a
// deletion, its opposite, or a settlement of nothing else.
func aboutPresence(ch *syncproto.Change) bool {
	switch ch.Header.Verb {
	case syncproto.VerbDelete, syncproto.VerbRestore:
		return true
	case syncproto.VerbSettle:
		return !slices.ContainsFunc(ch.Ops, func(op syncproto.Op) bool {
			return op.Kind != syncproto.OpReason && op.Field != syncproto.FieldPresence
		})
	}
	return false
}

func (c *Client) madeOf(ch *syncproto.Change) Made {
	m := merge.MetaOf(&ch.Header)
	return c.madeBy(ch.ID, m)
}

func fieldChange(form *schemas.Form, k syncproto.CellKey, kind syncproto.OpKind, v syncproto.Value) FieldChange {
	f := FieldChange{Path: pathOf(form, k), Label: labelOf(form, k), Kind: kind, Value: merge.FromWire(v), cell: k}
	if k.Field >= syncproto.FirstFormField {
		f.Field, _ = fieldOf(form, k)
	}
	if from, to, ok := v.AsTransition(); ok {
		f.Value, f.Was, f.WasKnown = schemas.CodeValue(to), schemas.CodeValue(from), true
	}
	return f
}

// othersEntries are the versions in a state that this device did not write.
func (c *Client) othersEntries(form *schemas.Form, s *syncproto.RecordState, mine map[syncproto.ChangeID]bool) []Entry {
	byVersion := map[syncproto.ChangeID]*Entry{}
	for _, k := range s.Keys() {
		for _, cand := range s.Candidates(k) {
			if mine[cand.Version] {
				continue
			}
			e := byVersion[cand.Version]
			if e == nil {
				e = &Entry{Made: c.made(s, cand.Version), Verb: s.Versions[cand.Version].Verb}
				byVersion[cand.Version] = e
			}
			if k.Field < syncproto.FirstFormField || k.Item != (syncproto.ItemID{}) && k.Sub == syncproto.SubPlace {
				continue
			}
			kind, v := syncproto.OpSet, cand.Value
			if k.Element != (syncproto.Value{}) {
				kind, v = syncproto.OpSetAdd, k.Element
			}
			e.Fields = append(e.Fields, fieldChange(form, k, kind, v))
		}
	}
	var all []Entry
	for _, e := range byVersion {
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Or(a.Time.Compare(b.Time), slices.Compare(a.Change[:], b.Change[:])) })
	return all
}

// Preview is what the server would make of a record's changes that it is not
// known to have taken, by the same decision that the server calls, as far as
// this device knows what the server holds.
type Preview struct {
	Verdicts []Verdict
	// Values and Conflicts are how the record would stand.
	Values    schemas.Record
	Conflicts []Conflict
}

// Preview says what the merge will do with the record's pending changes.
func (c *Client) Preview(ctx context.Context, id syncproto.RecordID) (Preview, error) {
	const doing = "preview the merge"
	if err := c.mayRead(); err != nil {
		return Preview{}, told(doing, err)
	}
	own, err := c.store.History(ctx, id)
	if err != nil {
		return Preview{}, told(doing, err)
	}
	s, err := c.store.ServerState(ctx, id)
	if isNotFound(err) {
		s, err = syncproto.NewRecordState(id), nil
	}
	if err != nil {
		return Preview{}, told(doing, err)
	}
	past := ownPast{}
	for i := range own {
		if ch := own[i].Change; ch != nil {
			past[ch.ID] = &own[i]
		}
	}
	var p Preview
	form, _ := c.forms.Form(formOf(s, own))
	done := map[syncproto.ChangeID]bool{}
	for i := range own {
		o := &own[i]
		if o.Change == nil || done[o.Change.ID] || o.Sync != localstore.SyncPending && o.Sync != localstore.SyncReceived {
			continue
		}
		done[o.Change.ID] = true
		res := syncproto.Result{Change: o.Change.ID}
		if res.Reason, _ = merge.Judge(c.forms, o.Change); res.Reason != syncproto.ReasonNone {
			res.Outcome = syncproto.Quarantined
		} else if res, err = merge.Apply(s, o.Change, past); err != nil {
			return Preview{}, told(doing, err)
		} else {
			past[o.Change.ID] = nil // applied
		}
		p.Verdicts = append(p.Verdicts, c.verdict(form, s, &res))
	}
	if form != nil {
		p.Values = merge.Content(form, s)
	}
	p.Conflicts = c.conflictsOf(form, s)
	return p, nil
}

// ownPast tells the merge of own changes: nil ones are applied.
type ownPast map[syncproto.ChangeID]*localstore.OwnChange

// Standing implements merge.History.
func (p ownPast) Standing(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	o, known := p[id]
	switch {
	case !known:
		return merge.Unknown, nil, nil
	case o == nil:
		return merge.Applied, nil, nil
	}
	switch o.Sync {
	case localstore.SyncPending, localstore.SyncReceived:
		return merge.Unknown, nil, nil
	case localstore.SyncParked, localstore.SyncQuarantined:
		return merge.Withheld, o.Change.Ops, nil
	}
	return merge.Applied, nil, nil
}
