package hub_test

import (
	"crypto/ed25519"
	"testing"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// redeem enrols the phone's device with a fresh code for a person.
func (b *bench) redeem(p *phone, person syncproto.PersonID, secret byte) session.Redeemed {
	b.t.Helper()
	var code syncproto.EnrolCode
	code.Secret[0] = secret
	b.update(func(tx store.Tx) error {
		if err := tx.PutPerson(store.Person{ID: person, Name: "باران"}); err != nil {
			return err
		}
		return tx.PutCode(store.Code{SecretHash: code.SecretHash(), Person: person, Place: b.place, Created: b.clock, Expires: b.clock + 1000})
	})
	id, err := hub.LoadIdentity(b.ctx, b.store, zeros{b.rng}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	handshake := []byte("handshake of this connection")
	ev := b.hub.NewDesk(id, b.codec).Do(b.ctx, session.Redeem{Noise: [32]byte{p.person[0]}, Handshake: handshake,
		Enrol: wire.Enrol{Secret: code.Secret[:], DeviceKey: p.cert.DeviceKey, Cert: wire.AppendLogCert(nil, p.cert),
			Proof: ed25519.Sign(p.key, wire.EnrolProof(handshake))}})
	got, ok := ev.(session.Redeemed)
	if !ok {
		b.t.Fatalf("redeemed: %#v", ev)
	}
	return got
}

func (b *bench) device(id syncproto.DeviceID) (d store.Device) {
	b.t.Helper()
	if err := b.store.View(b.ctx, func(r store.Reader) (err error) { d, err = r.Device(id); return err }); err != nil {
		b.t.Fatal(err)
	}
	return d
}

// A code lets a person in, not a device that was revoked: others who shared it
// would have their scopes on it again.
func TestCodeDoesNotBringBackARevokedDevice(t *testing.T) {
	b := newBench(t)
	p := b.phone(1, "facilitator")
	b.update(func(tx store.Tx) error {
		d, err := tx.Device(p.device)
		if err != nil {
			return err
		}
		d.Revoked, d.Lost = b.clock, true
		return tx.PutDevice(d)
	})
	if got := b.redeem(p, syncproto.PersonID{50}, 1); got.Refuse != wire.RefuseRevoked {
		t.Errorf("refused with %d, want revoked", got.Refuse)
	}
	if d := b.device(p.device); d.Revoked != b.clock || !d.Lost || d.Person != p.person {
		t.Errorf("the device is now %+v", d)
	}
}

// A second person who shares a device leaves its row as it was.
func TestSecondPersonOnADevice(t *testing.T) {
	b := newBench(t)
	p := b.phone(1, "facilitator")
	b.update(func(tx store.Tx) error {
		d, err := tx.Device(p.device)
		if err != nil {
			return err
		}
		d.Enrolled, d.Queue = 77, 3
		return tx.PutDevice(d)
	})
	other := syncproto.PersonID{50}
	if got := b.redeem(p, other, 1); got.Refuse != 0 || got.Enrolled.Person != other {
		t.Fatalf("redeemed %+v", got)
	}
	if d := b.device(p.device); d.Person != p.person || d.Enrolled != 77 || d.Queue != 3 {
		t.Errorf("the device is now %+v", d)
	}
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		people, err := r.DevicePeople(p.device)
		if len(people) != 3 {
			t.Errorf("%d may author on the device, want both people and the code's alias", len(people))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
