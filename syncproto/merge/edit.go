package merge

import (
	"slices"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// Edit is what an author did to a form on the screen.
type Edit struct {
	Form *schemas.Form
	// Opened is the record's state when the form was opened, what stood on the
	// screen; a fresh state for a new record.
	Opened *syncproto.RecordState
	// Before and After are the content when the form was opened and when it was
	// saved. Rows of After with a zero id are new.
	Before, After schemas.Record
	Author        syncproto.PersonID
	// NewItem gives the id for the n-th new row or attachment, from 0.
	NewItem func(n int) syncproto.ItemID
	// Settled are the cells that the author decided: all their candidates are
	// named.
	Settled map[syncproto.CellKey]bool

	ops  []syncproto.Op
	made int
}

// Ops returns the operations of the edit: only what the author changed, each
// naming the versions whose values stood on the screen. It returns nil if
// nothing was changed.
func (e *Edit) Ops() []syncproto.Op {
	e.ops, e.made = nil, 0
	for _, f := range e.Form.Fields() {
		e.field(f, syncproto.ItemID{}, e.Before.Fields[f.ID], e.After.Fields[f.ID])
	}
	if len(e.ops) == 0 && e.Opened.Exists() {
		return nil
	}
	e.ops = append(e.ops, Presence(e.Opened, e.Author, true, false))
	return e.ops
}

// Presence returns the operation that says that a record is there or not. An
// ordinary edit (all false) names what says so already, and its author's own;
// a deletion, restoration or settlement names all.
func Presence(s *syncproto.RecordState, author syncproto.PersonID, alive, all bool) syncproto.Op {
	op := syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: syncproto.FieldPresence, Value: syncproto.Bool(alive)}
	for _, c := range s.Candidates(PresenceCell) {
		if all || c.Value == op.Value || s.Versions[c.Version].Author == author && !isDeletion(c) {
			op.Names = append(op.Names, c.Version)
		}
	}
	return op
}

func isDeletion(c syncproto.Candidate) bool {
	alive, is := c.Value.AsBool()
	return is && !alive
}

// names returns the versions that an operation on the cell replaces: the shown
// value's, its equals' and the author's own; all of them if it settles.
func (e *Edit) names(k syncproto.CellKey) []syncproto.ChangeID {
	cands := e.Opened.Candidates(k)
	if e.Settled[k] && planted.Bug("settlement names one of several equal losers") {
		view := Look(e.Opened, k)
		ids := slices.Clone(view.Shown)
		for i, c := range view.Others {
			if !slices.ContainsFunc(view.Others[:i], func(o syncproto.Candidate) bool { return Equal(o.Value, c.Value) }) {
				ids = append(ids, c.Version)
			}
		}
		return syncproto.SortIDs(ids)
	}
	if e.Settled[k] {
		return versionsOf(cands)
	}
	ids := slices.Clone(Look(e.Opened, k).Shown)
	for _, c := range cands {
		if e.Opened.Versions[c.Version].Author == e.Author {
			ids = append(ids, c.Version)
		}
	}
	return syncproto.SortIDs(ids)
}

func (e *Edit) add(kind syncproto.OpKind, k syncproto.CellKey, names []syncproto.ChangeID, v syncproto.Value) {
	e.ops = append(e.ops, syncproto.Op{Kind: kind, Critical: true, Field: k.Field, Item: k.Item, Sub: k.Sub, Names: names, Value: v})
}

func (e *Edit) field(f *schemas.Field, item syncproto.ItemID, before, after schemas.Value) {
	k := fieldCell(f, item)
	switch f.Type {
	case schemas.TypeComputed:
	case schemas.TypeState:
		switch {
		case after.IsEmpty() || before.Equal(after):
		case !before.IsEmpty():
			e.ops = append(e.ops, TransitionOp(e.Opened, f.ID, after.Code()))
		case len(e.Opened.Candidates(k)) == 0:
			e.add(syncproto.OpTransition, k, nil, syncproto.Transition("", after.Code()))
		}
	case schemas.TypeCodes:
		e.set(k, before.Codes(), after.Codes(), syncproto.Code)
	case schemas.TypeReferences:
		e.setRefs(k, before.Refs(), after.Refs())
	case schemas.TypeCounter:
		if d := after.Int() - before.Int(); d != 0 {
			e.add(syncproto.OpIncrement, k, nil, syncproto.Increment(d))
		}
	case schemas.TypeList:
		e.list(f, before.Items(), after.Items())
	case schemas.TypeAttachment:
		e.files(f, before.Attachments(), after.Attachments())
	case schemas.TypeLongText:
		if !before.Equal(after) || e.Settled[k] {
			if after.IsEmpty() {
				e.add(syncproto.OpText, k, e.names(k), syncproto.None())
			} else {
				e.add(syncproto.OpText, k, e.names(k), syncproto.LongText(after.Text(), before.Text()))
			}
		}
	default:
		if !before.Equal(after) || e.Settled[k] {
			if v, ok := toWire(f.Type, after); ok {
				e.add(syncproto.OpSet, k, e.names(k), v)
			}
		}
	}
}

func (e *Edit) set(k syncproto.CellKey, before, after []string, make func(string) syncproto.Value) {
	for _, x := range before {
		if !slices.Contains(after, x) {
			e.remove(k, make(x))
		}
	}
	for _, x := range after {
		if !slices.Contains(before, x) {
			e.add(syncproto.OpSetAdd, k, nil, make(x))
		}
	}
}

func (e *Edit) setRefs(k syncproto.CellKey, before, after []schemas.ID) {
	for _, x := range before {
		if !slices.Contains(after, x) {
			e.remove(k, syncproto.Ref(x))
		}
	}
	for _, x := range after {
		if !slices.Contains(before, x) {
			e.add(syncproto.OpSetAdd, k, nil, syncproto.Ref(x))
		}
	}
}

func (e *Edit) remove(k syncproto.CellKey, element syncproto.Value) {
	set := k
	set.Element = element
	e.add(syncproto.OpSetRemove, k, versionsOf(e.Opened.Candidates(set)), element)
}

func (e *Edit) newItem() syncproto.ItemID {
	id := e.NewItem(e.made)
	e.made++
	return id
}

func (e *Edit) files(f *schemas.Field, before, after []schemas.Attachment) {
	id := func(a schemas.Attachment) syncproto.ItemID { return a.ID }
	for _, a := range before {
		if !slices.ContainsFunc(after, func(b schemas.Attachment) bool { return id(a) == id(b) }) {
			k := syncproto.CellKey{Field: uint32(f.ID), Item: a.ID, Sub: syncproto.SubFile}
			e.add(syncproto.OpAttachRemove, k, versionsOf(e.Opened.Candidates(k)), syncproto.None())
		}
	}
	for _, a := range after {
		if a.ID != (schemas.ID{}) && slices.ContainsFunc(before, func(b schemas.Attachment) bool { return id(a) == id(b) }) {
			continue
		}
		item := syncproto.ItemID(a.ID)
		if item == (syncproto.ItemID{}) {
			item = e.newItem()
		}
		k := syncproto.CellKey{Field: uint32(f.ID), Item: item, Sub: syncproto.SubFile}
		e.add(syncproto.OpAttachAdd, k, nil, syncproto.Attachment(a.Size, a.MediaType, a.Root))
	}
}

func (e *Edit) list(f *schemas.Field, before, after []schemas.Item) {
	was := map[syncproto.ItemID]schemas.Item{}
	for _, row := range before {
		was[row.ID] = row
	}
	stays := map[syncproto.ItemID]bool{}
	for _, row := range after {
		stays[row.ID] = true
	}
	for _, row := range before {
		if !stays[row.ID] {
			k := syncproto.CellKey{Field: uint32(f.ID), Item: row.ID, Sub: syncproto.SubPresence}
			e.add(syncproto.OpItemRemove, k, versionsOf(e.Opened.Candidates(k)), syncproto.None())
		}
	}
	keys := e.places(f, was, after)
	for i, row := range after {
		old, known := was[row.ID]
		id := syncproto.ItemID(row.ID)
		if id == (syncproto.ItemID{}) {
			id = e.newItem()
		}
		start := len(e.ops)
		if keys[i] != "" {
			k := syncproto.CellKey{Field: uint32(f.ID), Item: id, Sub: syncproto.SubPlace}
			e.add(syncproto.OpItemPlace, k, e.names(k), syncproto.Place(keys[i]))
		}
		placed := len(e.ops)
		for _, sub := range f.Fields {
			e.field(sub, id, old.Fields[sub.ID], row.Fields[sub.ID])
		}
		// A row that is only moved is not revived.
		if !known || len(e.ops) > placed || e.settles(f, id) {
			k := syncproto.CellKey{Field: uint32(f.ID), Item: id, Sub: syncproto.SubPresence}
			e.ops = slices.Insert(e.ops, start, syncproto.Op{Kind: syncproto.OpItemPut, Critical: true,
				Field: k.Field, Item: id, Sub: k.Sub, Names: e.alive(k), Value: syncproto.None()})
		}
	}
}

func (e *Edit) settles(f *schemas.Field, id syncproto.ItemID) bool {
	return e.Settled[syncproto.CellKey{Field: uint32(f.ID), Item: id, Sub: syncproto.SubPresence}]
}

// alive returns what says already that the row is there; all of it, the
// removals too, if the author settles whether it is.
func (e *Edit) alive(k syncproto.CellKey) []syncproto.ChangeID {
	var ids []syncproto.ChangeID
	for _, c := range e.Opened.Candidates(k) {
		if e.Settled[k] || !isDeletion(c) {
			ids = append(ids, c.Version)
		}
	}
	return ids
}

// places returns an order key for each row that needs a new one, "" for those
// that keep theirs: the longest run of rows that stayed in order is left alone.
func (e *Edit) places(f *schemas.Field, was map[syncproto.ItemID]schemas.Item, after []schemas.Item) []string {
	have := make([]string, len(after))
	for i, row := range after {
		if _, known := was[row.ID]; known {
			k := syncproto.CellKey{Field: uint32(f.ID), Item: row.ID, Sub: syncproto.SubPlace}
			have[i], _ = Look(e.Opened, k).Value.AsText()
		}
	}
	keep := ascending(have)
	made := make([]string, len(after))
	last := ""
	for i := range after {
		if keep[i] {
			last = have[i]
			continue
		}
		next := ""
		for j := i + 1; j < len(after); j++ {
			if keep[j] && have[j] > last {
				next = have[j]
				break
			}
		}
		last = between(last, next)
		made[i] = last
	}
	return made
}

// ascending marks a longest strictly ascending run among the keys that are set.
func ascending(keys []string) []bool {
	best := make([]int, len(keys))
	from := make([]int, len(keys))
	end := -1
	for i, k := range keys {
		from[i] = -1
		if k == "" {
			continue
		}
		best[i] = 1
		for j := range i {
			if keys[j] != "" && keys[j] < k && best[j]+1 > best[i] {
				best[i], from[i] = best[j]+1, j
			}
		}
		if end < 0 || best[i] > best[end] {
			end = i
		}
	}
	keep := make([]bool, len(keys))
	for i := end; i >= 0; i = from[i] {
		keep[i] = true
	}
	return keep
}

// TransitionOp returns the operation that steps a state machine: from the state
// that is current in s to another.
func TransitionOp(s *syncproto.RecordState, field schemas.FieldID, to string) syncproto.Op {
	k := syncproto.CellKey{Field: uint32(field)}
	from, _ := Look(s, k).Value.AsText()
	return syncproto.Op{Kind: syncproto.OpTransition, Critical: true, Field: uint32(field),
		Names: versionsOf(s.Candidates(k)), Value: syncproto.Transition(from, to)}
}

// MoveOp returns the operation that gives a record another home.
func MoveOp(s *syncproto.RecordState, to syncproto.ScopeID) syncproto.Op {
	return syncproto.Op{Kind: syncproto.OpMove, Critical: true, Field: syncproto.FieldHome,
		Names: versionsOf(s.Candidates(HomeCell)), Value: syncproto.Scope(to)}
}
