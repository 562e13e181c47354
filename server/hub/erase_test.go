package hub_test

import (
	"errors"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// stripped checks that nothing of a record's content is left, and that no
// change of it waits for anybody.
func (b *bench) stripped(id syncproto.RecordID) {
	b.t.Helper()
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		rows, err := r.History(id)
		for _, row := range rows {
			if ch, err := wire.DecodeChange(row.Bytes); err != nil || !ch.Redacted() {
				b.t.Errorf("change %s still holds its content (%v)", row.ID, err)
			}
			if o := row.Result.Outcome; o == syncproto.Parked || o == syncproto.Quarantined {
				b.t.Errorf("change %s is %s, though there is nothing to decide", row.ID, o)
			}
		}
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
}

// What was parked or set aside is erased with the record, and its authors learn
// it: their devices hold its content until they do.
func TestErasureReachesWhatWaits(t *testing.T) {
	b := newBench(t)
	a, c, d := b.phone(1, "facilitator"), b.phone(2, "local_team"), b.phone(3, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	seen := b.record(s.Record).State
	c.save(seen, map[string]schemas.Value{"title_fa": schemas.TextValue("نامی")})
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined})
	broken := syncproto.NewRecordState(s.Record)
	d.write(syncproto.VerbEdit, broken, b.scope("plain"), nil)
	d.log[0].Secret, d.log[0].OpsBytes = [16]byte{}, nil
	same(t, outcomes(d.mustPush(1)), []syncproto.Outcome{syncproto.Parked})
	if err := b.hub.Erase(b.ctx, s.Record); err != nil {
		t.Fatal(err)
	}
	b.stripped(s.Record)
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Erased})
	same(t, outcomes(d.mustPush(1)), []syncproto.Outcome{syncproto.Erased})
}

// What was kept out is forgotten with the record too, also by the device of an author
// who wrote where the record never lived: no mark goes there, and so it asks. Where it
// reads nothing it is not told that there was a record.
func TestErasureReachesWhatWasKeptOut(t *testing.T) {
	for _, test := range []struct {
		name string
		// at is where the author works.
		at   syncproto.PlaceID
		want syncproto.Outcome
	}{
		{"where the author reads", syncproto.PlaceID{8}, syncproto.Erased},
		{"where the author reads nothing", syncproto.PlaceID{}, syncproto.Rejected},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			_, there := b.elsewhere()
			a, c := b.phone(1, "facilitator"), b.phone(2, "")
			b.grantAt(test.at, c, "facilitator")
			s := syncproto.NewRecordState(syncproto.RecordID{9})
			a.save(s, newAsset("سالن"))
			a.mustPush(1)
			c.write(syncproto.VerbEdit, syncproto.NewRecordState(s.Record), there, []syncproto.Op{merge.Presence(s, c.person, true, false)})
			c.mustPush(1)
			change := c.log[0].ID
			if err := b.hub.Keep(b.ctx, change, a.person, ""); err != nil {
				t.Fatal(err)
			}
			b.wantOutcome(change, syncproto.Rejected, b.row(change).Result.Reason)
			if err := b.hub.Erase(b.ctx, s.Record); err != nil {
				t.Fatal(err)
			}
			b.stripped(s.Record)
			hello := wire.Hello{Device: c.device, Log: c.cert.Log, Cert: wire.AppendLogCert(nil, c.cert), Unsettled: []syncproto.ChangeID{change}}
			loaded, ok := c.desk().Do(b.ctx, session.LoadSession{Hello: hello}).(session.SessionLoaded)
			if !ok || len(loaded.Results) != 1 || loaded.Results[0].Outcome != test.want {
				t.Errorf("who asks is told %+v, want %s", loaded.Results, test.want)
			}
		})
	}
}

// A record that never came to be, because its create was set aside, can be
// forgotten like any other.
func TestErasureOfWhatIsOnlySetAside(t *testing.T) {
	b := newBench(t)
	c := b.phone(2, "local_team")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	c.save(s, newAsset("نامی که باید فراموش شود"))
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined})
	if err := b.hub.Erase(b.ctx, s.Record); err != nil {
		t.Fatal(err)
	}
	b.stripped(s.Record)
	if len(b.noted) != 1 || b.noted[0].Scope != b.scope("plain") {
		t.Fatalf("noted outside %v, want the record in its claimed scope", b.noted)
	}
	if err := b.hub.Erase(b.ctx, syncproto.RecordID{77}); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("erasing what nobody knows: %v, want not found", err)
	}
}

// A device that only reads where the record has been holds what its people wrote
// to it there: it is told too.
func TestErasureIsMarkedWhereTheRecordHasBeen(t *testing.T) {
	b := newBench(t)
	other, there := b.elsewhere()
	a := b.phone(1, "technical_manager")
	b.grantAt(other, a, "technical_manager")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("نامی که باید فراموش شود"))
	a.mustPush(1)
	seen := b.record(s.Record).State
	a.write(syncproto.VerbMove, seen, b.scope("plain"), []syncproto.Op{merge.MoveOp(seen, there), merge.Presence(seen, a.person, true, false)})
	a.mustPush(2)
	if err := b.hub.Erase(b.ctx, s.Record); err != nil {
		t.Fatal(err)
	}
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		for _, scope := range []syncproto.ScopeID{b.scope("plain"), there} {
			head, err := r.Scope(scope)
			if err != nil {
				return err
			}
			_, marks, to, _, err := r.Page(scope, head.Position-1, store.ToHead, 1<<20)
			if err != nil {
				return err
			}
			want := store.Mark{Scope: scope, Position: head.Position, Record: s.Record, Kind: store.MarkErased}
			if to != head.Position || len(marks) != 1 || marks[0] != want {
				t.Errorf("scope %s ends at %d with %+v, want %+v", scope, to, marks, want)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// An erasure whose commit fails is told as noted: the next start does it.
func TestErasureThatCouldNotBeCommitted(t *testing.T) {
	b := newBench(t)
	trap := b.trapped()
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	trap.at = func(what string, _ [16]byte) error {
		if what == "write record" {
			return store.ErrFull
		}
		return nil
	}
	err := b.hub.Erase(b.ctx, s.Record)
	if !errors.Is(err, hub.ErrNoted) || !errors.Is(err, store.ErrFull) || len(b.noted) != 1 {
		t.Errorf("got %v, %d noted; want that it is noted and the disk full", err, len(b.noted))
	}
}

// A server put back from a backup has lost that a change was kept out, and takes
// the erasure of its record from outside: the author's device, which believes the
// change rejected and asks no more, is told.
func TestErasureIsToldToWhomARestoreMissed(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "local_team")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	c.save(b.record(s.Record).State, map[string]schemas.Value{"title_fa": schemas.TextValue("نامی")})
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined})
	if err := b.hub.Replay(b.ctx, []hub.Erasure{{Record: s.Record, Scope: b.scope("plain"), At: 1}}); err != nil {
		t.Fatal(err)
	}
	ev := c.desk().Do(b.ctx, session.LoadSession{Hello: wire.Hello{Device: c.device, Log: c.cert.Log, Cert: wire.AppendLogCert(nil, c.cert)}})
	loaded, ok := ev.(session.SessionLoaded)
	if !ok || len(loaded.Results) != 1 || loaded.Results[0].Outcome != syncproto.Erased || loaded.Results[0].Change != c.log[0].ID {
		t.Errorf("it is told %+v, want that its change is erased", ev)
	}
}
