package session

import (
	"fmt"
	"slices"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

var (
	testDevice = syncproto.DeviceID{7}
	testLog    = syncproto.LogID{8}
	testEra    = syncproto.EraID{9}
)

func testHello() *wire.Hello {
	return &wire.Hello{ProtoMin: 1, ProtoMax: 1, Device: testDevice, Cert: []byte{1}, Log: testLog, HeadSeq: 5, Head: syncproto.Hash{5}, Credit: 1000, ResultsFrom: 1, Queue: 2}
}
func testLoaded() SessionLoaded {
	return SessionLoaded{Standing: StandingGood, Starts: []Start{{Scope: scopeA}},
		Serial: 1, Welcome: wire.Welcome{Era: testEra, Received: 3, ReceivedHead: syncproto.Hash{3}, GrantSerial: 1, Grants: []wire.Grant{{Scope: scopeA}}}}
}

// serverIn brings a server into a state.
func serverIn(t *testing.T, state serverState) *Server {
	t.Helper()
	s := NewServer()
	steps := []ServerEvent{ServerConnected{Noise: [32]byte{1}, Handshake: []byte("b")}, Authenticated{Standing: StandingGood, Device: testDevice}}
	switch state {
	case serverAuth:
		steps = steps[:1]
	case serverRedeeming:
		steps = append(steps, Received{&wire.Enrol{ProtoMin: 1, ProtoMax: 1, Secret: []byte{1}, Proof: make([]byte, 64)}})
	case serverLoading:
		steps = append(steps, Received{testHello()})
	case serverLive:
		steps = append(steps, Received{testHello()}, testLoaded())
	}
	for i, ev := range steps {
		s.Step(int64(i), ev)
	}
	if s.state != state {
		t.Fatalf("state %d, want %d", s.state, state)
	}
	return s
}

// said takes everything that a server has to say.
func said(s *Server) []wire.Message {
	var out []wire.Message
	for {
		m, _ := s.Next(s.now)
		if m == nil {
			return out
		}
		out = append(out, m)
	}
}
func refusal(t *testing.T, s *Server) wire.RefuseCode {
	t.Helper()
	if !s.Closed() {
		t.Fatal("not closed")
	}
	for _, m := range said(s) {
		if r, ok := m.(*wire.Refuse); ok {
			if r.Key != CloseCode(r.Code).Key() || r.Key == "" {
				t.Errorf("refusal %d has the key %q", r.Code, r.Key)
			}
			return r.Code
		}
	}
	return 0
}

// every message, well formed enough to be judged by the state alone.
func everyMessage() []wire.Message {
	return []wire.Message{testHello(), &wire.Enrol{ProtoMin: 1, ProtoMax: 1}, &wire.Push{Batch: []byte{1}}, &wire.Credit{Bytes: 1},
		&wire.Compare{Scope: scopeA, Buckets: make([]byte, wire.Buckets*16)}, &wire.Entries{Scope: scopeA}, &wire.Want{Scope: scopeA, Records: []syncproto.RecordID{{1}}},
		&wire.Gap{From: 4, To: 4, Head: syncproto.Hash{1}}, &wire.Purged{Scope: scopeA}, &wire.Status{}, &wire.Welcome{}, &wire.Enrolled{}, &wire.Ack{}, &wire.Page{Scope: scopeA}, &wire.Caught{},
		&wire.ServerEntries{Scope: scopeA}, &wire.Records{Scope: scopeA}, &wire.Purge{}, &wire.BackupSafe{}, &wire.ReceiptNote{Receipt: []byte{1}}, &wire.GrantsNote{},
		&wire.Checkpoints{Chains: []wire.ActChain{{Scope: scopeA, Count: 1, Head: syncproto.Hash{1}}}}}
}

// Who may say what when, on the server: the table of PROTOCOL.md.
func TestServerStatesAndMessages(t *testing.T) {
	up := []wire.MsgType{wire.MsgPush, wire.MsgCredit, wire.MsgCompare, wire.MsgWant, wire.MsgGap, wire.MsgStatus, wire.MsgPurged}
	rows := []struct {
		name  string
		state serverState
		may   []wire.MsgType
	}{
		{"before Hello", serverHello, []wire.MsgType{wire.MsgHello, wire.MsgEnrol}},
		{"while enrolling", serverRedeeming, nil},
		{"while loading", serverLoading, nil},
		{"live", serverLive, append(up, wire.MsgHello)},
	}
	for _, row := range rows {
		for _, m := range everyMessage() {
			s := serverIn(t, row.state)
			s.Step(10, Received{m})
			refused := s.Closed()
			if refused && refusal(t, s) != wire.RefuseMalformed {
				t.Errorf("%s: %T closes for another reason than that it is out of place", row.name, m)
			}
			if want := !slices.Contains(row.may, m.Type()); refused != want {
				t.Errorf("%s: %T refused %v, want %v", row.name, m, refused, want)
			}
			s = serverIn(t, row.state)
			s.Step(10, Received{&wire.Bye{}})
			if !s.Closed() {
				t.Errorf("%s: Bye does not end it", row.name)
			}
		}
	}
	s := serverIn(t, serverAuth)
	s.Step(3, Received{testHello()})
	if s.Closed() {
		t.Error("one message before Authenticated is refused")
	}
	s.Step(3, Received{testHello()})
	if refusal(t, s) != wire.RefuseMalformed {
		t.Error("a second message before Authenticated is not refused")
	}
}

// What ends a session, and with which code, before it begins.
func TestServerRefusesGreetings(t *testing.T) {
	hello := func(change func(*wire.Hello)) wire.Message {
		h := testHello()
		change(h)
		return h
	}
	enrol := &wire.Enrol{ProtoMin: 1, ProtoMax: 1, Proof: make([]byte, 64)}
	loaded := func(change func(*SessionLoaded)) ServerEvent {
		l := testLoaded()
		change(&l)
		return l
	}
	rows := []struct {
		name     string
		standing Standing
		events   []ServerEvent
		want     wire.RefuseCode
	}{
		{"device too old", StandingGood, []ServerEvent{Received{hello(func(h *wire.Hello) { h.ProtoMin, h.ProtoMax = 0, 0 })}}, wire.RefuseMalformed},
		{"device too new", StandingGood, []ServerEvent{Received{hello(func(h *wire.Hello) { h.ProtoMin, h.ProtoMax = ProtoMax+1, ProtoMax+3 })}}, wire.RefuseProtocolNew},
		{"versions upside down", StandingGood, []ServerEvent{Received{hello(func(h *wire.Hello) { h.ProtoMin, h.ProtoMax = 3, 2 })}}, wire.RefuseMalformed},
		{"too new comes before unknown", StandingUnknown, []ServerEvent{Received{hello(func(h *wire.Hello) { h.ProtoMin, h.ProtoMax = 2, 3 })}}, wire.RefuseProtocolNew},
		{"unknown device", StandingUnknown, []ServerEvent{Received{testHello()}}, wire.RefuseUnknownDevice},
		{"another device's name", StandingGood, []ServerEvent{Received{hello(func(h *wire.Hello) { h.Device[0]++ })}}, wire.RefuseMalformed},
		{"no log", StandingGood, []ServerEvent{Received{hello(func(h *wire.Hello) { h.Log = syncproto.LogID{} })}}, wire.RefuseMalformed},
		{"two cursors of a scope", StandingGood, []ServerEvent{Received{hello(func(h *wire.Hello) { h.Cursors = make([]wire.Cursor, 2) })}}, wire.RefuseMalformed},
		{"certificate does not hold", StandingGood, []ServerEvent{Received{testHello()}, SessionLoaded{Refuse: wire.RefuseMalformed}}, wire.RefuseMalformed},
		{"device gone meanwhile", StandingGood, []ServerEvent{Received{testHello()}, loaded(func(l *SessionLoaded) { l.Standing = StandingUnknown })}, wire.RefuseUnknownDevice},
		{"too many scopes", StandingGood, []ServerEvent{Received{testHello()}, loaded(func(l *SessionLoaded) { l.Starts = make([]Start, syncproto.MaxScopes+1) })}, wire.RefuseLimits},
		{"bad code", StandingUnknown, []ServerEvent{Received{enrol}, Redeemed{Refuse: wire.RefuseBadCode}}, wire.RefuseBadCode},
		{"used code", StandingUnknown, []ServerEvent{Received{enrol}, Redeemed{Refuse: wire.RefuseUsedCode}}, wire.RefuseUsedCode},
		{"too many tries", StandingUnknown, []ServerEvent{Received{enrol}, Redeemed{Refuse: wire.RefuseBusy}}, wire.RefuseBusy},
		{"enrols twice", StandingUnknown, []ServerEvent{Received{enrol}, Redeemed{Enrolled: wire.Enrolled{Device: testDevice}}, Received{enrol}}, wire.RefuseMalformed},
		{"enrolled under another name", StandingUnknown, []ServerEvent{Received{enrol}, Redeemed{Enrolled: wire.Enrolled{Device: syncproto.DeviceID{99}}}, Received{testHello()}}, wire.RefuseMalformed},
		{"store fails", StandingGood, []ServerEvent{Received{testHello()}, Failed{Effect: LoadSession{}}}, wire.RefuseBusy},
		{"disk is full", StandingGood, []ServerEvent{Received{testHello()}, Failed{Effect: LoadSession{}, Full: true}}, wire.RefuseFull},
		{"shed", StandingGood, []ServerEvent{Shed{Code: wire.RefuseClock, RetryAfter: 5}}, wire.RefuseClock},
		{"revoked, nothing left", StandingGood, []ServerEvent{Received{hello(func(h *wire.Hello) { h.HeadSeq, h.Head, h.Queue, h.ResultsFrom = 3, syncproto.Hash{3}, 0, 0 })},
			loaded(func(l *SessionLoaded) { l.Standing, l.Starts = StandingRevoked, nil })}, wire.RefuseRevoked},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := NewServer()
			s.Step(0, ServerConnected{})
			s.Step(0, Authenticated{Standing: row.standing, Device: testDevice})
			for _, ev := range row.events {
				s.Step(1, ev)
			}
			if got := refusal(t, s); got != row.want {
				t.Errorf("refused with %d, want %d", got, row.want)
			}
			if effects := s.Step(2, Received{testHello()}); effects != nil {
				t.Errorf("a closed machine asks for %v", effects)
			}
		})
	}
}
func TestServerVersionsDiffer(t *testing.T) {
	s := serverIn(t, serverHello)
	if _, ok := s.versions(1, 9); !ok {
		t.Error("a range that holds ours is refused")
	}
	// A server that has given up version 1 would say so, and not that it does
	// not know the device.
	if CloseProtocolOld.Key() == CloseUnknownDevice.Key() {
		t.Error("two refusals share a sentence")
	}
	keys := map[string]CloseCode{}
	for c := CloseProtocolOld; c <= ClosePeer; c++ {
		if k := c.Key(); k != "session.unknown" {
			if other, twice := keys[k]; twice {
				t.Errorf("codes %d and %d share %q", c, other, k)
			}
			keys[k] = c
		}
	}
	if len(keys) != 17 {
		t.Errorf("%d sentences, want 17", len(keys))
	}
}
func TestServerSeesFork(t *testing.T) {
	rows := []struct {
		name     string
		head     uint64
		headHash syncproto.Hash
		received uint64
		hash     syncproto.Hash
		want     bool
	}{
		{"new log", 0, syncproto.Hash{}, 0, syncproto.Hash{1}, false},
		{"the device has more", 5, syncproto.Hash{5}, 3, syncproto.Hash{3}, false},
		{"the same", 5, syncproto.Hash{5}, 5, syncproto.Hash{5}, false},
		{"as many, but others", 5, syncproto.Hash{5}, 5, syncproto.Hash{6}, true},
		{"an old copy", 5, syncproto.Hash{5}, 6, syncproto.Hash{6}, true},
		{"an empty copy", 0, syncproto.Hash{}, 6, syncproto.Hash{6}, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := serverIn(t, serverHello)
			h := testHello()
			h.HeadSeq, h.Head = row.head, row.headHash
			s.Step(1, Received{h})
			l := testLoaded()
			l.Welcome.Received, l.Welcome.ReceivedHead = row.received, row.hash
			s.Step(1, l)
			w := said(s)[0].(*wire.Welcome)
			if w.Fork != row.want {
				t.Errorf("fork %v, want %v", w.Fork, row.want)
			}
			if s.Live() == row.want {
				t.Errorf("live %v after fork %v", s.Live(), row.want)
			}
			if row.want { // a batch under way is let pass, then Hello begins anew
				s.Step(2, Received{&wire.Push{Batch: []byte{1}}})
				h.Log = syncproto.LogID{77}
				s.Step(2, Received{h})
				if s.state != serverLoading {
					t.Errorf("state %d after the new Hello", s.state)
				}
			}
		})
	}
}
func TestServerBounds(t *testing.T) {
	rows := []struct {
		name string
		play func(s *Server)
		want wire.RefuseCode
	}{
		{"more batches than the window", func(s *Server) {
			for range 3 {
				s.Step(5, Received{&wire.Push{Batch: make([]byte, syncproto.MaxFrame-100)}})
			}
		}, wire.RefuseLimits},
		{"very many small batches", func(s *Server) {
			for range maxPushCount + 1 {
				s.Step(5, Received{&wire.Push{Batch: []byte{1}}})
			}
		}, wire.RefuseLimits},
		{"pushes without reading", func(s *Server) {
			for n := uint64(0); n <= maxUntold && !s.Closed(); n += syncproto.MaxBatchChanges {
				s.Step(5, Received{&wire.Push{Batch: []byte{1}}})
				told := s.told
				ev := Accepted{Log: testLog, Received: told + syncproto.MaxBatchChanges}
				for i := range uint64(syncproto.MaxBatchChanges) {
					ev.Results = append(ev.Results, LogResult{Seq: told + 1 + i})
				}
				s.Step(5, ev)
			}
		}, wire.RefuseLimits},
		{"pushes ancestors without reading", func(s *Server) {
			for range maxUntoldAcks + 1 {
				s.Step(5, Received{&wire.Push{Batch: []byte{1}}})
				s.Step(5, Accepted{Log: syncproto.LogID{55}, Received: 1})
			}
		}, wire.RefuseLimits},
		{"more credit than there is", func(s *Server) {
			for range 5 {
				s.Step(5, Received{&wire.Credit{Bytes: 1<<32 - 1}})
			}
		}, wire.RefuseLimits},
		{"Hello again and again", func(s *Server) {
			for range maxHellos {
				s.Step(5, Received{testHello()})
				s.Step(5, testLoaded())
			}
		}, wire.RefuseLimits},
		{"too many records wanted", func(s *Server) {
			s.Step(5, Received{&wire.Want{Scope: scopeA, Records: make([]syncproto.RecordID, maxWant+1)}})
		}, wire.RefuseMalformed},
		{"nothing wanted", func(s *Server) { s.Step(5, Received{&wire.Want{Scope: scopeA}}) }, wire.RefuseMalformed},
		{"two comparisons at once", func(s *Server) {
			for range 2 {
				s.Step(5, Received{&wire.Compare{Scope: scopeA, Buckets: make([]byte, wire.Buckets*16)}})
			}
		}, wire.RefuseMalformed},
		{"a comparison without sums", func(s *Server) { s.Step(5, Received{&wire.Compare{Scope: scopeA}}) }, wire.RefuseMalformed},
		{"a comparison of another's scope", func(s *Server) {
			s.Step(5, Received{&wire.Compare{Scope: scopeB, Buckets: make([]byte, wire.Buckets*16)}})
		}, wire.RefuseMalformed},
		{"records of another's scope", func(s *Server) {
			s.Step(5, Received{&wire.Want{Scope: scopeB, Records: make([]syncproto.RecordID, 1)}})
		}, wire.RefuseMalformed},
		{"an empty batch", func(s *Server) { s.Step(5, Received{&wire.Push{}}) }, wire.RefuseMalformed},
		{"a gap upside down", func(s *Server) {
			s.Step(5, Received{&wire.Gap{From: 9, To: 8, Head: syncproto.Hash{1}}})
		}, wire.RefuseMalformed},
		{"a gap without end", func(s *Server) {
			s.Step(5, Received{&wire.Gap{From: 9, To: 1 << 63, Head: syncproto.Hash{1}}})
		}, wire.RefuseMalformed},
		{"a batch of somebody else", func(s *Server) {
			s.Step(5, Received{&wire.Push{Batch: []byte{1}}})
			s.Step(5, Accepted{Status: AcceptedBad})
		}, wire.RefuseMalformed},
		{"a batch after a hole", func(s *Server) {
			s.Step(5, Received{&wire.Push{Batch: []byte{1}}})
			s.Step(5, Accepted{Status: AcceptedHole, Log: testLog})
		}, wire.RefuseBusy},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := serverIn(t, serverLive)
			row.play(s)
			if got := refusal(t, s); got != row.want {
				t.Errorf("refused with %d, want %d", got, row.want)
			}
		})
	}
}
func TestServerTimers(t *testing.T) {
	s := serverIn(t, serverHello)
	if at, ok := s.Deadline(); !ok || at != helloWithin {
		t.Errorf("deadline %d, %v", at, ok)
	}
	s.Step(helloWithin-1, Tick{})
	if s.Closed() {
		t.Error("closed too early")
	}
	s.Step(helloWithin, Tick{})
	if !s.Closed() {
		t.Error("a connection without Hello stays")
	}
	s = serverIn(t, serverLive)
	s.Step(4, ScopesRead{GrantSerial: 1, Era: testEra, Complete: true, Received: 3, Heads: []wire.Head{{Scope: scopeA}}})
	said(s)
	effects := s.Step(pollEvery+10, Tick{})
	if len(effects) != 1 || fmt.Sprintf("%T", effects[0]) != "session.ReadScopes" {
		t.Errorf("a lost wake-up is not made up for: %v", effects)
	}
	s.Step(serverSilence+10, Tick{})
	if !s.Closed() {
		t.Error("a silent device keeps its session")
	}
}

// A slow reader is a position: nothing is read ahead of what was sent, and no
// more than the credit is sent.
// A session is woken by what others did; what it has read already wakes it not.
func TestServerPassesOverWhatItHasRead(t *testing.T) {
	s := serverIn(t, serverLive)
	caught := ScopesRead{GrantSerial: 1, Era: testEra, Received: 3, Complete: true,
		Pages: []wire.Page{{Scope: scopeA, From: 0, To: 7}}, Heads: []wire.Head{{Scope: scopeA, Position: 7, Count: 1}}}
	s.Step(5, caught)
	for m, _ := s.Next(6); m != nil; m, _ = s.Next(6) {
	}
	moved := func(head uint64) bool {
		for _, e := range s.Step(7, Moved{Scopes: []syncproto.ScopeID{scopeA}, Heads: []uint64{head}}) {
			if _, reads := e.(ReadScopes); reads {
				return true
			}
		}
		return false
	}
	if moved(7) {
		t.Error("it reads again what it has read")
	}
	if !moved(8) {
		t.Error("it does not read what is new")
	}
}
func TestServerDoesNotBuffer(t *testing.T) {
	s := serverIn(t, serverLive)
	page := func(from, to uint64) ScopesRead {
		return ScopesRead{GrantSerial: 1, Era: testEra, Received: 3, Pages: []wire.Page{{Scope: scopeA, From: from, To: to, Records: [][]byte{make([]byte, 600)}}}}
	}
	if e := s.Step(5, page(0, 1)); len(e) != 0 {
		t.Fatalf("reads ahead: %v", e)
	}
	if e := s.Step(5, Moved{Scopes: []syncproto.ScopeID{scopeA}}); len(e) != 0 {
		t.Fatalf("reads ahead when woken: %v", e)
	}
	read := 0
	for to := uint64(1); ; to++ {
		var effects []ServerEffect
		sent := false
		for {
			m, e := s.Next(6)
			if m == nil {
				break
			}
			_, isPage := m.(*wire.Page)
			sent = sent || isPage
			effects = append(effects, e...)
		}
		if !sent || len(effects) == 0 {
			break
		}
		if read++; read > 10 {
			t.Fatal("sends without end")
		}
		s.Step(6, page(to, to+1))
	}
	if read != 1 { // a credit of 1000 allows a page of 666 and what overshoots it
		t.Errorf("%d further reads, want 1", read)
	}
	effects := s.Step(7, Received{&wire.Credit{Bytes: 5000}})
	if m, _ := s.Next(7); m == nil && len(effects) == 0 {
		t.Error("credit changes nothing")
	}
}

// A session may rest for days after a page: what was sent is not held any longer.
func TestServerLetsGoOfWhatItSent(t *testing.T) {
	s := serverIn(t, serverLive)
	s.Step(5, ScopesRead{GrantSerial: 1, Era: testEra, Received: 3, Complete: true,
		Pages: []wire.Page{{Scope: scopeA, To: 1, Records: [][]byte{make([]byte, 600)}}}, Heads: []wire.Head{{Scope: scopeA, Position: 1, Count: 1}}})
	sent := false
	for m, _ := s.Next(6); m != nil; m, _ = s.Next(6) {
		_, caught := m.(*wire.Caught)
		sent = sent || caught
	}
	if !sent {
		t.Fatal("nothing was sent")
	}
	if s.outbox != nil || s.control != nil {
		t.Errorf("outbox %v and control %v still hold what was sent", s.outbox, s.control)
	}
}
