package hub

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// lease is for how many seconds of its uptime a device may read without
// another contact: a season in the field.
const lease = 120 * 24 * 3600

func (d *Desk) welcome(r store.Reader, h *wire.Hello, dev store.Device, ev *session.SessionLoaded) error {
	w := &ev.Welcome
	eras, err := r.Eras()
	if err != nil {
		return err
	}
	for i := len(eras) - 1; i >= 0; i-- {
		if i == len(eras)-1 {
			w.Era = eras[i].ID
		} else if len(w.Eras) < wire.MaxEras && slices.ContainsFunc(h.Cursors, func(c wire.Cursor) bool { return c.Era == eras[i].ID }) {
			w.Eras = append(w.Eras, eras[i].ID)
		}
	}
	log, err := readLog(r, h.Log)
	if err != nil {
		return err
	}
	w.Received, w.ReceivedHead, w.BackupSafe = log.Received, log.Head, log.BackupSafe
	d.opener.LearnHead(log.ID, log.Received, log.Head)
	for i := range h.Ancestors {
		a, err := readLog(r, h.Ancestors[i].Log)
		if err != nil {
			return err
		}
		d.opener.LearnHead(a.ID, a.Received, a.Head)
		said := wire.LogReceived{Log: a.ID, Received: a.Received, BackupSafe: a.BackupSafe}
		if mine, err := isChain(r, &a, &h.Ancestors[i]); err != nil {
			return err
		} else if !mine && !planted.Bug("a fork re-issues only what was unsent") {
			said = wire.LogReceived{Log: a.ID}
		}
		w.Ancestors = append(w.Ancestors, said)
	}
	w.Lease = lease
	w.Dictionary = wire.DictChanges
	if ev.Serial, err = r.GrantSerial(); err != nil {
		return err
	}
	note, err := d.note(r, dev)
	if err != nil {
		return err
	}
	if w.GrantSerial = note.GrantSerial; w.GrantSerial == h.Grants {
		return nil
	}
	keys := d.id.Keys()
	w.ServerKeys = wire.AppendServerKeys(nil, &keys)
	w.Grants, w.Places, w.People = note.Grants, note.Places, note.People
	return nil
}

// isChain says whether a log is here as an ancestor names it. A copy of the
// device may have written on in it; nothing of that counts as the device's.
func isChain(r store.Reader, log *store.Log, a *wire.Ancestor) (bool, error) {
	switch {
	case a.HeadSeq == 0 || log.Received < a.HeadSeq:
		return true, nil // the batches will tell
	case log.Received == a.HeadSeq:
		return log.Head == a.Head, nil
	}
	e, err := r.Entry(log.ID, a.HeadSeq)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil // in a gap: nothing of it is here that could be another's
	}
	return e.Chain == a.Head, err
}

func readLog(r store.Reader, id syncproto.LogID) (store.Log, error) {
	log, err := r.Log(id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Log{ID: id, Head: syncproto.ChainStart(id)}, nil
	}
	return log, err
}

// note is what the device may use, and the names that go with it.
func (d *Desk) note(r store.Reader, dev store.Device) (wire.GrantsNote, error) {
	var n wire.GrantsNote
	grants, err := d.h.access.OfDevice(r, dev)
	if err != nil {
		return n, err
	}
	places := map[syncproto.PlaceID]bool{}
	for _, g := range grants {
		if g.Rights&access.Read == 0 {
			continue
		}
		n.Grants = append(n.Grants, wire.Grant{Scope: g.Scope, Place: g.Place, Compartment: g.Compartment, Rights: uint32(g.Rights), Role: g.Rank})
		places[g.Place] = true
	}
	all, err := d.h.access.Places(r)
	if err != nil {
		return n, err
	}
	for _, p := range all {
		if places[p.ID] && len(n.Places) < wire.MaxPlaces {
			n.Places = append(n.Places, wire.Place{ID: p.ID, Number: p.Number, Kind: uint8(p.Kind), Parent: p.Parent, NameFa: p.NameFa, NameEn: p.NameEn})
		}
	}
	if n.People, err = d.h.access.Colleagues(r, dev, wire.MaxPlaces); err != nil {
		return n, err
	}
	n.GrantSerial = d.nameOf(&n)
	return n, nil
}

// nameOf names what a device is granted by its content. The store's serial counts
// acts everywhere: it would tell each device how much is done elsewhere, and send it
// what it has. 42 bits are as short in a change as the serial was.
func (d *Desk) nameOf(n *wire.GrantsNote) uint64 {
	keys := d.id.Keys()
	h := sha256.Sum256(wire.AppendMessage(wire.AppendServerKeys(nil, &keys), n))
	return binary.BigEndian.Uint64(h[:8])>>22 | 1<<41
}

func (d *Desk) starts(r store.Reader, h *wire.Hello, dev store.Device, ev *session.SessionLoaded) error {
	grants, err := d.h.access.OfDevice(r, dev)
	if err != nil {
		return err
	}
	eras, err := r.Eras()
	if err != nil {
		return err
	}
	for _, g := range grants {
		if g.Rights&access.Read == 0 {
			continue
		}
		i := slices.IndexFunc(h.Cursors, func(c wire.Cursor) bool { return c.Scope == g.Scope })
		if i < 0 || h.Cursors[i].Position == 0 {
			ev.Starts = append(ev.Starts, session.Start{Scope: g.Scope})
			continue
		}
		c := h.Cursors[i]
		scope, err := r.Scope(g.Scope)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		known := slices.ContainsFunc(eras, func(e store.Era) bool { return e.ID == c.Era })
		sum, err := r.SumAt(g.Scope, c.Position)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		ev.Starts = append(ev.Starts, session.Resume(c, known, scope.Position, sum, err == nil, 0))
	}
	return nil
}
