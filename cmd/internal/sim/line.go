package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"mahalleh/client-sdk/syncer"
	"mahalleh/server/hub"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// onWire is how many messages may be on the way in one direction, as in a
// socket's buffers.
const onWire = 3

// line is a connection between a device and the server, message by message.
type line struct {
	d    *device
	dev  *syncer.Stepper
	srv  *conversation
	up   [][]byte
	down [][]byte
	// deaf directions carry nothing while the partition lasts.
	deafUp, deafDown bool
}

// conversation is the server's end of a line.
type conversation struct {
	s       *server
	link    *session.Link
	machine *session.Server
	desk    *hub.Desk
	replies [][]byte
	scopes  map[syncproto.ScopeID]bool
	wakes   []session.ServerEvent
	over    bool
}

var errDied = errors.New("the process died")

func (s *server) converse() *conversation {
	keys := s.id.Keys()
	key := session.KeyPair{Private: [32]byte(s.id.Noise.Bytes()), Public: keys.Noise}
	ch := session.ServerChannel(key, s.id.Document(), randomBytes{s.w.rng})
	return &conversation{s: s, link: session.NewLink(ch, s.w.opt.Codec), machine: session.NewServer(),
		desk: s.hub.NewDesk(s.id, s.w.opt.Codec), scopes: map[syncproto.ScopeID]bool{}}
}

func (c *conversation) feed(msg []byte) error {
	if c.over {
		return nil
	}
	stood := c.link.Channel().Established()
	reply, m, err := c.link.Receive(msg)
	if reply != nil {
		c.replies = append(c.replies, reply)
	}
	switch {
	case err != nil:
		return c.step(session.Disconnected{Err: err})
	case m != nil:
		return c.step(session.Received{Message: m})
	case !stood && c.link.Channel().Established():
		return c.step(session.ServerConnected{Noise: c.link.Channel().Peer(), Handshake: c.link.Channel().Binding()})
	}
	return nil
}

func (c *conversation) step(ev session.ServerEvent) error {
	if c.over {
		return nil
	}
	return c.run(c.machine.Step(c.s.w.now(), ev))
}

// run carries effects out; errDied if the server died at one of them.
func (c *conversation) run(effects []session.ServerEffect) error {
	for len(effects) > 0 {
		e := effects[0]
		effects = effects[1:]
		switch e := e.(type) {
		case session.Close:
			c.over = true
			c.s.w.note("server closes", e.Code, e.Detail)
			return nil
		case session.Subscribe:
			c.scopes = map[syncproto.ScopeID]bool{}
			for _, id := range e.Scopes {
				c.scopes[id] = true
			}
			continue
		}
		ev, err := c.s.do(c.desk, e)
		if err != nil {
			return err
		}
		if ev != nil {
			effects = append(effects, c.machine.Step(c.s.w.now(), ev)...)
		}
	}
	return nil
}

// do carries out one request at the server, if it lives that long.
func (s *server) do(desk *hub.Desk, e session.ServerEffect) (session.ServerEvent, error) {
	if s.crash == 0 && !s.crashAfter {
		s.dead = true
		return nil, errDied
	}
	if read, is := e.(session.ReadScopes); is && s.w.rng.IntN(2) == 0 {
		read.MaxBytes = 200 + s.w.rng.IntN(2000) // pages of a first load, cut small
		e = read
	}
	s.talking = true
	ev := desk.Do(s.w.ctx, e)
	s.talking = false
	if err := s.w.oracle.answered(desk.Device(), e, ev); err != nil {
		return nil, err
	}
	if s.crash == 0 {
		s.dead = true
		return nil, errDied
	}
	if s.crash > 0 {
		s.crash--
	}
	return ev, nil
}

// moved is called by the hub after each commit.
func (s *server) moved(e hub.Event) {
	for _, d := range s.w.devices {
		if d.line == nil || d.line.srv.over {
			continue
		}
		c := d.line.srv
		var ids []syncproto.ScopeID
		for id := range e.Scopes {
			if c.scopes[id] {
				ids = append(ids, id)
			}
		}
		// A wake-up may be lost; the session looks by itself now and then.
		if len(ids) > 0 && s.w.rng.IntN(8) > 0 {
			c.wakes = append(c.wakes, session.Moved{Scopes: sortScopes(ids)})
		}
		if e.Access {
			c.wakes = append(c.wakes, session.GrantsChanged{})
		}
	}
}

// next returns the server's next message, nil if there is none.
func (c *conversation) next() ([]byte, error) {
	for len(c.wakes) > 0 {
		ev := c.wakes[0]
		c.wakes = c.wakes[1:]
		if err := c.step(ev); err != nil {
			return nil, err
		}
	}
	if len(c.replies) > 0 {
		b := c.replies[0]
		c.replies = c.replies[1:]
		return b, nil
	}
	if !c.link.Channel().Established() {
		return nil, nil
	}
	m, effects := c.machine.Next(c.s.w.now())
	if err := c.run(effects); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, nil
	}
	b, err := c.link.Send(m)
	if err != nil {
		return nil, fmt.Errorf("the server cannot send: %w", err)
	}
	return b, nil
}

// connect begins a connection.
func (d *device) connect() error {
	if d.line != nil || d.w.server.down {
		return nil
	}
	dev, err := syncer.NewStepper(d.w.ctx, syncer.Options{Store: &faulty{Store: d.session, d: d}, Codec: d.w.opt.Codec,
		Clock: d.clock.now, Random: randomBytes{d.w.rng}, Device: session.DeviceConfig{App: "sim"}, Log: slog.New(tracer{w: d.w, n: d.n})})
	if err != nil {
		return fmt.Errorf("device %d connects: %w", d.n, err)
	}
	d.line = &line{d: d, dev: dev, srv: d.w.server.converse()}
	d.w.note("connect", d.n)
	return nil
}

// cut breaks the connection at both ends.
func (l *line) cut() error {
	l.dev.Cut(nil)
	err := l.srv.step(session.Disconnected{})
	l.d.line = nil
	if errors.Is(err, errDied) {
		return nil
	}
	return err
}

// hangUp ends every connection because the server is gone.
func (w *world) hangUp() {
	for _, d := range w.devices {
		if d.line != nil {
			d.line.dev.Cut(nil)
			d.line = nil
		}
	}
}

// pump moves the line by one message in one direction. It reports whether
// anything moved. A death at either end is played out by the caller.
func (l *line) pump(upward bool) (moved bool, err error) {
	if upward {
		if len(l.up) < onWire {
			if b := l.dev.Next(); b != nil {
				l.up = append(l.up, b)
				moved = true
			}
		}
		if l.d.dead {
			return true, errDied
		}
		if len(l.up) == 0 || l.deafUp {
			return moved, nil
		}
		msg := l.take(&l.up)
		l.d.w.trace.Write(msg)
		return true, l.srv.feed(msg)
	}
	if len(l.down) < onWire {
		b, err := l.srv.next()
		if err != nil {
			return true, err
		}
		if b != nil {
			l.down = append(l.down, b)
			moved = true
		}
	}
	if len(l.down) == 0 || l.deafDown {
		return moved, nil
	}
	msg := l.take(&l.down)
	l.d.w.trace.Write(msg)
	l.dev.Feed(msg)
	if l.d.dead {
		return true, errDied
	}
	return true, nil
}

// take takes the next message off a direction, sometimes damaged on the way:
// flipped, cut short, doubled or overtaken by the next.
func (l *line) take(queue *[][]byte) []byte {
	w := l.d.w
	q := *queue
	msg := q[0]
	switch {
	case w.chance(120):
		w.note("flip", l.d.n)
		msg = append([]byte(nil), msg...)
		msg[w.rng.IntN(len(msg))] ^= 1 << w.rng.IntN(8)
		*queue = q[1:]
	case w.chance(120):
		w.note("truncate", l.d.n)
		msg = msg[:w.rng.IntN(len(msg))]
		*queue = q[1:]
	case w.chance(120):
		w.note("double", l.d.n)
	case len(q) > 1 && w.chance(120):
		w.note("overtake", l.d.n)
		msg = q[1]
		*queue = append([][]byte{q[0]}, q[2:]...)
	default:
		*queue = q[1:]
	}
	return msg
}

// tick lets both ends look at their timers, and ends a line that is over.
func (l *line) tick() error {
	l.dev.Tick()
	if err := l.srv.step(session.Tick{}); err != nil {
		return err
	}
	if l.d.dead {
		return errDied
	}
	return nil
}

// over reports whether an end has closed and has nothing left to say.
func (l *line) over() bool {
	if _, ended := l.dev.Ended(); ended {
		if b := l.dev.Next(); b != nil {
			l.up = append(l.up, b)
		}
		return len(l.up) == 0
	}
	if !l.srv.over {
		return false
	}
	// What the server said last is still on its way.
	if b, err := l.srv.next(); err == nil && b != nil {
		l.down = append(l.down, b)
	}
	return len(l.down) == 0
}

// tracer puts what a device's log says of trouble into the trace in words.
type tracer struct {
	slog.Handler
	w *world
	n int
}

func (t tracer) Enabled(context.Context, slog.Level) bool { return t.w.opt.Trace != nil }

func (t tracer) Handle(_ context.Context, r slog.Record) error {
	line := fmt.Sprintf("device %d: %s", t.n, r.Message)
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	t.w.opt.Trace(line)
	return nil
}
