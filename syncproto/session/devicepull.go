package session

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// pulling is the device's way down: what it holds of each scope, and how much
// the server may send.
type pulling struct {
	granted map[syncproto.ScopeID]bool
	// at is the position of each scope as of the last page taken.
	at map[syncproto.ScopeID]uint64
	// taken are the weights of what was given to the store and not committed
	// yet, in order; open is their sum, owed what was committed and not yet
	// given back to the server as credit.
	taken      []int64
	open, owed int64
	// caughts are the heads of the Caughts given to the store, in order.
	caughts [][]wire.Head
	// heads are the last ones committed, by scope.
	heads  map[syncproto.ScopeID]wire.Head
	synced bool
	purges []purge
}

// purge is a scope to be dropped once what is pending has been received.
type purge struct {
	scope    syncproto.ScopeID
	reason   uint8
	after    uint64
	dropping bool // given to the store
	refused  bool // the store has pending changes there; wait for progress
}

func newPulling(cursors []wire.Cursor, granted []syncproto.ScopeID) pulling {
	p := pulling{granted: map[syncproto.ScopeID]bool{}, at: map[syncproto.ScopeID]uint64{}, heads: map[syncproto.ScopeID]wire.Head{}}
	for _, c := range cursors {
		p.at[c.Scope] = c.Position
	}
	for _, s := range granted {
		p.granted[s] = true
	}
	return p
}

// Caught reports whether the device has caught up since Welcome: all scopes
// are those of one snapshot of the server, and no sum is known to differ.
func (d *Device) Caught() bool {
	return d.state == deviceLive && d.synced && len(d.taken) == 0 && len(d.queue) == 0 && d.mend == nil
}

// Sent reports whether the server holds everything this device has.
func (d *Device) Sent() bool {
	return d.state == deviceLive && d.unsent() == 0 && len(d.flights) == 0
}

func (d *Device) grant(grants []wire.Grant) {
	for _, g := range grants {
		d.granted[g.Scope] = true
		for i := range d.purges {
			if d.purges[i].scope != g.Scope {
				continue
			}
			if d.purges[i].dropping {
				// Granted again while it is being dropped: begin anew without it.
				d.close(Close{Code: CloseRestart, RetryAfter: retrySoon})
				return
			}
			d.purges = append(d.purges[:i], d.purges[i+1:]...)
			break
		}
	}
}

// take checks that a message keeps to the credit, and counts it.
func (d *Device) take(m wire.Message) bool {
	if d.open+d.owed > int64(d.cfg.Window) {
		d.broken("more than the credit")
		return false
	}
	w := weight(m)
	d.taken = append(d.taken, w)
	d.open += w
	return true
}

// follow checks that a page continues what the device has, and moves on.
func (d *Device) follow(p *wire.Page) (reset, ok bool) {
	at := d.at[p.Scope]
	switch {
	case !d.granted[p.Scope]:
		d.broken("page of a scope that is not granted")
		return false, false
	case p.Era != d.welcome.Era:
		d.broken("page of another era")
		return false, false
	case p.From > at || p.To < p.From:
		d.broken("page from %d to %d, the device is at %d", p.From, p.To, at)
		return false, false
	}
	d.at[p.Scope] = p.To
	return p.From < at, true
}

func (d *Device) page(m *wire.Page) {
	reset, ok := d.follow(m)
	if !ok || !d.take(m) || !d.received(d.logOr(m.Log), m.Received, false) {
		return
	}
	d.synced = false
	page := *m
	page.Log = d.logOr(m.Log)
	d.do(CommitPage{Page: page, Reset: reset})
}

func (d *Device) caught(m *wire.Caught) {
	var resets []syncproto.ScopeID
	for i := range m.Pages {
		reset, ok := d.follow(&m.Pages[i])
		if !ok {
			return
		}
		if reset {
			resets = append(resets, m.Pages[i].Scope)
		}
	}
	if m.Era != d.welcome.Era {
		d.broken("another era")
		return
	}
	for _, h := range m.Heads {
		at := d.at[h.Scope]
		switch {
		case !d.granted[h.Scope]:
			d.broken("head of a scope that is not granted")
			return
		case h.Position == at:
		case h.Position == 0 && h.Count == 0:
			resets = append(resets, h.Scope) // began anew, and there is nothing
		default:
			d.broken("head at %d, the device is at %d", h.Position, at)
			return
		}
		d.at[h.Scope] = h.Position
	}
	if !d.take(m) || !d.received(d.logOr(m.Log), m.Received, false) {
		return
	}
	caught := *m
	caught.Log = d.logOr(m.Log)
	d.caughts = append(d.caughts, m.Heads)
	d.do(CommitCaught{Caught: caught, Reset: resets})
}

// committed notes that the store has committed the oldest of what it was given.
func (d *Device) committed() {
	if len(d.taken) == 0 {
		return
	}
	d.open -= d.taken[0]
	d.owed += d.taken[0]
	d.taken = d.taken[1:]
}

// pumpCredit gives credit back, not for every page.
func (d *Device) pumpCredit() {
	if d.owed < int64(d.cfg.Window)/4 || d.owed == 0 {
		return
	}
	d.control = append(d.control, &wire.Credit{Bytes: uint32(d.owed)})
	d.owed = 0
}

// caughtCommitted compares what the store holds with what the server said.
func (d *Device) caughtCommitted(ev CaughtCommitted) {
	d.committed()
	if len(d.caughts) == 0 {
		return
	}
	heads := pop(&d.caughts)
	mine := make(map[syncproto.ScopeID]wire.Head, len(ev.Heads))
	for _, h := range ev.Heads {
		mine[h.Scope] = h
	}
	for _, h := range heads {
		d.heads[h.Scope] = h
		if m := mine[h.Scope]; m.Sum != h.Sum || m.Count != h.Count {
			d.differs(h.Scope)
		} else {
			delete(d.vain, h.Scope)
		}
	}
	d.synced = true
}

// purge notes that a scope is to go.
func (d *Device) purge(m *wire.Purge) {
	delete(d.granted, m.Scope)
	d.forget(m.Scope)
	for i := range d.purges {
		if d.purges[i].scope == m.Scope {
			return
		}
	}
	// What this device wrote up to now is received first, whatever the server
	// knew of it.
	d.purges = append(d.purges, purge{scope: m.Scope, reason: m.Reason, after: max(m.After, d.head)})
}

// pumpPurges drops the scopes whose time has come.
func (d *Device) pumpPurges() {
	own := d.own()
	for _, l := range d.logs {
		if l.log != own.log && (l.acked < l.head || l.next <= l.head) {
			return
		}
	}
	for i := range d.purges {
		p := &d.purges[i]
		if p.dropping || p.refused || own.acked < min(p.after, d.head) {
			continue
		}
		p.dropping = true
		d.do(DropScope{Scope: p.scope, Reason: p.reason})
	}
}

// retryDrops lets refused drops be tried again, since the queue has moved.
func (d *Device) retryDrops() {
	for i := range d.purges {
		d.purges[i].refused = false
	}
}

func (d *Device) scopeDropped(ev ScopeDropped) {
	for i := range d.purges {
		if d.purges[i].scope != ev.Scope {
			continue
		}
		if ev.Pending {
			// Something was written meanwhile: Queued tells of it or has told, and
			// once its acknowledgement is committed the drop is tried again.
			d.purges[i].dropping, d.purges[i].refused = false, true
			return
		}
		d.purges = append(d.purges[:i], d.purges[i+1:]...)
		delete(d.at, ev.Scope)
		delete(d.heads, ev.Scope)
		d.control = append(d.control, &wire.Purged{Scope: ev.Scope})
		return
	}
}
