package sim

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

func sortRecords(ids []syncproto.RecordID) []syncproto.RecordID {
	slices.SortFunc(ids, func(a, b syncproto.RecordID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// pen composes one saved form.
type pen struct {
	w      *world
	rng    *rand.Rand
	author syncproto.PersonID
	at     localstore.At
	opened *syncproto.RecordState
	record syncproto.RecordID
	scopes []syncproto.ScopeID
	// marker is a text that only this record's content holds.
	marker string
}

// compose makes the change for an act; false if there is nothing to change.
func (p *pen) compose(act string) (ch localstore.NewChange, ok bool) {
	s := p.opened
	number := p.formOf(act)
	form, _ := everyForm().Form(number)
	h := &ch.Header
	*h = syncproto.Header{Verb: syncproto.VerbEdit, Record: p.record, Form: uint32(number), Package: 1, Scope: s.Home, Base: s.Latest, Author: p.author}
	edit := merge.Edit{Form: form, Opened: s, Before: merge.Content(form, s), Author: p.author,
		NewItem: func(n int) syncproto.ItemID { return p.at.NewItem(p.at.Seq, n) }}
	if !s.Exists() && number != formEvery {
		h.Verb, h.Scope = syncproto.VerbCreate, p.first()
		edit.After = p.begun(number)
		ch.Ops = edit.Ops()
		return ch, true
	}
	if !s.Exists() {
		h.Verb, h.Scope = syncproto.VerbCreate, p.scopes[p.rng.IntN(len(p.scopes))]
		edit.After = changeContent(p.rng, edit.Before)
		edit.After.Fields[fieldState] = schemas.CodeValue("red")
		edit.After.Fields[fieldText] = schemas.TextValue(p.marker)
		ch.Ops = edit.Ops()
		if act == "bad" {
			bad := p.badOp()
			ch.Ops = append(slices.DeleteFunc(ch.Ops, func(op syncproto.Op) bool { return op.Field == bad.Field }), bad)
		}
		return ch, true
	}
	alive := func() syncproto.Op { return merge.Presence(s, p.author, true, false) }
	if ops := p.programme(act, edit); ops != nil {
		h.Verb, ch.Ops = syncproto.VerbTransition, ops
		if number == formCommittee {
			h.Verb = syncproto.VerbEdit
		}
		return ch, true
	}
	switch act {
	case "delete":
		h.Verb = syncproto.VerbDelete
		ch.Ops = []syncproto.Op{merge.Presence(s, p.author, false, true)}
	case "restore":
		h.Verb = syncproto.VerbRestore
		ch.Ops = []syncproto.Op{merge.Presence(s, p.author, true, true)}
	case "move":
		h.Verb = syncproto.VerbMove
		i := slices.IndexFunc(p.scopes, func(id syncproto.ScopeID) bool { return id != s.Home })
		if i < 0 {
			return ch, false
		}
		ch.Ops = []syncproto.Op{merge.MoveOp(s, p.scopes[i]), alive()}
	case "transition":
		h.Verb = syncproto.VerbTransition
		ch.Ops = []syncproto.Op{merge.TransitionOp(s, fieldState, shades[p.rng.IntN(3)]), alive()}
	case "newer form":
		h.Package = 2
		k := syncproto.CellKey{Field: fieldNewer}
		ch.Ops = []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: k.Field, Names: merge.Look(s, k).Shown, Value: syncproto.Text(p.marker)}, alive()}
	case "settle":
		open := merge.Conflicts(s)
		if len(open) == 0 {
			return ch, false
		}
		h.Verb = syncproto.VerbSettle
		c := open[p.rng.IntN(len(open))]
		if _, known := form.Field(schemas.FieldID(c.Cell.Field)); !known || c.Cell.Item != (syncproto.ItemID{}) {
			ch.Ops = settlement(p.rng, s, c, p.author)
			break
		}
		// A field of the form is settled on the form itself.
		v := c.Value
		if p.rng.IntN(2) == 0 {
			v = c.Others[p.rng.IntN(len(c.Others))].Value
		}
		edit.After = edit.Before.Clone()
		edit.After.Fields[schemas.FieldID(c.Cell.Field)] = merge.FromWire(v)
		edit.Settled = map[syncproto.CellKey]bool{c.Cell: true}
		ch.Ops = edit.Ops()
	case "bad":
		ch.Ops = []syncproto.Op{p.badOp(), alive()}
	default:
		if number != formEvery {
			return ch, false
		}
		edit.After = changeContent(p.rng, edit.Before)
		if p.rng.IntN(3) == 0 {
			edit.After.Fields[fieldText] = schemas.TextValue(p.marker + " " + words[p.rng.IntN(len(words))])
		}
		// Where many work on one thing, they say the same, or add to one text.
		switch story := edit.Before.Fields[fieldStory].Text(); p.rng.IntN(5) {
		case 0:
			edit.After.Fields[fieldShade] = schemas.CodeValue(shades[p.rng.IntN(len(shades))])
		case 1:
			edit.After.Fields[fieldStory] = schemas.TextValue(story + " " + words[p.rng.IntN(len(words))])
		case 2:
			edit.After.Fields[fieldStory] = schemas.TextValue(words[p.rng.IntN(len(words))] + " " + story)
		}
		ch.Ops = edit.Ops()
	}
	if len(ch.Ops) > 0 && h.Verb != syncproto.VerbSettle && p.rng.IntN(12) == 0 {
		p.strange(&ch)
	}
	return ch, len(ch.Ops) > 0
}

// badOp is what a broken program would send: a text in a number's field.
func (p *pen) badOp() syncproto.Op {
	return syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: 12, Value: syncproto.Text("نه")}
}

// strange adds a value that its field's rule forbids: the change is set aside,
// and may be released all the same.
func (p *pen) strange(ch *localstore.NewChange) {
	k := syncproto.CellKey{Field: fieldShade}
	for i := range ch.Ops {
		if merge.CellOf(&ch.Ops[i]) == k {
			return
		}
	}
	ch.Ops = append(ch.Ops, syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: k.Field, Names: merge.Look(p.opened, k).Shown, Value: syncproto.Code("violet")})
}

// settlement decides one conflict: for what is shown, or for another candidate.
func settlement(rng *rand.Rand, s *syncproto.RecordState, c merge.Conflict, author syncproto.PersonID) []syncproto.Op {
	op := syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: c.Cell.Field, Item: c.Cell.Item, Sub: c.Cell.Sub, Value: c.Value}
	if rng.IntN(2) == 0 {
		op.Value = c.Others[rng.IntN(len(c.Others))].Value
	}
	for _, cand := range s.Candidates(c.Cell) {
		op.Names = append(op.Names, cand.Version)
	}
	switch {
	case c.Cell == merge.PresenceCell:
		return []syncproto.Op{op}
	case c.Cell.Item != (syncproto.ItemID{}) && c.Cell.Sub == syncproto.SubPresence:
		op.Kind = syncproto.OpItemPut
		if there, _ := op.Value.AsBool(); !there {
			op.Kind = syncproto.OpItemRemove
		}
		op.Value = syncproto.None()
	case op.Value.Type == syncproto.TypeLongText || c.Cell.Field == fieldStory:
		op.Kind = syncproto.OpText
	}
	return []syncproto.Op{op, merge.Presence(s, author, true, false)}
}
