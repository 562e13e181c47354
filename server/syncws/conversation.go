package syncws

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"mahalleh/server/hub"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// handshakeWithin is how long, in milliseconds, the secure channel may take: a
// device needs two round trips on a line that has just woken, and whoever only
// holds a place must not hold it long.
const handshakeWithin = 30_000

// errNoChannel says that the peer let the handshake's time pass.
var errNoChannel = errors.New("no secure channel in time")

// Surroundings are what conversations share. All but Log and Do are needed.
type Surroundings struct {
	Hub      *hub.Hub
	Identity *hub.Identity
	// Codec is shared by the whole process.
	Codec *wire.Codec
	// Clock is the server's time, Unix milliseconds; during one conversation it
	// only goes forward.
	Clock func() int64
	// Random is a cryptographic source, safe for concurrent use.
	Random io.Reader
	Log    *slog.Logger
	// Do, if set, carries out in place of the desk what a session asks of it. It
	// is for the simulator, whose server may die before its desk's work or after,
	// and for Handler, which sets its own.
	Do func(ctx context.Context, desk *hub.Desk, e session.ServerEffect) session.ServerEvent
}

// Conversation is the server's end of one connection without goroutine, timer
// or socket: bytes in, bytes out, effects carried out at once. One goroutine
// uses it.
type Conversation struct {
	s       *Surroundings
	ctx     context.Context
	log     *slog.Logger
	who     string
	link    *session.Link
	channel *session.Channel // the link's
	machine *session.Server
	desk    *hub.Desk

	begun   int64
	proved  bool
	guests  *guests  // nil: nobody counts
	queues  *queues  // nil: nobody waits for others
	behind  bool     // there is more to send than the last answer held
	aside   int      // changes that were set aside since slow was asked last
	asked   bool     // slow was asked since the device is known
	replies [][]byte // of the handshake
	effects []session.ServerEffect
	closed  *session.Close
	cause   error

	// scopes and logs are what the session is woken for, besides its device;
	// interested, if set, is told of them before anything is read, so that
	// nothing falls in between.
	scopes     map[syncproto.ScopeID]bool
	logs       []syncproto.LogID
	interested func(scopes map[syncproto.ScopeID]bool, logs []syncproto.LogID)
	// ring, if set, is called from any goroutine when Settle has something to do;
	// batches are then accepted while the conversation goes on, and pending are
	// those that are under way. Without it each is waited for.
	ring    func()
	pending []*hub.Pending
	// moved are scopes that have moved and of which the machine was not told yet,
	// with their heads; nil most of the time.
	moved map[syncproto.ScopeID]uint64
	// open are the device's changes whose result may still change, with the
	// result that it was told; nil if there are none.
	open map[syncproto.ChangeID]syncproto.Result
}

// NewConversation begins the server's end of a connection. ctx is handed to
// the hub; who names the other end in the log.
func NewConversation(ctx context.Context, s *Surroundings, who string) *Conversation {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	keys := s.Identity.Keys()
	pair := session.KeyPair{Private: [32]byte(s.Identity.Noise.Bytes()), Public: keys.Noise}
	channel := session.ServerChannel(pair, wire.AppendServerKeys(nil, &keys), s.Random)
	return &Conversation{s: s, ctx: ctx, log: log, who: who, begun: s.Clock(), link: session.NewLink(channel, s.Codec), channel: channel,
		machine: session.NewServer(), desk: s.Hub.NewDesk(s.Identity, s.Codec)}
}

// Feed takes one message from the device.
func (c *Conversation) Feed(msg []byte) {
	if c.closed != nil {
		return
	}
	stood := c.channel.Established()
	reply, m, err := c.link.Receive(msg)
	if reply != nil {
		c.replies = append(c.replies, reply)
	}
	if err != nil {
		c.Cut(err)
		return
	}
	if m == nil {
		if !stood && c.channel.Established() {
			c.step(session.ServerConnected{Noise: c.channel.Peer(), Handshake: c.channel.Binding()})
		}
		return
	}
	if first := !c.proved; first {
		c.proved = true
		if after := c.greeted(); after > 0 {
			c.Shed(wire.RefuseBusy, after.Milliseconds())
			return
		}
	}
	c.step(session.Received{Message: m})
}

// greeted counts the greeting of a device that has proved itself, and returns after
// how long it shall come back if it comes too often.
func (c *Conversation) greeted() time.Duration {
	if c.guests == nil || c.Device().IsZero() {
		return 0
	}
	return c.guests.greet(c.Device(), time.Now())
}

// ahead is by how much the device has asked for more than it had time for.
func (c *Conversation) ahead() time.Duration {
	return time.Duration(c.machine.Ahead(c.s.Clock())) * time.Millisecond
}

// Next returns the next message for the device, nil if there is none now. Call
// it when the connection can take a message, after each of the other calls too.
func (c *Conversation) Next() []byte {
	if len(c.replies) > 0 {
		b := c.replies[0]
		c.replies[0] = nil // it is not held any longer than it is written
		c.replies = c.replies[1:]
		return b
	}
	if !c.channel.Established() {
		return nil
	}
	m, effects := c.machine.Next(c.s.Clock())
	c.run(effects)
	if m == nil {
		return nil
	}
	b, err := c.link.Send(m)
	if err != nil {
		c.Cut(err)
		return nil
	}
	return b
}

// Shed asks the device to leave and to come back after some milliseconds.
func (c *Conversation) Shed(code wire.RefuseCode, after int64) {
	c.step(session.Shed{Code: code, RetryAfter: after})
}

// Deadline is when to call Tick at the latest; there is one until the
// conversation has ended.
func (c *Conversation) Deadline() (ms int64, ok bool) {
	if c.closed != nil {
		return 0, false
	}
	if !c.channel.Established() {
		return c.begun + handshakeWithin, true
	}
	return c.machine.Deadline()
}

// Tick says that the time of Deadline has come; more often does no harm.
func (c *Conversation) Tick() {
	if c.closed == nil && !c.channel.Established() {
		if c.s.Clock() >= c.begun+handshakeWithin {
			c.Cut(errNoChannel)
		}
		return
	}
	c.step(session.Tick{})
}

// Cut says that the connection has broken, or why it must end now.
func (c *Conversation) Cut(err error) {
	if c.closed == nil {
		c.cause = err
		c.step(session.Disconnected{Err: err})
	}
}

// Ended returns how the conversation ended, once it has. Messages may still be
// waiting in Next.
func (c *Conversation) Ended() (session.Close, bool) {
	if c.closed == nil {
		return session.Close{}, false
	}
	return *c.closed, true
}

// Cause is the error that broke the connection, if one did.
func (c *Conversation) Cause() error { return c.cause }

// name is how the log calls the other end: a device by its id, a stranger by
// where it is.
func (c *Conversation) name() string {
	if d := c.Device(); !d.IsZero() {
		return d.String()
	}
	return c.who
}

// Device is whom the conversation is with, zero before that is proved.
func (c *Conversation) Device() syncproto.DeviceID { return c.desk.Device() }

// Proved says that the other end holds its key: something that it sealed was opened.
// The first message of the handshake names a key too, but whoever heard it can say
// it again.
func (c *Conversation) Proved() bool { return c.proved }

// Idle checks, when every message of Next was delivered, that nothing is stuck:
// see session.Server.Idle. It is for tests and the simulator.
func (c *Conversation) Idle() error {
	if c.closed != nil {
		return nil
	}
	if _, timer := c.Deadline(); !timer {
		return errors.New("connected without a timer")
	}
	if !c.channel.Established() {
		return nil
	}
	return c.machine.Idle()
}

// step gives the machine an event and carries out what it asks for.
func (c *Conversation) step(ev session.ServerEvent) {
	if c.closed == nil {
		c.run(c.machine.Step(c.s.Clock(), ev))
	}
}

// run carries effects out in their order, answers included.
func (c *Conversation) run(effects []session.ServerEffect) {
	c.effects = append(c.effects, effects...)
	for len(c.effects) > 0 {
		effect := c.effects[0]
		c.effects = c.effects[1:]
		switch e := effect.(type) {
		case session.Close:
			c.closed = &e
			c.effects = nil
			return
		case session.Subscribe:
			c.subscribe(e.Scopes)
			continue
		case session.LoadSession:
			c.logs = c.logs[:0:0]
			for _, a := range e.Hello.Ancestors {
				c.logs = append(c.logs, a.Log)
			}
			c.logs = append(c.logs, e.Hello.Log)
			c.open = nil
		}
		if e, ok := effect.(session.Accept); ok && c.ring != nil {
			c.pending = append(c.pending, c.desk.Begin(c.ctx, e, c.ring))
			continue
		}
		if !besides(effect) {
			c.finish(true)
		}
		c.answered(c.do(effect))
	}
	c.effects = nil
}

// besides tells effects that may be carried out while batches are under way:
// those that only read. The others wait: what they do comes after the batches.
func besides(effect session.ServerEffect) bool {
	switch effect.(type) {
	case session.ReadScopes, session.ReadRecords, session.CompareScope, session.LoadGrants, session.Touch:
		return true
	}
	return false
}

// answered gives the machine the answer to an effect.
func (c *Conversation) answered(answer session.ServerEvent) {
	if answer != nil {
		c.watch(answer)
		c.effects = append(c.effects, c.machine.Step(c.s.Clock(), answer)...)
	}
}

// maxPending is how many batches of one conversation are under way: one that is
// committed, and one that is opened meanwhile. What else the device sends waits
// in its line.
const maxPending = 2

// slow is for how long nothing more shall be read from the device, since much of what
// it said was set aside.
func (c *Conversation) slow() time.Duration {
	if c.guests == nil || c.Device().IsZero() || c.aside == 0 && c.asked {
		return 0
	}
	n := c.aside
	c.aside, c.asked = 0, true
	return c.guests.aside(c.Device(), n, time.Now())
}

// Busy reports whether the conversation shall not be fed now.
func (c *Conversation) Busy() bool { return len(c.pending) >= maxPending }

// Settle goes on with batches that were accepted.
func (c *Conversation) Settle() {
	if c.closed == nil {
		c.finish(false)
		c.run(nil)
		c.wake()
	}
}

// finish takes the answers to batches under way, in order: those that are
// there, or all.
func (c *Conversation) finish(all bool) {
	for len(c.pending) > 0 && (all || c.pending[0].Ready()) {
		p := c.pending[0]
		c.pending = c.pending[1:]
		c.answered(c.desk.Finish(c.ctx, p))
	}
}

// do carries one request out and returns its answer, nil if there is none.
func (c *Conversation) do(effect session.ServerEffect) (answer session.ServerEvent) {
	if c.queues != nil {
		switch effect.(type) {
		case session.CompareScope:
			defer c.queues.walks.take(c.ctx)()
		case session.ReadScopes:
			if c.behind {
				defer c.queues.pages.take(c.ctx)()
			}
		}
	}
	if c.s.Do != nil {
		answer = c.s.Do(c.ctx, c.desk, effect)
	} else {
		answer = c.desk.Do(c.ctx, effect)
	}
	if read, is := answer.(session.ScopesRead); is {
		c.behind = !read.Complete
	}
	if who, is := answer.(session.Authenticated); is && c.guests != nil {
		who.Ahead = c.guests.ahead(who.Device, time.Now()).Milliseconds()
		answer = who
	}
	return answer
}

// watch looks at answers for results that may change later.
func (c *Conversation) watch(answer session.ServerEvent) {
	switch ev := answer.(type) {
	case session.SessionLoaded:
		for _, r := range ev.Results {
			c.note(r)
		}
	case session.Accepted:
		for _, r := range ev.Results {
			if r.Result.Outcome == syncproto.Quarantined {
				c.aside++
			}
			c.note(r.Result)
		}
	case session.ScopesRead:
		for _, r := range ev.Results {
			c.note(r.Result)
		}
	}
}
func (c *Conversation) subscribe(scopes []syncproto.ScopeID) {
	c.scopes = make(map[syncproto.ScopeID]bool, len(scopes))
	for _, s := range scopes {
		c.scopes[s] = true
	}
	if c.interested != nil {
		c.interested(c.scopes, c.logs)
	}
}
