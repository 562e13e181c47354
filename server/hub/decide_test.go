package hub_test

import (
	"errors"
	"slices"
	"testing"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// asWritten corrects nothing.
func asWritten(ops []syncproto.Op) ([]syncproto.Op, error) { return ops, nil }

// decisions are what was decided about a change, in order.
func (b *bench) decisions(id syncproto.ChangeID) (list []store.Quarantine) {
	b.t.Helper()
	if err := b.store.View(b.ctx, func(r store.Reader) (err error) {
		list, err = r.Decisions(id)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return list
}

// held is what stands in a field of a record: its only candidate.
func (b *bench) held(id syncproto.RecordID, field uint32) (syncproto.Value, syncproto.PersonID) {
	b.t.Helper()
	s := b.record(id).State
	cell := s.Cells[syncproto.CellKey{Field: field}]
	if cell == nil || len(cell.Candidates) != 1 {
		b.t.Fatalf("the field holds %+v", cell)
	}
	return cell.Candidates[0].Value, s.Versions[cell.Candidates[0].Version].Author
}

// A supervisor puts a right value in the place of one that breaks a rule. The
// correction is its author's, replaces what the bad one replaced, and the bad one
// is out for good; one that breaks a rule as well changes nothing.
func TestCorrect(t *testing.T) {
	b := newBench(t)
	a, boss := b.phone(1, "facilitator"), syncproto.PersonID{7}
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	create := a.save(s, newAsset("سالن"))
	a.mustPush(1)
	condition := fieldOf(t, b, "condition")
	set := func(n int64) func([]syncproto.Op) ([]syncproto.Op, error) {
		return func(ops []syncproto.Op) ([]syncproto.Op, error) {
			ops = slices.Clone(ops)
			for i := range ops {
				if ops[i].Field == condition {
					ops[i].Value = syncproto.Int(n)
				}
			}
			return ops, nil
		}
	}
	good := []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: condition, Names: []syncproto.ChangeID{create.ID}, Value: syncproto.Int(3)}, merge.Presence(s, a.person, true, false)}
	seen := b.record(s.Record).State
	first := a.write(syncproto.VerbEdit, seen, b.scope("plain"), good)
	seen = b.record(s.Record).State
	bad := a.write(syncproto.VerbEdit, seen, b.scope("plain"), []syncproto.Op{
		{Kind: syncproto.OpSet, Critical: true, Field: condition, Names: []syncproto.ChangeID{first.ID}, Value: syncproto.Int(99)},
		merge.Presence(seen, a.person, true, false)})
	a.mustPush(2)
	b.wantOutcome(bad.ID, syncproto.Quarantined, syncproto.ReasonBadValue)

	before := b.record(s.Record).State.Number
	for name, edit := range map[string]func([]syncproto.Op) ([]syncproto.Op, error){
		"as bad":   set(98),
		"as it is": asWritten,
	} {
		if err := b.hub.Correct(b.ctx, bad.ID, boss, syncproto.PersonID{}, "", edit); !errors.Is(err, hub.ErrNotReleasable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused := errors.New("no such field")
	if err := b.hub.Correct(b.ctx, bad.ID, boss, syncproto.PersonID{}, "", func([]syncproto.Op) ([]syncproto.Op, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("a correction that is none: %v", err)
	}
	b.wantOutcome(bad.ID, syncproto.Quarantined, syncproto.ReasonBadValue)
	if n := b.record(s.Record).State.Number; n != before || len(b.decisions(bad.ID)) != 0 {
		t.Errorf("what was refused left version %d, want %d, and %+v", n, before, b.decisions(bad.ID))
	}

	if err := b.hub.Correct(b.ctx, bad.ID, boss, syncproto.PersonID{}, "تلفنی پرسیده شد", set(2)); err != nil {
		t.Fatal(err)
	}
	if v, by := b.held(s.Record, condition); v != syncproto.Int(2) || by != a.person {
		t.Errorf("the field holds %v by %v, want 2 by %v", v, by, a.person)
	}
	if row := b.row(bad.ID); row.Result.Outcome != syncproto.Rejected {
		t.Errorf("the bad one is %+v", row.Result)
	}
	list := b.decisions(bad.ID)
	if len(list) != 1 || list[0].Decision != hub.DecisionCorrected || list[0].By != boss || list[0].Note != "تلفنی پرسیده شد" ||
		list[0].Instead.IsZero() || b.row(list[0].Instead).Result.Outcome > syncproto.Merged {
		t.Errorf("decided: %+v", list)
	}
}

// What somebody wrote who may not write there becomes somebody else's; that this
// person may is looked at by who asks.
func TestReassign(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "local_team")
	boss := syncproto.PersonID{7}
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	ch := c.save(s, newAsset("سالن"))
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined})
	if err := b.hub.Correct(b.ctx, ch.ID, boss, a.person, "", asWritten); err != nil {
		t.Fatal(err)
	}
	if v, by := b.held(s.Record, fieldOf(t, b, "title_fa")); v != syncproto.Text("سالن") || by != a.person {
		t.Errorf("the title is %v by %v, want it by %v", v, by, a.person)
	}
	if list := b.decisions(ch.ID); len(list) != 1 || list[0].Decision != hub.DecisionReassigned {
		t.Errorf("decided: %+v", list)
	}
}

// What was decided stands: nothing else can be decided about a change that was
// released, corrected or kept out, and nothing of the record moves.
func TestNothingIsDecidedTwice(t *testing.T) {
	boss := syncproto.PersonID{7}
	release := func(b *bench, id syncproto.ChangeID) error { return b.hub.Release(b.ctx, id, boss, "") }
	keep := func(b *bench, id syncproto.ChangeID) error { return b.hub.Keep(b.ctx, id, boss, "") }
	reassign := func(b *bench, id syncproto.ChangeID) error {
		return b.hub.Correct(b.ctx, id, boss, syncproto.PersonID{1}, "", asWritten)
	}
	acts := map[string]func(*bench, syncproto.ChangeID) error{"release": release, "keep": keep, "reassign": reassign}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.phone(1, "facilitator")
			c := b.phone(2, "local_team")
			s := syncproto.NewRecordState(syncproto.RecordID{9})
			ch := c.save(s, newAsset("سالن"))
			c.mustPush(1)
			if err := act(b, ch.ID); err != nil {
				t.Fatal(err)
			}
			row, list := b.row(ch.ID), b.decisions(ch.ID)
			for other, again := range acts {
				if err := again(b, ch.ID); !errors.Is(err, hub.ErrNotQuarantined) {
					t.Errorf("%s afterwards: %v", other, err)
				}
			}
			if now := b.row(ch.ID); now.Result.Outcome != row.Result.Outcome || now.Result.Position != row.Result.Position || !slices.Equal(b.decisions(ch.ID), list) {
				t.Errorf("it was %+v %+v, and is %+v %+v", row.Result, list, now.Result, b.decisions(ch.ID))
			}
		})
	}
}
