package syncws

import (
	"sync"
	"time"

	"mahalleh/syncproto"
)

// A greeting is answered with all that is new, which for a device that says it holds
// nothing is some milliseconds of processor; a device on a bad line comes back every
// few seconds, and one whose program is tried out by hand may come ten times in a
// row. So each device may come so many times in a minute, and as many besides at once.
const (
	defaultGreetings = 60
	greetingsWithin  = time.Minute
)

// guests remembers of devices that the server knows how much they have asked for
// lately. Greetings and comparisons cost time, of which a device has as much as
// passes: until is when what it asked for is paid for. A device that has asked for
// nothing lately is not in it.
type guests struct {
	each time.Duration // what a greeting costs

	mu    sync.Mutex
	until map[syncproto.DeviceID]time.Time
	swept time.Time
}

func newGuests(l Limits, now time.Time) *guests {
	return &guests{each: greetingsWithin / time.Duration(l.orDefaults().Greetings), until: map[syncproto.DeviceID]time.Time{}, swept: now}
}

// greet takes a device in that has proved itself, and returns 0, or after how long
// it shall come back.
func (g *guests) greet(device syncproto.DeviceID, now time.Time) (after time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
	until := later(g.until[device], now).Add(g.each)
	if over := until.Sub(now) - greetingsWithin; over > 0 {
		return max(over, soonest) // it is not charged for that
	}
	g.until[device] = until
	return 0
}

// ahead is by how much a device has asked for more than it had time for.
func (g *guests) ahead(device syncproto.DeviceID, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.until[device].Sub(now), 0)
}

// leaves notes how far a device is ahead whose session has ended.
func (g *guests) leaves(device syncproto.DeviceID, ahead time.Duration, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ahead > 0 {
		g.until[device] = later(g.until[device], now.Add(ahead))
	}
}

// sweep forgets whoever has paid.
func (g *guests) sweep(now time.Time) {
	if now.Sub(g.swept) < sweepEvery {
		return
	}
	g.swept = now
	for device, until := range g.until {
		if !until.After(now) {
			delete(g.until, device)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
