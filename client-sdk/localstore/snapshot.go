package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

const (
	// snapshotWorth is how many records must have changed before the snapshot
	// is written anew when the store is locked: reading that many at the next
	// unlock takes some 50 ms, writing a snapshot some megabytes of flash.
	snapshotWorth = 300
	// snapshotPart is the size of its pieces, so that neither a row nor the
	// memory beside it grows with the number of records.
	snapshotPart = 256 << 10
	// maxSnapshot bounds what is believed of a stored size: a hundred thousand
	// records take some 100 MB.
	maxSnapshot = 512 << 20
)

// SaveIndex writes the snapshot of the index if something changed since the
// last; worth doing after a first load, and when the device is idle.
func (s *Store) SaveIndex(ctx context.Context) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.saveSnapshot(ctx, 1); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	return nil
}

func (s *Store) saveSnapshot(ctx context.Context, worth int) error {
	if s.index == nil || s.db == nil {
		return nil
	}
	if s.catchUpLocked(ctx); s.index.stale != nil {
		return nil
	}
	var touched, have int
	err := s.view(ctx, func(q querier) error {
		return q.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM touched), (SELECT count(*) FROM snapshot)").Scan(&touched, &have)
	})
	if err != nil {
		return err
	}
	if touched == 0 && have > 0 || touched < worth && (have > 0 || touched == 0) {
		return nil
	}
	image, err := s.index.image(ctx)
	if err != nil {
		return err
	}
	fresh, err := newKey(s.opt.Rand)
	if err != nil {
		return err
	}
	err = s.changeLocked(ctx, "write snapshot", func(t *tx, k *keyring) error {
		if err := t.spoilSnapshot(); err != nil {
			return err
		}
		sealed, err := k.device.seal(s.opt.Rand, bound("snapshot key"), fresh[:])
		if err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO snapshot (one, key, layout, package, size) VALUES (1, ?, ?, ?, ?)", sealed, indexLayout, s.packageVersion(), len(image))
		if err != nil {
			return err
		}
		for n := 0; n*snapshotPart < len(image); n++ {
			part := image[n*snapshotPart : min((n+1)*snapshotPart, len(image))]
			sealed, err := fresh.seal(s.opt.Rand, bound("snapshot", be64(uint64(n))), part)
			if err != nil {
				return err
			}
			if _, err := t.exec("INSERT INTO snapshot_part (n, sealed) VALUES (?, ?)", n, sealed); err != nil {
				return err
			}
		}
		_, err = t.exec("DELETE FROM touched")
		return err
	})
	if err != nil {
		return err
	}
	return s.foldBack(ctx, walSoft)
}

// spoilSnapshot destroys the snapshot's key, so that nothing that stands in it
// comes back.
func (t *tx) spoilSnapshot() error {
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

// image returns the index as the bytes of a database.
func (x *index) image(ctx context.Context) (image []byte, err error) {
	c, err := x.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("copy index: %w", err)
	}
	defer c.Close()
	err = c.Raw(func(driver any) error {
		image, err = driver.(*conn).fullConn.(interface{ Serialize() ([]byte, error) }).Serialize()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("copy index: %w", err)
	}
	return image, nil
}

// loadSnapshot fills an empty index from the snapshot; false if there is none
// that this release and its forms can use. A damaged one counts as none.
func (s *Store) loadSnapshot(ctx context.Context, x *index) (bool, error) {
	image, err := s.readSnapshot(ctx)
	if errors.Is(err, ErrCorrupt) || image == nil && err == nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := x.db.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("load index: %w", err)
	}
	defer c.Close()
	err = c.Raw(func(driver any) error {
		return driver.(*conn).fullConn.(interface{ Deserialize([]byte) error }).Deserialize(image)
	})
	if err != nil {
		return false, fmt.Errorf("load index: %w", err)
	}
	return true, nil
}

func (s *Store) readSnapshot(ctx context.Context) (image []byte, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
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
		if size <= 0 || size > maxSnapshot {
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
		whole := make([]byte, 0, size)
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
			if len(whole)+len(plain) > size || n*snapshotPart != uint64(len(whole)) {
				return fmt.Errorf("snapshot part %d: %w", n, ErrCorrupt)
			}
			whole = append(whole, plain...)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if len(whole) != size {
			return fmt.Errorf("snapshot cut short: %w", ErrCorrupt)
		}
		image = whole
		return nil
	})
	return image, err
}
