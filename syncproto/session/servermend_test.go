package session

import (
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// asker is a device that compares a scope again and again, each time answered before
// the next, and does nothing else.
type asker struct {
	t   *testing.T
	s   *Server
	now int64
	// records are how many the scope has.
	records int
}

// asking is one whose session is live and has caught up.
func asking(t *testing.T, ahead int64, records int) *asker {
	t.Helper()
	a := &asker{t: t, s: NewServer(), now: 1_000_000, records: records}
	a.step(ServerConnected{Noise: [32]byte{1}, Handshake: []byte("b")})
	a.step(Authenticated{Standing: StandingGood, Device: testDevice, Ahead: ahead})
	hello := testHello()
	hello.Credit = DefaultWindow
	a.step(Received{hello})
	a.step(testLoaded())
	return a
}

// step gives an event and answers what it asks of the store.
func (a *asker) step(ev ServerEvent) {
	a.t.Helper()
	a.answer(a.s.Step(a.now, ev))
}

func (a *asker) answer(effects []ServerEffect) {
	a.t.Helper()
	for _, e := range effects {
		switch e := e.(type) {
		case ReadScopes:
			a.step(ScopesRead{GrantSerial: 1, Era: testEra, Complete: true, Received: 3, Heads: []wire.Head{{Scope: scopeA}}})
		case CompareScope:
			a.step(EntriesRead{Scope: e.Scope, Buckets: []byte{1}, Walked: a.records})
		case ReadRecords:
			a.step(RecordsRead{Scope: e.Scope, Gone: e.Records, Done: len(e.Records)})
		case Close:
			a.t.Fatalf("it ends: %+v", e)
		}
	}
}

// said takes messages until there are none, and reports whether one of them answers.
func (a *asker) said() (answered bool) {
	a.t.Helper()
	for {
		m, effects := a.s.Next(a.now)
		a.answer(effects)
		switch m.(type) {
		case nil:
			return answered
		case *wire.ServerEntries, *wire.Records:
			answered = true
			a.step(Received{&wire.Credit{Bytes: uint32(weight(m))}})
		}
	}
}

// ask asks once and returns after how long the answer came.
func (a *asker) ask(m wire.Message) int64 {
	a.t.Helper()
	began := a.now
	a.step(Received{m})
	for !a.said() {
		at, ok := a.s.Deadline()
		if !ok || at <= a.now {
			a.t.Fatalf("no answer after %d ms, and the next look is at %d (now %d)", a.now-began, at, a.now)
		}
		if err := a.s.Idle(); err != nil {
			a.t.Fatalf("while it waits: %v", err)
		}
		a.now = at
		a.step(Tick{})
	}
	return a.now - began
}

func comparison() wire.Message {
	return &wire.Compare{Scope: scopeA, Buckets: make([]byte, wire.Buckets*16)}
}

// Who compares again and again is answered the later the more the answers cost; what
// an honest device asks in a contact is answered at once.
func TestComparisonsAreAnsweredTheLaterTheMore(t *testing.T) {
	const records = 3000
	a := asking(t, 0, records)
	for n := range 20 {
		if waited := a.ask(comparison()); waited != 0 {
			t.Fatalf("comparison %d waits %d ms", n+1, waited)
		}
	}
	for range 200 {
		a.ask(comparison())
	}
	began, asked := a.now, 0
	for a.now-began < 60_000 && asked < 1000 {
		a.ask(comparison())
		asked++
	}
	if most := 60_000*walkedInMilli/records + 1; asked > most || asked < most/2 {
		t.Errorf("%d comparisons of %d records in a minute, want at most %d and half as many at least", asked, records, most)
	}
	// After a rest it is as before.
	a.now += mendFree
	a.step(Tick{})
	a.said()
	if waited := a.ask(comparison()); waited != 0 {
		t.Errorf("after a rest it waits %d ms", waited)
	}
}

// The same goes for whole records, which cost more.
func TestWantedRecordsAreBounded(t *testing.T) {
	a := asking(t, 0, 0)
	want := func() wire.Message {
		return &wire.Want{Scope: scopeA, Records: make([]syncproto.RecordID, maxWant)}
	}
	for n := range 20 {
		if waited := a.ask(want()); waited != 0 {
			t.Fatalf("%d records wait %d ms", (n+1)*maxWant, waited)
		}
	}
	for range 100 {
		a.ask(want())
	}
	began, got := a.now, 0
	for a.now-began < 60_000 && got < 1000*maxWant {
		a.ask(want())
		got += maxWant
	}
	if got > 60_000/wantedCost+maxWant {
		t.Errorf("%d records in a minute", got)
	}
}

// What a device asked for in its last connection counts in the next, however often it
// connects; and who waits for an answer is sent what is new meanwhile.
func TestComparisonsCountAcrossConnections(t *testing.T) {
	a := asking(t, 0, 3000)
	for range 100 {
		a.ask(comparison())
	}
	ahead := a.s.Ahead(a.now)
	if ahead <= mendFree {
		t.Fatalf("after a hundred comparisons it is %d ms ahead", ahead)
	}
	b := asking(t, ahead, 3000)
	b.said()
	b.step(Received{comparison()})
	if b.said() {
		t.Fatal("it is answered at once in the next connection")
	}
	if got := b.s.Step(b.now, Moved{Scopes: []syncproto.ScopeID{scopeA}}); len(got) != 1 {
		t.Errorf("while the answer waits, what has moved is not read: %T", got)
	}
}
