package hub

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"mahalleh/server/store"
)

// clockKey is where the latest server time is kept.
const clockKey = "hub.clock"

const (
	// clockJump is how far back the machine's clock may step, in milliseconds,
	// before the operator is told: time servers correct by seconds.
	clockJump = 10 * 60 * 1000
	// clockLeap is how far it may go forward beyond what has passed: a server
	// that stood still, or slept, for some weeks is believed.
	clockLeap = 30 * 24 * 60 * 60 * 1000
)

// serverTime is the time under which the server writes, Unix milliseconds. It
// goes forward with the machine's clock, and does not follow its jumps.
type serverTime struct {
	last int64 // the time given out last
	up   int64 // the process's uptime then
	// alarm says that the machine's clock is not believed.
	alarm bool
}

// follow looks at the machine's clock and returns the server's time. While the
// clock is ahead by a leap, time goes on by the process's uptime; while it has
// gone back, time waits for it.
func (s *serverTime) follow(clock, up int64) int64 {
	went := max(up-s.up, 0)
	switch {
	case s.last != 0 && clock > s.last+went+clockLeap:
		s.alarm = true
		s.last += went
	case clock < s.last-clockJump:
		s.alarm = true
	case clock >= s.last:
		s.alarm = false
		s.last = clock
	}
	s.up = up
	return s.last
}

// ClockState is the server's time beside the machine's clock, Unix
// milliseconds. Alarm says that the machine's clock has jumped: the server does
// not follow it then, and nothing expires.
type ClockState struct {
	Server, Machine int64
	Alarm           bool
}

// Clock looks at the machine's clock.
func (h *Hub) Clock() ClockState {
	h.timeMu.Lock()
	defer h.timeMu.Unlock()
	clock, stood := h.clock(), h.time.alarm
	now := h.time.follow(clock, h.uptime())
	if h.time.alarm && !stood {
		h.log.Error("the machine's clock has jumped; the server does not follow it", "clock_ms", clock, "server_ms", now)
	}
	return ClockState{Server: now, Machine: clock, Alarm: h.time.alarm}
}

func (h *Hub) now() int64 { return h.Clock().Server }

// Now returns the server's time, Unix milliseconds, and whether the clock's
// alarm is raised: then nothing may expire.
func (h *Hub) Now() (ms int64, alarm bool) {
	c := h.Clock()
	return c.Server, c.Alarm
}

// TrustClock takes the machine's clock as right, whichever way it jumped: an
// act of the operator, who has looked.
func (h *Hub) TrustClock(ctx context.Context) (ClockState, error) {
	clock := h.clock()
	err := h.store.Update(ctx, func(tx store.Tx) error { return tx.PutMeta(clockKey, timeBytes(clock)) })
	if err != nil {
		return ClockState{}, fmt.Errorf("trust the machine's clock: %w", err)
	}
	h.timeMu.Lock()
	h.time = serverTime{last: clock, up: h.uptime()}
	h.timeMu.Unlock()
	return h.Clock(), nil
}

// readTime takes up the time where the last run left it.
func (h *Hub) readTime(tx store.Tx) error {
	b, err := tx.Meta(clockKey)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil && len(b) != 8 {
		err = fmt.Errorf("the server's time: %w", store.ErrCorrupt)
	}
	if err != nil {
		return err
	}
	h.timeMu.Lock()
	defer h.timeMu.Unlock()
	h.time = serverTime{last: int64(binary.BigEndian.Uint64(b)), up: h.uptime()}
	return nil
}

func timeBytes(ms int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(ms)) }
