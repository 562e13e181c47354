package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/syncws"
	"mahalleh/syncproto/wire"
)

// Ready is what a server process writes, as one line of JSON, when it listens.
type Ready struct {
	Address string
	// Keys is the server's key document.
	Keys []byte
}

// Memory is how a server process stands, in bytes and numbers.
type Memory struct {
	// Resident is what the system counts, Peak the most that it ever counted.
	Resident, Peak uint64
	// Heap is what lives on the heap and Stacks what stacks take. They are exact
	// after a collection.
	Heap, Stacks uint64
	Goroutines   int
	// Processor is how long processors have worked for it.
	Processor time.Duration
	// Sessions stand, Frames were read.
	Sessions, Frames, Busy, Broken, Refused int64
}

// Database is the name of a server's database in its folder.
const Database = "server.db"

// Paths of a server process, beside those of every server.
const (
	memoryPath = "/fleet/memory"
	heapPath   = "/fleet/heap"
)

// noErasures says that nothing was ever erased here.
type noErasures struct{}

func (noErasures) Add(hub.Erasure) error       { return nil }
func (noErasures) All() ([]hub.Erasure, error) { return nil, nil }

// site is a server on its store.
type site struct {
	*server.Server
	store *sqlitestore.Store
}

func open(ctx context.Context, dir string, limits syncws.Limits) (*site, error) {
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(dir, Database)})
	if err != nil {
		return nil, err
	}
	packages, err := forms.Load()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load the forms: %w", err), st.Close())
	}
	began := time.Now()
	s, err := server.Open(ctx, server.Options{Store: st, Packages: packages, Erasures: noErasures{}, Rand: rand.Reader, Limits: limits,
		Clock:  func() int64 { return time.Now().UnixMilli() },
		Uptime: func() int64 { return time.Since(began).Milliseconds() }})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return &site{s, st}, nil
}

func (s *site) close() error { return errors.Join(s.Close(), s.store.Close()) }

// Make makes a server's store in a folder, with the fleet in it.
func (r Roster) Make(ctx context.Context, dir string) error {
	s, err := open(ctx, dir, syncws.Limits{})
	if err != nil {
		return err
	}
	return errors.Join(r.fill(ctx, s.store), s.close())
}

// Serve is a server process: it serves the store in a folder on the loopback
// address until in ends, which it does when whoever started it goes.
func Serve(ctx context.Context, dir string, limits syncws.Limits, in io.Reader, out io.Writer) (err error) {
	server.CollectLess()
	s, err := open(ctx, dir, limits)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.Handler())
	mux.HandleFunc(memoryPath, s.tellMemory)
	mux.HandleFunc(heapPath, func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC()
		_ = pprof.WriteHeapProfile(w) // whoever asked sees that it is cut short
	})
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 20 * time.Second, ReadTimeout: 20 * time.Second, IdleTimeout: 20 * time.Second, MaxHeaderBytes: 16 << 10}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	keys := s.Identity().Keys()
	if err := json.NewEncoder(out).Encode(Ready{Address: l.Addr().String(), Keys: wire.AppendServerKeys(nil, &keys)}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, in) // its end is all that is waited for
	if err := web.Close(); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// tellMemory answers with how the process stands, after a collection if that is asked for.
func (s *site) tellMemory(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("collect") {
		debug.FreeOSMemory()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	c := s.Counters().Sessions
	m := Memory{Heap: stats.HeapAlloc, Stacks: stats.StackInuse, Goroutines: runtime.NumGoroutine(),
		Sessions: c.Sessions, Frames: c.FramesIn, Busy: c.Busy, Broken: c.Broken, Refused: c.Refused}
	var err error
	if m.Resident, m.Peak, err = residentMemory(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if m.Processor, err = processorTime(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(m) // as above
}
