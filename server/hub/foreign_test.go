package hub_test

import (
	"errors"
	"testing"

	"mahalleh/server/hub"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// Whoever knows the id of another device's log can sign a certificate with their
// own key, which is then of another log, or show the certificate that they saw.
// Neither opens a session: how far the log is here and what became of its changes
// is not theirs to hear.
func TestAnotherDevicesLogIsNotTold(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "")
	a.save(syncproto.NewRecordState(syncproto.RecordID{9}), newAsset("سالن"))
	a.mustPush(1)
	claim := wire.AppendLogCert(nil, wire.SignLogCert(wire.LogCert{Log: a.cert.Log, LogKey: c.cert.LogKey, Serial: 1, Created: 1}, c.key))
	own, seen := wire.AppendLogCert(nil, c.cert), wire.AppendLogCert(nil, a.cert)
	for name, hello := range map[string]wire.Hello{
		"log":                         {Device: c.device, Log: a.cert.Log, Cert: claim},
		"ancestor":                    {Device: c.device, Log: c.cert.Log, Cert: own, Ancestors: []wire.Ancestor{{Log: a.cert.Log, Cert: claim}}},
		"log with its certificate":    {Device: c.device, Log: a.cert.Log, Cert: seen},
		"its certificate as ancestor": {Device: c.device, Log: c.cert.Log, Cert: own, Ancestors: []wire.Ancestor{{Log: a.cert.Log, Cert: seen}}},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := hub.LoadIdentity(b.ctx, b.store, zeros{b.rng}, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := b.hub.NewDesk(id, b.codec)
			d.Do(b.ctx, session.Authenticate{Noise: [32]byte{c.person[0]}})
			ev, ok := d.Do(b.ctx, session.LoadSession{Hello: hello}).(session.SessionLoaded)
			if !ok || ev.Refuse != wire.RefuseMalformed || ev.Welcome.Received != 0 || len(ev.Welcome.Ancestors) != 0 {
				t.Errorf("told %+v", ev)
			}
		})
	}
}

// Whoever knows the id of a log that the server has not heard of yet, and all of
// its certificate, cannot bring a batch of it: the log's own device comes later
// and is taken in.
func TestNobodyTakesALogBeforeItsDevice(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	thief := *a
	forged := *wire.SignLogCert(wire.LogCert{Log: a.cert.Log, LogKey: c.cert.LogKey, Serial: 1, Created: 1}, c.key)
	forged.Log = a.cert.Log // what a program of one's own may say
	thief.cert, thief.key, thief.device = &forged, c.key, c.device
	thief.save(syncproto.NewRecordState(syncproto.RecordID{9}), newAsset("سالن"))
	raw, _, err := wire.NewBatchSealer(b.codec, wire.PurposeBundle, thief.cert, thief.key).Seal(1, syncproto.ChainStart(a.cert.Log), thief.log, 0)
	if err != nil {
		t.Fatal(err)
	}
	if ev, ok := c.desk().Do(b.ctx, session.Accept{Batch: raw}).(session.Accepted); !ok || ev.Status != session.AcceptedBad {
		t.Errorf("the thief is told %+v", ev)
	}
	a.save(syncproto.NewRecordState(syncproto.RecordID{10}), newAsset("باغ"))
	a.mustPush(1)
}

// A change that says another form than the record has is told no more of a
// record elsewhere than of one that does not exist.
func TestFormOfARecordElsewhereIsNotTold(t *testing.T) {
	b := newBench(t)
	other, there := b.elsewhere()
	a, c := b.phone(1, "facilitator"), b.phone(2, "")
	b.grantAt(other, c, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	block, _ := b.forms.FormByName("block")
	for _, id := range []syncproto.RecordID{s.Record, {77}} {
		c.writeForm(block.ID, syncproto.VerbEdit, syncproto.NewRecordState(id), there, []syncproto.Op{merge.Presence(s, c.person, true, false)})
	}
	told := c.bring(c.desk(), 1)
	known, unknown := told[0].Result, told[1].Result
	if known.Outcome != unknown.Outcome || known.Reason != unknown.Reason {
		t.Errorf("told %+v of a record that is elsewhere, %+v of one that is nowhere", known, unknown)
	}
	// Once its author may write there, the form counts.
	b.grantAt(b.place, c, "facilitator")
	b.hub.AccessChanged()
	b.wantOutcome(c.log[0].ID, syncproto.Quarantined, syncproto.ReasonMalformed)
}

// Nor does a release let in what says another form than its record has.
func TestReleaseKeepsToTheRecordsForm(t *testing.T) {
	b := newBench(t)
	_, there := b.elsewhere()
	a, c := b.phone(1, "facilitator"), b.phone(2, "")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	block, _ := b.forms.FormByName("block")
	ch := c.writeForm(block.ID, syncproto.VerbEdit, b.record(s.Record).State, there, []syncproto.Op{merge.Presence(s, c.person, true, false)})
	c.mustPush(1)
	b.wantOutcome(ch.ID, syncproto.Quarantined, syncproto.ReasonForbidden)
	if err := b.hub.Release(b.ctx, ch.ID, a.person, ""); !errors.Is(err, hub.ErrNotReleasable) {
		t.Errorf("released: %v", err)
	}
	b.wantOutcome(ch.ID, syncproto.Quarantined, syncproto.ReasonForbidden)
}
