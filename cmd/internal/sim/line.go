package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"mahalleh/client-sdk/syncer"
	"mahalleh/server/hub"
	"mahalleh/server/syncws"
	"mahalleh/syncproto/session"
)

// onWire is how many messages may be on the way in one direction, as in a
// socket's buffers.
const onWire = 3

// line is a connection between a device and the server, message by message.
type line struct {
	d    *device
	dev  *syncer.Stepper
	srv  *syncws.Conversation
	up   [][]byte
	down [][]byte
	// mail is what the server's end has been woken for and has not looked at.
	mail []hub.Event
	// deaf directions carry nothing while the partition lasts.
	deafUp, deafDown bool
}

var errDied = errors.New("the process died")

// converse begins the server's end of a line.
func (s *server) converse() *syncws.Conversation {
	return syncws.NewConversation(s.w.ctx, &syncws.Surroundings{Hub: s.hub, Identity: s.id, Codec: s.w.opt.Codec, Clock: s.w.now,
		Random: randomBytes{s.w.rng}, Do: s.do}, "")
}

// do carries out one request at the server, if it lives that long. A dead
// server answers nothing any more; afterwards fate says so.
func (s *server) do(ctx context.Context, desk *hub.Desk, e session.ServerEffect) session.ServerEvent {
	if s.crash == 0 && !s.crashAfter {
		s.dead = true
	}
	if s.dead || s.broken != nil {
		return nil
	}
	if read, is := e.(session.ReadScopes); is && s.w.rng.IntN(2) == 0 {
		read.MaxBytes = 200 + s.w.rng.IntN(2000) // pages of a first load, cut small
		e = read
	}
	s.talking = true
	ev := desk.Do(ctx, e)
	s.talking = false
	if s.broken = s.w.oracle.answered(desk.Device(), e, ev); s.broken != nil {
		return nil
	}
	if s.crash == 0 {
		s.dead = true
		return nil
	}
	if s.crash > 0 {
		s.crash--
	}
	return ev
}

// fate returns what came of the server in what it was just asked: errDied, a
// law that it broke, or nothing.
func (s *server) fate() error {
	if s.broken != nil {
		return s.broken
	}
	if s.dead {
		return errDied
	}
	return nil
}

// fate is as that of the server.
func (d *device) fate() error {
	if d.broken != nil {
		return d.broken
	}
	if d.dead {
		return errDied
	}
	return nil
}

// moved is called by the hub after each commit.
func (s *server) moved(e hub.Event) {
	for _, d := range s.w.devices {
		if d.line == nil {
			continue
		}
		// A wake-up for records may be lost; the session looks by itself now and
		// then.
		if len(e.Scopes) > 0 && s.w.rng.IntN(8) == 0 {
			e := e
			e.Scopes = nil
			d.line.mail = append(d.line.mail, e)
			continue
		}
		d.line.mail = append(d.line.mail, e)
	}
}

// read lets the server's end of a line look at what it was woken for.
func (l *line) read() error {
	for len(l.mail) > 0 {
		e := l.mail[0]
		l.mail = l.mail[1:]
		l.srv.Tell(e)
		if err := l.d.w.server.fate(); err != nil {
			return err
		}
	}
	return nil
}

// next returns the server's next message, nil if there is none.
func (l *line) next() ([]byte, error) {
	if err := l.read(); err != nil {
		return nil, err
	}
	b := l.srv.Next()
	return b, l.d.w.server.fate()
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
	l.srv.Cut(nil)
	l.d.line = nil
	return l.d.w.server.broken
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
		if err := l.d.fate(); err != nil {
			return true, err
		}
		if len(l.up) == 0 || l.deafUp {
			return moved, nil
		}
		msg := l.take(&l.up)
		l.d.w.trace.Write(msg)
		l.srv.Feed(msg)
		return true, l.d.w.server.fate()
	}
	if len(l.down) < onWire {
		b, err := l.next()
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
	return true, l.d.fate()
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
	l.srv.Tick()
	if err := l.d.w.server.fate(); err != nil {
		return err
	}
	return l.d.fate()
}

// over reports whether an end has closed and has nothing left to say.
func (l *line) over() bool {
	if _, ended := l.dev.Ended(); ended {
		if b := l.dev.Next(); b != nil {
			l.up = append(l.up, b)
		}
		return len(l.up) == 0
	}
	if _, ended := l.srv.Ended(); !ended {
		return false
	}
	// What the server said last is still on its way.
	if b := l.srv.Next(); b != nil {
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
