package hub_test

import (
	"bytes"
	"context"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// walked counts how often all of a scope is read.
type walked struct {
	store.Store
	times int
}

func (s *walked) View(ctx context.Context, f func(store.Reader) error) error {
	return s.Store.View(ctx, func(r store.Reader) error { return f(walkedReader{r, s}) })
}

type walkedReader struct {
	store.Reader
	s *walked
}

func (r walkedReader) Each(scope syncproto.ScopeID, f func(syncproto.RecordID, [16]byte) error) error {
	r.s.times++
	return r.Reader.Each(scope, f)
}

// A comparison costs one walk through the scope, since any device may ask for one
// again and again; it tells of every bucket that differs.
func TestComparisonWalksOnce(t *testing.T) {
	b := newBench(t)
	w := &walked{}
	b.wrap = func(s store.Store) store.Store { w.Store = s; return w }
	b.close()
	b.open()
	p := b.phone(1, "facilitator")
	for n := range byte(5) {
		p.save(syncproto.NewRecordState(syncproto.RecordID{9, n}), newAsset("سالن"))
	}
	p.mustPush(1)
	var sums session.BucketSums
	for i := range sums {
		copy(sums[i][:], bytes.Repeat([]byte{7}, 16))
	}
	d := p.desk()
	w.times = 0
	ev, ok := d.Do(b.ctx, session.CompareScope{Scope: b.scope("plain"), Sums: sums, MaxEntries: wire.MaxEntries}).(session.EntriesRead)
	if !ok || len(ev.Entries) != 5 {
		t.Fatalf("told %+v, want all five records", ev)
	}
	for i := 1; i < len(ev.Entries); i++ {
		if bytes.Compare(ev.Entries[i-1].Record[:], ev.Entries[i].Record[:]) >= 0 {
			t.Errorf("the entries are not in order: %v", ev.Entries)
		}
	}
	if ev.Walked != 5 {
		t.Errorf("it is said to have looked at %d records, want 5", ev.Walked)
	}
	if w.times != 1 {
		t.Errorf("the scope is walked %d times, want once", w.times)
	}
}
