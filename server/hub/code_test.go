package hub_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// TestWrongUsedAndExpiredCode holds that a code lets in one device, while it is
// good, and that what is refused leaves neither a device nor a mark on the code.
func TestWrongUsedAndExpiredCode(t *testing.T) {
	b := newBench(t)
	first, second := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	id, err := hub.LoadIdentity(b.ctx, b.store, zeros{b.rng}, nil)
	if err != nil {
		t.Fatal(err)
	}
	person := syncproto.PersonID{50}
	var code, other, old syncproto.EnrolCode
	code.Secret[0], other.Secret[0], old.Secret[0] = 1, 2, 3
	b.update(func(tx store.Tx) error {
		return errors.Join(tx.PutPerson(store.Person{ID: person, Name: "باران"}),
			tx.PutCode(store.Code{SecretHash: code.SecretHash(), Person: person, Place: b.place, Created: b.clock, Expires: b.clock + 1000}),
			tx.PutCode(store.Code{SecretHash: old.SecretHash(), Person: person, Place: b.place, Created: b.clock - 1000, Expires: b.clock - 1}))
	})
	redeem := func(p *phone, c syncproto.EnrolCode) wire.RefuseCode {
		t.Helper()
		handshake := []byte("handshake of this connection")
		ev := b.hub.NewDesk(id, b.codec).Do(b.ctx, session.Redeem{Noise: [32]byte{p.person[0]}, Handshake: handshake,
			Enrol: wire.Enrol{Secret: c.Secret[:], DeviceKey: p.cert.DeviceKey, Cert: wire.AppendLogCert(nil, p.cert),
				Proof: ed25519.Sign(p.key, wire.EnrolProof(handshake))}})
		got, ok := ev.(session.Redeemed)
		if !ok {
			t.Fatalf("redeemed: %#v", ev)
		}
		return got.Refuse
	}
	usedBy := func(code syncproto.EnrolCode) (d syncproto.DeviceID) {
		t.Helper()
		if err := b.store.View(b.ctx, func(r store.Reader) error {
			c, err := r.Code(code.SecretHash())
			d = c.UsedBy
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return d
	}

	if got := redeem(first, other); got != wire.RefuseBadCode {
		t.Errorf("a code nobody made: refused with %d, want %d", got, wire.RefuseBadCode)
	}
	if got := redeem(first, old); got != wire.RefuseBadCode {
		t.Errorf("an expired code: refused with %d, want %d", got, wire.RefuseBadCode)
	}
	if got := usedBy(old); !got.IsZero() {
		t.Errorf("a refusal used the code up for %v", got)
	}
	if got := redeem(first, code); got != 0 {
		t.Errorf("a good code: refused with %d", got)
	}
	if got := redeem(second, code); got != wire.RefuseUsedCode {
		t.Errorf("a used code: refused with %d, want %d", got, wire.RefuseUsedCode)
	}
	// Its own device asks again when the answer was lost, however late.
	b.clock += 1001
	if got := redeem(first, code); got != 0 {
		t.Errorf("the same device again: refused with %d", got)
	}
	if got, want := usedBy(code), first.device; got != want {
		t.Errorf("used by %v, want %v", got, want)
	}
}
