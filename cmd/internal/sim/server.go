package sim

import (
	"errors"
	"os"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

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
