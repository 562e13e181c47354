package figures

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
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
	workers := r.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var (
		mu    sync.Mutex // guards found and done
		found failed
		done  int
		next  = make(chan uint64)
		all   sync.WaitGroup
	)
	for range workers {
		all.Go(func() {
			for seed := range next {
				err := play(ctx, seed)
				if ctx.Err() != nil {
					continue
				}
				mu.Lock()
				if done++; err != nil {
					found.count++
					found.first = append(found.first, Failure{seed, err.Error()})
				}
				r.Progress(r.figure.Name, done, n)
				mu.Unlock()
			}
		})
	}
	for i := range uint64(n) {
		select {
		case next <- r.From + i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	all.Wait()
	slices.SortFunc(found.first, func(a, b Failure) int { return cmp.Compare(a.Seed, b.Seed) })
	found.first = found.first[:min(len(found.first), maxFailures)]
	return found, ctx.Err()
}
