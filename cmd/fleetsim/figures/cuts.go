package figures

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func cuts() *Figure {
	return &Figure{
		Name: "cuts",
		Size: []Count{{"changes", 44}},
		Goals: []Goal{
			{"cuts", Exactly, 0, "failures"},
			{"cuts.extra", AtMost, 64 << 10, "B"},
			{"cuts.reference", AtMost, 16_000, "B"},
			{"cuts.frames", AtLeast, 50, "frames"},
		},
		Takes:   8 * time.Minute,
		measure: measureCuts,
	}
}
func measureCuts(ctx context.Context, r *run) error {
	c := &cutting{run: r, ctx: ctx, changes: r.size("changes")}
	if err := c.prepare(); err != nil {
		return err
	}
	uncut, problem, err := c.play(-1)
	if err != nil || problem != "" {
		return fmt.Errorf("the sync that is not cut: %s: %w", problem, causeOf(err))
	}
	c.want = uncut
	all := uncut.bytes
	n := all
	if some := r.Sizes["cases"]; some > 0 && some < all {
		n, r.shortened = some, true
	}
	var mu sync.Mutex
	var errs []error
	var failures []Failure
	broken, extra, done := 0, 0, 0
	each(workersOf(r.Workers), n, func(i int) bool {
		at := i * all / n
		got, problem, err := c.play(at)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, fmt.Errorf("cut at byte %d: %w", at, err))
			return false
		}
		if problem != "" {
			broken++
			if len(failures) < maxFailures {
				failures = append(failures, Failure{Seed: uint64(at), Problem: fmt.Sprintf("cut at byte %d: %s", at, problem)})
			}
		}
		extra = max(extra, got.bytes-uncut.bytes-uncut.handshake)
		done++
		r.Progress(r.figure.Name, done, n)
		return true
	})
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	r.report("cuts", float64(broken), map[string]float64{"cuts": float64(n), "all": float64(all)}, failures...)
	r.report("cuts.extra", float64(extra), map[string]float64{"handshake": float64(uncut.handshake)})
	r.report("cuts.reference", float64(all), nil)
	r.report("cuts.frames", float64(uncut.frames), nil)
	return nil
}

// cutting is one sync, played again and again from the same files with the same
// clock and random source, each time with its line cut at another byte.
type cutting struct {
	*run
	ctx     context.Context
	changes int
	key     []byte
	files   map[string][]byte
	codec   *wire.Codec
	forms   *schemas.Package
	script  []scripted
	want    outcome
}

// scripted is what somebody does while the sync runs: the person at the device
// saves a change, or the colleague's device brings a batch to the server.
type scripted struct {
	save  *localstore.NewChange
	bring []byte
}

// waiting is how many changes wait on each side before the first contact, and
// everyFrames how many frames later the next thing of the script happens.
const (
	waiting     = 6
	everyFrames = 3
)

// outcome is what a sync left, as text that must be equal, and what it cost.
type outcome struct {
	left                     string
	bytes, handshake, frames int
}

// prepare makes the files on both sides and the script: half of the changes wait
// before the contact or are made during it, on either side, some of the same
// fields of the same records.
func (c *cutting) prepare() (err error) {
	c.key = []byte(strings.Repeat("k", localstore.MinKeyFile))
	w := &world{r: c.run, ctx: c.ctx, keyFile: c.key, random: c.source(0), clock: stillClock{}}
	if err := w.begin(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.fill(10); err != nil {
		return err
	}
	var theirs, ours []*syncproto.Change
	for i := range c.changes {
		ch, err := c.compose(w, i)
		if err != nil {
			return err
		}
		if i%2 == 0 {
			theirs = append(theirs, ch)
		} else {
			ours = append(ours, ch)
		}
	}
	if err := w.bring(theirs[:waiting]); err != nil {
		return err
	}
	for _, ch := range ours[:waiting] {
		if err := w.append(ch); err != nil {
			return err
		}
	}
	for i, ch := range theirs[waiting:] {
		raw, _, err := w.sealer.Seal(ch.Header.OriginSeq, w.writer.head, []*syncproto.Change{ch}, 0)
		if err != nil {
			return fmt.Errorf("seal a batch: %w", err)
		}
		w.writer.head = syncproto.ChainNext(w.writer.head, ch.HeaderBytes)
		h := ours[waiting+i].Header
		h.Author, h.Role = facilitator(), 10
		c.script = append(c.script, scripted{bring: raw}, scripted{save: &localstore.NewChange{Header: h, Ops: ours[waiting+i].Ops}})
	}
	if err := w.stop(); err != nil {
		return err
	}
	c.codec, c.forms = w.codec, w.forms
	c.files, err = filesIn(w.dir)
	return err
}

// compose makes the i-th change: a new record, or another text in a record that
// both sides have.
func (c *cutting) compose(w *world, i int) (*syncproto.Change, error) {
	if i%4 < 2 {
		made, err := w.writer.create(1)
		if err != nil {
			return nil, err
		}
		if i%2 == 1 {
			w.writer.seq-- // it is the device's change, not the colleague's
		}
		return made[0], nil
	}
	state, err := w.texted(i / 4 % 4)
	if err != nil {
		return nil, err
	}
	if i%2 == 0 {
		w.writer.seq++
	}
	return w.writer.edit(state, w.writer.seq)
}

// filesIn reads the files of a directory that outlive a process.
func filesIn(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read what was made: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "-shm") || e.IsDir() {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("read what was made: %w", err)
		}
	}
	return files, nil
}

// layOut writes files into a new directory.
func (r *run) layOut(files map[string][]byte) (dir string, err error) {
	if dir, err = os.MkdirTemp(r.Memory, r.figure.Name); err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return dir, fmt.Errorf("lay out the files: %w", err)
		}
	}
	return dir, nil
}

// source is a random source; what is made of the same number is equal.
func (c *cutting) source(n uint64) *turns { return &turns{rand.New(rand.NewPCG(worldSeed, n))} }

// turns is a random source that can begin anew at a number.
type turns struct{ rng *rand.Rand }

func (t *turns) Read(b []byte) (int, error) { return randomBytes{t.rng}.Read(b) }
func (t *turns) begin(n uint64)             { t.rng = rand.New(rand.NewPCG(worldSeed, n)) }

// stillClock stands still, so that a change says the same whenever it is saved.
type stillClock struct{}

func (stillClock) Now() time.Time        { return time.Date(2026, 5, 2, 9, 0, 0, 0, time.UTC) }
func (stillClock) Uptime() time.Duration { return time.Hour }

// play plays the sync once, cut at a byte (counted over both directions) or not
// at all, and says what is then wrong.
func (c *cutting) play(cut int) (got outcome, problem string, err error) {
	dir, err := c.layOut(c.files)
	if err != nil {
		return got, "", err
	}
	defer os.RemoveAll(dir)
	random := c.source(1)
	w := &world{r: c.run, ctx: c.ctx, dir: dir, keyFile: c.key, random: random, clock: stillClock{}, codec: c.codec, forms: c.forms}
	if err := w.equip(); err != nil {
		return got, "", err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := w.start(); err != nil {
		return got, "", err
	}
	opt, err := w.options()
	if err != nil {
		return got, "", err
	}
	if w.device, err = openDevice(c.ctx, opt, c.key); err != nil {
		return got, "", err
	}
	w.newSession()
	t := &cutTrip{cutting: c, w: w, random: random, cut: cut, script: c.script}
	if problem = t.travel(); problem != "" {
		return t.outcome, problem, nil
	}
	t.left, err = w.leftBehind()
	if err != nil {
		return t.outcome, err.Error(), nil
	}
	if c.want.left != "" && t.left != c.want.left {
		problem = "what is left differs: " + firstDifference(t.left, c.want.left)
	}
	return t.outcome, problem, nil
}
