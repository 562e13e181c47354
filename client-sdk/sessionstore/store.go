// Package sessionstore answers what a session asks of a device from its
// localstore.
package sessionstore

import (
	"context"
	"crypto/ecdh"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/syncer"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// The names under which the store keeps what the server said.
const (
	settingGrants  = "grants"
	settingServer  = "server"
	settingReceipt = "receipt."
)

// Store is a syncer.Store over a localstore. One connection uses it at a time.
type Store struct {
	local   *localstore.Store
	codec   *wire.Codec
	app     string
	name    string
	forms   uint32
	keep    time.Duration
	sealers map[syncproto.LogID]*wire.BatchSealer
	// told are the logs whose certificate Hello carried; held says how far the
	// server holds the current log, from Welcome.
	told map[syncproto.LogID]bool
	held heldLog
	// named are the checkpoints whose counts Hello carried, until the server has
	// said how they stand.
	named []syncproto.Checkpoint
}

// heldLog is how far a server holds a log: the chain hash at its last sequence.
type heldLog struct {
	log  syncproto.LogID
	head syncproto.Hash
}

var (
	_ syncer.Store     = (*Store)(nil)
	_ syncer.Forgetful = (*Store)(nil)
)

// Options say what a Store needs beside the localstore.
type Options struct {
	Codec *wire.Codec
	// App names program and release, Device the device for people.
	App, Device string
	// Package is the version of the package of forms that the device has.
	Package uint32
	// Keep is for how long own changes stay after they were saved, once a
	// verified backup of the server holds them.
	Keep time.Duration
}

// New returns the session's view of a device's store.
func New(local *localstore.Store, o Options) *Store {
	return &Store{local: local, codec: o.Codec, app: o.App, name: o.Device, forms: o.Package, keep: o.Keep,
		sealers: map[syncproto.LogID]*wire.BatchSealer{}, told: map[syncproto.LogID]bool{}}
}

// Server is what the server said of itself and of this device.
type Server struct {
	Era syncproto.EraID
	// Lease is for how many seconds of the device's uptime reading stays open,
	// counted from LeaseFrom, seconds lived then.
	Lease, LeaseFrom uint64
	// Contact is the server's time at the last Welcome, Unix milliseconds.
	Contact int64
}

// Grants returns the grants, places and people the server last told, zero
// before the first contact.
func Grants(ctx context.Context, local *localstore.Store) (g wire.GrantsNote, err error) {
	return g, load(ctx, local, settingGrants, &g)
}

// ServerOf returns what the server last said of itself, zero before the first
// contact.
func ServerOf(ctx context.Context, local *localstore.Store) (s Server, err error) {
	return s, load(ctx, local, settingServer, &s)
}

// Receipt returns the last signed receipt for a log (wire.DecodeReceipt), nil
// if there is none.
func Receipt(ctx context.Context, local *localstore.Store, log syncproto.LogID) ([]byte, error) {
	b, err := local.Setting(ctx, settingReceipt+log.String())
	if errors.Is(err, localstore.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

// proved is up to which sequence the last receipt of a log goes, 0 without one.
func (s *Store) proved(ctx context.Context, log syncproto.LogID) (uint64, error) {
	raw, err := Receipt(ctx, s.local, log)
	if err != nil || raw == nil {
		return 0, translate(err)
	}
	r, err := wire.DecodeReceipt(raw)
	if err != nil {
		return 0, nil // the next one replaces it
	}
	return r.Ranges[len(r.Ranges)-1].To, nil
}

func load(ctx context.Context, local *localstore.Store, name string, v any) error {
	b, err := local.Setting(ctx, name)
	if errors.Is(err, localstore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func (s *Store) save(ctx context.Context, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.local.SetSetting(ctx, name, b)
}

// translate marks the errors that the session answers in a way of their own.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, localstore.ErrFull):
		return fmt.Errorf("%w: %w", syncer.ErrFull, err)
	case errors.Is(err, localstore.ErrCorrupt), errors.Is(err, localstore.ErrLocked), errors.Is(err, localstore.ErrClosed):
		return fmt.Errorf("%w: %w", syncer.ErrFatal, err)
	}
	return err
}

// Identity implements syncer.Store.
func (s *Store) Identity(ctx context.Context) (syncer.Identity, error) {
	id, err := s.local.Identity(ctx)
	if err != nil {
		return syncer.Identity{}, translate(err)
	}
	keys, err := s.local.Keys()
	if err != nil {
		return syncer.Identity{}, translate(err)
	}
	private, err := ecdh.X25519().NewPrivateKey(keys.Noise[:])
	if err != nil {
		return syncer.Identity{}, fmt.Errorf("%w: the device's key: %w", syncer.ErrFatal, err)
	}
	s.forget() // a new connection leans on nothing said before
	out := syncer.Identity{Noise: session.KeyPair{Private: keys.Noise, Public: [32]byte(private.PublicKey().Bytes())},
		ServerKeys: id.Server, Enrol: !id.Confirmed}
	if len(id.Server) == 0 {
		out.Fits = func(h syncproto.Hash) bool {
			return len(id.Fingerprint) > 0 && slices.Equal(h[:len(id.Fingerprint)], id.Fingerprint)
		}
	}
	return out, nil
}

// forget drops what the server was told in a session that is over.
func (s *Store) forget() {
	clear(s.sealers)
	clear(s.told)
	s.held = heldLog{}
	s.named = nil
}

// current is the log that the device writes.
func (s *Store) current(ctx context.Context) (localstore.LogStatus, []localstore.LogStatus, error) {
	logs, err := s.local.Logs(ctx)
	if err != nil {
		return localstore.LogStatus{}, nil, translate(err)
	}
	if len(logs) == 0 {
		return localstore.LogStatus{}, nil, fmt.Errorf("%w: no log", syncer.ErrFatal)
	}
	return logs[len(logs)-1], logs[:len(logs)-1], nil
}

// Queue implements syncer.Store.
func (s *Store) Queue(ctx context.Context) (session.Queued, error) {
	log, _, err := s.current(ctx)
	if err != nil {
		return session.Queued{}, err
	}
	q, err := s.local.Queue(ctx)
	return session.Queued{HeadSeq: log.HeadSeq, Oldest: q.Oldest}, translate(err)
}
