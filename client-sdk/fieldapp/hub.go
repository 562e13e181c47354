package fieldapp

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// An event says that something changed, never what: a page that shows it asks
// anew, through the same door as always.
type event string

// The events that pages hear.
const (
	eventSync      event = "sync"      // a sync moved on, or ended
	eventRecords   event = "records"   // records came or were saved
	eventConflicts event = "conflicts" // a conflict came or was settled
	eventDrafts    event = "drafts"    // a draft was begun, stored, saved or dropped
	eventCounted   event = "counted"   // the neighbourhoods were counted anew
	eventLock      event = "lock"      // the screen is locked now
)

// hub hands events to the pages that are open. A page that is slow has at most
// one event of each kind waiting, never a queue.
type hub struct {
	// heard, if it is set, hears every event before the pages do.
	heard func([]event)

	mu      sync.Mutex
	pages   map[*listener]bool
	stopped bool
}

// listener is one page that is open.
type listener struct {
	mu     sync.Mutex
	waits  []event
	wake   chan struct{} // has room for one
	closed chan struct{}
}

// listen adds a page; leave it when it is gone. ok is false once the hub is closed.
func (h *hub) listen() (l *listener, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return nil, false
	}
	if h.pages == nil {
		h.pages = map[*listener]bool{}
	}
	l = &listener{wake: make(chan struct{}, 1), closed: make(chan struct{})}
	h.pages[l] = true
	return l, true
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pages, l)
}

// tell hands an event to every page that is open.
func (h *hub) tell(events ...event) {
	if h.heard != nil {
		h.heard(events)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.pages {
		l.add(events)
	}
}

// close lets every page go, so that a server can end.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for l := range h.pages {
		close(l.closed)
		delete(h.pages, l)
	}
}

func (l *listener) add(events []event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		if !slices.Contains(l.waits, e) {
			l.waits = append(l.waits, e)
		}
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *listener) take() []event {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.waits
	l.waits = nil
	return all
}

const (
	// eventsApart is the least time between two messages to a page: a sync moves
	// on a hundred times a second, and a person sees a few of them.
	eventsApart = 250 * time.Millisecond
	// eventsAlive is how often a page is written to when nothing happens, so that
	// a page that is gone is noticed.
	eventsAlive = 25 * time.Second
)

// serve writes events to one page (server-sent events) until it is gone.
func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	l, ok := h.listen()
	if !ok {
		http.Error(w, "the program ends", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(l)
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	// After two seconds the browser asks again when the program was restarted.
	if _, err := fmt.Fprint(w, "retry: 2000\n\n"); err != nil || out.Flush() != nil {
		return
	}
	alive := time.NewTicker(eventsAlive)
	defer alive.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-l.closed:
			return
		case <-alive.C:
			if _, err := fmt.Fprint(w, ":\n\n"); err != nil || out.Flush() != nil {
				return
			}
		case <-l.wake:
			for _, e := range l.take() {
				if _, err := fmt.Fprintf(w, "event: %s\ndata:\n\n", e); err != nil {
					return
				}
			}
			if out.Flush() != nil || !wait(r, l, eventsApart) {
				return
			}
		}
	}
}

// wait passes the time between two messages; false when the page is gone.
func wait(r *http.Request, l *listener, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-l.closed:
	}
	return false
}
