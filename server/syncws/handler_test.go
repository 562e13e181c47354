package syncws

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/server/store"
	"mahalleh/syncproto/session"
)

func TestTwoPhonesOnline(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		one, two := s.phone(1, "facilitator"), s.phone(2, "facilitator")
		one.saveNew(200)
		a, b := s.online(one), s.online(two)
		soon()
		one.has("plain", 200)
		two.has("plain", 200)
		b.save <- 3
		soon()
		one.has("plain", 203)
		two.has("plain", 203)
		// They rest for an hour, and are still there.
		time.Sleep(time.Hour)
		a.save <- 1
		soon()
		two.has("plain", 204)
		c := s.h.Counters()
		if c.Sessions != 2 || c.Opened != 2 || c.FramesIn == 0 || c.FramesOut == 0 || c.BytesIn == 0 || c.BytesOut == 0 || c.Broken+c.Refused+c.Busy+c.Rejected != 0 {
			t.Errorf("counters %+v", c)
		}
		a.leave()
		b.leave()
		synctest.Wait()
		if c := s.h.Counters(); c.Sessions != 0 || c.Ended != 2 {
			t.Errorf("counters %+v", c)
		}
	})
}
func TestGrantsReachAnOpenSession(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		p := s.phone(1, "facilitator")
		p.saveNew(2)
		o := s.online(p)
		soon()
		s.update(func(tx store.Tx) error { return grant(tx, p.person, s.place, "facilitator", time.Now().UnixMilli()) })
		s.hub.AccessChanged()
		soon()
		if len(p.records) != 0 {
			t.Errorf("%d records after the revocation", len(p.records))
		}
		o.leave()
	})
}
func TestNewerSessionOfADeviceStays(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		p := s.phone(1, "facilitator")
		old := s.online(p)
		soon()
		// The same phone on another network; its first connection is not yet known
		// to be dead.
		again := s.online(p)
		soon()
		select {
		case <-old.ended:
		default:
			t.Fatal("the older session goes on")
		}
		if c := old.e.closed; c.Code != session.CloseBusy || c.RetryAfter != replacedAfter.Milliseconds() {
			t.Errorf("the older one was told %+v", c)
		}
		if c := s.h.Counters(); c.Sessions != 1 || c.Replaced != 1 {
			t.Errorf("counters %+v", c)
		}
		if !s.log.has("connected twice") {
			t.Error("no alarm in the log")
		}
		again.save <- 1
		soon()
		p.has("plain", 1)
		again.leave()
	})
}
func TestUnknownDeviceIsRefused(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		p := s.phone(1, "facilitator")
		var err error
		if p.noise, err = session.NewKeyPair(s.s.Random); err != nil {
			t.Fatal(err)
		}
		o := s.online(p)
		<-o.ended
		synctest.Wait()
		if o.e.closed.Code != session.CloseUnknownDevice || s.h.Counters().Refused != 1 {
			t.Errorf("told %+v, counters %+v", o.e.closed, s.h.Counters())
		}
	})
}

// Whoever is not known yet cannot make the server hold a long message.
func TestUnknownSenderIsBounded(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		ws, _, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		began := time.Now()
		go func() {
			if w, err := ws.NextWriter(websocket.BinaryMessage); err == nil {
				w.Write(make([]byte, 64<<10)) // and never the end of it
			}
		}()
		if _, _, err := ws.ReadMessage(); err == nil || time.Since(began) > time.Second {
			t.Errorf("it ended after %v: %v", time.Since(began), err)
		}
	})
}
func TestStormIsSpread(t *testing.T) {
	const rate, storm = 10, 35
	onSite(t, Limits{Handshakes: rate}, func(t *testing.T, s *site) {
		var open []*websocket.Conn
		waits := map[string]int{}
		for range storm {
			ws, resp, err := s.dial()
			if err == nil {
				open = append(open, ws)
				continue
			}
			if resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("got %v, %v", resp, err)
			}
			waits[resp.Header.Get("Retry-After")]++
		}
		if len(open) != rate {
			t.Errorf("%d admitted, want %d", len(open), rate)
		}
		for wait, n := range waits {
			if s, err := strconv.Atoi(wait); err != nil || s < 2 || n > rate {
				t.Errorf("%d were told to come back after %q seconds", n, wait)
			}
		}
		if c := s.h.Counters(); c.Busy != storm-rate || c.Sessions != rate {
			t.Errorf("counters %+v", c)
		}
		for _, ws := range open {
			ws.Close()
		}
		soon()
		if _, _, err := s.dial(); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}
func TestNoMoreSessionsThanAllowed(t *testing.T) {
	onSite(t, Limits{Sessions: 2}, func(t *testing.T, s *site) {
		a, _, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = s.dial(); err != nil {
			t.Fatal(err)
		}
		if _, resp, err := s.dial(); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a third was let in: %v", err)
		}
		a.Close()
		soon()
		if _, _, err := s.dial(); err != nil {
			t.Errorf("after one left: %v", err)
		}
	})
}
func TestSlowReaderIsOnlyACursor(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		writer := s.phone(1, "facilitator")
		writer.saveNew(500)
		slow := s.phone(2, "facilitator")
		ws, _, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		o := s.online(writer)
		soon()
		writer.has("plain", 500)
		// The slow one greets, and then reads nothing. A net.Pipe holds nothing
		// either, so one message stands in the server.
		e := slow.connect()
		for range 2 {
			for b := e.next(); b != nil; b = e.next() {
				if err := ws.WriteMessage(websocket.BinaryMessage, b); err != nil {
					t.Fatal(err)
				}
			}
			if e.machine.Live() || e.channel.Established() {
				break
			}
			_, b, err := ws.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			e.feed(b)
		}
		before := s.h.Counters()
		o.save <- 100
		soon()
		writer.has("plain", 600)
		// What it takes late is whole all the same.
		go func() {
			for {
				_, b, err := ws.ReadMessage()
				if err != nil {
					return
				}
				time.Sleep(2 * time.Second)
				e.feed(b)
				for b := e.next(); b != nil; b = e.next() {
					if ws.WriteMessage(websocket.BinaryMessage, b) != nil {
						return
					}
				}
			}
		}()
		if sent := s.h.Counters().FramesOut - before.FramesOut; sent > 6 {
			t.Errorf("%d messages went out while one did not read", sent)
		}
		time.Sleep(10 * time.Minute)
		slow.has("plain", 600)
		o.leave()
		ws.Close()
	})
}
func TestDeviceThatNeverReadsIsCutOff(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		p := s.phone(1, "facilitator")
		ws, _, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		if err := ws.WriteMessage(websocket.BinaryMessage, p.connect().next()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeTimeout + lastWords + 10*time.Second)
		synctest.Wait()
		if n := s.h.Counters().Sessions; n != 0 {
			t.Error("the session goes on")
		}
	})
}
func TestSilentDeviceIsCutOff(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		ws, _, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		go ws.ReadMessage()
		time.Sleep(handshakeWithin*time.Millisecond - time.Second)
		synctest.Wait()
		if s.h.Counters().Sessions != 1 {
			t.Error("cut off too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if c := s.h.Counters(); c.Sessions != 0 || c.Broken != 1 {
			t.Errorf("counters %+v", c)
		}
	})
}
func TestHostileMessages(t *testing.T) {
	tests := []struct {
		name string
		kind int
		b    []byte
	}{
		{"text", websocket.TextMessage, []byte("hello")},
		{"empty", websocket.BinaryMessage, nil},
		{"noise", websocket.BinaryMessage, []byte{99, 1, 2, 3}},
		{"a handshake that is none", websocket.BinaryMessage, append([]byte{3}, make([]byte, 96)...)},
		{"too long", websocket.BinaryMessage, make([]byte, session.MaxSealed+1)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSite(t, Limits{}, func(t *testing.T, s *site) {
				ws, _, err := s.dial()
				if err != nil {
					t.Fatal(err)
				}
				defer ws.Close()
				go ws.WriteMessage(test.kind, test.b)
				for err == nil {
					_, _, err = ws.ReadMessage()
				}
				synctest.Wait()
				if c := s.h.Counters(); c.Sessions != 0 || c.Ended != 1 {
					t.Errorf("counters %+v", c)
				}
			})
		})
	}
}
func TestFlippedByteEndsOneSession(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		good := s.online(s.phone(2, "facilitator"))
		p := s.phone(1, "facilitator")
		p.saveNew(3)
		ws, _, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		e := p.connect()
		ws.WriteMessage(websocket.BinaryMessage, e.next())
		_, b, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		e.feed(b)
		hello := e.next()
		hello[20] ^= 1
		ws.WriteMessage(websocket.BinaryMessage, hello)
		if _, _, err := ws.ReadMessage(); err == nil {
			t.Error("the server answered")
		}
		synctest.Wait()
		if c := s.h.Counters(); c.Sessions != 1 || c.Broken != 1 {
			t.Errorf("counters %+v", c)
		}
		good.leave()
	})
}

// What devices say of themselves is written for many of them at once, and before
// the handler ends.
func TestWhatDevicesSayIsWrittenTogether(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		began := time.Now().UnixMilli()
		var all []*online
		for n := range byte(20) {
			all = append(all, s.online(s.phone(n+1, "facilitator")))
		}
		soon()
		time.Sleep(10 * time.Minute) // each speaks ten times
		seen := func(o *online) (at int64) {
			if err := s.store.View(t.Context(), func(r store.Reader) error {
				dev, err := r.Device(o.p.id)
				at = dev.LastSeen
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return at
		}
		for _, o := range all {
			if at := seen(o); at < began+9*60_000 {
				t.Errorf("a device was last seen %d s after the beginning", (at-began)/1000)
			}
		}
		last := all[0]
		last.save <- 1
		synctest.Wait()
		s.h.Shutdown(t.Context())
		if n := s.h.touches.last; n != nil {
			t.Errorf("%d devices' words are not written", len(n))
		}
		if w := s.h.touches.written.Load(); w > 15 {
			t.Errorf("they were written in %d transactions for 220 words", w)
		}
	})
}
func TestUpgradeIsRefused(t *testing.T) {
	b := newBench(t)
	h := New(b.s, Limits{})
	defer h.Shutdown(t.Context())
	server := httptest.NewServer(h)
	defer server.Close()
	upgrade := map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": session.Subprotocol}
	with := func(more ...string) map[string]string {
		m := map[string]string{}
		for k, v := range upgrade {
			m[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	own, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		header     map[string]string
		want       int
	}{
		{"a browser's address bar", Path, nil, http.StatusUpgradeRequired},
		{"another path", "/other", upgrade, http.StatusNotFound},
		{"no subprotocol", Path, with("Sec-WebSocket-Protocol", ""), http.StatusBadRequest},
		{"another subprotocol", Path, with("Sec-WebSocket-Protocol", "chat, mahalleh-sync.v2"), http.StatusBadRequest},
		{"another site's page", Path, with("Origin", "https://evil.example"), http.StatusForbidden},
		{"a page without an origin of its own", Path, with("Origin", "null"), http.StatusForbidden},
		{"a file", Path, with("Origin", "file://"), http.StatusForbidden},
		{"no origin that can be read", Path, with("Origin", "%zz://"), http.StatusForbidden},
		{"the server's name on another port", Path, with("Origin", "http://"+own.Hostname()+":1"), http.StatusForbidden},
		{"no key", Path, with("Sec-WebSocket-Key", ""), http.StatusBadRequest},
		{"an old version", Path, with("Sec-WebSocket-Version", "8"), http.StatusBadRequest},
		{"a device", Path, upgrade, http.StatusSwitchingProtocols},
		{"several subprotocols", Path, with("Sec-WebSocket-Protocol", "mahalleh-sync.v9, "+session.Subprotocol), http.StatusSwitchingProtocols},
		{"the server's own page", Path, with("Origin", "http://"+own.Host), http.StatusSwitchingProtocols},
	}
	rejected := int64(0)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range test.header {
				req.Header.Set(k, v)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != test.want {
				t.Errorf("got %s, want %d", resp.Status, test.want)
			}
			if resp.Header.Get("Sec-WebSocket-Extensions") != "" {
				t.Error("an extension was agreed on")
			}
			if test.want != http.StatusSwitchingProtocols {
				rejected++
			}
			if got := h.Counters().Rejected; got != rejected {
				t.Errorf("%d counted as rejected, want %d", got, rejected)
			}
		})
	}
}

// TestLostPhoneIsShutOutAtOnce: a phone whose session is open is reported lost.
// Within five seconds its copies are told to go, nothing of its scopes is sent
// any more, and its session ends; so also if it is in the middle of its first
// load, or reads nothing.
func TestLostPhoneIsShutOutAtOnce(t *testing.T) {
	const within = 5 * time.Second
	revoke := func(s *site, p *phone) {
		s.update(func(tx store.Tx) error {
			d, err := tx.Device(p.id)
			if err != nil {
				return err
			}
			d.Revoked, d.Lost = time.Now().UnixMilli(), true
			return tx.PutDevice(d)
		})
		s.hub.AccessChanged()
	}
	t.Run("at rest", func(t *testing.T) {
		onSite(t, Limits{}, func(t *testing.T, s *site) {
			p, other := s.phone(1, "facilitator"), s.phone(2, "facilitator")
			p.saveNew(20)
			o, b := s.online(p), s.online(other)
			soon()
			p.has("plain", 20)
			began := time.Now()
			revoke(s, p)
			select {
			case <-o.ended:
			case <-time.After(within):
				t.Fatalf("the session goes on %v after the phone was revoked", time.Since(began))
			}
			if len(p.records) != 0 || len(p.dropped) == 0 {
				t.Errorf("%d records are left on it", len(p.records))
			}
			if o.e.closed == nil || o.e.closed.Code != session.CloseRevoked {
				t.Errorf("the session ended with %+v", o.e.closed)
			}
			// What others write afterwards is not for it, and it is not let in again.
			b.save <- 1
			soon()
			again := s.online(p)
			soon()
			<-again.ended
			if len(p.records) != 0 || again.e.closed == nil || again.e.closed.Code != session.CloseRevoked {
				t.Errorf("when it comes back it holds %d records and is told %+v", len(p.records), again.e.closed)
			}
			b.leave()
		})
	})
	t.Run("while it reads nothing", func(t *testing.T) {
		onSite(t, Limits{}, func(t *testing.T, s *site) {
			writer, p := s.phone(1, "facilitator"), s.phone(2, "facilitator")
			writer.saveNew(500)
			o := s.online(writer)
			soon()
			ws, _, err := s.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer ws.Close()
			e := p.connect()
			for !e.channel.Established() {
				for b := e.next(); b != nil; b = e.next() {
					if err := ws.WriteMessage(websocket.BinaryMessage, b); err != nil {
						t.Fatal(err)
					}
				}
				_, b, err := ws.ReadMessage()
				if err != nil {
					t.Fatal(err)
				}
				e.feed(b)
			}
			if err := ws.WriteMessage(websocket.BinaryMessage, e.next()); err != nil { // Hello
				t.Fatal(err)
			}
			soon()
			revoke(s, p)
			time.Sleep(within)
			synctest.Wait()
			// Now it reads: one message that was on its way may come, and no page more.
			pages := 0
			ws.SetReadDeadline(time.Now().Add(time.Minute))
			for {
				_, b, err := ws.ReadMessage()
				if err != nil {
					break
				}
				e.feed(b)
				for b := e.next(); b != nil; b = e.next() {
					if ws.WriteMessage(websocket.BinaryMessage, b) != nil {
						break
					}
				}
				if len(p.records) > 0 {
					pages++
				}
			}
			if pages > 1 {
				t.Errorf("%d messages after the revocation still left records on it", pages)
			}
			if len(p.records) != 0 {
				t.Errorf("%d records are left on it", len(p.records))
			}
			o.leave()
		})
	})
}
