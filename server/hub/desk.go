package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// Desk carries out what one session's machine asks for. One goroutine uses it.
type Desk struct {
	h      *Hub
	id     *Identity
	opener *wire.BatchOpener
	noise  [32]byte
	device syncproto.DeviceID
	log    syncproto.LogID
	// certs are those of the logs that the device named.
	certs map[syncproto.LogID][]byte
	// acts is how many acts of each scope the device was told of.
	acts map[syncproto.ScopeID]uint64
	// door is what the session was let see when it last read, nil before. Its
	// snapshot is over: it only says what may be read.
	door *access.Door
	// own are changes that the session pushed since all was read last.
	own own
	// held is the batch of a planted fault.
	held *wire.Batch
}

// NewDesk returns the desk for one connection.
func (h *Hub) NewDesk(id *Identity, codec *wire.Codec) *Desk {
	return &Desk{h: h, id: id, opener: wire.NewBatchOpener(codec), own: newOwn()}
}

// Device is whom the session speaks with, zero before it is known.
func (d *Desk) Device() syncproto.DeviceID { return d.device }

// Log is the log that the device named, zero before it did.
func (d *Desk) Log() syncproto.LogID { return d.log }

// Do carries out one effect and returns the event that answers it, nil for an
// effect without an answer. Close and Subscribe are the driver's.
func (d *Desk) Do(ctx context.Context, effect session.ServerEffect) session.ServerEvent {
	ev, err := d.guarded(func() (session.ServerEvent, error) { return d.do(ctx, effect) })
	return d.answer(effect, ev, err)
}

// answer makes of what went wrong the event that says so.
func (d *Desk) answer(effect session.ServerEffect, ev session.ServerEvent, err error) session.ServerEvent {
	if err != nil {
		d.h.log.Error("a session's request failed", "effect", fmt.Sprintf("%T", effect), "device", d.device, "err", err)
		return session.Failed{Effect: effect, Err: err, Full: errors.Is(err, store.ErrFull)}
	}
	return ev
}

// guarded never takes the process down: a panic ends this session's request,
// and the others go on.
func (d *Desk) guarded(f func() (session.ServerEvent, error)) (ev session.ServerEvent, err error) {
	defer func() {
		if what := recover(); what != nil {
			d.h.log.Error("a session's request made the server fail", "cause", what, "stack", string(debug.Stack()))
			ev, err = nil, fmt.Errorf("%w: %v", errPanic, what)
		}
	}()
	return f()
}

func (d *Desk) do(ctx context.Context, effect session.ServerEffect) (ev session.ServerEvent, err error) {
	switch e := effect.(type) {
	case session.Authenticate:
		return d.authenticate(ctx, e)
	case session.Redeem:
		return d.redeem(ctx, e)
	case session.LoadSession:
		return d.load(ctx, e)
	case session.Accept:
		return d.accept(ctx, e)
	case session.AcceptGap:
		return d.gap(ctx, e)
	case session.ReadScopes:
		return d.read(ctx, e)
	case session.CompareScope:
		return d.compare(ctx, e)
	case session.ReadRecords:
		return d.records(ctx, e)
	case session.LoadGrants:
		return d.loadGrants(ctx)
	case session.MakeReceipt:
		b, err := d.h.Receipt(ctx, d.id, e.Log)
		return session.ReceiptMade{Receipt: b}, err
	case session.Touch:
		return nil, d.h.Touch(ctx, []Touched{d.Touched(e)})
	case session.NotePurged:
		return nil, d.h.store.Update(ctx, func(tx store.Tx) error {
			return access.Note(tx, store.AuditEntry{At: d.h.now(), Act: "purged", Subject: d.device.String()}, e.Scope)
		})
	}
	return nil, nil
}

func (d *Desk) authenticate(ctx context.Context, e session.Authenticate) (session.ServerEvent, error) {
	d.noise = e.Noise
	ev := session.Authenticated{}
	err := d.h.store.View(ctx, func(r store.Reader) error {
		dev, err := r.DeviceByNoise(e.Noise)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		ev.Device, ev.Standing = dev.ID, standing(dev)
		return nil
	})
	d.device = ev.Device
	return ev, err
}

func standing(d store.Device) session.Standing {
	if d.Revoked != 0 {
		return session.StandingRevoked
	}
	return session.StandingGood
}

// load reads all that a session begins with from one snapshot; only the
// device's log, if it is new, is written first.
func (d *Desk) load(ctx context.Context, e session.LoadSession) (session.ServerEvent, error) {
	h := &e.Hello
	d.own.forget()
	cert, err := wire.DecodeLogCert(h.Cert)
	if err := d.certifies(cert, h.Log, err); err != nil {
		return session.SessionLoaded{Refuse: wire.RefuseMalformed, Detail: "log certificate: " + err.Error()}, nil
	}
	// What is kept of Hello is kept by itself, or all of it would be.
	d.certs = map[syncproto.LogID][]byte{h.Log: bytes.Clone(h.Cert)}
	d.opener.LearnCert(cert)
	d.log = h.Log
	for i := range h.Ancestors {
		a := &h.Ancestors[i]
		c, err := wire.DecodeLogCert(a.Cert)
		if err := d.certifies(c, a.Log, err); err != nil {
			return session.SessionLoaded{Refuse: wire.RefuseMalformed, Detail: "ancestor's certificate: " + err.Error()}, nil
		}
		d.certs[a.Log] = bytes.Clone(a.Cert)
		d.opener.LearnCert(c)
	}
	var ev session.SessionLoaded
	err = d.h.store.View(ctx, func(r store.Reader) error {
		ev = session.SessionLoaded{}
		dev, err := r.Device(d.device)
		if errors.Is(err, store.ErrNotFound) {
			ev.Refuse = wire.RefuseUnknownDevice
			return nil
		}
		if err != nil {
			return err
		}
		ev.Standing = standing(dev)
		if foreign, err := d.namesForeign(r); err != nil {
			return err
		} else if foreign {
			ev.Refuse, ev.Detail = wire.RefuseMalformed, "a log of another device"
			return nil
		}
		if err := d.welcome(r, h, dev, &ev); err != nil {
			return err
		}
		if err := d.late(r, h, &ev); err != nil {
			return err
		}
		if err := d.loadActs(r, dev, h, &ev); err != nil {
			return err
		}
		return d.starts(r, h, dev, &ev)
	})
	return ev, err
}

// namesForeign reports whether the device named a log that another one wrote.
// Anybody can sign a certificate for a log whose id they know; what is here of
// it is for its own device to hear.
func (d *Desk) namesForeign(r store.Reader) (bool, error) {
	for id := range d.certs {
		log, err := readLog(r, id)
		if err != nil {
			return false, err
		}
		if !log.Device.IsZero() && log.Device != d.device {
			return true, nil
		}
	}
	return false, nil
}

// certifies says what keeps a certificate, decoded with err, from binding a log
// to the session's device.
func (d *Desk) certifies(cert *wire.LogCert, log syncproto.LogID, err error) error {
	switch {
	case err != nil:
		return err
	case cert.Log != log:
		return fmt.Errorf("it is of log %s, not of log %s", cert.Log, log)
	case cert.Device() != d.device:
		return fmt.Errorf("it is of device %s, not of device %s", cert.Device(), d.device)
	}
	return nil
}

// late tells what became of the device's own changes that were parked or
// quarantined when it last heard of them. One that still is may be the other of
// the two by now: released and waiting, or come free and set aside. To a device
// that was not here since this store was opened, all of its own that are either, or
// were erased before they were applied, are told: in a store put back from a
// backup, decisions that it heard of are lost.
func (d *Desk) late(r store.Reader, h *wire.Hello, ev *session.SessionLoaded) error {
	if !slices.ContainsFunc(h.Cursors, func(c wire.Cursor) bool { return c.Era == ev.Welcome.Era }) {
		rows, err := r.SetAside(d.device, lateMost)
		if err != nil {
			return err
		}
		for i := range rows {
			ev.Results = append(ev.Results, rows[i].Result)
		}
	}
	for _, id := range h.Unsettled {
		row, err := r.Change(id)
		if errors.Is(err, store.ErrNotFound) {
			continue // lost with a restored server; it is sent again
		}
		if err != nil {
			return err
		}
		if row.Device == d.device && !slices.ContainsFunc(ev.Results, func(t syncproto.Result) bool { return t.Change == id }) {
			ev.Results = append(ev.Results, row.Result)
		}
	}
	told, err := d.Told(r, ev.Results)
	ev.Results = told
	return err
}

// lateMost is how many of its own set-aside changes a device is told in one contact:
// several times what a person saves in a month. Who has more has them by malice.
const lateMost = 10_000

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
