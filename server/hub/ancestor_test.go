package hub_test

import (
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// TestAncestorOfAnotherChain: a copy of the device wrote on in a log that the
// device forked from, on a server put back in between. What the server has of
// that log is not the device's, and none of it may pass as received or safe.
func TestAncestorOfAnotherChain(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	for n := range byte(4) {
		a.save(syncproto.NewRecordState(syncproto.RecordID{9, n}), newAsset("سالن"))
	}
	a.mustPush(1)
	if err := b.hub.MarkBackupSafe(b.ctx, map[syncproto.LogID]uint64{a.cert.Log: 4}); err != nil {
		t.Fatal(err)
	}
	chain := func(seq int) syncproto.Hash {
		h := syncproto.ChainStart(a.cert.Log)
		for _, ch := range a.log[:seq] {
			h = syncproto.ChainNext(h, ch.HeaderBytes)
		}
		return h
	}
	next := wire.SignLogCert(wire.LogCert{Log: syncproto.LogID{77}, LogKey: a.cert.LogKey, Serial: 2, Created: 1}, a.key)
	for _, test := range []struct {
		name string
		seq  uint64
		head syncproto.Hash
		want wire.LogReceived
	}{
		{"all of it", 4, chain(4), wire.LogReceived{Received: 4, BackupSafe: 4}},
		{"its beginning", 2, chain(2), wire.LogReceived{Received: 4, BackupSafe: 4}},
		{"as long, another", 4, syncproto.Hash{1}, wire.LogReceived{}},
		{"its beginning, another", 2, syncproto.Hash{1}, wire.LogReceived{}},
		{"longer than what is here", 6, syncproto.Hash{1}, wire.LogReceived{Received: 4, BackupSafe: 4}},
		{"nothing kept", 0, syncproto.Hash{}, wire.LogReceived{Received: 4, BackupSafe: 4}},
	} {
		desk := a.desk()
		ev := desk.Do(b.ctx, session.LoadSession{Hello: wire.Hello{Device: a.device, Log: next.Log, Cert: wire.AppendLogCert(nil, next),
			Ancestors: []wire.Ancestor{{Log: a.cert.Log, Kept: 1, HeadSeq: test.seq, Head: test.head, Cert: wire.AppendLogCert(nil, a.cert)}}}})
		loaded, ok := ev.(session.SessionLoaded)
		if !ok || len(loaded.Welcome.Ancestors) != 1 {
			t.Fatalf("%s: loaded %+v", test.name, ev)
		}
		test.want.Log = a.cert.Log
		if got := loaded.Welcome.Ancestors[0]; got != test.want {
			t.Errorf("%s: told %+v, want %+v", test.name, got, test.want)
		}
	}
}
