package merge_test

import (
	"fmt"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// alone is a history in which nothing was received.
type alone struct{}

func (alone) Standing(syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	return merge.Unknown, nil, nil
}

// TestPlainCellsAreLeftOut: of a new record nothing is told cell by cell, of an edit
// only where somebody else was concerned, and of a step that it was taken.
func TestPlainCellsAreLeftOut(t *testing.T) {
	record, scope, log := syncproto.RecordID{1}, syncproto.ScopeID{2}, syncproto.LogID{3}
	s := syncproto.NewRecordState(record)
	seq := uint64(0)
	apply := func(verb syncproto.Verb, base syncproto.ChangeID, ops ...syncproto.Op) syncproto.Result {
		t.Helper()
		seq++
		ch, err := wire.NewChange(syncproto.Header{Verb: verb, Record: record, Form: 1, Scope: scope, OriginLog: log, OriginSeq: seq,
			Author: syncproto.PersonID{4}, Time: int64(seq), Base: base}, [16]byte{5}, ops)
		if err != nil {
			t.Fatal(err)
		}
		res, err := merge.Apply(s, ch, alone{})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	set := func(field uint32, text string, names ...syncproto.ChangeID) syncproto.Op {
		return syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: field, Names: names, Value: syncproto.Text(text)}
	}
	const a, b, state = syncproto.FirstFormField, syncproto.FirstFormField + 1, syncproto.FirstFormField + 2
	var many []syncproto.Op
	for n := range uint32(200) {
		many = append(many, set(state+1+n, fmt.Sprint(n)))
	}
	made := apply(syncproto.VerbCreate, syncproto.ChangeID{}, append(many, set(a, "x"), set(b, "y"))...)
	if made.Outcome != syncproto.Applied || len(made.Cells) != 0 || len(s.Cells) != 203 {
		t.Errorf("of a new record of %d cells: %+v", len(s.Cells), made)
	}
	plain := apply(syncproto.VerbEdit, made.Change, set(a, "x1", made.Change), set(b, "y1", made.Change))
	if plain.Outcome != syncproto.Applied || len(plain.Cells) != 0 {
		t.Errorf("of a plain edit: %+v", plain)
	}
	other := apply(syncproto.VerbEdit, made.Change, set(a, "x2", made.Change), set(state+1, "z", made.Change))
	if other.Outcome != syncproto.Conflicted || len(other.Cells) != 1 || other.Cells[0] != (syncproto.CellResult{Cell: syncproto.CellKey{Field: a}, Reason: syncproto.ReasonDistinct}) {
		t.Errorf("of an edit that meets another: %+v", other)
	}
	step := apply(syncproto.VerbTransition, other.Change, syncproto.Op{Kind: syncproto.OpTransition, Critical: true, Field: state, Value: syncproto.Transition("", "open")})
	if len(step.Cells) != 1 || step.Cells[0] != (syncproto.CellResult{Cell: syncproto.CellKey{Field: state}, Reason: syncproto.ReasonPlain}) {
		t.Errorf("of a step: %+v", step)
	}
}
