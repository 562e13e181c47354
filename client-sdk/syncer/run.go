package syncer

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"mahalleh/syncproto/session"
)

// Pipe carries messages to the server and back, each whole and in order. One
// goroutine may send while another receives; Close makes both return.
type Pipe interface {
	Send([]byte) error
	// Receive returns the next message; io.EOF if the peer closed in order.
	Receive() ([]byte, error)
	Close() error
}

// Distruster is implemented by pipes whose dialer has several addresses.
type Distruster interface {
	// Distrust says that what answered is not the server, and returns whether
	// there is another address that was not found to be wrong.
	Distrust() bool
}

// Mode says when a run ends by itself.
type Mode uint8

// The modes.
const (
	// Once ends when everything is sent and received, or when a few attempts in
	// a row got nowhere.
	Once Mode = iota
	// Watch stays connected, and connects again, until its context ends or only
	// a person can help.
	Watch
)

// With Once somebody waits: attempts is how many connections in a row may get
// nowhere, patience the longest pause between two of them.
const (
	attempts = 3
	patience = 30 * time.Second
)

// receiptWithin is how long a run that is else complete waits for the receipt of
// what it sent; a server that makes none now makes one at the next contact.
const receiptWithin = 5 * time.Second

// lastWords is how long the end of a session may take to go out.
const lastWords = 3 * time.Second

// Syncer keeps a device in step with its server. Queued and TryNow may be
// called from any goroutine, Run from one at a time.
type Syncer struct {
	opt  Options
	dial func(context.Context) (Pipe, error)
	// queued and now hold at most one nudge: several say no more than one.
	queued, now chan struct{}
}

// New makes a Syncer whose pipes come from dial. Of opt, Clock is asked at the
// beginning of a connection and moved on by the time that passes, so that a
// clock that is set meanwhile ends no session and starves none.
func New(opt Options, dial func(context.Context) (Pipe, error)) *Syncer {
	return &Syncer{opt: opt, dial: dial, queued: make(chan struct{}, 1), now: make(chan struct{}, 1)}
}

// Queued says that the store has new changes to send.
func (s *Syncer) Queued() { nudge(s.queued) }

// TryNow ends a pause between two connections: a person asks for it, or the
// network is another one.
func (s *Syncer) TryNow() { nudge(s.now) }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run synchronises until the mode's end, or until ctx ends.
func (s *Syncer) Run(ctx context.Context, mode Mode) Result {
	// failures make the waits longer, tries are all attempts that got nowhere.
	failures, tries := 0, 0
	for {
		r := s.connection(ctx, mode)
		if ctx.Err() != nil && r.Outcome != CaughtUp {
			r.Outcome = Stopped
			return r
		}
		if r.Outcome == CaughtUp || r.RetryAfter == 0 {
			return r
		}
		if r.Progress.ChangesUp+r.Progress.RecordsDown > 0 {
			failures, tries = 0, 0 // it got somewhere: a bad line is no failure
		}
		tries++
		if !r.appointed {
			failures++
		}
		pause, err := s.pause(r, failures)
		if err != nil {
			r.Err = err
			return r
		}
		if mode == Once && (tries >= attempts || pause > patience) {
			return r
		}
		if !s.wait(ctx, pause, r) {
			r.Outcome = Stopped
			return r
		}
	}
}

// pause is how long to wait before the next connection.
func (s *Syncer) pause(r Result, failures int) (time.Duration, error) {
	var b [8]byte
	if _, err := io.ReadFull(s.opt.Random, b[:]); err != nil {
		return 0, fmt.Errorf("read random bytes: %w", err)
	}
	random := binary.BigEndian.Uint64(b[:])
	ms := session.Backoff(r.RetryAfter.Milliseconds(), failures, random)
	if r.appointed {
		ms = session.Appointed(r.RetryAfter.Milliseconds(), random)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// wait returns false if ctx ended first.
func (s *Syncer) wait(ctx context.Context, pause time.Duration, r Result) bool {
	if s.opt.Log != nil && r.Outcome != NotReachable {
		// Not the line: one of the two ends could not go on, and will try again.
		s.opt.Log.Warn("the connection ended and is tried again later", "key", r.Key, "pause", pause, "unsent", r.Progress.ChangesLeft, "err", r.Err)
	}
	if p := r.Progress; s.opt.Progress != nil {
		p.Phase, p.Wait, p.Why, p.Ended = Waiting, pause.Milliseconds(), r.Key, &r
		s.opt.Progress(p)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.now:
	case <-timer.C:
	}
	return true
}

// connection runs one connection to its end.
func (s *Syncer) connection(ctx context.Context, mode Mode) Result {
	if s.opt.Progress != nil {
		s.opt.Progress(Progress{Phase: Connecting})
	}
	pipe, err := s.dial(ctx)
	if err != nil {
		return notConnected(err)
	}
	defer pipe.Close()
	opt := s.opt
	began, clock := time.Now(), s.opt.Clock()
	opt.Clock = func() int64 { return clock + time.Since(began).Milliseconds() }
	// What is being written when ctx ends is written to its end.
	st, err := NewStepper(context.WithoutCancel(ctx), opt)
	if err != nil {
		return Result{Outcome: StoreFailed, Code: session.CloseLocal, Key: session.CloseLocal.Key(), Err: err}
	}
	c := &connection{Stepper: st, pipe: pipe, mode: mode, queued: s.queued,
		in: make(chan []byte), out: make(chan []byte), failed: make(chan error, 1), unsent: make(chan error, 1), gone: make(chan struct{})}
	r := c.run(ctx)
	if r.Outcome == WrongServer {
		if d, ok := pipe.(Distruster); ok && d.Distrust() {
			r.RetryAfter = time.Millisecond
		} else if mode == Once {
			r.RetryAfter = 0
		}
	}
	return r
}

// connection joins a Stepper and a pipe: one goroutine receives, one sends, and
// the one that runs steps.
type connection struct {
	*Stepper
	pipe   Pipe
	mode   Mode
	queued chan struct{}

	in     chan []byte
	out    chan []byte
	failed chan error // of receiving, once
	unsent chan error // of sending, once
	gone   chan struct{}
}

func (c *connection) run(ctx context.Context) Result {
	var received sync.WaitGroup
	received.Go(c.receive)
	sent := make(chan struct{})
	go c.send(sent)
	end := c.loop(ctx)
	close(c.out)
	timer := time.NewTimer(lastWords)
	select {
	case <-sent:
	case <-timer.C:
	}
	timer.Stop()
	close(c.gone)
	c.pipe.Close()
	<-sent
	received.Wait()
	r := c.result()
	switch end {
	case endSettled:
		r.Outcome, r.Err = CaughtUp, nil
	case endPaused:
		return pausedResult(r, c.paused)
	}
	return r
}

// ending is why the loop asked the session to end.
type ending uint8

const (
	endNone    ending = iota // it did not; the session ended otherwise
	endSettled               // nothing is left to do
	endPaused                // all is received, but sending has to wait
)

func (c *connection) receive() {
	for {
		msg, err := c.pipe.Receive()
		if err != nil {
			c.failed <- err
			return
		}
		select {
		case c.in <- msg:
		case <-c.gone:
			return
		}
	}
}

func (c *connection) send(done chan<- struct{}) {
	defer close(done)
	for msg := range c.out {
		if err := c.pipe.Send(msg); err != nil {
			c.unsent <- err
			for range c.out { // nothing more can go out
			}
			return
		}
	}
}

// loop steps until the session has ended and its last message is with the sender.
func (c *connection) loop(ctx context.Context) (end ending) {
	var next []byte
	var mute error // why nothing can be sent any more
	var giveUp, receipt <-chan time.Time
	timer := time.NewTimer(0)
	defer timer.Stop()
	late := false
	stop := ctx.Done()
	for {
		if next == nil && mute == nil {
			next = c.Next()
		}
		_, ended := c.Ended()
		if ended && (next == nil || mute != nil) {
			return end
		}
		if ended && giveUp == nil {
			giveUp = time.After(lastWords)
		}
		if c.mode == Once && !ended && next == nil {
			switch end = c.complete(); {
			case end != endNone && c.nudged():
				end = endNone
				continue
			case end == endSettled && c.watch.unproved && !late:
				end = endNone
				if receipt == nil {
					receipt = time.After(receiptWithin)
					c.Prove()
					continue
				}
			case end != endNone:
				c.Stop()
				continue
			}
		}
		var out chan<- []byte
		if next != nil {
			out = c.out
		}
		c.set(timer)
		select {
		case out <- next:
			next = nil
		case msg := <-c.in:
			c.Feed(msg)
		case err := <-c.failed:
			c.Cut(err)
		case mute = <-c.unsent:
			// The peer may have said why before it closed; that is still read.
			next = nil
			if giveUp == nil {
				giveUp = time.After(lastWords)
			}
		case <-giveUp:
			if ended {
				return end
			}
			c.Cut(mute)
		case <-receipt:
			late = true
		case <-timer.C:
			c.Tick()
		case <-c.Stepper.wake(c.queued):
			c.Queued()
		case <-stop:
			stop = nil
			c.Stop()
		}
	}
}

// complete says whether a run that is to end by itself can.
func (c *connection) complete() ending {
	switch {
	case c.Settled():
		return endSettled
	case c.paused != nil && c.device.Caught() && !c.device.Sent():
		return endPaused
	}
	return endNone
}

// nudged looks for what was saved since the session began: it goes too.
func (c *connection) nudged() bool {
	select {
	case <-c.queued:
		c.Queued()
		return true
	default:
		return false
	}
}

// set makes the timer fire at the deadline.
func (c *connection) set(timer *time.Timer) {
	at, ok := c.Deadline()
	if !ok {
		timer.Stop()
		return
	}
	timer.Reset(time.Duration(max(at-c.opt.Clock(), 0)) * time.Millisecond)
}

// wake returns the channel of nudges once the machine has use for them: Hello
// says how the queue stood before, and the nudge stays until then.
func (s *Stepper) wake(queued chan struct{}) <-chan struct{} {
	if s.closed != nil || !s.device.Live() {
		return nil
	}
	return queued
}
