package dashboard

import (
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Who shall look at a conflict is no part of the record, and no device need know it: it
// stands beside the records, in one small value of the store, and in the chain of acts.
// What was settled long ago makes room for what is new.

// holdingsKey holds the assignments.
const holdingsKey = "pages.assigned"

// maxHoldings bounds them; beyond it the oldest go.
const maxHoldings = 2000

// holding is the assignment of one conflict.
type holding struct {
	record syncproto.RecordID
	who    syncproto.PersonID
}

const holdingSize = 16 + 16 + 16

// readHoldings reads the assignments by the conflicts' ids.
func readHoldings(r store.MetaReader) (map[string]holding, error) {
	b, err := r.Meta(holdingsKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read who is assigned: %w", err)
	}
	all := map[string]holding{}
	for ; len(b) >= holdingSize; b = b[holdingSize:] {
		id := syncproto.ChangeID(b[:16])
		all[id.String()] = holding{syncproto.RecordID(b[16:32]), syncproto.PersonID(b[32:48])}
	}
	return all, nil
}

// hold puts an assignment at the end of the value; nobody takes it out.
func hold(b []byte, id [16]byte, h holding) []byte {
	var out []byte
	for ; len(b) >= holdingSize; b = b[holdingSize:] {
		if [16]byte(b[:16]) != id {
			out = append(out, b[:holdingSize]...)
		}
	}
	if h.who != (syncproto.PersonID{}) {
		out = slices.Concat(out, id[:], h.record[:], h.who[:])
	}
	return out[max(0, len(out)-maxHoldings*holdingSize):]
}

// assignConflict gives a conflict to somebody who may settle it, or to nobody.
func (v *visit) assignConflict() error {
	var to syncproto.PersonID
	if asked := v.r.PostForm.Get("to"); asked != "" {
		id, err := syncproto.ParseID(asked)
		if err != nil {
			return errBadRequest
		}
		to = id
	}
	var home syncproto.ScopeID
	err := v.store.Update(v.ctx(), func(tx store.Tx) error {
		view, err := v.access.View(tx, v.who.ID)
		if err != nil {
			return err
		}
		x, err := v.findRift(tx, view, v.r.PathValue("record"), v.r.PathValue("id"))
		if err == nil && !x.may {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		if to != (syncproto.PersonID{}) {
			holders, err := v.access.Holders(tx, x.place.ID, x.scope.Compartment, access.Settle)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(holders, func(p store.Person) bool { return p.ID == to }) {
				return store.ErrNotFound
			}
		}
		b, err := tx.Meta(holdingsKey)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read who is assigned: %w", err)
		}
		id, err := syncproto.ParseID(x.id)
		if err != nil {
			return err
		}
		home = x.state.Home
		if err := tx.PutMeta(holdingsKey, hold(b, id, holding{x.state.Record, to})); err != nil {
			return err
		}
		return access.Note(tx, store.AuditEntry{At: v.now(), By: v.who.ID, Act: "conflict assigned", Subject: x.id, Note: to.String()}, home)
	})
	if err != nil {
		return err
	}
	v.Hub.ActsNoted(home)
	return v.done("assigned", "/conflict/"+v.r.PathValue("record")+"/"+v.r.PathValue("id"))
}
