package figures

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"mahalleh/client-sdk/syncer"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func drills() *Figure {
	return &Figure{
		Name: "drills",
		Size: []Count{{"drills", 12}, {"devices", 50}},
		Goals: []Goal{
			{"drills.lost", Exactly, 0, "changes"},
			{"drills.erased", Exactly, 0, "records"},
			{"drills.unsound", Exactly, 0, "failures"},
		},
		Takes:   4 * time.Minute,
		measure: measureDrills,
	}
}

// The drills, one after another. In each a backup is taken while the devices
// write, and a record is erased after it.
const (
	// announced: the server is stopped, and the restore command used.
	announced = iota
	// unannounced: the process is killed, and somebody puts the backup's file in
	// the place of the database by hand.
	unannounced
	// cutShort: only a part of the database's file was copied. The server must
	// refuse it or fsck tell; then the backup is restored.
	cutShort
	// older: an earlier backup than the last is restored, of which devices may
	// have let go nothing yet.
	older
	// besideNewer: the backup's file stands beside the write-ahead log of what
	// stood there before, as after a hasty copy. It must be told by fsck, or be
	// whole; then the backup is restored.
	besideNewer
	// elsewhere: the backup is restored on a bare machine, with the journal of
	// erasures of the lost one.
	elsewhere
	kindsOfDrills
)

var drillNames = [...]string{"announced", "unannounced", "cut short", "older", "beside a newer log", "elsewhere"}

func measureDrills(ctx context.Context, r *run) error {
	n, devices := r.size("drills"), r.size("devices")
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
	d := &drilling{run: r, ctx: ctx, programs: p, codec: codec, data: "data0"}
	d.moved.L = &d.mu
	defer context.AfterFunc(ctx, d.rest)()
	err = d.enrol(devices)
	for i := 0; i < n && err == nil; i++ {
		if err = d.drill(i); err != nil {
			err = fmt.Errorf("drill %d (%s): %w", i+1, drillNames[i%kindsOfDrills], err)
		}
		r.Progress(r.figure.Name, i+1, n)
	}
	if err = errors.Join(err, d.close()); err != nil {
		return err
	}
	var failures []Failure
	for i, problem := range d.problems {
		failures = append(failures, Failure{Seed: uint64(i), Problem: problem})
	}
	r.report("drills.lost", float64(d.lost), map[string]float64{"changes": float64(d.changes), "syncs": float64(d.syncs)}, failures[:min(len(failures), maxFailures)]...)
	r.report("drills.erased", float64(d.cameBack), map[string]float64{"erased": float64(len(d.erased))})
	r.report("drills.unsound", float64(len(d.problems)), map[string]float64{"refused": float64(d.refused), "told_by_fsck": float64(d.told)})
	return nil
}

// drilling is one run of the figure.
type drilling struct {
	*run
	ctx      context.Context
	programs *programs
	codec    *wire.Codec
	phones   []*phone
	data     string // the folder of the server's data below the programs'
	server   *serverProgram
	backups  []string
	erased   []syncproto.RecordID

	lost, cameBack, changes int
	refused, told           int
	saying                  sync.Mutex
	problems                []string // guarded by saying

	mu    sync.Mutex
	moved sync.Cond // guarded by mu: a sync has ended well, or an address changed
	syncs int
	// address is where the server listens, "" while there is none; resting says
	// that nobody shall write any more.
	address string
	resting bool
	// stuck says that the devices got nowhere for so long that nobody waits for
	// them any more.
	stuck bool
	// line ends, by hangUp, when the server goes: nobody waits for it then.
	line   context.Context
	hangUp func()
}

func (d *drilling) say(format string, args ...any) {
	d.saying.Lock()
	defer d.saying.Unlock()
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}
func (d *drilling) path(names ...string) string {
	return filepath.Join(append([]string{d.programs.dir}, names...)...)
}

// drillPeople is how many people share the devices: a code is made for each device.
const drillPeople = 5

func (d *drilling) enrol(devices int) error {
	codes, err := d.programs.neighbourhood(d.data, drillPeople)
	if err != nil {
		return err
	}
	for i := range devices {
		code := ""
		if i < len(codes) {
			code = codes[i]
		} else if code, err = d.programs.code(d.data, fmt.Sprint("هیوا ", i%drillPeople+1)); err != nil {
			return err
		}
		p, err := newPhone(d.ctx, d.programs.dir, i, code, d.codec)
		if err != nil {
			return err
		}
		p.restored = func() bool { return true }
		d.phones = append(d.phones, p)
	}
	return nil
}
func (d *drilling) close() error {
	var errs []error
	if d.hangUp != nil {
		d.hangUp()
	}
	for _, p := range d.phones {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

// serve starts the server on the data and tells the devices where it is.
func (d *drilling) serve() (err error) {
	if d.server, err = d.programs.serve(d.data); err != nil {
		return err
	}
	d.tell(d.server.address)
	return nil
}
func (d *drilling) tell(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.address = address
	if address == "" {
		d.hangUp()
	} else {
		d.line, d.hangUp = context.WithCancel(d.ctx)
	}
	d.moved.Broadcast()
}

// away ends the server, in order or not.
func (d *drilling) away(end func() error) error {
	d.tell("")
	return end()
}

// awaitWithin is how long devices may take for the syncs that a drill waits for.
const awaitWithin = 5 * time.Minute

// await waits until so many more syncs have ended well.
func (d *drilling) await(n int) {
	late := time.AfterFunc(awaitWithin, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.stuck {
			d.stuck = true
			d.say("the devices got nowhere for %v", awaitWithin)
		}
		d.moved.Broadcast()
	})
	defer late.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for until := d.syncs + n; d.syncs < until && !d.resting && !d.stuck && d.ctx.Err() == nil; {
		d.moved.Wait()
	}
}

// write has one device save and synchronise until all shall rest.
func (d *drilling) write(p *phone) error {
	for i := 0; ; i++ {
		d.mu.Lock()
		for d.address == "" && !d.resting && d.ctx.Err() == nil {
			d.moved.Wait()
		}
		address, resting, line := d.address, d.resting, d.line
		d.mu.Unlock()
		if resting || d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		if err := p.save(i); err != nil {
			return err
		}
		if r := p.sync(line, address, syncer.Once); r.Outcome == syncer.CaughtUp {
			d.mu.Lock()
			d.syncs++
			d.moved.Broadcast()
			d.mu.Unlock()
		}
	}
}

// drill plays one: devices write, a backup is taken, more is written, something
// is erased, the server is put back, more is written; then all come to rest.
func (d *drilling) drill(i int) (err error) {
	rng := rand.New(rand.NewPCG(d.From+uint64(i), 8))
	d.mu.Lock()
	d.resting = false
	d.mu.Unlock()
	if err := d.serve(); err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make(chan error, len(d.phones))
	for _, p := range d.phones {
		all.Go(func() {
			if err := d.write(p); err != nil {
				errs <- fmt.Errorf("device %d: %w", p.n, err)
				d.rest()
			}
		})
	}
	err = d.disaster(i, rng)
	d.await(len(d.phones))
	d.rest()
	late := time.AfterFunc(awaitWithin, d.giveUp)
	if d.stuck {
		d.giveUp()
	}
	all.Wait()
	late.Stop()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	return d.settle(i)
}
func (d *drilling) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resting = true
	d.moved.Broadcast()
}

// giveUp cuts all lines: a device that cannot come to an end with the server
// would else try for ever.
func (d *drilling) giveUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hangUp()
}

// settle brings all devices to rest, stops the server and reckons.
func (d *drilling) settle(i int) error {
	name := fmt.Sprintf("drill %d (%s): ", i+1, drillNames[i%kindsOfDrills])
	for range 2 {
		each(workersOf(d.Workers), len(d.phones), func(n int) bool {
			ctx, stop := context.WithTimeout(d.ctx, awaitWithin)
			defer stop()
			if r := d.phones[n].sync(ctx, d.server.address, syncer.Once); r.Outcome != syncer.CaughtUp {
				d.say("%sdevice %d is not up to date in the end: %v %v", name, n, r.Outcome, r.Err)
			}
			return true
		})
	}
	if err := d.away(d.server.stop); err != nil {
		return err
	}
	if err := d.programs.sound(d.data); err != nil {
		d.say("%s%v", name, err)
	}
	c, err := reckon(d.ctx, d.path(d.data, serverName), d.phones)
	if err != nil {
		return err
	}
	d.lost, d.changes = d.lost+c.lost, c.changes
	if c.doubled > 0 {
		d.say("%s%d doubled", name, c.doubled)
	}
	for _, problem := range c.problems {
		d.say("%s%s", name, problem)
	}
	return d.stayErased(name)
}

// stayErased looks for what was erased, at the server and on every device.
func (d *drilling) stayErased(name string) (err error) {
	s, err := sqlitestore.Open(d.ctx, sqlitestore.Options{Path: d.path(d.data, serverName)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.View(d.ctx, func(r store.Reader) error {
		for _, id := range d.erased {
			rec, err := r.Record(id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			history, err := r.History(id)
			if err != nil {
				return err
			}
			back := !rec.State.Erased
			for _, ch := range history {
				if made, err := wire.DecodeChange(ch.Bytes); err != nil || !made.Redacted() {
					back = true
				}
			}
			for _, p := range d.phones {
				if held, err := p.store.State(d.ctx, id); err == nil && !held.State.Erased && len(held.State.Cells) > 0 {
					back = true
				}
			}
			if back {
				d.cameBack++
				d.say("%srecord %v was erased and is back", name, id)
			}
		}
		return nil
	})
}
