package figures

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mahalleh/cmd/fleetsim/faultdisk"
)

// Figure is one measurement. What it measures is told to people by the
// catalogues of the commands, under its name.
type Figure struct {
	Name string
	// Size is what the goals speak of; measured with less, they are not shown
	// to hold.
	Size []Count
	// Goals are those of the values that measuring gives, in their order.
	Goals []Goal
	// Takes is about how long it takes on a machine of two cores.
	Takes time.Duration

	measure func(ctx context.Context, r *run) error
}

// Count is a number of things, such as 3,000 histories.
type Count struct {
	Noun string
	N    int
}

// Relation is how a value must stand to its goal's limit.
type Relation string

// The relations.
const (
	AtMost  Relation = "<="
	AtLeast Relation = ">="
	Exactly Relation = "="
)

// Goal is what one value is to reach.
type Goal struct {
	// Value is the value's name: the figure's, or that and a dot and a part.
	Value    string
	Relation Relation
	Limit    float64
	// Unit is B, ms, s, MB (of a million bytes), or what is counted.
	Unit string
}

// String writes the goal as results have it: "<= 180".
func (g Goal) String() string {
	return string(g.Relation) + " " + strconv.FormatFloat(g.Limit, 'f', -1, 64)
}

// Reached reports whether a value reaches the goal.
func (g Goal) Reached(value float64) bool {
	switch g.Relation {
	case AtMost:
		return value <= g.Limit
	case AtLeast:
		return value >= g.Limit
	default:
		return value == g.Limit
	}
}

// Value is what was measured for one goal.
type Value struct {
	Goal
	Got float64
	// Size is what it was measured with, Shortened that this is less than stated.
	Size      []Count
	Shortened bool
	// From is the first seed that was played, 0 if none was.
	From uint64
	// Detail are numbers that help to understand the value, by name.
	Detail map[string]float64
	// Failures are the first of what went wrong.
	Failures []Failure
	// Faults are the planted ones, each with what found it.
	Faults []Fault
	// Took is how long the whole figure took.
	Took time.Duration
}

// OK reports whether the goal is shown to be reached: at the stated size.
func (v *Value) OK() bool { return !v.Shortened && v.Reached(v.Got) }

// Failure is a seed whose history broke a law, and how.
type Failure struct {
	Seed    uint64
	Problem string
}

// maxFailures is how many failures are kept: the first few tell what is wrong.
const maxFailures = 10

// Env is what measuring lives on.
type Env struct {
	// Dir is a directory on the disk that is measured, Memory one on a file
	// system in memory, or Dir; what is made there is removed again.
	Dir, Memory string
	// Sizes are sizes other than those stated, by noun.
	Sizes map[string]int
	// From is the first seed, Workers how many histories are played at a time.
	From    uint64
	Workers int
	// Progress is told how far the figure is, from any goroutine.
	Progress func(figure string, done, total int)
	// Child makes a process of this same program with these arguments.
	Child func(ctx context.Context, args ...string) *exec.Cmd
	// Planted builds this program into a directory, with the planted faults in
	// it, and makes processes of that as Child does of this.
	Planted func(ctx context.Context, dir string) (child func(ctx context.Context, args ...string) *exec.Cmd, err error)
	// Programs builds the real programs, mahalleh and mahalleh-field, into a
	// directory.
	Programs func(ctx context.Context, dir string) error
	// Disk is the SQLite file system that the measured stores are opened on.
	Disk *faultdisk.Disk
	// Profile is a directory for processor profiles of the server processes, ""
	// for none.
	Profile string
}

// run is one measuring of a figure.
type run struct {
	Env
	figure    *Figure
	sizes     []Count
	shortened bool
	from      uint64
	values    []Value
}

// Measure measures the figure. Whatever was measured before an error is
// returned with it.
func (f *Figure) Measure(ctx context.Context, env Env) ([]Value, error) {
	r := &run{Env: env, figure: f}
	began := time.Now()
	err := f.measure(ctx, r)
	if err != nil {
		err = fmt.Errorf("measure %s: %w", f.Name, err)
	} else if !slices.EqualFunc(r.values, f.Goals, func(v Value, g Goal) bool { return v.Goal == g }) {
		err = fmt.Errorf("measure %s: the values are not those of the goals", f.Name)
	}
	for i := range r.values {
		v := &r.values[i]
		v.Size, v.Shortened, v.From, v.Took = r.sizes, r.shortened, r.from, time.Since(began)
	}
	return r.values, err
}

// workersOf is how many work at a time: one for each core if it is not said.
func workersOf(n int) int {
	if n < 1 {
		return runtime.NumCPU()
	}
	return n
}

// each calls f for the numbers below n, so many at a time; a worker whose call
// returns false stops.
func each(workers, n int, f func(i int) bool) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && f(i); i = int(next.Add(1)) - 1 {
			}
		})
	}
	wg.Wait()
}

// size returns how many of something to measure with.
func (r *run) size(noun string) int {
	i := slices.IndexFunc(r.figure.Size, func(c Count) bool { return c.Noun == noun })
	stated := r.figure.Size[i].N
	n := stated
	if other, ok := r.Sizes[noun]; ok && other > 0 {
		n = other
	}
	r.sizes = append(r.sizes, Count{noun, n})
	r.shortened = r.shortened || n < stated
	return n
}

// report gives the value of a goal, in the goals' order.
func (r *run) report(name string, got float64, detail map[string]float64, failures ...Failure) {
	v := Value{Goal: Goal{Value: name}, Got: got, Detail: detail, Failures: failures}
	if i := slices.IndexFunc(r.figure.Goals, func(g Goal) bool { return g.Value == name }); i >= 0 {
		v.Goal = r.figure.Goals[i]
	}
	r.values = append(r.values, v)
}

// Round keeps as many digits as a reader takes in. Whether a goal is reached
// is decided before.
func Round(x float64) float64 {
	digits := 1
	if x > -10 && x < 10 {
		digits = 3
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', digits, 64), 64)
	if err != nil {
		return x
	}
	return rounded
}
