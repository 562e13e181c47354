// Package hub accepts batches of changes, merges and numbers them in durable
// transactions that several devices share, and announces what moved.
package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// ErrClosed says that the hub no longer takes batches.
var ErrClosed = errors.New("the hub is closed")

// ForkError says that a batch does not continue the log as the server knows
// it: the device is a clone, or was restored from an old copy.
type ForkError struct {
	Log syncproto.LogID
	Seq uint64
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("log %s has another entry at %d: the device's database was copied or restored", e.Log, e.Seq)
}

// GapError says that a batch begins after the next expected sequence.
type GapError struct {
	Log  syncproto.LogID
	Next uint64 // the sequence that is expected
}

func (e *GapError) Error() string {
	return fmt.Sprintf("log %s is expected to go on at %d", e.Log, e.Next)
}

// Options are the hub's surroundings.
type Options struct {
	Store    store.Store
	Packages *schemas.Package
	// Clock gives Unix milliseconds, Rand random bytes.
	Clock func() int64
	Rand  io.Reader
	// Uptime gives the milliseconds since the process began, whatever happens
	// to Clock; nil stands still.
	Uptime func() int64
	Log    *slog.Logger
	// Erasures is told of every erasure before it is committed, to keep it
	// outside the database and its backups; nil keeps none.
	Erasures func(Erasure) error
}

// Erasure is one record's content erased for ever.
type Erasure struct {
	Record syncproto.RecordID
	Scope  syncproto.ScopeID
	At     int64
}

// Event tells subscribers what moved in a committed transaction.
type Event struct {
	// Scopes have new positions, up to these.
	Scopes map[syncproto.ScopeID]uint64
	// Devices have sent changes, in whatever log, whose results are others now
	// than those they were told.
	Devices map[syncproto.DeviceID]bool
	// Backups are logs of which more is in a verified backup now.
	Backups map[syncproto.LogID]bool
	// Acts are scopes in which an administrative act was noted.
	Acts map[syncproto.ScopeID]bool
	// Access says that people, grants or devices changed; acts are noted then, too.
	Access bool
}

// Hub is the one writer of records. It is safe for concurrent use.
type Hub struct {
	store    store.Store
	packages *schemas.Package
	clock    func() int64
	rand     io.Reader
	log      *slog.Logger
	erasures func(Erasure) error
	access   access.Cache
	// The server's own devices: the office's, whose changes nobody judges, and that of
	// the pages, whose changes are judged as their authors'. ownMu keeps their logs in
	// order.
	office, pages ownDevice
	ownMu         sync.Mutex

	uptime func() int64
	timeMu sync.Mutex // guards time
	time   serverTime

	subsMu sync.Mutex // guards subs and next
	subs   map[int]func(Event)
	next   int

	// suspects are changes at which the process may have died, by how often;
	// until carefulUntil the one committer takes care of what it looks at.
	suspects     map[syncproto.ChangeID]byte
	carefulUntil int64

	// heldSteps is what the last transaction read of steps that wait; the store's
	// one writer guards it.
	heldSteps *heldSteps

	count counters
	queue chan *request
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
}

// New opens a hub over a store: it begins a new era and starts taking batches.
// Close ends it.
func New(ctx context.Context, o Options) (*Hub, error) {
	h := &Hub{store: o.Store, packages: o.Packages, clock: o.Clock, uptime: o.Uptime, rand: o.Rand, log: o.Log, erasures: o.Erasures,
		subs: map[int]func(Event){}, queue: make(chan *request, queueLength), stop: make(chan struct{}), done: make(chan struct{})}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.uptime == nil {
		h.uptime = func() int64 { return 0 }
	}
	var era store.Era
	if _, err := io.ReadFull(h.rand, era.ID[:]); err != nil {
		return nil, fmt.Errorf("make the era's name: %w", err)
	}
	office, err := h.makeOwn()
	if err != nil {
		return nil, err
	}
	pages, err := h.makeOwn()
	if err != nil {
		return nil, err
	}
	err = h.store.Update(ctx, func(tx store.Tx) error {
		if err := h.readTime(tx); err != nil {
			return err
		}
		era.Opened = h.now()
		if err := tx.AddEra(era); err != nil {
			return err
		}
		if err := tx.PutMeta(clockKey, timeBytes(era.Opened)); err != nil {
			return err
		}
		if err := h.wake(tx); err != nil {
			return err
		}
		if h.office, err = openOwn(tx, officeName, office, era.Opened); err != nil {
			return err
		}
		h.pages, err = openOwn(tx, pagesName, pages, era.Opened)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the server's store: %w", err)
	}
	go h.run()
	return h, nil
}

// Close stops taking batches and waits for the running one.
func (h *Hub) Close() error {
	h.once.Do(func() {
		close(h.stop)
		<-h.done
		if err := h.rest(); err != nil {
			// The next run takes this one for one that died, and is careful.
			h.log.Warn("the server's end could not be noted", "err", err)
		}
	})
	<-h.done
	return nil
}

// careful says that this run follows one that died.
func (h *Hub) careful() bool { return h.carefulUntil != 0 && h.now() < h.carefulUntil }

// Store returns the store, for reading through access.
func (h *Hub) Store() store.Store { return h.store }

// Packages returns the forms that this server knows.
func (h *Hub) Packages() *schemas.Package { return h.packages }

// Subscribe calls f after each committed transaction, until cancel is called. f
// must not block and must not call the hub.
func (h *Hub) Subscribe(f func(Event)) (cancel func()) {
	h.subsMu.Lock()
	defer h.subsMu.Unlock()
	id := h.next
	h.next++
	h.subs[id] = f
	return func() {
		h.subsMu.Lock()
		defer h.subsMu.Unlock()
		delete(h.subs, id)
	}
}

func (h *Hub) announce(e Event) {
	h.subsMu.Lock()
	defer h.subsMu.Unlock()
	for _, f := range h.subs {
		f(e)
	}
}

// ActsNoted tells the sessions of these scopes that acts were noted there.
func (h *Hub) ActsNoted(scopes ...syncproto.ScopeID) {
	e := Event{Acts: map[syncproto.ScopeID]bool{}}
	for _, s := range scopes {
		e.Acts[s] = true
	}
	h.announce(e)
}

// AccessChanged tells every session to look at its grants again, and applies
// what waited for a right that somebody has now.
func (h *Hub) AccessChanged() {
	h.access.PeopleChanged()
	h.announce(Event{Access: true})
	if err := h.admitWaiting(); err != nil {
		// They wait on; the next act, or a move of the record, comes by again.
		h.log.Error("what waits could not be looked at after rights changed", "err", err)
	}
}

// transact runs f with a fresh work in one durable transaction and announces
// what moved.
func (h *Hub) transact(ctx context.Context, f func(*work) error) error {
	now := h.now()
	var done *work
	err := h.store.Update(ctx, func(tx store.Tx) (err error) {
		done = h.newWork(tx, now)
		defer done.blamed(&err)
		if err := f(done); err != nil {
			return err
		}
		return done.finish()
	})
	if err != nil {
		return err
	}
	h.announce(Event{Scopes: done.moved, Devices: done.told, Acts: done.acted})
	return nil
}
