package hub

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// The server's own log, in which office writes stand, is kept like a device's.
const officeKey = "hub.office"

// office is the server's own device, log and key.
type office struct {
	seed [32]byte
	log  syncproto.LogID // of which all but its first bytes follow from the key
}

func (h *Hub) makeOffice() (office, error) {
	var o office
	if _, err := io.ReadFull(h.rand, o.seed[:]); err != nil {
		return o, fmt.Errorf("make the office's key: %w", err)
	}
	if _, err := io.ReadFull(h.rand, o.log[:]); err != nil {
		return o, fmt.Errorf("make the office's log: %w", err)
	}
	return o, nil
}

// openOffice finds the office's log, or begins it. A restored store goes on
// under a new log: what the lost part of the old one said is not said again
// under the same sequences.
func (h *Hub) openOffice(tx store.Tx, fresh office, now int64) error {
	o := fresh
	if b, err := tx.Meta(officeKey); err == nil {
		if len(b) != 32 {
			return fmt.Errorf("the office's key: %w", store.ErrCorrupt)
		}
		copy(o.seed[:], b)
	} else if errors.Is(err, store.ErrNotFound) {
		if err := tx.PutMeta(officeKey, o.seed[:]); err != nil {
			return err
		}
	} else {
		return err
	}
	key := ed25519.NewKeyFromSeed(o.seed[:])
	public := [32]byte(key.Public().(ed25519.PublicKey))
	h.officeCert = wire.SignLogCert(wire.LogCert{Log: o.log, LogKey: public, Serial: 1, Created: now}, key)
	h.office, h.officeLog = h.officeCert.Device(), h.officeCert.Log
	_, err := tx.Device(h.office)
	if errors.Is(err, store.ErrNotFound) {
		return tx.PutDevice(store.Device{ID: h.office, Key: public, Name: "office", Enrolled: now})
	}
	return err
}

// OfficeEdit is what somebody at the server does to a record.
type OfficeEdit struct {
	Verb    syncproto.Verb
	Form    uint32
	Package uint32
	// Scope is the home of a new record; other edits take the record's.
	Scope    syncproto.ScopeID
	Role     uint8
	Verified bool
	Ops      []syncproto.Op
}

// Office makes a change in the server's own log and merges it like any other.
// edit is given the record as it stands (without a create if it is new) and the
// ids of new list items; it may be called again if the transaction runs again.
// The caller has checked with access that the author may do this.
func (h *Hub) Office(ctx context.Context, author syncproto.PersonID, record syncproto.RecordID,
	edit func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (OfficeEdit, error)) (syncproto.Result, error) {
	h.officeMu.Lock()
	defer h.officeMu.Unlock()
	var id syncproto.ChangeID
	err := h.transact(ctx, func(w *work) error {
		var err error
		id, err = w.office(author, record, edit)
		return err
	})
	if err != nil {
		return syncproto.Result{}, fmt.Errorf("write to record %s: %w", record, err)
	}
	var res syncproto.Result
	err = h.store.View(ctx, func(r store.Reader) error {
		row, err := r.Change(id)
		res = row.Result
		return err
	})
	return res, err
}

func (w *work) office(author syncproto.PersonID, record syncproto.RecordID,
	edit func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (OfficeEdit, error)) (syncproto.ChangeID, error) {
	var none syncproto.ChangeID
	log, err := w.log(w.h.office, w.h.officeCert)
	if err != nil {
		return none, err
	}
	t, err := w.record(record)
	if err != nil {
		return none, err
	}
	seq := log.Received + 1
	e, err := edit(t.state, func(n int) syncproto.ItemID { return syncproto.OwnItem(log.ID, seq, n) })
	if err != nil {
		return none, err
	}
	if t.state.Exists() {
		e.Scope, e.Form = t.state.Home, t.state.Form
	}
	var secret [16]byte
	if _, err := io.ReadFull(w.h.rand, secret[:]); err != nil {
		return none, fmt.Errorf("make a secret: %w", err)
	}
	ch, err := wire.NewChange(syncproto.Header{Verb: e.Verb, Record: record, Form: e.Form, Package: e.Package, Scope: e.Scope,
		OriginLog: log.ID, OriginSeq: seq, Base: t.state.Latest, Author: author, Role: e.Role, Verified: e.Verified,
		Time: w.now, Corrected: true}, secret, e.Ops)
	if err != nil {
		return none, fmt.Errorf("make the change: %w", err)
	}
	chain := syncproto.ChainNext(log.Head, ch.HeaderBytes)
	in := Incoming{Seq: seq, Chain: chain, ID: ch.ID, Change: ch, Bytes: wire.AppendChange(nil, ch)}
	if err := w.receive(w.h.office, log.ID, in); err != nil {
		return none, err
	}
	if err := w.tx.AppendEntries(log.ID, []store.Entry{{Seq: seq, Change: ch.ID, Chain: chain}}); err != nil {
		return none, fmt.Errorf("write the office's log: %w", err)
	}
	log.Received, log.Head, log.LastSeen = seq, chain, w.now
	if err := w.tx.PutLog(log); err != nil {
		return none, fmt.Errorf("write the office's log: %w", err)
	}
	return ch.ID, nil
}
