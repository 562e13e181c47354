package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
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
