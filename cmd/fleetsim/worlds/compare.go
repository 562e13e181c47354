package worlds

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"mahalleh/client-sdk/syncer"
	"mahalleh/cmd/fleetsim/fleet"
	"mahalleh/server/syncws"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// ErrDiffers says that the device was told something of what is outside its scope.
var ErrDiffers = errors.New("the device is told of what is outside its scope")

// Compare makes the two worlds of a seed, plays the same conversation in both, and
// compares every message that the device is sent. The error wraps ErrDiffers if they
// are not the same.
func Compare(ctx context.Context, tools *Tools, seed uint64) (err error) {
	var sent [2][][]byte
	var ends [2]error
	var behind [2][]string
	for i, variant := range []string{"a", "b"} {
		w, err := newWorld(ctx, tools, seed, variant)
		if err != nil {
			return fmt.Errorf("world %s: %w", variant, err)
		}
		if err := errors.Join(w.play(), w.close()); err != nil {
			ends[i] = fmt.Errorf("world %s: %w", variant, err)
		}
		sent[i], behind[i] = w.sent, w.behind
	}
	if err := differs(sent, behind); err != nil {
		return err
	}
	return errors.Join(ends[:]...)
}

// differs names the first difference: the message, and what the desk had answered
// last when it was made.
func differs(sent [2][][]byte, behind [2][]string) error {
	for i := range max(len(sent[0]), len(sent[1])) {
		switch {
		case i >= len(sent[0]) || i >= len(sent[1]):
			return fmt.Errorf("%d and %d messages: %w", len(sent[0]), len(sent[1]), ErrDiffers)
		case bytes.Equal(sent[0][i], sent[1][i]):
			continue
		}
		a, b := behind[0][i], behind[1][i]
		from := 0
		for from < min(len(a), len(b)) && a[from] == b[from] {
			from++
		}
		from = max(from-60, 0)
		return fmt.Errorf("message %d, of %d and %d bytes: %w: %.40s: %.300s | %.300s", i, len(sent[0][i]), len(sent[1][i]), ErrDiffers, a, a[from:], b[from:])
	}
	return nil
}

// Rounds of a conversation, and how often the device connects.
const (
	connections = 2
	rounds      = 6
)

// play lets things happen and the device talk.
func (w *world) play() error {
	d := w.device()
	for c := range connections {
		for range 4 {
			if err := errors.Join(w.several(w.outside), w.inside()); err != nil {
				return err
			}
		}
		l, err := w.connect(c, d)
		if err != nil {
			return err
		}
		for n := range rounds {
			if err := w.writes(c*rounds + n); err != nil {
				return err
			}
			d.Took(w.watched.changes)
			l.device.Queued()
			if err := errors.Join(w.several(w.outside), l.talk(), w.several(w.outside), l.talk(), w.inside(), w.several(w.outside), l.talk()); err != nil {
				return err
			}
			w.now += 61_000
			l.device.Tick()
			l.server.Tick()
			if err := l.talk(); err != nil {
				return err
			}
		}
		l.device.Cut(errors.New("the line is gone"))
		l.server.Cut(errors.New("the line is gone"))
	}
	return nil
}

// several does something some times, as this world's luck has it.
func (w *world) several(f func() error) error {
	for range w.luck.IntN(3) {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// device is the watched one as the fleet's devices are: it keeps nothing of what it
// is sent.
func (w *world) device() *fleet.Device {
	keys := w.identity.Keys()
	return fleet.NewDevice(fleet.Parts{Key: w.watched.key, Cert: w.watched.cert, Noise: w.pair(), Person: w.watched.person, Place: w.place(),
		Server: wire.AppendServerKeys(nil, &keys), Codec: w.tools.Codec, Forms: w.tools.Forms})
}

func (w *world) pair() session.KeyPair {
	// It was made once before without an error.
	pair, _ := session.NewKeyPair(named{w.seed, "watched"}.stream("noise"))
	return pair
}

type line struct {
	w      *world
	device *syncer.Stepper
	server *syncws.Conversation
}

func (w *world) connect(nth int, d *fleet.Device) (*line, error) {
	w.events = nil
	st, err := syncer.NewStepper(w.ctx, syncer.Options{Store: d, Codec: w.tools.Codec, Clock: func() int64 { return w.now },
		Random: named{w.seed, fmt.Sprint("connection ", nth)}.stream("device"), Device: session.DeviceConfig{App: "worlds"}})
	if err != nil {
		return nil, err
	}
	l := &line{w: w, device: st, server: syncws.NewConversation(w.ctx, w.surroundings(nth), "watched")}
	return l, l.talk()
}

// talk carries messages and wake-ups until there are none.
func (l *line) talk() error {
	for moved := true; moved; {
		moved = false
		for m := l.device.Next(); m != nil; m = l.device.Next() {
			moved = true
			l.server.Feed(m)
		}
		for m := l.server.Next(); m != nil; m = l.server.Next() {
			moved = true
			l.w.sent = append(l.w.sent, bytes.Clone(m))
			l.w.behind = append(l.w.behind, l.w.answered)
			l.device.Feed(m)
		}
		events := l.w.events
		l.w.events = nil
		for _, e := range events {
			moved = true
			l.server.Tell(e)
		}
	}
	if c, ended := l.device.Ended(); ended {
		return fmt.Errorf("the device ended the session: %s %s: %w", c.Key, c.Detail, causeOf(l.device.Cause()))
	}
	if c, ended := l.server.Ended(); ended {
		return fmt.Errorf("the server ended the session: %s %s: %w", c.Key, c.Detail, causeOf(l.server.Cause()))
	}
	return nil
}

var errNoCause = errors.New("no fault of the line")

func causeOf(err error) error {
	if err == nil {
		return errNoCause
	}
	return err
}
