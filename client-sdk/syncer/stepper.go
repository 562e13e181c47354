package syncer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// handshakeWithin is how long, in milliseconds, the secure channel may take:
// two or three round trips on a line that has just woken.
const handshakeWithin = 60_000

// enrolAgainAfter is after how many milliseconds a device that was forgotten
// comes back to enrol.
const enrolAgainAfter = 1_000

// errNoChannel says that the peer let the handshake's time pass.
var errNoChannel = errors.New("no secure channel in time")

// Options are a session's surroundings. Store, Codec, Clock and Random are needed.
type Options struct {
	Store Store
	// Codec is shared by the whole process.
	Codec *wire.Codec
	// Clock is the device's clock, Unix milliseconds. See session's package
	// comment: it may be wrong, but during one connection it shall only go
	// forward.
	Clock func() int64
	// Random is a cryptographic source.
	Random io.Reader
	// Device sets the session's machine up.
	Device session.DeviceConfig
	// Log is told what a person who looks for trouble needs; nil tells nobody.
	Log *slog.Logger
	// Progress is told whenever something moved, from the goroutine that steps;
	// it must return soon. nil tells nobody.
	Progress func(Progress)
}

// Stepper is one connection, from the first byte of the handshake to its end.
// One goroutine uses it.
type Stepper struct {
	opt     Options
	ctx     context.Context
	link    *session.Link
	channel *session.Channel // the link's
	device  *session.Device
	enrol   bool

	begun   int64    // when the connection was made
	replies [][]byte // of the handshake
	effects []session.DeviceEffect
	closed  *session.Close
	cause   error // what broke the channel, the transport or the store
	// paused is the server's request to send nothing for a while, which leaves
	// the connection as it is.
	paused *wire.Refuse
	watch  watch
}

// NewStepper begins a connection; Next has the first message. ctx is handed to
// the store. The error is the store's, or says that the device's keys are of
// no use.
func NewStepper(ctx context.Context, opt Options) (*Stepper, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	id, err := opt.Store.Identity(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the device's identity: %w", err)
	}
	channel := session.DeviceChannel(id.Noise, id.ServerKeys, id.Fits, opt.Random)
	s := &Stepper{opt: opt, ctx: ctx, begun: opt.Clock(), enrol: id.Enrol,
		link: session.NewLink(channel, opt.Codec), channel: channel, device: session.NewDevice(opt.Device)}
	s.watch.begin()
	first, err := s.link.Start()
	if err != nil {
		return nil, fmt.Errorf("begin the secure channel: %w", err)
	}
	s.replies = append(s.replies, first)
	s.tell()
	return s, nil
}

// Feed takes one message from the pipe.
func (s *Stepper) Feed(msg []byte) {
	if s.closed != nil {
		return
	}
	s.watch.p.BytesDown += uint64(len(msg))
	stood := s.channel.Established()
	reply, m, err := s.link.Receive(msg)
	if reply != nil {
		s.replies = append(s.replies, reply)
	}
	if err != nil {
		s.Cut(err)
		return
	}
	if m == nil {
		if !stood && s.channel.Established() {
			s.step(session.DeviceConnected{Handshake: s.channel.Binding(), Enrol: s.enrol})
		}
		return
	}
	s.step(session.Received{Message: m})
	if r, ok := m.(*wire.Refuse); ok && s.closed == nil {
		s.paused = r
	}
}

// Next returns the next message for the pipe, nil if there is none now. Call
// it when the pipe can take a message, after each of the other calls too.
func (s *Stepper) Next() []byte {
	if len(s.replies) > 0 {
		b := s.replies[0]
		s.replies = s.replies[1:]
		s.watch.p.BytesUp += uint64(len(b))
		return b
	}
	if !s.channel.Established() {
		return nil
	}
	m, effects := s.device.Next(s.opt.Clock())
	s.run(effects)
	if m == nil {
		return nil
	}
	b, err := s.link.Send(m)
	if err != nil {
		s.Cut(err)
		return nil
	}
	s.watch.p.BytesUp += uint64(len(b))
	s.tell()
	return b
}

// Queued says that the store has, or may have, new changes to send.
func (s *Stepper) Queued() {
	if s.closed != nil {
		return
	}
	q, err := s.opt.Store.Queue(s.ctx)
	if err != nil {
		s.storeFailed(session.Queued{}, err)
		s.step(session.Failed{Effect: session.Queued{}, Err: err, Full: errors.Is(err, ErrFull), Fatal: errors.Is(err, ErrFatal)})
		return
	}
	s.watch.head = max(s.watch.head, q.HeadSeq)
	s.step(q)
}

// Deadline is when to call Tick at the latest; there is one until the
// connection has ended.
func (s *Stepper) Deadline() (ms int64, ok bool) {
	if s.closed != nil {
		return 0, false
	}
	if !s.channel.Established() {
		return s.begun + handshakeWithin, true
	}
	return s.device.Deadline()
}

// Tick says that the time of Deadline has come; more often does no harm. It
// looks at the queue too, in case nobody called Queued.
func (s *Stepper) Tick() {
	if s.closed != nil {
		return
	}
	if !s.channel.Established() {
		if s.opt.Clock() >= s.begun+handshakeWithin {
			s.Cut(errNoChannel)
		}
		return
	}
	s.Queued()
	s.step(session.Tick{})
}

// Prove asks for the receipt of what was sent, for a connection that is to end
// soon; on one that stays it comes by itself.
func (s *Stepper) Prove() { s.step(session.Prove{}) }

// Stop asks for an orderly end: what Next still has is to be sent.
func (s *Stepper) Stop() { s.step(session.Stop{}) }

// Cut says that the connection has broken, or why it must end now.
func (s *Stepper) Cut(err error) {
	if s.closed != nil {
		return
	}
	s.cause = err
	s.step(session.Disconnected{Err: err})
}

// Ended returns how the machine ended the connection, once it has. Messages
// may still be waiting in Next.
func (s *Stepper) Ended() (session.Close, bool) {
	if s.closed == nil {
		return session.Close{}, false
	}
	return *s.closed, true
}

// Cause is the error that broke the connection, one of the line or of the
// store, if one did.
func (s *Stepper) Cause() error { return s.cause }

// Settled reports whether there is nothing left to do now: all that the store
// had to send is with the server, all that the server has for this device is
// in the store, the outcome of its own changes included, and both agree.
func (s *Stepper) Settled() bool {
	return s.closed == nil && s.device.Caught() && s.device.Sent() && s.watch.complete()
}

// Idle checks, when every message of Next was delivered, that nothing is stuck:
// see session.Device.Idle. It is for tests and the simulator.
func (s *Stepper) Idle() error {
	if s.closed != nil {
		return nil
	}
	if _, timer := s.Deadline(); !timer {
		return errors.New("connected without a timer")
	}
	if !s.channel.Established() {
		return nil
	}
	return s.device.Idle()
}

// forgotten makes a device that the server does not know any more enrol again,
// if its store can; the connection is then worth another attempt.
func (s *Stepper) forgotten() {
	f, can := s.opt.Store.(Forgetful)
	if !can {
		return
	}
	if err := f.Forgotten(s.ctx); err != nil {
		s.opt.Log.Error("the device's store failed", "effect", "enrol again", "err", err)
		return
	}
	s.closed.RetryAfter = enrolAgainAfter
}

// storeFailed keeps the first failure of the store: only the error itself tells
// a full disk from a damaged one, the close that follows has no more than words.
func (s *Stepper) storeFailed(doing any, err error) {
	s.opt.Log.Error("the device's store failed", "effect", fmt.Sprintf("%T", doing), "err", err)
	if s.cause == nil {
		s.cause = fmt.Errorf("%T: %w", doing, err)
	}
}

// step gives the machine an event and carries out what it asks for.
func (s *Stepper) step(ev session.DeviceEvent) {
	if s.closed != nil {
		return
	}
	s.run(s.device.Step(s.opt.Clock(), ev))
	s.tell()
}

// run carries effects out in their order, answers included.
func (s *Stepper) run(effects []session.DeviceEffect) {
	s.effects = append(s.effects, effects...)
	for len(s.effects) > 0 {
		effect := s.effects[0]
		s.effects = s.effects[1:]
		switch e := effect.(type) {
		case session.Close:
			s.closed = &e
			s.effects = nil
			if e.Code == session.CloseUnknownDevice {
				s.forgotten()
			}
			s.opt.Log.Info("the session ended", "code", e.Code, "key", e.Key, "detail", e.Detail)
			return
		case session.Alarm:
			s.opt.Log.Warn("the device has found something to look into", "scope", e.Scope, "detail", e.Detail)
			continue
		}
		answer := carry(s.ctx, s.opt.Store, effect)
		if f, failed := answer.(session.Failed); failed {
			s.storeFailed(effect, f.Err)
			// What was asked for after it may lean on it.
			s.effects = nil
		} else {
			s.watch.done(effect, answer)
		}
		s.effects = append(s.effects, s.device.Step(s.opt.Clock(), answer)...)
	}
	s.effects = nil
}
