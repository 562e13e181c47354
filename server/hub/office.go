package hub

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// The names of the server's own devices, and where their keys are kept.
const (
	officeName = "office"
	pagesName  = "pages"
	ownKey     = "hub."
)

// ownDevice is a device of the server itself: its logs are kept like any other's.
type ownDevice struct {
	id   syncproto.DeviceID
	cert *wire.LogCert
}

// own says whether a device is the server's.
func (h *Hub) own(id syncproto.DeviceID) bool { return id == h.office.id || id == h.pages.id }

// ownSeed is a key for a device that has none yet, and a log, of which all but its
// first bytes follow from the key.
type ownSeed struct {
	seed [32]byte
	log  syncproto.LogID
}

func (h *Hub) makeOwn() (ownSeed, error) {
	var o ownSeed
	if _, err := io.ReadFull(h.rand, o.seed[:]); err != nil {
		return o, fmt.Errorf("make a key of the server's own: %w", err)
	}
	if _, err := io.ReadFull(h.rand, o.log[:]); err != nil {
		return o, fmt.Errorf("make a log of the server's own: %w", err)
	}
	return o, nil
}

// openOwn finds an own device, or makes it, and begins a log of it. A restored store
// goes on under a new log: what the lost part of the old one said is not said again
// under the same sequences.
func openOwn(tx store.Tx, name string, fresh ownSeed, now int64) (ownDevice, error) {
	if b, err := tx.Meta(ownKey + name); err == nil {
		if len(b) != 32 {
			return ownDevice{}, fmt.Errorf("the key of %s: %w", name, store.ErrCorrupt)
		}
		copy(fresh.seed[:], b)
	} else if errors.Is(err, store.ErrNotFound) {
		if err := tx.PutMeta(ownKey+name, fresh.seed[:]); err != nil {
			return ownDevice{}, err
		}
	} else {
		return ownDevice{}, err
	}
	key := ed25519.NewKeyFromSeed(fresh.seed[:])
	public := [32]byte(key.Public().(ed25519.PublicKey))
	cert := wire.SignLogCert(wire.LogCert{Log: fresh.log, LogKey: public, Serial: 1, Created: now}, key)
	o := ownDevice{id: cert.Device(), cert: cert}
	_, err := tx.Device(o.id)
	if errors.Is(err, store.ErrNotFound) {
		d := store.Device{ID: o.id, Key: public, Name: name, Enrolled: now}
		if name != officeName {
			// No two devices have one key for the line. To this one nobody has the
			// other half: it never speaks.
			d.Noise = sha256.Sum256(append([]byte("mahalleh own device\n"), public[:]...))
		}
		err = tx.PutDevice(d)
	}
	return o, err
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
	h.ownMu.Lock()
	defer h.ownMu.Unlock()
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
	return w.writeOwn(w.h.office, record, edit, func(h *syncproto.Header) error {
		h.Author = author
		return nil
	})
}

// writeOwn makes a change in the log of an own device and takes it in like any other;
// sign says who it is from.
func (w *work) writeOwn(own ownDevice, record syncproto.RecordID,
	edit func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (OfficeEdit, error), sign func(*syncproto.Header) error) (syncproto.ChangeID, error) {
	var none syncproto.ChangeID
	log, err := w.log(own.id, own.cert)
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
	header := syncproto.Header{Verb: e.Verb, Record: record, Form: e.Form, Package: e.Package, Scope: e.Scope, OriginLog: log.ID, OriginSeq: seq,
		Base: t.state.Latest, Role: e.Role, Verified: e.Verified, Time: w.now, Corrected: true}
	if err := sign(&header); err != nil {
		return none, err
	}
	var secret [16]byte
	if _, err := io.ReadFull(w.h.rand, secret[:]); err != nil {
		return none, fmt.Errorf("make a secret: %w", err)
	}
	ch, err := wire.NewChange(header, secret, e.Ops)
	if err != nil {
		return none, fmt.Errorf("make the change: %w", err)
	}
	if !w.decider.IsZero() {
		w.deciders[ch.ID] = w.decider
	}
	chain := syncproto.ChainNext(log.Head, ch.HeaderBytes)
	in := Incoming{Seq: seq, Chain: chain, ID: ch.ID, Change: ch, Bytes: wire.AppendChange(nil, ch)}
	if err := w.receive(own.id, log.ID, in); err != nil {
		return none, err
	}
	if err := w.tx.AppendEntries(log.ID, []store.Entry{{Seq: seq, Change: ch.ID, Chain: chain}}); err != nil {
		return none, fmt.Errorf("write the server's own log: %w", err)
	}
	log.Received, log.Head, log.LastSeen = seq, chain, w.now
	if err := w.tx.PutLog(log); err != nil {
		return none, fmt.Errorf("write the server's own log: %w", err)
	}
	w.logs[log.ID] = log
	return ch.ID, nil
}
