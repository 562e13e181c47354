package localstore

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// LogStatus is a log of this database.
type LogStatus struct {
	Log     syncproto.LogID
	Serial  uint64
	Current bool
	// Created is when it was opened, Unix milliseconds; Reason why.
	Created int64
	Reason  string
	// Cert is its certificate (wire.AppendLogCert).
	Cert []byte
	// First is the lowest sequence kept, HeadSeq the last one, Head the chain
	// hash there. Nothing is kept when First > HeadSeq.
	First, HeadSeq uint64
	Head           syncproto.Hash
	// Received is how far the server is known to hold the log, BackupSafe how
	// far a verified backup of it does.
	Received, BackupSafe uint64
	// ResultsFrom is the lowest sequence whose result is wanted and not known
	// here; HeadSeq+1 if there is none.
	ResultsFrom uint64
}

// Logs returns the logs of this database's incarnations, oldest first, the
// current one last. It works while locked.
func (s *Store) Logs(ctx context.Context) (logs []LogStatus, err error) {
	err = s.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, `SELECT id, serial, created, reason, cert, first, head_seq, head, received, backup_safe,
			coalesce((SELECT min(at) FROM entry WHERE at > log.n << ?1 AND at < (log.n + 1) << ?1 AND outcome = 0 AND length(body) > 0) & ?2, head_seq + 1)
			FROM log ORDER BY n`, seqBits, int64(1<<seqBits-1))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var l LogStatus
			var id, head []byte
			err := rows.Scan(&id, &l.Serial, &l.Created, &l.Reason, &l.Cert, &l.First, &l.HeadSeq, &head, &l.Received, &l.BackupSafe, &l.ResultsFrom)
			if err != nil {
				return err
			}
			copy(l.Log[:], id)
			copy(l.Head[:], head)
			logs = append(logs, l)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read logs: %w", err)
	}
	if len(logs) > 0 {
		logs[len(logs)-1].Current = true
	}
	return logs, nil
}

// LogKey returns certificate and key of a log, to sign its batches with; zero
// is the current log.
func (s *Store) LogKey(ctx context.Context, log syncproto.LogID) (cert *wire.LogCert, private ed25519.PrivateKey, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		var doc, sealed, id []byte
		err := q.QueryRowContext(ctx, "SELECT id, cert, key FROM log WHERE id = ? OR ? ORDER BY n DESC LIMIT 1", log[:], log.IsZero()).Scan(&id, &doc, &sealed)
		if err != nil {
			return missing(err, ErrNotFound)
		}
		seed, err := k.device.open(bound("log key", id), sealed)
		if err != nil || len(seed) != ed25519.SeedSize {
			return fmt.Errorf("log key: %w", ErrCorrupt)
		}
		private = ed25519.NewKeyFromSeed(seed)
		if cert, err = wire.DecodeLogCert(doc); err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read key of log %v: %w", log, err)
	}
	return cert, private, nil
}

// Entries of a log in one piece, as a batch takes them.
type Stretch struct {
	Log syncproto.LogID
	// First is the sequence of the first change, Prev the chain hash before it.
	First uint64
	Prev  syncproto.Hash
	// Changes hold HeaderBytes, Secret and OpsBytes; a redacted one has only
	// the header.
	Changes []*syncproto.Change
	// Gap is set instead of Changes where the sequences from First on are not
	// here any more: lost with a purged scope, or let go of because a verified
	// backup holds them. Declare it to the server.
	Gap *wire.Gap
}

// Next is the sequence after the stretch.
func (c *Stretch) Next() uint64 {
	if c.Gap != nil {
		return c.Gap.To + 1
	}
	return c.First + uint64(len(c.Changes))
}

// ReadBatch reads changes of a log (zero: the current one) from a sequence on,
// at most maxChanges and about maxBytes but at least one. It returns ErrNotFound
// when there are none.
func (s *Store) ReadBatch(ctx context.Context, log syncproto.LogID, from uint64, maxChanges, maxBytes int) (b Stretch, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		var n int64
		var id, firstPrev, prev []byte
		var first uint64
		err := q.QueryRowContext(ctx, "SELECT n, id, first, first_prev FROM log WHERE id = ? OR ? ORDER BY n DESC LIMIT 1", log[:], log.IsZero()).
			Scan(&n, &id, &first, &firstPrev)
		if err != nil {
			return missing(err, ErrNotFound)
		}
		b.Log, b.First = syncproto.LogID(id), from
		if from < first {
			b.Gap = &wire.Gap{Log: b.Log, From: from, To: first - 1, Head: syncproto.Hash(firstPrev)}
			return nil
		}
		if prev = firstPrev; from > first {
			err := q.QueryRowContext(ctx, "SELECT chain FROM entry WHERE at = ?", at(n, from-1)).Scan(&prev)
			if err != nil {
				return missing(err, ErrNotFound)
			}
		}
		copy(b.Prev[:], prev)
		return b.read(ctx, q, k, n, maxChanges, maxBytes)
	})
	if err != nil {
		return Stretch{}, fmt.Errorf("read changes from %d: %w", from, err)
	}
	return b, nil
}

func (b *Stretch) read(ctx context.Context, q querier, k *keyring, n int64, maxChanges, maxBytes int) error {
	rows, err := q.QueryContext(ctx, "SELECT at, scope, chain, body FROM entry WHERE at >= ? AND at < ? ORDER BY at LIMIT ?",
		at(n, b.First), at(n+1, 0), maxChanges)
	if err != nil {
		return err
	}
	defer rows.Close()
	size := 0
	for rows.Next() {
		var where, scope int64
		var chain, body []byte
		if err := rows.Scan(&where, &scope, &chain, &body); err != nil {
			return err
		}
		if len(body) == 0 {
			if len(b.Changes) > 0 {
				break
			}
			if b.Gap == nil {
				b.Gap = &wire.Gap{Log: b.Log, From: b.First}
			}
			b.Gap.To, b.Gap.Head = seqOf(where), syncproto.Hash(chain)
			continue
		}
		if b.Gap != nil {
			break
		}
		plain, err := k.openEntry(scope, "change", b.Log, seqOf(where), body)
		if err != nil {
			return err
		}
		header, secret, ops, err := wire.SplitChange(plain)
		if err != nil {
			return fmt.Errorf("change %d: %w: %w", seqOf(where), ErrCorrupt, err)
		}
		if size += len(plain); size > maxBytes && len(b.Changes) > 0 {
			break
		}
		b.Changes = append(b.Changes, &syncproto.Change{ID: syncproto.IDOf(header), HeaderBytes: header, Secret: secret, OpsBytes: ops})
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(b.Changes) == 0 && b.Gap == nil {
		return ErrNotFound
	}
	return nil
}

// Queue says what waits to be sent.
type Queue struct {
	// Changes of all logs that the server is not known to hold, Bytes their
	// size, Oldest when the first was saved, Unix milliseconds by the device's
	// clock, 0 if there is none.
	Changes, Bytes uint64
	Oldest         int64
	// Drafts are forms begun and not saved.
	Drafts uint64
}

// Queue returns what waits to be sent. It works while locked.
func (s *Store) Queue(ctx context.Context) (w Queue, err error) {
	err = s.view(ctx, func(q querier) error {
		err := q.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(size), 0), coalesce(min(saved), 0) "+fromPending+" AND length(body) > 0", seqBits).
			Scan(&w.Changes, &w.Bytes, &w.Oldest)
		if err != nil {
			return err
		}
		return q.QueryRowContext(ctx, "SELECT count(*) FROM draft").Scan(&w.Drafts)
	})
	if err != nil {
		return Queue{}, fmt.Errorf("read queue: %w", err)
	}
	return w, nil
}

// OwnChange is an own change with what became of it.
type OwnChange struct {
	Log    syncproto.LogID
	Seq    uint64
	Change *syncproto.Change // nil once its scope was purged
	Sync   Sync
	// Result is what the server told, nil while it told nothing.
	Result *syncproto.Result
}

// History returns the record's own changes that are kept, oldest first.
func (s *Store) History(ctx context.Context, record syncproto.RecordID) (all []OwnChange, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		own, err := readOwn(ctx, q, "record", record[:])
		if err != nil {
			return err
		}
		for i := range own {
			c, err := own[i].full(ctx, q, k)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read own changes: %w", err)
	}
	return all, nil
}

// Change returns one own change.
func (s *Store) Change(ctx context.Context, id syncproto.ChangeID) (c OwnChange, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		own, err := readOwn(ctx, q, "change", id[:])
		if err != nil {
			return err
		}
		if len(own) == 0 {
			return ErrNotFound
		}
		c, err = own[len(own)-1].full(ctx, q, k)
		return err
	})
	if err != nil {
		return OwnChange{}, fmt.Errorf("read own change: %w", err)
	}
	return c, nil
}

func (e *ownEntry) full(ctx context.Context, q querier, k *keyring) (c OwnChange, err error) {
	c = OwnChange{Log: e.log, Seq: seqOf(e.at), Sync: e.sync()}
	if c.Change, err = e.open(k); err != nil {
		return c, err
	}
	var sealed []byte
	err = q.QueryRowContext(ctx, "SELECT result FROM entry WHERE at = ?", e.at).Scan(&sealed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return c, translate(err)
	}
	plain, err := k.openEntry(e.scope, "result", e.log, seqOf(e.at), sealed)
	if err != nil || plain == nil {
		return c, err
	}
	res, err := decodeResult(plain)
	if err != nil {
		return c, err
	}
	c.Result = &res
	return c, nil
}
