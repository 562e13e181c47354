package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mahalleh/cmd/fleetsim/faultdisk"
	"mahalleh/cmd/fleetsim/figures"
	"mahalleh/cmd/internal/cli"
)

// options are the flags of "figures".
type options struct {
	full           bool
	seeds, records int
	from           uint64
	workers        int
	dir            string
	profile        string
}

func figuresCommand(a *cli.App) *cobra.Command {
	var o options
	c := a.Command("figures [NAME...]", "fleetsim.figures", func(ctx context.Context, names []string) error {
		if len(names) == 0 && !o.full {
			return listFigures(a)
		}
		chosen, err := choose(names, o.full)
		if err != nil {
			return err
		}
		return measureFigures(ctx, a, &o, chosen)
	})
	f := c.Flags()
	f.BoolVar(&o.full, "full", false, a.T("fleetsim.figures.flag_full"))
	f.IntVar(&o.seeds, "seeds", 0, a.T("fleetsim.figures.flag_seeds"))
	f.IntVar(&o.records, "records", 0, a.T("fleetsim.figures.flag_records"))
	f.Uint64Var(&o.from, "from", 1, a.T("fleetsim.flag_from"))
	f.IntVar(&o.workers, "workers", 0, a.T("fleetsim.flag_workers"))
	f.StringVar(&o.dir, "dir", "", a.T("fleetsim.figures.flag_dir"))
	f.StringVar(&o.profile, "profile", "", a.T("fleetsim.figures.flag_profile"))
	a.Setting(f, "dir", "workers")
	return c
}

func choose(names []string, full bool) ([]*figures.Figure, error) {
	if full && len(names) == 0 {
		return figures.All(), nil
	}
	var chosen []*figures.Figure
	for _, name := range names {
		f, ok := figures.Find(name)
		if !ok {
			return nil, &cli.Error{Code: cli.Usage, Key: "fleetsim.figures.unknown", Args: cli.Args{"name": name}, Hint: "fleetsim.figures.unknown_hint"}
		}
		chosen = append(chosen, f)
	}
	return chosen, nil
}

// listed is a figure as "figures" without a name prints it as JSON.
type listed struct {
	Name    string         `json:"name"`
	What    string         `json:"what"`
	Goals   []listedGoal   `json:"goals"`
	Size    map[string]int `json:"size,omitempty"`
	Seconds float64        `json:"seconds"`
}

type listedGoal struct {
	Name string `json:"name"`
	Goal string `json:"goal"`
	Unit string `json:"unit"`
}

func listFigures(a *cli.App) error {
	table := a.Table("fleetsim.column.name", "fleetsim.column.goal", "fleetsim.column.size", "fleetsim.column.takes", "fleetsim.column.what")
	for _, f := range figures.All() {
		what := a.Member("fleetsim.what", f.Name)
		if a.JSON() {
			l := listed{Name: f.Name, What: what, Size: sizeMap(f.Size), Seconds: f.Takes.Seconds()}
			for _, g := range f.Goals {
				l.Goals = append(l.Goals, listedGoal{g.Value, g.String(), g.Unit})
			}
			if err := a.PrintJSON(l); err != nil {
				return err
			}
			continue
		}
		for i, g := range f.Goals {
			if i == 0 {
				table.Row(g.Value, goalText(a, g), sizeText(a, f.Size), f.Takes, what)
			} else {
				table.Row(g.Value, goalText(a, g), "", "", "")
			}
		}
	}
	if a.JSON() {
		return nil
	}
	return table.Write()
}

func goalText(a *cli.App, g figures.Goal) string {
	return string(g.Relation) + " " + a.T("fleetsim.quantity", cli.Args{"n": figures.Round(g.Limit), "unit": a.Member("fleetsim.unit", g.Unit)})
}

func sizeText(a *cli.App, size []figures.Count) string {
	parts := make([]string, len(size))
	for i, c := range size {
		parts[i] = a.Member("fleetsim.count", c.Noun, cli.Args{"n": c.N})
	}
	return strings.Join(parts, a.T("fleetsim.comma")+" ")
}

func sizeMap(size []figures.Count) map[string]int {
	m := map[string]int{}
	for _, c := range size {
		m[c.Noun] = c.N
	}
	return m
}

// env is what figures are measured on.
func env(a *cli.App, o *options) (figures.Env, error) {
	if o.dir == "" {
		o.dir = os.TempDir()
	}
	self, err := os.Executable()
	if err != nil {
		return figures.Env{}, fmt.Errorf("find this program: %w", err)
	}
	disk, err := faultdisk.Register("counted")
	if err != nil {
		return figures.Env{}, fmt.Errorf("count what is asked of the disk: %w", err)
	}
	progress := a.Progress()
	return figures.Env{
		Dir: o.dir, Memory: figures.MemoryDir(o.dir),
		Sizes: map[string]int{"seeds": o.seeds, "histories": o.seeds, "records": o.records, "saves": o.records, "images": o.seeds, "cases": o.seeds, "rounds": o.seeds, "flips": o.seeds, "drills": o.seeds, "seconds": o.seeds, "devices": o.records, "changes": o.records, "sessions": o.seeds, "worlds": o.seeds},
		From:  o.from, Workers: o.workers,
		Progress: func(figure string, done, total int) {
			progress.Update("fleetsim.figures.progress", cli.Args{"name": figure, "done": done, "total": total})
		},
		Child: func(ctx context.Context, args ...string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, self, append([]string{childName}, args...)...)
			// A program that answers to several names goes by the one it has here.
			cmd.Args[0] = os.Args[0]
			return cmd
		},
		Planted: buildPlanted, Programs: buildPrograms,
		Disk: disk, Profile: o.profile,
	}, nil
}

// measured is a value as JSON.
type measured struct {
	Name      string             `json:"name"`
	Value     float64            `json:"value"`
	Unit      string             `json:"unit"`
	Goal      string             `json:"goal"`
	OK        bool               `json:"ok"`
	Shortened bool               `json:"shortened,omitempty"`
	Size      map[string]int     `json:"size,omitempty"`
	From      uint64             `json:"from,omitempty"`
	Detail    map[string]float64 `json:"detail,omitempty"`
	Failures  []failure          `json:"failures,omitempty"`
	Faults    []fault            `json:"faults,omitempty"`
	Seconds   float64            `json:"seconds"`
	Day       string             `json:"day"`
	Commit    string             `json:"commit,omitempty"`
	Machine   figures.Machine    `json:"machine"`
}

type failure struct {
	Seed    uint64 `json:"seed"`
	Problem string `json:"problem"`
}

type fault struct {
	Name    string `json:"name"`
	Found   bool   `json:"found"`
	Seed    uint64 `json:"seed,omitempty"`
	Played  int    `json:"played"`
	Law     string `json:"law,omitempty"`
	Problem string `json:"problem,omitempty"`
}

func measureFigures(ctx context.Context, a *cli.App, o *options, chosen []*figures.Figure) error {
	e, err := env(a, o)
	if err != nil {
		return err
	}
	report := newReport(ctx, a)
	for _, f := range chosen {
		a.Note("fleetsim.figures.begin", cli.Args{"name": f.Name, "size": sizeText(a, f.Size), "takes": f.Takes})
		values, err := f.Measure(ctx, e)
		for i := range values {
			if err := report.add(&values[i]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return report.end()
}

// report tells values as they come and, on paper, all of them at the end.
type report struct {
	app     *cli.App
	table   *cli.Table
	machine figures.Machine
	day     string
	commit  string
	missed  []string
}

func newReport(ctx context.Context, a *cli.App) *report {
	return &report{
		app: a, machine: figures.ThisMachine(), day: a.Now().UTC().Format("2006-01-02"), commit: commit(ctx),
		table: a.Table("fleetsim.column.name", "fleetsim.column.value", "fleetsim.column.goal", "fleetsim.column.holds", "fleetsim.column.detail"),
	}
}

func (r *report) add(v *figures.Value) error {
	a := r.app
	// A shortened run shows that a law is broken, but proves nothing about times
	// and sizes.
	if !v.Reached(v.Got) && (!v.Shortened || v.Relation == figures.Exactly) {
		r.missed = append(r.missed, v.Goal.Value)
	}
	m := measured{
		Name: v.Goal.Value, Value: figures.Round(v.Got), Unit: v.Unit, Goal: v.Goal.String(), OK: v.OK(), Shortened: v.Shortened,
		Size: sizeMap(v.Size), From: v.From, Seconds: figures.Round(v.Took.Seconds()), Day: r.day, Commit: r.commit, Machine: r.machine,
	}
	for name, n := range v.Detail {
		if m.Detail == nil {
			m.Detail = map[string]float64{}
		}
		m.Detail[name] = figures.Round(n)
	}
	for _, f := range v.Failures {
		m.Failures = append(m.Failures, failure(f))
		a.Note("fleetsim.figures.failure", cli.Args{"name": v.Goal.Value, "seed": fmt.Sprint(f.Seed), "problem": f.Problem})
	}
	for _, f := range v.Faults {
		m.Faults = append(m.Faults, fault(f))
		if f.Found {
			a.Note("fleetsim.figures.found", cli.Args{"fault": f.Name, "law": f.Law, "seed": fmt.Sprint(f.Seed)})
		}
	}
	if a.JSON() {
		return a.PrintJSON(m)
	}
	holds := cli.Key("fleetsim.holds.no")
	switch {
	case v.OK():
		holds = "fleetsim.holds.yes"
	case v.Shortened && v.Reached(v.Got):
		holds = "fleetsim.holds.shortened"
	}
	got := a.T("fleetsim.quantity", cli.Args{"n": m.Value, "unit": a.Member("fleetsim.unit", v.Unit)})
	r.table.Row(v.Goal.Value, got, goalText(a, v.Goal), holds, detailText(v, m.Detail))
	return nil
}

// detailText is technical and the same in every language.
func detailText(v *figures.Value, detail map[string]float64) string {
	var parts []string
	for _, c := range v.Size {
		parts = append(parts, fmt.Sprintf("%s=%d", c.Noun, c.N))
	}
	if v.From > 0 {
		parts = append(parts, fmt.Sprintf("from=%d", v.From))
	}
	for _, name := range slices.Sorted(maps.Keys(detail)) {
		parts = append(parts, fmt.Sprintf("%s=%v", name, detail[name]))
	}
	return strings.Join(parts, " ")
}

func (r *report) end() error {
	a := r.app
	if !a.JSON() {
		if err := r.table.Write(); err != nil {
			return err
		}
		m := r.machine
		err := a.Say("fleetsim.figures.machine", cli.Args{"cpu": m.CPU, "cores": m.Cores, "memory": cli.Bytes(m.Memory), "os": m.OS, "go": m.Go})
		if err != nil {
			return err
		}
	}
	if len(r.missed) > 0 {
		return &cli.Error{Code: cli.Failure, Key: "fleetsim.figures.missed", Args: cli.Args{"names": strings.Join(r.missed, ", ")}, Hint: "fleetsim.figures.missed_hint"}
	}
	return nil
}

// commit names the source that is measured, with a plus if it was changed
// since; "" where there is no repository.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return ""
	}
	name := strings.TrimSpace(string(out))
	if changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output(); err != nil || len(changed) > 0 {
		name += "+"
	}
	return name
}
