package hub_test

import (
	"context"
	"testing"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// fullStore is a store whose disk has no room for a commit while full.
type fullStore struct {
	store.Store
	full bool
}

func (s *fullStore) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		if err := f(tx); err != nil || !s.full {
			return err
		}
		return store.ErrFull
	})
}

// TestFullServerSaysLater: a server without room acknowledges nothing, says
// when to come back, and takes the same batch once there is room.
func TestFullServerSaysLater(t *testing.T) {
	b := newBench(t)
	disk := &fullStore{}
	b.wrap = func(s store.Store) store.Store { disk.Store = s; return disk }
	b.close()
	b.open()
	p := b.phone(1, "facilitator")
	id, err := hub.LoadIdentity(b.ctx, b.store, zeros{b.rng}, nil)
	if err != nil {
		t.Fatal(err)
	}
	desk := b.hub.NewDesk(id, b.codec)
	if ev, ok := desk.Do(b.ctx, session.Authenticate{Noise: [32]byte{1}}).(session.Authenticated); !ok || ev.Device != p.device {
		t.Fatalf("authenticated %+v", ev)
	}
	record := syncproto.RecordID{9}
	p.save(syncproto.NewRecordState(record), newAsset("سالن"))
	raw, _, err := wire.NewBatchSealer(b.codec, wire.PurposeBundle, p.cert, p.key).Seal(1, syncproto.ChainStart(p.cert.Log), p.log, 0)
	if err != nil {
		t.Fatal(err)
	}
	send := func() session.Accepted {
		t.Helper()
		answer := desk.Do(b.ctx, session.Accept{Batch: raw})
		ev, ok := answer.(session.Accepted)
		if !ok {
			t.Fatalf("answered with %T, want session.Accepted", answer)
		}
		return ev
	}

	disk.full = true
	for range 2 {
		got := send()
		if got.Status != session.AcceptedNot || !got.Full || got.RetryAfter <= 0 || got.Received != 0 || len(got.Results) != 0 {
			t.Errorf("on a full disk: %+v; want nothing acknowledged and a time to come back", got)
		}
	}
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		_, err := r.Record(record)
		return err
	}); err == nil {
		t.Error("the record is there, though nothing was acknowledged")
	}

	disk.full = false
	if got := send(); got.Status != 0 || got.Received != 1 || len(got.Results) != 1 || got.Results[0].Result.Outcome != syncproto.Applied {
		t.Errorf("with room again: %+v", got)
	}
	b.record(record)
}
