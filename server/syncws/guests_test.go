package syncws

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// A device on the worst of lines comes again and again and is never sent away; who
// does nothing else is, is told when to come, and keeps nobody else out.
func TestGreetingsOfOneDevice(t *testing.T) {
	begin := time.UnixMilli(1_700_000_000_000)
	tests := []struct {
		name       string
		every      time.Duration
		least, was int // taken in within an hour, and at most
	}{
		{"every five seconds", 5 * time.Second, 720, 720},
		{"as often as its program can", 2 * time.Second, 1800, 1800},
		{"a hundred times a second", 10 * time.Millisecond, 60 * defaultGreetings, 61*defaultGreetings + 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := newGuests(Limits{}, begin)
			taken := 0
			for at := time.Duration(0); at < time.Hour; at += test.every {
				after := g.greet(syncproto.DeviceID{1}, begin.Add(at))
				switch {
				case after == 0:
					taken++
				case after < soonest || after > time.Minute:
					t.Fatalf("told to wait %v", after)
				}
				if at%time.Minute == 0 && g.greet(syncproto.DeviceID{2}, begin.Add(at)) != 0 {
					t.Fatalf("another device is sent away after %v", at)
				}
			}
			if taken < test.least || taken > test.was {
				t.Errorf("%d were taken in, want %d to %d", taken, test.least, test.was)
			}
		})
	}
}

// After a restart of the server all come within a minute, some of them twice, since
// the line broke again. Nobody is sent away, and nothing is kept of it for long.
func TestAllComeBackAtOnce(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	g := newGuests(Limits{}, now)
	const devices = 10_000
	for round := range 2 {
		for n := range devices {
			if after := g.greet(syncproto.DeviceID{byte(n), byte(n >> 8)}, now); after != 0 {
				t.Fatalf("device %d is sent away for %v in round %d", n, after, round+1)
			}
			now = now.Add(30 * time.Second / devices)
		}
	}
	now = now.Add(time.Hour)
	g.greet(syncproto.DeviceID{1, 2, 3}, now)
	if len(g.known) != 1 {
		t.Errorf("%d devices are kept, want the one that came", len(g.known))
	}
}

// Who breaks the protocol again and again is let in every quarter of a minute; once
// is forgiven in some seconds, and others are not concerned.
func TestWhoBreaksTheProtocolComesSeldom(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		s.honest(func() {
			rude, kind := s.phone(1, "facilitator"), s.phone(2, "facilitator")
			let, began := 0, time.Now()
			for time.Since(began) < 2*time.Minute {
				ws, e := s.greet(rude)
				ended := drain(ws)
				if e.closed == nil {
					let++
					ws.WriteMessage(websocket.TextMessage, []byte("hello"))
					<-ended
				}
				ws.Close()
				time.Sleep(100 * time.Millisecond)
			}
			if most := 2*60/greetingsAtOnce + 2; let < 2 || let > most {
				t.Errorf("it was let in %d times in two minutes, want 2 to %d", let, most)
			}
			ws, e := s.greet(kind)
			if e.closed != nil {
				t.Errorf("another device is told %+v", e.closed)
			}
			ws.Close()
			drain(ws)
		})
	})
}

// greet connects a phone and returns what the server said to its Hello: a Welcome, or
// why not.
func (s *site) greet(p *phone) (*websocket.Conn, *end) {
	s.t.Helper()
	ws, _, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	e := p.connect()
	for !e.machine.Live() && e.closed == nil {
		for b := e.next(); b != nil; b = e.next() {
			if err := ws.WriteMessage(websocket.BinaryMessage, b); err != nil {
				s.t.Fatal(err)
			}
		}
		_, b, err := ws.ReadMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		e.feed(b)
	}
	return ws, e
}

// A device that comes too often is told when to come, as one for which there is no
// room; what it has open stays open; and it is welcome then.
func TestDeviceThatComesTooOften(t *testing.T) {
	onSite(t, Limits{Greetings: 5}, func(t *testing.T, s *site) {
		s.honest(func() {
			p := s.phone(1, "facilitator")
			p.saveNew(1)
			var last *websocket.Conn
			for n := range greetingsAtOnce {
				ws, e := s.greet(p)
				if e.closed != nil {
					t.Fatalf("greeting %d is refused: %+v", n+1, e.closed)
				}
				if last != nil {
					last.Close()
				}
				last = ws
				drain(ws)
			}
			ws, e := s.greet(p)
			ws.Close()
			if e.closed == nil || e.closed.Code != session.CloseBusy || e.closed.RetryAfter < soonest.Milliseconds() || e.closed.RetryAfter > 12_000 {
				t.Fatalf("the next is told %+v, want to come back within twelve seconds", e.closed)
			}
			soon()
			if c := s.h.Counters(); c.Refused != 1 || c.Sessions != 2 {
				t.Errorf("counters %+v, want one refused, and what it had open to stay", c)
			}
			last.Close()
			time.Sleep(time.Duration(e.closed.RetryAfter) * time.Millisecond)
			synctest.Wait()
			o := s.online(p)
			soon()
			p.has("plain", 1)
			o.leave()
		})
	})
}

// Whoever lies about its sums again and again, in one connection after another, is
// answered in a minute as often as in the next.
func TestLiesAcrossConnections(t *testing.T) {
	const records, each = 50, 100
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		s.honest(func() {
			w := s.phone(1, "facilitator")
			w.saveNew(records)
			s.record(w)
			liar := s.phone(2, "facilitator")
			began, answered := time.Now(), 0
			for time.Since(began) < time.Minute && answered < 5000 {
				ws, e := s.known(liar)
				for range each {
					s.push(t, ws, e, &wire.Compare{Scope: s.scope("plain"), Buckets: make([]byte, wire.Buckets*16)})
					s.answered(ws, e)
					answered++
				}
				ws.Close()
				time.Sleep(greetingsWithin / defaultGreetings) // or it comes too often
			}
			// 40 ms for each, and one for five records; at most thirty seconds ahead.
			if most := 90_000/(40+records/5) + 2*each; answered > most {
				t.Errorf("%d comparisons were answered in a minute, want at most %d", answered, most)
			}
		})
	})
}

// Whoever brings much that is set aside is read from slowly, in one connection and in
// the next; some hundreds are taken at once, and nobody else waits.
func TestWhatIsSetAsideIsReadSlowly(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		s.honest(func() {
			p := s.phone(1, "national") // who writes nothing in a neighbourhood
			const each = 50
			began, free := time.Now(), time.Duration(0)
			for n := 0; time.Since(began) < time.Minute && len(p.changes) < 5000; n++ {
				ws, e := s.known(p)
				for range 4 {
					from := uint64(len(p.changes) + 1)
					p.saveNew(each)
					s.push(t, ws, e, &wire.Push{Batch: p.sealed(p.cert, from)})
					s.acknowledged(ws, e, uint64(len(p.changes)))
					if len(p.changes) == asideFree {
						free = time.Since(began)
					}
				}
				ws.Close()
				time.Sleep(greetingsWithin / defaultGreetings)
			}
			if most := asideFree + int(time.Minute/asideEach) + 6*each; len(p.changes) > most {
				t.Errorf("%d changes were set aside within a minute, want at most %d", len(p.changes), most)
			}
			if free == 0 || free > 10*time.Second {
				t.Errorf("the first %d took %v", asideFree, free)
			}
		})
	})
}

// receive is the next message of the server.
func (s *site) receive(ws *websocket.Conn, e *end) wire.Message {
	s.t.Helper()
	_, b, err := ws.ReadMessage()
	if err != nil {
		s.t.Fatal(err)
	}
	_, f, err := e.channel.Receive(b)
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := s.s.Codec.DecodeFrame(f)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// acknowledged reads until the log has been received up to a sequence.
func (s *site) acknowledged(ws *websocket.Conn, e *end, upTo uint64) {
	s.t.Helper()
	for received := uint64(0); received < upTo; {
		switch m := s.receive(ws, e).(type) {
		case *wire.Ack:
			received = m.Received
		case *wire.Page:
			received = m.Received
		case *wire.Caught:
			received = m.Received
		}
	}
}

// answered reads until a comparison is answered.
func (s *site) answered(ws *websocket.Conn, e *end) {
	s.t.Helper()
	for {
		if got, is := s.receive(ws, e).(*wire.ServerEntries); is {
			// What an honest device has committed it gives back.
			s.push(s.t, ws, e, &wire.Credit{Bytes: uint32(len(got.Entries)*32 + len(got.Buckets) + 32)})
			return
		}
	}
}
