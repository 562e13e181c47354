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

func deadlineDay() *Figure {
	return &Figure{
		Name: "deadline-day",
		Size: []Count{{"devices", 250}, {"changes", 1500}, {"seconds", 600}},
		Goals: []Goal{
			{"deadline-day.ack", AtMost, 2000, "ms"},
			{"deadline-day.left", Exactly, 0, "changes"},
			{"deadline-day.lost", Exactly, 0, "changes"},
			{"deadline-day.unsound", Exactly, 0, "failures"},
			{"deadline-day.growth", AtMost, 64, "MB"},
		},
		Takes:   25 * time.Minute,
		measure: measureDeadlineDay,
	}
}

// On the day before a deadline most come at the end: lateShare of the devices in
// the last lateTime of the time.
const (
	lateShare = 0.6
	lateTime  = 0.25
)

func measureDeadlineDay(ctx context.Context, r *run) error {
	devices, changes, seconds := r.size("devices"), r.size("changes"), r.size("seconds")
	r.from = r.From
	p, err := r.newProvince(ctx, devices, devices, 0)
	if err != nil {
		return err
	}
	defer p.close()
	// A month without a line.
	done := 0
	var mu sync.Mutex
	err = p.all(func(i int) error {
		ph := p.phones[i]
		if err := ph.open(); err != nil {
			return err
		}
		for n := range changes {
			if err := ph.save(n); err != nil {
				return errors.Join(err, ph.close())
			}
		}
		mu.Lock()
		done++
		r.Progress(r.figure.Name, done, 2*devices)
		mu.Unlock()
		return ph.close()
	})
	if err != nil {
		return err
	}
	length := time.Duration(seconds) * time.Second
	stop, err := p.serve(min(length/60+1, time.Second))
	if err != nil {
		return err
	}
	began := time.Now()
	again, err := p.arrive(length)
	took := time.Since(began)
	stop()
	if err != nil {
		return err
	}
	acks := milliseconds(p.acks)
	left := 0
	for _, ph := range p.phones {
		left += ph.left
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
	if len(acks) == 0 {
		return errors.New("nothing was acknowledged")
	}
	r.report("deadline-day.ack", percentile(acks, 95), map[string]float64{"p50": percentile(acks, 50), "p99": percentile(acks, 99), "most": acks[len(acks)-1],
		"batches": float64(len(acks)), "seconds_taken": took.Seconds(), "changes_per_s": float64(c.changes) / took.Seconds(), "came_again": float64(again)})
	r.report("deadline-day.left", float64(left), nil)
	r.report("deadline-day.lost", float64(c.lost+c.doubled), map[string]float64{"changes": float64(c.changes)})
	r.report("deadline-day.unsound", float64(len(problems)+len(c.problems)), nil, failures[:min(len(failures), maxFailures)]...)
	before, after := p.rush()
	most := 0.0
	for _, m := range p.part(0, 1, func(s sample) float64 { return s.memory }) {
		most = max(most, m)
	}
	r.report("deadline-day.growth", after-before, map[string]float64{"before_the_rush": before, "at_its_end": after, "most": most})
	return nil
}

// rush is the server's memory before most devices come and when all have been there.
func (p *province) rush() (before, after float64) {
	memory := func(s sample) float64 { return s.memory }
	return middle(p.part(0.2, lateTime*3, memory)), middle(p.part(0.9, 1, memory))
}

// arrive has every device come at its time and stay until it has nothing left to
// do; again counts those that had to come back.
func (p *province) arrive(length time.Duration) (again int, err error) {
	rng := rand.New(rand.NewPCG(p.From, 9))
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	been := 0
	for i, ph := range p.phones {
		at := time.Duration(rng.Float64() * (1 - lateTime) * float64(length))
		if float64(i) < lateShare*float64(len(p.phones)) {
			at = time.Duration((1 - lateTime + rng.Float64()*lateTime) * float64(length))
		}
		all.Go(func() {
			comes := time.NewTimer(at)
			defer comes.Stop()
			select {
			case <-comes.C:
			case <-p.ctx.Done():
				return
			}
			n, err := ph.visit(p.server.address)
			mu.Lock()
			defer mu.Unlock()
			again += n
			if err != nil {
				errs = append(errs, fmt.Errorf("device %d: %w", ph.n, err))
			}
			been++
			p.Progress(p.figure.Name, len(p.phones)+been, 2*len(p.phones))
		})
	}
	all.Wait()
	return again, errors.Join(append(errs, p.ctx.Err())...)
}

// visits is how often a device comes back before it gives up.
const visits = 5

// visit opens a device, has it synchronise until it is up to date, and notes what
// it still had to send in the end.
func (p *phone) visit(address string) (again int, err error) {
	if err := p.open(); err != nil {
		return 0, err
	}
	for ; again < visits; again++ {
		if r := p.sync(p.ctx, address, syncer.Once); r.Outcome == syncer.CaughtUp {
			break
		}
	}
	q, err := p.store.Queue(p.ctx)
	p.left = int(q.Changes)
	return again, errors.Join(err, p.close())
}
