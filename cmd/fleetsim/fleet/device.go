package fleet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mahalleh/client-sdk/syncer"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// Device is one of a fleet's devices: a log, and how far it is synced. Of the
// records that it is sent it keeps nothing and believes the server's sums. It is a
// syncer.Store, and safe for concurrent use.
type Device struct {
	material
	keys  []byte
	codec *wire.Codec
	forms *schemas.Package

	mu       sync.Mutex
	changes  []*syncproto.Change
	saved    []time.Time // when, by change
	heads    []syncproto.Hash
	received uint64
	settled  uint64 // results are known up to here
	serial   uint64
	grants   []syncproto.ScopeID
	cursors  map[syncproto.ScopeID]wire.Cursor
	sealer   *wire.BatchSealer
	// caught is set while a connection stands whose first catch-up is complete.
	caught bool
	took   []time.Duration // from saving to the durable acknowledgement
}

// Device makes the n-th device of a fleet; keys are the server's.
func (r Roster) Device(n int, keys []byte, codec *wire.Codec, forms *schemas.Package) (*Device, error) {
	m, err := r.material(n)
	if err != nil {
		return nil, err
	}
	return newDevice(m, keys, codec, forms), nil
}

func newDevice(m material, keys []byte, codec *wire.Codec, forms *schemas.Package) *Device {
	return &Device{material: m, keys: keys, codec: codec, forms: forms, cursors: map[syncproto.ScopeID]wire.Cursor{}}
}

// Parts are what a device of no fleet is made of.
type Parts struct {
	Key    ed25519.PrivateKey
	Cert   *wire.LogCert
	Noise  session.KeyPair
	Person syncproto.PersonID
	Place  syncproto.PlaceID
	// Server is the server's key document.
	Server []byte
	Codec  *wire.Codec
	Forms  *schemas.Package
}

// NewDevice makes a device that is told its changes by Took.
func NewDevice(p Parts) *Device {
	return newDevice(material{person: p.Person, place: p.Place, noise: p.Noise, key: p.Key, cert: p.Cert}, p.Server, p.Codec, p.Forms)
}

// Took sets the device's log; what it had before is its beginning.
func (d *Device) Took(changes []*syncproto.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ch := range changes[len(d.changes):] {
		d.heads = append(d.heads, syncproto.ChainNext(d.chain(uint64(len(d.changes))), ch.HeaderBytes))
		d.changes, d.saved = append(d.changes, ch), append(d.saved, time.UnixMilli(ch.Header.Time))
	}
}

// Save writes a new asset into the log and returns its sequence.
func (d *Device) Save(now time.Time) (uint64, error) {
	form, ok := d.forms.FormByName("asset")
	if !ok {
		return 0, errors.New("there is no form for assets")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	seq := uint64(len(d.changes) + 1)
	id := derive("record "+d.cert.Log.String(), int(seq))
	state := syncproto.NewRecordState(syncproto.RecordID(id[:16]))
	edit := merge.Edit{Form: form, Opened: state, Before: merge.Content(form, state), Author: d.person,
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(d.cert.Log, seq, n) }}
	edit.After = edit.Before.Clone()
	for name, v := range map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"),
		"title_fa": schemas.TextValue(fmt.Sprintf("سالن اجتماعات کوچهٔ %d", seq)), "condition": schemas.IntValue(3)} {
		f, ok := form.FieldByName(name)
		if !ok {
			return 0, fmt.Errorf("the form for assets has no field %q", name)
		}
		edit.After.Fields[f.ID] = v
	}
	ch, err := wire.NewChange(syncproto.Header{Verb: syncproto.VerbCreate, Record: state.Record, Form: uint32(form.ID), Package: d.forms.Version,
		Scope: syncproto.ScopeOf(d.place, string(form.Compartment)), OriginLog: d.cert.Log, OriginSeq: seq, Author: d.person, Role: 5, Time: now.UnixMilli()},
		[16]byte(id[16:]), edit.Ops())
	if err != nil {
		return 0, fmt.Errorf("save an asset: %w", err)
	}
	d.heads = append(d.heads, syncproto.ChainNext(d.chain(seq-1), ch.HeaderBytes))
	d.changes, d.saved = append(d.changes, ch), append(d.saved, now)
	return seq, nil
}

// chain is the chain hash at a sequence; mu is held.
func (d *Device) chain(seq uint64) syncproto.Hash {
	if seq == 0 {
		return syncproto.ChainStart(d.cert.Log)
	}
	return d.heads[seq-1]
}

// Log names the device's log.
func (d *Device) Log() syncproto.LogID { return d.cert.Log }

// Saved is how many changes the device has saved.
func (d *Device) Saved() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return uint64(len(d.changes))
}

// Stands reports whether the device is connected, caught up, and has nothing that
// the server did not acknowledge.
func (d *Device) Stands() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.caught && d.received == uint64(len(d.changes))
}

// Dropped says that the device's connection is over.
func (d *Device) Dropped() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.caught = false
}

// Acknowledged returns how long changes took from saving to the acknowledgement,
// those since the last call.
func (d *Device) Acknowledged() []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	took := d.took
	d.took = nil
	return took
}

// note keeps what the server says of the log; mu is held.
func (d *Device) note(received uint64, results []syncproto.Result) {
	for received <= uint64(len(d.saved)) && d.received < received {
		d.took = append(d.took, time.Since(d.saved[d.received]))
		d.received++
	}
	for d.settled < d.received && slices.ContainsFunc(results, func(r syncproto.Result) bool { return r.Change == d.changes[d.settled].ID }) {
		d.settled++
	}
}

// Identity is syncer.Store's; so are the methods that follow.
func (d *Device) Identity(context.Context) (syncer.Identity, error) {
	return syncer.Identity{Noise: d.noise, ServerKeys: d.keys}, nil
}

func (d *Device) Queue(context.Context) (session.Queued, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := session.Queued{HeadSeq: uint64(len(d.changes))}
	if d.received < q.HeadSeq {
		q.Oldest = d.saved[d.received].UnixMilli()
	}
	return q, nil
}

func (d *Device) ReadHello(context.Context) (session.HelloRead, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.caught = false
	head := uint64(len(d.changes))
	h := session.HelloRead{Scopes: d.grants, Hello: wire.Hello{Device: d.cert.Device(), Cert: wire.AppendLogCert(nil, d.cert), Log: d.cert.Log, HeadSeq: head, Head: d.chain(head),
		Grants: d.serial, Queue: head - d.received, ResultsFrom: d.settled + 1, Dictionaries: d.codec.Dictionaries(), App: "fleetsim"}}
	for _, c := range d.cursors {
		h.Hello.Cursors = append(h.Hello.Cursors, c)
	}
	slices.SortFunc(h.Hello.Cursors, func(a, b wire.Cursor) int { return bytes.Compare(a.Scope[:], b.Scope[:]) })
	return h, nil
}

// errContradicted says that the server does not hold what it acknowledged.
var errContradicted = errors.New("the server does not hold what it had acknowledged")

func (d *Device) SaveWelcome(_ context.Context, e session.SaveWelcome) (session.WelcomeSaved, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &e.Welcome
	if w.Received < d.received || w.Received > uint64(len(d.changes)) || d.chain(w.Received) != w.ReceivedHead {
		return session.WelcomeSaved{}, fmt.Errorf("%w: %d of %d: %w", errContradicted, w.Received, d.received, syncer.ErrFatal)
	}
	d.note(w.Received, nil)
	d.grant(w.GrantSerial, w.Grants)
	d.sealer = nil
	return session.WelcomeSaved{}, nil
}

func (d *Device) grant(serial uint64, grants []wire.Grant) {
	if serial == d.serial {
		return
	}
	d.serial, d.grants = serial, make([]syncproto.ScopeID, len(grants))
	for i, g := range grants {
		d.grants[i] = g.Scope
	}
}

func (d *Device) ReadBatch(_ context.Context, e session.ReadBatch) (session.BatchRead, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sealer == nil || e.First {
		d.sealer = wire.NewBatchSealer(d.codec, wire.PurposePush, d.cert, d.key)
		d.sealer.PeerKnowsCert()
	}
	batch, n, err := d.sealer.Seal(e.From, d.chain(e.From-1), d.changes[e.From-1:], e.MaxBytes)
	return session.BatchRead{Log: e.Log, From: e.From, To: e.From + uint64(n) - 1, Batch: batch}, err
}

func (d *Device) CommitResults(_ context.Context, e session.CommitResults) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(e.Received, e.Results)
	return nil
}

func (d *Device) CommitPage(_ context.Context, e session.CommitPage) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(e.Page.Received, e.Page.Results)
	d.cursors[e.Page.Scope] = wire.Cursor{Scope: e.Page.Scope, Era: e.Page.Era, Position: e.Page.To}
	return nil
}

func (d *Device) CommitCaught(_ context.Context, e session.CommitCaught) (session.CaughtCommitted, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(e.Caught.Received, e.Caught.Results)
	for _, h := range e.Caught.Heads {
		d.cursors[h.Scope] = wire.Cursor{Scope: h.Scope, Era: e.Caught.Era, Position: h.Position, Sum: h.Sum}
	}
	d.caught = true
	return session.CaughtCommitted{Heads: e.Caught.Heads}, nil
}

func (d *Device) SaveGrants(_ context.Context, e session.SaveGrants) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.grant(e.Grants.GrantSerial, e.Grants.Grants)
	return nil
}

func (d *Device) MarkBackupSafe(context.Context, session.MarkBackupSafe) error { return nil }
func (d *Device) SaveReceipt(context.Context, session.SaveReceipt) error       { return nil }

// KeepCheckpoints believes the server's chains as it believes its sums.
func (d *Device) KeepCheckpoints(context.Context, session.KeepCheckpoints) (session.CheckpointsKept, error) {
	return session.CheckpointsKept{}, nil
}

func (d *Device) DropScope(_ context.Context, e session.DropScope) (session.ScopeDropped, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.cursors, e.Scope)
	return session.ScopeDropped{Scope: e.Scope}, nil
}

// errUnexpected says that the server asks for what nobody gave it a reason for.
var errUnexpected = fmt.Errorf("not expected by a device of the fleet: %w", syncer.ErrFatal)

func (d *Device) ReadEnrol(context.Context, session.ReadEnrol) (session.EnrolRead, error) {
	return session.EnrolRead{}, errUnexpected
}
func (d *Device) SaveEnrolment(context.Context, session.SaveEnrolment) error { return errUnexpected }
func (d *Device) ForkLog(context.Context, session.ForkLog) error             { return errUnexpected }
func (d *Device) ReadBuckets(context.Context, session.ReadBuckets) (session.BucketsRead, error) {
	return session.BucketsRead{}, errUnexpected
}
func (d *Device) ReadEntries(context.Context, session.ReadEntries) (session.EntriesRead, error) {
	return session.EntriesRead{}, errUnexpected
}
func (d *Device) MendRecords(context.Context, session.MendRecords) (session.RecordsMended, error) {
	return session.RecordsMended{}, errUnexpected
}
func (d *Device) ResetCursor(context.Context, session.ResetCursor) error { return errUnexpected }
