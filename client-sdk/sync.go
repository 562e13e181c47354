package clientsdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/client-sdk/syncer"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// Progress is how a connection goes; see the phases of package syncer.
type Progress = syncer.Progress

// Pipe carries messages to the server and back, each whole and in order.
type Pipe = syncer.Pipe

// SyncResult is what a sync brought.
type SyncResult struct {
	Progress Progress
	// Verdicts are what the server said of own changes during the sync, those
	// that a person should look at first; at most MaxVerdicts. Outcomes counts
	// all of them.
	Verdicts []Verdict
	Outcomes map[syncproto.Outcome]int
	// Settled are conflicts that others settled, of those in which this device's
	// person had written a value.
	Settled []Settlement
	// Conflicts counts the records with conflicts that wait now.
	Conflicts int
}

// MaxVerdicts bounds SyncResult.Verdicts: a months' work is thousands of
// changes, nearly all of which say the same.
const MaxVerdicts = 200

// keepSafe is for how long own changes stay on the device that a verified backup
// of the server holds: while people ask what they recorded, and should the last
// backup be lost and an older one be put back.
const keepSafe = 90 * 24 * time.Hour

// Sync sends what is pending and receives what is new, once, and says what
// became of it. It says ErrNoNetwork, ErrNotReachable, ErrWrongServer,
// ErrRefused, ErrBadCode or ErrUsedCode for an enrolment that was not accepted,
// ErrBusy, ErrIncompatible, ErrNotUnderstood, ErrDiskFull; what was sent and received before
// stays so, and the next Sync goes on from there. progress may be nil; it is
// called often and must return soon.
func (c *Client) Sync(ctx context.Context, progress func(Progress)) (SyncResult, error) {
	return c.run(ctx, syncer.Once, progress, nil)
}

// Watch stays connected, sends what is saved at once and receives what others
// send, and connects again when the line breaks, until ctx ends, which is no
// error, or only a person can help.
func (c *Client) Watch(ctx context.Context, progress func(Progress)) (SyncResult, error) {
	return c.run(ctx, syncer.Watch, progress, nil)
}

// Follow is Watch for a program that shows news while it goes on: each time that
// it has caught up, news is given what became of own changes, and which conflicts
// others settled, since it was called last. Both are called often, by the sync
// itself, and must return soon; progress may be nil.
func (c *Client) Follow(ctx context.Context, progress func(Progress), news func(SyncResult)) (SyncResult, error) {
	return c.run(ctx, syncer.Watch, progress, news)
}

func (c *Client) run(ctx context.Context, mode syncer.Mode, progress func(Progress), news func(SyncResult)) (SyncResult, error) {
	const doing = "sync"
	c.syncing.Lock()
	defer c.syncing.Unlock()
	if c.Locked() {
		return SyncResult{}, told(doing, localstore.ErrLocked)
	}
	codec, err := c.codec()
	if err != nil {
		return SyncResult{}, told(doing, refuse(ErrFailed, err))
	}
	open, err := c.awaited(ctx)
	if err != nil { // an outcome less is told; what is pending must go
		c.log.Warn("reading the open conflicts failed", "err", err)
	}
	listener := &listener{Store: sessionstore.New(c.store, sessionstore.Options{Codec: codec, App: c.opt.App, Device: c.opt.Device, Package: c.forms.Version,
		Keep: keepSafe}),
		client: c, heard: map[syncproto.ChangeID]syncproto.Result{}, open: open, watching: mode == syncer.Watch}
	if progress != nil {
		inner := progress
		progress = func(p Progress) {
			if p.Ended != nil {
				p.Err = told(doing, endOf(ctx, mode, *p.Ended))
			}
			inner(p)
		}
	}
	if news != nil {
		progress = c.following(ctx, listener, progress, news)
	}
	s := syncer.New(syncer.Options{Store: listener, Codec: codec, Clock: func() int64 { return c.opt.Clock.Now().UnixMilli() },
		Random: lockedRand{c}, Device: session.DeviceConfig{App: c.opt.App}, Log: c.log, Progress: progress}, c.dialer())
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-c.wake:
				s.Queued()
			case <-stop:
				return
			}
		}
	}()
	r := s.Run(ctx, mode)
	close(stop)
	<-stopped
	// What was learnt is worth keeping even if ctx is over.
	out, err := c.learnt(context.WithoutCancel(ctx), listener, r)
	if err == nil {
		out.Settled, err = c.outcomes(context.WithoutCancel(ctx), listener)
	}
	if bad := endOf(ctx, mode, r); bad != nil {
		return out, told(doing, bad)
	}
	return out, told(doing, err)
}

// dialer is Options.Dial, or a websocket to the addresses that are known.
func (c *Client) dialer() func(context.Context) (Pipe, error) {
	id, _ := c.known()
	var addresses []string
	for _, a := range slices.Concat(c.opt.Addresses, id.Addresses) {
		if !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	if c.opt.Dial != nil {
		return func(ctx context.Context) (Pipe, error) { return c.opt.Dial(ctx, addresses) }
	}
	d := &wsdial.Dialer{Addresses: addresses}
	return func(ctx context.Context) (Pipe, error) {
		p, err := d.Dial(ctx)
		if err != nil {
			return nil, err
		}
		return p, nil
	}
}

// learnt brings what the client knows up to date after a run, and explains
// what the server said.
func (c *Client) learnt(ctx context.Context, l *listener, r syncer.Result) (SyncResult, error) {
	out := SyncResult{Progress: r.Progress, Outcomes: map[syncproto.Outcome]int{}}
	if err := c.opened(ctx); err != nil {
		return out, err
	}
	if err := c.learnRecovery(ctx); err != nil {
		return out, err
	}
	// Neither of these may fail a sync that stands: both are made up for later.
	if err := c.store.Maintain(ctx); err != nil {
		c.log.Warn("tidying up after a sync failed", "err", err)
	}
	if r.Progress.RecordsDown > 0 {
		if err := c.store.SaveIndex(ctx); err != nil {
			c.log.Warn("writing the index failed", "err", err)
		}
	}
	var err error
	out.Conflicts, err = c.explain(ctx, l, l.order, &out)
	return out, err
}

// following tells what was heard whenever a connection has caught up.
func (c *Client) following(ctx context.Context, l *listener, progress func(Progress), news func(SyncResult)) func(Progress) {
	told, settled := 0, map[string]bool{}
	return func(p Progress) {
		if progress != nil {
			progress(p)
		}
		if p.Phase != syncer.Idle {
			return
		}
		out := SyncResult{Progress: p, Outcomes: map[syncproto.Outcome]int{}}
		var err error
		if out.Conflicts, err = c.explain(ctx, l, l.order[told:], &out); err == nil {
			out.Settled, err = c.outcomes(ctx, l)
		}
		if err != nil { // it is told when the sync ends, or by the next news
			c.log.Warn("reading what became of changes failed", "err", err)
			return
		}
		out.Settled = slices.DeleteFunc(out.Settled, func(x Settlement) bool { return settled[x.ID] })
		for _, x := range out.Settled {
			settled[x.ID] = true
		}
		told = len(l.order)
		news(out)
	}
}

// explain adds what the server said of own changes to a result, and returns how
// many records have conflicts now.
func (c *Client) explain(ctx context.Context, l *listener, changes []syncproto.ChangeID, out *SyncResult) (conflicts int, err error) {
	for _, id := range changes {
		res := l.heard[id]
		out.Outcomes[res.Outcome]++
		if len(out.Verdicts) >= MaxVerdicts && calm(res.Outcome) {
			continue
		}
		var form *schemas.Form
		var record syncproto.RecordID
		var stands *syncproto.RecordState
		if own, err := c.store.Change(ctx, id); err == nil && own.Change != nil {
			form, _ = c.forms.Form(schemas.FormID(own.Change.Header.Form))
			record = own.Change.Header.Record
			if slices.ContainsFunc(res.Cells, func(x syncproto.CellResult) bool { return x.Reason == syncproto.ReasonNotCurrent }) {
				if h, err := c.store.State(ctx, record); err == nil {
					stands = h.State
				}
			}
		}
		v := c.verdict(form, stands, &res)
		v.Record = record
		out.Verdicts = append(out.Verdicts, v)
	}
	slices.SortStableFunc(out.Verdicts, func(a, b Verdict) int { return boolOrder(calm(a.Outcome), calm(b.Outcome)) })
	out.Verdicts = out.Verdicts[:min(len(out.Verdicts), MaxVerdicts)]
	return c.store.Count(ctx, localstore.Filter{Conflicts: true, Deleted: true})
}

// calm reports whether an outcome needs nobody's attention.
func calm(o syncproto.Outcome) bool {
	return o == syncproto.Applied || o == syncproto.Merged || o == syncproto.Duplicate
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// learnRecovery seals the device key for the province's recovery key, once it
// is known: a device enrolled by a typed code learns it at first contact.
func (c *Client) learnRecovery(ctx context.Context) error {
	id, _ := c.known()
	if len(id.Server) == 0 {
		return nil
	}
	if _, err := c.store.RecoveryBox(ctx); err == nil || !errors.Is(err, localstore.ErrNoRecovery) {
		return err
	}
	keys, err := wire.DecodeServerKeys(id.Server)
	if err != nil {
		return fmt.Errorf("read the server's keys: %w", err)
	}
	if keys.Recovery == [32]byte{} {
		return nil
	}
	return c.store.SetRecovery(ctx, keys.Recovery[:])
}

// endOf is what a run's end means for its caller.
func endOf(ctx context.Context, mode syncer.Mode, r syncer.Result) error {
	var kind error
	switch r.Outcome {
	case syncer.CaughtUp:
		return nil
	case syncer.Stopped:
		if mode == syncer.Watch && ctx.Err() != nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		kind = ErrNotReachable
	case syncer.Incompatible:
		kind = ErrIncompatible
	case syncer.WrongServer:
		kind = ErrWrongServer
	case syncer.StoreFailed:
		kind = ErrFailed
		for _, b := range below() {
			if errors.Is(r.Err, b.err) {
				kind = b.kind
				break
			}
		}
	case syncer.NotReachable:
		kind = ErrNotReachable
		switch {
		case errors.Is(r.Err, wsdial.ErrNoNetwork):
			kind = ErrNoNetwork
		case errors.Is(r.Err, wsdial.ErrNotMahalleh), errors.Is(r.Err, wsdial.ErrCertificate):
			kind = ErrWrongServer
		}
	default:
		kind = refusalOf(r.Code)
	}
	return refuse(kind, r.Err, "after", r.RetryAfter, "session", r.Key)
}

func refusalOf(code session.CloseCode) error {
	switch code {
	case session.CloseBadCode:
		return ErrBadCode
	case session.CloseUsedCode:
		return ErrUsedCode
	case session.CloseUnknownDevice, session.CloseRevoked:
		return ErrRefused
	case session.CloseMalformed:
		return ErrNotUnderstood
	case session.CloseBusy, session.CloseFull, session.CloseClock, session.CloseLimits:
		return ErrBusy
	}
	return ErrFailed
}
