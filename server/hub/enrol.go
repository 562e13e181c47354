package hub

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// redeem makes a device of whoever holds an unused code and proves its key. A
// device that asks again, because the answer was lost, is answered alike.
func (d *Desk) redeem(ctx context.Context, e session.Redeem) (session.ServerEvent, error) {
	refuse := func(code wire.RefuseCode) (session.ServerEvent, error) {
		return session.Redeemed{Refuse: code}, nil
	}
	cert, err := wire.DecodeLogCert(e.Enrol.Cert)
	if err != nil || cert.DeviceKey != e.Enrol.DeviceKey ||
		!ed25519.Verify(e.Enrol.DeviceKey[:], wire.EnrolProof(e.Handshake), e.Enrol.Proof) {
		return refuse(wire.RefuseMalformed)
	}
	secrets := codesOf(e.Enrol.Secret)
	if len(secrets) == 0 {
		return refuse(wire.RefuseMalformed)
	}
	device := wire.DeviceOf(e.Enrol.DeviceKey)
	keys := d.id.Keys()
	ev := session.Redeemed{}
	err = d.h.store.Update(ctx, func(tx store.Tx) error {
		ev = session.Redeemed{}
		code, err := tx.Code(secrets[0].SecretHash())
		if errors.Is(err, store.ErrNotFound) {
			ev.Refuse = wire.RefuseBadCode
			return nil
		}
		if err != nil {
			return err
		}
		now, alarm := d.h.Now()
		again := code.UsedBy == device && !planted.Bug("a used code is used whoever asks")
		switch {
		case !code.UsedBy.IsZero() && !again:
			ev.Refuse = wire.RefuseUsedCode
			return nil
		case !again && !alarm && now > code.Expires:
			ev.Refuse = wire.RefuseBadCode
			return nil
		}
		person, err := tx.Person(code.Person)
		if err != nil {
			return err
		}
		if person.Disabled {
			ev.Refuse = wire.RefuseBadCode
			return nil
		}
		dev, err := tx.Device(device)
		switch {
		case errors.Is(err, store.ErrNotFound) && !again:
			dev = store.Device{ID: device, Person: person.ID, Key: e.Enrol.DeviceKey, Name: e.Enrol.Name, Enrolled: now}
		case err != nil:
			return err
		case again && dev.Noise != e.Noise:
			ev.Refuse = wire.RefuseUsedCode
			return nil
		case !again && dev.Revoked != 0:
			// A code is for a person. The device stays out: others who shared it
			// would have their scopes on it again.
			ev.Refuse = wire.RefuseRevoked
			return nil
		}
		if !again {
			dev.Noise, dev.LastSeen = e.Noise, now
			if err := enrolDevice(tx, &code, dev, secrets); err != nil {
				return err
			}
		}
		ev.Enrolled = wire.Enrolled{Device: device, Person: person.ID, Name: person.Name, ServerKeys: wire.AppendServerKeys(nil, &keys)}
		return nil
	})
	if err == nil && ev.Refuse == 0 {
		d.h.access.PeopleChanged()
		d.device = device
	}
	return ev, err
}

// codesOf reads the secrets that a device shows: of the code that it redeems,
// and then of codes that were refused before, under which it recorded. nil for
// anything else.
func codesOf(b []byte) (codes []syncproto.EnrolCode) {
	if len(b)%syncproto.CodeSecretSize != 0 {
		return nil
	}
	for secret := range slices.Chunk(b, syncproto.CodeSecretSize) {
		codes = append(codes, syncproto.EnrolCode{Secret: [syncproto.CodeSecretSize]byte(secret)})
	}
	return codes
}

// enrolDevice writes the device, lets the code's person write on it, also under
// the provisional authors of its codes, and marks the first code used.
func enrolDevice(tx store.Tx, code *store.Code, dev store.Device, secrets []syncproto.EnrolCode) error {
	if err := tx.PutDevice(dev); err != nil {
		return err
	}
	people := []syncproto.PersonID{code.Person}
	for i, secret := range secrets {
		if i > 0 {
			if free, err := aliasFree(tx, secret, code.Person); err != nil {
				return err
			} else if !free {
				continue
			}
		}
		people = append(people, secret.Author())
		if err := tx.PutPerson(store.Person{ID: secret.Author(), AliasOf: code.Person, Created: dev.LastSeen}); err != nil {
			return err
		}
	}
	for _, p := range people {
		if err := tx.AddDevicePerson(dev.ID, p); err != nil {
			return err
		}
	}
	code.UsedBy, code.UsedAt = dev.ID, dev.LastSeen
	if err := tx.PutCode(*code); err != nil {
		return err
	}
	concerned, err := access.ScopesOfDevice(tx, dev.ID)
	if err != nil {
		return err
	}
	return access.Note(tx, store.AuditEntry{At: dev.LastSeen, By: code.Person, Act: "enrolled", Subject: dev.ID.String(), Note: dev.Name}, concerned...)
}

// aliasFree says whether the provisional author of a code that was refused may
// count as a person: nobody else enrolled with it, and it was made for nobody
// else. What was recorded under another's code is set aside, and a supervisor
// says whose it is.
func aliasFree(tx store.Tx, secret syncproto.EnrolCode, person syncproto.PersonID) (bool, error) {
	alias, err := tx.Person(secret.Author())
	if err == nil {
		return alias.AliasOf == person, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	code, err := tx.Code(secret.SecretHash())
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return err == nil && code.Person == person, err
}
