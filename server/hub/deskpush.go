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

// Pending is a batch that is being accepted.
type Pending struct {
	h      *Hub
	effect session.Accept
	r      *request
	log    syncproto.LogID
	// event and err answer at once what did not come into the queue.
	event session.ServerEvent
	err   error
}

// Begin begins to accept a batch, so that the session can go on with the next
// one while this one is committed. Finish gives the answer, in the order of the
// beginnings, and waits for it unless the batch is Ready; ring is called from
// any goroutine when it is, and must not block.
func (d *Desk) Begin(ctx context.Context, e session.Accept, ring func()) *Pending {
	p := &Pending{h: d.h, effect: e}
	p.event, p.err = d.guarded(func() (session.ServerEvent, error) { return d.begin(ctx, e, p, ring) })
	if p.r == nil {
		ring()
	}
	return p
}

// Ready reports whether Finish has nothing to wait for.
func (p *Pending) Ready() bool {
	if p.r == nil {
		return true
	}
	select {
	case <-p.r.done:
		return true
	case <-p.h.done:
		return true
	default:
		return false
	}
}

// Finish returns the event that answers the batch.
func (d *Desk) Finish(ctx context.Context, p *Pending) session.ServerEvent {
	if p.r != nil {
		p.event, p.err = d.guarded(func() (session.ServerEvent, error) { return d.finish(ctx, p) })
	}
	return d.answer(p.effect, p.event, p.err)
}

func (d *Desk) accept(ctx context.Context, e session.Accept) (session.ServerEvent, error) {
	p := &Pending{h: d.h}
	if ev, err := d.begin(ctx, e, p, nil); p.r == nil {
		return ev, err
	}
	return d.finish(ctx, p)
}

// begin opens a batch and puts it into the hub's queue, or says why not.
func (d *Desk) begin(ctx context.Context, e session.Accept, p *Pending, ring func()) (session.ServerEvent, error) {
	b, err := d.opener.Open(e.Batch)
	if err != nil {
		return session.Accepted{Status: session.AcceptedBad, Detail: err.Error()}, nil
	}
	if planted.Bug("acknowledged before the commit") {
		return d.acknowledgeFirst(ctx, b), nil
	}
	p.log = b.Cert.Log
	if p.r, err = d.h.submit(ctx, d.device, b, ring); err != nil {
		return d.refused(p.log, err)
	}
	return nil, nil
}

// finish waits for the answer to a batch and says what the device is told.
func (d *Desk) finish(ctx context.Context, p *Pending) (session.ServerEvent, error) {
	got, err := d.h.await(p.r)
	var fork *ForkError
	var gap *GapError
	switch {
	case errors.As(err, &fork), errors.As(err, &gap):
		status := session.AcceptedHole
		if fork != nil {
			status = session.AcceptedFork
		}
		ev := session.Accepted{Status: status, Log: p.log, Detail: err.Error()}
		return ev, d.h.store.View(ctx, func(r store.Reader) error {
			log, err := readLog(r, p.log)
			ev.Received, ev.Head = log.Received, log.Head
			return err
		})
	case err != nil:
		return d.refused(p.log, err)
	}
	d.remember(got, p.r.opened)
	ev := session.Accepted{Log: got.Log, Received: got.Received, Head: got.Head}
	if d.plain(got, p.r.opened) {
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

// refused says what a device is told whose batch was not taken in.
func (d *Desk) refused(log syncproto.LogID, err error) (session.ServerEvent, error) {
	switch {
	case errors.Is(err, errForeignLog):
		return session.Accepted{Status: session.AcceptedBad, Log: log, Detail: err.Error()}, nil
	case errors.Is(err, store.ErrFull):
		return session.Accepted{Status: session.AcceptedNot, Log: log, RetryAfter: retryFull, Full: true}, nil
	case errors.Is(err, ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return session.Accepted{Status: session.AcceptedNot, Log: log, RetryAfter: retryBusy}, nil
	}
	return nil, err
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
