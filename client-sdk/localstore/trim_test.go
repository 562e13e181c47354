package localstore

import (
	"testing"
	"time"

	"mahalleh/syncproto"
)

// TestTrimmedStretchIsAGap holds that a log whose beginning was let go of says
// so to a server that does not hold it any more, and goes on with what is kept.
func TestTrimmedStretchIsAGap(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	for _, s := range []string{"الف", "ب", "پ", "ت"} {
		b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text(s)})
	}
	f.sync(b, plain)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 3))
	third, err := b.ReadBatch(ctx, syncproto.LogID{}, 4, 10, 1<<20)
	check(t, err)
	b.clock.pass(time.Minute)
	if n, err := b.Trim(ctx, 0); err != nil || n != 3 {
		t.Fatalf("trim: %d, %v, want 3", n, err)
	}
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ث")})
	if err := b.SetReceived(ctx, b.cur.id, 1); err != nil {
		t.Fatal(err)
	}
	gap, err := b.ReadBatch(ctx, syncproto.LogID{}, 2, 10, 1<<20)
	if err != nil || gap.Gap == nil || gap.Gap.From != 2 || gap.Gap.To != 3 || gap.Gap.Head != third.Prev || gap.Next() != 4 {
		t.Fatalf("from 2: %+v, %v, want a gap up to 3", gap, err)
	}
	rest, err := b.ReadBatch(ctx, syncproto.LogID{}, gap.Next(), 10, 1<<20)
	if err != nil || rest.First != 4 || len(rest.Changes) != 2 || rest.Prev != gap.Gap.Head {
		t.Errorf("after the gap: from %d %d changes, %v, want two from 4", rest.First, len(rest.Changes), err)
	}
}

// TestTrimKeepsForAWhile holds that what a backup holds stays for as long as is
// asked for, by the device's clock, and that a save dated in the future does
// not keep everything after it for ever.
func TestTrimKeepsForAWhile(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	save := func(s string) { b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text(s)}) }
	month := 30 * 24 * time.Hour
	save("الف")
	b.clock.now = b.clock.now.Add(100 * month)
	save("از آینده")
	b.clock.now = b.clock.now.Add(-99 * month)
	save("پ")
	f.sync(b, plain)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 3))
	for _, c := range []struct {
		keep time.Duration
		want int
	}{{2 * month, 1}, {month / 2, 1}, {month / 2, 0}, {0, 1}} {
		if n, err := b.Trim(ctx, c.keep); err != nil || n != c.want {
			t.Errorf("trim but for %v: %d, %v, want %d", c.keep, n, err, c.want)
		}
	}
	if h, err := b.State(ctx, id); err != nil || h.Sync != SyncNone {
		t.Errorf("the record is %v, %v, want none of its own changes", h.Sync, err)
	}
	if rows, err := b.List(ctx, Filter{}); err != nil || len(rows.Rows) != 1 || rows.Rows[0].Sync != SyncNone {
		t.Errorf("list: %+v, %v, want the record without own changes", rows.Rows, err)
	}
}

// TestTrimAfterFork holds that a log that was given up, and ends before what a
// backup holds of it, is not trimmed beyond its end.
func TestTrimAfterFork(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ب")})
	f.sync(b, plain)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 2))
	check(t, b.Fork(ctx, syncproto.LogID{}, "a copy wrote it"))
	b.clock.pass(time.Minute)
	if n, err := b.Trim(ctx, 0); err != nil || n != 0 {
		t.Errorf("trim: %d, %v, want nothing: all of it is issued again", n, err)
	}
	f.sync(b, plain)
	f.same(b, plain)
}

// TestTrimBehindWhatWaits holds that a change which waits for a person keeps its
// own content only: of those after it what they say goes, their places stay, and
// a server that lost them is told of a gap.
func TestTrimBehindWhatWaits(t *testing.T) {
	b, f := newBox(t), newServer(t)
	aside, other := b.newRecord(), b.newRecord()
	f.refuse[aside] = true
	waits := b.save(aside, formPlace, plain, map[uint32]syncproto.Value{10: text("کنار")})
	for _, s := range []string{"الف", "ب", "پ"} {
		b.save(other, formPlace, plain, map[uint32]syncproto.Value{10: text(s)})
	}
	f.sync(b, plain)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 3))
	bodies := func() (sizes []int) {
		t.Helper()
		rows, err := b.db.read.Query("SELECT length(body) + length(result) FROM entry ORDER BY at")
		check(t, err)
		defer rows.Close()
		for rows.Next() {
			var n int
			check(t, rows.Scan(&n))
			sizes = append(sizes, n)
		}
		return sizes
	}
	b.clock.pass(time.Minute)
	if n, err := b.Trim(ctx, time.Hour); n != 0 || err != nil {
		t.Errorf("trim of what was saved of late: %d, %v, want 0", n, err)
	}
	for _, want := range []int{2, 0} {
		if n, err := b.Trim(ctx, 0); n != want || err != nil {
			t.Errorf("trim: %d, %v, want %d", n, err, want)
		}
	}
	if got := bodies(); len(got) != 4 || got[0] == 0 || got[1] != 0 || got[2] != 0 || got[3] == 0 {
		t.Errorf("sizes of what is kept: %v, want that of the first and the last", got)
	}
	if got := b.text(other, 10); got != "پ" {
		t.Errorf("the record shows %q", got)
	}
	// A server that was put back has none of it: the middle is a gap.
	err := b.SetReceived(ctx, b.cur.id, 0)
	check(t, err)
	first, err := b.ReadBatch(ctx, syncproto.LogID{}, 1, 10, 1<<20)
	if err != nil || len(first.Changes) != 1 || first.Changes[0].ID != waits.ID {
		t.Errorf("from 1: %+v, %v, want the change that waits", first, err)
	}
	gap, err := b.ReadBatch(ctx, syncproto.LogID{}, first.Next(), 10, 1<<20)
	if err != nil || gap.Gap == nil || gap.Gap.From != 2 || gap.Gap.To != 3 {
		t.Fatalf("from 2: %+v, %v, want a gap up to 3", gap, err)
	}
	last, err := b.ReadBatch(ctx, syncproto.LogID{}, gap.Next(), 10, 1<<20)
	if err != nil || len(last.Changes) != 1 || last.Prev != gap.Gap.Head {
		t.Errorf("from 4: %+v, %v, want one change that follows the gap", last, err)
	}
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	// Released and in a backup, all of it goes, rows too.
	f.sync(b, plain)
	f.refuse[aside] = false
	delete(f.changes, waits.ID)
	f.catchUp(b, []syncproto.Result{f.take(waits)}, plain)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 4))
	if _, err := b.Trim(ctx, 0); err != nil || len(bodies()) != 0 {
		t.Errorf("trim after the release: %v, and %d rows are left", err, len(bodies()))
	}
	f.same(b, plain)
}
