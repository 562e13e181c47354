package figures

import (
	"cmp"
	"context"
	"slices"

	"mahalleh/cmd/fleetsim/seeds"
)

// failed is what playing many seeds found.
type failed struct {
	count int
	first []Failure // by seed
}

// seeds plays n seeds from the first one on, on all cores, and collects those
// whose play returned an error. The error is the context's.
func (r *run) seeds(ctx context.Context, n int, play func(ctx context.Context, seed uint64) error) (failed, error) {
	r.from = r.From
	var found failed
	err := seeds.Each(ctx, seeds.Range{From: r.From, N: n, Workers: r.Workers}, play, func(done int, seed uint64, err error) {
		if err != nil {
			found.count++
			found.first = append(found.first, Failure{seed, err.Error()})
		}
		r.Progress(r.figure.Name, done, n)
	})
	slices.SortFunc(found.first, func(a, b Failure) int { return cmp.Compare(a.Seed, b.Seed) })
	found.first = found.first[:min(len(found.first), maxFailures)]
	return found, err
}
