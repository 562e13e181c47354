package figures

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mahalleh/cmd/internal/sim"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

func plantedFaults() *Figure {
	return &Figure{
		Name: "planted",
		Size: []Count{{"seeds", 2000}},
		Goals: []Goal{
			// Not "exactly": that a shortened run did not find a fault is no miss.
			{"planted", AtMost, 0, "faults"},
			{"planted.bugs", AtLeast, 20, "faults"},
		},
		Takes:   20 * time.Minute,
		measure: measurePlanted,
	}
}

// Fault is a planted fault and what found it.
type Fault struct {
	Name string
	// Seed is the first seed whose history failed, Played how many were played
	// up to it, or in all; Found says that one did.
	Found  bool
	Seed   uint64
	Played int
	// Law is the one that was broken; "panic", "hang" or "error" if the history
	// failed in another way.
	Law     string
	Problem string
}

func measurePlanted(ctx context.Context, r *run) error {
	n := r.size("seeds")
	r.from = r.From
	dir, err := os.MkdirTemp(r.Memory, "planted")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	maker, err := r.Planted(ctx, dir)
	if err != nil {
		return err
	}
	out, err := maker(ctx, childFaults).Output()
	if err != nil {
		return fmt.Errorf("ask for the faults: %w", err)
	}
	var names []string
	if err := json.Unmarshal(out, &names); err != nil {
		return fmt.Errorf("ask for the faults: %w", err)
	}
	faults, err := r.faults(ctx, names, func(ctx context.Context, name string) (Fault, error) {
		cmd := maker(ctx, childFault, name, strconv.FormatUint(r.From, 10), strconv.Itoa(n), dir)
		var out, problem bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problem
		died := cmd.Run()
		f, err := findings(name, r.From, n, &out, problem.String())
		if err != nil {
			err = fmt.Errorf("play with fault %q: %w", name, errors.Join(err, died, ctx.Err()))
		}
		return f, err
	})
	if err != nil {
		return err
	}
	var missed []Failure
	most := 0
	for _, f := range faults {
		if f.Found {
			most = max(most, f.Played)
		} else {
			missed = append(missed, Failure{r.From, fmt.Sprintf("%q was not found in %d histories", f.Name, f.Played)})
		}
	}
	r.report("planted", float64(len(missed)), map[string]float64{"most_seeds": float64(most)}, missed...)
	r.values[0].Faults = faults
	r.report("planted.bugs", float64(len(faults)), nil)
	return nil
}

// faults plays each fault in a process of its own, on all cores.
func (r *run) faults(ctx context.Context, names []string, play func(ctx context.Context, name string) (Fault, error)) ([]Fault, error) {
	workers := r.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		mu     sync.Mutex // guards faults
		faults []Fault
		next   = make(chan string)
		all    sync.WaitGroup
	)
	for range workers {
		all.Go(func() {
			for name := range next {
				f, err := play(ctx, name)
				if err != nil {
					stop(err)
					continue
				}
				mu.Lock()
				faults = append(faults, f)
				r.Progress(r.figure.Name, len(faults), len(names))
				mu.Unlock()
			}
		})
	}
	for _, name := range names {
		select {
		case next <- name:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	all.Wait()
	slices.SortFunc(faults, func(a, b Fault) int { return cmp.Compare(a.Name, b.Name) })
	return faults, context.Cause(ctx)
}

// said is what a child process that plays with a fault says: that it begins a
// seed, that one failed, or that all were played.
type said struct {
	Began   uint64
	Failed  bool
	Done    bool
	Law     string
	Problem string
}

// findings reads what a child process said. One that fell silent in the midst
// of a seed has died of it.
func findings(name string, from uint64, n int, out io.Reader, problem string) (Fault, error) {
	f := Fault{Name: name}
	began, done := false, false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l said
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return f, fmt.Errorf("a child process says %q: %w", lines.Text(), err)
		}
		switch {
		case l.Done:
			done = true
		case l.Failed:
			f.Found, f.Law, f.Problem = true, l.Law, l.Problem
		default:
			began, f.Seed = true, l.Began
		}
	}
	if err := lines.Err(); err != nil {
		return f, err
	}
	problem = strings.TrimSpace(problem)
	switch {
	case done:
		f.Seed, f.Played = 0, n
		return f, nil
	case f.Found:
	case began && strings.Contains(problem, "goroutine "):
		first, _, _ := strings.Cut(problem, "\n")
		f.Found, f.Law, f.Problem = true, lawPanic, first
	default:
		return f, fmt.Errorf("a child process ended early: %s", problem)
	}
	f.Played = int(f.Seed-from) + 1
	return f, nil
}

// What stands in the place of a law where a history failed in another way.
const (
	lawPanic = "panic"
	lawHang  = "hang"
	lawError = "error"
)

// A seed that takes longer than this has hung: the longest takes a few seconds.
const hangs = time.Minute

// The things that a child process does for the figure: name the faults, and
// play seeds with one until a history fails.
const (
	childFaults = "faults"
	childFault  = "fault"
)

// playFault plays n seeds with a fault switched on until one fails.
func playFault(ctx context.Context, name string, from uint64, n int, dir string, out io.Writer) error {
	if !planted.Switch(name) {
		return fmt.Errorf("the fault %q is not in this program", name)
	}
	codec, err := wire.NewCodec()
	if err != nil {
		return err
	}
	tell := json.NewEncoder(out)
	for i := range uint64(n) {
		if err := tell.Encode(said{Began: from + i}); err != nil {
			return err
		}
		err := Guarded(ctx, func(ctx context.Context) error {
			_, err := sim.Run(ctx, sim.Options{Seed: from + i, Dir: dir, Codec: codec})
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return tell.Encode(said{Failed: true, Law: lawOf(err), Problem: err.Error()})
		}
	}
	return tell.Encode(said{Done: true})
}

// lawOf names the law that a failed history broke, or the way in which it failed.
func lawOf(err error) string {
	var law *sim.Violation
	var panicked *panicError
	switch {
	case errors.As(err, &law):
		return law.Law
	case errors.As(err, &panicked):
		return lawPanic
	case errors.Is(err, errHang):
		return lawHang
	}
	return lawError
}

// errHang says that a history did not end.
var errHang = fmt.Errorf("no end within %v", hangs)

// panicError says that a history made the program panic.
type panicError struct {
	what  any
	stack string
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.what, e.stack) }

// Guarded plays a history with a fault, which may panic or never end: both
// become errors. What does not end goes on behind the caller's back.
func Guarded(ctx context.Context, play func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, hangs, errHang)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if what := recover(); what != nil {
				ended <- &panicError{what, string(debug.Stack())}
			}
		}()
		ended <- play(ctx)
	}()
	select {
	case err := <-ended:
		if err != nil && errors.Is(context.Cause(ctx), errHang) {
			return errHang
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
