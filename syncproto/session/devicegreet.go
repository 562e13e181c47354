package session

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func (d *Device) connected(ev DeviceConnected) {
	if d.state != deviceNew {
		d.close(Close{Code: CloseLocal, Detail: "connected twice"})
		return
	}
	d.lastHeard, d.lastSpoke = d.now, d.now
	if ev.Enrol {
		d.state = deviceReadEnrol
		d.do(ReadEnrol{Handshake: ev.Handshake})
		return
	}
	d.readHello()
}

func (d *Device) enrol(e wire.Enrol) {
	if d.state != deviceReadEnrol {
		return
	}
	e.ProtoMin, e.ProtoMax = ProtoMin, ProtoMax
	d.state = deviceEnrolling
	d.control = append(d.control, &e)
}

func (d *Device) readHello() {
	d.state = deviceReadHello
	d.do(ReadHello{})
}

func (d *Device) greet(ev HelloRead) {
	if d.state != deviceReadHello {
		return
	}
	if d.hellos++; d.hellos > maxHellos {
		d.close(Close{Code: CloseLocal, RetryAfter: retryLocal, Detail: "the log forked again and again"})
		return
	}
	h := ev.Hello
	if len(ev.AncestorResults) != len(h.Ancestors) {
		d.close(Close{Code: CloseLocal, Detail: "results of ancestors do not fit the ancestors"})
		return
	}
	h.ProtoMin, h.ProtoMax, h.Credit, h.DeviceTime = ProtoMin, ProtoMax, d.cfg.Window, d.now
	if h.App == "" {
		h.App = d.cfg.App
	}
	d.hello, d.ancestors = h, ev.AncestorResults
	d.sawReset = map[syncproto.ScopeID]bool{}
	for _, s := range ev.Reset {
		d.sawReset[s] = true
	}
	// What is still being answered was asked for before this Hello.
	for _, a := range []ask{askBatch, askPage, askCaught, askBuckets, askEntries, askMend, askDrop} {
		d.stale[a] = d.waiting[a]
	}
	d.pushing = pushing{head: h.HeadSeq, oldest: h.OldestQueued}
	d.pulling = newPulling(h.Cursors, ev.Scopes)
	d.mending = mending{failed: map[syncproto.ScopeID]bool{}, vain: map[syncproto.ScopeID]*vain{}}
	d.state = deviceGreeting
	d.control = append(d.control, &h)
}

func (d *Device) welcomeCame(m *wire.Welcome) {
	switch {
	case m.Proto < ProtoMin || m.Proto > ProtoMax:
		d.broken("protocol %d was not offered", m.Proto)
		return
	}
	d.welcome = *m
	if m.GrantSerial != d.hello.Grants || len(m.Grants) > 0 {
		d.granted = map[syncproto.ScopeID]bool{}
		d.grant(m.Grants)
	}
	d.state = deviceWelcoming
	// What the device's clock showed when the server read its own lies between
	// sending Hello and now; half way is wrong by half a round trip at most.
	d.do(SaveWelcome{Welcome: *m, Correction: m.ServerTime - (d.helloAt + (d.now-d.helloAt)/2)})
}

func (d *Device) welcomed(ev WelcomeSaved) {
	if d.state != deviceWelcoming {
		return
	}
	if ev.ActsBroken {
		d.checkpointsKept(CheckpointsKept{Broken: make([]syncproto.ScopeID, 1)})
	}
	if d.welcome.Fork || ev.Contradicted || d.contradicted || d.welcome.Received > d.head {
		d.fork(d.hello.Log, d.welcome.Received)
		return
	}
	d.state = deviceLive
	d.plan()
}

// forkCame takes a Welcome in a live session: another copy wrote the log that
// it names as its one ancestor.
func (d *Device) forkCame(m *wire.Welcome) bool {
	if !m.Fork || len(m.Ancestors) != 1 {
		return false
	}
	a := m.Ancestors[0]
	if a.Log != d.hello.Log && d.ancestor(a.Log) < 0 {
		return false
	}
	if d.state == deviceWelcoming {
		d.contradicted = d.contradicted || a.Log == d.hello.Log
		return true // nothing was pushed yet, so nothing is lost by waiting
	}
	d.fork(a.Log, a.Received)
	return true
}

// outdated tells a Welcome of forkCame's kind that crossed the Hello which
// already gave the log up.
func (d *Device) outdated(m *wire.Welcome) bool {
	return m.Fork && len(m.Ancestors) == 1 && d.ancestor(m.Ancestors[0].Log) < 0
}

func (d *Device) fork(log syncproto.LogID, received uint64) {
	d.state = deviceForking
	d.outbox = nil
	d.do(ForkLog{Log: log, Received: received})
}

// refused takes the server's refusal: while live, a server that is busy or full
// only asks for a pause of pushes; otherwise the session is over.
func (d *Device) refused(m *wire.Refuse) {
	after := int64(min(m.RetryAfter, 24*3600*1000))
	if d.state == deviceLive && (m.Code == wire.RefuseBusy || m.Code == wire.RefuseFull) {
		d.pause(CloseCode(m.Code), max(after, 1))
		return
	}
	if m.Code == wire.RefuseRevoked && d.unsent() > 0 {
		after = retrySoon // saved since the server thought that it had everything
	}
	code := CloseCode(m.Code)
	if m.Code == 0 || m.Code > wire.RefuseClock {
		code = CloseMalformed
	}
	d.close(Close{Code: code, Key: m.Key, RetryAfter: after, Detail: m.Detail})
}
