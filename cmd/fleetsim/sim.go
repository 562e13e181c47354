package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/fleetsim/figures"
	"mahalleh/cmd/fleetsim/seeds"
	"mahalleh/cmd/internal/cli"
	"mahalleh/cmd/internal/sim"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// simOptions are the flags of "sim".
type simOptions struct {
	seeds   int
	from    uint64
	workers int
	trace   uint64
	dir     string
	planted string
}

func simCommand(a *cli.App) *cobra.Command {
	var o simOptions
	var c *cobra.Command
	c = a.Command("sim", "fleetsim.sim", func(ctx context.Context, _ []string) error {
		return play(ctx, a, &o, c.Flags().Changed("trace"))
	})
	f := c.Flags()
	f.IntVar(&o.seeds, "seeds", 1000, a.T("fleetsim.sim.flag_seeds"))
	f.Uint64Var(&o.from, "from", 1, a.T("fleetsim.flag_from"))
	f.IntVar(&o.workers, "workers", 0, a.T("fleetsim.flag_workers"))
	f.Uint64Var(&o.trace, "trace", 0, a.T("fleetsim.sim.flag_trace"))
	f.StringVar(&o.dir, "dir", "", a.T("fleetsim.sim.flag_dir"))
	f.StringVar(&o.planted, "planted", "", a.T("fleetsim.sim.flag_planted"))
	a.Setting(f, "dir", "workers")
	return c
}

// play plays the seeds and prints those that broke a law.
func play(ctx context.Context, a *cli.App, o *simOptions, traced bool) error {
	if o.planted != "" {
		if listed, err := plant(a, o.planted); err != nil || listed {
			return err
		}
	}
	codec, err := wire.NewCodec()
	if err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = figures.MemoryDir(os.TempDir())
	}
	dir, err := os.MkdirTemp(o.dir, "sim")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	opt := sim.Options{Dir: dir, Codec: codec}
	r := seeds.Range{From: o.from, N: o.seeds, Workers: o.workers}
	var writing error
	if traced {
		r.From, r.N = o.trace, 1
		opt.Trace = func(line string) {
			if _, err := fmt.Fprintln(a.Stdout(), line); err != nil && writing == nil {
				writing = fmt.Errorf("write output: %w", err)
			}
		}
	}
	sum := summary{From: r.From, Seeds: r.N, Events: map[string]int{}}
	began := time.Now()
	progress := a.Progress()
	err = seeds.Each(ctx, r, func(ctx context.Context, seed uint64) played {
		opt := opt
		opt.Seed = seed
		if o.planted != "" {
			return guarded(ctx, opt)
		}
		rep, err := sim.Run(ctx, opt)
		return played{rep, err}
	}, func(done int, _ uint64, p played) {
		progress.Update("fleetsim.sim.progress", cli.Args{"done": done, "total": r.N, "failures": len(sum.failed)})
		sum.add(p)
		if p.err != nil && writing == nil {
			writing = tellFailure(a, p)
		}
	})
	progress.Done()
	if err = errors.Join(err, writing); err != nil {
		return err
	}
	sum.Seconds = figures.Round(time.Since(began).Seconds())
	return sum.end(a)
}

// plant switches a planted fault on, or lists them all.
func plant(a *cli.App, name string) (listed bool, err error) {
	names := planted.Names()
	switch {
	case len(names) == 0:
		return false, &cli.Error{Code: cli.Usage, Key: "fleetsim.sim.no_faults", Hint: "fleetsim.sim.no_faults_hint"}
	case name == "list":
		for _, name := range names {
			if a.JSON() {
				err = a.PrintJSON(name)
			} else {
				_, err = fmt.Fprintln(a.Stdout(), name)
			}
			if err != nil {
				return true, fmt.Errorf("write output: %w", err)
			}
		}
		return true, nil
	case !planted.Switch(name):
		return false, &cli.Error{Code: cli.Usage, Key: "fleetsim.sim.unknown_fault", Args: cli.Args{"name": name}, Hint: "fleetsim.sim.unknown_fault_hint"}
	}
	return false, nil
}

// guarded plays a history with a fault, which may panic or never end.
func guarded(ctx context.Context, opt sim.Options) played {
	done := make(chan sim.Report, 1)
	err := figures.Guarded(ctx, func(ctx context.Context) error {
		rep, err := sim.Run(ctx, opt)
		done <- rep
		return err
	})
	select {
	case rep := <-done:
		return played{rep, err}
	default:
		return played{sim.Report{Seed: opt.Seed}, err}
	}
}

// played is what came of one seed.
type played struct {
	sim.Report
	err error
}

// broke is a failure as JSON.
type broke struct {
	Seed    uint64 `json:"seed"`
	Law     string `json:"law,omitempty"`
	Problem string `json:"problem"`
	Devices int    `json:"devices"`
	Steps   int    `json:"steps"`
	Changes int    `json:"changes"`
	Trace   string `json:"trace"`
}

func tellFailure(a *cli.App, p played) error {
	b := broke{Seed: p.Seed, Problem: p.err.Error(), Devices: p.Devices, Steps: p.Steps, Changes: p.Changes, Trace: hex.EncodeToString(p.Trace[:])}
	var v *sim.Violation
	if errors.As(p.err, &v) {
		b.Law = v.Law
	}
	if a.JSON() {
		return a.PrintJSON(b)
	}
	return a.Say("fleetsim.sim.broken", cli.Args{"seed": fmt.Sprint(b.Seed), "devices": b.Devices, "changes": b.Changes, "problem": b.Problem})
}

// summary is what playing all seeds came to.
type summary struct {
	From     uint64  `json:"from"`
	Seeds    int     `json:"seeds"`
	Failures int     `json:"failures"`
	Devices  int     `json:"devices"`
	Steps    int     `json:"steps"`
	Changes  int     `json:"changes"`
	Seconds  float64 `json:"seconds"`
	// Trace is one hash over the traces of all seeds, in the seeds' order.
	Trace  string         `json:"trace"`
	Events map[string]int `json:"events"`

	failed []uint64
	traces map[uint64][32]byte
}

func (s *summary) add(p played) {
	if s.traces == nil {
		s.traces = map[uint64][32]byte{}
	}
	s.traces[p.Seed] = p.Trace
	s.Devices += p.Devices
	s.Steps += p.Steps
	s.Changes += p.Changes
	for name, n := range p.Events {
		s.Events[name] += n
	}
	if p.err != nil {
		s.failed = append(s.failed, p.Seed)
	}
}

func (s *summary) end(a *cli.App) error {
	slices.Sort(s.failed)
	s.Failures = len(s.failed)
	all := sha256.New()
	for i := range uint64(s.Seeds) {
		trace := s.traces[s.From+i]
		all.Write(trace[:])
	}
	s.Trace = hex.EncodeToString(all.Sum(nil))
	var err error
	if a.JSON() {
		err = a.PrintJSON(s)
	} else {
		err = a.Say("fleetsim.sim.summary", cli.Args{
			"seeds": s.Seeds, "from": fmt.Sprint(s.From), "devices": s.Devices, "steps": s.Steps, "changes": s.Changes,
			"failures": s.Failures, "trace": s.Trace[:16], "seconds": time.Duration(s.Seconds * float64(time.Second)),
		})
	}
	if err != nil || s.Failures == 0 {
		return err
	}
	names := make([]string, 0, maxNamed)
	for _, seed := range s.failed[:min(len(s.failed), maxNamed)] {
		names = append(names, fmt.Sprint(seed))
	}
	return &cli.Error{Code: cli.Failure, Key: "fleetsim.sim.failed", Args: cli.Args{"n": s.Failures, "seeds": strings.Join(names, ", "), "first": names[0]}, Hint: "fleetsim.sim.failed_hint"}
}

// maxNamed is how many failing seeds are named at the end.
const maxNamed = 10
