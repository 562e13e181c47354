// Package seeds plays many seeded histories at a time.
package seeds

import (
	"context"
	"runtime"
	"sync"
)

// Range are the seeds From, From+1, ... of which there are N.
type Range struct {
	From uint64
	N    int
	// Workers is how many are played at a time; 0 is one for each core.
	Workers int
}

// Each plays each seed and hands what came of it to took, one at a time and in
// the order in which the plays end; done counts them. When the context ends, no
// more are begun, what was being played is not handed on, and its error is
// returned.
func Each[T any](ctx context.Context, r Range, play func(ctx context.Context, seed uint64) T, took func(done int, seed uint64, result T)) error {
	workers := r.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var (
		mu   sync.Mutex // guards done, and lets one result be taken at a time
		done int
		next = make(chan uint64)
		all  sync.WaitGroup
	)
	for range workers {
		all.Go(func() {
			for seed := range next {
				result := play(ctx, seed)
				if ctx.Err() != nil {
					continue
				}
				mu.Lock()
				done++
				took(done, seed, result)
				mu.Unlock()
			}
		})
	}
	for i := range uint64(r.N) {
		select {
		case next <- r.From + i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	all.Wait()
	return ctx.Err()
}
