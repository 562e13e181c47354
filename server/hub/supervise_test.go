package hub_test

import (
	"errors"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// as is a decision on a page, released, kept, corrected or re-assigned.
func (b *bench) decides(by syncproto.PersonID, what string, id syncproto.ChangeID) error {
	b.t.Helper()
	s := b.hub.Supervisor(by)
	asWritten := func(ops []syncproto.Op) ([]syncproto.Op, error) { return ops, nil }
	switch what {
	case "release":
		return s.Release(b.ctx, id, "پرسیدم")
	case "keep":
		return s.Keep(b.ctx, id, "پرسیدم")
	case "correct":
		return s.Correct(b.ctx, id, syncproto.PersonID{}, "پرسیدم", asWritten)
	}
	return s.Correct(b.ctx, id, by, "پرسیدم", asWritten)
}

// Who decides about what was set aside, written by hand from the table of what a screen
// shows; for all others nothing is there.
func TestWhoDecidesAboutWhatWasSetAside(t *testing.T) {
	supervises := map[string][]string{
		"technical_manager": {"reference", "plain", "persons", "harm"},
		"county":            {"reference"},
		"province":          {"reference", "plain"},
	}
	for _, role := range []string{"", "local_team", "facilitator", "steering", "clinic", "technical_manager", "county", "province", "national"} {
		b := newBench(t)
		stranger, me := b.phone(1, ""), b.phone(2, role)
		n := byte(20)
		for compartment, at := range pageForms {
			may := false
			for _, c := range supervises[role] {
				may = may || c == compartment
			}
			for _, what := range []string{"release", "keep", "correct", "reassign"} {
				n++
				f, _ := b.forms.FormByName(at.form)
				s := syncproto.NewRecordState(syncproto.RecordID{n})
				field, _ := f.FieldByName(at.field)
				edit := merge.Edit{Form: f, Opened: s, After: schemas.Record{Fields: map[schemas.FieldID]schemas.Value{field.ID: schemas.TextValue("نام")}}, Author: stranger.person}
				ch := stranger.writeForm(f.ID, syncproto.VerbCreate, s, b.scope(compartment), edit.Ops())
				stranger.mustPush(uint64(len(stranger.log)))
				err := b.decides(me.person, what, ch.ID)
				if may && err != nil || !may && !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%q decides to %s in %s: %v", role, what, compartment, err)
				}
				left := b.row(ch.ID).Result.Outcome == syncproto.Quarantined
				if left == may {
					t.Errorf("%q decided to %s in %s: it is %s", role, what, compartment, b.row(ch.ID).Result.Outcome)
				}
			}
		}
	}
}

// A change that names a scope of the supervisor's, and a record that lives elsewhere, is
// not theirs to let in.
func TestASupervisorDecidesWhereTheRecordLives(t *testing.T) {
	b := newBench(t)
	owner, here := b.phone(1, "facilitator"), b.place
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	owner.save(s, newAsset("سالن"))
	owner.mustPush(1)
	seen := b.record(s.Record).State
	b.update(func(tx store.Tx) error {
		return tx.PutPlace(store.Place{ID: syncproto.PlaceID{8}, Number: 8, Kind: store.PlaceNeighbourhood, NameFa: "کناری"})
	})
	b.place = syncproto.PlaceID{8}
	foe, ally := b.phone(2, "facilitator"), b.phone(3, "technical_manager")
	form, _ := b.forms.FormByName("asset")
	f, _ := form.FieldByName("condition")
	bad := []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: uint32(f.ID), Value: syncproto.Int(99)}}
	ch := foe.write(syncproto.VerbEdit, seen, b.scope("plain"), bad)
	foe.mustPush(1)
	if got := b.row(ch.ID).Result.Outcome; got != syncproto.Quarantined {
		t.Fatalf("it is %s", got)
	}
	b.place = here
	for _, what := range []string{"release", "correct", "reassign", "keep"} {
		if err := b.decides(ally.person, what, ch.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := b.record(s.Record).State.Number; n != 1 {
		t.Errorf("version %d", n)
	}
}

// By letting a change in nobody takes a step, claims a rank or gives a right that is
// neither theirs nor its author's.
func TestASupervisorLetsInNoMoreThanTheirs(t *testing.T) {
	b := newBench(t)
	p, boss, team := b.phone(1, "facilitator"), b.phone(2, "technical_manager"), b.phone(3, "local_team")
	s := p.make(9, "dossier", values{"status": code("assigned")})
	p.mustPush(1)
	stranger := b.phone(4, "")
	aside := func(who *phone, form string, s *syncproto.RecordState, set values) syncproto.ChangeID {
		ch := who.fill(form, s.Clone(), set)
		who.mustPush(uint64(len(who.log)))
		if got := b.row(ch.ID).Result.Outcome; got != syncproto.Quarantined {
			t.Fatalf("it is %s", got)
		}
		return ch.ID
	}
	up := aside(stranger, "dossier", b.record(s.Record).State, values{"status": code("suspended")})
	for _, what := range []string{"release", "correct", "reassign"} {
		err := b.decides(boss.person, what, up)
		if refused, is := errors.AsType[*hub.RefusedError](err); !is || refused.Finding.Rule != "not_your" {
			t.Errorf("%s a step of another role: %v", what, err)
		}
	}
	if got := b.stateOf("dossier", s.Record); got != "assigned" || b.row(up).Result.Outcome != syncproto.Quarantined {
		t.Errorf("the state is %q, the change %s", got, b.row(up).Result.Outcome)
	}
	// The author's own step, set aside for something else, is let in.
	own := aside(stranger, "dossier", b.record(s.Record).State, values{"status": code("collecting")})
	if err := b.hub.Supervisor(boss.person).Correct(b.ctx, own, p.person, "", func(ops []syncproto.Op) ([]syncproto.Op, error) { return ops, nil }); err != nil {
		t.Error(err)
	}
	if got := b.stateOf("dossier", s.Record); got != "collecting" {
		t.Errorf("the state is %q", got)
	}
	// Not under the name of somebody who may not, and with no rank above one's own.
	asset := syncproto.NewRecordState(syncproto.RecordID{10})
	ch := stranger.save(asset, newAsset("سالن"))
	stranger.mustPush(uint64(len(stranger.log)))
	for _, who := range []syncproto.PersonID{team.person, stranger.person, {99}} {
		err := b.hub.Supervisor(boss.person).Correct(b.ctx, ch.ID, who, "", func(ops []syncproto.Op) ([]syncproto.Op, error) { return ops, nil })
		if !errors.Is(err, hub.ErrMayNot) {
			t.Errorf("under the name of %s: %v", who, err)
		}
	}
	if err := b.decides(boss.person, "release", ch.ID); err != nil {
		t.Errorf("of a lower rank: %v", err)
	}
	if err := b.decides(boss.person, "release", ch.ID); !errors.Is(err, hub.ErrNotQuarantined) {
		t.Errorf("twice: %v", err)
	}
}
