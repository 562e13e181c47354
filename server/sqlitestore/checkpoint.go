package sqlitestore

import (
	"context"
	"fmt"
)

// Fold says what a checkpoint did with the write-ahead log.
type Fold struct {
	// Pages were in the log, Folded of them now stand in the database.
	Pages, Folded int64
	// Truncated says that the log's file is empty again.
	Truncated bool
}

// Checkpoint folds the write-ahead log back into the database, without keeping
// anybody from writing or reading. If nobody writes and no reader is behind,
// the log's file is emptied, too. The server calls it when it is idle, and now
// and then when it is not: commits do not do it, so that no save pays for it.
func (s *Store) Checkpoint(ctx context.Context) (Fold, error) {
	var f Fold
	c, err := s.borrow(ctx)
	if err != nil {
		return f, fmt.Errorf("checkpoint: %w", err)
	}
	defer s.giveBack(c)
	c.failed = nil
	run := func(mode string) (busy bool, err error) {
		err = c.one("PRAGMA wal_checkpoint("+mode+")", func(r *row) error {
			busy = r.int() != 0
			// Both are -1 while somebody else folds.
			f.Pages, f.Folded = max(r.int(), 0), max(r.int(), 0)
			return nil
		})
		return busy, err
	}
	if _, err := run("PASSIVE"); err != nil {
		return f, fmt.Errorf("checkpoint: %w", err)
	}
	if f.Pages == 0 || f.Folded < f.Pages {
		return f, nil
	}
	select {
	case <-s.turn:
	default:
		return f, nil
	}
	defer func() { s.turn <- struct{}{} }()
	done := f
	// A reader in the middle of its snapshot shall not be waited for.
	if err := c.script("PRAGMA busy_timeout = 0"); err != nil {
		return f, fmt.Errorf("checkpoint: %w", err)
	}
	busy, err := run("TRUNCATE")
	if err == nil {
		err = c.script(fmt.Sprintf("PRAGMA busy_timeout = %d", busyMillis))
	} else {
		c.dead = true
	}
	f, f.Truncated = done, err == nil && !busy
	if err != nil {
		return f, fmt.Errorf("checkpoint: %w", err)
	}
	return f, nil
}
