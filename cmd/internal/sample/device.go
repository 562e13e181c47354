package sample

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// device is somebody's device: what it recorded since its last sync waits in it.
type device struct {
	w      *world
	name   string
	person syncproto.PersonID
	rank   uint8
	grants uint64
	hand   hand
	rng    *rand.Rand
	random *seeded

	key  ed25519.PrivateKey
	cert *wire.LogCert
	seq  uint64
	head syncproto.Hash
	// ahead is its clock minus the server's, milliseconds.
	ahead int64
	boot  int64

	waiting []*syncproto.Change
	seen    int64 // when it last synced
	lost    bool
}

// newDevice makes the keys of a device and how its owner writes.
func (w *world) newDevice(name string, kind, number uint64) *device {
	d := &device{w: w, name: name, random: newRandom(w.o.Seed, kind, number), rng: rand.New(rand.NewPCG(w.o.Seed, kind<<32|number))}
	seed := make([]byte, ed25519.SeedSize)
	d.random.Read(seed)
	d.key = ed25519.NewKeyFromSeed(seed)
	var log syncproto.LogID
	d.random.Read(log[:])
	d.cert = wire.SignLogCert(wire.LogCert{Log: log, LogKey: [32]byte(d.key.Public().(ed25519.PublicKey)), Serial: 1}, d.key)
	d.head = syncproto.ChainStart(d.cert.Log)
	d.hand = newHand(d.rng)
	d.ahead = int64(d.rng.NormFloat64() * 40_000)
	if d.rng.IntN(40) == 0 {
		d.ahead += int64(1+d.rng.IntN(40)) * hour
	}
	d.boot = int64(1 + d.rng.IntN(60))
	return d
}

// enrol makes the device known, as if its owner had shown the code.
func (d *device) enrol(tx store.Tx, code *syncproto.EnrolCode, model string, at int64) error {
	noise, err := session.NewKeyPair(d.random)
	if err != nil {
		return err
	}
	dev := store.Device{ID: d.cert.Device(), Person: d.person, Key: d.cert.DeviceKey, Noise: noise.Public, Name: model, Enrolled: at, LastSeen: at}
	if err := tx.PutDevice(dev); err != nil {
		return err
	}
	if err := tx.AddDevicePerson(dev.ID, d.person); err != nil {
		return err
	}
	kept, err := tx.Code(code.SecretHash())
	if err != nil {
		return err
	}
	kept.UsedBy, kept.UsedAt = dev.ID, at
	if err := tx.PutCode(kept); err != nil {
		return err
	}
	concerned, err := access.ScopesOfDevice(tx, dev.ID)
	if err != nil {
		return err
	}
	d.seen = at
	return access.Note(tx, store.AuditEntry{At: at, By: d.person, Act: "enrolled", Subject: dev.ID.String(), Note: model}, concerned...)
}

// newRecord is the id of a record that is made at a time.
func (d *device) newRecord(at int64) (id recordID) {
	d.random.Read(id[:])
	binary.BigEndian.PutUint64(id[:], uint64(at+d.ahead)<<16|0x7000|uint64(d.rng.IntN(1<<12)))
	id[8] = id[8]&0x3f | 0x80
	return id
}

// create fills in a new form.
func (d *device) create(at int64, place syncproto.PlaceID, name string, v fields) recordID {
	id := d.newRecord(at)
	d.createAs(id, at, place, name, v)
	return id
}

// createAs is create under an id that others refer to already. The state is that of
// the new record, for whoever goes on with it at once.
func (d *device) createAs(id recordID, at int64, place syncproto.PlaceID, name string, v fields) *syncproto.RecordState {
	state := syncproto.NewRecordState(id)
	form, ok := d.w.forms.FormByName(name)
	if !ok {
		d.w.fail("there is no form %s", name)
		return state
	}
	after, err := contentOf(form, v)
	if err != nil {
		d.w.fail("form %s: %w", name, err)
		return state
	}
	h := syncproto.Header{Verb: syncproto.VerbCreate, Record: id, Form: uint32(form.ID), Scope: syncproto.ScopeOf(place, string(form.Compartment))}
	d.save(at, h, form, state, after, nil)
	d.w.made.Records[name]++
	return state
}

// edit changes fields of a record as it stood when it was opened. Rows of a list
// take the place of those that stand there, one by one; nil clears a field.
func (d *device) edit(at int64, opened *syncproto.RecordState, v fields) {
	form, ok := d.w.forms.Form(schemas.FormID(opened.Form))
	if !ok {
		d.w.fail("there is no form %d", opened.Form)
		return
	}
	changed, err := contentOf(form, v)
	if err != nil {
		d.w.fail("form %s: %w", form.Name, err)
		return
	}
	after := merge.Content(form, opened)
	for name, x := range v {
		if f, ok := form.FieldByName(name); ok && x == nil {
			delete(after.Fields, f.ID)
		}
	}
	for id, value := range changed.Fields {
		was := after.Fields[id].Items()
		for i, row := range value.Items() {
			if i < len(was) {
				row.ID = was[i].ID
				value.Items()[i] = row
			}
		}
		after.Fields[id] = value
	}
	d.save(at, d.headerOn(opened, syncproto.VerbEdit), form, opened, after, nil)
}

func (d *device) headerOn(s *syncproto.RecordState, verb syncproto.Verb) syncproto.Header {
	return syncproto.Header{Verb: verb, Record: s.Record, Form: s.Form, Scope: s.Home, Base: s.Latest}
}

// save makes the change of a form that was saved, if anything was changed.
func (d *device) save(at int64, h syncproto.Header, form *schemas.Form, opened *syncproto.RecordState, after schemas.Record,
	settled map[syncproto.CellKey]bool) {
	before := merge.Content(form, opened)
	after = schemas.Normalise(form, after)
	if d.w.o.inspect != nil {
		d.w.o.inspect(d, form, h.Record, after, merge.VersionDecided(form, opened), today(at))
	}
	e := merge.Edit{Form: form, Opened: opened, Before: before, After: after, Author: d.person, Settled: settled,
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(d.cert.Log, d.seq+1, n) }}
	if ops := e.Ops(); len(ops) > 0 {
		d.act(at, h, opened, ops)
	}
}

// act signs operations on an opened record, which has them from then on.
func (d *device) act(at int64, h syncproto.Header, opened *syncproto.RecordState, ops []syncproto.Op) {
	ch := d.sign(at, h, ops)
	if ch == nil {
		return
	}
	if _, err := merge.Apply(opened, ch, nobody{}); err != nil {
		d.w.fail("keep a change of form %d: %w", h.Form, err)
	}
}

// nobody knows of no changes but those at hand.
type nobody struct{}

// Standing implements merge.History.
func (nobody) Standing(syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	return merge.Unknown, nil, nil
}

// step moves a state machine on.
func (d *device) step(at int64, opened *syncproto.RecordState, field, to string) {
	form, _ := d.w.forms.Form(schemas.FormID(opened.Form))
	f, ok := form.FieldByName(field)
	if !ok {
		d.w.fail("form %s has no field %s", form.Name, field)
		return
	}
	version := merge.VersionDecided(form, opened)
	ops := []syncproto.Op{merge.TransitionOp(opened, f.ID, to), merge.Presence(opened, d.person, true, false)}
	d.act(at, d.headerOn(opened, syncproto.VerbTransition), opened, ops)
	if d.w.o.inspect != nil {
		d.w.o.inspect(d, form, opened.Record, merge.Content(form, opened), version, today(at))
	}
}

// settle keeps the value that is shown of each conflict of a record; it returns how
// many there were.
func (d *device) settle(at int64, opened *syncproto.RecordState) int {
	form, _ := d.w.forms.Form(schemas.FormID(opened.Form))
	settled := map[syncproto.CellKey]bool{}
	for _, c := range merge.Conflicts(opened) {
		if c.Cell.Item == (syncproto.ItemID{}) && c.Cell != merge.PresenceCell {
			settled[c.Cell] = true
		}
	}
	if len(settled) > 0 {
		d.save(at, d.headerOn(opened, syncproto.VerbSettle), form, opened, merge.Content(form, opened), settled)
	}
	return len(settled)
}

// sign makes a change of operations and keeps it for the next sync.
func (d *device) sign(at int64, h syncproto.Header, ops []syncproto.Op) *syncproto.Change {
	d.seq++
	h.OriginLog, h.OriginSeq, h.Author, h.Package, h.Role, h.Grants = d.cert.Log, d.seq, d.person, d.w.forms.Version, d.rank, d.grants
	h.Time, h.Corrected, h.Correction = at+d.ahead, true, -d.ahead
	h.Boot, h.Uptime = uint64(d.boot+at/(9*day)), uint64(at%(9*day))
	var secret [16]byte
	d.random.Read(secret[:])
	ch, err := wire.NewChange(h, secret, ops)
	if err != nil {
		d.w.fail("make a change of form %d: %w", h.Form, err)
		return nil
	}
	if reason, cell := merge.Judge(d.w.forms, ch); reason != syncproto.ReasonNone {
		d.w.fail("a change of form %d would be set aside for reason %d of field %d", h.Form, reason, cell.Field)
		return nil
	}
	d.waiting = append(d.waiting, ch)
	return ch
}

// sync brings what waits to the server, in batches as a session does.
func (d *device) sync(at int64) error {
	if d.w.err != nil {
		return d.w.err
	}
	sealer := wire.NewBatchSealer(d.w.codec, wire.PurposePush, d.cert, d.key)
	opener := wire.NewBatchOpener(d.w.codec)
	for len(d.waiting) > 0 {
		some := d.waiting[:min(len(d.waiting), syncproto.MaxBatchChanges)]
		first := some[0].Header.OriginSeq
		sealed, n, err := sealer.Seal(first, d.head, some, 0)
		if err != nil {
			return fmt.Errorf("sign a batch of %s: %w", d.name, err)
		}
		for _, ch := range some[:n] {
			d.head = syncproto.ChainNext(d.head, ch.HeaderBytes)
		}
		if err := d.bring(opener, sealed); err != nil {
			return fmt.Errorf("the device of %s syncs: %w", d.name, err)
		}
		d.w.made.Changes += n
		d.waiting = d.waiting[n:]
	}
	d.waiting = nil
	d.seen = at
	touch := session.Touch{Log: d.cert.Log, ClockAhead: d.ahead, App: app}
	if d.seq%9 == 0 { // the line went before all was sent
		touch.Queue, touch.OldestQueued = 1+d.seq%4, at-int64(d.seq%70)*hour
	}
	d.w.touched = append(d.w.touched, hub.Touched{Device: d.cert.Device(), Seen: at, Touch: touch})
	if len(d.w.touched) >= touchedAtOnce {
		return d.w.touch()
	}
	return nil
}

const (
	// app is what the devices say they run.
	app = "mahalleh sample"
	// touchedAtOnce is how many devices are noted in one transaction.
	touchedAtOnce = 64
)

// bring has the server take in a batch, all of which must be applied.
func (d *device) bring(opener *wire.BatchOpener, sealed []byte) error {
	batch, err := opener.Open(sealed)
	if err != nil {
		return fmt.Errorf("open a batch: %w", err)
	}
	got, err := d.w.server.Hub().Accept(d.w.ctx, d.cert.Device(), batch)
	if err != nil {
		return fmt.Errorf("take in a batch: %w", err)
	}
	for _, res := range got.Results {
		switch res.Result.Outcome {
		case syncproto.Applied, syncproto.Merged, syncproto.Conflicted:
		default:
			return fmt.Errorf("change %d is %s, reason %d", res.Seq, res.Result.Outcome, res.Result.Reason)
		}
	}
	return nil
}
