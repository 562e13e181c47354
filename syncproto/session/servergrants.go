package session

import (
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// Reasons of a purge.
const (
	// PurgeGrant: the person may not use this scope any more.
	PurgeGrant = 1
	// PurgeRevoked: the device may not sync any more.
	PurgeRevoked = 2
)

func (s *Server) sendPurge(scope syncproto.ScopeID) {
	reason := uint8(PurgeGrant)
	if s.draining {
		reason = PurgeRevoked
	}
	s.purging[scope] = true
	s.control = append(s.control, &wire.Purge{Scope: scope, Reason: reason, After: max(s.headSeq, s.received)})
}

func (s *Server) purged(m *wire.Purged) {
	if !s.purging[m.Scope] {
		if s.scope(m.Scope) == nil {
			s.malformed("a scope is purged that should not be")
		}
		return // granted again meanwhile: the device comes back without it
	}
	delete(s.purging, m.Scope)
	s.do(NotePurged{Scope: m.Scope})
	s.drained()
}

// drained ends the session of a revoked device that has given all it had.
func (s *Server) drained() {
	if s.draining && planted.Bug("a revoked device is turned away before it gave what it has") {
		s.refuse(wire.RefuseRevoked, 0, "")
		return
	}
	if s.draining && !s.forked && len(s.purging) == 0 && s.received >= s.headSeq && s.touched.Queue == 0 &&
		len(s.pending) == 0 && s.told >= s.received && len(s.results) == 0 && !s.due && len(s.others) == 0 {
		s.refuse(wire.RefuseRevoked, 0, "")
	}
}

func (s *Server) grantsLoaded(ev GrantsLoaded) {
	if s.grantsStale > 0 {
		s.grantsStale--
		return
	}
	s.grantsAsked = false
	if s.state != serverLive || s.draining {
		return
	}
	if ev.Standing == StandingUnknown {
		s.refuse(wire.RefuseUnknownDevice, 0, "")
		return
	}
	note := ev.Grants
	if len(note.Grants) > syncproto.MaxScopes {
		s.refuse(wire.RefuseLimits, 0, "more scopes than one session holds")
		return
	}
	s.draining = ev.Standing == StandingRevoked
	s.serial = ev.Serial
	now := map[syncproto.ScopeID]bool{}
	if !s.draining {
		for _, g := range note.Grants {
			now[g.Scope] = true
		}
	}
	s.leave(now)
	if s.draining {
		s.standing, s.needRead = StandingRevoked, true
		s.do(Subscribe{})
		return
	}
	if s.noted != note.GrantSerial {
		s.noted = note.GrantSerial
		s.control = append(s.control, &note)
	}
	for _, g := range note.Grants {
		delete(s.purging, g.Scope)
		if planted.Bug("a scope gained in a session waits for the next") {
			continue
		}
		s.enter(Start{Scope: g.Scope})
	}
	s.needRead = true
	s.do(Subscribe{Scopes: s.ids()})
}

// leave purges the scopes that are not among those granted now.
func (s *Server) leave(now map[syncproto.ScopeID]bool) {
	for _, id := range s.ids() {
		if now[id] {
			continue
		}
		s.scopes = slices.DeleteFunc(s.scopes, func(at scopeAt) bool { return at.Scope == id })
		s.sendPurge(id)
		// What was read of it is not sent any more.
		s.outbox = slices.DeleteFunc(s.outbox, func(m wire.Message) bool { return ofScope(m, id) })
		if s.compared != nil && s.compared.Scope == id && !s.entriesAsked {
			s.compared = nil
		}
		if s.want != nil && s.want.Scope == id && !s.recordsAsked {
			s.want = nil
		}
	}
}

// ofScope says whether a message is about one scope, and takes the scope out of
// one that is about many.
func ofScope(m wire.Message, id syncproto.ScopeID) bool {
	switch m := m.(type) {
	case *wire.Page:
		return m.Scope == id
	case *wire.ServerEntries:
		return m.Scope == id
	case *wire.Records:
		return m.Scope == id
	case *wire.Caught:
		m.Pages = slices.DeleteFunc(m.Pages, func(p wire.Page) bool { return p.Scope == id })
		m.Heads = slices.DeleteFunc(m.Heads, func(h wire.Head) bool { return h.Scope == id })
	}
	return false
}
