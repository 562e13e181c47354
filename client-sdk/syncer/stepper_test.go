package syncer

import (
	"errors"
	"fmt"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// line carries messages between two ends, one at a time.
type line struct {
	dev *Stepper
	srv *serverEnd
	// hurt, if set, may change the n-th message, lose it (nil), or cut the line
	// after it.
	hurt func(n int, msg []byte) (arrives []byte, goesOn bool)
	n    int
}

// exchange carries messages until neither end has one, or the line is cut; it
// returns false if it was.
func (l *line) exchange() bool {
	for moved := true; moved; {
		moved = false
		if b := l.dev.Next(); b != nil {
			moved = true
			b, ok := l.carry(b)
			if b != nil && l.srv.feed(b) != nil || !ok {
				return false
			}
		}
		if b := l.srv.next(); b != nil {
			moved = true
			b, ok := l.carry(b)
			if b != nil {
				l.dev.Feed(b)
			}
			if l.dev.Cause() != nil || !ok {
				return false
			}
		}
	}
	return true
}

func (l *line) carry(b []byte) ([]byte, bool) {
	l.n++
	if l.hurt == nil {
		return b, true
	}
	return l.hurt(l.n, b)
}

// settle runs whole connections until the device is settled.
func (w *world) settle() {
	w.t.Helper()
	for range 5 {
		l := &line{dev: w.stepper(), srv: w.end()}
		l.exchange()
		if l.dev.Settled() {
			if err := l.dev.Idle(); err != nil {
				w.t.Errorf("the device is stuck: %v", err)
			}
			if err := l.srv.machine.Idle(); err != nil {
				w.t.Errorf("the server is stuck: %v", err)
			}
			w.equal()
			return
		}
	}
	w.t.Fatal("never settled")
}

// history gives both sides something to say.
func (w *world) history() {
	w.store.head = 30
	w.server.put(scopeA, 400)
	w.server.put(scopeB, 150)
}

func TestStepperSendsAndReceives(t *testing.T) {
	w := newWorld(t)
	w.history()
	var last Progress
	opt := w.options()
	opt.Progress = func(p Progress) { last = p }
	dev, err := NewStepper(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{dev: dev, srv: w.end()}
	if !l.exchange() || !dev.Settled() {
		t.Fatal("not settled")
	}
	w.equal()
	if last.Phase != Idle || last.ChangesUp != 30 || last.ChangesLeft != 0 || last.RecordsDown < 580 || last.BytesUp == 0 || last.BytesDown == 0 {
		t.Errorf("progress %+v", last)
	}
	// A change in a session that is open already.
	w.store.head++
	dev.Queued()
	if dev.Settled() {
		t.Error("settled with a change in the queue")
	}
	l.exchange()
	if !dev.Settled() {
		t.Error("not settled again")
	}
	w.equal()
	dev.Stop()
	l.exchange()
	if c, ok := dev.Ended(); !ok || c.Code != session.CloseDone || !l.srv.closed {
		t.Errorf("ended %v, %+v", ok, c)
	}
}

func TestLostNudgeIsFoundByTick(t *testing.T) {
	w := newWorld(t)
	l := &line{dev: w.stepper(), srv: w.end()}
	l.exchange()
	w.store.head++ // and nobody calls Queued
	at, ok := l.dev.Deadline()
	if !ok {
		t.Fatal("an open connection without a deadline")
	}
	w.now = at
	l.dev.Tick()
	l.exchange()
	w.equal()
}

func TestDeadlineThroughoutAConnection(t *testing.T) {
	w := newWorld(t)
	w.history()
	l := &line{dev: w.stepper(), srv: w.end()}
	l.hurt = func(n int, b []byte) ([]byte, bool) {
		if _, ok := l.dev.Deadline(); !ok {
			t.Errorf("no deadline at message %d", n)
		}
		return b, true
	}
	l.exchange()
}

func TestCutAfterEveryMessage(t *testing.T) {
	count := &line{}
	w := newWorld(t)
	w.history()
	count.dev, count.srv = w.stepper(), w.end()
	count.exchange()
	if count.n < 20 {
		t.Fatalf("only %d messages", count.n)
	}
	for at := 1; at <= count.n; at++ {
		for _, arrives := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d arrives %v", at, arrives), func(t *testing.T) {
				w := newWorldOn(t, w.codec)
				w.history()
				l := &line{dev: w.stepper(), srv: w.end()}
				l.hurt = func(n int, b []byte) ([]byte, bool) {
					if n == at && !arrives {
						return nil, false
					}
					return b, n < at
				}
				l.exchange()
				l.dev.Cut(errors.New("cut"))
				l.srv.step(session.Disconnected{})
				if c, ok := l.dev.Ended(); !ok || c.RetryAfter == 0 {
					t.Errorf("ended %v, %+v", ok, c)
				}
				w.store.head++
				w.server.put(scopeB, 1)
				w.settle()
			})
		}
	}
}

func TestFlippedBytesBreakTheConnectionOnly(t *testing.T) {
	shared := newWorld(t)
	for at := 1; at <= 25; at++ {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w := newWorldOn(t, shared.codec)
			w.history()
			l := &line{dev: w.stepper(), srv: w.end()}
			l.hurt = func(n int, b []byte) ([]byte, bool) {
				if n == at {
					b = append([]byte(nil), b...)
					b[len(b)/2] ^= 0x10
				}
				return b, true
			}
			if l.exchange() {
				t.Error("nobody noticed")
			}
			l.dev.Cut(errors.New("closed"))
			if _, ended := l.dev.Ended(); !ended {
				t.Error("the device goes on")
			}
			w.settle()
		})
	}
}

func TestStoreFails(t *testing.T) {
	shared := newWorld(t)
	methods := []string{"ReadHello", "SaveWelcome", "ReadBatch", "CommitResults", "CommitPage", "CommitCaught"}
	for _, method := range methods {
		for _, test := range []struct {
			name string
			err  error
			want session.Close
		}{
			{"once", errors.New("disk"), session.Close{Key: "session.local"}},
			{"full", fmt.Errorf("%w: no blocks", ErrFull), session.Close{Key: "session.local_full"}},
			{"for good", fmt.Errorf("%w: damaged", ErrFatal), session.Close{Key: "session.local"}},
		} {
			t.Run(method+" "+test.name, func(t *testing.T) {
				w := newWorldOn(t, shared.codec)
				w.history()
				failed := 0
				w.store.fail = func(name string) error {
					if name == method && failed == 0 {
						failed++
						return test.err
					}
					return nil
				}
				l := &line{dev: w.stepper(), srv: w.end()}
				l.exchange()
				c, ended := l.dev.Ended()
				if !ended || c.Code != session.CloseLocal || c.Key != test.want.Key {
					t.Errorf("ended %v, %+v", ended, c)
				}
				if fatal := errors.Is(test.err, ErrFatal); (c.RetryAfter == 0) != fatal {
					t.Errorf("retry after %d", c.RetryAfter)
				}
				if r := l.dev.result(); r.Outcome != StoreFailed || !errors.Is(r.Err, test.err) {
					t.Errorf("result %v %v; want what failed, so that a person is told of a full disk", r.Outcome, r.Err)
				}
				w.settle()
			})
		}
	}
}

func TestDifferenceIsMended(t *testing.T) {
	w := newWorld(t)
	w.history()
	w.settle()
	for id := range w.store.records[scopeA] {
		w.store.records[scopeA][id] = []byte("bit rot")
		break
	}
	var phases []Phase
	opt := w.options()
	opt.Progress = func(p Progress) {
		if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
	}
	w.server.put(scopeA, 1)
	dev, err := NewStepper(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{dev: dev, srv: w.end()}
	l.exchange()
	if got, want := fmt.Sprint(phases), "[connecting receiving comparing idle]"; got != want {
		t.Errorf("phases %s, want %s", got, want)
	}
	w.equal()
}

func TestForkedLogGoesOn(t *testing.T) {
	w := newWorld(t)
	w.store.head = 5
	w.settle()
	// A clone of the device wrote more than this one has.
	w.server.accept(logOne, 6, 9)
	w.store.head = 7
	w.settle()
	if w.store.log == logOne {
		t.Error("the log was not given up")
	}
}

func TestEnrolment(t *testing.T) {
	tests := []struct {
		name   string
		refuse wire.RefuseCode
		want   session.CloseCode
	}{
		{"accepted", 0, 0},
		{"used", wire.RefuseUsedCode, session.CloseUsedCode},
		{"unknown", wire.RefuseBadCode, session.CloseBadCode},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.store.id.Enrol = true
			// A typed code: the device asks for the keys and knows only their hash.
			w.store.id.ServerKeys = nil
			w.store.id.Fits = func(h syncproto.Hash) bool {
				keys, err := wire.DecodeServerKeys(w.keys)
				return err == nil && h == keys.Fingerprint()
			}
			w.server.standing, w.server.refuse = session.StandingUnknown, test.refuse
			l := &line{dev: w.stepper(), srv: w.end()}
			l.exchange()
			c, ended := l.dev.Ended()
			if ended != (test.want != 0) || c.Code != test.want || w.store.enrolled != (test.want == 0) {
				t.Errorf("ended %v with %+v, enrolled %v", ended, c, w.store.enrolled)
			}
		})
	}
}

func TestWrongServer(t *testing.T) {
	other := newWorld(t)
	otherKey, err := session.NewKeyPair(other.random)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		typed bool
	}{{"another key", false}, {"keys that do not fit the code", true}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			if test.typed {
				w.store.id.ServerKeys = nil
				w.store.id.Fits = func(syncproto.Hash) bool { return false }
			}
			srv := w.end()
			srv.channel = session.ServerChannel(otherKey, other.keys, w.random)
			l := &line{dev: w.stepper(), srv: srv}
			for b := l.dev.Next(); b != nil; b = l.dev.Next() {
				srv.feed(b)
				for r := srv.next(); r != nil; r = srv.next() {
					l.dev.Feed(r)
				}
			}
			if _, ended := l.dev.Ended(); !ended || !errors.Is(l.dev.Cause(), session.ErrWrongServer) {
				t.Errorf("ended %v, cause %v", ended, l.dev.Cause())
			}
			if r := l.dev.result(); r.Outcome != WrongServer || r.Key != "session.wrong_server" {
				t.Errorf("result %+v", r)
			}
		})
	}
}

// TestUnreadableMessage holds that what the server says and this release cannot
// read is told as that, and not as a line that broke.
func TestUnreadableMessage(t *testing.T) {
	w := newWorld(t)
	l := &line{dev: w.stepper(), srv: w.end()}
	for !l.srv.channel.Established() {
		l.srv.feed(l.dev.Next())
		for r := l.srv.next(); r != nil; r = l.srv.next() {
			l.dev.Feed(r)
		}
	}
	b, err := l.srv.channel.Seal([]byte("no frame"))
	if err != nil {
		t.Fatal(err)
	}
	l.dev.Feed(b)
	if r := l.dev.result(); r.Outcome != Refused || r.Code != session.CloseMalformed || r.Key != "session.malformed" || r.RetryAfter != unreadableAfter {
		t.Errorf("result %+v, want that the server could not be understood", r)
	}
}

func TestHandshakeThatIsNotAnswered(t *testing.T) {
	w := newWorld(t)
	dev := w.stepper()
	for dev.Next() != nil {
	}
	at, ok := dev.Deadline()
	if !ok || at != w.now+handshakeWithin {
		t.Fatalf("deadline %d, %v", at, ok)
	}
	w.now = at - 1
	dev.Tick()
	if _, ended := dev.Ended(); ended {
		t.Fatal("given up too early")
	}
	w.now = at
	dev.Tick()
	if r := dev.result(); r.Outcome != NotReachable || !errors.Is(r.Err, errNoChannel) || r.RetryAfter == 0 {
		t.Errorf("result %+v", r)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.server.standing = session.StandingUnknown
	l := &line{dev: w.stepper(), srv: w.end()}
	l.exchange()
	if r := l.dev.result(); r.Outcome != Refused || r.Code != session.CloseUnknownDevice || r.RetryAfter != 0 || r.Key == "" {
		t.Errorf("result %+v", r)
	}
}
