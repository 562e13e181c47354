package session

import (
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func (s *Server) connected(ev ServerConnected) {
	if s.state != serverNew {
		s.close(Close{Code: CloseLocal, Detail: "connected twice"})
		return
	}
	s.state, s.began, s.lastHeard = serverAuth, s.now, s.now
	s.noise, s.handshake = ev.Noise, ev.Handshake
	s.do(Authenticate{Noise: ev.Noise})
}

func (s *Server) authenticated(ev Authenticated) {
	if s.state != serverAuth {
		return
	}
	s.standing, s.device, s.state = ev.Standing, ev.Device, serverHello
	s.ahead = s.now + ev.Ahead
	if m := s.inbox; m != nil {
		s.inbox = nil
		s.message(m)
	}
}

// versions agrees on a protocol version, or refuses.
func (s *Server) versions(lo, hi uint32) (uint32, bool) {
	switch {
	case lo == 0 || lo > hi:
		s.malformed("protocol versions %d to %d", lo, hi)
	case hi < ProtoMin:
		s.refuse(wire.RefuseProtocolOld, 0, fmt.Sprintf("the device speaks up to %d, the server from %d", hi, ProtoMin))
	case lo > ProtoMax:
		s.refuse(wire.RefuseProtocolNew, 0, fmt.Sprintf("the device speaks from %d, the server up to %d", lo, ProtoMax))
	default:
		return min(hi, ProtoMax), true
	}
	return 0, false
}

func (s *Server) enrol(m *wire.Enrol) {
	if s.hellos > 0 {
		s.malformed("Enrol after Hello")
		return
	}
	if _, ok := s.versions(m.ProtoMin, m.ProtoMax); !ok {
		return
	}
	if s.hellos++; s.hellos > maxHellos {
		s.refuse(wire.RefuseLimits, retryLocal, "too many greetings")
		return
	}
	s.state = serverRedeeming
	s.do(Redeem{Enrol: *m, Noise: s.noise, Handshake: s.handshake})
}

func (s *Server) redeemed(ev Redeemed) {
	if s.state != serverRedeeming {
		return
	}
	if ev.Refuse != 0 {
		after := int64(0)
		if ev.Refuse == wire.RefuseBusy {
			after = retryBusy
		}
		s.refuse(ev.Refuse, after, "enrolment")
		return
	}
	s.standing, s.device, s.state = StandingGood, ev.Enrolled.Device, serverHello
	s.began = s.now // a new grace for Hello
	e := ev.Enrolled
	s.control = append(s.control, &e)
}

func (s *Server) helloCame(m *wire.Hello) {
	if _, ok := s.versions(m.ProtoMin, m.ProtoMax); !ok {
		return
	}
	if s.standing == StandingUnknown {
		s.refuse(wire.RefuseUnknownDevice, 0, "")
		return
	}
	if m.Device != s.device {
		s.malformed("Hello of another device than the one with this key")
		return
	}
	if m.Log.IsZero() {
		s.malformed("Hello without a log")
		return
	}
	if len(m.Acts) > len(m.Cursors) {
		s.malformed("acts of %d scopes, cursors of %d", len(m.Acts), len(m.Cursors))
		return
	}
	seen := map[syncproto.ScopeID]bool{}
	for _, c := range m.Cursors {
		if seen[c.Scope] {
			s.malformed("two cursors of one scope")
			return
		}
		seen[c.Scope] = true
	}
	if s.hellos++; s.hellos > maxHellos {
		s.refuse(wire.RefuseLimits, retryLocal, "too many greetings")
		return
	}
	s.state, s.began = serverLoading, s.now
	s.hello, s.log, s.headSeq = m, m.Log, m.HeadSeq
	// What the old session still asked for is answered, but not passed on.
	s.accepting.restart()
	s.telling = telling{}
	s.reading = reading{stale: s.reading.stale + s.reading.asked(), grantsDirty: s.grantsDirty,
		grantsStale: s.grantsStale + boolInt(s.grantsAsked), receiptsStale: s.receiptsStale + boolInt(s.receiptAsked)}
	s.do(LoadSession{Hello: *m})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *Server) loaded(ev SessionLoaded) {
	if s.state != serverLoading {
		return
	}
	switch {
	case ev.Refuse != 0:
		after := int64(0)
		if ev.Refuse == wire.RefuseBusy || ev.Refuse == wire.RefuseFull {
			after = retryBusy
		}
		s.refuse(ev.Refuse, after, ev.Detail)
		return
	case ev.Standing == StandingUnknown:
		s.refuse(wire.RefuseUnknownDevice, 0, "")
		return
	}
	h := s.hello
	s.hello = nil
	w := ev.Welcome
	proto, _ := s.versions(h.ProtoMin, h.ProtoMax)
	w.Proto, w.ServerTime, w.Credit, w.ClockAhead = proto, s.now, PushWindow, h.DeviceTime-s.now
	// Somebody else wrote this log if more of it is here than the device has, or
	// as much and not the same. If less is here, the device compares.
	w.Fork = w.Received > h.HeadSeq || h.HeadSeq > 0 && w.Received == h.HeadSeq && w.ReceivedHead != h.Head
	w.Ancestors = vouched(h.Ancestors, w.Ancestors)
	s.touched = Touch{Log: h.Log, Queue: h.Queue, OldestQueued: h.OldestQueued, ClockAhead: w.ClockAhead, App: h.App}
	s.do(s.touched)
	s.control = append(s.control, &w)
	if w.Fork {
		s.state, s.began, s.forked = serverHello, s.now, true
		return
	}
	s.state, s.forked = serverLive, false
	s.standing = ev.Standing
	s.actsRead(ActsRead{Said: ev.Acts})
	s.begin(h, &w)
	s.changed(ev.Results)
	s.open(h, &w, ev.Serial, ev.Starts)
}

// vouched limits what is said of ancestors to what can be vouched for: an
// ancestor that is not all here is not known to be the device's, so none of it
// counts as safe in a backup.
func vouched(named []wire.Ancestor, said []wire.LogReceived) []wire.LogReceived {
	out := make([]wire.LogReceived, 0, len(said))
	for _, r := range said {
		for _, a := range named {
			if a.Log != r.Log {
				continue
			}
			if r.Received < a.HeadSeq {
				r.BackupSafe = 0
			}
			r.Received, r.BackupSafe = min(r.Received, a.HeadSeq), min(r.BackupSafe, a.HeadSeq)
			out = append(out, r)
			break
		}
	}
	return out
}
