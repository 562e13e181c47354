package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Options say which history to play.
type Options struct {
	Seed uint64
	// Dir is where the databases are made and removed, best in memory.
	Dir   string
	Codec *wire.Codec
	// Trace, if not nil, is told each step in words.
	Trace func(string)
}

// Report is what a played history amounted to.
type Report struct {
	Seed uint64
	// Trace is the hash of everything that happened, in order: the same seed
	// gives the same trace.
	Trace   [32]byte
	Devices int
	Steps   int
	Changes int
	// Events count what was played, by name.
	Events map[string]int
}

// Violation says which law a history broke.
type Violation struct {
	Law    string
	Detail string
}

func (v *Violation) Error() string { return fmt.Sprintf("law %q: %s", v.Law, v.Detail) }

func broken(law, format string, args ...any) error {
	return &Violation{Law: law, Detail: fmt.Sprintf(format, args...)}
}

// world is one history being played: a server, its devices, the lines between
// them, and an oracle that remembers what everybody saw and wrote.
type world struct {
	opt Options
	// ctx never ends, so that no statement has to watch it; ended says whether
	// Run's has.
	ctx   context.Context
	ended func() error
	rng   *rand.Rand
	dir   string
	time  int64 // milliseconds since baseTime, the true time
	trace hash.Hash
	rep   Report

	server  *server
	people  []*person
	devices []*device
	oracle  *oracle
	// healing says that no fault may happen any more.
	healing bool
}

// person is somebody who works in some of the places.
type person struct {
	id     syncproto.PersonID
	places map[syncproto.PlaceID]bool
	role   string
}

// Run plays the history of one seed: 2 to 12 devices, 50 to 400 steps, then
// heals everything and checks the laws. The error is a *Violation if a law was
// broken.
func Run(ctx context.Context, opt Options) (rep Report, err error) {
	dir, err := os.MkdirTemp(opt.Dir, "sim")
	if err != nil {
		return rep, err
	}
	defer os.RemoveAll(dir)
	w := &world{opt: opt, ctx: context.WithoutCancel(ctx), ended: ctx.Err, rng: rand.New(rand.NewPCG(opt.Seed, 77)), dir: dir, trace: sha256.New(),
		rep: Report{Seed: opt.Seed, Events: map[string]int{}}}
	w.oracle = newOracle(w)
	defer func() {
		if e := w.close(); err == nil {
			err = e
		}
		rep = w.rep
		copy(rep.Trace[:], w.trace.Sum(nil))
	}()
	if err := w.begin(); err != nil {
		return rep, fmt.Errorf("begin: %w", err)
	}
	if err := w.story(); err != nil {
		return rep, fmt.Errorf("story: %w", err)
	}
	steps := 50 + w.rng.IntN(351)
	for range steps {
		if err := ctx.Err(); err != nil {
			return rep, err
		}
		if err := w.step(); err != nil {
			return rep, fmt.Errorf("step %d: %w", w.rep.Steps, err)
		}
		w.rep.Steps++
	}
	if err := w.heal(); err != nil {
		return rep, fmt.Errorf("after healing: %w", err)
	}
	return rep, nil
}

// note puts an event into the trace.
func (w *world) note(name string, args ...any) {
	w.rep.Events[name]++
	line := fmt.Sprintln(append([]any{w.time, name}, args...)...)
	w.trace.Write([]byte(line))
	if w.opt.Trace != nil {
		w.opt.Trace(line[:len(line)-1])
	}
}

// chance is true once in n times, and never while healing.
func (w *world) chance(n int) bool { return !w.healing && w.rng.IntN(n) == 0 }

func (w *world) now() int64 { return baseTime + w.time }

func (w *world) close() error {
	var errs []error
	for _, d := range w.devices {
		errs = append(errs, d.shut())
	}
	if w.server != nil {
		errs = append(errs, w.server.shut())
	}
	return errors.Join(errs...)
}

func (w *world) begin() error {
	w.server = &server{w: w, path: filepath.Join(w.dir, "server.db")}
	if err := w.server.start(); err != nil {
		return err
	}
	places := []syncproto.PlaceID{w.server.place(1), w.server.place(2)}
	for i := range 2 + w.rng.IntN(3) {
		p := &person{id: syncproto.PersonID{byte(i + 1), 9}, places: map[syncproto.PlaceID]bool{}, role: "technical_manager"}
		// The first may work in both places, the others in one or both.
		only := w.rng.IntN(4)
		p.places[places[0]] = i == 0 || only != 1
		p.places[places[1]] = i == 0 || only != 0
		if i > 1 && w.rng.IntN(3) == 0 {
			p.role = "facilitator"
		}
		w.people = append(w.people, p)
	}
	if err := w.server.people(places); err != nil {
		return err
	}
	for i := range 2 + w.rng.IntN(11) {
		if err := w.addDevice(w.people[i%len(w.people)]); err != nil {
			return err
		}
	}
	w.rep.Devices = len(w.devices)
	return nil
}

// server is the hub over its store, and the conversations it is having.
type server struct {
	w     *world
	path  string
	store *sqlitestore.Store
	hub   *hub.Hub
	id    *hub.Identity
	// full says that the disk is full, crash how many more of the desks'
	// requests are carried out before the server dies, -1 never; crashAfter
	// whether it dies after the commit or before it.
	full       bool
	crash      int
	crashAfter bool
	dead       bool
	// broken is a law that the server broke in an answer.
	broken error
	// poison are changes at which the server's program fails.
	poison map[syncproto.ChangeID]bool
	// talking says that a device's request is being carried out.
	talking  bool
	erasures []hub.Erasure
	// backup is the last verified backup. unmarked is how far a backup holds
	// each log that has been verified since, and of which nobody was told yet.
	backup   image
	unmarked map[syncproto.LogID]uint64
	down     bool
	serial   uint64
	codes    []store.Code
}

func (s *server) start() error {
	var err error
	if s.store, err = sqlitestore.Open(s.w.ctx, sqlitestore.Options{Path: s.path, Readers: 1}); err != nil {
		return err
	}
	s.hub, err = hub.New(s.w.ctx, hub.Options{Store: s.disk(), Packages: everyForm(), Clock: s.w.now, Rand: randomBytes{s.w.rng},
		Erasures: func(e hub.Erasure) error { s.erasures = append(s.erasures, e); return nil }})
	if err != nil {
		return errors.Join(err, s.store.Close())
	}
	if s.id, err = hub.LoadIdentity(s.w.ctx, s.store, randomBytes{s.w.rng}, nil); err != nil {
		return err
	}
	if err := s.hub.Replay(s.w.ctx, s.erasures); err != nil {
		return err
	}
	s.crash, s.dead, s.down = -1, false, false
	s.hub.Subscribe(s.moved)
	return nil
}

// shut closes the server in order.
func (s *server) shut() error {
	if s.store == nil {
		return nil
	}
	err := errors.Join(s.hub.Close(), s.store.Close())
	s.store = nil
	return err
}

func (s *server) place(number uint32) syncproto.PlaceID {
	keys := s.id.Keys()
	f := keys.Fingerprint()
	return syncproto.PlaceOf([syncproto.CodeFingerprintSize]byte(f[:]), number)
}

func (s *server) people(places []syncproto.PlaceID) error {
	return s.store.Update(s.w.ctx, func(tx store.Tx) error {
		county := store.Place{ID: s.place(countyNumber), Number: countyNumber, Kind: store.PlaceCounty, NameFa: "شهرستان"}
		if err := tx.PutPlace(county); err != nil {
			return err
		}
		for i, id := range places {
			if err := tx.PutPlace(store.Place{ID: id, Number: uint32(i + 1), Kind: store.PlaceNeighbourhood, Parent: county.ID, NameFa: "محله"}); err != nil {
				return err
			}
		}
		s.serial = 0
		for _, p := range s.w.people {
			if err := tx.PutPerson(store.Person{ID: p.id, Name: "تسهیلگر"}); err != nil {
				return err
			}
			for _, place := range places {
				if !p.places[place] {
					continue
				}
				s.w.oracle.rights.granted(p.id, place, true)
				s.serial++
				if err := tx.PutGrant(store.Grant{Person: p.id, Place: place, Role: p.role, Serial: s.serial}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// kill drops the server as a dead process leaves it: what was committed is
// there, connections are gone.
func (s *server) kill() error {
	image, err := imageOf(s.path)
	if err != nil {
		return err
	}
	if err := s.shut(); err != nil {
		return err
	}
	s.w.hangUp()
	s.down = true
	return image.restore(s.path)
}

// image is a database as its files stand at some moment.
type image map[string][]byte

func imageOf(path string) (image, error) {
	im := image{}
	for _, end := range []string{"", "-wal", ".head"} {
		b, err := os.ReadFile(path + end)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		im[end] = b
	}
	return im, nil
}

func (im image) restore(path string) error {
	for _, end := range []string{"-wal", "-shm", ".lock"} {
		os.Remove(path + end)
	}
	for end, b := range im {
		if err := os.WriteFile(path+end, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// backUp takes a backup, of a server that goes on meanwhile or is stopped for
// it. It is verified some time later.
func (s *server) backUp(stopped bool) error {
	safe := map[syncproto.LogID]uint64{}
	err := s.store.View(s.w.ctx, func(r store.Reader) error {
		logs, err := r.Logs(syncproto.DeviceID{})
		for _, l := range logs {
			safe[l.ID] = l.Received
		}
		return err
	})
	if err != nil {
		return err
	}
	s.w.oracle.backedUp()
	if stopped {
		if err := s.shut(); err != nil {
			return err
		}
		s.w.hangUp()
	}
	if s.backup, err = imageOf(s.path); err != nil {
		return err
	}
	s.unmarked = safe
	if stopped {
		return s.start()
	}
	return nil
}

// verified tells the devices what is safe in the last backup.
func (s *server) verified() error {
	if s.unmarked == nil {
		return nil
	}
	s.w.note("backup verified")
	safe := s.unmarked
	s.unmarked = nil
	return s.hub.MarkBackupSafe(s.w.ctx, safe)
}

// restoreBackup puts the last verified backup back.
func (s *server) restoreBackup() error {
	if err := s.shut(); err != nil {
		return err
	}
	s.w.hangUp()
	if err := s.backup.restore(s.path); err != nil {
		return err
	}
	s.unmarked = nil
	if err := s.start(); err != nil {
		return err
	}
	// What people decided since the backup about codes and grants is decided
	// again by the office, which has it on paper.
	if err := s.issueCodes(); err != nil {
		return err
	}
	if err := s.revokeAgain(); err != nil {
		return err
	}
	return s.regrant()
}

// issueCodes gives out the enrolment codes that the store does not know.
func (s *server) issueCodes() error {
	return s.store.Update(s.w.ctx, func(tx store.Tx) error {
		for _, c := range s.codes {
			if _, err := tx.Code(c.SecretHash); err == nil {
				continue
			}
			if err := tx.PutCode(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// regrant writes the grants as the oracle knows them.
func (s *server) regrant() error {
	err := s.store.Update(s.w.ctx, func(tx store.Tx) error {
		for _, p := range s.w.people {
			for _, place := range []syncproto.PlaceID{s.place(1), s.place(2)} {
				grants, err := tx.Grants(p.id)
				if err != nil {
					return err
				}
				i := slices.IndexFunc(grants, func(g store.Grant) bool { return g.Place == place })
				if i < 0 && !p.places[place] || i >= 0 && (grants[i].Revoked == 0) == p.places[place] {
					continue
				}
				serial, err := access.NextSerial(tx, s.w.now())
				if err != nil {
					return err
				}
				g := store.Grant{Person: p.id, Place: place, Role: p.role, Serial: serial, From: s.w.now()}
				if !p.places[place] {
					g.Revoked = s.w.now()
				}
				if err := tx.PutGrant(g); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.hub.AccessChanged()
	return nil
}
