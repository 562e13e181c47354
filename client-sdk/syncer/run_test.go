package syncer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// memPipe is one end of a connection in memory.
type memPipe struct {
	in, out chan []byte
	once    *sync.Once
	closed  chan struct{}
	// lag is how long each message takes to be sent.
	lag time.Duration
	// wrong answers Distrust.
	wrong func() bool
}

func newMemPipes() (a, b *memPipe) {
	x, y := make(chan []byte, 2), make(chan []byte, 2)
	once, closed := new(sync.Once), make(chan struct{})
	return &memPipe{in: x, out: y, once: once, closed: closed}, &memPipe{in: y, out: x, once: once, closed: closed}
}

func (p *memPipe) Send(b []byte) error {
	if p.lag > 0 {
		select {
		case <-time.After(p.lag):
		case <-p.closed:
		}
	}
	select {
	case <-p.closed:
		return errors.New("send on a closed pipe")
	case p.out <- b:
		return nil
	}
}

func (p *memPipe) Receive() ([]byte, error) {
	select {
	case b := <-p.in:
		return b, nil
	default:
	}
	select {
	case b := <-p.in:
		return b, nil
	case <-p.closed:
		return nil, io.EOF
	}
}

func (p *memPipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *memPipe) Distrust() bool { return p.wrong != nil && p.wrong() }

// host serves the server's ends, one goroutine each, over a server under a lock.
type host struct {
	w  *world
	mu sync.Mutex // guards the server behind all ends
	// refuse, if set, fails the n-th attempt to connect.
	refuse func(n int) error
	// broken, if set, is how many messages the n-th connection carries down.
	broken func(n int) int
	// shape, if set, changes the device's pipe.
	shape func(n int, p *memPipe)
	dials int
}

func (h *host) dial(context.Context) (Pipe, error) {
	h.dials++
	n := h.dials
	if h.refuse != nil {
		if err := h.refuse(n); err != nil {
			return nil, err
		}
	}
	near, far := newMemPipes()
	if h.shape != nil {
		h.shape(n, near)
	}
	left := -1
	if h.broken != nil {
		left = h.broken(n)
	}
	go h.serve(far, left)
	return near, nil
}

func (h *host) serve(p *memPipe, left int) {
	defer p.Close()
	h.mu.Lock()
	end := h.w.end()
	h.mu.Unlock()
	end.clock = func() int64 { return time.Now().UnixMilli() }
	in := make(chan []byte)
	go func() {
		defer close(in)
		for {
			b, err := p.Receive()
			if err != nil {
				return
			}
			in <- b
		}
	}()
	for {
		h.mu.Lock()
		b := end.next()
		closed := end.closed
		h.mu.Unlock()
		if b != nil {
			if left == 0 || p.Send(b) != nil {
				p.Close()
				for range in {
				}
				return
			}
			left--
			continue
		}
		if closed {
			p.Close()
			for range in {
			}
			return
		}
		wait := time.Hour
		if at, ok := end.machine.Deadline(); ok {
			wait = time.Duration(at-end.clock()) * time.Millisecond
		}
		select {
		case b, ok := <-in:
			h.mu.Lock()
			if !ok {
				end.step(session.Disconnected{})
			} else {
				end.feed(b)
			}
			h.mu.Unlock()
			if !ok {
				return
			}
		case <-time.After(wait):
			h.mu.Lock()
			end.step(session.Tick{})
			h.mu.Unlock()
		}
	}
}

// bubble runs f in a synctest bubble with a host.
func bubble(t *testing.T, f func(t *testing.T, w *world, h *host)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.random = &locked{r: rand.NewChaCha8([32]byte{2})}
		f(t, w, &host{w: w})
	})
}

// locked lets several goroutines draw.
type locked struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *locked) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(b)
}

func (w *world) syncer(h *host) *Syncer {
	opt := w.options()
	opt.Clock = func() int64 { return time.Now().UnixMilli() }
	return New(opt, h.dial)
}

func TestRunOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.history()
		r := w.syncer(h).Run(t.Context(), Once)
		if r.Outcome != CaughtUp || r.Err != nil || h.dials != 1 || r.Progress.ChangesUp != 30 {
			t.Errorf("got %+v after %d dials", r, h.dials)
		}
		if r.Progress.Phase != Idle || w.store.receipts != 1 {
			t.Errorf("phase %v, %d receipts", r.Progress.Phase, w.store.receipts)
		}
		w.equal()
	})
}

// A receipt that was lost with its line is asked for again by the next run, which
// has nothing else to do, and by no run after that.
func TestRunOnceAsksForALostReceipt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.history()
		w.server.noReceipts = true
		w.syncer(h).Run(t.Context(), Once)
		w.server.noReceipts = false
		for range 2 {
			r := w.syncer(h).Run(t.Context(), Once)
			if r.Outcome != CaughtUp || w.store.receipts != 1 {
				t.Errorf("got %+v and %d receipts", r, w.store.receipts)
			}
		}
	})
}

// What is saved while a run goes on is sent by it, and proved like the rest.
func TestRunOnceTakesWhatIsSavedMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		s := w.syncer(h)
		w.store.fail = func(method string) error {
			if method == "SaveWelcome" {
				w.store.head++
				s.Queued()
			}
			return nil
		}
		r := s.Run(t.Context(), Once)
		if r.Outcome != CaughtUp || r.Progress.ChangesUp != 1 || w.store.receipts != 1 {
			t.Errorf("got %+v and %d receipts", r, w.store.receipts)
		}
		w.equal()
	})
}

func TestRunOnceDoesNotWaitLongForAReceipt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.history()
		w.server.noReceipts = true
		begin := time.Now()
		r := w.syncer(h).Run(t.Context(), Once)
		if took := time.Since(begin); r.Outcome != CaughtUp || took > receiptWithin {
			t.Errorf("got %+v after %v", r, took)
		}
	})
}

func TestRunOnceOverASlowLine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.history()
		h.shape = func(_ int, p *memPipe) { p.lag = 20 * time.Second }
		r := w.syncer(h).Run(t.Context(), Once)
		if r.Outcome != CaughtUp {
			t.Errorf("got %+v after %d dials", r, h.dials)
		}
		w.equal()
	})
}

func TestRunOnceOverABadLine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.history()
		h.broken = func(n int) int { return 5 + n%3 }
		r := w.syncer(h).Run(t.Context(), Once)
		if r.Outcome != CaughtUp || h.dials < 3 {
			t.Errorf("got %+v after %d dials", r, h.dials)
		}
		w.equal()
	})
}

// later is an error that names a wait.
type later struct{ after time.Duration }

func (e later) Error() string             { return "busy" }
func (e later) RetryAfter() time.Duration { return e.after }

func TestRunOnceGivesUp(t *testing.T) {
	down := errors.New("no network")
	tests := []struct {
		name  string
		setup func(w *world, h *host)
		want  Outcome
		code  session.CloseCode
		dials int
	}{
		{"not reachable", func(w *world, h *host) { h.refuse = func(int) error { return down } }, NotReachable, 0, attempts},
		{"reachable at last", func(w *world, h *host) {
			h.refuse = func(n int) error {
				if n < attempts {
					return down
				}
				return nil
			}
		}, CaughtUp, 0, attempts},
		{"cut before anything", func(w *world, h *host) { h.broken = func(int) int { return 0 } }, NotReachable, session.CloseLost, attempts},
		{"busy for long", func(w *world, h *host) { h.refuse = func(int) error { return later{time.Minute} } }, Refused, session.CloseBusy, 1},
		{"unknown device", func(w *world, h *host) { w.server.standing = session.StandingUnknown }, Refused, session.CloseUnknownDevice, 1},
		{"store for good", func(w *world, h *host) {
			w.store.fail = func(m string) error {
				if m == "CommitCaught" {
					return ErrFatal
				}
				return nil
			}
		}, StoreFailed, session.CloseLocal, 1},
		{"no identity", func(w *world, h *host) {
			w.store.fail = func(m string) error {
				if m == "Identity" {
					return ErrFatal
				}
				return nil
			}
		}, StoreFailed, session.CloseLocal, 1},
		{"server full", func(w *world, h *host) { w.server.full = 1000 }, Refused, session.CloseFull, attempts},
		{"another server", func(w *world, h *host) {
			other, err := session.NewKeyPair(w.random)
			if err != nil {
				panic(err)
			}
			w.store.id.ServerKeys = wire.AppendServerKeys(nil, &wire.ServerKeys{Noise: other.Public, Receipt: [32]byte{8}})
		}, WrongServer, session.CloseLost, 1},
		{"keys that do not fit", func(w *world, h *host) {
			w.store.id.ServerKeys, w.store.id.Fits = nil, func(syncproto.Hash) bool { return false }
		}, WrongServer, session.CloseLost, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world, h *host) {
				w.store.head = 3
				test.setup(w, h)
				r := w.syncer(h).Run(t.Context(), Once)
				if r.Outcome != test.want || r.Code != test.code && test.want != CaughtUp || h.dials != test.dials || (r.Err == nil) != (test.want == CaughtUp) {
					t.Errorf("got %v, code %d, %v after %d dials; want %v, code %d after %d", r.Outcome, r.Code, r.Err, h.dials, test.want, test.code, test.dials)
				}
			})
		})
	}
}

func TestWrongServerAtOneAddress(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		good := w.store.id.ServerKeys
		other, err := session.NewKeyPair(w.random)
		if err != nil {
			t.Fatal(err)
		}
		w.store.id.ServerKeys = wire.AppendServerKeys(nil, &wire.ServerKeys{Noise: other.Public, Receipt: [32]byte{8}})
		h.shape = func(_ int, p *memPipe) {
			p.wrong = func() bool { w.store.id.ServerKeys = good; return true } // the next address is right
		}
		if r := w.syncer(h).Run(t.Context(), Once); r.Outcome != CaughtUp || h.dials != 2 {
			t.Errorf("got %+v after %d dials", r, h.dials)
		}
	})
}

// forgetful is a store that can enrol again.
type forgetful struct {
	*store
	again func() error
}

func (f forgetful) Forgotten(context.Context) error { return f.again() }

func TestForgottenDeviceEnrolsAgain(t *testing.T) {
	tests := []struct {
		name  string
		err   error
		want  Outcome
		dials int
	}{{"it can", nil, CaughtUp, 2}, {"its store fails", errors.New("disk"), Refused, 1}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world, h *host) {
				w.server.standing = session.StandingUnknown
				opt := w.options()
				opt.Clock = func() int64 { return time.Now().UnixMilli() }
				opt.Store = forgetful{w.store, func() error {
					w.store.id.Enrol = test.err == nil
					return test.err
				}}
				if r := New(opt, h.dial).Run(t.Context(), Once); r.Outcome != test.want || h.dials != test.dials {
					t.Errorf("got %+v after %d dials", r, h.dials)
				}
			})
		})
	}
}

func TestWatchSendsWhatIsQueued(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.history()
		ctx, cancel := context.WithCancel(t.Context())
		s := w.syncer(h)
		ended := make(chan Result)
		go func() { ended <- s.Run(ctx, Watch) }()
		for range 3 {
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			w.equal()
			w.store.head++
			s.Queued()
			time.Sleep(time.Second)
			synctest.Wait()
			w.equal()
		}
		cancel()
		if r := <-ended; r.Outcome != Stopped || h.dials != 1 {
			t.Errorf("got %+v after %d dials", r, h.dials)
		}
	})
}

func TestWatchComesBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.history()
		h.refuse = func(n int) error {
			if n > 3 && n < 12 {
				return errors.New("no network")
			}
			return nil
		}
		h.broken = func(n int) int {
			if n < 4 {
				return 6
			}
			return -1
		}
		var waits []int64
		var why []string
		ctx, cancel := context.WithCancel(t.Context())
		opt := w.options()
		opt.Clock = func() int64 { return time.Now().UnixMilli() }
		opt.Progress = func(p Progress) {
			if p.Phase == Waiting {
				waits, why = append(waits, p.Wait), append(why, p.Why)
			}
		}
		s := New(opt, h.dial)
		ended := make(chan Result)
		go func() { ended <- s.Run(ctx, Watch) }()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		w.equal()
		cancel()
		if r := <-ended; r.Outcome != Stopped {
			t.Errorf("got %+v", r)
		}
		if len(waits) != 11 {
			t.Fatalf("waited %d times", len(waits))
		}
		if why[0] != session.CloseLost.Key() || why[10] != "session.not_reachable" {
			t.Errorf("waited because of %q", why)
		}
		// Pauses grow while nothing gets better, and are bounded.
		if first, last := waits[3], waits[10]; last < 8*first || last > 25*60_000 {
			t.Errorf("waits %v", waits)
		}
	})
}

func TestTryNowEndsAPause(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		h.refuse = func(n int) error {
			if n == 1 {
				return later{10 * time.Minute}
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := w.syncer(h)
		ended := make(chan Result)
		go func() { ended <- s.Run(ctx, Watch) }()
		time.Sleep(time.Second)
		s.TryNow()
		synctest.Wait()
		if h.dials != 2 {
			t.Errorf("%d dials", h.dials)
		}
		cancel()
		<-ended
	})
}

// TestAMomentThatWasGivenIsKept: a busy server gives each device a moment of its
// own. Whoever doubles the wait because attempts before it failed comes late, and
// after a restart all of a province would.
func TestAMomentThatWasGivenIsKept(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		const given = 40 * time.Second
		h.refuse = func(n int) error {
			switch {
			case n < 4:
				return errors.New("no network")
			case n < 7:
				return later{given}
			}
			return nil
		}
		var waits []int64
		ctx, cancel := context.WithCancel(t.Context())
		opt := w.options()
		opt.Progress = func(p Progress) {
			if p.Phase == Waiting {
				waits = append(waits, p.Wait)
			}
		}
		s := New(opt, h.dial)
		ended := make(chan Result)
		go func() { ended <- s.Run(ctx, Watch) }()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		cancel()
		<-ended
		if len(waits) != 6 {
			t.Fatalf("waited %d times: %v", len(waits), waits)
		}
		for _, wait := range waits[3:] {
			if wait < given.Milliseconds() || wait > given.Milliseconds()*9/8 {
				t.Errorf("waited %d ms where the server said %v", wait, given)
			}
		}
	})
}

func TestServerThatFillsUpIsGivenTime(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.server.full, w.store.head = 2, 3
		ctx, cancel := context.WithCancel(t.Context())
		s := w.syncer(h)
		ended := make(chan Result)
		go func() { ended <- s.Run(ctx, Watch) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		w.equal()
		if h.dials != 1 || w.server.accepts != 3 {
			t.Errorf("%d dials, %d batches", h.dials, w.server.accepts)
		}
		cancel()
		<-ended
	})
}

func TestSilentServerIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		mute, _ := newMemPipes()
		dial := func(context.Context) (Pipe, error) {
			if h.dials++; h.dials == 1 {
				return mute, nil
			}
			return nil, errors.New("no network")
		}
		opt := w.options()
		opt.Clock = func() int64 { return time.Now().UnixMilli() }
		begin := time.Now()
		r := New(opt, dial).Run(t.Context(), Once)
		if r.Outcome != NotReachable || h.dials != attempts {
			t.Errorf("got %+v after %d dials", r, h.dials)
		}
		if took := time.Since(begin); took < handshakeWithin*time.Millisecond || took > 2*handshakeWithin*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestClockThatIsSetMeanwhile(t *testing.T) {
	for _, jump := range []time.Duration{-30 * 365 * 24 * time.Hour, 30 * 365 * 24 * time.Hour} {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world, h *host) {
				var off time.Duration
				opt := w.options()
				opt.Clock = func() int64 { return time.Now().Add(off).UnixMilli() }
				s := New(opt, h.dial)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan Result)
				go func() { ended <- s.Run(ctx, Watch) }()
				time.Sleep(time.Minute)
				synctest.Wait()
				off = jump
				time.Sleep(time.Hour)
				w.store.head++ // and no nudge: only a timer can find it
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				w.equal()
				if h.dials != 1 {
					t.Errorf("%d dials", h.dials)
				}
				cancel()
				<-ended
			})
		})
	}
}

func TestStopWhileSending(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, h *host) {
		w.history()
		h.shape = func(_ int, p *memPipe) { p.lag = time.Minute }
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		begin := time.Now()
		r := w.syncer(h).Run(ctx, Watch)
		if r.Outcome != Stopped {
			t.Errorf("got %+v", r)
		}
		if took := time.Since(begin); took > 90*time.Second+3*lastWords {
			t.Errorf("took %v", took)
		}
	})
}
