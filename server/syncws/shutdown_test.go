package syncws

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
)

func TestShutdownAsksEveryoneToLeave(t *testing.T) {
	onSite(t, Limits{Handshakes: 5}, func(t *testing.T, s *site) {
		var all []*online
		for n := range byte(5) {
			all = append(all, s.online(s.phone(n+1, "facilitator")))
		}
		soon()
		begin := time.Now()
		if err := s.h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > lastWords {
			t.Errorf("took %v", took)
		}
		times := map[int64]bool{}
		for _, o := range all {
			<-o.ended
			if c := o.e.closed; c.Code != session.CloseBusy || c.RetryAfter < soonest.Milliseconds() {
				t.Errorf("told %+v", c)
			}
			times[o.e.closed.RetryAfter] = true
		}
		if len(times) != len(all) {
			t.Errorf("%d moments for %d devices", len(times), len(all))
		}
		if _, resp, err := s.dial(); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a stopped handler let somebody in: %v", err)
		}
	})
}

func TestShutdownCutsOffWhoeverStays(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		ws, _, err := s.dial() // it never reads
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		if err := ws.WriteMessage(websocket.BinaryMessage, s.phone(1, "facilitator").connect().next()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the server is answering by now
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		if err := s.h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took > 3*time.Second+2*goodbye {
			t.Errorf("took %v", took)
		}
	})
}
