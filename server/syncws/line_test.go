package syncws

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"mahalleh/syncproto/wire"
)

// Whoever waits in a line is served after those before, and after the pause; who
// leaves because the session ends holds nobody up.
func TestLineServesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(4)
		const some, each = 5, 10 * time.Millisecond
		began, served := time.Now(), make(chan time.Duration, some)
		for range some {
			go func() {
				leave := l.take(t.Context())
				served <- time.Since(began)
				time.Sleep(each)
				leave()
			}()
		}
		for n := range some {
			if at, want := <-served, time.Duration(n)*5*each; at != want {
				t.Errorf("the turn of number %d comes after %v, want %v", n+1, at, want)
			}
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		leave := l.take(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan bool)
		go func() {
			l.take(ctx)()
			close(gone)
		}()
		cancel()
		<-gone
		leave()
	})
}

// A device whose comparison waits is not answered, and nobody else notices.
func TestComparisonsWaitInLine(t *testing.T) {
	onSite(t, Limits{}, func(t *testing.T, s *site) {
		s.honest(func() {
			p := s.phone(1, "facilitator")
			p.saveNew(5)
			s.record(p)
			leave := s.h.queues.walks.take(t.Context())
			ws, e := s.known(p)
			s.push(t, ws, e, &wire.Compare{Scope: s.scope("plain"), Buckets: make([]byte, wire.Buckets*16)})
			answered := make(chan bool)
			go func() {
				s.answered(ws, e)
				close(answered)
			}()
			soon()
			select {
			case <-answered:
				t.Error("it is answered out of turn")
			default:
			}
			leave()
			<-answered
			ws.Close()
		})
	})
}
