package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"os"
	"path/filepath"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Options say which history to play.
type Options struct {
	Seed uint64
	// Dir is where the databases are made and removed, best in memory.
	Dir   string
	Codec *wire.Codec
	// Trace, if not nil, is told each step in words.
	Trace func(string)
}

// Report is what a played history amounted to.
type Report struct {
	Seed uint64
	// Trace is the hash of everything that happened, in order: the same seed
	// gives the same trace.
	Trace   [32]byte
	Devices int
	Steps   int
	Changes int
	// Events count what was played, by name.
	Events map[string]int
}

// Violation says which law a history broke.
type Violation struct {
	Law    string
	Detail string
}

func (v *Violation) Error() string { return fmt.Sprintf("law %q: %s", v.Law, v.Detail) }

func broken(law, format string, args ...any) error {
	return &Violation{Law: law, Detail: fmt.Sprintf(format, args...)}
}

// world is one history being played: a server, its devices, the lines between
// them, and an oracle that remembers what everybody saw and wrote.
type world struct {
	opt Options
	// ctx never ends, so that no statement has to watch it; ended says whether
	// Run's has.
	ctx   context.Context
	ended func() error
	rng   *rand.Rand
	dir   string
	time  int64 // milliseconds since baseTime, the true time
	trace hash.Hash
	rep   Report

	server  *server
	people  []*person
	devices []*device
	oracle  *oracle
	// healing says that no fault may happen any more.
	healing bool
}

// person is somebody who works in some of the places.
type person struct {
	id     syncproto.PersonID
	places map[syncproto.PlaceID]bool
	role   string
}

// Run plays the history of one seed: 2 to 12 devices, 50 to 400 steps, then
// heals everything and checks the laws. The error is a *Violation if a law was
// broken.
func Run(ctx context.Context, opt Options) (rep Report, err error) {
	dir, err := os.MkdirTemp(opt.Dir, "sim")
	if err != nil {
		return rep, err
	}
	defer os.RemoveAll(dir)
	w := &world{opt: opt, ctx: context.WithoutCancel(ctx), ended: ctx.Err, rng: rand.New(rand.NewPCG(opt.Seed, 77)), dir: dir, trace: sha256.New(),
		rep: Report{Seed: opt.Seed, Events: map[string]int{}}}
	w.oracle = newOracle(w)
	defer func() {
		if e := w.close(); err == nil {
			err = e
		}
		rep = w.rep
		copy(rep.Trace[:], w.trace.Sum(nil))
	}()
	if err := w.begin(); err != nil {
		return rep, fmt.Errorf("begin: %w", err)
	}
	if err := w.story(); err != nil {
		return rep, fmt.Errorf("story: %w", err)
	}
	steps := 50 + w.rng.IntN(351)
	for range steps {
		if err := ctx.Err(); err != nil {
			return rep, err
		}
		if err := w.step(); err != nil {
			return rep, fmt.Errorf("step %d: %w", w.rep.Steps, err)
		}
		w.rep.Steps++
	}
	if err := w.heal(); err != nil {
		return rep, fmt.Errorf("after healing: %w", err)
	}
	return rep, nil
}

// note puts an event into the trace.
func (w *world) note(name string, args ...any) {
	w.rep.Events[name]++
	line := fmt.Sprintln(append([]any{w.time, name}, args...)...)
	w.trace.Write([]byte(line))
	if w.opt.Trace != nil {
		w.opt.Trace(line[:len(line)-1])
	}
}

// chance is true once in n times, and never while healing.
func (w *world) chance(n int) bool { return !w.healing && w.rng.IntN(n) == 0 }

func (w *world) now() int64 { return baseTime + w.time }

func (w *world) close() error {
	var errs []error
	for _, d := range w.devices {
		errs = append(errs, d.shut())
	}
	if w.server != nil {
		errs = append(errs, w.server.shut())
	}
	return errors.Join(errs...)
}

func (w *world) begin() error {
	w.server = &server{w: w, path: filepath.Join(w.dir, "server.db")}
	if err := w.server.start(); err != nil {
		return err
	}
	places := []syncproto.PlaceID{w.server.place(1), w.server.place(2)}
	for i := range 2 + w.rng.IntN(3) {
		p := &person{id: syncproto.PersonID{byte(i + 1), 9}, places: map[syncproto.PlaceID]bool{}, role: "technical_manager"}
		// The first may work in both places, the others in one or both.
		only := w.rng.IntN(4)
		p.places[places[0]] = i == 0 || only != 1
		p.places[places[1]] = i == 0 || only != 0
		if i > 1 && w.rng.IntN(3) == 0 {
			p.role = "facilitator"
		}
		w.people = append(w.people, p)
	}
	if err := w.server.people(places); err != nil {
		return err
	}
	for i := range 2 + w.rng.IntN(11) {
		if err := w.addDevice(w.people[i%len(w.people)]); err != nil {
			return err
		}
	}
	w.rep.Devices = len(w.devices)
	return nil
}
