package syncws

import (
	"sync"
	"time"
)

// Limits bound what the handler takes on. Zero values take the defaults.
type Limits struct {
	// Sessions is how many connections may stand at once.
	Sessions int
	// Handshakes is how many may begin in a second, over some seconds.
	Handshakes int
}

// The default limits: a session rests in some kilobytes, a handshake costs a
// few elliptic-curve operations and a look into the store.
const (
	defaultSessions   = 10_000
	defaultHandshakes = 200
)

// Refused devices are told to come back at moments one after the other, at the
// rate at which they can be taken.
const (
	soonest = 2 * time.Second
	latest  = 5 * time.Minute
)

// gate admits connections at a rate.
type gate struct {
	limits Limits

	mu sync.Mutex
	// tokens are the handshakes that may begin at once, as of filled.
	tokens float64
	filled time.Time
	// promised is the moment that was given to the last refused device.
	promised time.Time
}

func newGate(l Limits, now time.Time) *gate {
	if l.Sessions <= 0 {
		l.Sessions = defaultSessions
	}
	if l.Handshakes <= 0 {
		l.Handshakes = defaultHandshakes
	}
	return &gate{limits: l, tokens: float64(l.Handshakes), filled: now}
}

// admit says whether a connection may begin now, and if not, after how long its
// device shall come back.
func (g *gate) admit(now time.Time) (after time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	rate := float64(g.limits.Handshakes)
	g.tokens = min(rate, g.tokens+now.Sub(g.filled).Seconds()*rate)
	g.filled = now
	if g.tokens >= 1 {
		g.tokens--
		return 0, true
	}
	return g.slot(now), false
}

// later gives a device that is asked to leave its moment to come back.
func (g *gate) later(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.slot(now)
}

func (g *gate) slot(now time.Time) time.Duration {
	if first := now.Add(soonest); g.promised.Before(first) {
		g.promised = first
	}
	g.promised = g.promised.Add(time.Second / time.Duration(g.limits.Handshakes))
	if g.promised.Sub(now) > latest {
		g.promised = now.Add(soonest) // all moments are taken: begin over
	}
	return g.promised.Sub(now)
}
