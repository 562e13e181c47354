// Command fuzz plays the module's fuzz targets, so many executions of each, and
// records in docs/fuzz.md how many each has had.
//
//	go run ./cmd/internal/fuzz                        2,000 of each target
//	go run ./cmd/internal/fuzz -piece 500000 -goal 10000000
//
// With -goal it goes on, piece by piece and in the order of the document, until
// each target has had so many in all; each piece is written down when it is
// played, so that it can be stopped at any time and loses one piece.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

// run plays what the arguments ask for.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	piece := flags.Int("piece", 2000, "how many `EXECUTIONS` are played without a break")
	goal := flags.Int("goal", 0, "play pieces until each target has had so many `EXECUTIONS` in all, and record them; without it, one piece of each is played")
	lasts := flags.Duration("for", 0, "begin no piece after this `TIME`, such as 1h30m")
	workers := flags.Int("workers", 0, "how many `PROCESSES` play at a time; without it, one for each processor")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: fuzz [flags] [TARGET...]   targets by their names, such as FuzzFrame; without one, all")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *piece <= 0 || *goal < 0 {
		return errors.New("executions are counted from 1")
	}
	p := &player{out: out, piece: *piece, workers: *workers, binaries: map[string]string{}}
	if err := p.begin(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(p.scratch)) }()
	if *goal > 0 {
		// Now, since what is built now is what is played.
		if p.commit, err = p.commitOf(ctx); err != nil {
			return err
		}
	}
	targets, err := p.chosen(flags.Args())
	if err != nil {
		return err
	}
	if *lasts > 0 {
		p.until = time.Now().Add(*lasts)
	}
	for _, t := range targets {
		if err := p.play(ctx, t, *goal); err != nil {
			return err
		}
	}
	if len(p.open) > 0 {
		return fmt.Errorf("%d of %d targets failed: %s", len(p.open), len(targets), strings.Join(p.open, ", "))
	}
	fmt.Fprintf(out, "%d fuzz targets\n", len(targets))
	return nil
}

// begin finds the module and its commit, and makes a folder for binaries.
func (p *player) begin(ctx context.Context) (err error) {
	if p.root, err = output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}"); err != nil {
		return err
	}
	cache, err := output(ctx, p.root, "go", "env", "GOCACHE")
	if err != nil {
		return err
	}
	// Where go test keeps what it found interesting.
	p.found = filepath.Join(cache, "fuzz", "mahalleh")
	p.scratch, err = os.MkdirTemp("", "fuzz")
	return err
}

// chosen are the targets of some names, or all, in the document's order.
func (p *player) chosen(names []string) ([]target, error) {
	doc, err := os.ReadFile(filepath.Join(p.root, document))
	if err != nil {
		return nil, err
	}
	rows, err := readRows(string(doc))
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, r := range rows {
		if len(names) == 0 || slices.Contains(names, r.target.name) {
			targets = append(targets, r.target)
		}
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("%s lists no target of that name", document)
	}
	return targets, nil
}

// output runs a command in a folder and returns what it prints.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	var stderr strings.Builder
	c.Stderr = &stderr
	b, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(b)), nil
}
