package sqlitestore

import (
	"context"
	"fmt"

	"modernc.org/sqlite"
)

const (
	// longLog is how many pages the write-ahead log may have, 48 MiB, before somebody
	// shall fold it back while commits go on.
	longLog = 12 << 10
	// fewPages are folded so quickly that commits can wait for it.
	fewPages = 1 << 10
	// readerMillis is how long commits wait for readers, whose snapshots are short,
	// before a long log begins anew.
	readerMillis = 100
)

// Fold says what a checkpoint did with the write-ahead log.
type Fold struct {
	// Pages were in the log, Folded of them now stand in the database.
	Pages, Folded int64
	// Truncated says that the log's file is empty again, Restarted that the next
	// commit begins at its front.
	Truncated, Restarted bool
}

// Grown says that the write-ahead log has grown long: it is time for Checkpoint.
// Nobody who does not listen is waited for.
func (s *Store) Grown() <-chan struct{} { return s.grown }

// noteGrowth counts the pages that a commit of the writer added to the log; whoever
// has the turn calls it.
func (s *Store) noteGrowth(c *conn) {
	st, ok := c.dc.(sqlite.DBStatus)
	if !ok || c.dead {
		return
	}
	written, _, err := st.Status(sqlite.DBStatusCacheWrite, false)
	if err != nil {
		return
	}
	s.unfolded += int64(written) - c.written
	c.written = int64(written)
	if s.unfolded >= s.long {
		select {
		case s.grown <- struct{}{}:
		default:
		}
	}
}

// Checkpoint folds the write-ahead log back into the database, without keeping
// anybody from writing or reading. If nobody writes and no reader is behind,
// the log's file is emptied, too. The server calls it when it is idle, and now
// and then when it is not: commits do not do it, so that no save pays for it.
//
// While commits follow each other, there is never a moment in which all of the log
// is folded, and it would grow until a commit folds it after all, and everybody
// waits. So of a log that is long they wait for the last pages, which are few.
func (s *Store) Checkpoint(ctx context.Context) (Fold, error) {
	f, err := s.foldBeside(ctx)
	if err == nil && !f.Truncated && f.Pages >= s.long {
		f, err = s.foldLast(ctx, f)
	}
	if err != nil {
		return f, fmt.Errorf("checkpoint: %w", err)
	}
	return f, nil
}

// foldBeside folds what others leave, and of a long log what commits have added
// meanwhile, until little is left.
func (s *Store) foldBeside(ctx context.Context) (Fold, error) {
	c, err := s.borrow(ctx)
	if err != nil {
		return Fold{}, err
	}
	defer s.giveBack(c)
	c.failed = nil
	done, _, err := c.fold("PASSIVE")
	if err == nil && done.Pages > 0 && done.Folded == done.Pages {
		return s.empty(c, done)
	}
	for err == nil && done.Pages >= s.long && done.Pages-done.Folded > fewPages {
		var f Fold
		if f, _, err = c.fold("PASSIVE"); err != nil {
			break
		}
		stuck := f.Folded <= done.Folded || f.Pages-f.Folded >= done.Pages-done.Folded
		if done = f; stuck {
			break
		}
	}
	return done, err
}

// fold runs one checkpoint; busy says that somebody was in its way.
func (c *conn) fold(mode string) (f Fold, busy bool, err error) {
	err = c.one("PRAGMA wal_checkpoint("+mode+")", func(r *row) error {
		busy = r.int() != 0
		// Both are -1 while somebody else folds.
		f.Pages, f.Folded = max(r.int(), 0), max(r.int(), 0)
		return nil
	})
	return f, busy, err
}

// foldWithin runs one checkpoint that waits for others, but not for long.
func (c *conn) foldWithin(mode string, millis int) (busy bool, err error) {
	if err := c.script(fmt.Sprintf("PRAGMA busy_timeout = %d", millis)); err != nil {
		return false, err
	}
	_, busy, err = c.fold(mode)
	if err != nil {
		c.dead = true
		return busy, err
	}
	return busy, c.script(fmt.Sprintf("PRAGMA busy_timeout = %d", busyMillis))
}

// empty empties the log's file, all of which is folded, unless somebody writes.
func (s *Store) empty(c *conn, done Fold) (Fold, error) {
	select {
	case <-s.turn:
	default:
		return done, nil
	}
	defer func() { s.turn <- struct{}{} }()
	// A reader in the middle of its snapshot shall not be waited for.
	busy, err := c.foldWithin("TRUNCATE", 0)
	done.Truncated = err == nil && !busy
	if done.Truncated {
		s.unfolded = 0
	}
	return done, err
}

// foldLast folds the last of a long log while commits wait, so that it begins anew.
// Whoever has the turn may borrow a connection, and not the other way round.
func (s *Store) foldLast(ctx context.Context, done Fold) (Fold, error) {
	if err := s.takeTurn(ctx); err != nil {
		return done, err
	}
	defer func() { s.turn <- struct{}{} }()
	c, err := s.borrow(ctx)
	if err != nil {
		return done, err
	}
	defer s.giveBack(c)
	c.failed = nil
	f, _, err := c.fold("PASSIVE")
	if err != nil {
		return done, err
	}
	// Pages that a reader's long snapshot keeps from being folded are counted anew: it
	// is no use to come back for every commit.
	s.unfolded = 0
	if done = f; f.Pages == 0 || f.Folded < f.Pages {
		return done, nil
	}
	busy, err := c.foldWithin("RESTART", readerMillis)
	done.Restarted = err == nil && !busy
	return done, err
}
