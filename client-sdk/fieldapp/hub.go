package fieldapp

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
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
	// told counts what was told, last holds the number of each event's last time: a
	// page that was away hears what it missed, and nothing else.
	told uint64
	last map[event]uint64
}

// listener is one page that is open.
type listener struct {
	mu     sync.Mutex
	waits  []event
	told   uint64        // the number of the last of them
	began  uint64        // up to which number it has heard what was told before
	wake   chan struct{} // has room for one
	closed chan struct{}
}

// listen adds a page; leave it when it is gone. What was told after since, if that is
// not zero, waits for it. ok is false once the hub is closed.
func (h *hub) listen(since uint64) (l *listener, ok bool) {
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
	h.told = max(h.told, 1) // 0 is a page that heard nothing yet
	l.began, l.told = cmp.Or(since, h.told), h.told
	if since == 0 {
		return l, true
	}
	for e, at := range h.last {
		if at > since && e != eventLock { // whether it is locked is asked, not remembered
			l.add([]event{e}, h.told)
		}
	}
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
	if h.last == nil {
		h.last = map[event]uint64{}
	}
	h.told++
	for _, e := range events {
		h.last[e] = h.told
	}
	for l := range h.pages {
		l.add(events, h.told)
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

func (l *listener) add(events []event, told uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = max(l.told, told)
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

func (l *listener) take() (all []event, told uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, l.waits = l.waits, nil
	return all, l.told
}

const (
	// eventsApart is the least time between two messages to a page: a sync moves
	// on a hundred times a second, and a person sees a few of them.
	eventsApart = 250 * time.Millisecond
	// eventsAlive is how often a page is written to when nothing happens, so that
	// a page that is gone is noticed.
	eventsAlive = 25 * time.Second
)

// serve writes events to one page (server-sent events) until it is gone, after those
// that it missed since it listened last, and those that it shall hear first.
func (h *hub) serve(w http.ResponseWriter, r *http.Request, first ...event) {
	since, err := strconv.ParseUint(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("since")), 10, 64)
	if err != nil {
		since = 0 // it listens for the first time
	}
	l, ok := h.listen(since)
	if !ok {
		http.Error(w, "the program ends", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(l)
	out := http.NewResponseController(w)
	// The server bounds how long a request may take to arrive; this one stays. Not
	// every writer can, and those that cannot have no bound.
	_ = out.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	// After two seconds the browser asks again when the program was restarted.
	if _, err := fmt.Fprintf(w, "retry: 2000\nid: %d\nevent: now\ndata:\n\n", l.began); err != nil || out.Flush() != nil {
		return
	}
	if len(first) > 0 {
		l.add(first, l.began)
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
			all, told := l.take()
			for _, e := range all {
				if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata:\n\n", told, e); err != nil {
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
