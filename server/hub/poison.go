package hub

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// poisonError says at which change a transaction failed so that it would fail
// there for ever: the program panicked, or the record cannot be read back.
type poisonError struct {
	change syncproto.ChangeID
	what   any
	// opening says that not even the change itself could be looked at.
	opening bool
	stack   []byte
}

func (e *poisonError) Error() string {
	return fmt.Sprintf("change %s cannot be worked on: %v", e.change, e.what)
}

// errPanic says that the program failed at no change in particular.
var errPanic = errors.New("the server failed at this")

// blamed turns a panic into an error that names the change under work. It is
// deferred around all work of a transaction.
func (w *work) blamed(err *error) {
	what := recover()
	if what == nil {
		return
	}
	if w.at.IsZero() {
		*err = fmt.Errorf("%w: %v", errPanic, what)
		return
	}
	*err = &poisonError{change: w.at, what: what, opening: w.opening, stack: debug.Stack()}
}

// damaged makes the change under work answer for a record whose row cannot be
// read back: it is set aside, and the others go on. A damaged file is another
// matter, in which nothing may be written any more.
func (w *work) damaged(err error) error {
	if w.at.IsZero() || !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	if _, elsewhere := w.tx.Meta(runKey); elsewhere != nil {
		return err
	}
	return &poisonError{change: w.at, what: err}
}

// newestOf is the change to be blamed for a record's state: the last of this
// transaction that is not set aside yet, zero if there is none.
func (w *work) newestOf(record syncproto.RecordID) (id syncproto.ChangeID) {
	for _, fresh := range w.ofRecord[record] {
		if !w.poison.has(fresh) {
			id = fresh
		}
	}
	return id
}

// poison are changes to be set aside, by whether they are not to be opened.
type poison map[syncproto.ChangeID]bool

func (p poison) has(id syncproto.ChangeID) bool {
	_, there := p[id]
	return there
}

// around is transact for the work of many: a change at which it fails joins bad,
// and it runs again without that one.
func (h *Hub) around(ctx context.Context, bad poison, f func(*work) error) error {
	for {
		err := h.transact(ctx, func(w *work) error {
			w.poison = bad
			return f(w)
		})
		var p *poisonError
		if !errors.As(err, &p) || bad.has(p.change) || planted.Bug("what cannot be worked on stops its batch") {
			return err
		}
		h.log.Error("a change cannot be worked on; the others go on without it", "change", p.change, "cause", p.what, "stack", string(p.stack))
		bad[p.change] = p.opening
	}
}

// A panic tells its change in the same run of the program. What kills the
// process tells nothing, and the devices send it again: the server would die at
// one change for ever. So a run that follows one that did not end by Close
// writes down durably what it is about to look at, and a change at which the
// process died maxAttempts times is set aside unseen. To write it down always
// would cost every commit a second sync of the disk.
const (
	// runKey begins with whether a run goes on; the changes follow that it looks
	// at, each with the number of times that was begun.
	runKey      = "hub.run"
	maxAttempts = 3
	// carefulFor is how long, in milliseconds, such a run is careful: devices
	// come back within minutes of a server's death.
	carefulFor = int64(time.Hour / time.Millisecond)
)

const (
	runEnded = 0
	runGoing = 1
)

// attemptSize is a change's id and how often it was begun.
const attemptSize = 16 + 1

// wake notes that a run begins, and learns how the last one ended.
func (h *Hub) wake(tx store.Tx) error {
	h.suspects, h.carefulUntil = map[syncproto.ChangeID]byte{}, 0
	b, err := tx.Meta(runKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if len(b) > 0 && b[0] == runGoing {
		h.carefulUntil = h.now() + carefulFor
		for b = b[1:]; len(b) >= attemptSize; b = b[attemptSize:] {
			h.suspects[syncproto.ChangeID(b[:16])] = b[16]
		}
	}
	return tx.PutMeta(runKey, []byte{runGoing})
}

// rest notes that the run ended in order.
func (h *Hub) rest() error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	return h.store.Update(ctx, func(tx store.Tx) error { return tx.PutMeta(runKey, []byte{runEnded}) })
}

// carefully takes in one batch in stretches: a change at which the process may
// have died is a stretch of its own, so that the next death proves it.
func (h *Hub) carefully(ctx context.Context, r *request) error {
	rest := *r.batch
	for len(rest.Entries) > 0 {
		n := 1
		for h.suspects[rest.Entries[0].ID()] == 0 && n < len(rest.Entries) && h.suspects[rest.Entries[n].ID()] == 0 {
			n++
		}
		part := rest
		part.Entries = rest.Entries[:n]
		bad, err := h.attempt(ctx, part.Entries)
		if err != nil {
			return err
		}
		replies, err := h.take(ctx, []*request{{device: r.device, batch: &part}}, bad)
		if err != nil {
			return err
		}
		if replies[0].err != nil {
			return replies[0].err
		}
		for i := range part.Entries {
			delete(h.suspects, part.Entries[i].ID())
			rest.Prev = part.Entries[i].Chain
		}
		rest.First, rest.Entries = rest.First+uint64(n), rest.Entries[n:]
	}
	return nil
}

// attempt writes down that changes are about to be looked at; those that have
// had their last chance are not.
func (h *Hub) attempt(ctx context.Context, entries []wire.BatchEntry) (poison, error) {
	bad, note := poison{}, []byte{runGoing}
	for i := range entries {
		id := entries[i].ID()
		n := h.suspects[id]
		if n >= maxAttempts {
			h.log.Error("the process died at a change again and again; it is set aside", "change", id)
			bad[id] = true
			continue
		}
		note = append(append(note, id[:]...), n+1)
	}
	if len(note) == 1 {
		return bad, nil
	}
	return bad, h.store.Update(ctx, func(tx store.Tx) error { return tx.PutMeta(runKey, note) })
}
