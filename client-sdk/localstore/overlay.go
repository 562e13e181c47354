package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// Sync says how far the last of a record's own changes has come.
type Sync uint8

// The states of synchronisation, in the order in which they ask for attention.
const (
	SyncNone        Sync = 0 // no own change is kept
	SyncApplied     Sync = 1 // in the server's record
	SyncMerged      Sync = 2 // so, together with others' changes
	SyncReceived    Sync = 3 // the server holds it and has not said more
	SyncPending     Sync = 4 // not sent, or not known to have arrived
	SyncConflict    Sync = 5 // in the server's record, against another value
	SyncParked      Sync = 6 // waits on the server for another change
	SyncQuarantined Sync = 7 // set aside on the server until a person decides
)

// String names the state for logs and JSON.
func (y Sync) String() string {
	names := [...]string{"none", "applied", "merged", "received", "pending", "conflict", "parked", "quarantined"}
	if int(y) < len(names) {
		return names[y]
	}
	return "unknown"
}

// Held is a record as the device knows it.
type Held struct {
	// State is the record as it is shown: the server's state with the own
	// changes laid over it that are not known to be in it. It belongs to the
	// caller.
	State *syncproto.RecordState
	// Sync is how far its own changes have come; the state that asks most for
	// attention wins.
	Sync Sync
	// Over is how many own changes were laid over, Aside are those that the
	// server set aside or parked, or is going to, because with them the record
	// would be too large; they are not in State.
	Over  int
	Aside []syncproto.ChangeID
	// Draft reports a form begun on the record and not saved.
	Draft bool
}

// State returns a record. A record that the device knows nothing of has a
// state that does not exist; an erased one is Erased.
func (s *Store) State(ctx context.Context, id syncproto.RecordID) (h Held, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		h, err = readHeld(ctx, q, k, id, false)
		return err
	})
	if err != nil {
		return Held{}, fmt.Errorf("read record: %w", err)
	}
	return h, nil
}

// AsWritten is State with the changes that the server set aside or parked laid
// over it too: the record as its author left it.
func (s *Store) AsWritten(ctx context.Context, id syncproto.RecordID) (h Held, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		h, err = readHeld(ctx, q, k, id, true)
		return err
	})
	if err != nil {
		return Held{}, fmt.Errorf("read record: %w", err)
	}
	return h, nil
}

// ServerState returns the server's state of a record as it is held here,
// without own changes; ErrNotFound if there is none.
func (s *Store) ServerState(ctx context.Context, id syncproto.RecordID) (state *syncproto.RecordState, err error) {
	err = s.open(ctx, func(q querier, k *keyring) error {
		r, found, err := readShadow(ctx, q, id)
		if err != nil {
			return err
		}
		if !found || !r.held() {
			return ErrNotFound
		}
		state, err = r.open(k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read server's record: %w", err)
	}
	return state, nil
}

// Exists reports whether the record is shown: made and not erased. A deleted
// one exists (merge.Alive).
func (s *Store) Exists(ctx context.Context, id syncproto.RecordID) (bool, error) {
	h, err := s.State(ctx, id)
	return err == nil && h.State.Exists() && !h.State.Erased, err
}

// Records calls f with the id of every record that the server's state or an
// own change speaks of, ascending, erased ones included. It works while locked.
func (s *Store) Records(ctx context.Context, f func(syncproto.RecordID) error) error {
	var ids []syncproto.RecordID
	err := s.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, "SELECT record FROM shadow WHERE gone <> ? UNION SELECT record FROM entry ORDER BY record", goneAway)
		if err != nil {
			return err
		}
		ids, err = scanRecords(rows)
		return err
	})
	if err != nil {
		return fmt.Errorf("list records: %w", err)
	}
	for _, id := range ids {
		if err := f(id); err != nil {
			return err
		}
	}
	return nil
}

// ownEntry is an own change of one record.
type ownEntry struct {
	at, scope int64
	change    syncproto.ChangeID
	log       syncproto.LogID
	received  uint64
	overlay   bool
	outcome   syncproto.Outcome
	body      []byte // sealed
}

func readOwn(ctx context.Context, q querier, where string, arg []byte) (own []ownEntry, err error) {
	rows, err := q.QueryContext(ctx, `SELECT entry.at, scope, change, log.id, log.received, overlay, outcome, body
		FROM entry JOIN log ON log.n = entry.at >> ? WHERE `+where+` = ? ORDER BY entry.at`, seqBits, arg)
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e ownEntry
		var change, log []byte
		if err := rows.Scan(&e.at, &e.scope, &change, &log, &e.received, &e.overlay, &e.outcome, &e.body); err != nil {
			return nil, translate(err)
		}
		copy(e.change[:], change)
		copy(e.log[:], log)
		own = append(own, e)
	}
	return own, translate(rows.Err())
}

// open returns the change, nil if its scope was purged.
func (e *ownEntry) open(k *keyring) (*syncproto.Change, error) {
	if k.isKept(e.scope) {
		return nil, nil
	}
	plain, err := k.openEntry(e.scope, "change", e.log, seqOf(e.at), e.body)
	if err != nil || plain == nil {
		return nil, err
	}
	ch, err := wire.DecodeChange(plain)
	if err != nil {
		return nil, fmt.Errorf("own change %v: %w: %w", e.change, ErrCorrupt, err)
	}
	return ch, nil
}

// sync is how far one change has come.
func (e *ownEntry) sync() Sync {
	switch e.outcome {
	case 0:
		if seqOf(e.at) > e.received {
			return SyncPending
		}
		return SyncReceived
	case syncproto.Merged:
		return SyncMerged
	case syncproto.Conflicted:
		return SyncConflict
	case syncproto.Parked:
		return SyncParked
	case syncproto.Quarantined, syncproto.Rejected:
		return SyncQuarantined
	}
	return SyncApplied
}

func aside(o syncproto.Outcome) bool {
	switch o {
	case syncproto.Parked, syncproto.Quarantined, syncproto.Rejected:
		return true
	}
	return false
}

// readHeld builds a record as it is shown.
func readHeld(ctx context.Context, q querier, k *keyring, id syncproto.RecordID, asWritten bool) (h Held, err error) {
	past := &ownHistory{ctx: ctx, q: q, k: k, beyond: map[syncproto.ChangeID][]syncproto.Op{}}
	for {
		past.laid = map[syncproto.ChangeID]bool{}
		n := len(past.beyond)
		if h, err = past.lay(id, asWritten); err != nil || len(past.beyond) == n {
			return h, err
		}
	}
}

// lay is one attempt of readHeld. It ends early when it found a change that must
// not be laid over, and has noted it in beyond.
func (past *ownHistory) lay(id syncproto.RecordID, asWritten bool) (h Held, err error) {
	ctx, q, k := past.ctx, past.q, past.k
	r, found, err := readShadow(ctx, q, id)
	if err != nil {
		return h, err
	}
	h.State = syncproto.NewRecordState(id)
	if found {
		if h.State, err = r.shown(k); err != nil || h.State.Erased {
			return h, err
		}
	}
	own, err := readOwn(ctx, q, "record", id[:])
	if err != nil {
		return h, err
	}
	seen := map[syncproto.ChangeID]bool{}
	for i := range own {
		e := &own[i]
		if seen[e.change] {
			continue // it stands in an older log as well
		}
		seen[e.change] = true
		h.Sync = max(h.Sync, e.sync())
		ops, beyond := past.beyond[e.change]
		if aside(e.outcome) || beyond {
			h.Aside = append(h.Aside, e.change)
		}
		if beyond {
			if _, err := merge.Withhold(h.State, e.change, ops, past); err != nil {
				return h, err
			}
			continue
		}
		if !e.overlay && !(asWritten && aside(e.outcome)) {
			continue
		}
		ch, err := e.open(k)
		if err != nil {
			return h, err
		}
		if ch == nil {
			continue
		}
		if _, err := merge.Apply(h.State, ch, past); err != nil {
			return h, err
		}
		if !asWritten && h.State.TooLarge() {
			past.beyond[e.change] = ch.Ops
			return h, nil
		}
		past.laid[e.change] = true
		h.Over++
	}
	if h.Sync == SyncConflict && len(merge.Conflicts(h.State)) == 0 {
		h.Sync = SyncMerged // settled since
	}
	err = q.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM draft WHERE record = ?)", id[:]).Scan(&h.Draft)
	return h, translate(err)
}

// ownHistory answers merge.Apply from the own logs. What others wrote is
// either a candidate of the server's state or of no matter here: a name that
// is not found only keeps a later change from adding what its author replaced.
type ownHistory struct {
	ctx  context.Context
	q    querier
	k    *keyring
	laid map[syncproto.ChangeID]bool
	// beyond are changes with which the record would be too large.
	beyond map[syncproto.ChangeID][]syncproto.Op
}

// Standing implements merge.History.
func (o *ownHistory) Standing(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	if o.laid[id] {
		return merge.Applied, nil, nil
	}
	if ops, beyond := o.beyond[id]; beyond {
		return merge.Withheld, ops, nil
	}
	var outcome syncproto.Outcome
	var overlay bool
	err := o.q.QueryRowContext(o.ctx, "SELECT outcome, overlay FROM entry WHERE change = ? LIMIT 1", id[:]).Scan(&outcome, &overlay)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return merge.Unknown, nil, nil
	case err != nil:
		return merge.Unknown, nil, translate(err)
	case aside(outcome):
		own, err := readOwn(o.ctx, o.q, "change", id[:])
		if err != nil {
			return merge.Unknown, nil, err
		}
		ch, err := own[0].open(o.k)
		if err != nil || ch == nil {
			return merge.Withheld, nil, err
		}
		return merge.Withheld, ch.Ops, nil
	case overlay:
		return merge.Unknown, nil, nil // not laid over yet
	}
	return merge.Applied, nil, nil
}
