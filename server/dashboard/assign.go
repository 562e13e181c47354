package dashboard

import (
	"bytes"
	"errors"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// Who shall look at a conflict is no part of the record, and no device need know it: it
// stands beside the records, in one small value of the store, and in the chain of acts.
// What is settled on a page is taken out with it; what a device settled is found when
// something is assigned again.

// holdingsKey holds the assignments.
const holdingsKey = "pages.assigned"

const (
	// maxHoldings bounds them; beyond it the oldest go.
	maxHoldings = 2000
	// holdingsLooked is how many of the oldest are looked at each time: whether they
	// are settled.
	holdingsLooked = 20
)

// holding is the assignment of one conflict.
type holding struct {
	record syncproto.RecordID
	who    syncproto.PersonID
}

const holdingSize = 16 + 16 + 16

// readHoldings reads the assignments by the conflicts' ids.
func readHoldings(r store.MetaReader) (map[string]holding, error) {
	b, err := valueOf(r, holdingsKey)
	if err != nil {
		return nil, err
	}
	all := map[string]holding{}
	for ; len(b) >= holdingSize; b = b[holdingSize:] {
		id := syncproto.ChangeID(b[:16])
		all[id.String()] = holding{syncproto.RecordID(b[16:32]), syncproto.PersonID(b[32:48])}
	}
	return all, nil
}

// hold puts an assignment at the end of the value; nobody takes it out. Of the oldest
// those are taken out that are settled.
func hold(b []byte, id [16]byte, h holding, settled func(id [16]byte, record syncproto.RecordID) bool) []byte {
	var out []byte
	for n := 0; len(b) >= holdingSize; b, n = b[holdingSize:], n+1 {
		old := [16]byte(b[:16])
		if old != id && !(n < holdingsLooked && settled(old, syncproto.RecordID(b[16:32]))) {
			out = append(out, b[:holdingSize]...)
		}
	}
	if h.who != (syncproto.PersonID{}) {
		out = slices.Concat(out, id[:], h.record[:], h.who[:])
	}
	return out[max(0, len(out)-maxHoldings*holdingSize):]
}

// putHolding writes who looks at a conflict.
func putHolding(tx store.Tx, conflict string, h holding) error {
	id, err := syncproto.ParseID(conflict)
	if err != nil {
		return err
	}
	b, err := valueOf(tx, holdingsKey)
	if err != nil {
		return err
	}
	now := hold(b, id, h, func(old [16]byte, record syncproto.RecordID) bool {
		row, err := tx.Record(record)
		return errors.Is(err, store.ErrNotFound) || err == nil && !inConflict(row.State, old)
	})
	if bytes.Equal(now, b) {
		return nil
	}
	return tx.PutMeta(holdingsKey, now)
}

// inConflict reports whether a conflict of a record is open.
func inConflict(s *syncproto.RecordState, id [16]byte) bool {
	return slices.ContainsFunc(merge.Conflicts(s), func(c merge.Conflict) bool {
		return wire.ConflictID(s.Record, c.Cell) == syncproto.ChangeID(id).String()
	})
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
		home = x.state.Home
		if err := putHolding(tx, x.id, holding{x.state.Record, to}); err != nil {
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
