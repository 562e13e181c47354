package hub

import (
	"context"
	"errors"
	"fmt"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// Erase takes the content of a record away for ever: in its state, its
// history, its conflicts and quarantine, and on every device at its next sync.
// A content-free tombstone stays. The erasure is told to Options.Erasures
// before it is committed, so that it outlives a restore; ErrNoted says that only
// that was done.
func (h *Hub) Erase(ctx context.Context, record syncproto.RecordID) error {
	var done Erasure
	noted := false
	err := h.transact(ctx, func(w *work) error {
		t, err := w.record(record)
		if err != nil {
			return err
		}
		done = Erasure{Record: record, Scope: t.state.Home, At: w.now}
		if !t.there {
			// It may never have come to be, and stand in quarantine all the same.
			history, err := w.tx.History(record)
			if err != nil {
				return fmt.Errorf("read history: %w", err)
			}
			if len(history) == 0 {
				return store.ErrNotFound
			}
			done.Scope = history[0].Scope
		}
		if h.erasures != nil {
			if err := h.erasures(done); err != nil {
				return fmt.Errorf("note the erasure outside the database: %w", err)
			}
			noted = true
		}
		return w.erase(t, done)
	})
	switch {
	case err != nil && noted:
		return fmt.Errorf("erase record %s: %w: %w", record, ErrNoted, err)
	case err != nil:
		return fmt.Errorf("erase record %s: %w", record, err)
	}
	return nil
}

// ErrNoted says that an erasure is noted outside the database, and could not be
// carried out there now: the next start does it.
var ErrNoted = errors.New("the erasure is noted and will be carried out at the next start")

// Replay erases again what a restored store brought back; the server calls it
// before it listens. A record that the restored store does not know is erased
// in advance: its changes are stripped when devices send them again.
func (h *Hub) Replay(ctx context.Context, erasures []Erasure) error {
	for _, e := range erasures {
		err := h.transact(ctx, func(w *work) error {
			t, err := w.record(e.Record)
			if err != nil {
				return err
			}
			return w.erase(t, e)
		})
		if err != nil {
			return fmt.Errorf("erase record %s again: %w", e.Record, err)
		}
	}
	return nil
}

func (w *work) erase(t *touched, e Erasure) error {
	s := t.state
	if s.Erased {
		return nil
	}
	history, err := w.tx.History(s.Record)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read history: %w", err)
	}
	for i := range history {
		row := &history[i]
		if row.Order == 0 && planted.Bug("erasure passes over what was not applied") {
			continue
		}
		if !planted.Bug("erased content stays in history") {
			row.Bytes = redact(row.Bytes)
		}
		if hears, err := w.hears(row); err != nil {
			return err
		} else if !hears {
			w.keep(row)
			continue
		}
		row.Result.Cells = nil
		switch row.Result.Outcome {
		case syncproto.Parked, syncproto.Quarantined, syncproto.Rejected:
			// Nothing is left to wait for, to decide or to look up; the author's
			// device lets go of it too once it is told.
			row.Result = syncproto.Result{Change: row.ID, Outcome: syncproto.Erased}
			w.told[row.Device] = true
		}
		w.keep(row)
	}
	if s.Home.IsZero() {
		s.Home = e.Scope
	}
	position, err := w.markErased(t)
	if err != nil {
		return err
	}
	tomb := syncproto.NewRecordState(s.Record)
	tomb.Form, tomb.Created, tomb.Home, tomb.Homes = s.Form, s.Created, s.Home, s.Homes
	tomb.Latest, tomb.Number, tomb.Position, tomb.Erased = s.Latest, s.Number, position, true
	t.state, t.dirty = tomb, false
	if err := w.tx.PutRecord(store.Record{State: tomb}); err != nil {
		return fmt.Errorf("write tombstone: %w", err)
	}
	return access.DropLinks(w.tx, s.Record)
}

// hears reports whether a change's device may be told that its record was erased:
// if it reads where the change says. Whoever named a record in a scope that is not
// theirs is not told that there was one.
func (w *work) hears(row *store.Change) (bool, error) {
	if w.h.own(row.Device) {
		return true, nil
	}
	door, err := w.h.access.ForDevice(w.tx, row.Device)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return door.May(row.Scope, access.Read), nil
}

// markErased takes a record out of its scope, and tells of its erasure there and
// wherever else it has been: devices that only read there hold what their people
// wrote to it. It returns the position in its home.
func (w *work) markErased(t *touched) (position uint64, err error) {
	scopes := map[syncproto.ScopeID]*store.Scope{t.state.Home: nil}
	for _, id := range t.state.Homes {
		scopes[id] = nil
	}
	for _, id := range sortedScopes(scopes) {
		scope, err := w.lockScope(id)
		if err != nil {
			return 0, err
		}
		scope.Position++
		if id == t.state.Home {
			position = scope.Position
			if t.there {
				scope.Sum = syncproto.SumSub(scope.Sum, t.hash)
				scope.Count--
			}
		}
		if err := w.tx.PutMark(store.Mark{Scope: id, Position: scope.Position, Record: t.state.Record, Kind: store.MarkErased}); err != nil {
			return 0, fmt.Errorf("mark the erasure: %w", err)
		}
		if err := w.tx.PutScope(scope); err != nil {
			return 0, fmt.Errorf("write scope %s: %w", id, err)
		}
		w.moved[id] = scope.Position
	}
	return position, nil
}
