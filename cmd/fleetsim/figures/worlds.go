package figures

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"mahalleh/cmd/fleetsim/worlds"
	"mahalleh/schemas/forms"
	"mahalleh/syncproto/wire"
)

func twoWorlds() *Figure {
	return &Figure{
		Name: "worlds",
		Size: []Count{{"worlds", 1000}},
		Goals: []Goal{
			{"worlds", Exactly, 0, "differences"},
			{"worlds.planted", AtLeast, float64(len(worlds.Faults)), "faults"},
		},
		Takes:   2 * time.Minute,
		measure: measureWorlds,
	}
}

func measureWorlds(ctx context.Context, r *run) error {
	n := r.size("worlds")
	dir, err := os.MkdirTemp(r.Memory, "worlds")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	tools := &worlds.Tools{Dir: dir}
	if tools.Codec, err = wire.NewCodec(); err != nil {
		return err
	}
	if tools.Forms, err = forms.Load(); err != nil {
		return fmt.Errorf("load the forms: %w", err)
	}
	found, err := r.seeds(ctx, n, func(ctx context.Context, seed uint64) error { return worlds.Compare(ctx, tools, seed) })
	r.report("worlds", float64(found.count), nil, found.first...)
	if err != nil {
		return err
	}
	seen := 0
	detail := map[string]float64{}
	for name, fault := range worlds.Faults {
		spoilt := *tools
		spoilt.Fault = fault
		for seed := r.from; seed < r.from+uint64(n); seed++ {
			if err := worlds.Compare(ctx, &spoilt, seed); errors.Is(err, worlds.ErrDiffers) {
				seen++
				detail[name] = float64(seed)
				break
			}
		}
	}
	r.report("worlds.planted", float64(seen), detail)
	return nil
}
