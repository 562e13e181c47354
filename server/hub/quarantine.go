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
	// ErrMayNot says that the person under whose name a change shall get in may not
	// make it either.
	ErrMayNot = errors.New("that person may not make the change either")
)

// decider is who decides about a change that was set aside: the operator, whom nobody
// asks, or a person on one of the server's pages.
type decider struct {
	by     syncproto.PersonID
	judged bool
}

// Supervisor is a person who decides on one of the server's pages about changes that
// were set aside. They decide where they supervise, both where a change says that its
// record lives and where it does; what they let in takes no step that is not theirs or
// its author's, and nothing of it waits. Errors besides those of the Hub's own:
// store.ErrNotFound for what is not theirs, *RefusedError.
type Supervisor struct {
	h  *Hub
	by decider
}

// Supervisor lets a signed-in person decide.
func (h *Hub) Supervisor(by syncproto.PersonID) Supervisor {
	return Supervisor{h, decider{by, true}}
}

// Release is Hub.Release. What claims a higher role than the supervisor has is not
// released as it is.
func (s Supervisor) Release(ctx context.Context, change syncproto.ChangeID, note string) error {
	return s.h.release(ctx, change, s.by, note)
}

// Keep is Hub.Keep.
func (s Supervisor) Keep(ctx context.Context, change syncproto.ChangeID, note string) error {
	return s.h.keepOut(ctx, change, s.by, note)
}

// Correct is Hub.Correct.
func (s Supervisor) Correct(ctx context.Context, change syncproto.ChangeID, as syncproto.PersonID, note string, edit func(ops []syncproto.Op) ([]syncproto.Op, error)) error {
	return s.h.correct(ctx, change, s.by, as, note, edit)
}

// Release applies a quarantined change after all, as its author wrote it. One
// that no program could apply (malformed, of a newer release, of another type
// than its field) gives ErrNotReleasable.
func (h *Hub) Release(ctx context.Context, change syncproto.ChangeID, by syncproto.PersonID, note string) error {
	return h.release(ctx, change, decider{by: by}, note)
}

func (h *Hub) release(ctx context.Context, change syncproto.ChangeID, by decider, note string) error {
	return h.decideQuarantined(ctx, change, by, store.Quarantine{Decision: DecisionReleased, By: by.by, Note: note}, func(w *work, row *store.Change, ch *syncproto.Change) (syncproto.ChangeID, error) {
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
		if by.judged {
			rank, err := w.h.access.NewPageWriter(w.tx).Rank(by.by, row.Scope)
			if err != nil || ch.Header.Role > rank {
				return syncproto.ChangeID{}, errors.Join(err, ErrNotReleasable)
			}
			w.deciders[row.ID] = by.by
		}
		w.released[row.ID] = true
		if err := w.apply(row, ch, t); err != nil {
			return syncproto.ChangeID{}, err
		}
		if row.Result.Outcome == syncproto.Quarantined {
			return syncproto.ChangeID{}, ErrNotReleasable
		}
		if by.judged {
			return syncproto.ChangeID{}, w.taken(row)
		}
		return syncproto.ChangeID{}, nil
	})
}

// Keep leaves a quarantined change out for good; its bytes stay for the record.
// So it does with one that waits: what it waits for may have been left out.
func (h *Hub) Keep(ctx context.Context, change syncproto.ChangeID, by syncproto.PersonID, note string) error {
	return h.keepOut(ctx, change, decider{by: by}, note)
}

func (h *Hub) keepOut(ctx context.Context, change syncproto.ChangeID, by decider, note string) error {
	return h.decideQuarantined(ctx, change, by, store.Quarantine{Decision: DecisionKept, By: by.by, Note: note}, func(w *work, row *store.Change, _ *syncproto.Change) (syncproto.ChangeID, error) {
		row.Result.Outcome = syncproto.Rejected
		return syncproto.ChangeID{}, nil
	})
}

// Correct makes another change in the place of a quarantined one: the one that
// edit returns, by the same author unless as is another person, who has to be one who
// may make it (the change is then re-assigned; ErrMayNot). What the quarantined change replaced, its correction
// replaces.
func (h *Hub) Correct(ctx context.Context, change syncproto.ChangeID, by, as syncproto.PersonID, note string, edit func(ops []syncproto.Op) ([]syncproto.Op, error)) error {
	return h.correct(ctx, change, decider{by: by}, as, note, edit)
}

func (h *Hub) correct(ctx context.Context, change syncproto.ChangeID, by decider, as syncproto.PersonID, note string, edit func(ops []syncproto.Op) ([]syncproto.Op, error)) error {
	d := store.Quarantine{Decision: DecisionCorrected, By: by.by, Note: note}
	if !as.IsZero() {
		d.Decision = DecisionReassigned
	}
	return h.decideQuarantined(ctx, change, by, d, func(w *work, row *store.Change, ch *syncproto.Change) (syncproto.ChangeID, error) {
		if ch == nil {
			return syncproto.ChangeID{}, ErrNotReleasable
		}
		author := ch.Header.Author
		if !as.IsZero() {
			author = as
			if err := w.mayMake(ch, as); err != nil {
				return syncproto.ChangeID{}, err
			}
		}
		if by.judged {
			w.decider = by.by
			defer func() { w.decider = syncproto.PersonID{} }()
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
		made := w.changes[id]
		if by.judged {
			if err := w.taken(made); err != nil {
				return id, err
			}
		}
		if made.Result.Outcome == syncproto.Quarantined {
			return id, fmt.Errorf("the correction breaks a rule too (reason %d): %w", made.Result.Reason, ErrNotReleasable)
		}
		row.Result.Outcome = syncproto.Rejected
		return id, nil
	})
}

// mayMake says ErrMayNot of a change that somebody may not make where it says that its
// record lives.
func (w *work) mayMake(ch *syncproto.Change, as syncproto.PersonID) error {
	h := ch.Header
	h.Author, h.Role, h.Verified = as, 0, false
	reason, err := w.h.access.NewPageWriter(w.tx).Judge(&h, h.Scope)
	if err == nil && reason != syncproto.ReasonNone {
		err = ErrMayNot
	}
	return err
}

// maySupervise says store.ErrNotFound of a change about which a person may not decide:
// they supervise where it says that its record lives, where it does, and where it would
// bring it.
func (w *work) maySupervise(by syncproto.PersonID, row *store.Change, ch *syncproto.Change) error {
	view, err := w.h.access.View(w.tx, by)
	if err != nil {
		return err
	}
	scopes := []syncproto.ScopeID{row.Scope}
	if ch != nil {
		t, err := w.record(ch.Header.Record)
		if err != nil {
			return err
		}
		if t.state.Exists() {
			scopes = append(scopes, t.state.Home)
		}
		scopes = append(scopes, ch.Header.Scope)
		for i := range ch.Ops {
			if to, ok := ch.Ops[i].Value.AsScope(); ok && ch.Ops[i].Kind == syncproto.OpMove {
				scopes = append(scopes, to)
			}
		}
	}
	for _, scope := range scopes {
		place, err := w.placeOf(scope)
		if err != nil {
			return err
		}
		if !view.May(scope, access.Supervise) || !view.Single(place) {
			return store.ErrNotFound
		}
	}
	return nil
}

func (h *Hub) decideQuarantined(ctx context.Context, change syncproto.ChangeID, by decider, d store.Quarantine,
	act func(*work, *store.Change, *syncproto.Change) (syncproto.ChangeID, error)) error {
	h.ownMu.Lock()
	defer h.ownMu.Unlock()
	err := h.transact(ctx, func(w *work) error {
		row, err := w.change(change)
		if err != nil {
			return err
		}
		ch, err := wire.DecodeChange(row.Bytes)
		if err != nil {
			ch = nil
		}
		if by.judged {
			if err := w.maySupervise(by.by, row, ch); err != nil {
				return err
			}
		}
		waits := row.Result.Outcome == syncproto.Parked && d.Decision == DecisionKept
		if row.Result.Outcome != syncproto.Quarantined && !waits {
			return ErrNotQuarantined
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
