package sample

import (
	"container/heap"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/server"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// world is the province while it is made. Everything happens at a time, one thing
// after another, so that the server's times rise as a real server's do.
type world struct {
	ctx    context.Context
	o      Options
	clock  *clock
	random io.Reader
	forms  *schemas.Package
	codec  *wire.Codec
	server *server.Server
	made   Made

	start jalali.Day // when the dossiers are assigned
	end   int64
	// due is when they must be submitted.
	due jalali.Day

	province store.Place
	counties []*county
	hoods    []*hood
	office   office
	events   events
	order    int
	touched  []hub.Touched
	folded   int // changes when the log was last folded
	// ended are problems of the makers, which go on without looking.
	err error
}

// clock is the server's: the sample's time, and in the end the machine's.
type clock struct {
	machine func() int64
	now     atomic.Int64
	real    atomic.Bool
}

func (c *clock) read() int64 {
	if c.real.Load() {
		return c.machine()
	}
	return c.now.Load()
}

// seeded is a reader of bytes that follow from a seed.
type seeded struct {
	mu  sync.Mutex
	rng *rand.ChaCha8
}

// newRandom is a stream of its own for each pair of numbers.
func newRandom(seed, kind, number uint64) *seeded {
	var key [32]byte
	for i, n := range []uint64{seed, kind, number, 1404} {
		for j := range 8 {
			key[8*i+j] = byte(n >> (8 * j))
		}
	}
	return &seeded{rng: rand.NewChaCha8(key)}
}

func (s *seeded) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.Read(b)
}

// event is something that happens at a time.
type event struct {
	at    int64
	order int // of those at the same time
	do    func(at int64) error
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// plan has something happen, unless the sample ends before.
func (w *world) plan(at int64, do func(at int64) error) {
	if at >= w.end {
		return
	}
	w.order++
	heap.Push(&w.events, event{at: at, order: w.order, do: do})
}

// run lets everything happen.
func (w *world) run() error {
	first := w.clock.now.Load()
	days := int((w.end-first)/day) + 1
	for len(w.events) > 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		e := heap.Pop(&w.events).(event)
		w.clock.now.Store(e.at)
		if err := e.do(e.at); err != nil {
			return err
		}
		if w.err != nil {
			return w.err
		}
		if w.o.Progress != nil {
			w.o.Progress(w.made.Changes, int((e.at-first)/day)+1, days)
		}
		if err := w.fold(); err != nil {
			return err
		}
	}
	w.clock.now.Store(w.end)
	return w.touch()
}

// foldEvery is how many changes are written between two folds of the log.
const foldEvery = 20_000

func (w *world) fold() error {
	if w.o.Fold == nil || w.made.Changes-w.folded < foldEvery {
		return nil
	}
	w.folded = w.made.Changes
	return w.o.Fold(w.ctx)
}

// touch writes what devices said of themselves.
func (w *world) touch() error {
	if len(w.touched) == 0 {
		return nil
	}
	err := w.server.Hub().Touch(w.ctx, w.touched)
	w.touched = w.touched[:0]
	return err
}

// fail remembers the first problem of a maker.
func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// devices are all devices.
func (w *world) devices() []*device {
	all := append([]*device(nil), w.office.devices()...)
	for _, n := range w.hoods {
		all = append(all, n.crew[:]...)
	}
	return all
}

// states reads records as the server holds them; those that are not there are left
// out.
func (w *world) states(ids ...recordID) (map[recordID]*syncproto.RecordState, error) {
	found := map[recordID]*syncproto.RecordState{}
	err := w.o.Store.View(w.ctx, func(r store.Reader) error {
		clear(found)
		all, err := r.RecordsByID(ids)
		for _, rec := range all {
			found[rec.State.Record] = rec.State
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	return found, nil
}
