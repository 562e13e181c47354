package figures

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"mahalleh/cmd/internal/sim"
	"mahalleh/syncproto/wire"
)

func simulation() *Figure {
	return &Figure{
		Name: "sim",
		Size: []Count{{"seeds", 10_000}},
		Goals: []Goal{
			{"sim", Exactly, 0, "failures"},
			{"sim.replays", Exactly, 0, "differences"},
		},
		Takes:   75 * time.Minute,
		measure: measureSim,
	}
}

// replayEvery is how many seeds apart those lie that are played twice.
const replayEvery = 20

func measureSim(ctx context.Context, r *run) error {
	n := r.size("seeds")
	dir, err := os.MkdirTemp(r.Memory, "sim")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	codec, err := wire.NewCodec()
	if err != nil {
		return err
	}
	var devices, steps, changes, replays, differ atomic.Int64
	found, err := r.seeds(ctx, n, func(ctx context.Context, seed uint64) error {
		opt := sim.Options{Seed: seed, Dir: dir, Codec: codec}
		rep, err := sim.Run(ctx, opt)
		devices.Add(int64(rep.Devices))
		steps.Add(int64(rep.Steps))
		changes.Add(int64(rep.Changes))
		if (seed-r.From)%replayEvery != 0 || ctx.Err() != nil {
			return err
		}
		replays.Add(1)
		again, againErr := sim.Run(ctx, opt)
		if again.Trace != rep.Trace || fmt.Sprint(err) != fmt.Sprint(againErr) {
			differ.Add(1)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.report("sim", float64(found.count), map[string]float64{
		"devices": float64(devices.Load()), "steps": float64(steps.Load()), "changes": float64(changes.Load()),
	}, found.first...)
	r.report("sim.replays", float64(differ.Load()), map[string]float64{"replayed": float64(replays.Load())})
	return nil
}
