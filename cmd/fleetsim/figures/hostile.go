package figures

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"time"

	light "mahalleh/cmd/fleetsim/fleet"
	"mahalleh/cmd/fleetsim/hostile"
	"mahalleh/server/syncws"
)

func hostilePeers() *Figure {
	return &Figure{
		Name: "hostile",
		Size: []Count{{"seconds", 20}},
		Goals: []Goal{
			{"hostile.memory", AtMost, 64, "MB"},
			{"hostile.latency", AtMost, 2, "x"},
			{"hostile.passed", Exactly, 0, "failures"},
			{"hostile.lost", Exactly, 0, "changes"},
		},
		Takes:   20 * time.Minute,
		measure: measureHostile,
	}
}

const (
	// siegeTurn is how long calm and attack take turns, longTurn for attacks that
	// need more time to unfold.
	siegeTurn, longTurn = 5 * time.Second, 10 * time.Second
	// honestPause is between two forms that honest devices save, one after the other.
	honestPause = 7 * time.Millisecond
	// filled is how many records lie in a place of attackers.
	filled = 3000
)

// siege is a server that honest devices use and others attack.
type siege struct {
	r      *run
	p      *light.Process
	honest []*light.Device
	online *light.Online
	// turns are all that there will be, played those that were.
	turns, played int
}

// siegeResult is what became of one attack.
type siegeResult struct {
	grown        float64 // MB
	calm, beside []float64
	passed       int64
	// attackers is how much of a processor they took while they attacked, server how
	// much more than in calm the server took.
	attackers, server float64
}

func measureHostile(ctx context.Context, r *run) (err error) {
	seconds := time.Duration(r.size("seconds")) * time.Second
	dir, err := os.MkdirTemp(r.Dir, "hostile")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := hostile.Roster().Make(ctx, dir); err != nil {
		return err
	}
	s := &siege{r: r}
	if s.p, err = r.lightServer(ctx, dir, syncws.Limits{}); err != nil {
		return err
	}
	defer func() {
		if s.p != nil {
			err = errors.Join(err, s.p.Kill())
		}
	}()
	if err := s.settle(ctx); err != nil {
		return err
	}
	defer s.online.Leave()
	// The first forms find a server that has nothing in memory yet: neither calm nor
	// attack.
	if _, _, _, err := s.watch(ctx, siegeTurn); err != nil {
		return err
	}
	memory, latency, cost := map[string]float64{}, map[string]float64{}, map[string]float64{}
	var calms, attackers []float64
	worstMemory, worstLatency, passed := 0.0, 0.0, int64(0)
	attacks := hostile.Attacks()
	s.turns = len(attacks)
	for _, a := range attacks {
		got, err := s.attack(ctx, a, seconds)
		if err != nil {
			return fmt.Errorf("attack %s: %w", a.Name, err)
		}
		ratio := percentile(got.beside, 99) / percentile(got.calm, 99)
		memory[a.Name], latency[a.Name], cost[a.Name] = got.grown, ratio, got.server
		calms, attackers = append(calms, percentile(got.calm, 99)), append(attackers, got.attackers)
		worstMemory, worstLatency, passed = math.Max(worstMemory, got.grown), math.Max(worstLatency, ratio), passed+got.passed
		s.played++
		r.Progress(r.figure.Name, s.played, s.turns)
	}
	latency["calm_p99_ms"], latency["attackers_processors"] = median(calms), slices.Max(attackers)
	r.report("hostile.memory", worstMemory, memory)
	r.report("hostile.latency", worstLatency, latency)
	r.report("hostile.passed", float64(passed), cost)
	s.online.Leave()
	err = s.p.Stop()
	s.p = nil
	if err != nil {
		return err
	}
	lost, err := lostChanges(ctx, dir, s.honest)
	r.report("hostile.lost", float64(lost), nil)
	return err
}

// settle connects the honest devices; what the filler has to say is said.
func (s *siege) settle(ctx context.Context) error {
	devices, err := enlist(hostile.Roster(), s.p.Keys)
	if err != nil {
		return err
	}
	filler := devices[hostile.Filler : hostile.Filler+1]
	for range filled {
		if _, err := filler[0].Save(time.Now()); err != nil {
			return err
		}
	}
	once := light.Connect(ctx, filler, s.p.Address, joining)
	_, err = s.r.until(ctx, once, 1)
	once.Leave()
	if err != nil {
		return err
	}
	s.honest = devices[:hostile.Honest]
	s.online = light.Connect(ctx, s.honest, s.p.Address, joining)
	_, err = s.r.until(ctx, s.online, len(s.honest))
	return err
}

// attack has calm and one attack take turns, the attack for so long in all.
func (s *siege) attack(ctx context.Context, a hostile.Attack, all time.Duration) (got siegeResult, err error) {
	turn := siegeTurn
	if a.Long {
		turn = longTurn
	}
	turn = min(turn, all)
	gang, err := s.gather(ctx, a.Name)
	if err != nil {
		return got, err
	}
	defer func() {
		err = errors.Join(err, gang.dismiss())
		state := gang.cmd.ProcessState
		got.attackers = (state.UserTime() + state.SystemTime()).Seconds() / all.Seconds()
	}()
	// Whoever broke the protocol is not let in for some time, all attackers perhaps:
	// then there is a turn in which they only knock.
	var played, connections int64
	for left := all; left > 0; left -= turn {
		if err := s.rest(ctx); err != nil {
			return got, err
		}
		calm, before, idle, err := s.watch(ctx, turn)
		if err != nil {
			return got, err
		}
		if err := gang.begin(); err != nil {
			return got, err
		}
		beside, most, busy, err := s.watch(ctx, turn)
		if err != nil {
			return got, err
		}
		did, err := gang.end()
		if err != nil {
			return got, err
		}
		played, connections = played+did.Done+did.LetIn, connections+did.Connections
		got.calm, got.beside = append(got.calm, calm...), append(got.beside, beside...)
		got.grown = math.Max(got.grown, (float64(most)-float64(before))/1e6)
		got.passed += did.LetIn
		got.server += (busy - idle) * turn.Seconds() / all.Seconds()
	}
	if played == 0 {
		return got, fmt.Errorf("nothing of it was played, with %d connections", connections)
	}
	slices.Sort(got.calm)
	slices.Sort(got.beside)
	return got, nil
}

// rest waits until only honest devices are there, with a server that has collected
// its garbage.
func (s *siege) rest(ctx context.Context) error {
	began := time.Now()
	for {
		m, err := s.p.Memory(ctx, true)
		if err != nil {
			return err
		}
		if m.Sessions == int64(len(s.honest)) {
			return pause(ctx, 300*time.Millisecond)
		}
		if time.Since(began) > patient {
			return fmt.Errorf("after %v there are %d sessions, of %d honest devices", patient, m.Sessions, len(s.honest))
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// watch has the honest devices save and sync for a time, and until all is
// acknowledged, and says how long each acknowledgement took in milliseconds, the
// most memory that the server had, and how many processors worked for it.
func (s *siege) watch(ctx context.Context, d time.Duration) (acks []float64, most uint64, busy float64, err error) {
	began, looked := time.Now(), time.Time{}
	first, err := s.p.Memory(ctx, false)
	if err != nil {
		return nil, 0, 0, err
	}
	last := first
	for i := 0; time.Since(began) < d || s.online.Standing() < len(s.honest); i++ {
		if gone := s.online.Gone(); len(gone) > 0 {
			return nil, 0, 0, fmt.Errorf("an honest device gave up: %s %s: %w", gone[0].Outcome, gone[0].Key, causeOf(gone[0].Err))
		}
		if time.Since(began) > d+patient {
			return nil, 0, 0, fmt.Errorf("honest devices are not served within %v", patient)
		}
		if time.Since(began) < d {
			if _, err := s.honest[i%len(s.honest)].Save(time.Now()); err != nil {
				return nil, 0, 0, err
			}
			s.online.Queued(i % len(s.honest))
		}
		if time.Since(looked) > 200*time.Millisecond {
			if last, err = s.p.Memory(ctx, false); err != nil {
				return nil, 0, 0, err
			}
			most, looked = max(most, last.Resident), time.Now()
		}
		if err := pause(ctx, honestPause); err != nil {
			return nil, 0, 0, err
		}
	}
	for _, d := range s.honest {
		acks = append(acks, milliseconds(d.Acknowledged())...)
	}
	return acks, most, (last.Processor - first.Processor).Seconds() / looked.Sub(began).Seconds(), nil
}

// childHostile is what a child process does here: attack.
const childHostile = "hostile"

// gang is the process of attackers.
type gang struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	said *json.Decoder
}

// gather starts the process that attacks the server when it is told to.
func (s *siege) gather(ctx context.Context, attack string) (*gang, error) {
	g := &gang{cmd: s.r.Child(ctx, childHostile, attack, s.p.Address, hex.EncodeToString(s.p.Keys))}
	in, err := g.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the attackers: %w", err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the attackers: %w", err)
	}
	g.in, g.cmd.Stderr, g.said = in, os.Stderr, json.NewDecoder(bufio.NewReader(out))
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the attackers: %w", err)
	}
	var ready hostile.Tally
	if err := g.said.Decode(&ready); err != nil {
		return nil, errors.Join(fmt.Errorf("start the attackers: %w", err), g.dismiss())
	}
	return g, nil
}

func (g *gang) begin() error {
	_, err := io.WriteString(g.in, "\n")
	return err
}

// end ends an attack and says what was done.
func (g *gang) end() (did hostile.Tally, err error) {
	if _, err := io.WriteString(g.in, "\n"); err != nil {
		return did, err
	}
	err = g.said.Decode(&did)
	return did, err
}

// dismiss ends the process.
func (g *gang) dismiss() error { return errors.Join(g.in.Close(), g.cmd.Wait()) }

func hostileChild(ctx context.Context, args []string, out io.Writer) error {
	keys, err := hex.DecodeString(args[2])
	if err != nil {
		return err
	}
	// Attackers have machines of their own: what theirs work is not what the server
	// and the honest devices wait for.
	if err := stepBack(); err != nil {
		return err
	}
	return hostile.Run(ctx, args[0], args[1], keys, os.Stdin, out)
}
