package seeds

import (
	"context"
	"errors"
	"testing"
)

func TestEach(t *testing.T) {
	for _, workers := range []int{0, 1, 3, 20} {
		seen := map[uint64]uint64{}
		last := 0
		err := Each(t.Context(), Range{From: 7, N: 10, Workers: workers},
			func(_ context.Context, seed uint64) uint64 { return seed * seed },
			func(done int, seed, square uint64) {
				if done != last+1 {
					t.Errorf("%d workers: done is %d after %d", workers, done, last)
				}
				seen[seed], last = square, done
			})
		if err != nil || len(seen) != 10 {
			t.Errorf("%d workers: played %d seeds, %v, want 10", workers, len(seen), err)
		}
		for seed := uint64(7); seed < 17; seed++ {
			if seen[seed] != seed*seed {
				t.Errorf("%d workers: seed %d gave %d", workers, seed, seen[seed])
			}
		}
	}
}

func TestEachStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	taken := 0
	err := Each(ctx, Range{N: 1000, Workers: 2}, func(ctx context.Context, seed uint64) error {
		if seed == 10 {
			stop()
		}
		return ctx.Err()
	}, func(_ int, _ uint64, err error) {
		if taken++; err != nil {
			t.Errorf("what was stopped is handed on: %v", err)
		}
	})
	if !errors.Is(err, context.Canceled) || taken > 11 {
		t.Errorf("stopped at the eleventh seed: %d taken, %v", taken, err)
	}
}
