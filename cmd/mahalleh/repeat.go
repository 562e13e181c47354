package main

import (
	"context"
	"time"

	"mahalleh/cmd/internal/cli"
)

const (
	// leastEvery is the shortest interval of backups: each reads all data several
	// times.
	leastEvery = time.Minute
	// retrySoonest and retryLatest bound how long after a failure it is tried
	// again, which is a tenth of the interval.
	retrySoonest = time.Minute
	retryLatest  = time.Hour
)

func checkEvery(every time.Duration) error {
	if every < leastEvery {
		return &cli.Error{Code: cli.Usage, Key: "mahalleh_data.backup.too_often", Args: cli.Args{"least": leastEvery}, Hint: "mahalleh_data.backup.too_often_hint"}
	}
	return nil
}

// repeat does something every interval until ctx is over, for the first time
// when the interval has passed since it was done last, sooner again after a
// failure.
func repeat(ctx context.Context, every, since time.Duration, do func(context.Context) error) {
	wait := time.NewTimer(min(max(every-since, 0), every))
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
		case <-ctx.Done():
			return
		}
		next := every
		if do(ctx) != nil {
			next = min(max(every/10, retrySoonest), retryLatest, every)
		}
		wait.Reset(next)
	}
}
