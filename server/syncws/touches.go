package syncws

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mahalleh/server/hub"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// touchEvery is for how long what devices say of themselves is gathered before it is
// written: every one of them does so once a minute, and ten thousand transactions a
// minute would be a disk's whole work.
const touchEvery = time.Second

// touches gathers what devices say of themselves.
type touches struct {
	hub *hub.Hub
	log *slog.Logger

	// writing is held by whoever writes, mu for moments.
	writing, mu sync.Mutex
	// last is the newest that each device said and that is not written, nil while
	// there is nothing; timer writes it.
	last  map[syncproto.DeviceID]hub.Touched
	timer *time.Timer
	// written counts transactions.
	written atomic.Int64
}

// do carries out what sessions ask for, as Surroundings.Do.
func (t *touches) do(ctx context.Context, desk *hub.Desk, e session.ServerEffect) session.ServerEvent {
	touch, is := e.(session.Touch)
	if !is {
		return desk.Do(ctx, e)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[syncproto.DeviceID]hub.Touched{}
		t.timer = time.AfterFunc(touchEvery, t.write)
	}
	said := desk.Touched(touch)
	if before := t.last[said.Device]; said.Touch.App == "" {
		said.Touch.App = before.Touch.App
	}
	t.last[said.Device] = said
	return nil
}

// write writes what was gathered.
func (t *touches) write() {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	last := t.last
	if t.last = nil; t.timer != nil {
		t.timer.Stop()
	}
	t.mu.Unlock()
	if len(last) == 0 {
		return
	}
	t.written.Add(1)
	// It is a line of a list for people; the next one says it again.
	if err := t.hub.Touch(context.Background(), slices.Collect(maps.Values(last))); err != nil {
		t.log.Error("what devices said of themselves could not be written", "devices", len(last), "err", err)
	}
}
