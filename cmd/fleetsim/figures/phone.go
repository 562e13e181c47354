package figures

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/client-sdk/syncer"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// phone is an enrolled device with its real store, which synchronises with a
// server's process over a websocket.
type phone struct {
	ctx    context.Context
	n      int
	dir    string
	codec  *wire.Codec
	forms  *schemas.Package
	store  *localstore.Store
	writer *writer
	who    localstore.Identity
	// progress is told how a connection goes, restored says that the server may
	// have been put back from a backup.
	progress func(syncer.Progress)
	restored func() bool

	// acked, if set, is told how long each batch took from the store to its
	// acknowledgement; left is what was still to be sent at the last look.
	acked func(time.Duration)
	left  int

	mu      sync.Mutex
	made    []syncproto.ChangeID // saved, in order
	problem string               // the first thing that must not be
}

// phoneKey unlocks the phones.
var phoneKey = []byte(strings.Repeat("k", localstore.MinKeyFile))

// newPhone enrols the n-th device of a figure.
func newPhone(ctx context.Context, dir string, n int, qr string, codec *wire.Codec) (*phone, error) {
	pkg, err := forms.Load()
	if err != nil {
		return nil, fmt.Errorf("load the forms: %w", err)
	}
	p := &phone{ctx: ctx, n: n, dir: filepath.Join(dir, fmt.Sprint("phone", n)), codec: codec, forms: pkg, restored: func() bool { return false }}
	client, err := clientsdk.Enrol(ctx, p.dir, qr, clientsdk.Credentials{KeyFile: phoneKey},
		clientsdk.Options{Clock: newClock(), Rand: rand.Reader, Addresses: []string{"127.0.0.1:1"}, Forms: pkg})
	if err != nil {
		return nil, fmt.Errorf("enrol device %d: %w", n, err)
	}
	if err := client.Close(); err != nil {
		return nil, fmt.Errorf("enrol device %d: %w", n, err)
	}
	return p, p.open()
}

func (p *phone) open() error {
	opt, err := deviceOptions(p.dir)
	if err != nil {
		return err
	}
	opt.Packages = p.forms
	if p.store, err = openDevice(p.ctx, opt, phoneKey); err != nil {
		return err
	}
	if p.who, err = p.store.Identity(p.ctx); err != nil {
		return err
	}
	if p.writer == nil {
		p.writer = newWriterOf(p.forms, worldSeed+1_000_000*int64(p.n+1), p.who.Place)
	}
	return nil
}

func (p *phone) close() error { return p.store.Close() }

// wrong notes the first thing that must not be.
func (p *phone) wrong(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.problem == "" {
		p.problem = fmt.Sprintf("device %d: ", p.n) + fmt.Sprintf(format, args...)
	}
}

// save saves a new record, or, every third time, another text in one that is
// there, be it a colleague's.
func (p *phone) save(i int) error {
	var ch *syncproto.Change
	if i%3 == 2 {
		state, err := textedOf(p.ctx, p.store, p.forms, i%7)
		if err != nil && !errors.Is(err, errTooFew) {
			return err
		}
		if err == nil {
			if ch, err = p.writer.edit(state, 1); err != nil {
				return err
			}
		}
	}
	if ch == nil {
		made, err := p.writer.create(1)
		if err != nil {
			return err
		}
		ch = made[0]
	}
	saved, err := p.store.Append(p.ctx, func(localstore.At) (localstore.Saving, error) {
		h := ch.Header
		h.Author, h.Role = p.who.Person, 10
		return localstore.Saving{Changes: []localstore.NewChange{{Header: h, Ops: ch.Ops}}}, nil
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ch := range saved {
		p.made = append(p.made, ch.ID)
	}
	return nil
}

// sync synchronises with the server at an address, until all is settled or ctx
// ends.
func (p *phone) sync(ctx context.Context, address string, mode syncer.Mode) syncer.Result {
	return p.syncer(address).Run(ctx, mode)
}

func (p *phone) syncer(address string) *syncer.Syncer {
	st := &witness{Store: sessionstore.New(p.store, sessionstore.Options{Codec: p.codec, App: "fleetsim", Device: fmt.Sprint("phone ", p.n), Package: p.forms.Version,
		Keep: 90 * 24 * time.Hour}), p: p, sent: map[uint64]time.Time{}}
	dialer := &wsdial.Dialer{Addresses: []string{address}}
	return syncer.New(syncer.Options{Store: st, Codec: p.codec, Clock: func() int64 { return time.Now().UnixMilli() }, Random: rand.Reader,
		Device: session.DeviceConfig{App: "fleetsim"}, Progress: p.progress}, func(ctx context.Context) (syncer.Pipe, error) {
		pipe, err := dialer.Dial(ctx)
		if err != nil {
			return nil, err
		}
		return pipe, nil
	})
}

// witness compares what a server says at the beginning with what it had said
// before.
type witness struct {
	*sessionstore.Store
	p *phone
	// sent are batches that are under way, by their last sequence.
	sent map[uint64]time.Time
}

// ReadBatch implements syncer.Store.
func (w *witness) ReadBatch(ctx context.Context, e session.ReadBatch) (session.BatchRead, error) {
	b, err := w.Store.ReadBatch(ctx, e)
	if err == nil && w.p.acked != nil {
		w.sent[b.To] = time.Now()
	}
	return b, err
}

// received notes how long what is acknowledged now was under way.
func (w *witness) received(to uint64) {
	for seq, at := range w.sent {
		if seq <= to {
			w.p.acked(time.Since(at))
			delete(w.sent, seq)
		}
	}
}

// CommitResults implements syncer.Store.
func (w *witness) CommitResults(ctx context.Context, e session.CommitResults) error {
	w.received(e.Received)
	return w.Store.CommitResults(ctx, e)
}

// CommitPage implements syncer.Store.
func (w *witness) CommitPage(ctx context.Context, e session.CommitPage) error {
	w.received(e.Page.Received)
	return w.Store.CommitPage(ctx, e)
}

// CommitCaught implements syncer.Store.
func (w *witness) CommitCaught(ctx context.Context, e session.CommitCaught) (session.CaughtCommitted, error) {
	w.received(e.Caught.Received)
	return w.Store.CommitCaught(ctx, e)
}

// SaveWelcome implements syncer.Store.
func (w *witness) SaveWelcome(ctx context.Context, e session.SaveWelcome) (session.WelcomeSaved, error) {
	logs, err := w.p.store.Logs(ctx)
	if err != nil {
		return session.WelcomeSaved{}, err
	}
	if l := logs[len(logs)-1]; !w.p.restored() {
		if e.Welcome.Fork {
			w.p.wrong("the server knows another end of log %v", l.Log)
		}
		if e.Welcome.Received < l.Received {
			w.p.wrong("the server acknowledged %d changes of log %v and holds %d", l.Received, l.Log, e.Welcome.Received)
		}
	}
	return w.Store.SaveWelcome(ctx, e)
}

// reckoning is what a server's data and its devices must amount to in the end.
type reckoning struct {
	lost, doubled int
	problems      []string
	changes       int
}

func (c *reckoning) say(format string, args ...any) {
	if len(c.problems) < maxFailures {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

// reckon compares a server's database, which no process has open, with what
// devices saved and hold.
func reckon(ctx context.Context, database string, phones []*phone) (c reckoning, err error) {
	for _, p := range phones {
		if p.problem != "" {
			c.lost++
			c.say("%s", p.problem)
		}
	}
	s, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: database})
	if err != nil {
		return c, err
	}
	err = s.View(ctx, func(r store.Reader) error {
		for _, p := range phones {
			if err := c.phone(ctx, r, p); err != nil {
				return err
			}
		}
		return c.records(r)
	})
	return c, errors.Join(err, s.Close())
}

// phone looks for every change that a device saved, and compares what it holds.
func (c *reckoning) phone(ctx context.Context, r store.Reader, p *phone) error {
	seen := map[syncproto.ChangeID]bool{}
	for _, id := range p.made {
		c.changes++
		if seen[id] {
			c.doubled++
			c.say("device %d: change %v was saved twice", p.n, id)
		}
		seen[id] = true
		row, err := r.Change(id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			c.lost++
			c.say("device %d: change %v is not there", p.n, id)
		case err != nil:
			return err
		case row.Order == 0 && row.Result.Outcome != syncproto.Erased:
			c.lost++
			c.say("device %d: change %v has outcome %d, reason %d", p.n, id, row.Result.Outcome, row.Result.Reason)
		}
	}
	return c.equal(ctx, r, p)
}

// equal compares the scopes of a device with the server's, and whether all it
// has is sent.
func (c *reckoning) equal(ctx context.Context, r store.Reader, p *phone) error {
	held, err := p.store.Scopes(ctx)
	if err != nil {
		return err
	}
	for _, h := range held {
		s, err := r.Scope(h.Scope)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if s.Sum != h.Held || s.Count != h.Count || s.Position != h.Position {
			c.say("device %d: scope %v has %d records at position %d, the server %d at %d", p.n, h.Scope, h.Count, h.Position, s.Count, s.Position)
		}
	}
	q, err := p.store.Queue(ctx)
	if err != nil {
		return err
	}
	if q.Changes > 0 {
		c.say("device %d: %d changes still wait", p.n, q.Changes)
	}
	found, err := p.store.Check(ctx)
	if err != nil || len(found) > 0 {
		c.say("device %d: check: %v, %v", p.n, found, err)
	}
	return nil
}

// records looks whether each record counts each of its changes once.
func (c *reckoning) records(r store.Reader) error {
	scopes, err := r.Scopes()
	if err != nil {
		return err
	}
	for _, s := range scopes {
		err := r.Each(s.ID, func(id syncproto.RecordID, _ [16]byte) error {
			rec, err := r.Record(id)
			if err != nil {
				return err
			}
			history, err := r.History(id)
			if err != nil {
				return err
			}
			history = slices.DeleteFunc(history, func(ch store.Change) bool { return ch.Order == 0 })
			if uint64(len(history)) != rec.State.Number {
				c.doubled++
				c.say("record %v is version %d of %d applied changes", id, rec.State.Number, len(history))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
