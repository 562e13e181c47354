package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/server/syncws"
)

// Alarm is something that the operator should look at. Its names are those that
// docs/operate.md explains.
type Alarm struct {
	Name string
	// Stops says that the server cannot do its work while it stands.
	Stops bool
}

// The alarms that the server raises itself.
const (
	AlarmStopping = "stopping" // it is about to end
	AlarmStorage  = "storage"  // the store cannot be read or written
	AlarmClock    = "clock"    // the machine's clock has jumped and is not followed
)

const (
	// lookTimeout bounds one look at the store.
	lookTimeout = 5 * time.Second
	// probeEvery is how old the answer to whether the store can be written may
	// be: whoever asks more often costs no syncs of the disk.
	probeEvery = 10 * time.Second
	// probeKey is what is written to find it out.
	probeKey = "server.probe"
)

// probe remembers whether the store could be written. Opening the server wrote
// to it.
type probe struct {
	mu  sync.Mutex
	at  time.Time // when the last attempt ended
	err error     // what it said
	// running is closed when the attempt that runs ends, nil while none does;
	// since is when it began.
	running chan struct{}
	since   time.Time
}

// errHangs says that an attempt to write has not come back.
var errHangs = errors.New("the store does not come back from writing")

// Health is what GET /healthz answers, as JSON; the status is 503 unless OK. It
// says that the server lives; a server that is not ready may well.
type Health struct {
	OK bool `json:"ok"`
	// Era names this opening of the store, Time is the server's, Unix ms.
	Era  string `json:"era,omitempty"`
	Time int64  `json:"time"`
	// ClockAlarm says that the machine's clock has jumped and is not followed.
	ClockAlarm bool `json:"clock_alarm,omitempty"`
	// Problem is why it is not OK: "stopping" or "storage".
	Problem string `json:"problem,omitempty"`
	// Alarms are the names of all that stand.
	Alarms []string `json:"alarms,omitempty"`
}

// Health looks whether the server can answer.
func (s *Server) Health(ctx context.Context) Health {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var h Health
	h.Time, h.ClockAlarm = s.hub.Now()
	h.Alarms = names(s.standing())
	if s.closing.Load() {
		h.Problem = AlarmStopping
		return h
	}
	err := s.store.View(ctx, func(r store.Reader) error {
		era, err := r.LastEra()
		h.Era = era.ID.String()
		return err
	})
	if err != nil {
		h.Problem = AlarmStorage
		return h
	}
	h.OK = true
	return h
}

// Readiness is what GET /readyz answers, as JSON; the status is 503 unless OK,
// with ?strict also while any alarm stands.
type Readiness struct {
	// OK says that the server can do its work: the store can be written, and
	// there is room on its disk.
	OK bool `json:"ok"`
	// Alarms are the names of all that stand, those that stop it too.
	Alarms []string `json:"alarms"`
}

// Ready looks whether the server can do its work. That the store can be written
// is tried at most every few seconds.
func (s *Server) Ready(ctx context.Context) Readiness {
	all := s.Alarms(ctx)
	return Readiness{OK: !slices.ContainsFunc(all, func(a Alarm) bool { return a.Stops }), Alarms: names(all)}
}

// Alarms returns all that stand, by name.
func (s *Server) Alarms(ctx context.Context) []Alarm {
	all := s.standing()
	if !s.closing.Load() && s.writable(ctx) != nil {
		all = append(all, Alarm{Name: AlarmStorage, Stops: true})
	}
	return all
}

// standing are the alarms that can be told without touching the store.
func (s *Server) standing() []Alarm {
	var all []Alarm
	if s.closing.Load() {
		all = append(all, Alarm{Name: AlarmStopping, Stops: true})
	}
	if _, clock := s.hub.Now(); clock {
		all = append(all, Alarm{Name: AlarmClock})
	}
	if s.alarms != nil {
		all = append(all, s.alarms()...)
	}
	return all
}

func names(all []Alarm) []string {
	list := make([]string, 0, len(all))
	for _, a := range all {
		list = append(list, a.Name)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// writable writes a small value, unless that was tried a moment ago. Whoever
// asks while somebody else's attempt runs is told what the last one said, or
// that this one hangs; nobody waits for another.
func (s *Server) writable(ctx context.Context) error {
	p := &s.probe
	p.mu.Lock()
	now := time.Now()
	switch {
	case p.running != nil && now.Sub(p.since) >= lookTimeout:
		defer p.mu.Unlock()
		return errHangs
	case p.running != nil || !p.at.IsZero() && now.Sub(p.at) < probeEvery:
		defer p.mu.Unlock()
		return p.err
	}
	ended := make(chan struct{})
	p.running, p.since = ended, now
	p.mu.Unlock()

	// An asker who goes away must not leave a false answer for the next one, and
	// a disk that hangs heeds no context: so the attempt runs by itself.
	try, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	go func() {
		defer cancel()
		p.end(s.store.Update(try, func(tx store.Tx) error { return tx.PutMeta(probeKey, []byte{1}) }))
	}()
	limit := time.NewTimer(lookTimeout)
	defer limit.Stop()
	select {
	case <-ended:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	case <-limit.C:
		return errHangs
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *probe) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.err = time.Now(), err
	close(p.running)
	p.running = nil
}

// Counters are what the server has counted since it was opened.
type Counters struct {
	Sessions syncws.Counters
	Hub      hub.Counters
}

// Counters returns the present counts.
func (s *Server) Counters() Counters {
	return Counters{Sessions: s.sessions.Counters(), Hub: s.hub.Counters()}
}

func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	h := s.Health(r.Context())
	answer(w, h.OK, h)
}

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	ready := s.Ready(r.Context())
	answer(w, ready.OK && (len(ready.Alarms) == 0 || !r.URL.Query().Has("strict")), ready)
}

func answer(w http.ResponseWriter, ok bool, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// Nobody is left to tell if the asker went away.
	_ = json.NewEncoder(w).Encode(v)
}
