package localstore

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// TestDropScope: a revocation first receives what is pending, then destroys.
func TestDropScope(t *testing.T) {
	b, f := newBox(t), newServer(t)
	keep, gone := b.newRecord(), b.newRecord()
	b.save(keep, formPlace, plain, map[uint32]syncproto.Value{10: text("می‌ماند")})
	b.save(gone, formPlace, persons, map[uint32]syncproto.Value{10: text("می‌رود")})
	for range 3 {
		f.other(b.newRecord(), formPlace, persons, map[uint32]syncproto.Value{10: text("از دیگری")})
	}
	f.sync(b, plain, persons)
	b.save(gone, formPlace, persons, map[uint32]syncproto.Value{11: text("در راه")})
	b.save(keep, formPlace, plain, map[uint32]syncproto.Value{11: text("پس از آن")})
	check(t, b.PutDraft(ctx, Draft{ID: DraftID{1}, Record: gone, Form: formPlace, Scope: persons, Body: []byte("x")}))
	check(t, b.SaveIndex(ctx))

	d, err := b.DropScope(ctx, persons)
	check(t, err)
	if d.Waiting != 1 || d.Records != 0 {
		t.Errorf("with a pending change: %+v, want one waiting and nothing destroyed", d)
	}
	if got := b.text(gone, 11); got != "در راه" {
		t.Errorf("shows %q while waiting", got)
	}
	if _, err := b.trySave(gone, formPlace, persons, map[uint32]syncproto.Value{11: text("دیگر نه")}); !errors.Is(err, ErrScopeGone) {
		t.Errorf("saving into it: got %v, want ErrScopeGone", err)
	}
	b.reopenStore() // it does not forget that the scope has to go
	sealed := map[string][]byte{}
	for _, table := range []string{"SELECT key FROM scope WHERE id = ?", "SELECT state FROM shadow WHERE scope = (SELECT n FROM scope WHERE id = ?)",
		"SELECT body FROM entry WHERE scope = (SELECT n FROM scope WHERE id = ?)", "SELECT sealed FROM snapshot_part WHERE ? = ?1"} {
		var raw []byte
		check(t, b.db.read.QueryRow(table, persons[:]).Scan(&raw))
		sealed[table] = raw[:24] // its nonce
	}
	results := f.push(b)
	err = b.SaveAck(ctx, syncproto.LogID{}, 4, results)
	check(t, err)
	if d, err = b.DropScope(ctx, persons); err != nil || d != (Dropped{Records: 4, Drafts: 1}) {
		t.Errorf("dropped %+v, %v, want 4 records, 1 draft, and no change that no backup holds", d, err)
	}
	if ok, err := b.Exists(ctx, gone); err != nil || ok {
		t.Errorf("record of the dropped scope exists: %v, %v", ok, err)
	}
	if n, err := b.Count(ctx, Filter{}); err != nil || n != 1 {
		t.Errorf("index lists %d, %v, want the one record that stays", n, err)
	}
	for _, end := range []string{"", "-wal"} {
		raw, err := os.ReadFile(b.opt.Path + end)
		check(t, err)
		for table, nonce := range sealed {
			if bytes.Contains(raw, nonce) {
				t.Errorf("what %q gave before still stands in device.db%s", table, end)
			}
		}
	}
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	// No backup holds its own changes: a server put back would get them again. But
	// nobody reads them here.
	if st, err := b.ReadBatch(ctx, syncproto.LogID{}, 1, 10, 1<<20); err != nil || len(st.Changes) != 4 {
		t.Errorf("before a backup holds them the log has %d changes, %v, want all four", len(st.Changes), err)
	}
	own, err := b.History(ctx, gone)
	check(t, err)
	for _, o := range own {
		if o.Change != nil || o.Result != nil {
			t.Errorf("an own change of the dropped scope can be read: %+v", o)
		}
	}
	if h, err := b.AsWritten(ctx, gone); err != nil || h.State.Exists() {
		t.Errorf("the dropped record can be read, %v", err)
	}
	scopes, err := b.Scopes(ctx)
	if err != nil || len(scopes) != 1 || scopes[0].Scope != plain {
		t.Errorf("scopes: %+v, %v, want the one that stays", scopes, err)
	}
	check(t, b.Fork(ctx, syncproto.LogID{}, "a copy wrote it")) // they come along
	f.sync(b, plain)
	if st, err := b.ReadBatch(ctx, syncproto.LogID{}, 1, 10, 1<<20); err != nil || len(st.Changes) != 4 {
		t.Errorf("after a fork the log has %d changes, %v, want all four", len(st.Changes), err)
	}
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 4))
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	// The log keeps its places: gaps to be declared, should it be sent again.
	for _, want := range []struct {
		from, next uint64
		gap        bool
	}{{1, 2, false}, {2, 4, true}, {4, 5, false}} {
		st, err := b.ReadBatch(ctx, syncproto.LogID{}, want.from, 10, 1<<20)
		check(t, err)
		if st.Next() != want.next || (st.Gap != nil) != want.gap {
			t.Errorf("stretch from %d: next %d, gap %v; want %d, %v", want.from, st.Next(), st.Gap, want.next, want.gap)
		}
	}
	// A grant is a cursor at zero, and a new key.
	check(t, b.OpenScopes(ctx, []syncproto.ScopeID{persons}))
	if a := f.sync(b, plain, persons); len(a.Differ) != 0 {
		t.Errorf("scopes that differ: %v, want none", a.Differ)
	}
	f.same(b, plain, persons)
	if d, err := b.DropScope(ctx, syncproto.ScopeID{77}); err != nil || d != (Dropped{}) {
		t.Errorf("dropping an unknown scope: %+v, %v", d, err)
	}
}

// A change whose record was moved to a scope that is dropped waits for no page of
// it any more.
func TestDropScopeOfAMovedRecord(t *testing.T) {
	b := newBox(t)
	id := b.newRecord()
	ch := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	check(t, b.OpenScopes(ctx, []syncproto.ScopeID{persons}))
	err := b.SaveAck(ctx, syncproto.LogID{}, 1, []syncproto.Result{{Change: ch.ID, Outcome: syncproto.Applied, Scope: persons, Position: 2}})
	check(t, err)
	_, err = b.DropScope(ctx, persons)
	check(t, err)
	held, err := b.State(ctx, id)
	check(t, err)
	if held.Over != 0 || held.State.Exists() {
		t.Errorf("%d own changes are laid over a record that went; it exists: %v", held.Over, held.State.Exists())
	}
	if n, err := b.Count(ctx, Filter{}); err != nil || n != 0 {
		t.Errorf("index lists %d, %v, want none", n, err)
	}
}

// A result that is told when the scope is back, of a change whose body went when
// it was dropped, goes with the next key.
// TestDropScopeEndsTheOverlayOfWhatWasAppliedThere: a record moved meanwhile,
// so an own change of it was applied in a scope that the device then loses.
func TestDropScopeEndsTheOverlayOfWhatWasAppliedThere(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("پیش از جابه‌جایی")})
	f.sync(b, plain)
	check(t, b.OpenScopes(ctx, []syncproto.ScopeID{persons}))
	ch := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("هنگام جابه‌جایی")})
	err := b.SaveAck(ctx, syncproto.LogID{}, 2, []syncproto.Result{{Change: ch.ID, Outcome: syncproto.Applied, Scope: persons, Position: 9}})
	check(t, err)
	if h, err := b.State(ctx, id); err != nil || h.Over != 1 {
		t.Fatalf("before: %d own changes laid over, %v, want 1", h.Over, err)
	}
	_, err = b.DropScope(ctx, persons)
	check(t, err)
	if h, err := b.State(ctx, id); err != nil || h.Over != 0 {
		t.Errorf("after: %d own changes laid over, %v, want none", h.Over, err)
	}
}

func TestDropScopeAgain(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	ch := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.sync(b, plain)
	for range 2 {
		check(t, b.OpenScopes(ctx, []syncproto.ScopeID{plain}))
		err := b.SaveAck(ctx, syncproto.LogID{}, 1, []syncproto.Result{{Change: ch.ID, Outcome: syncproto.Quarantined}})
		check(t, err)
		_, err = b.DropScope(ctx, plain)
		check(t, err)
	}
	own, err := b.History(ctx, id)
	if err != nil || len(own) != 1 || own[0].Change != nil || own[0].Result != nil {
		t.Errorf("own changes: %+v, %v, want one empty place", own, err)
	}
	check(t, b.Fork(ctx, syncproto.LogID{}, "test"))
}

// A grant that comes back before the purge was due only lifts the refusal.
func TestGrantComesBackInTime(t *testing.T) {
	b := newBox(t)
	id := b.newRecord()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	_, err := b.DropScope(ctx, plain)
	check(t, err)
	check(t, b.OpenScopes(ctx, []syncproto.ScopeID{plain}))
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ب")})
	b.reopenStore()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("پ")})
}

// TestErase: the record, its drafts and what the log says of it go; the log's
// part once a backup holds it.
func TestErase(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	ch := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("فراموش‌شدنی")})
	f.sync(b, plain)
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{11: text("در راه")})
	check(t, b.PutDraft(ctx, Draft{ID: DraftID{1}, Record: id, Form: formPlace, Scope: plain, Body: []byte("x")}))
	check(t, b.SaveIndex(ctx))
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 1))
	f.erase(id)
	f.catchUp(b, nil, plain)

	h, err := b.State(ctx, id)
	check(t, err)
	if !h.State.Erased || h.State.Exists() || h.Draft {
		t.Errorf("state of an erased record: %+v", h)
	}
	if n, err := b.Count(ctx, Filter{Deleted: true}); err != nil || n != 0 {
		t.Errorf("index lists %d, %v, want none", n, err)
	}
	own, err := b.History(ctx, id)
	check(t, err)
	if len(own) != 2 || !own[0].Change.Redacted() || own[1].Change.Redacted() {
		t.Fatalf("own changes: %d; want the one in a backup redacted, the pending one not", len(own))
	}
	if own[0].Change.ID != ch.ID {
		t.Errorf("redacted change has id %v, want %v", own[0].Change.ID, ch.ID)
	}
	f.sync(b, plain)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 2))
	own, err = b.History(ctx, id)
	check(t, err)
	if !own[1].Change.Redacted() {
		t.Error("the second change is not redacted once a backup holds it")
	}
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	// A form that was still open is saved after all: its change goes like the others.
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("دیر")})
	err = b.SaveAck(ctx, syncproto.LogID{}, 3, f.push(b))
	check(t, err)
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 3))
	own, err = b.History(ctx, id)
	check(t, err)
	if len(own) != 3 || !own[2].Change.Redacted() {
		t.Error("a change saved after the erasure is not redacted once a backup holds it")
	}
	// Neither a page nor a repair brings it back.
	s := syncproto.NewRecordState(id)
	other := newServer(t)
	other.records[id] = s
	other.position[plain] = f.position[plain]
	other.other(id, formPlace, plain, map[uint32]syncproto.Value{10: text("فراموش‌شدنی")})
	p := other.page(plain, f.position[plain], false)
	err = b.ApplyPage(ctx, &p)
	check(t, err)
	err = b.ApplyRepair(ctx, &wire.Records{Scope: plain, Position: p.To, Records: p.Records})
	check(t, err)
	if ok, err := b.Exists(ctx, id); err != nil || ok {
		t.Errorf("erased record exists again: %v, %v", ok, err)
	}
	b.reopenStore()
	if n, err := b.Count(ctx, Filter{Deleted: true}); err != nil || n != 0 {
		t.Errorf("after opening again the index lists %d, %v, want none", n, err)
	}
}

// TestRedactsOnceABackupHoldsIt: the content of a change that is marked goes when a
// verified backup holds it, not before.
func TestRedactsOnceABackupHoldsIt(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	ch := b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	check(t, b.update(ctx, "mark", func(t *tx) error {
		if _, err := t.exec("UPDATE entry SET redact = 1 WHERE change = ?", ch.ID[:]); err != nil {
			return err
		}
		return t.redactDue()
	}))
	f.sync(b, plain)
	c, err := b.Change(ctx, ch.ID)
	check(t, err)
	if c.Change.Redacted() || c.Result == nil || c.Result.Outcome != syncproto.Applied || c.Sync != SyncApplied {
		t.Errorf("before a backup: %+v, want it whole, with its result", c)
	}
	check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, 5))
	c, err = b.Change(ctx, ch.ID)
	check(t, err)
	if !c.Change.Redacted() || c.Change.ID != ch.ID {
		t.Error("not redacted once a backup holds it")
	}
	if got := b.text(id, 10); got != "الف" {
		t.Errorf("shows %q: what a redacted change said lives on in the record", got)
	}
}

func TestTrim(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	for _, s := range []string{"الف", "ب", "پ", "ت"} {
		b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text(s)})
	}
	f.sync(b, plain)
	b.clock.pass(time.Minute)
	for _, c := range []struct {
		safe uint64
		keep time.Duration
		want int
	}{{0, 0, 0}, {2, time.Hour, 0}, {2, 0, 2}, {2, 0, 0}, {4, 0, 2}} {
		check(t, b.MarkBackupSafe(ctx, syncproto.LogID{}, c.safe))
		if n, err := b.Trim(ctx, c.keep); err != nil || n != c.want {
			t.Errorf("trim at %d but for %v: %d, %v, want %d", c.safe, c.keep, n, err, c.want)
		}
		if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
			t.Errorf("check: %v, %v", problems, err)
		}
	}
	b.reopenStore()
	b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("ث")})
	logs, err := b.Logs(ctx)
	check(t, err)
	if len(logs) != 1 || logs[0].First != 5 || logs[0].HeadSeq != 5 {
		t.Errorf("logs: %+v, want one from 5 to 5", logs)
	}
	f.sync(b, plain)
	f.same(b, plain)
}

func TestRepair(t *testing.T) {
	b, f := newBox(t), newServer(t)
	var ids []syncproto.RecordID
	for range 50 {
		id := b.newRecord()
		ids = append(ids, id)
		f.other(id, formPlace, plain, map[uint32]syncproto.Value{10: text("نام")})
	}
	f.sync(b, plain)
	// An accident: one record is wrong, one is missing, one is too many.
	wrong, missing := ids[3], ids[7]
	f.other(wrong, formPlace, plain, map[uint32]syncproto.Value{10: text("درست")})
	check(t, b.update(ctx, "break", func(tx *tx) error {
		_, err := tx.exec("UPDATE scope SET position = ? WHERE id = ?", f.position[plain], plain[:])
		return err
	}))
	lost := *f.records[missing]
	f.records[missing] = syncproto.NewRecordState(missing)
	extra := b.newRecord()
	f.records[extra] = lost.Clone()
	f.records[extra].Record = extra
	a := f.catchUp(b, nil, plain)
	if len(a.Differ) != 1 {
		t.Fatalf("differ: %v, want the scope", a.Differ)
	}
	mine, position, err := b.Buckets(ctx, plain)
	check(t, err)
	if position != f.position[plain] {
		t.Errorf("buckets at %d, want %d", position, f.position[plain])
	}
	theirs := map[byte][16]byte{}
	for id, s := range f.records {
		if s.Exists() {
			theirs[bucketOf(id)] = syncproto.SumAdd(theirs[bucketOf(id)], wire.StateHash(s))
		}
	}
	var differ []byte
	for i := range wire.Buckets {
		want := theirs[byte(i)]
		if !bytes.Equal(mine[i*16:(i+1)*16], want[:]) {
			differ = append(differ, byte(i))
		}
	}
	entries, err := b.Entries(ctx, plain, differ)
	check(t, err)
	if len(differ) == 0 || len(entries) > 20 {
		t.Errorf("%d buckets differ and name %d records of 50", len(differ), len(entries))
	}
	m := &wire.Records{Scope: plain, Position: position, Gone: []syncproto.RecordID{missing}}
	for _, id := range []syncproto.RecordID{wrong, extra} {
		m.Records = append(m.Records, wire.AppendRecord(nil, f.records[id], 0))
	}
	err = b.ApplyRepair(ctx, m)
	check(t, err)
	if a := f.catchUp(b, nil, plain); len(a.Differ) != 0 {
		t.Errorf("after the repair: %v differ, want none", a.Differ)
	}
	f.same(b, plain)
	if problems, err := b.Check(ctx); err != nil || len(problems) != 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
}

// A delta of a record that is not here cannot be applied; it is asked for whole.
func TestDeltaOfAMissingRecord(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id, fine := b.newRecord(), b.newRecord()
	f.other(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	f.sync(b, plain)
	check(t, b.update(ctx, "break", func(tx *tx) error {
		_, err := tx.exec("DELETE FROM shadow")
		return err
	}))
	f.other(id, formPlace, plain, map[uint32]syncproto.Value{11: text("ب")})
	f.other(fine, formPlace, plain, map[uint32]syncproto.Value{10: text("پ")})
	a := f.catchUp(b, nil, plain)
	if len(a.Differ) != 1 {
		t.Errorf("differ %v, want the scope", a.Differ)
	}
	if got := b.text(fine, 10); got != "پ" {
		t.Errorf("the other record of the page shows %q, want «پ»", got)
	}
}

// A scope that was opened in a transaction which failed has no key that
// anything could be sealed by.
func TestFailedTransactionLeavesNoKey(t *testing.T) {
	b := newBox(t)
	fresh := syncproto.ScopeID{50}
	id := b.newRecord()
	n := edit(syncproto.NewRecordState(id), id, formPlace, fresh, author, map[uint32]syncproto.Value{10: text("الف")})
	_, err := b.Append(ctx, func(At) (Saving, error) { return Saving{Changes: []NewChange{n, {}}}, nil })
	if err == nil {
		t.Fatal("a change that cannot be encoded was saved")
	}
	b.save(id, formPlace, fresh, map[uint32]syncproto.Value{10: text("ب")})
	b.reopenStore()
	if got := b.text(id, 10); got != "ب" {
		t.Errorf("shows %q, want «ب»", got)
	}
}
