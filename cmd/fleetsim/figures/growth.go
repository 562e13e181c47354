package figures

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func growth() *Figure {
	return &Figure{
		Name: "growth",
		Size: []Count{{"records", 10_000_000}},
		Goals: []Goal{
			{"growth", AtMost, 1.5, "x"},
			{"growth.pull", AtMost, 1.5, "x"},
			{"growth.contact", AtMost, 1.5, "x"},
		},
		Takes:   time.Hour,
		measure: measureGrowth,
	}
}

const (
	// grownLeast and grownMiddle are the sizes that the largest is compared with.
	grownLeast, grownMiddle = 10_000, 1_000_000
	// grownScopes is in how many neighbourhoods a store's records lie.
	grownScopes = 50
	// growthRounds is how often all sizes have their turn, after growthWarming
	// turns that do not count.
	growthRounds, growthWarming = 21, 3
	// In a turn growthPushers push a batch of growthBatch each, and growthSingles
	// records are pulled one by one, both ways.
	growthPushers, growthBatch, growthSingles = 5, 100, 5
)

// sizesUpTo are the stores' sizes, ascending.
func sizesUpTo(most int) []int {
	sizes := []int{min(grownLeast, most)}
	if most > grownMiddle {
		sizes = append(sizes, grownMiddle)
	}
	if most > grownLeast {
		sizes = append(sizes, most)
	}
	return sizes
}

func measureGrowth(ctx context.Context, r *run) (err error) {
	sizes := sizesUpTo(r.size("records"))
	if err := r.roomFor(sizes); err != nil {
		return err
	}
	stores := make([]*grown, len(sizes))
	defer func() {
		for _, g := range stores {
			if g != nil {
				err = errors.Join(err, g.close())
			}
		}
	}()
	for i, n := range sizes {
		if stores[i], err = r.newGrown(ctx, n); err != nil {
			return fmt.Errorf("make a store of %d records: %w", n, err)
		}
	}
	// The largest first: what stays in memory is decided by all of them together.
	for i := len(stores) - 1; i >= 0; i-- {
		if err := stores[i].start(); err != nil {
			return err
		}
	}
	for round := range growthWarming + growthRounds {
		for i := range stores {
			g := stores[(i+round)%len(stores)]
			if err := g.turn(); err != nil {
				return fmt.Errorf("round %d of %d records: %w", round+1, g.records, err)
			}
			if round < growthWarming {
				g.push, g.pull, g.contact = nil, nil, nil
			}
		}
		r.Progress(r.figure.Name, round+1, growthWarming+growthRounds)
	}
	r.reportGrowth("growth", stores, func(g *grown) []float64 { return g.push })
	r.reportGrowth("growth.pull", stores, func(g *grown) []float64 { return g.pull })
	r.reportGrowth("growth.contact", stores, func(g *grown) []float64 { return g.contact })
	return nil
}

// reportGrowth compares each store with the smallest, round by round; the median
// of the worst counts.
func (r *run) reportGrowth(name string, stores []*grown, of func(*grown) []float64) {
	worst, detail := 0.0, map[string]float64{}
	for _, g := range stores {
		detail[fmt.Sprintf("ms_%d", g.records)] = median(of(g))
		if g == stores[0] && len(stores) > 1 {
			continue
		}
		ratio := median(ratiosOf(of(g), of(stores[0])))
		detail[fmt.Sprintf("x_%d", g.records)] = ratio
		worst = math.Max(worst, ratio)
	}
	r.report(name, worst, detail)
}

// start starts the server on the store and connects the devices.
func (g *grown) start() (err error) {
	if err := g.warm(); err != nil {
		return err
	}
	if g.server, err = g.r.serve(g.ctx, g.dir); err != nil {
		return err
	}
	return g.connect()
}

// connect connects the devices that push and the one that pulls.
func (g *grown) connect() error {
	for _, p := range append(g.pushers(), g.reader()) {
		// What a packer has said once, the opener of another session does not know.
		p.sealer = wire.NewBatchSealer(g.codec, wire.PurposePush, p.cert, p.key)
		if err := p.connect(g.ctx); err != nil {
			return err
		}
	}
	return nil
}

// pushers are the devices that go on with their logs, reader is a colleague of
// the first of them.
func (g *grown) pushers() []*pusher { return g.devices[:growthPushers:growthPushers] }
func (g *grown) reader() *pusher    { return g.devices[grownScopes] }

// turn pushes and pulls once.
func (g *grown) turn() error {
	batches := make([][]push, growthPushers)
	for i, p := range g.pushers() {
		var err error
		if batches[i], err = p.news(growthBatch); err != nil {
			return err
		}
	}
	began := time.Now()
	for i, p := range g.pushers() {
		if _, err := p.deliver(batches[i], 1); err != nil {
			return err
		}
	}
	g.push = append(g.push, time.Since(began).Seconds()*1000)
	// The batch of the first of them comes to the reader, which does not count.
	if err := g.reader().follow(g.devices[0].scope, g.at(0)); err != nil {
		return err
	}
	var pulls, contacts []float64
	for range growthSingles {
		took, err := g.pullOne()
		if err != nil {
			return err
		}
		pulls = append(pulls, took.Seconds()*1000)
		if took, err = g.contactOne(); err != nil {
			return err
		}
		contacts = append(contacts, took.Seconds()*1000)
	}
	g.pull, g.contact = append(g.pull, median(pulls)), append(g.contact, median(contacts))
	return nil
}

// at is the position of a device's scope: every change of these devices is a new
// record there.
func (g *grown) at(i int) uint64 {
	return g.heads[i] + g.devices[i].seq - g.began[i]
}

// news makes and signs new records.
func (p *pusher) news(n int) ([]push, error) {
	var w work
	for range n {
		if err := p.create(&w); err != nil {
			return nil, err
		}
	}
	return p.seal(w.changes, n)
}

// pullOne times a new record from its sending to its arrival at the reader, which
// is connected.
func (g *grown) pullOne() (time.Duration, error) {
	one, err := g.devices[0].news(1)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := g.devices[0].send(&wire.Push{Batch: one[0].batch}); err != nil {
		return 0, err
	}
	if err := g.reader().follow(g.devices[0].scope, g.at(0)); err != nil {
		return 0, err
	}
	took := time.Since(began)
	for g.devices[0].received < one[0].last {
		if _, err := g.devices[0].receive(); err != nil {
			return 0, err
		}
	}
	return took, nil
}

// contactOne times a contact of the reader that was away while a new record came:
// from its greeting until it is caught up.
func (g *grown) contactOne() (time.Duration, error) {
	if err := g.reader().hangUp(); err != nil {
		return 0, err
	}
	one, err := g.devices[0].news(1)
	if err != nil {
		return 0, err
	}
	if _, err := g.devices[0].deliver(one, 1); err != nil {
		return 0, err
	}
	if err := g.reader().dial(g.ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := g.reader().greet(); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if at := g.reader().cursor(g.devices[0].scope).Position; at != g.at(0) {
		return 0, fmt.Errorf("the reader caught up at position %d of %d", at, g.at(0))
	}
	return took, nil
}

// follow reads until a scope is caught up at a position.
func (p *pusher) follow(scope syncproto.ScopeID, to uint64) error {
	for p.cursor(scope).Position < to {
		if _, err := p.receive(); err != nil {
			return err
		}
	}
	return nil
}

// cursor is how far it was told of a scope.
func (p *pusher) cursor(scope syncproto.ScopeID) wire.Cursor {
	for _, c := range p.cursors {
		if c.Scope == scope {
			return c
		}
	}
	return wire.Cursor{Scope: scope}
}
