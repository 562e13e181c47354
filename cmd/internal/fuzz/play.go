package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// player plays targets, one after the other.
type player struct {
	out      io.Writer
	root     string
	scratch  string
	found    string // what was found interesting before
	commit   string // what is played, if it is recorded
	piece    int
	workers  int
	until    time.Time         // the zero time is never
	binaries map[string]string // by package
	open     []string          // targets that failed
}

// stalls is how many pieces of a target in a row may come to nothing.
const stalls = 3

// play plays a piece of a target, or, with a goal, pieces until it is reached.
func (p *player) play(ctx context.Context, t target, goal int) error {
	stalled := 0
	for {
		if !p.until.IsZero() && time.Now().After(p.until) {
			return nil
		}
		size := p.piece
		if goal > 0 {
			had, err := p.had(t)
			if err != nil || had >= goal {
				return err
			}
			size = min(size, goal-had)
		}
		began := time.Now()
		n, bug, err := p.fuzz(ctx, t, size)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "fuzzed %s: %d in %d s\n", t, n, int(time.Since(began).Seconds()))
		if bug != "" {
			fmt.Fprintf(p.out, "FAIL %s\n%s\n", t, bug)
			p.open = append(p.open, t.String())
			return nil
		}
		if n > 0 {
			stalled = 0
		} else if stalled++; stalled == stalls {
			p.open = append(p.open, t.String()+" (nothing could be played)")
			return nil
		}
		if goal == 0 && n >= size {
			return nil
		}
		if goal > 0 {
			if err := p.record(t, n); err != nil {
				return err
			}
		}
	}
}

// binary builds a package's tests once, instrumented as go test -fuzz does.
func (p *player) binary(ctx context.Context, pkg string) (string, error) {
	if path := p.binaries[pkg]; path != "" {
		return path, nil
	}
	path := filepath.Join(p.scratch, strings.ReplaceAll(pkg, "/", "-")+".test")
	// Symbols for a debugger would only be written and read.
	if _, err := output(ctx, p.root, "go", "test", "-c", "-fuzz=.", "-ldflags=-s -w", "-o", path, "./"+pkg); err != nil {
		return "", err
	}
	p.binaries[pkg] = path
	return path, nil
}

var (
	executions = regexp.MustCompile(`execs: (\d+)`)
	failing    = regexp.MustCompile(`Failing input written to (\S+)`)
	// How the engine speaks when the process that plays went away, or took
	// longer over one input than it may: because of the input, or because
	// the machine had no time for it.
	away = regexp.MustCompile(`fuzzing process hung or terminated unexpectedly|communicating with fuzzing process`)
)

// fuzz plays so many executions of a target and says how many were played, and
// what is wrong with the target if something is.
func (p *player) fuzz(ctx context.Context, t target, n int) (played int, bug string, err error) {
	binary, err := p.binary(ctx, t.pkg)
	if err != nil {
		return 0, "", err
	}
	args := []string{
		"-test.run=^$", "-test.fuzz=^" + t.name + "$", fmt.Sprintf("-test.fuzztime=%dx", n),
		// Minimising is for whoever hunts a bug; here it would eat the time.
		"-test.fuzzminimizetime=100x", "-test.fuzzcachedir=" + filepath.Join(p.found, filepath.FromSlash(t.pkg)),
	}
	if p.workers > 0 {
		args = append(args, "-test.parallel="+strconv.Itoa(p.workers))
	}
	said, err := p.tell(ctx, t, binary, args...)
	if ctx.Err() != nil {
		return 0, "", errors.New("stopped; the piece that was being played does not count")
	}
	played = playedIn(said)
	if err == nil {
		return played, "", nil
	}
	input := failing.FindSubmatch(said)
	if !away.Match(said) || input == nil {
		if away.Match(said) {
			return played, "", nil // the process alone was lost
		}
		return played, string(said), nil
	}
	// It is a bug if it fails when it is played alone. If not, the machine
	// was busy elsewhere while it was played.
	path := filepath.Join(p.root, filepath.FromSlash(t.pkg), filepath.FromSlash(string(input[1])))
	alone, err := p.tell(ctx, t, binary, "-test.run=^"+t.name+"$/^"+filepath.Base(path)+"$", "-test.timeout=1m")
	if err != nil {
		return played, string(said) + string(alone), nil
	}
	return played, "", os.Remove(path)
}

// tell runs a package's binary in the package's folder and returns all that it
// says.
func (p *player) tell(ctx context.Context, t target, binary string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, binary, args...)
	c.Dir = filepath.Join(p.root, filepath.FromSlash(t.pkg))
	// The engine's own children end with their parent when they are asked to.
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	err := c.Run()
	return said.Bytes(), err
}

// playedIn is how many executions the engine says there were.
func playedIn(said []byte) int {
	all := executions.FindAllSubmatch(said, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.Atoi(string(all[len(all)-1][1]))
	if err != nil {
		return 0
	}
	return n
}
