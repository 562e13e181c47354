package figures

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mahalleh/client-sdk/localstore"
)

func slowLine() *Figure {
	return &Figure{
		Name:    "slow-line",
		Size:    []Count{{"records", 500}},
		Goals:   []Goal{{"slow-line", AtMost, 6, "s"}},
		Takes:   10 * time.Second,
		measure: measureSlowLine,
	}
}

// The line: so many bytes a second each way, and how long a byte is under way.
const (
	slowBytes  = 20_000
	slowOneWay = 300 * time.Millisecond
	// slowOpening is what passes before the first byte of the channel: one round
	// trip for TCP, one for the websocket.
	slowOpening = 4 * slowOneWay
	// slowOverhead is what TCP, IP and the websocket add to a packet of 1,400
	// bytes and to a message.
	slowPacket, slowHeaders, slowFrame = 1400, 40, 8
)

func measureSlowLine(ctx context.Context, r *run) error {
	n := r.size("records")
	w, err := r.newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	// What is told once has been told: the device is one that has synced before.
	for range 2 {
		if _, err := w.contact(); err != nil {
			return err
		}
	}
	if err := w.saveNew(n); err != nil {
		return err
	}
	l, err := w.connect()
	if err != nil {
		return err
	}
	s := &slowRun{line: l}
	if err := s.play(); err != nil {
		return err
	}
	q, err := w.device.Queue(ctx)
	if err != nil {
		return err
	}
	if q.Changes != 0 {
		return fmt.Errorf("%d changes were not acknowledged", q.Changes)
	}
	r.report("slow-line", s.acked.Seconds(), map[string]float64{"up": float64(l.up), "down": float64(l.down), "messages": float64(l.messages),
		"until_settled": s.now.Seconds(), "processor": s.worked.Seconds()})
	return nil
}

// saveNew saves n new records on the device.
func (w *world) saveNew(n int) error {
	w.writer.whole = true
	made, err := w.writer.create(n)
	if err != nil {
		return err
	}
	_, err = w.device.Append(w.ctx, func(localstore.At) (localstore.Saving, error) {
		var s localstore.Saving
		for _, ch := range made {
			h := ch.Header
			h.Author, h.Role = facilitator(), 10
			s.Changes = append(s.Changes, localstore.NewChange{Header: h, Ops: ch.Ops})
		}
		return s, nil
	})
	return err
}

// slowRun plays a session over a line whose time is computed: a message waits
// until those before it are through, takes as long as it has bytes, and is under
// way. What both ends work is real and is added.
type slowRun struct {
	*line
	now    time.Duration
	ways   [2]slowWay
	worked time.Duration
	// acked is when the last change was acknowledged.
	acked time.Duration
}

// slowWay is one direction.
type slowWay struct {
	free   time.Duration
	flying []flying
}

type flying struct {
	arrives time.Duration
	msg     []byte
}

func (s *slowRun) play() error {
	s.now = slowOpening
	for {
		if err := s.work(func() error { return s.speak() }); err != nil {
			return err
		}
		way := -1
		for i := range s.ways {
			if f := s.ways[i].flying; len(f) > 0 && (way < 0 || f[0].arrives < s.ways[way].flying[0].arrives) {
				way = i
			}
		}
		if way < 0 {
			break
		}
		f := s.ways[way].flying[0]
		s.ways[way].flying = s.ways[way].flying[1:]
		s.now = max(s.now, f.arrives)
		err := s.work(func() error {
			if way == 0 {
				s.server.Feed(f.msg)
			} else {
				s.device.Feed(f.msg)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if s.acked == 0 {
			q, err := s.w.device.Queue(s.w.ctx)
			if err != nil {
				return err
			}
			if q.Changes == 0 {
				s.acked = s.now
			}
		}
	}
	if !s.device.Settled() {
		return errors.New("both ends are silent, and the device is not up to date")
	}
	return nil
}

// work lets an end work, and the time pass that it takes.
func (s *slowRun) work(f func() error) error {
	began := time.Now()
	err := f()
	took := time.Since(began)
	s.now += took
	s.worked += took
	return err
}

// speak puts onto the line what both ends have to say.
func (s *slowRun) speak() error {
	s.w.mu.Lock()
	events := s.w.events
	s.w.events = nil
	s.w.mu.Unlock()
	for _, e := range events {
		s.server.Tell(e)
	}
	for m := s.device.Next(); m != nil; m = s.device.Next() {
		s.up += len(m)
		s.send(0, m)
	}
	for m := s.server.Next(); m != nil; m = s.server.Next() {
		s.down += len(m)
		s.send(1, m)
	}
	for _, end := range []interface{ Cause() error }{s.device, s.server} {
		if err := end.Cause(); err != nil {
			return fmt.Errorf("the session ended: %w", err)
		}
	}
	return nil
}

func (s *slowRun) send(way int, msg []byte) {
	s.messages++
	bytes := len(msg) + slowFrame
	bytes += (bytes + slowPacket - 1) / slowPacket * slowHeaders
	w := &s.ways[way]
	w.free = max(w.free, s.now) + time.Duration(bytes)*time.Second/slowBytes
	w.flying = append(w.flying, flying{w.free + slowOneWay, msg})
}
