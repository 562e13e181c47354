package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

const (
	// snapshotWorth is how many records must have changed before the snapshot
	// is written anew when the store is locked: reading that many at the next
	// unlock takes some 50 ms, writing a snapshot some megabytes of flash.
	// snapshotShare is the part of all records that must have changed besides: a
	// hundred thousand records are not written again for one.
	snapshotWorth = 300
	snapshotShare = 50
	// snapshotPart is how many pages a piece of it has, 256 KiB, so that neither a
	// row nor the memory beside it grows with the number of records; snapshotStep
	// is how many pieces one transaction writes, for which a save may have to wait.
	snapshotPart = 64
	snapshotStep = 4
	// maxSnapshot bounds what is believed of a stored size: a hundred thousand
	// records take some 100 MB.
	maxSnapshot = 512 << 20
)

// SaveIndex writes the snapshot of the index if enough changed since the last;
// worth doing after a first load, and when the device is idle. Saving goes on
// meanwhile; a list that has to look at records ends it.
func (s *Store) SaveIndex(ctx context.Context) error {
	if err := s.saveSnapshot(ctx, 1); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	return nil
}

// errNotStill says that the index changed while a snapshot was taken.
var errNotStill = errors.New("the index changed")

// snapshotting is a snapshot that is being taken.
type snapshotting struct {
	s     *Store
	x     *index
	key   key
	pages int
	done  int   // pages that are written
	upTo  int64 // the last row of touched that it follows
}

// saveSnapshot writes a snapshot if at least so many records were touched. The
// caller does not hold write.
func (s *Store) saveSnapshot(ctx context.Context, worth int) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	t, err := s.beginSnapshot(ctx, worth)
	for err == nil && t != nil && t.done < t.pages {
		err = t.step(ctx, t.parts)
	}
	if err == nil && t != nil {
		err = t.step(ctx, t.end)
	}
	if t != nil {
		t.let()
	}
	if errors.Is(err, errNotStill) {
		return nil // there will be another one
	}
	return err
}

// beginSnapshot has the index stand still; nil if there is nothing to write.
func (s *Store) beginSnapshot(ctx context.Context, worth int) (*snapshotting, error) {
	s.write.Lock()
	defer s.write.Unlock()
	x := s.index
	if x == nil || s.db == nil || x.stale != nil || len(x.late) > 0 || x.still {
		return nil, nil
	}
	t := &snapshotting{s: s, x: x}
	var touched, have, rows int
	err := s.view(ctx, func(q querier) error {
		return q.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM touched), (SELECT coalesce(max(n), 0) FROM touched), (SELECT count(*) FROM snapshot)").
			Scan(&touched, &t.upTo, &have)
	})
	if err != nil {
		return nil, err
	}
	if err := x.db.QueryRowContext(ctx, "SELECT count(*) FROM row").Scan(&rows); err != nil {
		return nil, fmt.Errorf("count rows of index: %w", err)
	}
	if worth = max(worth, rows/snapshotShare); touched == 0 && have > 0 || touched < worth && (have > 0 || touched == 0) {
		return nil, nil
	}
	if err := x.db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&t.pages); err != nil {
		return nil, fmt.Errorf("measure index: %w", err)
	}
	if t.key, err = newKey(s.opt.Rand); err != nil {
		return nil, err
	}
	if err := s.changeLocked(ctx, "begin snapshot", func(t *tx, _ *keyring) error { return t.spoilSnapshot() }); err != nil {
		return nil, err
	}
	x.still = true
	return t, nil
}

// step does a part of the work in a transaction, if the index still stands still.
func (t *snapshotting) step(ctx context.Context, f func(*tx, *keyring) error) error {
	t.s.write.Lock()
	defer t.s.write.Unlock()
	if t.s.index != t.x || !t.x.still {
		return errNotStill
	}
	if err := t.s.changeLocked(ctx, "write snapshot", f); err != nil {
		return err
	}
	return t.s.foldBack(ctx, walSoft)
}

// parts writes the next pieces.
func (t *snapshotting) parts(tx *tx, _ *keyring) error {
	for range snapshotStep {
		if t.done == t.pages {
			return nil
		}
		n := min(snapshotPart, t.pages-t.done)
		plain, err := t.x.read(tx.ctx, t.done+1, n)
		if err != nil {
			return err
		}
		part := t.done / snapshotPart
		sealed, err := t.key.seal(t.s.opt.Rand, bound("snapshot", be64(uint64(part))), plain)
		if err != nil {
			return err
		}
		if _, err := tx.exec("INSERT INTO snapshot_part (n, sealed) VALUES (?, ?)", part, sealed); err != nil {
			return err
		}
		t.done += n
	}
	return nil
}

// end makes the pieces a snapshot, by their key.
func (t *snapshotting) end(tx *tx, k *keyring) error {
	sealed, err := k.device.seal(t.s.opt.Rand, bound("snapshot key"), t.key[:])
	if err != nil {
		return err
	}
	_, err = tx.exec("INSERT INTO snapshot (one, key, layout, package, size) VALUES (1, ?, ?, ?, ?)",
		sealed, indexLayout, t.s.packageVersion(), t.pages*spillPage)
	if err != nil {
		return err
	}
	_, err = tx.exec("DELETE FROM touched WHERE n <= ?", t.upTo)
	return err
}

// let lets the index go on; what came meanwhile waits for the next list.
func (t *snapshotting) let() {
	t.s.write.Lock()
	defer t.s.write.Unlock()
	t.x.still = false
	clear(t.key[:])
}

// spoilSnapshot destroys the snapshot's key, so that nothing that stands in it
// comes back, and ends one that is being taken.
func (t *tx) spoilSnapshot() error {
	if t.s.index != nil {
		t.s.index.still = false
	}
	if _, err := t.exec("DELETE FROM snapshot"); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM snapshot_part")
	return err
}

func (s *Store) packageVersion() uint32 {
	if s.opt.Packages == nil {
		return 0
	}
	return s.opt.Packages.Version
}

// read returns pages of the index's database, the first is 1.
func (x *index) read(ctx context.Context, first, n int) ([]byte, error) {
	all := make([]byte, 0, n*spillPage)
	for i := range n {
		var page []byte
		if err := x.db.QueryRowContext(ctx, "SELECT data FROM sqlite_dbpage WHERE pgno = ?", first+i).Scan(&page); err != nil {
			return nil, fmt.Errorf("copy index: %w", err)
		}
		all = append(all, page...)
	}
	return all, nil
}

// loadSnapshot fills an empty index from the snapshot; false if there is none
// that this release and its forms can use. A damaged one counts as none.
func (s *Store) loadSnapshot(ctx context.Context, x *index) (loaded bool, err error) {
	to, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("load index: %w", err)
	}
	defer to.Rollback()
	pages := 0
	err = s.readSnapshot(ctx, func(part []byte) error {
		for page := range slices.Chunk(part, spillPage) {
			pages++
			if _, err := to.ExecContext(ctx, "INSERT INTO sqlite_dbpage (pgno, data) VALUES (?, ?)", pages, page); err != nil {
				return fmt.Errorf("load index: %w", err)
			}
		}
		return nil
	})
	if errors.Is(err, ErrCorrupt) || pages == 0 && err == nil {
		return false, nil
	}
	if err == nil {
		err = to.Commit()
	}
	if err != nil {
		return false, err
	}
	return true, x.readSchema(ctx)
}

// readSchema has SQLite read anew what stands in the first page, after it was
// written below it: it goes by what it had read of an empty one. To look whether
// a page is sound it reads it anew, and a schema of another number too.
func (x *index) readSchema(ctx context.Context) error {
	var sound string
	var version int
	err := x.db.QueryRowContext(ctx, "PRAGMA integrity_check(sqlite_schema)").Scan(&sound)
	if err == nil {
		err = x.db.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&version)
	}
	if err == nil {
		_, err = x.db.ExecContext(ctx, fmt.Sprintf("PRAGMA schema_version = %d", version+1))
	}
	if err == nil {
		// What was written is a database, or its lists would say so at every use.
		_, err = x.db.ExecContext(ctx, "SELECT 1 FROM row, words LIMIT 1")
	}
	if err != nil {
		return fmt.Errorf("load index: %w", err)
	}
	return nil
}

// readSnapshot calls f with the pieces of the snapshot that is there, in order.
// What makes it useless may come out at its end only.
func (s *Store) readSnapshot(ctx context.Context, f func(part []byte) error) error {
	return s.open(ctx, func(q querier, k *keyring) error {
		var sealed []byte
		var layout, size int
		var pkg uint32
		err := q.QueryRowContext(ctx, "SELECT key, layout, package, size FROM snapshot").Scan(&sealed, &layout, &pkg, &size)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (layout != indexLayout || pkg != s.packageVersion()) {
			return nil
		}
		if err != nil {
			return err
		}
		if size <= 0 || size > maxSnapshot || size%spillPage != 0 {
			return fmt.Errorf("snapshot of %d bytes: %w", size, ErrCorrupt)
		}
		plain, err := k.device.open(bound("snapshot key"), sealed)
		if err != nil || len(plain) != len(key{}) {
			return fmt.Errorf("snapshot key: %w", ErrCorrupt)
		}
		sk := key(plain)
		rows, err := q.QueryContext(ctx, "SELECT n, sealed FROM snapshot_part ORDER BY n")
		if err != nil {
			return err
		}
		defer rows.Close()
		read, parts := 0, uint64(0)
		for rows.Next() {
			var n uint64
			var part sql.RawBytes
			if err := rows.Scan(&n, &part); err != nil {
				return err
			}
			plain, err := sk.open(bound("snapshot", be64(n)), part)
			if err != nil {
				return err
			}
			if read += len(plain); read > size || n != parts || len(plain)%spillPage != 0 {
				return fmt.Errorf("snapshot part %d: %w", n, ErrCorrupt)
			}
			parts++
			if err := f(plain); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if read != size {
			return fmt.Errorf("snapshot cut short: %w", ErrCorrupt)
		}
		return nil
	})
}
