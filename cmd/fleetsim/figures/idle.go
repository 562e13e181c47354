package figures

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	light "mahalleh/cmd/fleetsim/fleet"
	"mahalleh/schemas/forms"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/syncws"
	"mahalleh/syncproto/wire"
)

func idle() *Figure {
	return &Figure{
		Name: "idle",
		Size: []Count{{"sessions", 10_000}},
		Goals: []Goal{
			{"idle.memory", AtMost, 16 << 10, "B"},
			{"idle.reconnect", AtMost, 60, "s"},
			{"idle.lost", Exactly, 0, "changes"},
		},
		Takes:   7 * time.Minute,
		measure: measureIdle,
	}
}

const (
	// perPlace is how many devices of the fleet share a neighbourhood.
	perPlace = 40
	// joining is how many devices join in a second while nothing is measured yet.
	joining = 150
	// atRest is how long all rest before memory counts: long enough for each of
	// them to have spoken, and been looked after, twice.
	atRest = 130 * time.Second
	// patient is how long anything may take until it is given up.
	patient = 5 * time.Minute
)

func measureIdle(ctx context.Context, r *run) (err error) {
	n := r.size("sessions")
	dir, err := os.MkdirTemp(r.Dir, "idle")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	roster := light.Roster{Devices: n, PerPlace: perPlace}
	if err := roster.Make(ctx, dir); err != nil {
		return err
	}
	p, err := r.lightServer(ctx, dir, syncws.Limits{})
	if err != nil {
		return err
	}
	defer func() {
		if p != nil {
			err = errors.Join(err, p.Kill())
		}
	}()
	devices, err := enlist(roster, p.Keys)
	if err != nil {
		return err
	}
	// All are served once and leave, so that what the server keeps however few
	// there are, such as SQLite's pages, is there before memory counts.
	first := light.Connect(ctx, devices, p.Address, joining)
	_, err = r.until(ctx, first, n)
	first.Leave()
	if err != nil {
		return err
	}
	before, err := r.deserted(ctx, p)
	if err != nil {
		return err
	}
	online := light.Connect(ctx, devices, p.Address, joining)
	defer online.Leave()
	if _, err := r.until(ctx, online, n); err != nil {
		return err
	}
	if err := pause(ctx, atRest); err != nil {
		return err
	}
	if err := r.reportIdleMemory(ctx, p, before, n); err != nil {
		return err
	}

	// The server dies; while it is away, some go on working.
	if err := p.Kill(); err != nil {
		return err
	}
	p = nil
	for i := 0; i < n; i += 10 {
		if _, err := devices[i].Save(time.Now()); err != nil {
			return err
		}
	}
	if p, err = r.lightServer(ctx, dir, syncws.Limits{}); err != nil {
		return err
	}
	began := time.Now()
	online.Moved(p.Address)
	if _, err = r.until(ctx, online, n); err != nil {
		return err
	}
	took := time.Since(began)
	m, err := p.Memory(ctx, false)
	if err != nil {
		return err
	}
	r.report("idle.reconnect", took.Seconds(), map[string]float64{"turned_away": float64(m.Busy), "peak": float64(m.Peak) / 1e6})
	online.Leave()
	err = p.Stop()
	p = nil
	if err != nil {
		return err
	}
	lost, err := lostChanges(ctx, dir, devices)
	r.report("idle.lost", float64(lost), nil)
	return err
}

// deserted waits until nobody is there, and says how the server stands then, after a
// collection.
func (r *run) deserted(ctx context.Context, p *light.Process) (light.Memory, error) {
	for {
		m, err := p.Memory(ctx, true)
		if err != nil || m.Sessions == 0 {
			return m, err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return m, err
		}
	}
}

func (r *run) reportIdleMemory(ctx context.Context, p *light.Process, before light.Memory, sessions int) error {
	after, err := p.Memory(ctx, false)
	if err != nil {
		return err
	}
	if after.Sessions < int64(sessions) {
		return fmt.Errorf("%d sessions stand of %d", after.Sessions, sessions)
	}
	if r.Profile != "" {
		heap, err := p.Heap(ctx)
		if err == nil {
			err = os.WriteFile(filepath.Join(r.Profile, r.figure.Name+".heap.pprof"), heap, 0o600)
		}
		if err != nil {
			return fmt.Errorf("write the profile of the heap: %w", err)
		}
	}
	collected, err := p.Memory(ctx, true)
	if err != nil {
		return err
	}
	each := func(after, before uint64) float64 { return (float64(after) - float64(before)) / float64(sessions) }
	r.report("idle.memory", each(after.Resident, before.Resident), map[string]float64{
		"collected": each(collected.Resident, before.Resident), "heap": each(collected.Heap, before.Heap), "stacks": each(collected.Stacks, before.Stacks),
		"goroutines": float64(collected.Goroutines) / float64(sessions), "peak": float64(after.Peak) / 1e6})
	return nil
}

// until waits until so many devices stand, and says how long that took.
func (r *run) until(ctx context.Context, o *light.Online, n int) (time.Duration, error) {
	began := time.Now()
	for {
		standing := o.Standing()
		r.Progress(r.figure.Name, standing, n)
		if standing >= n {
			return time.Since(began), nil
		}
		if gone := o.Gone(); len(gone) > 0 {
			return 0, fmt.Errorf("a device gave up: %s %s: %w", gone[0].Outcome, gone[0].Key, causeOf(gone[0].Err))
		}
		if time.Since(began) > patient {
			return 0, fmt.Errorf("after %v only %d of %d devices are connected and caught up", patient, standing, n)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// enlist makes a fleet's devices, each with a form saved.
func enlist(roster light.Roster, keys []byte) ([]*light.Device, error) {
	codec, err := wire.NewCodec()
	if err != nil {
		return nil, err
	}
	packages, err := forms.Load()
	if err != nil {
		return nil, fmt.Errorf("load the forms: %w", err)
	}
	devices := make([]*light.Device, roster.Devices)
	for i := range devices {
		if devices[i], err = roster.Device(i, keys, codec, packages); err != nil {
			return nil, err
		}
		if _, err := devices[i].Save(time.Now()); err != nil {
			return nil, err
		}
	}
	return devices, nil
}

// lostChanges counts what devices hold as acknowledged and a stopped server's
// store does not.
func lostChanges(ctx context.Context, dir string, devices []*light.Device) (lost uint64, err error) {
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(dir, light.Database)})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	err = st.View(ctx, func(rd store.Reader) error {
		lost = 0
		for _, d := range devices {
			log, err := rd.Log(d.Log())
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if saved := d.Saved(); log.Received < saved {
				lost += saved - log.Received
			}
		}
		return nil
	})
	return lost, err
}

// childLight is what a child process does here: be a server.
const childLight = "light"

// lightServer starts a server process on the store in a folder.
func (r *run) lightServer(ctx context.Context, dir string, l syncws.Limits) (*light.Process, error) {
	return light.Start(r.Child(ctx, childLight, dir, strconv.Itoa(l.Sessions), strconv.Itoa(l.Handshakes)))
}

func lightChild(ctx context.Context, args []string, out io.Writer) error {
	var l syncws.Limits
	var err [2]error
	l.Sessions, err[0] = strconv.Atoi(args[1])
	l.Handshakes, err[1] = strconv.Atoi(args[2])
	if err := errors.Join(err[:]...); err != nil {
		return err
	}
	return light.Serve(ctx, args[0], l, os.Stdin, out)
}
