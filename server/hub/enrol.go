package hub

import (
	"context"
	"crypto/ed25519"
	"errors"

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
	var secret syncproto.EnrolCode
	if copy(secret.Secret[:], e.Enrol.Secret) != len(e.Enrol.Secret) || len(e.Enrol.Secret) != len(secret.Secret) {
		return refuse(wire.RefuseMalformed)
	}
	device := wire.DeviceOf(e.Enrol.DeviceKey)
	keys := d.id.Keys()
	ev := session.Redeemed{}
	err = d.h.store.Update(ctx, func(tx store.Tx) error {
		ev = session.Redeemed{}
		code, err := tx.Code(secret.SecretHash())
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
			if err := enrolDevice(tx, &code, dev, secret.Author()); err != nil {
				return err
			}
		}
		ev.Enrolled = wire.Enrolled{Device: device, Person: person.ID, Name: person.Name, ServerKeys: wire.AppendServerKeys(nil, &keys)}
		return nil
	})
	if err == nil && ev.Refuse == 0 {
		d.device = device
	}
	return ev, err
}

// enrolDevice writes the device, lets the code's person and its provisional
// author write on it, and marks the code used.
func enrolDevice(tx store.Tx, code *store.Code, dev store.Device, alias syncproto.PersonID) error {
	if err := tx.PutDevice(dev); err != nil {
		return err
	}
	if err := tx.PutPerson(store.Person{ID: alias, AliasOf: code.Person, Created: dev.LastSeen}); err != nil {
		return err
	}
	for _, p := range []syncproto.PersonID{code.Person, alias} {
		if err := tx.AddDevicePerson(dev.ID, p); err != nil {
			return err
		}
	}
	code.UsedBy, code.UsedAt = dev.ID, dev.LastSeen
	if err := tx.PutCode(*code); err != nil {
		return err
	}
	return tx.Audit(store.AuditEntry{At: dev.LastSeen, By: code.Person, Act: "enrolled", Subject: dev.ID.String(), Note: dev.Name})
}
