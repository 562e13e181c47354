package syncws

import (
	"sync"
	"time"

	"mahalleh/syncproto"
)

// A greeting is answered with all that is new, which for a device that says it holds
// nothing is some milliseconds of processor; a device on a bad line comes back every
// few seconds, and one whose program is tried out by hand may come ten times in a
// row. So each device may come so many times in a minute, and some times at once.
// A session that ended because the device said what no program of ours says costs as
// much as all that may come at once: the line may have been at fault the first time,
// but who goes on is let in every quarter of a minute.
const (
	defaultGreetings = 60
	greetingsWithin  = time.Minute
	greetingsAtOnce  = 15
)

// A change that is set aside is written, and somebody has to look at it. A device
// whose person lost a right brings some hundreds; who brings more is read from the
// slower the more there are, a while for each.
const (
	asideFree = 500
	asideEach = 50 * time.Millisecond
	// mostPause bounds how long nothing is read.
	mostPause = 5 * time.Second
)

// guests remembers of devices that the server knows how much they have asked for
// lately. Greetings and comparisons cost time, of which a device has as much as
// passes. A device that has asked for nothing lately is not in it.
type guests struct {
	each time.Duration // what a greeting costs

	mu    sync.Mutex
	known map[syncproto.DeviceID]guest
	swept time.Time
}

// guest is when the greetings of a device are paid for, when its comparisons, and
// when what was set aside of it.
type guest struct{ greeted, asked, aside time.Time }

func newGuests(l Limits, now time.Time) *guests {
	return &guests{each: greetingsWithin / time.Duration(l.orDefaults().Greetings), known: map[syncproto.DeviceID]guest{}, swept: now}
}

// greet takes a device in that has proved itself, and returns 0, or after how long
// it shall come back.
func (g *guests) greet(device syncproto.DeviceID, now time.Time) (after time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
	who := g.known[device]
	until := later(who.greeted, now).Add(g.each)
	if over := until.Sub(now) - greetingsAtOnce*g.each; over > 0 {
		return max(over, soonest) // it is not charged for that
	}
	who.greeted = until
	g.known[device] = who
	return 0
}

// offends notes that a device broke the protocol.
func (g *guests) offends(device syncproto.DeviceID, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := g.known[device]
	who.greeted = later(who.greeted, now).Add(greetingsAtOnce * g.each)
	g.known[device] = who
}

// ahead is by how much a device has compared more than it had time for.
func (g *guests) ahead(device syncproto.DeviceID, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.known[device].asked.Sub(now), 0)
}

// leaves notes how far a device is ahead whose session has ended.
func (g *guests) leaves(device syncproto.DeviceID, ahead time.Duration, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ahead > 0 {
		who := g.known[device]
		who.asked = later(who.asked, now.Add(ahead))
		g.known[device] = who
	}
}

// aside notes that so many changes of a device were set aside, and returns for how
// long nothing more shall be read from it.
func (g *guests) aside(device syncproto.DeviceID, n int, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := g.known[device]
	who.aside = later(who.aside, now).Add(time.Duration(n) * asideEach)
	g.known[device] = who
	return min(max(who.aside.Sub(now)-asideFree*asideEach, 0), mostPause)
}

// sweep forgets whoever has paid.
func (g *guests) sweep(now time.Time) {
	if now.Sub(g.swept) < sweepEvery {
		return
	}
	g.swept = now
	for device, who := range g.known {
		if !later(later(who.greeted, who.asked), who.aside).After(now) {
			delete(g.known, device)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
