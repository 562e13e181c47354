package session

import (
	"slices"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Results are told in the order of the log, none is left out, and a page waits
// until those of its snapshot have been told.
func TestServerTellsResultsInOrder(t *testing.T) {
	s := NewServer()
	s.Step(0, ServerConnected{})
	s.Step(0, Authenticated{Standing: StandingGood, Device: testDevice})
	h := testHello()
	h.HeadSeq, h.Credit = 5000, 1<<20
	s.Step(0, Received{h})
	l := testLoaded()
	l.Welcome.Received = 2000
	s.Step(0, l)
	result := func(seq uint64) LogResult {
		return LogResult{seq, syncproto.Result{Change: syncproto.ChangeID{byte(seq), byte(seq >> 8)}, Outcome: syncproto.Applied}}
	}
	results := func(from, to uint64) (out []LogResult) {
		for seq := from; seq <= to; seq++ {
			out = append(out, result(seq))
		}
		return out
	}
	// A batch is answered while the first read, of an older snapshot, is on its way.
	s.Step(1, Received{&wire.Push{Batch: []byte{1}}})
	s.Step(1, Accepted{Log: testLog, Received: 2010, Results: results(2001, 2010)})
	s.Step(1, ScopesRead{GrantSerial: 1, Era: testEra, Received: 2000, Results: results(1, 2000), Complete: true,
		Pages: []wire.Page{{Scope: scopeA, To: 9, Records: [][]byte{{1}}}}, Heads: []wire.Head{{Scope: scopeA, Position: 9}}})
	next, caught := uint64(1), false
	take := func() {
		for _, m := range said(s) {
			var got []syncproto.Result
			switch m := m.(type) {
			case *wire.Ack:
				got = m.Results
			case *wire.Caught:
				got = m.Results
				caught = true
			}
			if len(got) > maxAckResults {
				t.Errorf("%d results in one message", len(got))
			}
			for _, r := range got {
				if r.Change != result(next).Result.Change {
					t.Fatalf("result of %v, want that of %d", r.Change, next)
				}
				next++
			}
			if caught && next <= 2000 {
				t.Fatalf("the page comes after %d results of 2000", next-1)
			}
		}
	}
	take()
	s.Step(2, ScopesRead{GrantSerial: 1, Era: testEra, Received: 2010, Results: results(2001, 2010), Complete: true, Heads: []wire.Head{{Scope: scopeA, Position: 9}}})
	take()
	if next != 2011 || !caught {
		t.Errorf("told %d results, caught %v", next-1, caught)
	}
	if err := s.Idle(); err != nil {
		t.Error(err)
	}
}

// What is pushed again although it was received is acknowledged by an Ack: a
// page says no more than the device knew before. News on the way are no excuse.
func TestServerAcknowledgesWhatComesAgain(t *testing.T) {
	s := serverIn(t, serverLive)
	results := []LogResult{{4, syncproto.Result{Change: syncproto.ChangeID{4}, Outcome: syncproto.Applied}}}
	read := ScopesRead{GrantSerial: 1, Era: testEra, Received: 4, Complete: true, Heads: []wire.Head{{Scope: scopeA}}}
	s.Step(4, read)
	said(s)
	for n := uint64(0); n < 2; n++ {
		s.Step(5, Received{&wire.Push{Batch: []byte{1}}})
		s.Step(5, Accepted{Log: testLog, Received: 4, Results: results})
		acks := said(s)
		read.Pages = []wire.Page{{Scope: scopeA, From: n, To: n + 1, Records: [][]byte{{1}}}}
		read.Heads = []wire.Head{{Scope: scopeA, Position: n + 1}}
		s.Step(6, read)
		acks = append(acks, said(s)...)
		ack := slices.ContainsFunc(acks, func(m wire.Message) bool { a, ok := m.(*wire.Ack); return ok && len(a.Results) == 1 })
		if again := n > 0; ack != again {
			t.Errorf("pushed again %v: an Ack of its own %v", again, ack)
		}
		if err := s.Idle(); err != nil {
			t.Error(err)
		}
	}
}

// What a clone pushed to the same log is never acknowledged to this device.
func TestServerVouchesOnlyForThisSession(t *testing.T) {
	s := serverIn(t, serverLive)
	s.Step(4, ScopesRead{GrantSerial: 1, Era: testEra, Complete: true, Received: 5, Results: []LogResult{{4, syncproto.Result{Change: syncproto.ChangeID{4}}}, {5, syncproto.Result{Change: syncproto.ChangeID{5}}}}, Heads: []wire.Head{{Scope: scopeA}}})
	s.Step(4, BackupVerified{Log: testLog, Seq: 5})
	for _, m := range said(s) {
		switch m := m.(type) {
		case *wire.Caught:
			if m.Received != 3 {
				t.Errorf("received %d, want 3", m.Received)
			}
		case *wire.BackupSafe:
			if m.Seq != 3 {
				t.Errorf("backup-safe %d, want 3", m.Seq)
			}
		}
	}
	s.Step(5, Received{&wire.Push{Batch: []byte{1}}})
	s.Step(5, Accepted{Status: AcceptedFork, Log: testLog, Received: 5})
	w, ok := said(s)[0].(*wire.Welcome)
	if !ok || !w.Fork || len(w.Ancestors) != 1 || w.Ancestors[0] != (wire.LogReceived{Log: testLog, Received: 5}) {
		t.Errorf("the device is not told of the fork: %+v", w)
	}
}

func TestServerGrantsLive(t *testing.T) {
	s := serverIn(t, serverLive)
	s.Step(4, ScopesRead{GrantSerial: 1, Era: testEra, Complete: true, Received: 3, Heads: []wire.Head{{Scope: scopeA, Position: 0}}})
	said(s)
	effects := s.Step(5, GrantsChanged{})
	if len(effects) != 1 || effects[0] != (LoadGrants{}) {
		t.Fatalf("effects %v", effects)
	}
	effects = s.Step(5, GrantsLoaded{Standing: StandingGood, Serial: 2, Grants: wire.GrantsNote{GrantSerial: 2, Grants: []wire.Grant{{Scope: scopeB}}}})
	var read *ReadScopes
	for _, e := range effects {
		if r, ok := e.(ReadScopes); ok {
			read = &r
		}
	}
	if read == nil || len(read.Scopes) != 1 || read.Scopes[0] != (Start{Scope: scopeB}) {
		t.Errorf("read %+v, want scope B from its beginning", read)
	}
	var purge *wire.Purge
	var note *wire.GrantsNote
	for _, m := range said(s) {
		switch m := m.(type) {
		case *wire.Purge:
			purge = m
		case *wire.GrantsNote:
			note = m
		}
	}
	if purge == nil || purge.Scope != scopeA || purge.After != 5 || note == nil || note.GrantSerial != 2 {
		t.Errorf("purge %+v, note %+v", purge, note)
	}
	if e := s.Step(6, Received{&wire.Purged{Scope: scopeA}}); len(e) != 1 || e[0] != (NotePurged{scopeA}) {
		t.Errorf("confirmation asks for %v", e)
	}
	// A snapshot of other grants than the session knows sends nothing.
	s.Step(7, ScopesRead{GrantSerial: 3, Era: testEra, Complete: true, Pages: []wire.Page{{Scope: scopeB, To: 4}}, Heads: []wire.Head{{Scope: scopeB, Position: 4}}})
	for _, m := range said(s) {
		if _, ok := m.(*wire.Caught); ok {
			t.Error("pages of a snapshot with other grants were sent")
		}
	}
}

// A session begins with how the chains of acts go on, right after Welcome, and
// hears of further acts while it is live.
func TestServerTellsOfActs(t *testing.T) {
	s := serverIn(t, serverLoading)
	loaded := SessionLoaded{Standing: StandingGood, Starts: []Start{{Scope: scopeA}}, Acts: wire.Checkpoints{Chains: []wire.ActChain{{Scope: scopeA, Count: 1}}}}
	loaded.Welcome.ReceivedHead = testHello().Head
	s.Step(4, loaded)
	out := said(s)
	if len(out) < 2 || out[0].Type() != wire.MsgWelcome || out[1].Type() != wire.MsgCheckpoints {
		t.Fatalf("a session begins with %v", out)
	}
	s.Step(5, ActsRead{})
	for _, m := range said(s) {
		if m.Type() == wire.MsgCheckpoints {
			t.Error("the device is told that nothing was done")
		}
	}
	s.Step(6, ActsRead{Said: wire.Checkpoints{Chains: []wire.ActChain{{Scope: scopeA, Count: 2}}}})
	if !slices.ContainsFunc(said(s), func(m wire.Message) bool { return m.Type() == wire.MsgCheckpoints }) {
		t.Error("the device is not told of an act")
	}
	s = serverIn(t, serverHello)
	h := testHello()
	h.Acts = make([]uint64, len(h.Cursors)+1)
	if s.Step(3, Received{h}); !s.Closed() {
		t.Error("counts for more scopes than there are cursors pass")
	}
}
