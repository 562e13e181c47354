package hub_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// bench is a hub over a real store with one neighbourhood and its people.
type bench struct {
	t     testing.TB
	ctx   context.Context
	rng   *rand.Rand
	clock int64
	up    int64 // since the process began, ms
	dir   string
	store *sqlitestore.Store
	hub   *hub.Hub
	codec *wire.Codec
	forms *schemas.Package
	place syncproto.PlaceID
	noted []hub.Erasure
	// wrap, if set, stands between the hub and its store.
	wrap func(store.Store) store.Store
}

type zeros struct{ rng *rand.Rand }

func (z zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(z.rng.Uint32())
	}
	return len(b), nil
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, ctx: context.Background(), rng: rand.New(rand.NewPCG(1, 2)), clock: 1_768_500_000_000, dir: t.TempDir(), place: syncproto.PlaceID{7}}
	var err error
	if b.forms, err = forms.Load(); err != nil {
		t.Fatal(err)
	}
	if b.codec, err = wire.NewCodec(); err != nil {
		t.Fatal(err)
	}
	b.open()
	t.Cleanup(b.close)
	b.update(func(tx store.Tx) error {
		return tx.PutPlace(store.Place{ID: b.place, Number: 7, Kind: store.PlaceNeighbourhood, NameFa: "چشمه‌سر"})
	})
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.store, err = sqlitestore.Open(b.ctx, sqlitestore.Options{Path: filepath.Join(b.dir, "server.db")}); err != nil {
		b.t.Fatal(err)
	}
	var st store.Store = b.store
	if b.wrap != nil {
		st = b.wrap(st)
	}
	b.hub, err = hub.New(b.ctx, hub.Options{Store: st, Packages: b.forms, Clock: func() int64 { return b.clock }, Uptime: func() int64 { return b.up }, Rand: zeros{b.rng},
		Erasures: func(e hub.Erasure) error { b.noted = append(b.noted, e); return nil }})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) close() {
	b.hub.Close()
	if err := b.store.Close(); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) update(f func(store.Tx) error) {
	b.t.Helper()
	if err := b.store.Update(b.ctx, f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) record(id syncproto.RecordID) store.Record {
	b.t.Helper()
	var row store.Record
	err := b.store.View(b.ctx, func(r store.Reader) (err error) { row, err = r.Record(id); return err })
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

func (b *bench) scope(compartment string) syncproto.ScopeID {
	return syncproto.ScopeOf(b.place, compartment)
}

// phone writes a log as a device does.
type phone struct {
	b      *bench
	person syncproto.PersonID
	device syncproto.DeviceID
	cert   *wire.LogCert
	key    ed25519.PrivateKey
	head   syncproto.Hash
	log    []*syncproto.Change
}

func (b *bench) phone(n byte, role string) *phone {
	b.t.Helper()
	seed := make([]byte, 32)
	seed[0] = n
	p := &phone{b: b, key: ed25519.NewKeyFromSeed(seed), person: syncproto.PersonID{n}}
	p.cert = wire.SignLogCert(wire.LogCert{Log: syncproto.LogID{n}, LogKey: [32]byte(p.key.Public().(ed25519.PublicKey)), Serial: 1, Created: 1}, p.key)
	p.device, p.head = p.cert.Device(), syncproto.ChainStart(p.cert.Log)
	b.update(func(tx store.Tx) error {
		serial, err := tx.GrantSerial()
		if err != nil {
			return err
		}
		if err := tx.PutPerson(store.Person{ID: p.person, Name: "هیوا"}); err != nil {
			return err
		}
		if role != "" {
			if err := tx.PutGrant(store.Grant{Person: p.person, Place: b.place, Role: role, Serial: serial + 1}); err != nil {
				return err
			}
		}
		if err := tx.PutDevice(store.Device{ID: p.device, Person: p.person, Key: p.cert.DeviceKey, Noise: [32]byte{n}}); err != nil {
			return err
		}
		return tx.AddDevicePerson(p.device, p.person)
	})
	return p
}

// save makes a change of an asset on what stands in s.
func (p *phone) save(s *syncproto.RecordState, set map[string]schemas.Value) *syncproto.Change {
	form, _ := p.b.forms.FormByName("asset")
	before := merge.Content(form, s)
	after := before.Clone()
	for name, v := range set {
		f, ok := form.FieldByName(name)
		if !ok {
			p.b.t.Fatalf("no field %q", name)
		}
		after.Fields[f.ID] = v
	}
	seq := uint64(len(p.log) + 1)
	edit := merge.Edit{Form: form, Opened: s, Before: before, After: after, Author: p.person,
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(p.cert.Log, seq, n) }}
	verb := syncproto.VerbEdit
	if !s.Exists() {
		verb = syncproto.VerbCreate
	}
	return p.write(verb, s, p.b.scope("plain"), edit.Ops())
}

func (p *phone) write(verb syncproto.Verb, s *syncproto.RecordState, scope syncproto.ScopeID, ops []syncproto.Op) *syncproto.Change {
	p.b.t.Helper()
	return p.writeForm(12, verb, s, scope, ops)
}

// writeForm is write for a form other than the asset's.
func (p *phone) writeForm(form schemas.FormID, verb syncproto.Verb, s *syncproto.RecordState, scope syncproto.ScopeID, ops []syncproto.Op) *syncproto.Change {
	p.b.t.Helper()
	var secret [16]byte
	binary.BigEndian.PutUint64(secret[:], p.b.rng.Uint64())
	ch, err := wire.NewChange(syncproto.Header{Verb: verb, Record: s.Record, Form: uint32(form), Package: 1, Scope: scope, OriginLog: p.cert.Log,
		OriginSeq: uint64(len(p.log) + 1), Base: s.Latest, Author: p.person, Role: 10, Time: p.b.clock}, secret, ops)
	if err != nil {
		p.b.t.Fatal(err)
	}
	p.log = append(p.log, ch)
	return ch
}

// push sends the log from a sequence on and returns what the server says.
func (p *phone) push(from uint64) (hub.Accepted, error) {
	p.b.t.Helper()
	return p.b.hub.Accept(p.b.ctx, p.device, p.batch(from))
}

// batch is the log from a sequence on.
func (p *phone) batch(from uint64) *wire.Batch {
	p.b.t.Helper()
	head := syncproto.ChainStart(p.cert.Log)
	for _, ch := range p.log[:from-1] {
		head = syncproto.ChainNext(head, ch.HeaderBytes)
	}
	raw, n, err := wire.NewBatchSealer(p.b.codec, wire.PurposeBundle, p.cert, p.key).Seal(from, head, p.log[from-1:], 0)
	if err != nil || n != len(p.log[from-1:]) {
		p.b.t.Fatalf("sealed %d: %v", n, err)
	}
	batch, err := wire.NewBatchOpener(p.b.codec).Open(raw)
	if err != nil {
		p.b.t.Fatal(err)
	}
	return batch
}

func (p *phone) mustPush(from uint64) hub.Accepted {
	p.b.t.Helper()
	got, err := p.push(from)
	if err != nil {
		p.b.t.Fatal(err)
	}
	return got
}

func outcomes(a hub.Accepted) []syncproto.Outcome {
	var o []syncproto.Outcome
	for _, r := range a.Results {
		o = append(o, r.Result.Outcome)
	}
	return o
}

func same(t *testing.T, got, want []syncproto.Outcome) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("outcomes %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("outcomes %v, want %v", got, want)
		}
	}
}

func newAsset(title string) map[string]schemas.Value {
	return map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"),
		"title_fa": schemas.TextValue(title), "condition": schemas.IntValue(3), "capacity_value": schemas.IntValue(60)}
}

func TestTwoPhonesOneAsset(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Applied})
	seen := b.record(s.Record).State
	a.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(4), "capacity_value": schemas.IntValue(80)})
	c.save(seen, map[string]schemas.Value{"availability": schemas.CodeValue("scheduled"), "capacity_value": schemas.IntValue(50)})
	same(t, outcomes(a.mustPush(2)), []syncproto.Outcome{syncproto.Applied})
	got := c.mustPush(1)
	same(t, outcomes(got), []syncproto.Outcome{syncproto.Conflicted})
	row := b.record(s.Record)
	if row.Open != 1 || row.State.Number != 3 || row.State.Position != 3 {
		t.Fatalf("open %d, number %d, position %d; want 1, 3, 3", row.Open, row.State.Number, row.State.Position)
	}
	if got.Results[0].Result.Position != 3 || got.Received != 1 {
		t.Fatalf("acknowledged %+v", got)
	}
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		sc, err := r.Scope(b.scope("plain"))
		if sc.Sum != row.Hash || sc.Count != 1 || sc.Position != 3 {
			t.Errorf("scope %+v does not agree with its one record %x", sc, row.Hash)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Half-acknowledged batch (peers' cases): sent again, it changes nothing and the
// author is told the same.
func TestResentBatchTellsTheSame(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	first := a.mustPush(1)
	a.save(b.record(s.Record).State, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	again := a.mustPush(1)
	same(t, outcomes(again), []syncproto.Outcome{syncproto.Applied, syncproto.Applied})
	if again.Results[0].Result.Position != first.Results[0].Result.Position {
		t.Fatalf("told %+v, then %+v", first.Results[0], again.Results[0])
	}
	if n := b.record(s.Record).State.Number; n != 2 {
		t.Fatalf("version %d after two changes, want 2", n)
	}
}

// Parent arrives later than child (peers' cases): it waits for ever, visibly, and
// nothing else waits with it.
func TestChildBeforeParentWaits(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	create := a.save(s, newAsset("سالن"))
	seen := syncproto.NewRecordState(s.Record)
	if _, err := merge.Apply(seen, create, nil); err != nil {
		t.Fatal(err)
	}
	c.save(seen, map[string]schemas.Value{"condition": schemas.IntValue(5)})
	other := syncproto.NewRecordState(syncproto.RecordID{10})
	c.save(other, newAsset("زمین"))
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Parked, syncproto.Applied})
	a.mustPush(1)
	// The create itself freed it, before anybody asked again.
	b.wantOutcome(c.log[0].ID, syncproto.Applied, syncproto.ReasonNone)
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Applied, syncproto.Applied})
	if n := b.record(s.Record).State.Number; n != 2 {
		t.Fatalf("version %d, want 2", n)
	}
}

// Poison change blocks the queue (PowerSync): set aside with its reason, the
// next one proceeds; released, it is applied as its author wrote it.
func TestForbiddenChangeIsSetAsideAndReleased(t *testing.T) {
	b := newBench(t)
	stranger := b.phone(3, "local_team")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	ch := stranger.save(s, newAsset("سالن"))
	got := stranger.mustPush(1)
	same(t, outcomes(got), []syncproto.Outcome{syncproto.Quarantined})
	if got.Results[0].Result.Reason != syncproto.ReasonForbidden {
		t.Fatalf("reason %d, want forbidden", got.Results[0].Result.Reason)
	}
	if err := b.hub.Release(b.ctx, ch.ID, syncproto.PersonID{1}, "با مدیر فنی هماهنگ شد"); err != nil {
		t.Fatal(err)
	}
	same(t, outcomes(stranger.mustPush(1)), []syncproto.Outcome{syncproto.Applied})
	if !merge.Alive(b.record(s.Record).State) {
		t.Fatal("the released record is not there")
	}
	if err := b.hub.Release(b.ctx, ch.ID, syncproto.PersonID{1}, ""); err == nil {
		t.Fatal("released twice")
	}
}

// Cloned device (peers' cases): another entry at the same place is a fork.
func TestCloneIsAFork(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.save(syncproto.NewRecordState(syncproto.RecordID{10}), newAsset("زمین"))
	clone := *a
	clone.log = append([]*syncproto.Change{}, a.log[:1]...)
	clone.save(syncproto.NewRecordState(syncproto.RecordID{11}), newAsset("رود"))
	a.mustPush(1)
	var fork *hub.ForkError
	if _, err := clone.push(1); !as(err, &fork) {
		t.Fatalf("got %v, want a fork", err)
	}
	var gap *hub.GapError
	clone.log = append(a.log, clone.log...)
	if _, err := clone.push(4); !as(err, &gap) || gap.Next != 3 {
		t.Fatalf("got %v, want a gap before 3", err)
	}
}

func as[T error](err error, target *T) bool {
	e, ok := err.(T)
	if ok {
		*target = e
	}
	return ok
}

// A person can be forgotten: nothing of the record's content stays in the
// store, and a change that arrives later is stripped.
func TestErasureLeavesNoContent(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("نامی که باید فراموش شود"))
	a.mustPush(1)
	seen := b.record(s.Record).State
	if err := b.hub.Erase(b.ctx, s.Record); err != nil {
		t.Fatal(err)
	}
	a.save(seen, map[string]schemas.Value{"title_fa": schemas.TextValue("نامی که باید فراموش شود ۲")})
	same(t, outcomes(a.mustPush(2)), []syncproto.Outcome{syncproto.Erased})
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		rows, err := r.History(s.Record)
		for _, row := range rows {
			if ch, err := wire.DecodeChange(row.Bytes); err != nil || !ch.Redacted() {
				t.Errorf("change %s still holds its content (%v)", row.ID, err)
			}
		}
		_, marks, _, _, err2 := r.Page(b.scope("plain"), 0, store.ToHead, 1<<20)
		if len(marks) != 1 || marks[0].Kind != store.MarkErased {
			t.Errorf("marks %v, want one erasure", marks)
		}
		if err == nil {
			err = err2
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(b.noted) != 1 {
		t.Fatalf("%d erasures noted outside, want 1", len(b.noted))
	}
}

// A move takes a record out of a scope for those who may not follow it.
func TestMoveLeavesAMark(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "technical_manager")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	seen := b.record(s.Record).State
	a.write(syncproto.VerbMove, seen, b.scope("plain"), []syncproto.Op{merge.MoveOp(seen, b.scope("persons")), merge.Presence(seen, a.person, true, false)})
	same(t, outcomes(a.mustPush(2)), []syncproto.Outcome{syncproto.Applied})
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		old, err := r.Scope(b.scope("plain"))
		if err != nil {
			return err
		}
		if old.Count != 0 || old.Sum != ([16]byte{}) {
			t.Errorf("the old scope still counts the record: %+v", old)
		}
		records, marks, _, _, err := r.Page(b.scope("plain"), 0, store.ToHead, 1<<20)
		if len(records) != 0 || len(marks) != 1 || marks[0].To != b.scope("persons") {
			t.Errorf("old scope: %d records, marks %v", len(records), marks)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A record of an unknown form or package is kept and passed on.
func TestUnknownFormIsKeptAndPassedOn(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	value := syncproto.RawBytes(60<<2|syncproto.ClassBytes, "از آینده")
	ch, err := wire.NewChange(syncproto.Header{Verb: syncproto.VerbCreate, Record: s.Record, Form: 9999, Package: 7, Scope: b.scope("plain"),
		OriginLog: a.cert.Log, OriginSeq: 1, Author: a.person, Time: b.clock}, [16]byte{1},
		[]syncproto.Op{merge.Presence(s, a.person, true, false), {Kind: syncproto.OpSet, Field: 500, Value: value}})
	if err != nil {
		t.Fatal(err)
	}
	a.log = append(a.log, ch)
	same(t, outcomes(a.mustPush(1)), []syncproto.Outcome{syncproto.Applied})
	if err := b.store.View(b.ctx, func(r store.Reader) error {
		records, _, _, _, err := r.Page(b.scope("plain"), 0, store.ToHead, 1<<20)
		if err != nil || len(records) != 1 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		got, _, err := wire.DecodeRecord(wire.AppendRecord(nil, records[0].State, 0))
		if err != nil {
			return err
		}
		if c := got.Candidates(syncproto.CellKey{Field: 500}); got.Form != 9999 || len(c) != 1 || c[0].Value != value {
			t.Errorf("form %d, candidates %v: not what was sent", got.Form, c)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// An edit made where its author knew the record, before the move that brought
// it there has arrived, waits for that move: the verdict does not depend on
// which comes first.
func TestEditWaitsForTheMoveItSaw(t *testing.T) {
	b := newBench(t)
	other := syncproto.PlaceID{8}
	b.update(func(tx store.Tx) error {
		return tx.PutPlace(store.Place{ID: other, Number: 8, Kind: store.PlaceNeighbourhood, NameFa: "سیاه‌کوچه"})
	})
	a, c := b.phone(1, "technical_manager"), b.phone(2, "")
	b.update(func(tx store.Tx) error {
		if err := tx.PutGrant(store.Grant{Person: a.person, Place: other, Role: "technical_manager", Serial: 90}); err != nil {
			return err
		}
		return tx.PutGrant(store.Grant{Person: c.person, Place: other, Role: "facilitator", Serial: 91})
	})
	there := syncproto.ScopeOf(other, "plain")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	create := a.save(s, newAsset("سالن"))
	seen := syncproto.NewRecordState(s.Record)
	if _, err := merge.Apply(seen, create, nil); err != nil {
		t.Fatal(err)
	}
	move := a.write(syncproto.VerbMove, seen, b.scope("plain"), []syncproto.Op{merge.MoveOp(seen, there), merge.Presence(seen, a.person, true, false)})
	moved := seen.Clone()
	if _, err := merge.Apply(moved, move, nil); err != nil {
		t.Fatal(err)
	}
	c.write(syncproto.VerbEdit, moved, there, []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: fieldOf(t, b, "condition"), Value: syncproto.Int(5)},
		merge.Presence(moved, c.person, true, false)})
	moveLater := a.log[1]
	a.log = a.log[:1]
	a.mustPush(1)
	got := c.mustPush(1)
	same(t, outcomes(got), []syncproto.Outcome{syncproto.Parked})
	if got.Results[0].Result.Reason != syncproto.ReasonWaitsHome {
		t.Fatalf("reason %d, want waits for its home", got.Results[0].Result.Reason)
	}
	a.log = append(a.log, moveLater)
	a.mustPush(2)
	if o := outcomes(c.mustPush(1)); o[0] != syncproto.Applied && o[0] != syncproto.Merged && o[0] != syncproto.Conflicted {
		t.Fatalf("the edit is %v after the move arrived", o)
	}
}

func fieldOf(t *testing.T, b *bench, name string) uint32 {
	t.Helper()
	form, _ := b.forms.FormByName("asset")
	f, ok := form.FieldByName(name)
	if !ok {
		t.Fatalf("no field %q", name)
	}
	return uint32(f.ID)
}

// Spoilt by a carrier: the content is not what the header commits to; the
// author's own is taken when it comes.
func TestSpoiltContentWaitsForTheRightOne(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	good := a.save(s, newAsset("سالن"))
	spoilt := *good
	spoilt.OpsBytes = append(append([]byte(nil), good.OpsBytes...), 0)
	a.log[0] = &spoilt
	got := a.mustPush(1)
	same(t, outcomes(got), []syncproto.Outcome{syncproto.Parked})
	if got.Results[0].Result.Reason != syncproto.ReasonWaitsContent {
		t.Fatalf("reason %d, want waits for its content", got.Results[0].Result.Reason)
	}
	// Another log of the same device brings the change as it was written.
	other := &phone{b: b, person: a.person, device: a.device, key: a.key}
	other.cert = wire.SignLogCert(wire.LogCert{Log: syncproto.LogID{77}, LogKey: a.cert.LogKey, Serial: 2, Created: 1}, a.key)
	other.log = []*syncproto.Change{good}
	same(t, outcomes(other.mustPush(1)), []syncproto.Outcome{syncproto.Applied})
}
