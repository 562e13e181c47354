package figures

import (
	"context"
	"path/filepath"
	"slices"
	"time"
)

// ackRounds is how often bare commits and acknowledgements take turns.
const ackRounds = 10

// ackDevices is one device that pushes alone, and fifty that push at once.
const ackDevices = 51

func ack() *Figure {
	return &Figure{
		Name: "ack",
		Size: []Count{{"records", 20_000}},
		Goals: []Goal{
			{"ack", AtMost, 2, "x"},
			{"ack.fifty", AtLeast, 4, "x"},
		},
		Takes:   time.Minute,
		measure: measureAck,
	}
}

func measureAck(ctx context.Context, r *run) error {
	records := r.size("records")
	f, err := r.newFleet(ctx, ackDevices)
	if err != nil {
		return err
	}
	defer f.close()
	bare, err := newBareLoop(ctx, filepath.Join(f.dir, "bare.db"))
	if err != nil {
		return err
	}
	defer bare.close()
	for _, d := range f.devices {
		if err := d.connect(ctx); err != nil {
			return err
		}
	}
	var a acked
	for round := range ackRounds {
		if err := f.ackRound(bare, &a, max(1, records/(ackDevices-1)/ackRounds)); err != nil {
			return err
		}
		r.Progress(r.figure.Name, (round+1)*records/ackRounds, records)
	}
	for _, d := range f.devices {
		if err := d.hangUp(); err != nil {
			return err
		}
	}
	used, err := f.server.stop()
	f.server = nil
	if err != nil {
		return err
	}
	one, fifty := ratiosOf(a.one, a.bare), ratiosOf(a.fifty, a.rate)
	r.report("ack", median(one), map[string]float64{"least": slices.Min(one), "most": slices.Max(one), "bare_p50": median(a.bare), "p50": median(a.one)})
	r.report("ack.fifty", median(fifty), map[string]float64{"least": slices.Min(fifty), "most": slices.Max(fifty), "bare": median(a.rate), "server": median(a.fifty),
		"p50": median(a.waits), "memory": float64(used.memory) / 1e6})
	return nil
}

// acked is what was reached, round by round: medians of a bare commit's and an
// acknowledgement's milliseconds, records a second of bare commits and of all
// devices together, and how long those wait.
type acked struct {
	bare, one, rate, fifty, waits []float64
}

func ratiosOf(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

// ackRound times single records, so many of each device: those of the first
// acknowledged alone, in turn with bare commits, and those of the others at once.
func (f *fleet) ackRound(bare *bareLoop, a *acked, each int) error {
	batches := make([][]push, len(f.devices))
	var rows []bareRow
	for i, d := range f.devices {
		var w work
		for range each {
			if err := d.create(&w); err != nil {
				return err
			}
		}
		var err error
		if batches[i], err = d.seal(w.changes, 1); err != nil {
			return err
		}
		if i == 0 {
			rows = w.rows
		}
	}
	var commits, acks []time.Duration
	total := time.Duration(0)
	for i, b := range batches[0] {
		took, err := bare.write(f.ctx, rows[i:i+1], 1)
		if err != nil {
			return err
		}
		commits = append(commits, took)
		total += took
		waited, err := f.devices[0].deliver([]push{b}, 1)
		if err != nil {
			return err
		}
		acks = append(acks, waited...)
	}
	batches[0] = nil
	began := time.Now()
	waits, err := f.deliver(batches, 1)
	if err != nil {
		return err
	}
	a.fifty = append(a.fifty, float64(each*(len(f.devices)-1))/time.Since(began).Seconds())
	a.rate = append(a.rate, float64(len(commits))/total.Seconds())
	a.bare = append(a.bare, percentile(milliseconds(commits), 50))
	a.one = append(a.one, percentile(milliseconds(acks), 50))
	a.waits = append(a.waits, percentile(milliseconds(waits), 50))
	return nil
}
