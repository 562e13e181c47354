package sqlitestore

import (
	"context"
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto/planted"
)

// takeTurn waits until nobody else writes.
func (s *Store) takeTurn(ctx context.Context) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.closed.Load() {
		s.turn <- struct{}{}
		return errClosed
	}
	return nil
}

// ready returns the writing connection, a new one if the last one died: what a
// connection believes after a failed write or sync is not to be trusted, so
// what is on disk is read anew, and must hold all that was acknowledged.
func (s *Store) ready(ctx context.Context) (*conn, error) {
	if s.lost != nil {
		return nil, s.lost
	}
	if s.writer != nil && !s.writer.dead {
		return s.writer, nil
	}
	if s.writer != nil {
		// It is being given up; an error in closing it changes nothing.
		s.forgetCache(s.writer)
		_ = s.writer.close()
		s.writer = nil
	}
	w, err := connect(ctx, s.connector, []string{fmt.Sprintf("busy_timeout = %d", busyMillis)})
	if err != nil {
		return nil, fmt.Errorf("reopen after a disk error: %w", err)
	}
	s.writer = w
	err = s.tuneWriter()
	var n, order int64
	if err == nil {
		n, order, err = counters(w)
	}
	if err != nil {
		w.dead = true
		return nil, fmt.Errorf("reopen after a disk error: %w", err)
	}
	// One more than acknowledged is the transaction whose commit failed late.
	if n < s.commits || n > s.commits+1 {
		s.lost = fmt.Errorf("after a disk error %d transactions are there, %d were acknowledged: %w", n, s.commits, store.ErrCorrupt)
		return nil, s.lost
	}
	s.commits, s.order = n, order
	return w, nil
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, f func(store.Tx) error) error {
	if err := s.takeTurn(ctx); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	defer func() { s.turn <- struct{}{} }()
	w, err := s.ready(ctx)
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	w.failed = nil
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	t := &tx{reader: reader{ctx: ctx, c: w, names: s.names, fresh: newNames(), pending: map[int64]store.Scope{},
		memo: s.memoOf(s.commits)}, order: s.order}
	committed := false
	defer func() {
		t.c, t.memo = ended(), nil
		if !committed {
			// After some errors SQLite has rolled back already; after others the
			// connection is closed, which does it.
			_ = w.script("ROLLBACK")
		}
	}()
	if err = f(t); err == nil {
		err = ctx.Err()
	}
	if err == nil && t.wrote {
		err = t.flush()
	}
	if planted.Bug("short numbers outlive a rollback") {
		s.names.add(t.fresh)
	}
	if err != nil {
		return err
	}
	if t.unsettled {
		// Before anybody can see what was changed.
		s.memo.Store(newMemo(s.commits + 1))
	}
	// If f passed over an error after which nothing may be kept, the connection
	// does not commit.
	if _, err := w.exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	s.noteCache(w)
	s.noteGrowth(w)
	if t.wrote {
		s.commits, s.order = s.commits+1, t.order
		s.names.add(t.fresh)
	}
	return nil
}
