package syncws

import (
	"bytes"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// The opcodes of websocket frames.
const (
	opContinue = 0
	opBinary   = 2
	opPing     = 9
	opPong     = 10
)

// mostGrown is how much more memory an attack may make the server hold.
const mostGrown = 64 << 20

func TestHostileFrames(t *testing.T) {
	const million = 1_000_000
	tests := []struct {
		name   string
		attack func(ws *websocket.Conn) (taken int)
		most   int // times that the server may take it
	}{
		{"a frame of 100 MiB", func(ws *websocket.Conn) int {
			return flood(ws, frame(opBinary, true, 100<<20, nil), 1) - 1 + flood(ws, make([]byte, 1<<10), 100<<10)
		}, 0},
		{"a frame of 2^63-1 bytes", func(ws *websocket.Conn) int {
			return flood(ws, frame(opBinary, true, 1<<63-1, nil), 1) - 1 + flood(ws, make([]byte, 1<<10), 100<<10)
		}, 0},
		{"fragments of 100 MiB together", func(ws *websocket.Conn) int {
			flood(ws, frame(opBinary, false, 0, nil), 1)
			return flood(ws, frame(opContinue, false, 64<<10, make([]byte, 64<<10)), 1600)
		}, session.MaxSealed / (64 << 10)},
		{"a million fragments of a byte", func(ws *websocket.Conn) int {
			flood(ws, frame(opBinary, false, 0, nil), 1)
			return flood(ws, frame(opContinue, false, 1, []byte{1}), million)
		}, wasteFree / 4},
		{"a million empty fragments", func(ws *websocket.Conn) int {
			flood(ws, frame(opBinary, false, 0, nil), 1)
			return flood(ws, frame(opContinue, false, 0, nil), million)
		}, wasteFree / 5},
		{"a million pings", func(ws *websocket.Conn) int {
			return flood(ws, frame(opPing, true, 0, nil), million)
		}, wasteFree / 5},
		{"a million long pings within a message", func(ws *websocket.Conn) int {
			flood(ws, frame(opBinary, false, 100, make([]byte, 100)), 1)
			return flood(ws, frame(opPing, true, 125, make([]byte, 125)), million)
		}, wasteFree / 125},
		{"a million pongs that nobody asked for", func(ws *websocket.Conn) int {
			return flood(ws, frame(opPong, true, 0, nil), million)
		}, wasteFree / 5},
		{"text", func(ws *websocket.Conn) int {
			return flood(ws, frame(1, true, 5, []byte("hello")), million)
		}, 1},
		{"a frame of no kind", func(ws *websocket.Conn) int {
			return flood(ws, frame(5, true, 5, []byte("hello")), million)
		}, 1},
		{"a frame that is not masked", func(ws *websocket.Conn) int {
			return flood(ws, []byte{0x82, 1, 1}, million)
		}, readBuffer},
		{"a compressed frame", func(ws *websocket.Conn) int {
			return flood(ws, frame(opBinary|0x40, true, 5, []byte("hello")), million)
		}, readBuffer},
		{"a fragment of no message", func(ws *websocket.Conn) int {
			return flood(ws, frame(opContinue, true, 5, []byte("hello")), million)
		}, readBuffer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSite(t, Limits{}, func(t *testing.T, s *site) {
				s.honest(func() {
					ws, _ := s.known(s.phone(1, "facilitator"))
					defer ws.Close()
					ended := drain(ws)
					var taken int
					if more := grown(func() { taken = test.attack(ws) }); more > mostGrown {
						t.Errorf("the heap grew by %d bytes", more)
					}
					if taken > test.most {
						t.Errorf("the server took it %d times, want at most %d", taken, test.most)
					}
					<-ended
				})
			})
		})
	}
}

// Frames that the secure channel carries and that are none of the protocol's end
// the session that sent them, and no other.
func TestHostileSealedFrames(t *testing.T) {
	status, err := mustCodec(t).AppendFrame(nil, &wire.Status{DeviceTime: 1})
	if err != nil {
		t.Fatal(err)
	}
	welcome, err := mustCodec(t).AppendFrame(nil, &wire.Welcome{Proto: 1})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		frame []byte
	}{
		{"an unknown type", []byte{200, 0, 1}},
		{"a type of two bytes where one does", append([]byte{status[0] | 0x80, 0}, status[1:]...)},
		{"an unknown coding", []byte{status[0], 77, 1}},
		{"no coding", status[:1]},
		{"a byte after the message", append(bytes.Clone(status), 0)},
		{"a message cut off", status[:len(status)-1]},
		{"a message of the server", welcome},
		{"the reserved Entries", func() []byte {
			b, err := mustCodec(t).AppendFrame(nil, &wire.Entries{Scope: syncproto.ScopeID{1}})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}()},
		{"zeros", make([]byte, 1000)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSite(t, Limits{}, func(t *testing.T, s *site) {
				s.honest(func() {
					ws, e := s.known(s.phone(1, "facilitator"))
					defer ws.Close()
					sealed, err := e.channel.Seal(test.frame)
					if err != nil {
						t.Fatal(err)
					}
					ended := drain(ws)
					if err := ws.WriteMessage(websocket.BinaryMessage, sealed); err != nil {
						t.Fatal(err)
					}
					<-ended
					synctest.Wait()
					if c := s.h.Counters(); c.Sessions != 1 || c.Broken != 1 {
						t.Errorf("counters %+v", c)
					}
				})
			})
		})
	}
}

// Sealed messages that arrive twice, in another order, or in another connection
// than they were made for do not open.
func TestReplayedMessages(t *testing.T) {
	tests := []struct {
		name   string
		attack func(t *testing.T, s *site, said [][]byte) *websocket.Conn
	}{
		{"a whole conversation again", func(t *testing.T, s *site, said [][]byte) *websocket.Conn {
			ws, _, err := s.dial()
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for _, b := range said {
					if ws.WriteMessage(websocket.BinaryMessage, b) != nil {
						return
					}
				}
			}()
			return ws
		}},
		{"into the owner's next connection", func(t *testing.T, s *site, said [][]byte) *websocket.Conn {
			ws, _ := s.known(s.phone(2, "facilitator"))
			go ws.WriteMessage(websocket.BinaryMessage, said[1])
			return ws
		}},
		{"a message twice", func(t *testing.T, s *site, _ [][]byte) *websocket.Conn {
			ws, e := s.known(s.phone(2, "facilitator"))
			b := sealStatus(t, s, e)
			go func() {
				ws.WriteMessage(websocket.BinaryMessage, b)
				ws.WriteMessage(websocket.BinaryMessage, b)
			}()
			return ws
		}},
		{"two messages exchanged", func(t *testing.T, s *site, _ [][]byte) *websocket.Conn {
			ws, e := s.known(s.phone(2, "facilitator"))
			b, c := sealStatus(t, s, e), sealStatus(t, s, e)
			go func() {
				ws.WriteMessage(websocket.BinaryMessage, c)
				ws.WriteMessage(websocket.BinaryMessage, b)
			}()
			return ws
		}},
		{"a relayed handshake, answered for somebody else", func(t *testing.T, s *site, _ [][]byte) *websocket.Conn {
			// The one in the middle opens a connection of its own with the device's
			// first message, and passes on what the device says to the other one.
			e := s.phone(2, "facilitator").connect()
			first := e.next()
			own, _, err := s.dial()
			if err != nil {
				t.Fatal(err)
			}
			relayed, _, err := s.dial()
			if err != nil {
				t.Fatal(err)
			}
			for _, ws := range []*websocket.Conn{own, relayed} {
				if err := ws.WriteMessage(websocket.BinaryMessage, first); err != nil {
					t.Fatal(err)
				}
			}
			_, answer, err := relayed.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			e.feed(answer)
			relayed.Close()
			go own.WriteMessage(websocket.BinaryMessage, e.next()) // Hello, sealed for the other
			return own
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSite(t, Limits{}, func(t *testing.T, s *site) {
				victim := s.phone(1, "facilitator")
				victim.saveNew(2)
				said := s.record(victim)
				s.honest(func() {
					before := s.h.Counters().Broken + s.h.Counters().Replaced
					ws := test.attack(t, s, said)
					defer ws.Close()
					<-drain(ws)
					soon()
					// One of two connections of a device may have made room for the other.
					if c := s.h.Counters(); c.Sessions != 1 || c.Broken+c.Replaced != before+1 {
						t.Errorf("counters %+v", c)
					}
				})
			})
		})
	}
}

// The first message of a handshake can be said again by whoever heard it. It proves
// nobody's presence: the device's own connection stays.
func TestReplayedHandshakeReplacesNobody(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		p := s.phone(1, "facilitator")
		ws, _, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		o := &online{p: p, e: p.connect(), ws: ws, save: make(chan int), stop: make(chan struct{}), ended: make(chan struct{})}
		heard := bytes.Clone(o.e.out[0])
		go o.run()
		soon()
		for range 3 {
			thief, _, err := s.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer thief.Close()
			if err := thief.WriteMessage(websocket.BinaryMessage, heard); err != nil {
				t.Fatal(err)
			}
			if _, _, err := thief.ReadMessage(); err != nil {
				t.Fatalf("the replayed message is not even answered: %v", err)
			}
			soon()
		}
		select {
		case <-o.ended:
			t.Fatalf("the owner's session ended: %+v", o.e.closed)
		default:
		}
		if c := s.h.Counters(); c.Replaced != 0 {
			t.Errorf("counters %+v", c)
		}
		o.save <- 1
		soon()
		p.has("plain", 1)
		o.leave()
	})
}

// Whoever holds thousands of connections from one address and says a byte in ten
// seconds keeps nobody else out, and is gone when the handshake's time is over.
func TestSlowLoris(t *testing.T) {
	const each = 2000
	onSite(t, Limits{Handshakes: each, Waiting: each, PerAddress: each / 10}, func(t *testing.T, s *site) {
		s.honest(func() {
			let, away := 0, 0
			var slow sync.WaitGroup
			defer slow.Wait()
			for range each {
				ws, resp, err := s.dialFrom("192.0.2.1")
				if err != nil {
					if resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
						t.Fatalf("got %v, %v", resp, err)
					}
					away++
					continue
				}
				let++
				defer ws.Close()
				slow.Go(func() {
					under := ws.NetConn()
					for _, b := range frame(opBinary, true, 97, make([]byte, 97)) {
						if _, err := under.Write([]byte{b}); err != nil {
							return
						}
						time.Sleep(10 * time.Second)
					}
				})
				drain(ws)
			}
			if let != each/10 || away != each-each/10 {
				t.Errorf("%d were let in and %d turned away", let, away)
			}
			// Others come in beside them, and they are gone after half a minute.
			for _, ip := range []string{"192.0.2.2", "2001:db8:1::1", "127.0.0.1"} {
				ws, _, err := s.dialFrom(ip)
				if err != nil {
					t.Errorf("from %s: %v", ip, err)
					continue
				}
				ws.Close()
			}
			time.Sleep(handshakeWithin*time.Millisecond + time.Second)
			synctest.Wait()
			if c := s.h.Counters(); c.Sessions != 1 {
				t.Errorf("counters %+v", c)
			}
			if ws, _, err := s.dialFrom("192.0.2.1"); err != nil {
				t.Errorf("afterwards: %v", err)
			} else {
				ws.Close()
			}
		})
	})
}

// Whoever has a key that the server does not know may say what a device that was
// forgotten says, and all of them together hold little memory.
func TestStrangersShareABound(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		s.honest(func() {
			stranger := func(n int) *websocket.Conn {
				p := s.phone(byte(1+n), "facilitator")
				var err error
				if p.noise, err = session.NewKeyPair(s.s.Random); err != nil {
					t.Fatal(err)
				}
				ws, _, err := s.dial()
				if err != nil {
					t.Fatal(err)
				}
				e := p.connect()
				if err := ws.WriteMessage(websocket.BinaryMessage, e.next()); err != nil {
					t.Fatal(err)
				}
				_, b, err := ws.ReadMessage()
				if err != nil {
					t.Fatal(err)
				}
				e.feed(b)
				return ws
			}
			const many = 2 * strangersAll / strangerMost
			for n := range many {
				ws := stranger(n)
				defer ws.Close()
				drain(ws)
				under := ws.NetConn()
				under.Write(frame(opBinary, true, strangerMost, make([]byte, strangerMost-1))) // all but its end
			}
			synctest.Wait()
			if held := s.h.unknown.holds(); held > strangersAll || held < strangersAll/2 {
				t.Errorf("strangers hold %d bytes, want at most %d and nearly so much", held, strangersAll)
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if held := s.h.unknown.holds(); held != 0 {
				t.Errorf("%d bytes are held for strangers who are gone", held)
			}
			if c := s.h.Counters(); c.Sessions != 1 {
				t.Errorf("counters %+v", c)
			}
		})
	})
}

// A device that grants one byte of credit and then no more gets one message, and is
// not waited for.
func TestCreditNeverGranted(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		s.honest(func() {
			w := s.phone(1, "facilitator")
			w.saveNew(300)
			s.record(w)
			p := s.phone(2, "facilitator")
			p.window = 1
			ws, _ := s.known(p)
			defer ws.Close()
			var got atomic.Int64
			go func() {
				for {
					if _, _, err := ws.ReadMessage(); err != nil {
						return
					}
					got.Add(1)
				}
			}()
			time.Sleep(3 * time.Minute)
			if n := got.Load(); n != 1 {
				t.Errorf("%d messages came on a credit of one byte, want one", n)
			}
		})
	})
}

// A device that claims another's log, brings another's batches, or signs as somebody
// else, is refused, and nothing of it is taken.
func TestBatchesOfAnothersLog(t *testing.T) {
	forge := map[string]func(s *site, thief, victim *phone) []byte{
		"another's batch, as it was": func(_ *site, _, victim *phone) []byte { return victim.sealed(victim.cert, 2) },
		"another's log under a certificate of one's own": func(s *site, thief, victim *phone) []byte {
			claim := wire.SignLogCert(wire.LogCert{Log: victim.cert.Log, LogKey: thief.cert.LogKey, Serial: 1, Created: 1}, thief.key)
			claim.Log = victim.cert.Log // a program of one's own says what it likes
			victim.key = thief.key
			return victim.sealed(claim, 2)
		},
		"another's certificate under a key of one's own": func(s *site, thief, victim *phone) []byte {
			victim.key = thief.key
			return victim.sealed(victim.cert, 2)
		},
	}
	for name, make := range forge {
		t.Run(name, func(t *testing.T) {
			onSite(t, Limits{}, func(t *testing.T, s *site) {
				s.honest(func() {
					victim, thief := s.phone(1, "facilitator"), s.phone(2, "facilitator")
					victim.saveNew(1)
					s.record(victim)
					victim.saveNew(1)
					batch := make(s, thief, victim)
					ws, e := s.known(thief)
					defer ws.Close()
					ended := drain(ws)
					s.push(t, ws, e, &wire.Push{Batch: batch})
					<-ended
					soon()
					if err := s.store.View(t.Context(), func(r store.Reader) error {
						log, err := r.Log(victim.cert.Log)
						if log.Received != 1 {
							t.Errorf("the log has %d changes, want its own", log.Received)
						}
						return err
					}); err != nil {
						t.Fatal(err)
					}
					if c := s.h.Counters(); c.Broken != 1 {
						t.Errorf("counters %+v", c)
					}
				})
			})
		})
	}
}

// A device that says other sums than it has gets what it may read, and no more; of a
// scope that is not its own it gets nothing.
func TestLiesAboutDigests(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		s.honest(func() {
			w := s.phone(1, "facilitator")
			w.saveNew(50)
			s.record(w)
			liar := s.phone(2, "facilitator")
			ws, e := s.known(liar)
			defer ws.Close()
			sums := bytes.Repeat([]byte{7}, wire.Buckets*16)
			for range 20 { // again and again, each answered before the next
				s.push(t, ws, e, &wire.Compare{Scope: s.scope("plain"), Buckets: sums})
				for answered := false; !answered; {
					_, b, err := ws.ReadMessage()
					if err != nil {
						t.Fatal(err)
					}
					_, f, err := e.channel.Receive(b)
					if err != nil {
						t.Fatal(err)
					}
					m, err := s.s.Codec.DecodeFrame(f)
					if err != nil {
						t.Fatal(err)
					}
					if got, is := m.(*wire.ServerEntries); is {
						if answered = true; got.Scope != s.scope("plain") || len(got.Entries) > 50 {
							t.Errorf("%d entries of scope %s", len(got.Entries), got.Scope)
						}
					}
				}
			}
			ended := drain(ws)
			s.push(t, ws, e, &wire.Compare{Scope: syncproto.ScopeOf(syncproto.PlaceID{9}, "plain"), Buckets: sums})
			<-ended
		})
	})
}
