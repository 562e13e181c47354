// Package fleet is a server in a process of its own and many light devices that
// talk to it over real sockets: the devices' sessions are the real ones, and what
// they keep is a few numbers in memory, so that thousands fit into one process.
package fleet

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// Roster is who is in a fleet. Keys and ids follow from the numbers alone, so that
// the server's process and the devices' know them without being told.
type Roster struct {
	// Devices is how many there are, PerPlace how many share a neighbourhood.
	Devices, PerPlace int
}

// material is what one device is made of.
type material struct {
	person syncproto.PersonID
	place  syncproto.PlaceID
	noise  session.KeyPair
	key    ed25519.PrivateKey
	cert   *wire.LogCert
}

// derive makes bytes for a purpose of a number.
func derive(purpose string, n int) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("mahalleh fleet "+purpose), uint64(n)))
}

// seeded makes derived bytes a reader, for what asks for a source of randomness.
type seeded struct {
	purpose string
	n       int
}

func (s seeded) Read(b []byte) (int, error) {
	d := derive(s.purpose, s.n)
	return copy(b, d[:]), nil
}

func (r Roster) place(n int) (syncproto.PlaceID, uint32) {
	number := firstPlace + n/r.PerPlace
	d := derive("place", number)
	return syncproto.PlaceID(d[:16]), uint32(number)
}

func (r Roster) material(n int) (material, error) {
	person, key, log := derive("person", n), derive("key", n), derive("log", n)
	m := material{person: syncproto.PersonID(person[:16]), key: ed25519.NewKeyFromSeed(key[:])}
	m.place, _ = r.place(n)
	var err error
	if m.noise, err = session.NewKeyPair(seeded{"noise", n}); err != nil {
		return m, err
	}
	m.cert = wire.SignLogCert(wire.LogCert{Log: syncproto.LogID(log[:16]), LogKey: [32]byte(m.key.Public().(ed25519.PublicKey)), Serial: 1, Created: 1}, m.key)
	return m, nil
}

// Parts are what the n-th device is made of, but for what the server's are.
func (r Roster) Parts(n int) (Parts, error) {
	m, err := r.material(n)
	return Parts{Key: m.key, Cert: m.cert, Noise: m.noise, Person: m.person, Place: m.place}, err
}

// Numbers of places: a province that every server has, and where the fleet's own begin.
const (
	province   = 11
	firstPlace = 1000
)

// fillAtOnce is how many devices are put into the store in one transaction.
const fillAtOnce = 500

// fill puts the fleet's places, people and devices into the store of a server that
// was opened once, each person a facilitator of the device's neighbourhood.
func (r Roster) fill(ctx context.Context, st store.Store) error {
	for from := 0; from < r.Devices; from += fillAtOnce {
		err := st.Update(ctx, func(tx store.Tx) error {
			for n := from; n < min(from+fillAtOnce, r.Devices); n++ {
				if err := r.put(tx, n); err != nil {
					return fmt.Errorf("put device %d: %w", n, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r Roster) put(tx store.Tx, n int) error {
	m, err := r.material(n)
	if err != nil {
		return err
	}
	if n%r.PerPlace == 0 {
		above, err := tx.PlaceByNumber(province)
		if err != nil {
			return err
		}
		id, number := r.place(n)
		place := store.Place{ID: id, Number: number, Kind: store.PlaceNeighbourhood, Parent: above.ID, NameFa: fmt.Sprintf("محلهٔ %d", number)}
		if err := tx.PutPlace(place); err != nil {
			return err
		}
	}
	if err := tx.PutPerson(store.Person{ID: m.person, Name: fmt.Sprintf("تسهیلگر %d", n+1)}); err != nil {
		return err
	}
	serial, err := tx.GrantSerial()
	if err != nil {
		return err
	}
	if err := tx.PutGrant(store.Grant{Person: m.person, Place: m.place, Role: "facilitator", Serial: serial + 1}); err != nil {
		return err
	}
	id := m.cert.Device()
	if err := tx.PutDevice(store.Device{ID: id, Person: m.person, Key: m.cert.DeviceKey, Noise: m.noise.Public}); err != nil {
		return err
	}
	return tx.AddDevicePerson(id, m.person)
}
