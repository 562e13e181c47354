package syncws

import (
	"context"
	"time"
)

// line is where conversations wait that want something long: one is served at a
// time, so that however many ask, the others keep the rest of the processors.
type line struct {
	turn chan struct{}
	// rest is how long nobody is served after one was, in times of what that took.
	rest int
	next time.Time // whoever has the turn looks at it
}

func newLine(rest int) *line { return &line{turn: make(chan struct{}, 1), rest: rest} }

// take waits for one's turn; leave ends it. If ctx ends there is no turn to wait for.
func (l *line) take(ctx context.Context) (leave func()) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return func() {}
	}
	if wait := time.Until(l.next); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	began := time.Now()
	return func() {
		now := time.Now()
		l.next = now.Add(time.Duration(l.rest) * now.Sub(began))
		<-l.turn
	}
}

// queues are those of one server. A comparison walks through a whole scope, and may be
// asked for by nothing but a lie, so all together get a fifth of a processor; a device
// that has much to catch up with is sent one page after the other.
type queues struct{ walks, pages *line }

func newQueues() *queues { return &queues{walks: newLine(4), pages: newLine(0)} }
