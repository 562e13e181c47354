package hub_test

import (
	"crypto/ed25519"
	"slices"
	"testing"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// redeem enrols the phone's device with a fresh code for a person, showing the
// secrets of refused ones beside it.
func (b *bench) redeem(p *phone, person syncproto.PersonID, secret byte, refused ...byte) session.Redeemed {
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
		Enrol: wire.Enrol{Secret: append(code.Secret[:], refused...), DeviceKey: p.cert.DeviceKey, Cert: wire.AppendLogCert(nil, p.cert),
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

// What was recorded under a code that was refused counts for the person of the
// code that the device took then, unless the refused one was somebody else's.
func TestAuthorOfARefusedCode(t *testing.T) {
	person, other := syncproto.PersonID{50}, syncproto.PersonID{51}
	for _, test := range []struct {
		name   string
		before func(tx store.Tx, refused syncproto.EnrolCode) error
		want   bool
	}{
		{"expired", func(tx store.Tx, refused syncproto.EnrolCode) error {
			return tx.PutCode(store.Code{SecretHash: refused.SecretHash(), Person: person, Expires: 1})
		}, true},
		{"used by another device of the person", func(tx store.Tx, refused syncproto.EnrolCode) error {
			return tx.PutPerson(store.Person{ID: refused.Author(), AliasOf: person})
		}, true},
		{"never heard of", func(store.Tx, syncproto.EnrolCode) error { return nil }, true},
		{"made for somebody else", func(tx store.Tx, refused syncproto.EnrolCode) error {
			return tx.PutCode(store.Code{SecretHash: refused.SecretHash(), Person: other, Expires: 1})
		}, false},
		{"used by somebody else", func(tx store.Tx, refused syncproto.EnrolCode) error {
			return tx.PutPerson(store.Person{ID: refused.Author(), AliasOf: other})
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			p := b.phone(1, "facilitator")
			var refused syncproto.EnrolCode
			refused.Secret[0] = 77
			b.update(func(tx store.Tx) error {
				if err := tx.PutPerson(store.Person{ID: other}); err != nil {
					return err
				}
				return test.before(tx, refused)
			})
			if got := b.redeem(p, person, 1, refused.Secret[:]...); got.Refuse != 0 || got.Enrolled.Person != person {
				t.Fatalf("redeemed %+v", got)
			}
			if err := b.store.View(b.ctx, func(r store.Reader) error {
				people, err := r.DevicePeople(p.device)
				if got := slices.Contains(people, refused.Author()); got != test.want {
					t.Errorf("the refused code's author may write on the device: %v, want %v", got, test.want)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
	b := newBench(t)
	if got := b.redeem(b.phone(1, "facilitator"), person, 1, 2, 3); got.Refuse != wire.RefuseMalformed {
		t.Errorf("a secret of twelve bytes: refused with %d, want malformed", got.Refuse)
	}
}
