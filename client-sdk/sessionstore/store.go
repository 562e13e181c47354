// Package sessionstore answers what a session asks of a device from its
// localstore.
package sessionstore

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/syncer"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
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

// ReadEnrol implements syncer.Store.
func (s *Store) ReadEnrol(ctx context.Context, e session.ReadEnrol) (session.EnrolRead, error) {
	id, err := s.local.Identity(ctx)
	if err != nil {
		return session.EnrolRead{}, translate(err)
	}
	keys, err := s.local.Keys()
	if err != nil {
		return session.EnrolRead{}, translate(err)
	}
	log, _, err := s.current(ctx)
	if err != nil {
		return session.EnrolRead{}, err
	}
	return session.EnrolRead{Enrol: wire.Enrol{Secret: slices.Concat(id.Secret, id.First), DeviceKey: [32]byte(keys.Enrolment.Public().(ed25519.PublicKey)),
		Name: s.name, Cert: log.Cert, Proof: ed25519.Sign(keys.Enrolment, wire.EnrolProof(e.Handshake))}}, nil
}

// SaveEnrolment implements syncer.Store.
func (s *Store) SaveEnrolment(ctx context.Context, e session.SaveEnrolment) error {
	id, err := s.local.Identity(ctx)
	if err != nil {
		return translate(err)
	}
	id.Person, id.Provisional, id.Name = e.Enrolled.Person, false, e.Enrolled.Name
	id.Confirmed, id.Server = true, e.Enrolled.ServerKeys
	// What was told before may have been somebody else's: it is asked for anew.
	known, err := Grants(ctx, s.local)
	if err == nil && known.GrantSerial != 0 {
		known.GrantSerial = 0
		err = s.save(ctx, settingGrants, known)
	}
	if err != nil {
		return translate(err)
	}
	return translate(s.local.SetIdentity(ctx, id))
}

// Forgotten implements syncer.Forgetful. The secret of the code is kept for it:
// it is good once at the server, and only for this device's key.
func (s *Store) Forgotten(ctx context.Context) error {
	id, err := s.local.Identity(ctx)
	if err != nil || len(id.Secret) == 0 {
		return translate(err)
	}
	id.Confirmed = false
	return translate(s.local.SetIdentity(ctx, id))
}

// ReadHello implements syncer.Store.
func (s *Store) ReadHello(ctx context.Context) (session.HelloRead, error) {
	var r session.HelloRead
	s.forget()
	id, err := s.local.Identity(ctx)
	if err != nil {
		return r, translate(err)
	}
	log, ancestors, err := s.current(ctx)
	if err != nil {
		return r, err
	}
	h := &r.Hello
	h.Device, h.Cert, h.Log, h.HeadSeq, h.Head, h.ResultsFrom = id.Device, log.Cert, log.Log, log.HeadSeq, log.Head, log.ResultsFrom
	h.App, h.Packages, h.Dictionaries = s.app, []uint32{s.forms}, s.codec.Dictionaries()
	for _, a := range named(ancestors) {
		h.Ancestors = append(h.Ancestors, wire.Ancestor{Log: a.Log, Kept: a.First, HeadSeq: a.HeadSeq, Head: a.Head, Cert: a.Cert})
		r.AncestorResults = append(r.AncestorResults, a.ResultsFrom)
	}
	if r.Proved, err = s.proved(ctx, log.Log); err != nil {
		return r, err
	}
	s.told[log.Log] = true
	for _, a := range h.Ancestors {
		s.told[a.Log] = true
	}
	scopes, err := s.local.Scopes(ctx)
	if err != nil {
		return r, translate(err)
	}
	for _, c := range scopes {
		cursor := c.Cursor
		if !c.Checked {
			cursor.Sum = [16]byte{}
		}
		h.Cursors = append(h.Cursors, cursor)
	}
	if err := s.nameActs(ctx, h); err != nil {
		return r, translate(err)
	}
	grants, err := Grants(ctx, s.local)
	if err != nil {
		return r, translate(err)
	}
	h.Grants = grants.GrantSerial
	for _, g := range grants.Grants {
		r.Scopes = append(r.Scopes, g.Scope)
	}
	if h.Unsettled, err = s.local.Unsettled(ctx, wire.MaxUnsettled); err != nil {
		return r, translate(err)
	}
	q, err := s.local.Queue(ctx)
	if err != nil {
		return r, translate(err)
	}
	h.Queue, h.OldestQueued = q.Changes, q.Oldest
	return r, nil
}

// named picks the ancestors that Hello names: those of which something is kept.
// Of more than fit, those wait that a backup holds whole, then the oldest.
func named(ancestors []localstore.LogStatus) []localstore.LogStatus {
	kept := slices.DeleteFunc(slices.Clone(ancestors), func(a localstore.LogStatus) bool {
		return a.First > a.HeadSeq || a.Received >= a.HeadSeq && planted.Bug("a received ancestor is not named any more")
	})
	for _, safe := range []bool{true, false} {
		for i := 0; i < len(kept) && len(kept) > wire.MaxAncestors; {
			if a := &kept[i]; safe == (a.BackupSafe >= a.HeadSeq && a.ResultsFrom > a.HeadSeq) {
				kept = slices.Delete(kept, i, i+1)
				continue
			}
			i++
		}
	}
	return kept
}

// SaveWelcome implements syncer.Store.
func (s *Store) SaveWelcome(ctx context.Context, e session.SaveWelcome) (session.WelcomeSaved, error) {
	w := &e.Welcome
	log, _, err := s.current(ctx)
	if err != nil {
		return session.WelcomeSaved{}, err
	}
	wrong, err := s.contradicts(ctx, log, w.Received, w.ReceivedHead)
	if err != nil {
		return session.WelcomeSaved{}, translate(err)
	}
	if err := s.local.NoteServerTime(ctx, time.UnixMilli(w.ServerTime)); err != nil {
		return session.WelcomeSaved{}, translate(err)
	}
	if !wrong && !w.Fork {
		s.held = heldLog{log.Log, w.ReceivedHead}
		if _, err := s.local.SetReceived(ctx, log.Log, w.Received); err != nil {
			return session.WelcomeSaved{}, translate(err)
		}
		if err := s.local.MarkBackupSafe(ctx, log.Log, w.BackupSafe); err != nil {
			return session.WelcomeSaved{}, translate(err)
		}
	}
	for _, a := range w.Ancestors {
		if _, err := s.local.SetReceived(ctx, a.Log, a.Received); err != nil && !errors.Is(err, localstore.ErrNotFound) {
			return session.WelcomeSaved{}, translate(err)
		}
		if err := s.local.MarkBackupSafe(ctx, a.Log, a.BackupSafe); err != nil && !errors.Is(err, localstore.ErrNotFound) {
			return session.WelcomeSaved{}, translate(err)
		}
	}
	if !wrong && !w.Fork {
		if err := s.letGo(ctx); err != nil {
			return session.WelcomeSaved{}, err
		}
	}
	known, err := Grants(ctx, s.local)
	if err != nil {
		return session.WelcomeSaved{}, translate(err)
	}
	// The server leaves the note out if the device has it. One without rights, of
	// another serial, says that the last one was taken.
	if len(w.Grants) > 0 || w.GrantSerial != known.GrantSerial {
		note := wire.GrantsNote{GrantSerial: w.GrantSerial, Grants: w.Grants, Places: w.Places, People: w.People}
		if err := s.SaveGrants(ctx, session.SaveGrants{Grants: note}); err != nil {
			return session.WelcomeSaved{}, err
		}
	}
	server := Server{Era: w.Era, Lease: w.Lease, LeaseFrom: uint64(s.local.Lived().Seconds()), Contact: w.ServerTime}
	broken, err := s.judgeActs(ctx, w)
	if err != nil {
		return session.WelcomeSaved{}, translate(err)
	}
	return session.WelcomeSaved{Contradicted: wrong, ActsBroken: broken}, translate(s.save(ctx, settingServer, server))
}

// contradicts reports whether the server's log is not this one's beginning.
func (s *Store) contradicts(ctx context.Context, log localstore.LogStatus, received uint64, head syncproto.Hash) (bool, error) {
	switch {
	case received > log.HeadSeq:
		return true, nil
	case received == log.HeadSeq:
		return head != log.Head, nil
	case received+1 < log.First:
		return false, nil // that part is no longer kept; it is in a backup
	}
	b, err := s.local.ReadBatch(ctx, log.Log, received+1, 1, 1)
	if err != nil {
		return false, err
	}
	return b.First == received+1 && b.Prev != head, nil
}
