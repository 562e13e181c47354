package localstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// ScopeStatus is what the device holds of a scope.
type ScopeStatus struct {
	wire.Cursor
	// Checked says that Cursor.Sum is the server's sum at Position, which it
	// told when the device had caught up; else Cursor.Sum is zero.
	Checked bool
	// Held is the sum over the records that are here, Count their number.
	Held  [16]byte
	Count uint64
	// Loading says that a first load is under way, Purging that the scope goes
	// as soon as own changes of it are received.
	Loading, Purging bool
}

// Scopes returns the scopes whose keys are here, ascending by id. It works
// while the store is locked.
func (s *Store) Scopes(ctx context.Context) (all []ScopeStatus, err error) {
	err = s.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, `SELECT id, era, position, head_sum, sum, count, loading, purge
			FROM scope WHERE length(key) > 0 AND id <> ? ORDER BY id`, keptScope[:])
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c ScopeStatus
			var id, era, headSum, sum []byte
			if err := rows.Scan(&id, &era, &c.Position, &headSum, &sum, &c.Count, &c.Loading, &c.Purging); err != nil {
				return err
			}
			copy(c.Scope[:], id)
			copy(c.Era[:], era)
			copy(c.Held[:], sum)
			c.Checked = len(headSum) == len(c.Sum)
			copy(c.Sum[:], headSum)
			all = append(all, c)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read scopes: %w", err)
	}
	return all, nil
}

// OpenScopes makes keys and cursors at zero for scopes that were granted.
func (s *Store) OpenScopes(ctx context.Context, ids []syncproto.ScopeID) error {
	return s.change(ctx, "open scopes", func(t *tx, _ *keyring) error {
		for _, id := range ids {
			if _, err := t.scope(id); err != nil {
				return err
			}
			if _, err := t.exec("UPDATE scope SET purge = 0 WHERE id = ? AND purge = 1", id[:]); err != nil {
				return err
			}
			t.done(func() { s.keys.byID[id].purge = false })
		}
		return nil
	})
}

// Buckets returns what Compare asks: 256 sums over the records of the scope by
// the first byte of SHA-256(record id), and the position they stand at.
func (s *Store) Buckets(ctx context.Context, scope syncproto.ScopeID) (sums []byte, position uint64, err error) {
	var buckets [wire.Buckets][16]byte
	err = s.view(ctx, func(q querier) error {
		err := q.QueryRowContext(ctx, "SELECT position FROM scope WHERE id = ?", scope[:]).Scan(&position)
		if err != nil {
			return missing(err, ErrNotFound)
		}
		return eachEntry(ctx, q, scope, func(e wire.Entry) {
			b := bucketOf(e.Record)
			buckets[b] = syncproto.SumAdd(buckets[b], e.StateHash)
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("sum buckets: %w", err)
	}
	sums = make([]byte, 0, wire.Buckets*16)
	for _, b := range buckets {
		sums = append(sums, b[:]...)
	}
	return sums, position, nil
}

func bucketOf(id syncproto.RecordID) byte { return sha256.Sum256(id[:])[0] }

// Entries names the records of some buckets of a scope with their state hashes,
// ascending by record.
func (s *Store) Entries(ctx context.Context, scope syncproto.ScopeID, buckets []byte) (entries []wire.Entry, err error) {
	var wanted [wire.Buckets]bool
	for _, b := range buckets {
		wanted[b] = true
	}
	err = s.view(ctx, func(q querier) error {
		return eachEntry(ctx, q, scope, func(e wire.Entry) {
			if wanted[bucketOf(e.Record)] {
				entries = append(entries, e)
			}
		})
	})
	if err != nil {
		return nil, fmt.Errorf("name records: %w", err)
	}
	slices.SortFunc(entries, func(a, b wire.Entry) int { return slices.Compare(a.Record[:], b.Record[:]) })
	return entries, nil
}

func eachEntry(ctx context.Context, q querier, scope syncproto.ScopeID, f func(wire.Entry)) error {
	rows, err := q.QueryContext(ctx, "SELECT record, hash FROM shadow WHERE scope = (SELECT n FROM scope WHERE id = ?) AND gone = ?", scope[:], goneNot)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var record, hash []byte
		if err := rows.Scan(&record, &hash); err != nil {
			return err
		}
		if len(record) != 16 || len(hash) != 16 {
			return fmt.Errorf("record row: %w", ErrCorrupt)
		}
		f(wire.Entry{Record: syncproto.RecordID(record), StateHash: [16]byte(hash)})
	}
	return rows.Err()
}

// Dropped counts what DropScope destroyed.
type Dropped struct {
	Records, Changes, Drafts int
	// Waiting is how many own changes of the scope are still to be received;
	// nothing was destroyed while there are any.
	Waiting int
}

// DropScope destroys the device's copy of a scope: its key, and with it all
// that was sealed by it, but for own changes that no verified backup of the
// server is known to hold, see keepUnsafe. While own changes of the scope are
// not received it only makes the scope refuse new ones, and says how many are
// Waiting. Own changes of the scope stay in the log as empty places.
func (s *Store) DropScope(ctx context.Context, scope syncproto.ScopeID) (d Dropped, err error) {
	s.write.Lock()
	defer s.write.Unlock()
	err = s.changeLocked(ctx, "drop scope", func(t *tx, k *keyring) error {
		sk := k.byID[scope]
		if sk == nil {
			return nil
		}
		d.Waiting, err = t.pendingIn(sk.n)
		if err != nil {
			return err
		}
		if d.Waiting > 0 {
			t.done(func() { sk.purge = true })
			_, err := t.exec("UPDATE scope SET purge = 1 WHERE n = ?", sk.n)
			return err
		}
		if err := t.dropScope(sk, &d); err != nil {
			return err
		}
		t.done(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			clear(sk.key[:])
			delete(k.scopes, sk.n)
			delete(k.byID, sk.id)
		})
		return nil
	})
	if err != nil {
		return Dropped{}, err
	}
	if d.Waiting == 0 {
		// What was deleted still stands in the write-ahead log.
		if err := s.db.checkpoint(ctx, "TRUNCATE"); err != nil {
			return d, s.failed(ctx, "drop scope", err)
		}
	}
	return d, nil
}

func (t *tx) dropScope(sk *scopeKey, d *Dropped) error {
	rows, err := t.QueryContext(t.ctx, `SELECT record FROM shadow WHERE scope = ?1 UNION SELECT record FROM entry WHERE scope = ?1
		UNION SELECT record FROM draft WHERE scope = ?1 UNION SELECT record FROM entry WHERE overlay = 1 AND res_scope = ?2`, sk.n, sk.id[:])
	if err != nil {
		return translate(err)
	}
	ids, err := scanRecords(rows)
	if err != nil {
		return err
	}
	for _, id := range ids {
		t.touch(id)
	}
	if err := t.keepUnsafe(sk); err != nil {
		return err
	}
	if err := t.row("SELECT count(*) FROM shadow WHERE scope = ? AND gone IN (?, ?)", sk.n, goneNot, goneLeft).Scan(&d.Records); err != nil {
		return translate(err)
	}
	// Changes written elsewhere that were applied here: what would end their
	// overlay does not come any more.
	if _, err := t.exec("UPDATE entry SET overlay = 0 WHERE overlay = 1 AND res_scope = ?", sk.id[:]); err != nil {
		return err
	}
	for _, step := range []struct {
		query string
		count *int
	}{
		{"DELETE FROM shadow WHERE scope = ?", new(int)},
		{"UPDATE entry SET body = x'', result = x'', overlay = 0, redact = 0 WHERE scope = ? AND length(body) > 0", &d.Changes},
		// Results told of changes whose body went with an earlier key.
		{"UPDATE entry SET result = x'', overlay = 0 WHERE scope = ? AND length(result) > 0", new(int)},
		{"DELETE FROM before WHERE scope = ?", new(int)},
		{"DELETE FROM draft WHERE scope = ?", &d.Drafts},
		{"UPDATE scope SET key = x'', era = x'', position = 0, caught = 0, head_sum = x'', sum = zeroblob(16), count = 0, load = load + 1, loading = 1, purge = 0 WHERE n = ?", new(int)},
	} {
		r, err := t.exec(step.query, sk.n)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		*step.count = int(n)
	}
	return t.spoilSnapshot()
}
