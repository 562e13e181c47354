package localstore

import (
	"testing"

	"mahalleh/syncproto"
)

// TestResultErased holds that a device which only learns by the result of its
// own change that a record was erased, because the record lived where the device
// reads nothing, forgets it as one that is told by a mark.
func TestResultErased(t *testing.T) {
	b := newBox(t)
	id, other := b.newRecord(), b.newRecord()
	first := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("راز نخست")})
	second := b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("راز دوم")})
	b.save(other, formPlace, plain, map[uint32]syncproto.Value{10: text("می‌ماند")})
	check(t, b.PutDraft(ctx, Draft{ID: DraftID{1}, Record: id, Form: formPlace, Scope: plain, Body: []byte("راز سوم")}))
	check(t, b.PutDraft(ctx, Draft{ID: DraftID{2}, Record: other, Form: formPlace, Scope: plain, Body: []byte("می‌ماند")}))
	// The first was parked; the erasure is told for the second alone.
	err := b.SaveAck(ctx, syncproto.LogID{}, 3, []syncproto.Result{{Change: first.ID, Outcome: syncproto.Parked}, {Change: second.ID, Outcome: syncproto.Erased}})
	check(t, err)
	if h, err := b.State(ctx, id); err != nil || h.State.Exists() {
		t.Errorf("the erased record is still shown, %v", err)
	}
	if rows, err := b.List(ctx, Filter{}); err != nil || len(rows.Rows) != 1 || rows.Rows[0].Record != other {
		t.Errorf("list: %+v, %v, want the other record alone", rows.Rows, err)
	}
	if drafts, err := b.Drafts(ctx); err != nil || len(drafts) != 1 || drafts[0].Record != other {
		t.Errorf("drafts: %+v, %v, want the other record's alone", drafts, err)
	}
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 3))
	own, err := b.History(ctx, id)
	check(t, err)
	if len(own) != 2 || !own[0].Change.Redacted() || !own[1].Change.Redacted() {
		t.Errorf("own changes of the erased record: %+v, want two without content", own)
	}
	if own, err := b.History(ctx, other); err != nil || len(own) != 1 || own[0].Change.Redacted() {
		t.Errorf("own changes of the other record: %+v, %v, want one with content", own, err)
	}
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
}

// TestSavedAfterErasure holds that a form saved after the device learned that its
// record was erased is forgotten whatever the server says of it: to somebody who
// may not write there any more it says that the change was set aside, and no more.
// A log that is written anew forgets it too.
func TestSavedAfterErasure(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("راز نخست")})
	f.sync(b, plain)
	f.erase(id)
	f.catchUp(b, nil, plain)
	forgotten := func(want int) {
		t.Helper()
		own, err := b.History(ctx, id)
		check(t, err)
		if len(own) != want {
			t.Fatalf("%d own changes, want %d", len(own), want)
		}
		for _, c := range own {
			if !c.Change.Redacted() {
				t.Errorf("change %d of the erased record is kept", c.Seq)
			}
		}
	}
	late := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("راز دوم")})
	err := b.SaveAck(ctx, syncproto.LogID{}, 2, []syncproto.Result{{Change: late.ID, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonForbidden}})
	check(t, err)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 2))
	forgotten(2)
	late = b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("راز سوم")})
	check(t, b.Fork(ctx, syncproto.LogID{}, "a copy wrote it")) // all three stand in the new log
	err = b.SaveAck(ctx, syncproto.LogID{}, 3, []syncproto.Result{{Change: late.ID, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonForbidden}})
	check(t, err)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 3))
	forgotten(3)
}

// TestUnsettledAsksForAllInTurn holds that of more changes set aside than may be
// asked about at once none is left out for ever.
func TestUnsettledAsksForAllInTurn(t *testing.T) {
	b := newBox(t)
	var results []syncproto.Result
	for range 7 {
		ch := b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
		results = append(results, syncproto.Result{Change: ch.ID, Outcome: syncproto.Quarantined})
	}
	err := b.SaveAck(ctx, syncproto.LogID{}, 7, results)
	check(t, err)
	all, err := b.Unsettled(ctx, 7)
	if err != nil || len(all) != 7 || all[0] != results[0].Change || all[6] != results[6].Change {
		t.Fatalf("unsettled: %v, %v, want all seven in order", all, err)
	}
	asked := map[syncproto.ChangeID]bool{}
	for range 30 {
		some, err := b.Unsettled(ctx, 3)
		check(t, err)
		once := map[syncproto.ChangeID]bool{}
		for _, id := range some {
			asked[id], once[id] = true, true
		}
		if len(once) != 3 {
			t.Fatalf("asked about %d, want three different ones", len(once))
		}
	}
	if len(asked) != 7 {
		t.Errorf("after thirty times %d were asked about, want all seven", len(asked))
	}
}

// TestUnsettledAsksAboutWhatWasKeptOut: a change that was kept out is asked about as
// long as its content is here, since its record may be erased: where the record never
// lived no mark tells it.
func TestUnsettledAsksAboutWhatWasKeptOut(t *testing.T) {
	b := newBox(t)
	ch := b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("راز")})
	told := func(outcome syncproto.Outcome) []syncproto.ChangeID {
		t.Helper()
		err := b.SaveAck(ctx, syncproto.LogID{}, 1, []syncproto.Result{{Change: ch.ID, Outcome: outcome}})
		check(t, err)
		ids, err := b.Unsettled(ctx, 7)
		check(t, err)
		return ids
	}
	if ids := told(syncproto.Rejected); len(ids) != 1 || ids[0] != ch.ID {
		t.Errorf("it asks about %v, want what was kept out", ids)
	}
	if ids := told(syncproto.Erased); len(ids) != 0 {
		t.Errorf("it asks about %v, which it has to forget", ids)
	}
}
