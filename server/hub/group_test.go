package hub_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// held stops the hub's first commit until it is let go, and notes how many
// changes each commit wrote.
type held struct {
	store.Store
	mu      sync.Mutex
	first   chan struct{}
	written []int
	late    int // commits that asked for a log after records
}

func (s *held) Update(ctx context.Context, f func(store.Tx) error) error {
	s.mu.Lock()
	wait := s.first
	s.first = nil
	s.mu.Unlock()
	if wait != nil {
		<-wait
	}
	tx := &countingTx{}
	err := s.Store.Update(ctx, func(inner store.Tx) error { tx.Tx, tx.n = inner, 0; return f(tx) })
	if tx.late {
		s.late++
	}
	if err == nil && tx.n > 0 {
		s.written = append(s.written, tx.n)
	}
	return err
}

type countingTx struct {
	store.Tx
	n int
	// records says that records were asked for, late that a log was after that.
	records, late bool
}

func (t *countingTx) Log(id syncproto.LogID) (store.Log, error) {
	t.late = t.late || t.records
	return t.Tx.Log(id)
}

func (t *countingTx) Record(id syncproto.RecordID) (store.Record, error) {
	t.records = true
	return t.Tx.Record(id)
}

func (t *countingTx) RecordsByID(ids []syncproto.RecordID) ([]store.Record, error) {
	t.records = true
	return t.Tx.RecordsByID(ids)
}

func (t *countingTx) PutChange(c store.Change) error { t.n++; return t.Tx.PutChange(c) }

// What queued during a commit is taken together, and still in commits that
// nobody waits for long; logs are locked before records, as the store asks.
func TestGroupIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.close()
		s := &held{}
		b.wrap = func(inner store.Store) store.Store { s.Store = inner; return s }
		b.open()
		const each = 300
		var phones []*phone
		for n := byte(1); n <= 8; n++ {
			p := b.phone(n, "facilitator")
			for i := range each {
				p.write(syncproto.VerbEdit, syncproto.NewRecordState(syncproto.RecordID{n, byte(i >> 8), byte(i)}), b.scope("plain"), nil)
			}
			phones = append(phones, p)
		}
		let := make(chan struct{})
		s.first = let
		answers := make(chan error, len(phones))
		for _, p := range phones {
			batch := p.batch(1)
			go func() {
				_, err := b.hub.Accept(b.ctx, p.device, batch)
				answers <- err
			}()
		}
		synctest.Wait()
		close(let)
		for range phones {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if s.late > 0 {
			t.Errorf("%d commits asked for a log after records", s.late)
		}
		all := 0
		for _, n := range s.written {
			all += n
			if n >= 1000+each {
				t.Errorf("a commit of %d changes", n)
			}
		}
		if all != len(phones)*each || len(s.written) > 4 {
			t.Errorf("commits of %v changes", s.written)
		}
	})
}

// What a new batch came to is known without reading. When the results of one
// that comes again cannot be read, it is not acknowledged, and its author is
// told when it comes once more.
func TestResultsThatCannotBeRead(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a := b.phone(1, "facilitator")
	a.save(syncproto.NewRecordState(syncproto.RecordID{9}), newAsset("سالن"))
	trap.blind = true
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Applied})
	if got, err := a.push(1); err == nil {
		t.Fatalf("acknowledged without results: %+v", got)
	}
	trap.blind = false
	got := a.mustPush(1)
	same(t, outcomes(got), []syncproto.Outcome{syncproto.Applied})
	if n := b.record(syncproto.RecordID{9}).State.Number; n != 1 {
		t.Errorf("version %d after one change", n)
	}
}
