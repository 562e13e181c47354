package fieldapp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stream is a page that listens: what was written to it so far.
type stream struct {
	mu sync.Mutex
	b  strings.Builder
	h  http.Header
}

func (s *stream) Header() http.Header { return s.h }
func (s *stream) WriteHeader(int)     {}
func (s *stream) Flush()              {}
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *stream) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// page opens a page that listens; leave it by ending its context.
func page(ctx context.Context, h *hub) (s *stream, over chan struct{}) {
	s, over = &stream{h: http.Header{}}, make(chan struct{})
	go func() {
		defer close(over)
		h.serve(s, httptest.NewRequest(http.MethodGet, "/events", nil).WithContext(ctx))
	}()
	return s, over
}

func TestEventsReachEveryPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(context.Background())
		var h hub
		one, over1 := page(ctx, &h)
		two, over2 := page(ctx, &h)
		synctest.Wait()
		h.tell(eventRecords, eventConflicts)
		synctest.Wait()
		for _, s := range []*stream{one, two} {
			if want := "retry: 2000\nid: 1\nevent: now\ndata:\n\nid: 2\nevent: records\ndata:\n\nid: 2\nevent: conflicts\ndata:\n\n"; s.heard() != want {
				t.Errorf("heard %q, want %q", s.heard(), want)
			}
		}
		leave()
		<-over1
		<-over2
		if len(h.pages) != 0 {
			t.Errorf("%d pages are still listed", len(h.pages))
		}
	})
}

// TestSlowPageHasNoQueue: however much happens, a page is told of each kind
// once, and not more often than it can be seen.
func TestSlowPageHasNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(context.Background())
		var h hub
		s, over := page(ctx, &h)
		synctest.Wait()
		for range 1000 {
			h.tell(eventSync)
			synctest.Wait()
		}
		if got := strings.Count(s.heard(), "event: sync"); got != 1 {
			t.Errorf("told %d times at once, want 1", got)
		}
		time.Sleep(eventsApart)
		synctest.Wait()
		if got := strings.Count(s.heard(), "event: sync"); got != 2 {
			t.Errorf("told %d times after a moment, want 2", got)
		}
		leave()
		<-over
	})
}

func TestEventsKeepAliveAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hub
		s, over := page(context.Background(), &h)
		time.Sleep(2*eventsAlive + time.Second)
		synctest.Wait()
		if got := strings.Count(strings.ReplaceAll(s.heard(), "data:\n\n", ""), ":\n\n"); got != 2 {
			t.Errorf("%d signs of life, want 2", got)
		}
		h.close()
		<-over
		if _, ok := h.listen(0); ok {
			t.Error("a page is let in after the end")
		}
	})
}

// TestAPageThatWasAwayHearsWhatItMissed: and nothing that it had heard.
func TestAPageThatWasAwayHearsWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(context.Background())
		var h hub
		h.tell(eventSync)
		h.tell(eventRecords)
		h.tell(eventDrafts, eventLock)
		over := make(chan struct{})
		s := &stream{h: http.Header{}}
		go func() {
			defer close(over)
			h.serve(s, httptest.NewRequest(http.MethodGet, "/events?since=2", nil).WithContext(ctx))
		}()
		synctest.Wait()
		if want := "retry: 2000\nid: 2\nevent: now\ndata:\n\nid: 3\nevent: drafts\ndata:\n\n"; s.heard() != want {
			t.Errorf("heard %q, want %q", s.heard(), want)
		}
		leave()
		<-over
	})
}
