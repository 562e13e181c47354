package hub

import (
	"context"
	"errors"
	"fmt"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// What a person may decide about a quarantined change.
const (
	DecisionReleased   = "released"
	DecisionCorrected  = "corrected"
	DecisionReassigned = "reassigned"
	DecisionKept       = "kept"
)

var (
	// ErrNotQuarantined says that a change is not, or no longer, in quarantine.
	ErrNotQuarantined = errors.New("the change is not in quarantine")
	// ErrNotReleasable says that a change cannot be applied as it is; it can be
	// corrected or kept out.
	ErrNotReleasable = errors.New("the change cannot be applied as it is")
)

// Release applies a quarantined change after all, as its author wrote it. One
// that no program could apply (malformed, of a newer release, of another type
// than its field) gives ErrNotReleasable.
func (h *Hub) Release(ctx context.Context, change syncproto.ChangeID, by syncproto.PersonID, note string) error {
	return h.decideQuarantined(ctx, change, store.Quarantine{Decision: DecisionReleased, By: by, Note: note}, func(w *work, row *store.Change, ch *syncproto.Change) (syncproto.ChangeID, error) {
		if ch == nil || ch.Redacted() {
			return syncproto.ChangeID{}, ErrNotReleasable
		}
		switch row.Result.Reason {
		case syncproto.ReasonMalformed, syncproto.ReasonTooNew, syncproto.ReasonBadType, syncproto.ReasonOtherHome:
			return syncproto.ChangeID{}, ErrNotReleasable
		}
		t, err := w.record(ch.Header.Record)
		if err != nil {
			return syncproto.ChangeID{}, err
		}
		w.released[row.ID] = true
		if err := w.apply(row, ch, t); err != nil {
			return syncproto.ChangeID{}, err
		}
		if row.Result.Outcome == syncproto.Quarantined {
			return syncproto.ChangeID{}, ErrNotReleasable
		}
		return syncproto.ChangeID{}, nil
	})
}

// Keep leaves a quarantined change out for good; its bytes stay for the record.
// So it does with one that waits: what it waits for may have been left out.
func (h *Hub) Keep(ctx context.Context, change syncproto.ChangeID, by syncproto.PersonID, note string) error {
	return h.decideQuarantined(ctx, change, store.Quarantine{Decision: DecisionKept, By: by, Note: note}, func(w *work, row *store.Change, _ *syncproto.Change) (syncproto.ChangeID, error) {
		row.Result.Outcome = syncproto.Rejected
		return syncproto.ChangeID{}, nil
	})
}

// Correct makes another change in the place of a quarantined one: the one that
// edit returns, by the same author unless as is another person (the change is
// then re-assigned). What the quarantined change replaced, its correction
// replaces.
func (h *Hub) Correct(ctx context.Context, change syncproto.ChangeID, by, as syncproto.PersonID, note string, edit func(ops []syncproto.Op) ([]syncproto.Op, error)) error {
	d := store.Quarantine{Decision: DecisionCorrected, By: by, Note: note}
	if !as.IsZero() {
		d.Decision = DecisionReassigned
	}
	return h.decideQuarantined(ctx, change, d, func(w *work, row *store.Change, ch *syncproto.Change) (syncproto.ChangeID, error) {
		if ch == nil {
			return syncproto.ChangeID{}, ErrNotReleasable
		}
		author := ch.Header.Author
		if !as.IsZero() {
			author = as
		}
		id, err := w.office(author, ch.Header.Record, func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (OfficeEdit, error) {
			ops, err := edit(ch.Ops)
			if err != nil {
				return OfficeEdit{}, err
			}
			e := OfficeEdit{Verb: ch.Header.Verb, Form: ch.Header.Form, Package: ch.Header.Package, Scope: ch.Header.Scope, Ops: ops}
			if e.Verb == syncproto.VerbCreate && s.Exists() {
				e.Verb = syncproto.VerbEdit
			}
			return e, nil
		})
		if err != nil {
			return id, err
		}
		if made := w.changes[id]; made.Result.Outcome == syncproto.Quarantined {
			return id, fmt.Errorf("the correction breaks a rule too (reason %d): %w", made.Result.Reason, ErrNotReleasable)
		}
		row.Result.Outcome = syncproto.Rejected
		return id, nil
	})
}

func (h *Hub) decideQuarantined(ctx context.Context, change syncproto.ChangeID, d store.Quarantine,
	act func(*work, *store.Change, *syncproto.Change) (syncproto.ChangeID, error)) error {
	h.ownMu.Lock()
	defer h.ownMu.Unlock()
	err := h.transact(ctx, func(w *work) error {
		row, err := w.change(change)
		if err != nil {
			return err
		}
		waits := row.Result.Outcome == syncproto.Parked && d.Decision == DecisionKept
		if row.Result.Outcome != syncproto.Quarantined && !waits {
			return ErrNotQuarantined
		}
		ch, err := wire.DecodeChange(row.Bytes)
		if err != nil {
			ch = nil
		}
		w.keep(row)
		w.told[row.Device] = true
		if d.Instead, err = act(w, row, ch); err != nil {
			return err
		}
		d.Change, d.At = change, w.now
		if err := w.tx.PutDecision(d); err != nil {
			return err
		}
		w.acted = map[syncproto.ScopeID]bool{row.Scope: true}
		return access.Note(w.tx, store.AuditEntry{At: w.now, By: d.By, Act: "quarantine " + d.Decision, Subject: change.String(), Note: d.Note}, row.Scope)
	})
	if err != nil {
		return fmt.Errorf("decide about change %s: %w", change, err)
	}
	return nil
}
