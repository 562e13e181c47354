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
	"mahalleh/cmd/fleetsim/faultdisk"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func powerLoss() *Figure {
	return &Figure{
		Name: "powerloss",
		Size: []Count{{"images", 2000}},
		Goals: []Goal{
			{"powerloss.corrupt", Exactly, 0, "images"},
			{"powerloss.lost", Exactly, 0, "images"},
			{"powerloss.control", AtLeast, 1, "images"},
		},
		Takes:   2 * time.Minute,
		measure: measurePowerLoss,
	}
}

// controlShare is the part of the images that the control takes.
const controlShare = 10

func measurePowerLoss(ctx context.Context, r *run) error {
	images := r.size("images")
	r.from = r.From
	p := &powerLosses{run: r, ctx: ctx, world: &world{r: r, ctx: ctx, vfs: r.Disk.Name(), keyFile: []byte(strings.Repeat("k", localstore.MinKeyFile))}}
	if err := p.world.begin(); err != nil {
		return err
	}
	err := p.live()
	if err = errors.Join(err, p.world.close()); err != nil {
		return err
	}
	corrupt, lost, failures, err := p.strike(images, false)
	if err != nil {
		return err
	}
	ops := map[string]float64{"operations": float64(p.recording.Len()), "server": float64(images / 2), "device": float64(images - images/2)}
	r.report("powerloss.corrupt", float64(corrupt), ops, failures...)
	r.report("powerloss.lost", float64(lost), nil)
	corrupt, lost, _, err = p.strike(max(images/controlShare, 1), true)
	r.report("powerloss.control", float64(lost), map[string]float64{"images": float64(max(images/controlShare, 1)), "corrupt": float64(corrupt)})
	return err
}

// powerLosses is a stretch of work whose disk was recorded, and what was
// acknowledged when.
type powerLosses struct {
	*run
	ctx       context.Context
	world     *world
	recording *faultdisk.Recording
	marks     []mark
	// brought is how far the colleague's log is acknowledged.
	brought held
}

// mark says what had been acknowledged when the disk had been asked for so many
// operations.
type mark struct {
	ops int
	// saved is what the person at the device was told to be saved, received and
	// brought what the devices were told that the server holds.
	saved, received, brought held
	// side is the device's side file then.
	side []byte
}

// held is a log up to a sequence.
type held struct {
	log  syncproto.LogID
	seq  uint64
	head syncproto.Hash
}

// The stretch: how often something is saved, and how often the rest happens.
const (
	liveRounds   = 60
	contactEvery = 4
	reopenEvery  = 25
	bringEvery   = 3
	bringChanges = 12
)

// live works with the device and the server and marks what is acknowledged.
func (p *powerLosses) live() (err error) {
	w := p.world
	if err := w.fill(40); err != nil {
		return err
	}
	if p.recording, err = p.Disk.Record(w.dir); err != nil {
		return err
	}
	defer p.recording.Stop()
	p.brought = held{w.writer.cert.Log, w.writer.seq, w.writer.head}
	if err := p.mark(); err != nil {
		return err
	}
	for i := range liveRounds {
		if err := p.round(i); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		p.Progress(p.figure.Name, i+1, liveRounds)
	}
	return nil
}

func (p *powerLosses) round(i int) error {
	w := p.world
	made, err := w.writer.create(1)
	if err != nil {
		return err
	}
	w.writer.seq-- // it is the device's change, not the colleague's
	if err := w.append(made[0]); err != nil {
		return err
	}
	if err := p.mark(); err != nil {
		return err
	}
	if i%bringEvery == 0 {
		made, err := w.writer.create(bringChanges)
		if err != nil {
			return err
		}
		if err := w.bring(made); err != nil {
			return err
		}
		p.brought = held{w.writer.cert.Log, w.writer.seq, w.writer.head}
		if err := p.mark(); err != nil {
			return err
		}
	}
	if i%contactEvery == 0 {
		if _, err := w.contact(); err != nil {
			return err
		}
		if err := p.mark(); err != nil {
			return err
		}
	}
	if i%reopenEvery == reopenEvery-1 {
		return p.reopen()
	}
	return nil
}

// reopen ends both programs in order, which folds their logs, and begins anew.
func (p *powerLosses) reopen() error {
	w := p.world
	if err := w.stop(); err != nil {
		return err
	}
	if err := w.start(); err != nil {
		return err
	}
	opt, err := w.options()
	if err != nil {
		return err
	}
	if w.device, err = openDevice(p.ctx, opt, w.keyFile); err != nil {
		return err
	}
	w.newSession()
	return p.mark()
}

func openDevice(ctx context.Context, opt localstore.Options, keyFile []byte) (*localstore.Store, error) {
	s, err := localstore.Open(ctx, opt)
	if err != nil {
		return nil, err
	}
	if err := s.Unlock(ctx, localstore.Credential{KeyFile: keyFile}); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// mark notes what is acknowledged now.
func (p *powerLosses) mark() error {
	m := mark{ops: p.recording.Len(), brought: p.brought}
	logs, err := p.world.device.Logs(p.ctx)
	if err != nil {
		return err
	}
	l := logs[len(logs)-1]
	m.saved = held{l.Log, l.HeadSeq, l.Head}
	if m.received, err = heldAt(p.ctx, p.world.device, l, l.Received); err != nil {
		return err
	}
	m.side, err = os.ReadFile(filepath.Join(p.world.dir, sideName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the side file: %w", err)
	}
	p.marks = append(p.marks, m)
	return nil
}

// heldAt returns a device's log as it was at a sequence.
func heldAt(ctx context.Context, s *localstore.Store, l localstore.LogStatus, seq uint64) (held, error) {
	h := held{l.Log, seq, l.Head}
	switch {
	case seq == 0:
		h.head = syncproto.ChainStart(l.Log)
	case seq < l.HeadSeq:
		b, err := s.ReadBatch(ctx, l.Log, seq+1, 1, 1<<20)
		if err != nil {
			return h, err
		}
		h.head = b.Prev
	}
	return h, nil
}

// strike takes the power away at n moments, spread over the stretch, and counts
// what then is broken or lost.
func (p *powerLosses) strike(n int, normal bool) (corrupt, lost int, failures []Failure, err error) {
	var mu sync.Mutex
	var errs []error
	done := 0
	workers := workersOf(p.Workers)
	each(workers, workers, func(worker int) bool {
		replay := p.recording.Replay(normal)
		for i := worker; i < n; i += workers {
			at := 1 + i*p.recording.Len()/n
			replay.Advance(min(at, p.recording.Len()))
			problem, missing, err := p.image(replay, at, uint64(i), normal)
			mu.Lock()
			switch {
			case err != nil:
				errs = append(errs, err)
			case missing != "":
				lost++
			case problem != "":
				corrupt++
			}
			if problem+missing != "" && len(failures) < maxFailures {
				failures = append(failures, Failure{Seed: uint64(i), Problem: problem + missing})
			}
			done++
			p.Progress(p.figure.Name, done, n)
			mu.Unlock()
			if err != nil {
				return false
			}
		}
		return true
	})
	if done != n && len(errs) == 0 {
		return 0, 0, nil, fmt.Errorf("%d images of %d were looked at", done, n)
	}
	return corrupt, lost, failures, errors.Join(errs...)
}

// image makes one image, opens what is on it, and says what is wrong with it.
func (p *powerLosses) image(replay *faultdisk.Replay, at int, seed uint64, normal bool) (problem, missing string, err error) {
	dir, err := os.MkdirTemp(p.Memory, "image")
	if err != nil {
		return "", "", fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	rng := rand.New(rand.NewPCG(worldSeed, seed))
	fate := faultdisk.Fate(seed / 2 % 3)
	if normal {
		fate = faultdisk.Lost
	}
	name, check := deviceName, p.checkDevice
	if seed%2 == 0 {
		name, check = serverName, p.checkServer
	}
	if err := replay.Image(dir, name, fate, rng); err != nil {
		return "", "", err
	}
	k := 0
	for k+1 < len(p.marks) && p.marks[k+1].ops <= at {
		k++
	}
	// The side file is not synced: any of its last contents may be there.
	if side := p.marks[max(0, k-rng.IntN(3))].side; side != nil && name == deviceName {
		if err := os.WriteFile(filepath.Join(dir, sideName), side, 0o600); err != nil {
			return "", "", fmt.Errorf("write the side file: %w", err)
		}
	}
	problem, missing = check(dir, &p.marks[k])
	if problem+missing != "" {
		where := fmt.Sprintf("operation %d, %s, %s: ", at, name, [...]string{"lost", "kept", "torn"}[fate])
		if missing != "" {
			return "", where + missing, nil
		}
		return where + problem, "", nil
	}
	return "", "", nil
}

func (p *powerLosses) checkDevice(dir string, m *mark) (problem, missing string) {
	opt, err := deviceOptions(dir)
	if err != nil {
		return err.Error(), ""
	}
	s, err := openDevice(p.ctx, opt, p.world.keyFile)
	if err != nil {
		return "open: " + err.Error(), ""
	}
	defer s.Close()
	found, err := s.Check(p.ctx)
	if err != nil || len(found) > 0 {
		return fmt.Sprintf("check: %v, %v", found, err), ""
	}
	logs, err := s.Logs(p.ctx)
	if err != nil {
		return "read logs: " + err.Error(), ""
	}
	i := len(logs) - 1
	for i > 0 && logs[i].Log != m.saved.log {
		i--
	}
	if logs[i].Log != m.saved.log || logs[i].HeadSeq < m.saved.seq {
		return "", fmt.Sprintf("the log ends at %d, saved was %d", logs[i].HeadSeq, m.saved.seq)
	}
	if h, err := heldAt(p.ctx, s, logs[i], m.saved.seq); err != nil || h != m.saved {
		return fmt.Sprintf("another chain at %d, %v", m.saved.seq, err), ""
	}
	if len(logs) > 1 {
		return fmt.Sprintf("%d logs: taken for a copy, though nothing is missing", len(logs)), ""
	}
	// And the person goes on.
	w := &world{r: p.run, ctx: p.ctx, device: s, writer: newWriter(p.world.forms)}
	made, err := w.writer.create(1)
	if err == nil {
		err = w.append(made[0])
	}
	if err != nil {
		return "save: " + err.Error(), ""
	}
	return "", ""
}

func (p *powerLosses) checkServer(dir string, m *mark) (problem, missing string) {
	s, err := sqlitestore.Open(p.ctx, sqlitestore.Options{Path: filepath.Join(dir, serverName)})
	if err != nil {
		return "open: " + err.Error(), ""
	}
	defer s.Close()
	report, err := s.Check(p.ctx)
	if err != nil || len(report.Problems) > 0 {
		return fmt.Sprintf("check: %v, %v", report.Problems, err), ""
	}
	err = s.View(p.ctx, func(r store.Reader) error {
		for _, want := range []held{m.received, m.brought} {
			if want.seq == 0 {
				continue
			}
			log, err := r.Log(want.log)
			if errors.Is(err, store.ErrNotFound) || err == nil && log.Received < want.seq {
				missing = fmt.Sprintf("log %v ends at %d, acknowledged was %d", want.log, log.Received, want.seq)
				return nil
			}
			if err != nil {
				return err
			}
			if e, err := r.Entry(want.log, want.seq); err != nil || e.Chain != want.head {
				problem = fmt.Sprintf("log %v has another chain at %d, %v", want.log, want.seq, err)
			}
		}
		return nil
	})
	if err != nil {
		return "read logs: " + err.Error(), ""
	}
	return problem, missing
}
