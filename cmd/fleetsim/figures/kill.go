package figures

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"mahalleh/client-sdk/syncer"
	"mahalleh/syncproto/wire"
)

func kill() *Figure {
	return &Figure{
		Name: "kill",
		Size: []Count{{"rounds", 300}},
		Goals: []Goal{
			{"kill.lost", Exactly, 0, "changes"},
			{"kill.doubled", Exactly, 0, "changes"},
			{"kill.unsound", Exactly, 0, "failures"},
		},
		Takes:   4 * time.Minute,
		measure: measureKill,
	}
}

// measureKill kills the server's process and the field program's, so many
// times each.
func measureKill(ctx context.Context, r *run) error {
	rounds := r.size("rounds")
	r.from = r.From
	p, err := r.programs(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	codec, err := wire.NewCodec()
	if err != nil {
		return err
	}
	k := &killing{run: r, ctx: ctx, programs: p, codec: codec, rounds: rounds}
	// Both at a time: each waits for one process much of the time.
	var server, field reckoning
	var serverTook, fieldTook time.Duration
	var serverErr, fieldErr error
	var both sync.WaitGroup
	began := time.Now()
	both.Go(func() {
		server, serverErr = k.server()
		serverTook = time.Since(began)
	})
	both.Go(func() {
		field, fieldErr = k.field()
		fieldTook = time.Since(began)
	})
	both.Wait()
	if serverErr != nil {
		return fmt.Errorf("killing the server: %w", serverErr)
	}
	if fieldErr != nil {
		return fmt.Errorf("killing the field program: %w", fieldErr)
	}
	var failures []Failure
	for _, problem := range append(server.problems, field.problems...) {
		failures = append(failures, Failure{Seed: r.From, Problem: problem})
	}
	r.report("kill.lost", float64(server.lost+field.lost), map[string]float64{"server_changes": float64(server.changes), "field_changes": float64(field.changes),
		"server_round_ms": float64(serverTook.Milliseconds()) / float64(rounds), "field_round_ms": float64(fieldTook.Milliseconds()) / float64(rounds)}, failures...)
	r.report("kill.doubled", float64(server.doubled+field.doubled), nil)
	r.report("kill.unsound", float64(len(server.problems)+len(field.problems)), map[string]float64{"fsck": float64(k.checks.Load())})
	return nil
}

// killing is one run of the figure.
type killing struct {
	*run
	ctx      context.Context
	programs *programs
	codec    *wire.Codec
	rounds   int
	checks   atomic.Int64 // how often fsck read the server's data
	done     atomic.Int64
}

const (
	// killedPhones write at a time while the server is killed.
	killedPhones = 4
	// killWithin is how much of devices' progress (messages that came or went)
	// passes at most before the process dies.
	killWithin = 60
	// checkEvery is after how many rounds fsck reads the server's data.
	checkEvery = 30
)

func (k *killing) step() {
	k.Progress(k.figure.Name, int(k.done.Add(1)), 2*k.rounds)
}

// server kills the server while devices push and pull.
func (k *killing) server() (c reckoning, err error) {
	const data = "server"
	codes, err := k.programs.neighbourhood(data, killedPhones)
	if err != nil {
		return c, err
	}
	var phones []*phone
	defer func() {
		for _, p := range phones {
			err = errors.Join(err, p.close())
		}
	}()
	for i, code := range codes {
		p, err := newPhone(k.ctx, k.programs.dir, i, code, k.codec)
		if err != nil {
			return c, err
		}
		phones = append(phones, p)
	}
	for i := range k.rounds {
		rng := rand.New(rand.NewPCG(k.From+uint64(i), 5))
		if err := k.serverRound(data, phones, rng); err != nil {
			return c, fmt.Errorf("round %d: %w", i+1, err)
		}
		if i%checkEvery == checkEvery-1 {
			k.checks.Add(1)
			if err := k.programs.sound(data); err != nil {
				c.say("after round %d: %v", i+1, err)
			}
		}
		k.step()
	}
	problem, err := k.finish(data, phones)
	if err != nil {
		return c, err
	}
	end, err := reckon(k.ctx, filepath.Join(k.programs.dir, data, serverName), phones)
	end.problems = append(append(c.problems, problem...), end.problems...)
	return end, err
}

// serverRound starts the server, lets devices work, and kills it.
func (k *killing) serverRound(data string, phones []*phone, rng *rand.Rand) error {
	s, err := k.programs.serve(data)
	if err != nil {
		return err
	}
	ctx, dead := context.WithCancel(k.ctx)
	defer dead()
	var left atomic.Int64
	left.Store(1 + rng.Int64N(killWithin))
	var mu sync.Mutex
	var killed bool
	var errs []error
	die := func() {
		mu.Lock()
		defer mu.Unlock()
		if !killed {
			killed = true
			errs = append(errs, s.kill())
			dead()
		}
	}
	var all sync.WaitGroup
	for _, p := range phones {
		p.progress = func(syncer.Progress) {
			if left.Add(-1) == 0 {
				die()
			}
		}
		saves := 1 + rng.IntN(3)
		all.Go(func() {
			for ctx.Err() == nil {
				for i := range saves {
					if err := p.save(len(p.made) + i); err != nil {
						mu.Lock()
						errs = append(errs, err)
						mu.Unlock()
						die()
						return
					}
				}
				p.sync(ctx, s.address, syncer.Once)
			}
		})
	}
	all.Wait()
	die()
	for _, p := range phones {
		p.progress = nil
	}
	return errors.Join(errs...)
}

// finish lets all devices come to rest with a server that nobody kills, and
// reads its data through.
func (k *killing) finish(data string, phones []*phone) (problems []string, err error) {
	s, err := k.programs.serve(data)
	if err != nil {
		return nil, err
	}
	// Twice: what the last one pushed is news to the first.
	for range 2 {
		for _, p := range phones {
			if r := p.sync(k.ctx, s.address, syncer.Once); r.Outcome != syncer.CaughtUp {
				problems = append(problems, fmt.Sprintf("device %d is not up to date in the end: %v %v", p.n, r.Outcome, r.Err))
			}
		}
	}
	if err := s.stop(); err != nil {
		return problems, err
	}
	k.checks.Add(1)
	if err := k.programs.sound(data); err != nil {
		problems = append(problems, err.Error())
	}
	return problems, nil
}
