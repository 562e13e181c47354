package figures

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/syncws"
)

// childServe is what a child process does here: be a server on a store until
// its input ends.
const childServe = "serve"

// foldEvery is how often the server program folds its write-ahead log back.
const foldEvery = time.Minute

// serverTold is what the server process says of itself: where it listens when
// it is ready, and at its end how much memory it held at most.
type serverTold struct {
	Address string `json:"address,omitempty"`
	Memory  uint64 `json:"memory,omitempty"`
}

// noErasures is a journal in which nothing stands.
type noErasures struct{}

func (noErasures) Add(hub.Erasure) error       { return nil }
func (noErasures) All() ([]hub.Erasure, error) { return nil, nil }

// manyGreetings is how often one device may come in a minute here: while it is
// measured what a contact costs, it comes as often as it can.
const manyGreetings = 100_000

// openServer opens a server on a store as the server program does.
func openServer(ctx context.Context, store *sqlitestore.Store) (*server.Server, error) {
	pkg, err := forms.Load()
	if err != nil {
		return nil, fmt.Errorf("load the forms: %w", err)
	}
	began := time.Now()
	return server.Open(ctx, server.Options{Store: store, Packages: pkg, Erasures: noErasures{}, Rand: rand.Reader, Limits: syncws.Limits{Greetings: manyGreetings},
		Clock:  func() int64 { return time.Now().UnixMilli() },
		Uptime: func() int64 { return time.Since(began).Milliseconds() }})
}

// serveChild is the server process. profile, if not empty, is where its
// processor profile goes.
func serveChild(ctx context.Context, path, profile string, in io.Reader, out io.Writer) (err error) {
	server.CollectLess()
	store, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: path})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s, err := openServer(ctx, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	web := &http.Server{Handler: s.Handler()}
	defer web.Close()
	go web.Serve(l)
	told := json.NewEncoder(out)
	if err := told.Encode(serverTold{Address: l.Addr().String()}); err != nil {
		return err
	}
	stop, err := profiled(profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		io.Copy(io.Discard, in)
	}()
	every := time.NewTicker(foldEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-store.Grown():
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			memory, err := peakMemory()
			if err != nil {
				return err
			}
			return told.Encode(serverTold{Memory: memory})
		}
		if _, err := store.Checkpoint(ctx); err != nil {
			return err
		}
	}
}

// profiled writes the processor profile of what runs until stop is called to a
// file, and beside it what the process has allocated by then; with no path it does
// nothing.
func profiled(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("make a profile: %w", errors.Join(err, f.Close()))
	}
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(f.Close(), profileAllocations(path+".allocs"))
	}, nil
}

func profileAllocations(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make a profile: %w", err)
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

// serving is a running server process.
type serving struct {
	address string
	cmd     *exec.Cmd
	in      io.Closer
	out     *bufio.Scanner
	problem *bytes.Buffer
}

// serve starts a server process on the store of a directory.
func (r *run) serve(ctx context.Context, dir string) (*serving, error) {
	profile := ""
	if r.Profile != "" {
		profile = filepath.Join(r.Profile, r.figure.Name+".pprof")
	}
	cmd := r.Child(ctx, childServe, filepath.Join(dir, serverName), profile)
	s := &serving{cmd: cmd, problem: new(bytes.Buffer)}
	cmd.Stderr = s.problem
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("server process: %w", err)
	}
	s.in = in
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("server process: %w", err)
	}
	s.out = bufio.NewScanner(out)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("server process: %w", err)
	}
	told, err := s.listen()
	if err != nil {
		_, ended := s.stop()
		return nil, errors.Join(err, ended)
	}
	s.address = told.Address
	return s, nil
}

// listen waits for what the process says next.
func (s *serving) listen() (told serverTold, err error) {
	if !s.out.Scan() {
		return told, fmt.Errorf("server process: it said nothing: %w", errors.Join(s.out.Err(), io.ErrUnexpectedEOF))
	}
	if err := json.Unmarshal(s.out.Bytes(), &told); err != nil {
		return told, fmt.Errorf("server process: %w", err)
	}
	return told, nil
}

// served is what a server process used: the most memory in bytes, and the time
// of processors.
type served struct {
	memory    uint64
	processor time.Duration
}

// stop ends the process in order and says what it used.
func (s *serving) stop() (served, error) {
	err := s.in.Close()
	told, toldErr := s.listen()
	if waited := s.cmd.Wait(); waited != nil {
		return served{}, fmt.Errorf("server process: %w: %s", errors.Join(err, waited), strings.TrimSpace(s.problem.String()))
	}
	state := s.cmd.ProcessState
	return served{memory: told.Memory, processor: state.UserTime() + state.SystemTime()}, errors.Join(err, toldErr)
}
