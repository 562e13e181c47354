package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

var errRefused = errors.New("refused by the caller")

// everything writes one of each kind of row, numbered n.
func everything(tx store.Tx, b *book, n int) {
	scope := scopeID(1)
	if _, err := tx.LockScope(scope); errors.Is(err, store.ErrNotFound) {
		addScope(tx, 1)
	}
	c, e := b.change(recordID(n), scope, fmt.Sprint("text ", n))
	c.Order = must1(tx.NextOrder())
	c.Result.Outcome, c.Result.Reason = syncproto.Applied, 0
	rec := apply(tx, newState(recordID(n), scope, fmt.Sprint("text ", n)), 0)
	c.Result.Scope, c.Result.Position = scope, rec.State.Position
	must(tx.PutChange(c))
	must(tx.AppendEntries(b.log, []store.Entry{e}))
	must(tx.PutLog(b.row()))
	must(tx.PutMeta(fmt.Sprint("key ", n), []byte("value")))
	must(tx.PutPerson(store.Person{ID: id("person", n), Name: "name"}))
	must(tx.PutGrant(store.Grant{Person: id("person", n), Place: id("place", 1), Role: "facilitator", Serial: uint64(n)}))
	must(tx.Audit(store.AuditEntry{Scope: scope, Act: "test", Subject: fmt.Sprint(n)}))
}

// wantNothing says that what everything wrote for n is not there.
func wantNothing(t *testing.T, r store.Reader, b *book, n int) {
	t.Helper()
	_, err := r.Meta(fmt.Sprint("key ", n))
	wantMissing(t, "meta", err)
	_, err = r.Record(recordID(n))
	wantMissing(t, "record", err)
	_, err = r.Entry(b.log, uint64(n))
	wantMissing(t, "entry", err)
	_, err = r.Person(id("person", n))
	wantMissing(t, "person", err)
	if h := must1(r.History(recordID(n))); len(h) != 0 {
		t.Errorf("history holds %d changes, want none", len(h))
	}
}

func testAtomic(t *testing.T, s store.Store) {
	b := newBook(1)
	update(t, s, func(tx store.Tx) { everything(tx, b, 1) })
	before := *b
	err := s.Update(t.Context(), func(tx store.Tx) error {
		everything(tx, b, 2)
		return errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Errorf("got error %v, want the function's own", err)
	}
	view(t, s, func(r store.Reader) {
		wantNothing(t, r, b, 2)
		if head := must1(r.Scope(scopeID(1))); head.Position != 1 || head.Count != 1 {
			t.Errorf("scope head is %d with %d records, want 1 with 1", head.Position, head.Count)
		}
		if n := len(must1(r.Audits(scopeID(1)))); n != 1 {
			t.Errorf("%d acts in the audit, want 1", n)
		}
	})
	// The function may run again, and the numbers are given out again.
	*b = before
	update(t, s, func(tx store.Tx) { everything(tx, b, 2) })
	view(t, s, func(r store.Reader) {
		h := must1(r.History(recordID(2)))
		if len(h) != 1 || h[0].Order != 2 {
			t.Errorf("history is %+v, want one change with order 2", h)
		}
	})
	b2 := newBook(2)
	update(t, Twice(s), func(tx store.Tx) { *b2 = *newBook(2); everything(tx, b2, 3) })
	view(t, s, func(r store.Reader) {
		if got := must1(r.Record(recordID(3))).State.Position; got != 3 {
			t.Errorf("position is %d, want 3", got)
		}
	})
}

func testPanic(t *testing.T, s store.Store) {
	b := newBook(1)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Update(t.Context(), func(tx store.Tx) error {
			everything(tx, b, 1)
			panic("a bug of the caller")
		})
	}()
	view(t, s, func(r store.Reader) { wantNothing(t, r, b, 1) })
	b = newBook(1)
	update(t, s, func(tx store.Tx) { everything(tx, b, 1) })
}

func testCancel(t *testing.T, s store.Store) {
	b := newBook(1)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx store.Tx) error {
		everything(tx, b, 1)
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update: got %v, want context.Canceled", err)
	}
	if err := s.Update(ctx, func(store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("next update: got %v, want context.Canceled", err)
	}
	if err := s.View(ctx, func(store.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("view: got %v, want context.Canceled", err)
	}
	view(t, s, func(r store.Reader) { wantNothing(t, r, b, 1) })
}

func testSnapshot(t *testing.T, s store.Store) {
	b := newBook(1)
	update(t, s, func(tx store.Tx) { everything(tx, b, 1) })
	view(t, s, func(r store.Reader) {
		if _, err := r.Record(recordID(1)); err != nil {
			t.Fatalf("before: %v", err)
		}
		update(t, s, func(tx store.Tx) { everything(tx, b, 2) })
		wantNothing(t, r, b, 2)
		if got := must1(r.Scope(scopeID(1))).Position; got != 1 {
			t.Errorf("head moved to %d under a view", got)
		}
		recs, _, to, more, err := r.Page(scopeID(1), 0, store.ToHead, 1<<20)
		if err != nil || len(recs) != 1 || to != 1 || more {
			t.Errorf("page holds %d records up to %d (more %t, error %v), want 1 up to 1", len(recs), to, more, err)
		}
		view(t, s, func(later store.Reader) {
			if _, err := later.Record(recordID(2)); err != nil {
				t.Errorf("a later view lacks what was committed before it: %v", err)
			}
		})
	})
}

func testEnded(t *testing.T, s store.Store) {
	var keptTx store.Tx
	var keptReader store.Reader
	update(t, s, func(tx store.Tx) { keptTx = tx; must1(tx.GrantSerial()) })
	view(t, s, func(r store.Reader) { keptReader = r; must1(r.GrantSerial()) })
	for _, kept := range []store.Reader{keptTx, keptReader} {
		if _, err := kept.GrantSerial(); err == nil {
			t.Error("one that is over says again what it said")
		}
	}
	if err := keptTx.PutMeta("late", []byte("x")); err == nil {
		t.Error("a transaction that is over still writes")
	}
	if _, err := keptReader.Eras(); err == nil {
		t.Error("a view that is over still reads")
	}
	view(t, s, func(r store.Reader) {
		_, err := r.Meta("late")
		wantMissing(t, "late value", err)
	})
}

// testPositions lets writers compete for the places of three scopes while
// readers watch: whoever sees a head sees all that stands before it.
func testPositions(t *testing.T, s store.Store) {
	const writers, rounds, scopes = 6, 15, 3
	update(t, s, func(tx store.Tx) {
		for n := range scopes {
			addScope(tx, n)
		}
	})
	var writing, watching sync.WaitGroup
	errs := make(chan error, writers*rounds+scopes*1000)
	for w := range writers {
		writing.Go(func() {
			for i := range rounds {
				err := s.Update(t.Context(), func(tx store.Tx) error {
					for n := range scopes {
						if (w+i+n)%2 == 0 {
							apply(tx, newState(recordID(1+n+scopes*(i+rounds*w)), scopeID(n), "x"), 0)
						}
					}
					return nil
				})
				if err != nil {
					errs <- fmt.Errorf("writer %d: %w", w, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	for n := range scopes {
		watching.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				err := s.View(t.Context(), func(r store.Reader) error { return noGaps(r, scopeID(n)) })
				if err != nil {
					errs <- fmt.Errorf("watcher of scope %d: %w", n, err)
					return
				}
			}
		})
	}
	writing.Wait()
	close(done)
	watching.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	total := 0
	view(t, s, func(r store.Reader) {
		for n := range scopes {
			must(noGaps(r, scopeID(n)))
			total += int(must1(r.Scope(scopeID(n))).Count)
		}
	})
	if total == 0 {
		t.Error("nothing was written")
	}
}

// noGaps checks a scope in which every record was written once.
func noGaps(r store.Reader, id syncproto.ScopeID) error {
	head, err := r.Scope(id)
	if err != nil {
		return err
	}
	recs, _, to, more, err := r.Page(id, 0, store.ToHead, 1<<30)
	if err != nil {
		return err
	}
	if uint64(len(recs)) != head.Position || head.Count != head.Position || to != head.Position || more {
		return fmt.Errorf("head %d, count %d, but the page holds %d records up to %d (more %t)", head.Position, head.Count, len(recs), to, more)
	}
	var sum [16]byte
	for i, rec := range recs {
		if rec.State.Position != uint64(i)+1 {
			return fmt.Errorf("record %d of the page is at position %d", i, rec.State.Position)
		}
		sum = syncproto.SumAdd(sum, rec.Hash)
	}
	if sum != head.Sum {
		return errors.New("sum of the scope differs from that of its records")
	}
	return nil
}

func testClose(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) { must(tx.PutMeta("key", []byte("value"))) })
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if err := s.Update(t.Context(), func(store.Tx) error { return nil }); err == nil {
		t.Error("a closed store still writes")
	}
	if err := s.View(t.Context(), func(store.Reader) error { return nil }); err == nil {
		t.Error("a closed store still reads")
	}
}
