package hub_test

import (
	"context"
	"testing"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// ownOnly is a store that is not to be asked for what everybody has set aside.
type ownOnly struct {
	store.Store
	t *testing.T
}

func (s ownOnly) View(ctx context.Context, f func(store.Reader) error) error {
	return s.Store.View(ctx, func(r store.Reader) error { return f(ownReader{r, s.t}) })
}

type ownReader struct {
	store.Reader
	t *testing.T
}

func (r ownReader) ByOutcome(syncproto.Outcome, []syncproto.ScopeID, syncproto.ChangeID, int) ([]store.Change, error) {
	r.t.Error("it is asked what everybody has set aside")
	return nil, nil
}

// A device that has a thousand changes set aside must not cost another one that
// greets: each is told its own, and only its own are read.
func TestGreetingReadsOnlyItsOwn(t *testing.T) {
	b := newBench(t)
	stranger, honest := b.phone(2, "local_team"), b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	for range 3 {
		stranger.write(syncproto.VerbEdit, s, b.scope("harm"), []syncproto.Op{merge.Presence(s, stranger.person, true, false)})
	}
	honest.write(syncproto.VerbEdit, s, b.scope("plain"), []syncproto.Op{merge.Presence(s, honest.person, true, false)})
	same(t, outcomes(stranger.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined, syncproto.Quarantined, syncproto.Quarantined})
	same(t, outcomes(honest.mustPush(1)), []syncproto.Outcome{syncproto.Parked})
	b.close()
	b.open()
	b.close()
	b.wrap = func(s store.Store) store.Store { return ownOnly{s, t} }
	b.open()
	for p, want := range map[*phone]int{stranger: 3, honest: 1} {
		id, err := hub.LoadIdentity(b.ctx, b.store, zeros{b.rng}, nil)
		if err != nil {
			t.Fatal(err)
		}
		desk := b.hub.NewDesk(id, b.codec)
		desk.Do(b.ctx, session.Authenticate{Noise: [32]byte{p.person[0]}})
		hello := wire.Hello{Device: p.device, Log: p.cert.Log, Cert: wire.AppendLogCert(nil, p.cert)}
		ev, ok := desk.Do(b.ctx, session.LoadSession{Hello: hello}).(session.SessionLoaded)
		if !ok || len(ev.Results) != want {
			t.Errorf("it is told %d results, want %d", len(ev.Results), want)
		}
	}
}
