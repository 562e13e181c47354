package syncws

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
)

// The longest message makes way, of several as long the oldest; and what makes way
// stays out.
func TestLongestMessageMakesWay(t *testing.T) {
	c := newCrowd(100)
	gone := map[string]int{}
	named := func(name string) *part { return &part{crowd: c, giveUp: func() { gone[name]++ }} }
	a, b, d, e := named("a"), named("b"), named("d"), named("e")
	if !a.grow(20) || !b.grow(40) || !d.grow(40) || len(gone) != 0 {
		t.Fatalf("with room for all, %v are given up", gone)
	}
	if !a.grow(25) || gone["b"] != 1 || len(gone) != 1 || c.holds() != 65 {
		t.Fatalf("%v are given up and %d held, want b, the first of the longest", gone, c.holds())
	}
	if b.grow(41) {
		t.Error("what was given up grows")
	}
	if e.grow(90) || gone["e"] != 1 || len(gone) != 2 || c.holds() != 65 {
		t.Errorf("%v are given up and %d held, want the longest, which asks", gone, c.holds())
	}
	for _, p := range []*part{a, b, d, e, e} {
		p.done()
	}
	if c.holds() != 0 || len(c.parts) != 0 {
		t.Errorf("%d bytes of %d messages are left", c.holds(), len(c.parts))
	}
}

// Devices that the server knows, and that nearly finish a long message and no more,
// hold little together, however many they are; and those who hold make way: a device
// whose batch comes in pieces gets it through beside them, again and again.
func TestMessagesUnderWayShareABound(t *testing.T) {
	const liars, room = 12, 4 << 20
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		s.h.devices.most = room
		p := s.phone(100, "facilitator")
		p.saveNew(1)
		s.record(p)
		var told []*end
		half := func(n int) *websocket.Conn {
			ws, e := s.known(s.phone(byte(1+n), "facilitator"))
			told = append(told, e)
			go func() {
				for {
					_, b, err := ws.ReadMessage()
					if err != nil {
						e.step(session.Disconnected{Err: err})
						return
					}
					e.feed(b)
				}
			}()
			go ws.NetConn().Write(frame(opBinary, true, session.MaxSealed-1, make([]byte, session.MaxSealed-2)))
			synctest.Wait()
			if held := s.h.devices.holds(); held > room {
				t.Fatalf("%d liars hold %d bytes, want at most %d", n+1, held, room)
			}
			return ws
		}
		for n := range liars {
			defer half(n).Close()
		}
		if held := s.h.devices.holds(); held < room/2 {
			t.Errorf("they hold %d bytes, want nearly %d: the test shows nothing", held, room)
		}
		soon()
		busy := 0
		for _, e := range told {
			if e.closed != nil && e.closed.Code == session.CloseBusy && e.closed.RetryAfter >= soonest.Milliseconds() {
				busy++
			}
		}
		if c := s.h.Counters(); busy < liars-room/session.MaxSealed-1 || c.Sessions != int64(liars-busy) {
			t.Errorf("%d of %d were told to come later; counters %+v", busy, liars, c)
		}
		for range 3 {
			n := len(p.changes)
			p.saveNew(400)
			o := s.online(p)
			time.Sleep(time.Minute)
			synctest.Wait()
			if p.received != uint64(n+400) {
				t.Errorf("beside them %d of %d changes were received", p.received, n+400)
			}
			o.leave()
		}
	})
}
