package figures

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"mahalleh/client-sdk/syncer"
	"mahalleh/syncproto"
)

// field kills the field program, every second round while it saves, and else
// while it synchronises over a line that counts what goes over it.
func (k *killing) field() (c reckoning, err error) {
	const data, device = "office", "phone"
	codes, err := k.programs.neighbourhood(data, 2)
	if err != nil {
		return c, err
	}
	colleague, err := newPhone(k.ctx, k.programs.dir, 50, codes[0], k.codec)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, colleague.close()) }()
	if err := os.WriteFile(filepath.Join(k.programs.dir, "key"), phoneKey, 0o600); err != nil {
		return c, fmt.Errorf("write a key file: %w", err)
	}
	s, err := k.programs.serve(data)
	if err != nil {
		return c, err
	}
	line, err := newTap(s.address)
	if err != nil {
		return c, errors.Join(err, s.kill())
	}
	defer func() { err = errors.Join(err, line.close()) }()
	if _, err := k.programs.tell("mahalleh-field", device, "enrol", codes[1], "--address", line.address, "-q"); err != nil {
		return c, errors.Join(err, s.kill())
	}
	f := &fieldKilling{killing: k, device: device, line: line, saved: map[string]bool{}}
	for kills := 0; kills < k.rounds; {
		rng := rand.New(rand.NewPCG(k.From+uint64(f.tries), 6))
		f.tries++
		hit, err := f.round(rng, colleague, s.address)
		if err != nil {
			return c, errors.Join(fmt.Errorf("round %d: %w", f.tries, err), s.kill())
		}
		if hit {
			kills++
			k.step()
		}
		if f.tries > 5*k.rounds+50 {
			return c, errors.Join(fmt.Errorf("of %d rounds %d found the program still running", f.tries, kills), s.kill())
		}
	}
	end, err := f.reckon(data, s, colleague)
	return end, err
}

// fieldKilling is the half of the figure in which the field program dies.
type fieldKilling struct {
	*killing
	device string
	line   *tap
	tries  int
	saved  map[string]bool // changes that were reported as saved
	begun  int             // saves that were begun
}

// round has the program save or synchronise, and kills it underway. It reports
// whether it was still there.
func (f *fieldKilling) round(rng *rand.Rand, colleague *phone, address string) (hit bool, err error) {
	if f.tries%2 == 0 {
		return f.saveRound(rng)
	}
	// Something comes from the other side, too.
	if err := colleague.save(f.tries); err != nil {
		return false, err
	}
	if r := colleague.sync(f.ctx, address, syncer.Once); r.Outcome != syncer.CaughtUp {
		return false, fmt.Errorf("the colleague's sync: %v %w", r.Outcome, causeOf(r.Err))
	}
	cmd := f.programs.command("mahalleh-field", f.device, "sync", "--json")
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start a sync: %w", err)
	}
	f.line.killAfter(1+rng.Int64N(14), cmd.Process)
	err = cmd.Wait()
	f.line.spare()
	return killed(err)
}

// killed tells a program that was killed from one that ended by itself.
func killed(err error) (bool, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &exit) && exit.ExitCode() < 0:
		return true, nil
	}
	return false, fmt.Errorf("the field program ended otherwise than by being killed: %w", err)
}

// saveRound kills a save at the n-th change of the device's files, or after it
// said that it had saved.
func (f *fieldKilling) saveRound(rng *rand.Rand) (hit bool, err error) {
	f.begun++
	title := fmt.Sprintf("سالن %d", f.begun)
	cmd := f.programs.command("mahalleh-field", f.device, "new", "asset", "--set", "category=physical", "--set", "subtype=hall", "--set", "title_fa="+title, "--json")
	out := &watchedOut{said: make(chan struct{})}
	var problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &problem
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start a save: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	await := rng.IntN(6) // changes of the files; none: until it says so
	err = f.strike(cmd.Process, await, out.said, ended)
	hit, err = killed(err)
	if err != nil {
		return false, fmt.Errorf("%w: %s", err, problem.Bytes())
	}
	var item struct {
		Saved  bool
		Change string
	}
	// Half a line is no report.
	if line, whole := out.line(); whole {
		if err := json.Unmarshal(line, &item); err != nil {
			return hit, fmt.Errorf("read what a save said: %w", err)
		}
	}
	if item.Saved {
		f.saved[item.Change] = true
	}
	return hit, nil
}

// strike kills a process once the device's files have changed so often, or it
// has said something, and waits for its end.
func (f *fieldKilling) strike(p *os.Process, changes int, said <-chan struct{}, ended <-chan error) error {
	before := f.look()
	for seen := 0; ; {
		select {
		case err := <-ended:
			return err
		case <-said:
			_ = p.Kill() // if it is gone already, Wait says so
			return <-ended
		default:
		}
		if now := f.look(); now != before {
			before = now
			if seen++; seen == changes {
				_ = p.Kill() // as above
				return <-ended
			}
		}
		runtime.Gosched()
	}
}

// look is what the device's files look like from outside.
func (f *fieldKilling) look() (all [3][2]int64) {
	for i, end := range []string{"", "-wal", ".head"} {
		if st, err := os.Stat(filepath.Join(f.programs.dir, f.device, deviceName+end)); err == nil {
			all[i] = [2]int64{st.Size(), st.ModTime().UnixNano()}
		}
	}
	return all
}

// reckon brings the device to rest and compares everything.
func (f *fieldKilling) reckon(data string, s *serverProgram, colleague *phone) (c reckoning, err error) {
	for range 2 {
		if _, err := f.programs.tell("mahalleh-field", f.device, "sync"); err != nil {
			c.say("the last sync: %v", err)
		}
	}
	if r := colleague.sync(f.ctx, s.address, syncer.Once); r.Outcome != syncer.CaughtUp {
		c.say("the colleague's last sync: %v %v", r.Outcome, r.Err)
	}
	if err := s.stop(); err != nil {
		return c, err
	}
	f.checks.Add(1)
	if err := f.programs.sound(data); err != nil {
		c.say("%v", err)
	}
	// The program's own store, opened as a phone's, with all that it holds.
	p := &phone{ctx: f.ctx, n: 51, dir: filepath.Join(f.programs.dir, f.device), codec: f.codec, forms: colleague.forms}
	if err := p.open(); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.readMade(); err != nil {
		return c, err
	}
	there := map[string]bool{}
	for _, id := range p.made {
		there[id.String()] = true
	}
	for id := range f.saved {
		if !there[id] {
			c.lost++
			c.say("change %s was reported as saved and is not in the device's log", id)
		}
	}
	if n := len(p.made); n > f.begun {
		c.doubled += n - f.begun
		c.say("%d saves made %d changes", f.begun, n)
	}
	end, err := reckon(f.ctx, filepath.Join(f.programs.dir, data, serverName), []*phone{p, colleague})
	end.lost, end.doubled, end.problems = end.lost+c.lost, end.doubled+c.doubled, append(c.problems, end.problems...)
	return end, err
}

// readMade reads the changes that the device's log keeps.
func (p *phone) readMade() error {
	logs, err := p.store.Logs(p.ctx)
	if err != nil {
		return err
	}
	if len(logs) != 1 {
		p.wrong("%d logs: taken for a copy", len(logs))
	}
	for _, l := range logs {
		for seq := l.First; seq <= l.HeadSeq; {
			b, err := p.store.ReadBatch(p.ctx, l.Log, seq, syncproto.MaxBatchChanges, 1<<20)
			if err != nil {
				return err
			}
			if len(b.Changes) == 0 {
				return fmt.Errorf("log %v ends at %d of %d", l.Log, seq, l.HeadSeq)
			}
			for _, ch := range b.Changes {
				p.made = append(p.made, ch.ID)
			}
			seq += uint64(len(b.Changes))
		}
	}
	return nil
}

// watchedOut keeps what a program prints and tells when a whole line is there.
type watchedOut struct {
	mu   sync.Mutex
	text []byte
	said chan struct{}
}

func (w *watchedOut) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := bytes.IndexByte(w.text, '\n')
	w.text = append(w.text, b...)
	if before < 0 && bytes.IndexByte(w.text, '\n') >= 0 {
		close(w.said)
	}
	return len(b), nil
}

func (w *watchedOut) line() (line []byte, whole bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line, _, whole = bytes.Cut(w.text, []byte("\n"))
	return line, whole
}

// tap is a line to a server that kills a process once so many pieces have gone
// over it.
type tap struct {
	listener net.Listener
	address  string
	to       string
	left     atomic.Int64
	mu       sync.Mutex
	victim   *os.Process
	all      sync.WaitGroup
	ctx      context.Context
	stop     func()
}

func newTap(to string) (*tap, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	t := &tap{listener: l, address: l.Addr().String(), to: to}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.all.Go(t.accept)
	return t, nil
}

func (t *tap) close() error {
	t.stop()
	err := t.listener.Close()
	t.all.Wait()
	return err
}

// killAfter chooses the next victim.
func (t *tap) killAfter(pieces int64, victim *os.Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.victim = victim
	t.left.Store(pieces)
}

// spare lets whoever is there live.
func (t *tap) spare() { t.killAfter(0, nil) }

func (t *tap) accept() {
	for {
		near, err := t.listener.Accept()
		if err != nil {
			return // closed
		}
		t.all.Go(func() {
			defer near.Close()
			far, err := net.Dial("tcp", t.to)
			if err != nil {
				return // the program finds the line broken
			}
			defer far.Close()
			stop := context.AfterFunc(t.ctx, func() { near.Close(); far.Close() })
			defer stop()
			var both sync.WaitGroup
			both.Go(func() { t.carry(far, near) })
			both.Go(func() { t.carry(near, far) })
			both.Wait()
		})
	}
}

func (t *tap) carry(to, from net.Conn) {
	defer to.Close()
	_, _ = io.Copy(tapped{t, to}, from) // a line that ends is no error
}

// tapped counts pieces on their way.
type tapped struct {
	t  *tap
	to net.Conn
}

func (w tapped) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	if w.t.left.Add(-1) == 0 {
		w.t.mu.Lock()
		if w.t.victim != nil {
			_ = w.t.victim.Kill() // if it is gone already, Wait says so
		}
		w.t.mu.Unlock()
	}
	return n, err
}
