package figures

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"mahalleh/client-sdk/syncer"
)

func soak() *Figure {
	return &Figure{
		Name: "soak",
		Size: []Count{{"devices", 500}, {"seconds", 7200}},
		Goals: []Goal{
			{"soak.memory", AtMost, 1.048576, "MB/h"},
			{"soak.wal", AtMost, 67.108864, "MB"},
			{"soak.descriptors", AtMost, 8, "descriptors"},
			{"soak.goroutines", AtMost, 16, "goroutines"},
			{"soak.lost", Exactly, 0, "changes"},
			{"soak.unsound", Exactly, 0, "failures"},
		},
		Takes:   150 * time.Minute,
		measure: measureSoak,
	}
}

const (
	// soakShare is among how many devices a neighbourhood is shared.
	soakShare = 10
	// soakVisits is how often a device comes to the line in its 24 hours, and
	// soakSaves how much it saves in between, at most.
	soakVisits = 24
	soakSaves  = 4
	// soakWatch is every how many devices one stays connected all the time.
	soakWatch = 5
	// soakBackups is how many backups are taken on the way, each with its drill.
	soakBackups = 12
	// soakBefore is how many records of other places the server holds before, for
	// each device, as a server does that has run for a while.
	soakBefore = 1000
	// soakWarm is the part of the time after which memory, descriptors and
	// goroutines are compared: by then everybody has come once.
	soakWarm = 0.25
)

func measureSoak(ctx context.Context, r *run) error {
	devices, seconds := r.size("devices"), r.size("seconds")
	r.from = r.From
	p, err := r.newProvince(ctx, (devices+soakShare-1)/soakShare, devices, devices*soakBefore)
	if err != nil {
		return err
	}
	defer p.close()
	length := time.Duration(seconds) * time.Second
	stop, err := p.serve(min(length/200+1, 10*time.Second), "--backup-dir", p.data("backups"), "--backup-every", max(length/soakBackups, time.Minute).String())
	if err != nil {
		return err
	}
	err = p.live(length)
	stop()
	if err != nil {
		return err
	}
	problems, err := p.settle()
	if err != nil {
		return err
	}
	c, err := p.reckon()
	if err != nil {
		return err
	}
	var failures []Failure
	for i, problem := range append(problems, c.problems...) {
		failures = append(failures, Failure{Seed: uint64(i), Problem: problem})
	}
	memory := func(s sample) float64 { return s.memory }
	r.report("soak.memory", p.slope(soakWarm, memory), map[string]float64{"warm": middle(p.part(soakWarm, 0.5, memory)), "end": middle(p.part(0.9, 1, memory)),
		"heap": p.slope(soakWarm, func(s sample) float64 { return s.heap }), "pages": p.slope(soakWarm, func(s sample) float64 { return s.cache })})
	most := 0.0
	for _, w := range p.part(0, 1, func(s sample) float64 { return s.wal }) {
		most = max(most, w)
	}
	r.report("soak.wal", most, nil)
	descriptors := func(s sample) float64 { return s.descriptors }
	r.report("soak.descriptors", p.rise(descriptors), map[string]float64{"end": middle(p.part(0.75, 1, descriptors))})
	goroutines := func(s sample) float64 { return s.goroutines }
	r.report("soak.goroutines", p.rise(goroutines), map[string]float64{"end": middle(p.part(0.75, 1, goroutines))})
	backups := 0.0
	for _, n := range p.part(0, 1, func(s sample) float64 { return s.backups }) {
		backups = max(backups, n)
	}
	r.report("soak.lost", float64(c.lost+c.doubled), map[string]float64{"changes": float64(c.changes), "backups": backups, "samples": float64(len(p.samples))})
	r.report("soak.unsound", float64(len(problems)+len(c.problems)), nil, failures[:min(len(failures), maxFailures)]...)
	return nil
}

// rise is by how much the last quarter stands above the second.
func (p *province) rise(of func(sample) float64) float64 {
	return middle(p.part(0.75, 1, of)) - middle(p.part(soakWarm, 0.5, of))
}

// live has all devices work for so long: most come and go, some stay connected.
func (p *province) live(length time.Duration) error {
	ctx, stop := context.WithTimeout(p.ctx, length)
	defer stop()
	began := time.Now()
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for i, ph := range p.phones {
		all.Go(func() {
			err := ph.live(ctx, p.server.address, length, rand.New(rand.NewPCG(p.From+uint64(i), 10)), i%soakWatch == 0)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("device %d: %w", ph.n, err))
				stop()
			}
		})
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			p.Progress(p.figure.Name, int(time.Since(began).Seconds()), int(length.Seconds()))
		case <-ctx.Done():
		}
	}
	all.Wait()
	return errors.Join(append(errs, p.ctx.Err())...)
}

// live has one device save and synchronise now and then until ctx ends.
func (p *phone) live(ctx context.Context, address string, length time.Duration, rng *rand.Rand, stay bool) (err error) {
	if err := p.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var nudge func()
	if stay {
		s := p.syncer(address)
		nudge = s.Queued
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(ctx, syncer.Watch)
		}()
		defer func() { <-ended }()
	} else {
		nudge = func() { p.sync(ctx, address, syncer.Once) }
	}
	for n := 0; ; {
		wait := time.NewTimer(time.Duration(rng.ExpFloat64() * float64(length) / soakVisits))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return nil
		}
		for range rng.IntN(soakSaves + 1) {
			if err := p.save(n); err != nil {
				return err
			}
			n++
		}
		nudge()
	}
}
