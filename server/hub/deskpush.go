package hub

import (
	"context"
	"errors"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

func (d *Desk) accept(ctx context.Context, e session.Accept) (session.ServerEvent, error) {
	b, err := d.opener.Open(e.Batch)
	if err != nil {
		return session.Accepted{Status: session.AcceptedBad, Detail: err.Error()}, nil
	}
	if planted.Bug("acknowledged before the commit") {
		return d.acknowledgeFirst(ctx, b), nil
	}
	opened := d.h.open(b)
	got, err := d.h.accept(ctx, d.device, b, opened)
	var fork *ForkError
	var gap *GapError
	switch {
	case errors.As(err, &fork), errors.As(err, &gap):
		status := session.AcceptedHole
		if fork != nil {
			status = session.AcceptedFork
		}
		ev := session.Accepted{Status: status, Log: b.Cert.Log, Detail: err.Error()}
		return ev, d.h.store.View(ctx, func(r store.Reader) error {
			log, err := readLog(r, b.Cert.Log)
			ev.Received, ev.Head = log.Received, log.Head
			return err
		})
	case errors.Is(err, errForeignLog):
		return session.Accepted{Status: session.AcceptedBad, Log: b.Cert.Log, Detail: err.Error()}, nil
	case errors.Is(err, store.ErrFull):
		return session.Accepted{Status: session.AcceptedNot, Log: b.Cert.Log, RetryAfter: retryFull, Full: true}, nil
	case errors.Is(err, ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return session.Accepted{Status: session.AcceptedNot, Log: b.Cert.Log, RetryAfter: retryBusy}, nil
	case err != nil:
		return nil, err
	}
	d.remember(got, opened)
	ev := session.Accepted{Log: got.Log, Received: got.Received, Head: got.Head}
	if d.plain(got, opened) {
		for _, r := range got.Results {
			ev.Results = append(ev.Results, session.LogResult{Seq: r.Seq, Result: r.Result})
		}
		return ev, nil
	}
	return ev, d.h.store.View(ctx, func(r store.Reader) error {
		door, err := d.h.access.ForDevice(r, d.device)
		if err == nil {
			ev.Results = logResults(door, got.Results)
		}
		return err
	})
}

// plain reports whether all results may be told as they are, see Told: each
// change was applied where its author said and had the right to write in that
// very transaction (whoever writes somewhere reads there, too), and the session
// carries that scope.
func (d *Desk) plain(got Accepted, opened []opened) bool {
	if len(got.Taken) != len(opened) || d.door == nil {
		return false
	}
	for i := range opened {
		res := &got.Results[i].Result
		if !got.Taken[i].Here || res.Position == 0 || opened[i].change == nil || res.Scope != opened[i].change.Header.Scope || !d.door.May(res.Scope, access.Read) {
			return false
		}
	}
	return true
}

// acknowledgeFirst is a planted fault: the batch is committed when the next
// one comes.
func (d *Desk) acknowledgeFirst(ctx context.Context, b *wire.Batch) session.ServerEvent {
	if d.held != nil {
		d.h.Accept(ctx, d.device, d.held)
	}
	d.held = b
	ev := session.Accepted{Log: b.Cert.Log, Received: b.First + uint64(len(b.Entries)) - 1, Head: b.Last}
	for i := range b.Entries {
		ev.Results = append(ev.Results, session.LogResult{Seq: b.Entries[i].Seq, Result: syncproto.Result{Change: b.Entries[i].ID(), Outcome: syncproto.Applied}})
	}
	return ev
}

// After how many milliseconds a device shall come back to a server that is
// full (a person must make room) or busy.
const (
	retryFull = 5 * 60 * 1000
	retryBusy = 5 * 1000
)

// gap takes a stretch of a log for lost. The log is one that the device named
// with its certificate: nobody takes up what is not theirs.
func (d *Desk) gap(ctx context.Context, e session.AcceptGap) (session.ServerEvent, error) {
	ev := session.Accepted{Log: e.Gap.Log}
	cert, named := d.certs[e.Gap.Log]
	if !named {
		ev.Status = session.AcceptedBad
		return ev, nil
	}
	err := d.h.store.Update(ctx, func(tx store.Tx) error {
		log, err := readLog(tx, e.Gap.Log)
		if err != nil {
			return err
		}
		if log.Device != d.device && !log.Device.IsZero() || e.Gap.To < e.Gap.From {
			ev.Status = session.AcceptedBad
			return nil
		}
		switch {
		case e.Gap.To <= log.Received:
		case e.Gap.From != log.Received+1:
			ev.Status = session.AcceptedHole
		default:
			if err := tx.AddGap(log.ID, store.Gap{From: e.Gap.From, To: e.Gap.To}); err != nil {
				return err
			}
			log.Device, log.Cert = d.device, cert
			log.Received, log.Head, log.LastSeen = e.Gap.To, e.Gap.Head, d.h.now()
			if err := tx.PutLog(log); err != nil {
				return err
			}
			d.opener.LearnHead(log.ID, log.Received, log.Head)
		}
		ev.Received, ev.Head = log.Received, log.Head
		return nil
	})
	return ev, err
}

func (d *Desk) touch(ctx context.Context, e session.Touch) error {
	return d.h.store.Update(ctx, func(tx store.Tx) error {
		dev, err := tx.Device(d.device)
		if err != nil {
			return err
		}
		dev.LastSeen, dev.Queue, dev.OldestQueued, dev.ClockAhead = d.h.now(), e.Queue, e.OldestQueued, e.ClockAhead
		if e.App != "" {
			dev.App = e.App
		}
		return tx.PutDevice(dev)
	})
}
