package hub

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// A commit takes what queued during the previous one, within these bounds, so
// that one sync of the disk serves all of it and nobody waits long.
const (
	queueLength    = 1024
	maxGroupBytes  = 4 << 20
	maxGroupBatchs = 256
	// maxGroupChanges is some tenths of a second's work. A device has one batch
	// in the queue at a time, so that devices are served in turn.
	maxGroupChanges = 1000
	// fewChanges are committed about as soon as one: before, whoever is about to
	// queue may.
	fewChanges = 100
)

// request is one device's batch that waits for its commit.
type request struct {
	ctx    context.Context
	device syncproto.DeviceID
	batch  *wire.Batch
	// opened are the batch's changes, opened before it queued, or nil.
	opened []opened
	bytes  int
	// done is closed when the answer stands, and then ring is called, if set. It
	// must not block.
	done   chan struct{}
	answer reply
	ring   func()
}

func (r *request) reply(a reply) {
	r.answer = a
	close(r.done)
	if r.ring != nil {
		r.ring()
	}
}

type reply struct {
	ack Accepted
	err error
}

// Accepted is what a device is told of a batch once it is durable.
type Accepted struct {
	Log syncproto.LogID
	// Received is the highest sequence of the log that is durably here, Head
	// the chain hash there.
	Received uint64
	Head     syncproto.Hash
	Results  []store.SeqResult
	// Taken says of each result how the change was taken in; nil if that was not
	// looked at.
	Taken []Taken
	// ids are the changes that were new to the log.
	ids []syncproto.ChangeID
}

// Taken is how a change was taken in.
type Taken struct {
	// Here says that it was received for the first time, with this entry; Alone
	// that nothing else was done to its record in the same transaction.
	Here, Alone bool
}

// Accept takes in an opened batch from a device and returns when all of it is
// durable. The error is a *ForkError, a *GapError, store.ErrFull, ErrClosed, or
// what went wrong in the store; then nothing of the batch is acknowledged, and
// what of it was taken in is known when it comes again.
func (h *Hub) Accept(ctx context.Context, device syncproto.DeviceID, b *wire.Batch) (Accepted, error) {
	r, err := h.submit(ctx, device, b, nil)
	if err != nil {
		return Accepted{}, err
	}
	return h.await(r)
}

// submit opens a batch's changes and puts it into the queue.
func (h *Hub) submit(ctx context.Context, device syncproto.DeviceID, b *wire.Batch, ring func()) (*request, error) {
	r := &request{ctx: ctx, device: device, batch: b, opened: h.open(b), done: make(chan struct{}), ring: ring}
	for i := range b.Entries {
		r.bytes += len(b.Entries[i].Header) + len(b.Entries[i].Ops)
	}
	select {
	case h.queue <- r:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-h.stop:
		return nil, ErrClosed
	}
}

// await waits for the answer to a batch.
func (h *Hub) await(r *request) (Accepted, error) {
	select {
	case <-r.done:
		return r.answer.ack, r.answer.err
	case <-h.done:
		return Accepted{}, ErrClosed
	}
}

// run is the one committer.
func (h *Hub) run() {
	defer close(h.done)
	for {
		select {
		case <-h.stop:
			return
		case first := <-h.queue:
			h.commit(h.gather(first))
		}
	}
}

// gather takes what has queued already; it never waits for more. If that is
// little, those who are at work go first, for what they may queue: a commit for each
// of them would take from the processors that they need.
func (h *Hub) gather(first *request) []*request {
	group, went := []*request{first}, 0
	bytes, changes := first.bytes, len(first.batch.Entries)
	for !h.careful() && len(group) < maxGroupBatchs && bytes < maxGroupBytes && changes < maxGroupChanges {
		select {
		case r := <-h.queue:
			group = append(group, r)
			bytes += r.bytes
			changes += len(r.batch.Entries)
		default:
			if changes >= fewChanges || went == len(group) {
				return group
			}
			went = len(group)
			runtime.Gosched()
		}
	}
	return group
}

// commit takes a group in one transaction. If that fails, each batch is tried
// alone, so that one device's trouble is not another's.
func (h *Hub) commit(group []*request) {
	began := time.Now()
	replies, err := h.together(group)
	if err == nil {
		h.count.committed(time.Since(began), replies)
	}
	if err != nil && len(group) > 1 && !errors.Is(err, store.ErrFull) {
		for _, r := range group {
			h.commit([]*request{r})
		}
		return
	}
	for i, r := range group {
		if err != nil {
			h.count.failed.Add(1)
			r.reply(reply{err: err})
			continue
		}
		r.reply(replies[i])
	}
}

// commitTimeout bounds one group's transaction.
const commitTimeout = time.Minute

// together takes a group in and reads what its authors are told. When only the
// reading fails, the devices send again what is here already, and are told then.
func (h *Hub) together(group []*request) (replies []reply, err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("%w: %v", errPanic, what)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	if len(group) == 1 && h.careful() {
		if err := h.carefully(ctx, group[0]); err != nil {
			return []reply{{err: err}}, nil
		}
	}
	if replies, err = h.take(ctx, group, poison{}); err != nil {
		return nil, err
	}
	return replies, h.results(ctx, replies, group)
}

// take takes a group in, in one durable transaction; what makes it fail is set
// aside in the next run of it.
func (h *Hub) take(ctx context.Context, group []*request, bad poison) ([]reply, error) {
	var replies []reply
	var done *work
	err := h.around(ctx, bad, func(w *work) error {
		done, replies = w, make([]reply, len(group))
		if err := w.ahead(group); err != nil {
			return err
		}
		for i, r := range group {
			ack, err := w.batch(r)
			var fork *ForkError
			var gap *GapError
			switch {
			case errors.As(err, &fork), errors.As(err, &gap), errors.Is(err, errForeignLog):
				replies[i].err = err
			case err != nil:
				return err
			default:
				replies[i].ack = ack
			}
		}
		if h.careful() {
			return w.tx.PutMeta(runKey, []byte{runGoing}) // nobody died
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range replies {
		if replies[i].err == nil {
			done.tell(&replies[i].ack, group[i].batch)
		}
	}
	return replies, nil
}

// tell says what the authors are told of a batch whose entries are all new, now
// that positions are known.
func (w *work) tell(ack *Accepted, b *wire.Batch) {
	if len(ack.ids) < len(b.Entries) {
		return
	}
	ack.Results, ack.Taken = make([]store.SeqResult, len(ack.ids)), make([]Taken, len(ack.ids))
	for i, id := range ack.ids {
		row, seq := w.changes[id], b.Entries[i].Seq
		ack.Results[i] = store.SeqResult{Seq: seq, Result: row.Result}
		here := row.Log == b.Cert.Log && row.Seq == seq
		ack.Taken[i] = Taken{Here: here, Alone: here && len(w.ofRecord[row.Record]) == 1}
	}
}

// results reads what the authors are told of the others.
func (h *Hub) results(ctx context.Context, replies []reply, group []*request) error {
	if !slices.ContainsFunc(replies, func(r reply) bool { return r.err == nil && r.ack.Results == nil }) {
		return nil
	}
	return h.store.View(ctx, func(r store.Reader) error {
		for i := range replies {
			if replies[i].err != nil || replies[i].ack.Results != nil {
				continue
			}
			b := group[i].batch
			res, err := r.Results(b.Cert.Log, b.First, len(b.Entries))
			if err != nil {
				return fmt.Errorf("read results: %w", err)
			}
			replies[i].ack.Results = res
		}
		return nil
	})
}

// errForeignLog says that a batch belongs to a log of another device.
var errForeignLog = errors.New("the log belongs to another device")

// batch takes in one batch: the log goes on exactly where it stood.
func (w *work) batch(r *request) (Accepted, error) {
	device, b := r.device, r.batch
	log, err := w.log(device, b.Cert)
	if err != nil {
		return Accepted{}, err
	}
	if b.First > log.Received+1 {
		return Accepted{}, &GapError{Log: log.ID, Next: log.Received + 1}
	}
	if err := w.continues(log, b); err != nil {
		return Accepted{}, err
	}
	var entries []store.Entry
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Seq <= log.Received {
			continue
		}
		var o *opened
		if r.opened != nil {
			o = &r.opened[i]
		}
		in := w.incoming(e, o)
		if err := w.receive(device, log.ID, in); err != nil {
			return Accepted{}, err
		}
		entries = append(entries, store.Entry{Seq: e.Seq, Change: in.ID, Chain: e.Chain})
	}
	if len(entries) > 0 {
		if err := w.tx.AppendEntries(log.ID, entries); err != nil {
			return Accepted{}, fmt.Errorf("write log %s: %w", log.ID, err)
		}
		last := entries[len(entries)-1]
		log.Received, log.Head, log.LastSeen = last.Seq, last.Chain, w.now
		if err := w.tx.PutLog(log); err != nil {
			return Accepted{}, fmt.Errorf("write log %s: %w", log.ID, err)
		}
		w.logs[log.ID] = log
	}
	ack := Accepted{Log: log.ID, Received: log.Received, Head: log.Head}
	for i := range entries {
		ack.ids = append(ack.ids, entries[i].Change)
	}
	return ack, nil
}

// log reads the log's row, or begins it. The certificate ties the log to the
// device that signed it; only that device may bring it.
func (w *work) log(device syncproto.DeviceID, cert *wire.LogCert) (store.Log, error) {
	if cert.Device() != device {
		return store.Log{}, fmt.Errorf("log %s: %w", cert.Log, errForeignLog)
	}
	log, read := w.logs[cert.Log]
	var err error
	switch {
	case !read:
		log, err = w.tx.Log(cert.Log)
	case log.ID.IsZero():
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		return store.Log{ID: cert.Log, Device: device, Cert: wire.AppendLogCert(nil, cert), Head: syncproto.ChainStart(cert.Log)}, nil
	}
	if err != nil {
		return log, fmt.Errorf("read log %s: %w", cert.Log, err)
	}
	if log.Device != device {
		return log, fmt.Errorf("log %s: %w", cert.Log, errForeignLog)
	}
	return log, nil
}

// continues checks that the batch and the log agree where they overlap or meet.
func (w *work) continues(log store.Log, b *wire.Batch) error {
	if planted.Bug("a sequence is used twice") {
		return nil
	}
	if b.First == log.Received+1 {
		if b.Prev != log.Head {
			return &ForkError{Log: log.ID, Seq: log.Received}
		}
		return nil
	}
	// The batch begins inside what is here: its last common entry must agree.
	seq := min(b.First+uint64(len(b.Entries))-1, log.Received)
	have, err := w.tx.Entry(log.ID, seq)
	if errors.Is(err, store.ErrNotFound) {
		return nil // inside a declared gap
	}
	if err != nil {
		return fmt.Errorf("read log %s at %d: %w", log.ID, seq, err)
	}
	if b.Entries[seq-b.First].Chain != have.Chain {
		return &ForkError{Log: log.ID, Seq: seq}
	}
	return nil
}
