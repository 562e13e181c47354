package session

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// reading is how far the device has been sent each scope, and what the store
// has been asked for. The store reads one thing at a time for a session, so
// that whatever arrives later is from a later snapshot.
type reading struct {
	serial uint64
	// scopes are ascending: thousands of sessions rest, and a list is smallest.
	scopes []scopeAt
	// first says that no Caught has been sent; draining that the device is
	// revoked and only gives.
	first, draining bool
	credit          int64
	outbox          []wire.Message

	// needRead says that something may be new; lastRead when it was looked at.
	needRead bool
	lastRead int64
	// scopesAsked, entriesAsked and recordsAsked say what the store is asked
	// for; stale how many of its answers belong to an earlier Hello.
	scopesAsked, entriesAsked, recordsAsked bool
	stale                                   int
	compared                                *wire.Compare
	want                                    *wire.Want

	grantsDirty, grantsAsked   bool
	grantsStale, receiptsStale int
	receiptAsked               bool
	// noted names the grants that the device has.
	noted uint64
	// purging are the scopes whose destruction the device has not confirmed.
	purging map[syncproto.ScopeID]bool
}

type scopeAt struct {
	Start
	// loading says that the device has not caught up in this scope yet.
	loading bool
	// sent is the head last sent.
	sent wire.Head
	told bool
}

// scope returns how far one of the session's scopes is, nil if it is none.
func (r *reading) scope(id syncproto.ScopeID) *scopeAt {
	i, has := slices.BinarySearchFunc(r.scopes, id, compareScopeAt)
	if !has {
		return nil
	}
	return &r.scopes[i]
}

func compareScopeAt(at scopeAt, id syncproto.ScopeID) int { return bytes.Compare(at.Scope[:], id[:]) }

// ids are those of the session's scopes.
func (r *reading) ids() []syncproto.ScopeID {
	out := make([]syncproto.ScopeID, len(r.scopes))
	for i := range r.scopes {
		out[i] = r.scopes[i].Scope
	}
	return out
}

// asked is 1 if the store reads something for the session.
func (r *reading) asked() int {
	return boolInt(r.scopesAsked) + boolInt(r.entriesAsked) + boolInt(r.recordsAsked)
}

// open begins sending: starts are the granted scopes.
func (s *Server) open(h *wire.Hello, w *wire.Welcome, serial uint64, starts []Start) {
	old := s.reading
	s.reading = reading{stale: old.stale, grantsDirty: old.grantsDirty, grantsStale: old.grantsStale, receiptsStale: old.receiptsStale,
		serial: serial, noted: w.GrantSerial, purging: map[syncproto.ScopeID]bool{},
		first: true, needRead: true, lastRead: s.now, credit: min(int64(h.Credit), MaxWindow), draining: s.standing == StandingRevoked}
	if len(starts) > syncproto.MaxScopes {
		s.refuse(wire.RefuseLimits, 0, "more scopes than one session holds")
		return
	}
	if !s.draining {
		s.scopes = make([]scopeAt, 0, len(starts))
		for _, st := range starts {
			s.enter(st)
		}
	}
	for _, c := range h.Cursors {
		if s.scope(c.Scope) == nil {
			s.sendPurge(c.Scope)
		}
	}
	s.do(Subscribe{Scopes: s.ids()})
	s.drained()
}

func (s *Server) enter(st Start) {
	if i, has := slices.BinarySearchFunc(s.scopes, st.Scope, compareScopeAt); !has {
		s.scopes = slices.Insert(s.scopes, i, scopeAt{Start: st, loading: st.Since == 0})
	}
}

func (s *Server) moved(ev Moved) {
	if s.state != serverLive {
		return
	}
	for i, id := range ev.Scopes {
		// Of what it pushed itself a session has read the head before it is woken.
		if at := s.scope(id); at != nil && (len(ev.Heads) == 0 || ev.Heads[i] > at.From) {
			s.needRead = true
			return
		}
	}
}

func (s *Server) moreCredit(m *wire.Credit) {
	if s.credit += int64(m.Bytes); s.credit > MaxWindow {
		s.refuse(wire.RefuseLimits, retryLocal, "more credit than the protocol knows")
	}
}

// pump asks the store for what can be sent next. Nothing is read while
// something waits to be sent: a slow reader is only a position.
func (s *Server) pump() {
	if s.state != serverLive {
		return
	}
	if s.grantsDirty && !s.grantsAsked {
		s.grantsDirty, s.grantsAsked = false, true
		s.do(LoadGrants{})
	}
	if s.draining {
		s.drained()
		if s.state != serverLive {
			return
		}
	}
	if s.asked()+s.stale > 0 || s.grantsAsked || len(s.outbox) > 0 || s.credit <= 0 {
		return
	}
	may := s.now >= s.mayAsk()
	switch {
	case s.compared != nil && may:
		s.entriesAsked = true
		s.do(CompareScope{Scope: s.compared.Scope, Sums: *sumsOf(s.compared.Buckets), MaxEntries: maxCompared})
	case s.want != nil && len(s.want.Records) > 0 && may:
		s.recordsAsked = true
		s.do(ReadRecords{Scope: s.want.Scope, Records: s.want.Records, MaxBytes: syncproto.MaxPage})
	case s.needRead && len(s.results) < maxAckResults:
		s.needRead, s.scopesAsked, s.lastRead = false, true, s.now
		e := ReadScopes{MaxBytes: syncproto.MaxPage, Log: s.log, ResultsFrom: s.told + 1, Pushed: s.pushed}
		// What is caught up comes before what is loaded for the first time.
		for _, loading := range []bool{false, true} {
			for i := range s.scopes {
				if at := &s.scopes[i]; at.loading == loading {
					e.Scopes = append(e.Scopes, at.Start)
				}
			}
		}
		s.do(e)
	}
}

// current says whether an answer to a read counts, and notes that it came.
func (s *Server) current(asked *bool) bool {
	if s.stale > 0 {
		s.stale--
		return false
	}
	was := *asked
	*asked = false
	if !was {
		s.close(Close{Code: CloseLocal, Detail: "an answer to nothing"})
	}
	return was && s.state == serverLive
}

func (s *Server) scopesRead(ev ScopesRead) {
	if !s.current(&s.scopesAsked) {
		return
	}
	if ev.GrantSerial != s.serial && !s.draining {
		s.grantsDirty, s.needRead = true, true
		return
	}
	s.readResults(&ev)
	for i := range ev.Pages {
		p := &ev.Pages[i]
		at := s.scope(p.Scope)
		if at == nil || p.From != at.From || p.To < p.From {
			s.close(Close{Code: CloseLocal, Detail: "the store read another page than was asked for"})
			return
		}
		at.From = p.To
		p.Era = ev.Era
		p.Log, p.Received, p.Results = syncproto.LogID{}, 0, nil
	}
	if !ev.Complete {
		s.needRead = true
		for i := range ev.Pages {
			// Since stays where it is: a record that changed within this page's
			// stretch and once more after it stands after it only.
			s.outbox = append(s.outbox, &ev.Pages[i])
		}
		return
	}
	c := &wire.Caught{Era: ev.Era, Pages: ev.Pages}
	for _, h := range ev.Heads {
		at := s.scope(h.Scope)
		if at == nil {
			continue
		}
		if h.Position != at.From && !(h.Position == 0 && h.Count == 0) {
			s.close(Close{Code: CloseLocal, Detail: "the store's head is not where its pages end"})
			return
		}
		at.From, at.Since, at.loading = h.Position, h.Position, false
		if !at.told || at.sent != h {
			at.sent, at.told = h, true
			c.Heads = append(c.Heads, h)
		}
	}
	if s.draining || !s.first && len(c.Pages) == 0 && len(c.Heads) == 0 {
		return
	}
	s.first = false
	s.outbox = append(s.outbox, c)
}

// nextRecords returns the next page or answer if the device's credit allows,
// with the results that its snapshot has.
func (s *Server) nextRecords() wire.Message {
	if len(s.outbox) == 0 || s.credit <= 0 {
		return nil
	}
	if !s.resultsFit() {
		return nil // most go first, since what follows builds on them
	}
	m := pop(&s.outbox)
	s.credit -= weight(m)
	switch m := m.(type) {
	case *wire.Page:
		m.Received, m.Results = s.received, s.someResults()
	case *wire.Caught:
		m.Received, m.Results = s.received, s.someResults()
	}
	return m
}

// Idle checks the law of liveness, see Device.Idle.
func (s *Server) Idle() error {
	if s.state == serverNew || s.state == serverClosed {
		return nil
	}
	if _, timer := s.Deadline(); !timer {
		return fmt.Errorf("connected without a timer in state %d", s.state)
	}
	if n := len(s.control) + len(s.outbox) + len(s.others); n > 0 || s.due {
		return fmt.Errorf("%d messages have not been taken, credit %d, results %d", n, s.credit, len(s.results))
	}
	switch s.state {
	case serverHello:
		return nil // the device's turn, with a timer behind it
	case serverLive:
	default:
		return fmt.Errorf("the store has not answered in state %d", s.state)
	}
	switch {
	case s.asked()+s.stale+s.grantsStale+s.receiptsStale > 0 || s.grantsAsked || s.receiptAsked || len(s.pending) > 0:
		return errors.New("effects have not been answered")
	case s.needRead || s.grantsDirty:
		return errors.New("something may be new and nothing is read")
	case s.asks() && s.now >= s.mayAsk():
		return errors.New("a question of the device rests")
	case len(s.results) > 0:
		return fmt.Errorf("%d results rest", len(s.results))
	}
	return nil
}
