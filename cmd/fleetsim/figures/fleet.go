package figures

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/server/access"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// fleet is a server in a process of its own and devices that push to it, each
// for one neighbourhood; and one device more, whose technical manager may write
// in all of them and is everybody's rival.
type fleet struct {
	r     *run
	ctx   context.Context
	dir   string
	codec *wire.Codec
	forms *schemas.Package
	// keys is the server's key document.
	keys    []byte
	devices []*pusher
	rival   *pusher
	drafts  []draft
	server  *serving
	// with, if not nil, puts what else the server is to know before it starts.
	with func(store.Tx) error
}

// newFleet makes the store of a server with so many neighbourhoods and devices,
// and starts the server on it. close ends it and removes all of it.
func (r *run) newFleet(ctx context.Context, devices int) (f *fleet, err error) {
	f = &fleet{r: r, ctx: ctx}
	if f.dir, err = os.MkdirTemp(r.Dir, r.figure.Name); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	if err := f.begin(devices); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *fleet) begin(devices int) (err error) {
	if err := f.prepare(devices); err != nil {
		return err
	}
	f.server, err = f.r.serve(f.ctx, f.dir)
	return err
}

// prepare is begin without the server process.
func (f *fleet) prepare(devices int) (err error) {
	if f.codec, err = wire.NewCodec(); err != nil {
		return err
	}
	if f.forms, err = forms.Load(); err != nil {
		return fmt.Errorf("load the forms: %w", err)
	}
	if f.drafts, err = makeDrafts(f.forms); err != nil {
		return err
	}
	if err := f.people(devices); err != nil {
		return fmt.Errorf("fill the server's people: %w", err)
	}
	return nil
}

func (f *fleet) close() error {
	var errs []error
	for _, d := range f.devices {
		d.hangUp()
	}
	if f.server != nil {
		_, err := f.server.stop()
		errs = append(errs, err)
	}
	return errors.Join(append(errs, os.RemoveAll(f.dir))...)
}

// people makes places, people, rights and enrolled devices.
func (f *fleet) people(devices int) (err error) {
	st, err := sqlitestore.Open(f.ctx, sqlitestore.Options{Path: filepath.Join(f.dir, serverName)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s, err := openServer(f.ctx, st)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	keys := s.Identity().Keys()
	f.keys = wire.AppendServerKeys(nil, &keys)
	county, err := s.Admin().AddPlace(f.ctx, access.NewPlace{Kind: store.PlaceCounty, Parent: "گیلان", NameFa: "رشت"})
	if err != nil {
		return err
	}
	for i := range devices {
		place, err := s.Admin().AddPlace(f.ctx, access.NewPlace{Kind: store.PlaceNeighbourhood, Parent: county.NameFa, NameFa: fmt.Sprintf("محلهٔ %d", i+1)})
		if err != nil {
			return err
		}
		d, err := f.newPusher(uint64(i+1), place.ID)
		if err != nil {
			return err
		}
		f.devices = append(f.devices, d)
	}
	if f.rival, err = f.newPusher(uint64(devices+1), county.ID); err != nil {
		return err
	}
	return st.Update(f.ctx, func(tx store.Tx) error {
		for i, d := range append([]*pusher{f.rival}, f.devices...) {
			role := access.Facilitator
			if i == 0 {
				role = access.TechnicalManager
			}
			if err := d.enrolled(tx, role, uint64(i+1)); err != nil {
				return err
			}
		}
		if f.with != nil {
			return f.with(tx)
		}
		return nil
	})
}

// newPusher makes the keys of a device.
func (f *fleet) newPusher(n uint64, place syncproto.PlaceID) (*pusher, error) {
	random := randomBytes{rand.New(rand.NewPCG(worldSeed, n))}
	seed := make([]byte, ed25519.SeedSize)
	random.Read(seed)
	p := &pusher{fleet: f, number: n, place: place, scope: syncproto.ScopeOf(place, access.Plain), random: random, key: ed25519.NewKeyFromSeed(seed)}
	random.Read(p.person[:])
	var log syncproto.LogID
	random.Read(log[:])
	p.cert = wire.SignLogCert(wire.LogCert{Log: log, LogKey: [32]byte(p.key.Public().(ed25519.PublicKey)), Serial: 1}, p.key)
	p.head = syncproto.ChainStart(p.cert.Log)
	p.sealer = wire.NewBatchSealer(f.codec, wire.PurposePush, p.cert, p.key)
	var err error
	p.noise, err = session.NewKeyPair(random)
	return p, err
}

// enrolled makes the device known, and its person one with a role at its place.
func (p *pusher) enrolled(tx store.Tx, role access.Role, serial uint64) error {
	device := p.cert.Device()
	if err := tx.PutPerson(store.Person{ID: p.person, Name: fmt.Sprintf("هیوا %d", p.number)}); err != nil {
		return err
	}
	if err := tx.PutGrant(store.Grant{Person: p.person, Place: p.place, Role: string(role), Serial: serial}); err != nil {
		return err
	}
	if err := tx.PutDevice(store.Device{ID: device, Person: p.person, Key: p.cert.DeviceKey, Noise: p.noise.Public}); err != nil {
		return err
	}
	return tx.AddDevicePerson(device, p.person)
}
