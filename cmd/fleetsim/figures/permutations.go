package figures

import (
	"context"
	"fmt"
	"os"
	"time"

	"mahalleh/cmd/internal/sim"
	"mahalleh/syncproto/wire"
)

func permutations() *Figure {
	return &Figure{
		Name:    "permutations",
		Size:    []Count{{"histories", 3000}, {"deliveries", 20}},
		Goals:   []Goal{{"permutations", Exactly, 0, "failures"}},
		Takes:   15 * time.Minute,
		measure: measurePermutations,
	}
}

func measurePermutations(ctx context.Context, r *run) error {
	histories, deliveries := r.size("histories"), r.size("deliveries")
	dir, err := os.MkdirTemp(r.Memory, "permutations")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	codec, err := wire.NewCodec()
	if err != nil {
		return err
	}
	law := sim.Permutations{Dir: dir, Codec: codec, Deliveries: deliveries}
	failed, err := r.seeds(ctx, histories, func(ctx context.Context, seed uint64) error { return law.Run(ctx, seed) })
	if err != nil {
		return err
	}
	r.report("permutations", float64(failed.count), nil, failed.first...)
	return nil
}
