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

	sqlite3 "modernc.org/sqlite/lib"

	"mahalleh/client-sdk/localstore"
	"mahalleh/cmd/fleetsim/faultdisk"
	"mahalleh/server/store"
)

func ioErrors() *Figure {
	return &Figure{
		Name:    "ioerrors",
		Size:    []Count{{"changes", 200}},
		Goals:   []Goal{{"ioerrors", Exactly, 0, "failures"}, {"ioerrors.silent", Exactly, 0, "failures"}},
		Takes:   5 * time.Minute,
		measure: measureIOErrors,
	}
}

// failing is how the disk fails from an operation on.
type failing uint8

const (
	once   failing = iota // that operation, and none after it
	short                 // that operation, of which a part is done
	always                // that operation and all after it
	failings
)

func (f failing) String() string { return [...]string{"once", "once, in part", "from then on"}[f] }

// ioCase is one sync with a disk that fails.
type ioCase struct {
	file string // database of the disk that fails: the server's or the device's
	how  failing
	at   int // operation of that disk
}

func (c ioCase) String() string { return fmt.Sprintf("%s, operation %d, %s", c.file, c.at, c.how) }

// codes are what SQLite is told for each kind of operation.
var codes = map[faultdisk.Kind]int32{
	faultdisk.Open:     sqlite3.SQLITE_CANTOPEN,
	faultdisk.Write:    sqlite3.SQLITE_IOERR_WRITE,
	faultdisk.Truncate: sqlite3.SQLITE_IOERR_TRUNCATE,
	faultdisk.Sync:     sqlite3.SQLITE_IOERR_FSYNC,
	faultdisk.Delete:   sqlite3.SQLITE_IOERR_DELETE,
}

func measureIOErrors(ctx context.Context, r *run) error {
	x := &ioFailures{run: r, ctx: ctx, changes: r.size("changes")}
	if err := x.prepare(); err != nil {
		return err
	}
	// One sync of each disk without a fault says how many operations there are.
	var cases []ioCase
	detail := map[string]float64{}
	for _, file := range []string{serverName, deviceName} {
		n, err := x.operations(file)
		if err != nil {
			return fmt.Errorf("a sync without a fault: %w", err)
		}
		detail[strings.TrimSuffix(file, ".db")] = float64(n)
		for at := range n {
			for how := range failings {
				cases = append(cases, ioCase{file, how, at})
			}
		}
	}
	all := len(cases)
	if n := r.Sizes["cases"]; n > 0 && n < all {
		some := make([]ioCase, n)
		for i := range some {
			some[i] = cases[i*all/n]
		}
		cases, r.shortened = some, true
	}
	broken, silent, failures, err := x.play(cases)
	detail["cases"], detail["all"] = float64(len(cases)), float64(all)
	r.report("ioerrors", float64(broken), detail, failures...)
	r.report("ioerrors.silent", float64(silent), nil)
	return err
}

// ioFailures are syncs of the same pending changes, each with another fault.
type ioFailures struct {
	*run
	ctx     context.Context
	changes int
	key     []byte
	// files are both databases before the sync, log and saved what the device holds.
	files map[string][]byte
	saved held
	// disks are free file systems, one for each worker.
	disks chan *faultdisk.Disk
}

// prepare makes a server, and a device with changes that it never heard of.
func (x *ioFailures) prepare() (err error) {
	x.key = []byte(strings.Repeat("k", localstore.MinKeyFile))
	w := &world{r: x.run, ctx: x.ctx, keyFile: x.key}
	if err := w.begin(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.fill(20); err != nil {
		return err
	}
	if _, err := w.contact(); err != nil {
		return err
	}
	for range x.changes {
		made, err := w.writer.create(1)
		if err != nil {
			return err
		}
		if err := w.append(made[0]); err != nil {
			return err
		}
	}
	logs, err := w.device.Logs(x.ctx)
	if err != nil {
		return err
	}
	l := logs[len(logs)-1]
	x.saved = held{l.Log, l.HeadSeq, l.Head}
	if err := w.stop(); err != nil {
		return err
	}
	if x.files, err = filesIn(w.dir); err != nil {
		return err
	}
	x.disks = make(chan *faultdisk.Disk, workersOf(x.Workers))
	for i := range cap(x.disks) {
		d, err := faultdisk.Register(fmt.Sprint("failing-", i))
		if err != nil {
			return err
		}
		x.disks <- d
	}
	return nil
}

// open begins server and device in a directory, on a disk or the system's.
func (x *ioFailures) open(ctx context.Context, dir, vfs string) (*world, error) {
	w := &world{r: x.run, ctx: ctx, dir: dir, vfs: vfs, keyFile: x.key}
	if err := w.equip(); err != nil {
		return w, err
	}
	if err := w.start(); err != nil {
		return w, err
	}
	opt, err := w.options()
	if err != nil {
		return w, err
	}
	if w.device, err = openDevice(ctx, opt, x.key); err != nil {
		return w, err
	}
	w.newSession()
	return w, nil
}

// attempt is one sync from the files as they were, with faults by f.
func (x *ioFailures) attempt(ctx context.Context, d *faultdisk.Disk, f func(n int, op faultdisk.Op) faultdisk.Fault) (rec *faultdisk.Recording, side []byte, told error, err error) {
	dir, err := x.layOut(x.files)
	if err != nil {
		return nil, nil, nil, err
	}
	defer os.RemoveAll(dir)
	if rec, err = d.Record(dir); err != nil {
		return nil, nil, nil, err
	}
	d.Fail(f)
	w, told := x.open(ctx, dir, d.Name())
	if told == nil {
		_, told = w.contact()
	}
	told = errors.Join(told, w.stop())
	d.Fail(nil)
	rec.Stop()
	side, err = os.ReadFile(filepath.Join(dir, sideName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil, fmt.Errorf("read the side file: %w", err)
	}
	return rec, side, told, nil
}

// operations counts what a sync asks of one disk.
func (x *ioFailures) operations(file string) (n int, err error) {
	d := <-x.disks
	defer func() { x.disks <- d }()
	var mu sync.Mutex
	_, _, told, err := x.attempt(x.ctx, d, func(_ int, op faultdisk.Op) faultdisk.Fault {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(op.File, file) {
			n++
		}
		return faultdisk.Fault{}
	})
	return n, errors.Join(told, err)
}

// play plays the cases.
func (x *ioFailures) play(some []ioCase) (broken, silent int, failures []Failure, err error) {
	var mu sync.Mutex
	var errs []error
	done := 0
	each(workersOf(x.Workers), len(some), func(i int) bool {
		problem, quiet, err := x.case1(some[i])
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", some[i], err))
			return false
		}
		if problem != "" {
			broken++
		}
		if quiet != "" {
			silent++
		}
		if problem+quiet != "" && len(failures) < maxFailures {
			failures = append(failures, Failure{Seed: uint64(i), Problem: some[i].String() + ": " + problem + quiet})
		}
		done++
		x.Progress(x.figure.Name, done, len(some))
		return true
	})
	if done != len(some) && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("%d cases of %d were played", done, len(some)))
	}
	return broken, silent, failures, errors.Join(errs...)
}

// caseWithin is how long a sync with a fault may take before it counts as stuck.
const caseWithin = 5 * time.Minute

// case1 plays one case: the sync with the fault, what is then on the disk, and
// the sync after it.
func (x *ioFailures) case1(c ioCase) (problem, silent string, err error) {
	d := <-x.disks
	defer func() { x.disks <- d }()
	ctx, cancel := context.WithTimeout(x.ctx, caseWithin)
	defer cancel()
	n := 0
	var hit faultdisk.Kind
	rec, side, told, err := x.attempt(ctx, d, func(_ int, op faultdisk.Op) faultdisk.Fault {
		if !strings.HasPrefix(op.File, c.file) {
			return faultdisk.Fault{}
		}
		n++
		if n-1 < c.at || n-1 > c.at && c.how != always {
			return faultdisk.Fault{}
		}
		if n-1 == c.at {
			hit = op.Kind
		}
		f := faultdisk.Fault{Code: codes[op.Kind]}
		if c.how == short {
			f.Short = len(op.Data) / 2
		}
		return f
	})
	if err != nil {
		return "", "", err
	}
	if err := x.ctx.Err(); err != nil {
		return "", "", err
	}
	if ctx.Err() != nil {
		return "stuck", "", nil
	}
	// What was not synced is gone if it was a sync that failed.
	dir, err := os.MkdirTemp(x.Memory, "ioerrors")
	if err != nil {
		return "", "", fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	fate := faultdisk.Kept
	if hit == faultdisk.Sync {
		fate = faultdisk.Lost
	}
	replay := rec.Replay(false)
	replay.Advance(rec.Len())
	rng := rand.New(rand.NewPCG(worldSeed, uint64(c.at)))
	for _, name := range []string{serverName, deviceName} {
		if err := replay.Image(dir, name, fate, rng); err != nil {
			return "", "", err
		}
	}
	if side != nil {
		if err := os.WriteFile(filepath.Join(dir, sideName), side, 0o600); err != nil {
			return "", "", fmt.Errorf("write the side file: %w", err)
		}
	}
	return x.after(dir, told)
}

// after looks at what a failed sync left, and syncs again.
func (x *ioFailures) after(dir string, told error) (problem, silent string, err error) {
	w, err := x.open(x.ctx, dir, "")
	defer func() {
		if e := w.stop(); e != nil && problem == "" {
			problem = "stop: " + e.Error()
		}
	}()
	if err != nil {
		return "open again: " + err.Error(), "", nil
	}
	device, server, err := x.reached(w)
	if err != nil {
		return err.Error(), "", nil
	}
	if device > server {
		return fmt.Sprintf("the device was told that %d are received, the server has %d", device, server), "", nil
	}
	if told == nil && (device < x.saved.seq || server < x.saved.seq) {
		silent = fmt.Sprintf("nobody was told, and the server has %d, the device knows of %d", server, device)
	}
	if _, err := w.contact(); err != nil {
		return "sync again: " + err.Error(), silent, nil
	}
	device, server, err = x.reached(w)
	if err != nil {
		return "after the next sync: " + err.Error(), silent, nil
	}
	if device != x.saved.seq || server != x.saved.seq {
		return fmt.Sprintf("after the next sync the server has %d, the device knows of %d", server, device), silent, nil
	}
	return "", silent, nil
}

// reached checks both stores and returns how far the device's log is received,
// as either side knows it.
func (x *ioFailures) reached(w *world) (device, server uint64, err error) {
	if found, err := w.device.Check(x.ctx); err != nil || len(found) > 0 {
		return 0, 0, fmt.Errorf("the device's check: %v, %w", found, orNil(err))
	}
	if report, err := w.server.Check(x.ctx); err != nil || len(report.Problems) > 0 {
		return 0, 0, fmt.Errorf("the server's check: %v, %w", report.Problems, orNil(err))
	}
	logs, err := w.device.Logs(x.ctx)
	if err != nil {
		return 0, 0, err
	}
	l := logs[0]
	if l.Log != x.saved.log || l.HeadSeq != x.saved.seq || l.Head != x.saved.head || len(logs) != 1 {
		return 0, 0, fmt.Errorf("the device's log ends at %d of %d, %d logs", l.HeadSeq, x.saved.seq, len(logs))
	}
	err = w.server.View(x.ctx, func(r store.Reader) error {
		log, err := r.Log(x.saved.log)
		if errors.Is(err, store.ErrNotFound) {
			return nil // it never heard of it
		}
		if err != nil {
			return err
		}
		server = log.Received
		at, err := heldAt(x.ctx, w.device, l, server)
		if err == nil && at.head != log.Head {
			err = errors.New("the server's log is another")
		}
		return err
	})
	return l.Received, server, err
}

// errSound stands where a check found problems and itself did not fail.
var errSound = errors.New("the check itself went well")

func orNil(err error) error {
	if err == nil {
		return errSound
	}
	return err
}
