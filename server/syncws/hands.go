package syncws

import (
	"context"
	"sync/atomic"
)

// hands are goroutines for what takes a moment, a session's turn or a message to be
// written. A few wait for more when they are done: looking into the store grows a
// stack, and to grow one anew costs more than many a turn. The others go, and
// their stacks with them.
type hands struct {
	ctx  context.Context // none waits once it ends
	work chan func()
	idle atomic.Int32
}

// maxIdle is how many hands wait: more than there are processors for.
const maxIdle = 16

func newHands(ctx context.Context) *hands { return &hands{ctx: ctx, work: make(chan func())} }

// do has f done by somebody.
func (h *hands) do(f func()) {
	select {
	case h.work <- f:
	default:
		go h.hand(f)
	}
}

func (h *hands) hand(f func()) {
	for {
		f()
		f = nil // it holds on to a connection
		if h.idle.Add(1) > maxIdle {
			h.idle.Add(-1)
			return
		}
		select {
		case f = <-h.work:
			h.idle.Add(-1)
		case <-h.ctx.Done():
			return
		}
	}
}
