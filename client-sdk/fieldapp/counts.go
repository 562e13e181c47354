package fieldapp

import (
	"context"
	"slices"
	"sync"

	clientsdk "mahalleh/client-sdk"
)

// counts keep how the neighbourhoods stand. Counting reads every record, which
// takes a second on a cheap phone: a page shows what was counted last, and asks
// again when it is told that it was counted anew.
type counts struct {
	app *App

	mu sync.Mutex
	// of is whose records were counted last, all and err what came of it.
	of  *clientsdk.Client
	all []clientsdk.Neighbourhood
	err error
	// changed grows with every change of the records, counted is what it was when
	// the counting began that all is from.
	changed, counted uint64
	// busy is closed when the counting that goes on has ended; nil while none does.
	busy chan struct{}
}

// heard notes that what was counted is not of now any more.
func (c *counts) heard(events []event) {
	if !slices.Contains(events, eventRecords) && !slices.Contains(events, eventConflicts) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed++
}

// forget drops what was counted: it is sealed while the device is locked.
func (c *counts) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of, c.all, c.err = nil, nil, nil
	c.changed++
}

// get returns what was counted last of a device, and begins to count anew where
// that is needed: counting is closed when that is done, nil if all is of now.
func (c *counts) get(d *clientsdk.Client) (all []clientsdk.Neighbourhood, counting <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != d {
		c.all, c.err, c.of = nil, nil, d
		c.changed++
	}
	if c.counted != c.changed && c.busy == nil {
		busy, now := make(chan struct{}), c.changed
		c.busy = busy
		c.app.done.Go(func() { c.count(d, now, busy) })
	}
	return c.all, c.busy, c.err
}

// last returns what was counted last of a device, and begins nothing.
func (c *counts) last(d *clientsdk.Client) []clientsdk.Neighbourhood {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != d {
		return nil
	}
	return c.all
}

func (c *counts) count(d *clientsdk.Client, now uint64, busy chan struct{}) {
	all, err := d.Neighbourhoods(context.Background())
	c.mu.Lock()
	c.busy = nil
	if c.of == d {
		c.all, c.err, c.counted = all, err, now
	}
	c.mu.Unlock()
	close(busy)
	c.app.events.tell(eventCounted)
}
