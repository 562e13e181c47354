package localstore

import (
	"context"
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// Fork gives a log up (zero: the current one), because the server holds other
// entries of it: another copy of this database wrote them. If it is the current
// one, a new one is opened. Everything kept of it is issued again in the log now
// written, with the same bytes, so under the same ids: also what was received,
// since a server put back from a backup may have taken the other copy's entries
// in its place. What the server has already is a duplicate there.
func (s *Store) Fork(ctx context.Context, log syncproto.LogID, reason string) error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.changeLocked(ctx, "open new log", func(t *tx, _ *keyring) error {
		if log.IsZero() || log == s.cur.id {
			if planted.Bug("a fork re-issues only what was unsent") {
				return t.openLog(reason)
			}
			if _, err := t.exec("UPDATE log SET received = 0 WHERE n = ?", s.cur.n); err != nil {
				return err
			}
			return t.openLog(reason)
		}
		l, err := t.log(log)
		if err != nil {
			return err
		}
		next := s.cur
		if err := t.move(&next, l.n, log, 0); err != nil {
			return err
		}
		t.done(func() {
			s.cur = next
			s.writeSide()
		})
		return nil
	})
}

// forkIfWanted opens the new log that opening the file decided on.
func (s *Store) forkIfWanted(ctx context.Context) error {
	if s.fork == "" {
		return nil
	}
	return s.changeLocked(ctx, "open new log", func(t *tx, _ *keyring) error { return t.openLog(s.fork) })
}

// reissue moves the entries of the current log that the server is not known to
// have to the next one, and ends the current one before them.
func (t *tx) reissue(next *logHead) error {
	s := t.s
	if s.cur.n == 0 {
		return nil
	}
	var received uint64
	if err := t.row("SELECT received FROM log WHERE n = ?", s.cur.n).Scan(&received); err != nil {
		return fmt.Errorf("read log: %w", missing(err, ErrCorrupt))
	}
	if received >= s.cur.seq {
		return nil
	}
	return t.move(next, s.cur.n, s.cur.id, received)
}

// move issues the entries of a log after a sequence again at the end of the
// next one, and lets the log end before them.
func (t *tx) move(next *logHead, n int64, log syncproto.LogID, after uint64) error {
	moved, err := t.takeEntries(n, log, after)
	if err != nil {
		return err
	}
	if err := t.endLog(n, after); err != nil {
		return err
	}
	for _, m := range moved {
		if err := t.place(next, m); err != nil {
			return err
		}
	}
	_, err = t.exec("UPDATE log SET head_seq = ?, head = ?, top = ? WHERE n = ?", next.seq, next.head[:], next.seq, next.n)
	return err
}

// movedEntry is an entry on its way to another log.
type movedEntry struct {
	at     int64
	scope  int64
	body   []byte // as wire.AppendChange makes it, nil if its scope was purged
	result []byte
}

func (t *tx) takeEntries(n int64, log syncproto.LogID, after uint64) (moved []movedEntry, err error) {
	s := t.s
	rows, err := t.QueryContext(t.ctx, "SELECT at, scope, body, result FROM entry WHERE at > ? AND at < ? ORDER BY at",
		at(n, after), at(n+1, 0))
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var m movedEntry
		if err := rows.Scan(&m.at, &m.scope, &m.body, &m.result); err != nil {
			return nil, translate(err)
		}
		if m.body, err = s.keys.openEntry(m.scope, "change", log, seqOf(m.at), m.body); err != nil {
			return nil, err
		}
		if m.result, err = s.keys.openEntry(m.scope, "result", log, seqOf(m.at), m.result); err != nil {
			return nil, err
		}
		moved = append(moved, m)
	}
	return moved, translate(rows.Err())
}

// openEntry opens a sealed column of an entry, nil for an empty one.
func (k *keyring) openEntry(scope int64, what string, log syncproto.LogID, seq uint64, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	sk, err := k.of(scope)
	if err != nil {
		return nil, err
	}
	plain, err := sk.key.open(entryWhere(what, log, seq), sealed)
	if err != nil {
		return nil, fmt.Errorf("%s %d of log %v: %w", what, seq, log, err)
	}
	return plain, nil
}

// endLog sets where the kept changes of a log end.
func (t *tx) endLog(n int64, seq uint64) error {
	var first uint64
	var head, firstPrev []byte
	if err := t.row("SELECT first, first_prev FROM log WHERE n = ?", n).Scan(&first, &firstPrev); err != nil {
		return missing(err, ErrCorrupt)
	}
	head = firstPrev
	if seq >= first {
		if err := t.row("SELECT chain FROM entry WHERE at = ?", at(n, seq)).Scan(&head); err != nil {
			return missing(err, ErrCorrupt)
		}
	} else {
		seq = first - 1
	}
	_, err := t.exec("UPDATE log SET head_seq = ?, head = ? WHERE n = ?", seq, head, n)
	return err
}

// place puts a moved entry at the end of the next log.
func (t *tx) place(next *logHead, m movedEntry) error {
	s := t.s
	if m.body == nil {
		_, err := t.exec("DELETE FROM entry WHERE at = ?", m.at)
		return err
	}
	header, _, _, err := wire.SplitChange(m.body)
	if err != nil {
		return fmt.Errorf("move change %d: %w: %w", seqOf(m.at), ErrCorrupt, err)
	}
	if planted.Bug("a fork makes new changes of the old") {
		if header, err = t.madeAnew(next, &m); err != nil {
			return err
		}
	}
	next.seq++
	next.head = syncproto.ChainNext(next.head, header)
	sk, err := s.keys.of(m.scope)
	if err != nil {
		return err
	}
	body, err := sk.key.seal(s.opt.Rand, entryWhere("change", next.id, next.seq), m.body)
	if err != nil {
		return err
	}
	result := []byte{}
	if m.result != nil {
		if result, err = sk.key.seal(s.opt.Rand, entryWhere("result", next.id, next.seq), m.result); err != nil {
			return err
		}
	}
	_, err = t.exec("UPDATE entry SET at = ?, chain = ?, body = ?, result = ? WHERE at = ?",
		at(next.n, next.seq), next.head[:], body, result, m.at)
	return err
}

// madeAnew is a planted fault: the entry is written again as a change of the
// next log, under another id.
func (t *tx) madeAnew(next *logHead, m *movedEntry) (header []byte, err error) {
	ch, err := wire.DecodeChange(m.body)
	if err != nil || ch.Redacted() {
		header, _, _, err = wire.SplitChange(m.body)
		return header, err
	}
	ch.Header.OriginLog, ch.Header.OriginSeq = next.id, next.seq+1
	if ch, err = wire.NewChange(ch.Header, ch.Secret, ch.Ops); err != nil {
		return nil, err
	}
	m.body = wire.AppendChange(nil, ch)
	_, err = t.exec("UPDATE entry SET change = ? WHERE at = ?", ch.ID[:], m.at)
	return ch.HeaderBytes, err
}
