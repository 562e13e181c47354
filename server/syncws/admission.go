package syncws

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits bound what the handler takes on. Zero values take the defaults.
type Limits struct {
	// Sessions is how many connections may stand at once.
	Sessions int
	// Handshakes is how many may begin in a second, over some seconds.
	Handshakes int
	// Waiting is how many may stand whose device is not known yet.
	Waiting int
	// PerAddress is how many may begin in a second from one address, an IPv4
	// address or the 64 bits of an IPv6 network; and of the waiting ones, the
	// same part may be from there. This machine's own addresses are not counted:
	// a proxy that runs here has them all, and has bounds of its own.
	PerAddress int
	// Greetings is how many times in a minute one device may come that the server
	// knows; as many more at once after a rest.
	Greetings int
}

// The default limits: a session rests in some kilobytes, a handshake costs a
// few elliptic-curve operations and some looks into the store, and a connection
// that waits for its device has two round trips to make. A tenth for one address
// lets the devices of a province, which may all be behind one, come back within
// seconds, and leaves the others nine.
const (
	defaultSessions   = 10_000
	defaultHandshakes = 400
	defaultWaiting    = 2000
	perAddressPart    = 10
)

// DefaultLimits are those that zero values stand for.
func DefaultLimits() Limits { return Limits{}.orDefaults() }

func (l Limits) orDefaults() Limits {
	if l.Sessions <= 0 {
		l.Sessions = defaultSessions
	}
	if l.Handshakes <= 0 {
		l.Handshakes = defaultHandshakes
	}
	if l.Waiting <= 0 {
		l.Waiting = defaultWaiting
	}
	if l.PerAddress <= 0 {
		l.PerAddress = max(l.Handshakes/perAddressPart, 1)
	}
	if l.Greetings <= 0 {
		l.Greetings = defaultGreetings
	}
	return l
}

// Refused devices are told to come back at moments one after the other, at the
// rate at which they can be taken.
const (
	soonest = 2 * time.Second
	latest  = 5 * time.Minute
)

// origin is where a connection comes from, as far as that is bounded; the zero
// origin is not.
type origin netip.Prefix

// originOf reads the address of a request.
func originOf(remote string) origin {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return origin{}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Unmap().IsLoopback() {
		return origin{}
	}
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return origin{}
	}
	return origin(p)
}

// gate admits connections at a rate, and so many of which nobody knows yet whose
// they are.
type gate struct {
	limits Limits
	// waitingEach is how many may wait that come from one address.
	waitingEach int

	mu      sync.Mutex
	all     pace
	waiting int
	// from holds the addresses that are not as if nobody had come from there;
	// swept is when that was last looked at.
	from  map[origin]*caller
	swept time.Time
}

// caller is an address that somebody came from.
type caller struct {
	pace
	waiting int
}

func newGate(l Limits, now time.Time) *gate {
	l = l.orDefaults()
	each := max(l.Waiting*l.PerAddress/l.Handshakes, 1)
	return &gate{limits: l, waitingEach: each, all: newPace(l.Handshakes, now), from: map[origin]*caller{}, swept: now}
}

// admit says whether a connection may begin now, and if not, after how long its
// device shall come back. One that is admitted waits until known or gone is called.
func (g *gate) admit(from origin, now time.Time) (after time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
	if g.waiting >= g.limits.Waiting || !g.all.ready(now) {
		return g.all.slot(now), false
	}
	if from != (origin{}) {
		c := g.from[from]
		if c == nil {
			c = &caller{pace: newPace(g.limits.PerAddress, now)}
			g.from[from] = c
		}
		if c.waiting >= g.waitingEach || !c.ready(now) {
			return c.slot(now), false
		}
		c.take()
		c.waiting++
	}
	g.all.take()
	g.waiting++
	return 0, true
}

// known says that a connection waits no longer: whose it is is known, or it is gone.
func (g *gate) known(from origin) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting--
	if c := g.from[from]; c != nil {
		c.waiting--
	}
}

// later gives a device that is asked to leave its moment to come back.
func (g *gate) later(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all.slot(now)
}

// sweepEvery is how often addresses are forgotten from which nobody comes any more.
const sweepEvery = time.Second

func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < sweepEvery {
		return
	}
	g.swept = now
	for from, c := range g.from {
		if c.waiting == 0 && c.rested(now) {
			delete(g.from, from)
		}
	}
}

// pace is a rate at which something may happen.
type pace struct {
	rate float64
	// tokens are those that may happen at once, as of filled.
	tokens float64
	filled time.Time
	// promised is the moment that was given to the last one refused.
	promised time.Time
}

func newPace(rate int, now time.Time) pace {
	return pace{rate: float64(rate), tokens: float64(rate), filled: now}
}

// ready says whether one may happen now; take says that it does.
func (p *pace) ready(now time.Time) bool {
	p.tokens = min(p.rate, p.tokens+now.Sub(p.filled).Seconds()*p.rate)
	p.filled = now
	return p.tokens >= 1
}

func (p *pace) take() { p.tokens-- }

// rested says that nobody came for a while, and nobody was told to come later.
func (p *pace) rested(now time.Time) bool {
	return now.Sub(p.filled) >= time.Second && p.promised.Before(now)
}

// slot gives one that is refused its moment.
func (p *pace) slot(now time.Time) time.Duration {
	if first := now.Add(soonest); p.promised.Before(first) {
		p.promised = first
	}
	p.promised = p.promised.Add(time.Duration(float64(time.Second) / p.rate))
	if p.promised.Sub(now) > latest {
		p.promised = now.Add(soonest) // all moments are taken: begin over
	}
	return p.promised.Sub(now)
}
