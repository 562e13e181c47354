// Package server takes a store and gives a handler: it joins hub, access and
// the websocket end into one server, and chooses no database.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/server/syncws"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Erasures keeps which records were erased, outside the store and its backups,
// so that no restore brings their content back.
type Erasures interface {
	// Add keeps an erasure durably before it returns.
	Add(hub.Erasure) error
	// All returns what was kept, oldest first.
	All() ([]hub.Erasure, error)
}

// Options are the server's surroundings. All but Uptime, Log, Recovery
// and Limits are needed.
type Options struct {
	Store    store.Store
	Packages *schemas.Package
	Erasures Erasures
	// Clock gives Unix milliseconds, Rand random bytes.
	Clock func() int64
	Rand  io.Reader
	// Uptime gives the milliseconds since the process began, whatever happens
	// to Clock; without it the server's time stands still while Clock has jumped.
	Uptime func() int64
	Log    *slog.Logger
	// Recovery is the province's recovery key, public. It is a part of the keys
	// that enrolment codes vouch for, so it is set at the first start, before
	// there are places; nil keeps what is there.
	Recovery *[32]byte
	// Limits bound what sessions may stand at once; zero values take defaults.
	Limits syncws.Limits
	// Alarms says what the operator should look at, besides what the server sees
	// itself; nil for nothing. It may be called often and at once.
	Alarms func() []Alarm
}

// provinceList is the code list from which the country's places are made.
const provinceList = "PROVINCE"

// Server is an opened server. It is safe for concurrent use.
type Server struct {
	store    store.Store
	hub      *hub.Hub
	identity *hub.Identity
	admin    *access.Admin
	sessions *syncws.Handler
	closing  atomic.Bool
	alarms   func() []Alarm
	probe    probe
}

// Open makes a server of a store: it loads or makes the server's keys, begins
// a new era, erases again what a restored store brought back, and sees that
// the country's places are there. Nothing listens before that. The store stays
// the caller's, to be closed after Close. Errors wrap those of the store and
// access.ErrOtherKeys.
func Open(ctx context.Context, o Options) (*Server, error) {
	provinces, ok := o.Packages.List(provinceList)
	if !ok {
		return nil, fmt.Errorf("open server: the forms have no code list %s", provinceList)
	}
	erased, err := o.Erasures.All()
	if err != nil {
		return nil, fmt.Errorf("open server: read the erasures: %w", err)
	}
	id, err := hub.LoadIdentity(ctx, o.Store, o.Rand, o.Recovery)
	if err != nil {
		return nil, fmt.Errorf("open server: %w", err)
	}
	codec, err := wire.NewCodec()
	if err != nil {
		return nil, fmt.Errorf("open server: %w", err)
	}
	h, err := hub.New(ctx, hub.Options{Store: o.Store, Packages: o.Packages, Clock: o.Clock, Uptime: o.Uptime, Rand: o.Rand, Log: o.Log, Erasures: o.Erasures.Add})
	if err != nil {
		return nil, fmt.Errorf("open server: %w", err)
	}
	keys := id.Keys()
	fingerprint := keys.Fingerprint()
	s := &Server{alarms: o.Alarms, store: o.Store, hub: h, identity: id, admin: &access.Admin{
		Store: o.Store, Rand: o.Rand,
		Fingerprint: [syncproto.CodeFingerprintSize]byte(fingerprint[:syncproto.CodeFingerprintSize]),
		Clock: func() int64 {
			now, _ := h.Now()
			return now
		},
	}}
	err = h.Replay(ctx, erased)
	if err == nil {
		err = s.admin.Country(ctx, provinces)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open server: %w", err), h.Close())
	}
	s.sessions = syncws.New(syncws.Surroundings{Hub: h, Identity: id, Codec: codec, Clock: s.admin.Clock, Random: o.Rand, Log: o.Log}, o.Limits)
	return s, nil
}

// Hub returns the server's one writer of records.
func (s *Server) Hub() *hub.Hub { return s.hub }

// Identity returns the server's keys.
func (s *Server) Identity() *hub.Identity { return s.identity }

// Admin returns the acts of administration. After one that changed what
// somebody may do, call Hub().AccessChanged, so that running sessions learn it.
func (s *Server) Admin() *access.Admin { return s.admin }

// closeTimeout bounds how long devices may take to leave.
const closeTimeout = 5 * time.Second

// Close asks the devices to come back later, waits some seconds until they have
// left, and ends the hub after its running commit.
func (s *Server) Close() error {
	s.closing.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.sessions.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // the slow ones were cut off; they resume elsewhere or later
	}
	return errors.Join(err, s.hub.Close())
}

// Handler answers devices at syncws.Path and everybody at GET /healthz and
// GET /readyz.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(syncws.Path, s.sessions)
	mux.HandleFunc("GET /healthz", s.serveHealth)
	mux.HandleFunc("GET /readyz", s.serveReady)
	return mux
}
