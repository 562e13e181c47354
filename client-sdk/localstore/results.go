package localstore

import (
	"context"
	"database/sql"
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// SaveAck stores what an acknowledgement says: up to where the server holds
// the log (zero: the current one), and what became of changes.
func (s *Store) SaveAck(ctx context.Context, log syncproto.LogID, received uint64, results []syncproto.Result) error {
	return s.pull(ctx, "store acknowledgement", func(p *pull) error { return p.answers(log, received, results) })
}

// SetReceived stores how far the server holds a log at the beginning of a
// session, also when that is less than it said before: a server put back from a
// backup. What it lost is pending again and loses its result. What it holds is
// in every state that it sends from now on, whatever position it was told to
// have had: a server put back counts anew.
func (s *Store) SetReceived(ctx context.Context, log syncproto.LogID, received uint64) error {
	return s.pull(ctx, "store received", func(p *pull) error {
		l, err := p.t.log(log)
		if err != nil {
			return err
		}
		received = min(received, l.seq)
		if _, err := p.t.exec("UPDATE log SET received = ?, backup_safe = min(backup_safe, ?) WHERE n = ?", received, received, l.n); err != nil {
			return err
		}
		if _, err := p.t.exec("UPDATE entry SET res_position = 0 WHERE at > ? AND at <= ? AND res_position <> 0 AND "+outcomeInState, at(l.n, 0), at(l.n, received)); err != nil {
			return err
		}
		if err := p.t.touchEntries("at > ? AND at < ? AND outcome <> 0", at(l.n, received), at(l.n+1, 0)); err != nil {
			return err
		}
		_, err = p.t.exec("UPDATE entry SET outcome = 0, res_scope = x'', res_position = 0, result = x'' WHERE at > ? AND at < ? AND outcome <> 0",
			at(l.n, received), at(l.n+1, 0))
		if err != nil {
			return err
		}
		// Without a server's state that holds them, they make the record.
		_, err = p.t.exec(`UPDATE entry SET overlay = 1 WHERE at > ? AND at < ? AND overlay = 0
			AND NOT EXISTS (SELECT 1 FROM shadow WHERE shadow.record = entry.record AND gone IN (?, ?, ?))`,
			at(l.n, received), at(l.n+1, 0), goneNot, goneLeft, goneErased)
		if err != nil {
			return err
		}
		return p.received()
	})
}

// MarkBackupSafe stores up to where a verified backup of the server holds a
// log (zero: the current one), and erases what was only kept for that.
func (s *Store) MarkBackupSafe(ctx context.Context, log syncproto.LogID, seq uint64) error {
	return s.change(ctx, "store what is in a backup", func(t *tx, _ *keyring) error {
		l, err := t.log(log)
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE log SET backup_safe = max(backup_safe, min(?, received)) WHERE n = ?", seq, l.n)
		if err != nil {
			return err
		}
		if err := t.dropKept(); err != nil {
			return err
		}
		return t.redactDue()
	})
}

// answers stores how far the server holds a log and what became of changes.
func (p *pull) answers(log syncproto.LogID, received uint64, results []syncproto.Result) error {
	if received > 0 {
		l, err := p.t.log(log)
		if err != nil {
			return err
		}
		if _, err := p.t.exec("UPDATE log SET received = max(received, min(?, head_seq)) WHERE n = ?", received, l.n); err != nil {
			return err
		}
		if err := p.t.touchEntries("at > ? AND at <= ?", at(l.n, l.received), at(l.n, min(received, l.seq))); err != nil {
			return err
		}
		if err := p.received(); err != nil {
			return err
		}
	}
	for i := range results {
		if err := p.result(&results[i]); err != nil {
			return err
		}
	}
	return nil
}

// received lets go of records that left their scope and only waited for their
// own changes to arrive.
func (p *pull) received() error {
	rows, err := p.t.QueryContext(p.t.ctx, "SELECT record FROM shadow WHERE "+goneWaiting)
	if err != nil {
		return translate(err)
	}
	ids, err := scanRecords(rows)
	if err != nil {
		return err
	}
	for _, id := range ids {
		pending, err := p.t.pendingOf(id)
		if err != nil {
			return err
		}
		if pending {
			continue
		}
		r, _, err := readShadow(p.t.ctx, p.t, id)
		if err != nil {
			return err
		}
		if err := p.letGo(&r); err != nil {
			return err
		}
	}
	return nil
}

// result stores what became of a change, in every log that carries it.
func (p *pull) result(res *syncproto.Result) error {
	rows, err := p.t.QueryContext(p.t.ctx, "SELECT at, record, scope, outcome, (SELECT id FROM log WHERE log.n = entry.at >> ?) FROM entry WHERE change = ?",
		seqBits, res.Change[:])
	if err != nil {
		return translate(err)
	}
	type place struct {
		at, scope int64
		record    syncproto.RecordID
		outcome   syncproto.Outcome
		log       syncproto.LogID
	}
	var places []place
	for rows.Next() {
		var e place
		var record, log []byte
		if err := rows.Scan(&e.at, &record, &e.scope, &e.outcome, &log); err != nil {
			rows.Close()
			return translate(err)
		}
		copy(e.record[:], record)
		copy(e.log[:], log)
		places = append(places, e)
	}
	if err := rows.Err(); err != nil {
		return translate(err)
	}
	for _, e := range places {
		if (res.Outcome == syncproto.Duplicate || planted.Bug("the first result stands")) && e.outcome != 0 {
			continue // what its author was told stands
		}
		sealed := []byte{}
		if sk := p.k.scopes[e.scope]; sk != nil && !p.k.isKept(e.scope) {
			sealed, err = sk.key.seal(p.t.s.opt.Rand, entryWhere("result", e.log, seqOf(e.at)), encodeResult(res))
			if err != nil {
				return err
			}
		}
		overlay, err := p.mustOverlay(e.record, res)
		if err != nil {
			return err
		}
		_, err = p.t.exec("UPDATE entry SET outcome = ?, res_scope = ?, res_position = ?, result = ?, overlay = ? WHERE at = ?",
			res.Outcome, res.Scope[:], int64(res.Position), sealed, overlay, e.at)
		if err != nil {
			return err
		}
		// A device that reads nothing where the record was gets no mark, and one
		// that saved after the mark has something new to forget.
		if res.Outcome == syncproto.Erased {
			if err := p.t.forgetRecord(e.record); err != nil {
				return err
			}
		}
		p.t.touch(e.record)
	}
	return nil
}

// encodeResult writes a result as an acknowledgement of one change, the form
// that the wire already has for it.
func encodeResult(res *syncproto.Result) []byte {
	return wire.AppendMessage(nil, &wire.Ack{Results: []syncproto.Result{*res}})
}

func decodeResult(b []byte) (syncproto.Result, error) {
	m, err := wire.DecodeMessage(wire.MsgAck, b)
	if err != nil {
		return syncproto.Result{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	ack, ok := m.(*wire.Ack)
	if !ok || len(ack.Results) != 1 {
		return syncproto.Result{}, fmt.Errorf("stored result: %w", ErrCorrupt)
	}
	return ack.Results[0], nil
}

// logRow is a log's bookkeeping.
type logRow struct {
	logHead
	first                uint64
	received, backupSafe uint64
}

// log finds a log; zero is the current one.
func (t *tx) log(id syncproto.LogID) (l logRow, err error) {
	if id.IsZero() {
		id = t.s.cur.id
	}
	var head []byte
	l.id = id
	err = t.row("SELECT n, serial, head_seq, head, first, received, backup_safe FROM log WHERE id = ?", id[:]).
		Scan(&l.n, &l.serial, &l.seq, &head, &l.first, &l.received, &l.backupSafe)
	if err != nil {
		return l, fmt.Errorf("log %v: %w", id, missing(err, ErrNotFound))
	}
	copy(l.head[:], head)
	return l, nil
}

// pendingOf reports whether a record has own changes that the server is not
// known to hold.
func (t *tx) pendingOf(id syncproto.RecordID) (pending bool, err error) {
	err = t.row(`SELECT EXISTS (SELECT 1 FROM entry JOIN log ON log.n = entry.at >> ? WHERE record = ? AND entry.at & ? > log.received)`,
		seqBits, id[:], int64(1<<seqBits-1)).Scan(&pending)
	return pending, translate(err)
}

// fromPending is the entries that the server is not known to hold; ?1 is
// seqBits. CROSS makes SQLite go log by log, for it cannot guess how few they are.
const fromPending = `FROM log CROSS JOIN entry WHERE entry.at > (log.n << ?1) + log.received AND entry.at < (log.n + 1) << ?1`

// pendingIn counts a scope's own changes that the server is not known to hold.
func (t *tx) pendingIn(scope int64) (n int, err error) {
	err = t.row("SELECT count(*) "+fromPending+" AND +entry.scope = ?2", seqBits, scope).Scan(&n)
	return n, translate(err)
}

func scanRecords(rows *sql.Rows) (ids []syncproto.RecordID, err error) {
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, translate(err)
		}
		if len(b) != 16 {
			return nil, fmt.Errorf("record id of %d bytes: %w", len(b), ErrCorrupt)
		}
		ids = append(ids, syncproto.RecordID(b))
	}
	return ids, translate(rows.Err())
}
