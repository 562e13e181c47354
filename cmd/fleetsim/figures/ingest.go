package figures

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"mahalleh/syncproto"
)

// ingestRounds is how often bare loop and server take turns; the median of
// their ratios is the value.
const ingestRounds = 5

func ingest() *Figure {
	return &Figure{
		Name: "ingest",
		Size: []Count{{"records", 200_000}},
		Goals: []Goal{
			{"ingest", AtLeast, 0.5, "x"},
			{"ingest.ack", AtMost, 300, "ms"},
		},
		Takes: 2 * time.Minute,
		measure: func(ctx context.Context, r *run) error {
			// With more than one batch each under way, devices would only wait longer.
			got, err := r.ingest(ctx, 50, 100, 1)
			if err != nil {
				return err
			}
			r.report("ingest", got.ratio(), got.detail())
			r.report("ingest.ack", percentile(got.acks, 99), map[string]float64{"p50": percentile(got.acks, 50), "most": got.acks[len(got.acks)-1]})
			return nil
		},
	}
}

func ingestOne() *Figure {
	return &Figure{
		Name:  "ingest-one",
		Size:  []Count{{"records", 50_000}},
		Goals: []Goal{{"ingest-one", AtLeast, 0.4, "x"}},
		Takes: time.Minute,
		measure: func(ctx context.Context, r *run) error {
			got, err := r.ingest(ctx, 1, 500, 4)
			if err != nil {
				return err
			}
			detail := got.detail()
			detail["ack_p50"], detail["ack_p99"] = percentile(got.acks, 50), percentile(got.acks, 99)
			r.report("ingest-one", got.ratio(), detail)
			return nil
		},
	}
}

// ingested is what both sides reached, round by round.
type ingested struct {
	bare, server []float64 // records a second
	acks         []float64 // sorted, ms
	results      map[syncproto.Outcome]int
	json, wire   float64 // bytes a record
	// pushed and looped are records of all rounds, used and bareTime what the
	// server and the loop needed for them.
	pushed, looped int
	used           served
	bareTime       time.Duration
}

func (g *ingested) ratios() []float64 {
	all := make([]float64, len(g.bare))
	for i := range g.bare {
		all[i] = g.server[i] / g.bare[i]
	}
	slices.Sort(all)
	return all
}

func (g *ingested) ratio() float64 { return g.ratios()[len(g.bare)/2] }

func (g *ingested) detail() map[string]float64 {
	ratios := g.ratios()
	return map[string]float64{
		"least": ratios[0], "most": ratios[len(ratios)-1], "bare": median(g.bare), "server": median(g.server),
		"json": g.json, "sent": g.wire, "memory": float64(g.used.memory) / 1e6,
		"processor_us": float64(g.used.processor.Microseconds()) / float64(g.pushed),
		"bare_us":      float64(g.bareTime.Microseconds()) / float64(g.looped),
		"merged":       float64(g.results[syncproto.Merged]), "conflicted": float64(g.results[syncproto.Conflicted]),
	}
}

func median(of []float64) float64 {
	sorted := slices.Clone(of)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// ingest has devices push records in batches, in turn with the bare loop.
func (r *run) ingest(ctx context.Context, devices, batch, flights int) (got *ingested, err error) {
	records := r.size("records")
	// Whole batches, alike for all devices and rounds.
	each := max(1, records/devices/ingestRounds/batch) * batch
	f, err := r.newFleet(ctx, devices)
	if err != nil {
		return nil, err
	}
	defer f.close()
	bare, err := newBareLoop(ctx, filepath.Join(f.dir, "bare.db"))
	if err != nil {
		return nil, err
	}
	defer bare.close()
	before, err := f.ground(each*ingestRounds/editShare, batch)
	if err != nil {
		return nil, err
	}
	// The ground is made and edited before the clock starts, by the same server.
	got = &ingested{results: map[syncproto.Outcome]int{}, pushed: 2 * len(f.devices) * len(before[0])}
	for _, d := range f.devices {
		clear(d.results)
	}
	for round := range ingestRounds {
		if err := f.round(bare, got, before, round, each, batch, flights); err != nil {
			return nil, fmt.Errorf("round %d: %w", round+1, err)
		}
		r.Progress(r.figure.Name, (round+1)*each*devices, ingestRounds*each*devices)
	}
	for _, d := range f.devices {
		for outcome, n := range d.results {
			got.results[outcome] += n
		}
		if err := d.hangUp(); err != nil {
			return nil, err
		}
	}
	for outcome, n := range got.results {
		if outcome != syncproto.Applied && outcome != syncproto.Merged && outcome != syncproto.Conflicted {
			return nil, fmt.Errorf("%d changes of honest devices have outcome %s", n, outcome)
		}
	}
	slices.Sort(got.acks)
	got.used, err = f.server.stop()
	f.server = nil
	return got, err
}

// ground connects all devices and has each make the records that it will edit;
// the rival edits them all.
func (f *fleet) ground(n, batch int) ([][]made, error) {
	before := make([][]made, len(f.devices))
	batches := make([][]push, len(f.devices))
	var rivals work
	for i, d := range f.devices {
		var w work
		for range n {
			if err := d.create(&w); err != nil {
				return nil, err
			}
		}
		var err error
		if batches[i], err = d.seal(w.changes, batch); err != nil {
			return nil, err
		}
		before[i] = w.made
		for _, m := range w.made {
			if err := f.rival.edit(&rivals, m, d.scope, true); err != nil {
				return nil, err
			}
		}
		if err := d.connect(f.ctx); err != nil {
			return nil, err
		}
	}
	if _, err := f.deliver(batches, 1); err != nil {
		return nil, err
	}
	edits, err := f.rival.seal(rivals.changes, syncproto.MaxBatchChanges)
	if err != nil {
		return nil, err
	}
	if err := f.rival.connect(f.ctx); err != nil {
		return nil, err
	}
	if _, err := f.rival.deliver(edits, 1); err != nil {
		return nil, err
	}
	return before, f.rival.hangUp()
}

// deliver has all devices push at once; the acknowledgements' times come in no
// order.
func (f *fleet) deliver(batches [][]push, flights int) (acks []time.Duration, err error) {
	took := make([][]time.Duration, len(batches))
	errs := make([]error, len(batches))
	var wg sync.WaitGroup
	for i, d := range f.devices {
		wg.Go(func() { took[i], errs[i] = d.deliver(batches[i], flights) })
	}
	wg.Wait()
	for i := range took {
		acks = append(acks, took[i]...)
		if errs[i] != nil {
			return nil, errs[i]
		}
	}
	return acks, nil
}

func (f *fleet) round(bare *bareLoop, got *ingested, before [][]made, round, each, batch, flights int) error {
	batches := make([][]push, len(f.devices))
	perDevice := make([][]bareRow, len(f.devices))
	sent, body, n := 0, 0, 0
	for i, d := range f.devices {
		var w work
		var err error
		if before[i], err = d.day(&w, each, before[i]); err != nil {
			return err
		}
		if batches[i], err = d.seal(w.changes, batch); err != nil {
			return err
		}
		perDevice[i] = w.rows
		n += len(w.rows)
		for _, b := range batches[i] {
			sent += len(b.batch)
		}
		for _, row := range w.rows {
			body += len(row.body)
		}
	}
	got.json, got.wire = float64(body)/float64(n), float64(sent)/float64(n)
	got.pushed += n
	rows := make([]bareRow, 0, n)
	for from := 0; from < each; from += batch {
		for i := range perDevice {
			rows = append(rows, perDevice[i][from:from+batch]...)
		}
	}
	runtime.GC()
	loop := func() error {
		before, err := processorTime()
		if err != nil {
			return err
		}
		took, err := bare.write(f.ctx, rows, bareCommit)
		if err != nil {
			return err
		}
		after, err := processorTime()
		got.bareTime += after - before
		got.looped += n
		got.bare = append(got.bare, float64(n)/took.Seconds())
		return err
	}
	push := func() error {
		began := time.Now()
		acks, err := f.deliver(batches, flights)
		got.server = append(got.server, float64(n)/time.Since(began).Seconds())
		got.acks = append(got.acks, milliseconds(acks)...)
		return err
	}
	if round%2 == 1 {
		loop, push = push, loop
	}
	if err := loop(); err != nil {
		return err
	}
	return push()
}
