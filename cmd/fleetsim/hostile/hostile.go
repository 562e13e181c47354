// Package hostile is what a server has to bear: attacks on it, played by a process
// of its own beside honest devices.
package hostile

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mahalleh/cmd/fleetsim/fleet"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Whom a fleet that is attacked consists of: honest devices and their colleagues
// in the first place, who attack; attackers from other places, in one of which
// Filler is; and those whose logs the server has something of.
const (
	Honest      = 20
	perPlace    = 40
	Filler      = 2*perPlace - 1
	firstWriter = 2 * perPlace
	devices     = 3 * perPlace
)

// Roster is the fleet of a server that is attacked.
func Roster() fleet.Roster { return fleet.Roster{Devices: devices, PerPlace: perPlace} }

// Attack is something that hostile peers do, again and again.
type Attack struct {
	Name string
	// Long attacks need more than some seconds to unfold.
	Long bool
	// hands are how many do it at a time, connects how many connections they may
	// open in a second; 0 is what most have.
	hands, connects int
	// insiders do it, who are colleagues of honest devices, or writers.
	insiders, writers bool
	// once does it once, and returns nil when the server has met it as it should.
	// What goes on until the server has had enough calls did, each time it is met.
	once func(ctx context.Context, h *hand) error
}

// What attackers can bring together: a line of 100 Mbit/s, and as many connections
// as a quarter of what the server admits from everybody.
const (
	manyHands     = 20
	manyConnects  = 100
	bytesInSecond = 12_500_000
)

// Tally is what attackers did.
type Tally struct {
	// Connections were opened and Bytes sent; Done counts the attacks that went
	// as far as they should, LetIn those that the server let pass.
	Connections, Bytes, Done, LetIn int64
}

// Run is the process of the attackers: it waits for a line, attacks until the next
// one, tells a Tally, and so on until in ends.
func Run(ctx context.Context, name, address string, keys []byte, in io.Reader, out io.Writer) error {
	all := Attacks()
	i := slices.IndexFunc(all, func(a Attack) bool { return a.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no attack %q", name)
	}
	g, err := newGang(all[i], address, keys)
	if err != nil {
		return err
	}
	told := json.NewEncoder(out)
	if err := told.Encode(Tally{}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		stop := g.begin(ctx)
		more := lines.Scan()
		stop()
		if !more {
			return lines.Err()
		}
		if err := told.Encode(g.tally()); err != nil {
			return err
		}
	}
	return nil
}

// gang is all attackers together.
type gang struct {
	attack                    Attack
	address                   string
	keys                      []byte
	codec                     *wire.Codec
	hands                     []*hand
	victim                    fleet.Parts
	bytes, connections        pace
	sent, opened, done, letIn atomic.Int64
	// did is called when an attack went as far as it should.
	did func()
	// serial makes each go of an attack another one.
	serial atomic.Int64
}

// newGang makes the attackers' keys.
func newGang(a Attack, address string, keys []byte) (g *gang, err error) {
	g = &gang{attack: a, address: address, keys: keys}
	g.did = func() { g.done.Add(1) }
	if g.codec, err = wire.NewCodec(); err != nil {
		return nil, err
	}
	if g.attack.hands == 0 {
		g.attack.hands = manyHands
	}
	if g.attack.connects == 0 {
		g.attack.connects = manyConnects
	}
	g.bytes.each, g.connections.each = time.Second/bytesInSecond, time.Second/time.Duration(g.attack.connects)
	first, end := perPlace, Filler
	switch {
	case g.attack.insiders:
		first, end = Honest, perPlace
	case g.attack.writers:
		first, end = firstWriter, devices
	}
	for n := range g.attack.hands {
		p, err := Roster().Parts(first + n%(end-first))
		if err != nil {
			return nil, err
		}
		g.hands = append(g.hands, &hand{gang: g, Parts: p, head: syncproto.ChainStart(p.Cert.Log)})
	}
	g.victim, err = Roster().Parts(0)
	return g, err
}

// begin has all attack until stop is called, which waits for them.
func (g *gang) begin(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, h := range g.hands {
		all.Go(func() {
			for ctx.Err() == nil {
				h.serial = int(g.serial.Add(1))
				err := g.attack.once(ctx, h)
				if errors.Is(err, errLetIn) {
					g.letIn.Add(1)
				}
				if err == nil {
					g.did()
				} else if pause(ctx, 10*time.Millisecond) != nil {
					return
				}
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

func (g *gang) tally() Tally {
	return Tally{Connections: g.opened.Swap(0), Bytes: g.sent.Swap(0), Done: g.done.Swap(0), LetIn: g.letIn.Swap(0)}
}

// pace lets things happen one after the other, each after a time.
type pace struct {
	each time.Duration

	mu   sync.Mutex
	next time.Time
}

// wait waits for the turn of n things.
func (p *pace) wait(ctx context.Context, n int) error {
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	at := p.next
	p.next = at.Add(time.Duration(n) * p.each)
	p.mu.Unlock()
	return pause(ctx, at.Sub(now))
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
