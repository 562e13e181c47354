package hub_test

import (
	"fmt"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// desk begins a session of the phone's device.
func (p *phone) desk() *hub.Desk {
	p.b.t.Helper()
	id, err := hub.LoadIdentity(p.b.ctx, p.b.store, zeros{p.b.rng}, nil)
	if err != nil {
		p.b.t.Fatal(err)
	}
	d := p.b.hub.NewDesk(id, p.b.codec)
	d.Do(p.b.ctx, session.Authenticate{Noise: [32]byte{p.person[0]}})
	ev := d.Do(p.b.ctx, session.LoadSession{Hello: wire.Hello{Device: p.device, Log: p.cert.Log, Cert: wire.AppendLogCert(nil, p.cert)}})
	if loaded, ok := ev.(session.SessionLoaded); !ok || loaded.Refuse != 0 {
		p.b.t.Fatalf("loaded: %+v", ev)
	}
	return d
}

// bring pushes the log through the session and returns what the device is told.
func (p *phone) bring(d *hub.Desk, from uint64) []session.LogResult {
	p.b.t.Helper()
	head := syncproto.ChainStart(p.cert.Log)
	for _, ch := range p.log[:from-1] {
		head = syncproto.ChainNext(head, ch.HeaderBytes)
	}
	raw, _, err := wire.NewBatchSealer(p.b.codec, wire.PurposeBundle, p.cert, p.key).Seal(from, head, p.log[from-1:], 0)
	if err != nil {
		p.b.t.Fatal(err)
	}
	ev, ok := d.Do(p.b.ctx, session.Accept{Batch: raw}).(session.Accepted)
	if !ok || ev.Status != session.AcceptedOK {
		p.b.t.Fatalf("accepted: %+v", ev)
	}
	return ev.Results
}

// elsewhere is a scope of a neighbourhood in which nobody has a role yet.
func (b *bench) elsewhere() (syncproto.PlaceID, syncproto.ScopeID) {
	other := syncproto.PlaceID{8}
	b.update(func(tx store.Tx) error {
		return tx.PutPlace(store.Place{ID: other, Number: 8, Kind: store.PlaceNeighbourhood, NameFa: "سیاه‌کوچه"})
	})
	return other, syncproto.ScopeOf(other, "plain")
}

func (b *bench) grantAt(place syncproto.PlaceID, p *phone, role string) {
	b.update(func(tx store.Tx) error {
		serial, err := tx.GrantSerial()
		if err != nil {
			return err
		}
		return tx.PutGrant(store.Grant{Person: p.person, Place: place, Role: role, Serial: serial + 1})
	})
}

// An edit in a scope where the record has never been is told the same as one
// of a record that nobody knows.
func TestWaitingDoesNotTellWhetherARecordExists(t *testing.T) {
	b := newBench(t)
	other, there := b.elsewhere()
	a, c := b.phone(1, "facilitator"), b.phone(2, "")
	b.grantAt(other, c, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	for _, id := range []syncproto.RecordID{s.Record, {77}} {
		c.write(syncproto.VerbEdit, syncproto.NewRecordState(id), there, []syncproto.Op{merge.Presence(s, c.person, true, false)})
	}
	told := c.bring(c.desk(), 1)
	if len(told) != 2 {
		t.Fatalf("told %+v", told)
	}
	known, unknown := told[0].Result, told[1].Result
	known.Change, unknown.Change = syncproto.ChangeID{}, syncproto.ChangeID{}
	if known.Outcome != unknown.Outcome || known.Reason != unknown.Reason || known.Position != unknown.Position || known.Scope != unknown.Scope {
		t.Errorf("told %+v of a record that is elsewhere, %+v of one that is nowhere", known, unknown)
	}
	if b.row(c.log[0].ID).Result.Reason != syncproto.ReasonWaitsHome {
		t.Error("the server itself does not know any more what it waits for")
	}
}

// A change that is applied where its author may not read tells them nothing of
// where that is.
func TestResultHidesTheHomeThatItsAuthorMayNotRead(t *testing.T) {
	b := newBench(t)
	other, there := b.elsewhere()
	a, c := b.phone(1, "technical_manager"), b.phone(2, "facilitator")
	b.grantAt(other, a, "technical_manager")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	seen := b.record(s.Record).State
	a.write(syncproto.VerbMove, seen, b.scope("plain"), []syncproto.Op{merge.MoveOp(seen, there), merge.Presence(seen, a.person, true, false)})
	a.mustPush(2)
	c.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	told := c.bring(c.desk(), 1)
	if r := told[0].Result; !(r.Scope.IsZero() && r.Position == 0) || b.row(r.Change).Result.Scope != there {
		t.Errorf("told %+v of a change applied in %s", r, there)
	}
}

// Who may not write where they say learns nothing of a record's erasure.
func TestErasureIsToldToThoseWhoMayWrite(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "local_team")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	seen := b.record(s.Record).State
	if err := b.hub.Erase(b.ctx, s.Record); err != nil {
		t.Fatal(err)
	}
	a.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	same(t, outcomes(a.mustPush(2)), []syncproto.Outcome{syncproto.Erased})
	ch := c.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(4)})
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined})
	if ch, err := wire.DecodeChange(b.row(ch.ID).Bytes); err != nil || !ch.Redacted() {
		t.Errorf("its content is kept (%v)", err)
	}
}

// What waits because its author may not write where the record is goes on when
// they are given the right.
func TestGrantFreesWhatWaitsForTheHome(t *testing.T) {
	b := newBench(t)
	other, there := b.elsewhere()
	a, c := b.phone(1, "facilitator"), b.phone(2, "")
	b.grantAt(other, c, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	ch := c.write(syncproto.VerbEdit, b.record(s.Record).State, there, []syncproto.Op{merge.Presence(s, c.person, true, false)})
	c.mustPush(1)
	b.wantOutcome(ch.ID, syncproto.Parked, syncproto.ReasonWaitsHome)
	b.hub.AccessChanged()
	b.wantOutcome(ch.ID, syncproto.Parked, syncproto.ReasonWaitsHome)
	b.grantAt(b.place, c, "facilitator")
	b.hub.AccessChanged()
	if o := b.row(ch.ID).Result.Outcome; o != syncproto.Applied && o != syncproto.Merged {
		t.Errorf("it is %s though its author may write there now", o)
	}
}

// One that fails, or whose record is damaged, waits on and holds up no other.
func TestGrantFreesWhatWaitsBesideABadOne(t *testing.T) {
	for _, fails := range []struct {
		how string
		at  func(bad syncproto.RecordID) func(string, [16]byte) error
	}{
		{"panics", func(bad syncproto.RecordID) func(string, [16]byte) error { return panicAt("read record", bad) }},
		{"is damaged", func(bad syncproto.RecordID) func(string, [16]byte) error {
			return func(what string, id [16]byte) error {
				if what == "read record" && id == bad {
					return fmt.Errorf("record %s: %w", bad, store.ErrCorrupt)
				}
				return nil
			}
		}},
	} {
		t.Run(fails.how, func(t *testing.T) {
			b := newBench(t)
			trap := b.trapped()
			other, there := b.elsewhere()
			a, c := b.phone(1, "facilitator"), b.phone(2, "")
			b.grantAt(other, c, "facilitator")
			var waits []syncproto.ChangeID
			for n := range 4 {
				s := syncproto.NewRecordState(syncproto.RecordID{byte(9 + n)})
				a.save(s, newAsset("سالن"))
				a.mustPush(uint64(n + 1))
				ch := c.write(syncproto.VerbEdit, b.record(s.Record).State, there, []syncproto.Op{merge.Presence(s, c.person, true, false)})
				waits = append(waits, ch.ID)
			}
			c.mustPush(1)
			b.grantAt(b.place, c, "facilitator")
			trap.at = fails.at(syncproto.RecordID{10})
			b.hub.AccessChanged()
			for n, id := range waits {
				if n == 1 {
					b.wantOutcome(id, syncproto.Parked, syncproto.ReasonWaitsHome)
				} else if o := b.row(id).Result.Outcome; o != syncproto.Applied && o != syncproto.Merged {
					t.Errorf("change %d is %s", n, o)
				}
			}
			trap.at = nil
			b.hub.AccessChanged()
			if o := b.row(waits[1]).Result.Outcome; o != syncproto.Applied && o != syncproto.Merged {
				t.Errorf("mended, it is %s", o)
			}
		})
	}
}

// A supervisor leaves a create out; what waited for it can be left out too, and
// its author is told.
func TestKeepOfWhatWaits(t *testing.T) {
	b := newBench(t)
	c, a := b.phone(2, "local_team"), b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	create := c.save(s, newAsset("سالن"))
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined})
	child := a.write(syncproto.VerbEdit, s, b.scope("plain"), []syncproto.Op{merge.Presence(s, a.person, true, false)})
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Parked})
	for _, id := range []syncproto.ChangeID{create.ID, child.ID} {
		if err := b.hub.Keep(b.ctx, id, a.person, "دوباره ثبت شد"); err != nil {
			t.Fatal(err)
		}
	}
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Rejected})
	if err := b.hub.Release(b.ctx, child.ID, a.person, ""); err == nil {
		t.Error("what was left out is released")
	}
}

// A gap is accepted in a log that the device named, with its certificate, and
// the log goes on behind it.
func TestGapIsOfANamedLog(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	for n := byte(9); n < 12; n++ {
		a.save(syncproto.NewRecordState(syncproto.RecordID{n}), newAsset("سالن"))
	}
	d := a.desk()
	gap := func(log syncproto.LogID, from, to uint64) session.Accepted {
		t.Helper()
		head := syncproto.ChainStart(log)
		for _, ch := range a.log[:to] {
			head = syncproto.ChainNext(head, ch.HeaderBytes)
		}
		ev, ok := d.Do(b.ctx, session.AcceptGap{Gap: wire.Gap{Log: log, From: from, To: to, Head: head}}).(session.Accepted)
		if !ok {
			t.Fatalf("gap: %+v", ev)
		}
		return ev
	}
	if ev := gap(syncproto.LogID{66}, 1, 2); ev.Status != session.AcceptedBad {
		t.Errorf("a gap of a log that nobody named: %+v", ev)
	}
	if ev := gap(a.cert.Log, 2, 2); ev.Status != session.AcceptedHole {
		t.Errorf("a gap behind what is not there: %+v", ev)
	}
	if ev := gap(a.cert.Log, 1, 2); ev.Status != session.AcceptedOK || ev.Received != 2 {
		t.Errorf("a gap: %+v", ev)
	}
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		log, err := r.Log(a.cert.Log)
		if len(log.Cert) == 0 || log.Device != a.device {
			t.Errorf("the log is kept without its certificate or device: %+v", log)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if told := a.bring(d, 3); len(told) != 1 || told[0].Result.Outcome != syncproto.Applied {
		t.Errorf("behind the gap: %+v", told)
	}
	if ev := gap(a.cert.Log, 1, 2); ev.Status != session.AcceptedOK || ev.Received != 3 {
		t.Errorf("the gap again: %+v", ev)
	}
}

// A log that this store does not know keeps no other from being safe.
func TestBackupOfAnUnknownLog(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	a.save(syncproto.NewRecordState(syncproto.RecordID{9}), newAsset("سالن"))
	a.mustPush(1)
	if err := b.hub.MarkBackupSafe(b.ctx, map[syncproto.LogID]uint64{{66}: 3, a.cert.Log: 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		log, err := r.Log(a.cert.Log)
		if log.BackupSafe != 1 {
			t.Errorf("safe up to %d, want 1", log.BackupSafe)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A change that waits has been received: who named it has seen what it replaced,
// whichever of the two arrived first.
func TestWhatNamesAWaitingChangeNamesWhatItNamed(t *testing.T) {
	for _, waitingFirst := range []bool{true, false} {
		t.Run(fmt.Sprint("the waiting one first: ", waitingFirst), func(t *testing.T) {
			b := newBench(t)
			other, there := b.elsewhere()
			a, c, d := b.phone(1, "facilitator"), b.phone(2, ""), b.phone(3, "facilitator")
			b.grantAt(other, c, "facilitator")
			s := syncproto.NewRecordState(syncproto.RecordID{9})
			first := a.save(s, newAsset("سالن"))
			a.mustPush(1)
			s = b.record(s.Record).State
			title := syncproto.CellKey{Field: 12}
			set := func(text string, names syncproto.ChangeID) []syncproto.Op {
				return []syncproto.Op{{Kind: syncproto.OpSet, Field: title.Field, Names: []syncproto.ChangeID{names}, Value: syncproto.Text(text)}}
			}
			waits := c.write(syncproto.VerbEdit, s, there, set("سالن شهید", first.ID))
			last := d.write(syncproto.VerbEdit, s, b.scope("plain"), set("سالن شهید رضایی", waits.ID))
			if waitingFirst {
				c.mustPush(1)
				d.mustPush(1)
			} else {
				d.mustPush(1)
				c.mustPush(1)
			}
			b.wantOutcome(waits.ID, syncproto.Parked, syncproto.ReasonWaitsHome)
			got := b.record(s.Record).State.Candidates(title)
			if len(got) != 1 || got[0].Version != last.ID {
				t.Errorf("the title has the values %v, want that of %s alone", got, last.ID)
			}
		})
	}
}
