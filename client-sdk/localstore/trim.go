package localstore

import (
	"context"
	"fmt"
	"time"

	"mahalleh/syncproto"
)

// Trim forgets own changes that a verified backup of the server holds, that
// stand in the server's state here, and that were not saved within the last
// while (keep, by the device's clock; what is dated later than now was saved by
// a wrong clock and is not kept for that), and returns how many. The lowest
// kept one is where a log begins from then on. An older log of which nothing is
// kept stays listed, so that its sequences are never used again.
func (s *Store) Trim(ctx context.Context, keep time.Duration) (n int, err error) {
	now := s.now()
	var ranges []trimRange
	// Nearly always there is nothing to do, and then nothing is written.
	err = s.view(ctx, func(q querier) error {
		ranges, err = trimmable(ctx, q, now-keep.Milliseconds(), now)
		return err
	})
	if err != nil || len(ranges) == 0 {
		return 0, err
	}
	err = s.change(ctx, "forget old changes", func(t *tx, _ *keyring) error {
		if ranges, err = trimmable(t.ctx, t, now-keep.Milliseconds(), now); err != nil {
			return err
		}
		for _, l := range ranges {
			if err := l.trim(t); err != nil {
				return err
			}
			n += int(l.to - l.first + 1)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// trimRange is the sequences of a log that may go.
type trimRange struct {
	n         int64
	first, to uint64
}

func trimmable(ctx context.Context, q querier, since, now int64) (ranges []trimRange, err error) {
	// The first change that must stay bounds what goes: a log has no holes.
	rows, err := q.QueryContext(ctx, `SELECT n, first, min(backup_safe, head_seq), (SELECT min(at) FROM entry
		WHERE at > log.n << ?1 AND at < (log.n + 1) << ?1 AND (overlay = 1 OR redact = 1 OR saved > ?4 AND saved <= ?5
			OR length(body) > 0 AND outcome IN (0, ?2, ?3))) FROM log`,
		seqBits, syncproto.Parked, syncproto.Quarantined, since, now)
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r trimRange
		var stays *int64
		if err := rows.Scan(&r.n, &r.first, &r.to, &stays); err != nil {
			return nil, translate(err)
		}
		if stays != nil {
			r.to = min(r.to, seqOf(*stays)-1)
		}
		if r.to >= r.first {
			ranges = append(ranges, r)
		}
	}
	return ranges, translate(rows.Err())
}

func (r *trimRange) trim(t *tx) error {
	var chain []byte
	if err := t.row("SELECT chain FROM entry WHERE at = ?", at(r.n, r.to)).Scan(&chain); err != nil {
		return fmt.Errorf("read chain: %w", missing(err, ErrCorrupt))
	}
	if err := t.touchEntries("at >= ? AND at <= ?", at(r.n, r.first), at(r.n, r.to)); err != nil {
		return err
	}
	if _, err := t.exec("DELETE FROM entry WHERE at >= ? AND at <= ?", at(r.n, r.first), at(r.n, r.to)); err != nil {
		return err
	}
	_, err := t.exec("UPDATE log SET first = ?, first_prev = ? WHERE n = ?", r.to+1, chain, r.n)
	return err
}

// touchEntries makes the index look at the records of some entries again.
func (t *tx) touchEntries(where string, args ...any) error {
	rows, err := t.QueryContext(t.ctx, "SELECT DISTINCT record FROM entry WHERE "+where, args...)
	if err != nil {
		return translate(err)
	}
	ids, err := scanRecords(rows)
	for _, id := range ids {
		t.touch(id)
	}
	return err
}
