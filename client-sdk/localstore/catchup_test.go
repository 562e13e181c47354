package localstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"mahalleh/syncproto"
)

// between is a context that is asked whether it has ended, and has.
type between struct {
	context.Context
	ask func() error
}

func (b between) Err() error { return b.ask() }

// TestWhoWritesDoesNotWaitForAList: while a list looks at what a first load
// brought, the lock of those who write is free between two batches.
func TestWhoWritesDoesNotWaitForAList(t *testing.T) {
	b := newBoxWith(t, func(o *Options) { o.Packages = benchForms(t) })
	const records = 4 * lookBatch
	fillBench(t, b.Store, records)
	free, held := 0, 0
	asked := between{ctx, func() error {
		if !b.write.TryLock() {
			held++
			return nil
		}
		b.write.Unlock()
		free++
		b.save(b.newRecord(), formPerson, persons, map[uint32]syncproto.Value{10: text("مریم")})
		return nil
	}}
	if n, err := b.Count(asked, Filter{}); n != records+free || err != nil {
		t.Errorf("count: got %d, %v, want %d", n, err, records+free)
	}
	if want := records / lookBatch; free < want || held != 0 {
		t.Errorf("the lock was free at %d moments and held at %d, want %d and none", free, held, want)
	}
	// What comes while somebody looks is the next one's matter, or a list that is
	// asked for during a load would not end before it.
	fillBenchFrom(t, b.Store, records, records+lookBatch)
	more := 0
	asked.ask = func() error {
		if more++; more < 20 {
			fillBenchFrom(t, b.Store, records+more*lookBatch, records+(more+1)*lookBatch)
		}
		return nil
	}
	if _, err := b.Count(asked, Filter{}); err != nil || more > 2 {
		t.Errorf("a count during a load took %d batches, %v, want 1", more, err)
	}
}

// TestWhoSavesLooksAtOneBatch: rules over several records are no reason to wait
// for all that a first load brought.
func TestWhoSavesLooksAtOneBatch(t *testing.T) {
	b := newBoxWith(t, func(o *Options) { o.Packages = benchForms(t) })
	fillBench(t, b.Store, 3*lookBatch)
	_, err := b.Peers(ctx, persons, keysOfNothing(), syncproto.RecordID{}, 1)
	check(t, err)
	if got := len(b.index.late); got != 2*lookBatch {
		t.Errorf("%d records are still to be looked at, want %d", got, 2*lookBatch)
	}
}

// TestListThatIsNotWaitedFor: somebody who goes away before the index has caught
// up is not given a part for the whole.
func TestListThatIsNotWaitedFor(t *testing.T) {
	b := newBoxWith(t, func(o *Options) { o.Packages = benchForms(t) })
	fillBench(t, b.Store, 2*lookBatch)
	gone, leave := context.WithCancel(ctx)
	leave()
	if l, err := b.List(gone, Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("list: got %d rows, %v, want context.Canceled", len(l.Rows), err)
	}
	if n, err := b.Count(gone, Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("count: got %d, %v, want context.Canceled", n, err)
	}
}

// TestTitleLedByANewRecord: a list by state looks at no new records, but for
// those that lead a title in it.
func TestTitleLedByANewRecord(t *testing.T) {
	b, f := newBox(t), newServer(t)
	place, member := b.newRecord(), b.newRecord()
	f.other(place, formPlace, plain, map[uint32]syncproto.Value{10: text("گلستان")})
	f.other(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("بهار")})
	f.sync(b, plain, persons)
	b.save(member, formMember, persons, map[uint32]syncproto.Value{10: syncproto.Ref(place), 11: text("زهرا")})
	if got, want := titles(t, b, Filter{Attention: SyncPending}), []string{"گلستان · زهرا"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := len(b.index.late); got != 2 {
		t.Errorf("%d records are to be looked at, want 2", got)
	}
}

// TestSavingDuringASnapshot: a save goes on while the index is written down, and
// what it changed is listed then and after opening again.
func TestSavingDuringASnapshot(t *testing.T) {
	b := newBoxWith(t, func(o *Options) { o.Packages = benchForms(t) })
	fillBench(t, b.Store, 1000)
	check(t, b.catchUp(ctx))
	count := 1000
	save := func(name string) syncproto.RecordID {
		count++
		return b.save(b.newRecord(), formPerson, persons, map[uint32]syncproto.Value{10: text(name)}).Header.Record
	}
	spoil := func() { check(t, b.update(ctx, "spoil", func(t *tx) error { return t.spoilSnapshot() })) }
	snapshot := func() *snapshotting {
		t.Helper()
		spoil()
		save("پروین")
		check(t, b.catchUp(ctx))
		s, err := b.beginSnapshot(ctx, 0)
		if err != nil || s == nil {
			t.Fatalf("begin: %v, %v", s, err)
		}
		check(t, s.step(ctx, s.parts))
		return s
	}
	loads := func() bool {
		parts := 0
		err := b.readSnapshot(ctx, func([]byte) error { parts++; return nil })
		return err == nil && parts > 0
	}
	finish := func(s *snapshotting) (err error) {
		for s.done < s.pages && err == nil {
			err = s.step(ctx, s.parts)
		}
		if err == nil {
			err = s.step(ctx, s.end)
		}
		s.let()
		return err
	}
	s := snapshot()
	saved := save("ناهید")
	check(t, finish(s))
	if !loads() {
		t.Error("no snapshot was written")
	}
	found := func(what string) {
		t.Helper()
		if rows, err := b.Find(ctx, "ناهید", 10); err != nil || !slices.ContainsFunc(rows, func(r Row) bool { return r.Record == saved }) {
			t.Errorf("%s: %d found, %v, want the one saved", what, len(rows), err)
		}
	}
	found("after it")
	b.reopenStore()
	found("after opening again")

	// A list that has to look at records goes before it, and so does whatever
	// must not come back.
	s = snapshot()
	save("بهرام")
	if n, err := b.Count(ctx, Filter{}); n != count || err != nil {
		t.Errorf("count during a snapshot: got %d, %v, want %d", n, err, count)
	}
	if err := finish(s); !errors.Is(err, errNotStill) || loads() {
		t.Errorf("the snapshot of an index that changed: %v, want errNotStill and none", err)
	}
	s = snapshot()
	spoil()
	if err := finish(s); !errors.Is(err, errNotStill) || loads() {
		t.Errorf("the snapshot of what must not come back: %v, want errNotStill and none", err)
	}
}

// TestManyAreNotWrittenAgainForOne: a snapshot of many records waits until some
// part of them has changed.
func TestManyAreNotWrittenAgainForOne(t *testing.T) {
	b := newBoxWith(t, func(o *Options) { o.Packages = benchForms(t) })
	fillBench(t, b.Store, 500)
	check(t, b.SaveIndex(ctx))
	touched := func() (n int) {
		check(t, b.view(ctx, func(q querier) error {
			return q.QueryRowContext(ctx, "SELECT count(*) FROM touched").Scan(&n)
		}))
		return n
	}
	for i := range 500/snapshotShare + 2 {
		b.save(b.newRecord(), formPerson, persons, map[uint32]syncproto.Value{10: text(fmt.Sprint("نرگس ", i))})
		check(t, b.SaveIndex(ctx))
		if want := (i + 1) % (500 / snapshotShare); touched() != want {
			t.Errorf("after %d saves %d wait for the next snapshot, want %d", i+1, touched(), want)
		}
	}
}
