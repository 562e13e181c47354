package dashboard

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// eventsApart is the least time between two events to a page.
	eventsApart = 500 * time.Millisecond
	// eventsAlive is how often a page is written to when nothing happens, so that
	// one that is gone is noticed.
	eventsAlive = 25 * time.Second
	// maxListeners bounds the pages that are open; more are told to look again
	// later, and stand still meanwhile.
	maxListeners = 2000
)

// events tells the pages that are open that something changed, never what.
type events struct {
	mu      sync.Mutex
	pages   map[chan struct{}]bool // each has room for one
	closed  chan struct{}
	stopped bool
}

func (e *events) listen() (wake chan struct{}, closed <-chan struct{}, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pages == nil {
		e.pages, e.closed = map[chan struct{}]bool{}, make(chan struct{})
	}
	if e.stopped || len(e.pages) >= maxListeners {
		return nil, nil, false
	}
	wake = make(chan struct{}, 1)
	e.pages[wake] = true
	return wake, e.closed, true
}

func (e *events) leave(wake chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.pages, wake)
}

func (e *events) tell() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for wake := range e.pages {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed != nil && !e.stopped {
		close(e.closed)
	}
	e.stopped = true
}

// getEvents writes events to one page (server-sent events) until it is gone, or
// its session is over.
func (v *visit) getEvents() error {
	wake, closed, ok := v.events.listen()
	if !ok {
		v.w.Header().Set("Retry-After", "30")
		http.Error(v.w, "too many pages are open", http.StatusServiceUnavailable)
		return nil
	}
	defer v.events.leave(wake)
	out := http.NewResponseController(v.w)
	// The server bounds how long a request may take to arrive; this one stays. Not
	// every writer can, and those that cannot have no bound.
	_ = out.SetReadDeadline(time.Time{})
	v.w.Header().Set("Content-Type", "text/event-stream")
	if _, err := fmt.Fprint(v.w, "retry: 2000\n\n"); err != nil || out.Flush() != nil {
		return nil
	}
	alive := time.NewTicker(eventsAlive)
	defer alive.Stop()
	for {
		word := ":\n\n"
		select {
		case <-v.ctx().Done():
			return nil
		case <-closed:
			return nil
		case <-alive.C:
			if !v.signedIn() {
				return nil
			}
		case <-wake:
			word = "event: records\ndata:\n\n"
		}
		if _, err := fmt.Fprint(v.w, word); err != nil || out.Flush() != nil {
			return nil
		}
		if !v.rest(closed) {
			return nil
		}
	}
}

// rest passes the time between two events; false when the page is gone.
func (v *visit) rest(closed <-chan struct{}) bool {
	t := time.NewTimer(eventsApart)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-v.ctx().Done():
	case <-closed:
	}
	return false
}
