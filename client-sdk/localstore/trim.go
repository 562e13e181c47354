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
// kept one is where a log begins from then on. Of those after it only what they
// say goes; their places, outcomes and chain hashes stay, so that the log is
// whole, with gaps. An older log of which nothing is kept stays listed, so that
// its sequences are never used again.
func (s *Store) Trim(ctx context.Context, keep time.Duration) (n int, err error) {
	now := s.now()
	since := now - keep.Milliseconds()
	var ranges []trimRange
	var done bool
	// Nearly always there is nothing to do, and then nothing is written.
	err = s.view(ctx, func(q querier) error {
		if ranges, err = trimmable(ctx, q, since, now); err != nil || len(ranges) > 0 {
			return err
		}
		return q.QueryRowContext(ctx, "SELECT NOT EXISTS (SELECT 1 "+fromFinished+")", finished(since, now)...).Scan(&done)
	})
	if err != nil || done {
		return 0, err
	}
	err = s.change(ctx, "forget old changes", func(t *tx, _ *keyring) error {
		if ranges, err = trimmable(t.ctx, t, since, now); err != nil {
			return err
		}
		for _, l := range ranges {
			gone, err := l.trim(t)
			if err != nil {
				return err
			}
			n += gone
		}
		r, err := t.exec("UPDATE entry SET body = x'', result = x'' WHERE at IN (SELECT at "+fromFinished+")", finished(since, now)...)
		if err != nil {
			return err
		}
		emptied, err := r.RowsAffected()
		if err != nil {
			return err
		}
		n += int(emptied)
		return t.trimBefore()
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// unfinished are the entries whose content must stay: it is laid over the
// server's state, waits to be redacted, was saved of late, or nobody has decided
// about it. ?1 is seqBits, ?4 and ?5 since when and until when is of late.
const unfinished = `length(body) > 0 AND (overlay = 1 OR redact = 1 OR saved > ?4 AND saved <= ?5 OR outcome IN (0, ?2, ?3))`

// fromFinished are the entries whose content may go.
const fromFinished = `FROM log CROSS JOIN entry WHERE entry.at > log.n << ?1 AND entry.at <= (log.n << ?1) + min(backup_safe, head_seq)
	AND length(body) > 0 AND NOT (` + unfinished + ")"

func finished(since, now int64) []any {
	return []any{seqBits, syncproto.Parked, syncproto.Quarantined, since, now}
}

// trimRange is the sequences of a log that may go.
type trimRange struct {
	n         int64
	first, to uint64
}

func trimmable(ctx context.Context, q querier, since, now int64) (ranges []trimRange, err error) {
	// The first change that must stay bounds what goes: a log begins somewhere,
	// and from there on every sequence has its row.
	rows, err := q.QueryContext(ctx, `SELECT n, first, min(backup_safe, head_seq), (SELECT min(at) FROM entry
		WHERE at > log.n << ?1 AND at < (log.n + 1) << ?1 AND `+unfinished+`) FROM log`, finished(since, now)...)
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

// trim lets go of the range and returns how many changes still had content.
func (r *trimRange) trim(t *tx) (n int, err error) {
	var chain []byte
	if err := t.row("SELECT chain FROM entry WHERE at = ?", at(r.n, r.to)).Scan(&chain); err != nil {
		return 0, fmt.Errorf("read chain: %w", missing(err, ErrCorrupt))
	}
	err = t.row("SELECT count(*) FROM entry WHERE at >= ? AND at <= ? AND length(body) > 0", at(r.n, r.first), at(r.n, r.to)).Scan(&n)
	if err != nil {
		return 0, translate(err)
	}
	if err := t.touchEntries("at >= ? AND at <= ?", at(r.n, r.first), at(r.n, r.to)); err != nil {
		return 0, err
	}
	if _, err := t.exec("DELETE FROM entry WHERE at >= ? AND at <= ?", at(r.n, r.first), at(r.n, r.to)); err != nil {
		return 0, err
	}
	_, err = t.exec("UPDATE log SET first = ?, first_prev = ? WHERE n = ?", r.to+1, chain, r.n)
	return n, err
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
