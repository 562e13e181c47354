package fieldapp

import (
	"context"
	"sync"
	"time"
)

// gate is the screen's lock. While it is shut no page shows anything that is
// sealed; the keys stay in memory, so that a sync goes on. It shuts by itself
// when no person did anything for a while.
type gate struct {
	idle   time.Duration
	uptime func() time.Duration

	mu     sync.Mutex
	opened bool
	told   bool          // open pages know that it is shut
	last   time.Duration // uptime at the last act of a person
	pin    bool          // a PIN was set since the program began
}

// open opens the gate: a person has proved who they are.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened, g.told, g.last = true, false, g.uptime()
}

// shut reports whether the gate is shut, after looking whether it is time to.
func (g *gate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened && g.uptime()-g.last >= g.idle {
		g.opened = false
	}
	return !g.opened
}

// fell reports once that the gate has shut since it was opened.
func (g *gate) fell() bool {
	if !g.shut() {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	fell := !g.told
	g.told = true
	return fell
}

// touch notes that a person did something.
func (g *gate) touch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = g.uptime()
}

// close shuts the gate.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = false
}

func (g *gate) hasPIN() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pin
}

func (g *gate) setPIN(is bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pin = is
}

// lookEvery is how often an open page is told that the time is over; a page
// that is asked for is judged at once.
const lookEvery = 5 * time.Second

// watchIdle tells open pages when the gate has shut.
func (a *App) watchIdle(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			if a.gate.fell() {
				a.hide()
			}
		}
	}
}

// hide makes open pages show the lock, and forgets what was to be said next: it
// may name what is sealed.
func (a *App) hide() {
	a.takeSaid()
	a.events.tell(eventLock)
}
