package clientsdk

import (
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

var ctx = context.Background()

// testClock stands still until it is moved.
type testClock struct {
	now time.Time
	up  time.Duration
}

func (c *testClock) Now() time.Time        { return c.now }
func (c *testClock) Uptime() time.Duration { return c.up }

func (c *testClock) pass(d time.Duration) { c.now, c.up = c.now.Add(d), c.up+d }

// seeded is a reader of pseudo-random bytes.
func seeded(seed string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(seed))) }

// keyFile unlocks fast, unlike a passphrase.
var keyFile = Credentials{KeyFile: []byte("0123456789abcdef0123456789abcdef")}

// device is a client under test, and what survives its restart.
type device struct {
	testing.TB
	*Client
	clock *testClock
	dir   string
	opt   Options
}

func testCode(t testing.TB) *syncproto.EnrolCode {
	t.Helper()
	c := &syncproto.EnrolCode{Number: 12, Fingerprint: [8]byte{1, 2, 3}}
	copy(c.Secret[:], "ten secret")
	return c
}

func newDevice(t testing.TB, change ...func(*Options)) *device {
	t.Helper()
	d := &device{TB: t, dir: filepath.Join(t.TempDir(), "device"),
		clock: &testClock{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), up: time.Hour}}
	d.opt = Options{Clock: d.clock, Rand: seeded(t.Name()), Addresses: []string{"office.example:8443"}, TestMode: true}
	for _, f := range change {
		f(&d.opt)
	}
	c, err := Enrol(ctx, d.dir, testCode(t).String(), keyFile, d.opt)
	if err != nil {
		t.Fatal(err)
	}
	d.Client = c
	t.Cleanup(func() { d.Client.Close() })
	return d
}

// restart closes the client and opens it again, as after a crash: what was
// only in memory is gone.
func (d *device) restart() {
	d.Helper()
	if err := d.Close(); err != nil {
		d.Fatal(err)
	}
	c, err := Open(ctx, d.dir, d.opt)
	if err != nil {
		d.Fatal(err)
	}
	d.Client = c
	if err := c.Unlock(ctx, keyFile); err != nil {
		d.Fatal(err)
	}
}

const assetJSON = `{"category": "physical", "subtype": "hall", "title_fa": "سالن ورزشی دبستان", "address": "خیابان بهار",
	"location": {"lat": 37.2511, "lon": 49.6124, "accuracy_m": 8}, "availability": "by_permission", "condition": 3,
	"capacity_value": 60, "capacity_unit": "person"}`

// begin starts a record of a form with fields as JSON.
func (d *device) begin(form, fields string) *Draft {
	d.Helper()
	draft, err := d.New(ctx, form)
	if err != nil {
		d.Fatal(err)
	}
	if err := draft.SetJSON([]byte(fields)); err != nil {
		d.Fatal(err)
	}
	return draft
}

// mustSave saves a draft that may be sent.
func (d *device) mustSave(draft *Draft) SaveResult {
	d.Helper()
	r, err := draft.Save(ctx)
	if err != nil {
		d.Fatal(err)
	}
	if !r.Saved {
		d.Fatalf("not saved: %s", sayAll(r.Problems))
	}
	return r
}

func (d *device) record(form, fields string) syncproto.RecordID {
	d.Helper()
	return d.mustSave(d.begin(form, fields)).Record
}

// edit sets one field and saves.
func (d *device) edit(id syncproto.RecordID, field, text string) SaveResult {
	d.Helper()
	draft := d.open(id)
	d.set(draft, field, text)
	return d.mustSave(draft)
}

func (d *device) open(id syncproto.RecordID) *Draft {
	d.Helper()
	draft, err := d.Edit(ctx, id)
	if err != nil {
		d.Fatal(err)
	}
	return draft
}

func (d *device) set(draft *Draft, field, text string) {
	d.Helper()
	if err := draft.Set(field, text); err != nil {
		d.Fatal(err)
	}
}

func (d *device) get(id syncproto.RecordID) *Record {
	d.Helper()
	r, err := d.Record(ctx, id)
	if err != nil {
		d.Fatal(err)
	}
	return r
}

// value is what a field of a record shows.
func (d *device) value(id syncproto.RecordID, field string) schemas.Value {
	d.Helper()
	r := d.get(id)
	f, ok := r.Form.FieldByName(field)
	if !ok {
		d.Fatalf("no field %s", field)
	}
	return r.Values.Fields[f.ID]
}

// change returns the own change of an id, with its operations by path.
func (d *device) change(id syncproto.ChangeID) (*syncproto.Change, map[string]syncproto.Op) {
	d.Helper()
	own, err := d.store.Change(ctx, id)
	if err != nil {
		d.Fatal(err)
	}
	ops := map[string]syncproto.Op{}
	for _, op := range own.Change.Ops {
		ops[d.fieldName(own.Change.Header.Form, merge.CellOf(&op))] = op
	}
	return own.Change, ops
}

func sayAll(problems []schemas.Problem) string {
	s := ""
	for _, p := range problems {
		s += "\n" + p.Level.String() + ": " + p.Message.En
	}
	return s
}

func levels(problems []schemas.Problem) (all []schemas.Level) {
	for _, p := range problems {
		all = append(all, p.Level)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// office is as much of a server as these tests need: it takes changes in the
// order of their arrival and hands out whole records.
type office struct {
	testing.TB
	records  map[syncproto.RecordID]*syncproto.RecordState
	position map[syncproto.ScopeID]uint64
	results  map[syncproto.ChangeID]syncproto.Result
	n        uint64
	// between happens after a sync was sent and before it brings anything.
	between func()
	// guard, if there is one, is asked about steps as the server's is.
	guard merge.Guard
}

func newOffice(t testing.TB) *office {
	return &office{TB: t, records: map[syncproto.RecordID]*syncproto.RecordState{}, position: map[syncproto.ScopeID]uint64{},
		results: map[syncproto.ChangeID]syncproto.Result{}}
}

// Standing implements merge.History.
func (o *office) Standing(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	if _, known := o.results[id]; known {
		return merge.Applied, nil, nil
	}
	return merge.Unknown, nil, nil
}

func (o *office) take(ch *syncproto.Change) syncproto.Result {
	o.Helper()
	s := o.records[ch.Header.Record]
	if s == nil {
		s = syncproto.NewRecordState(ch.Header.Record)
		o.records[ch.Header.Record] = s
	}
	r, err := merge.ApplyAsking(s, ch, o, o.guard)
	if err != nil {
		o.Fatal(err)
	}
	o.position[s.Home]++
	r.Scope, r.Position = s.Home, o.position[s.Home]
	o.results[ch.ID] = r
	return r
}

// other is a change by somebody else, made on the server's state.
func (o *office) other(d *device, id syncproto.RecordID, who string, after map[string]string) *syncproto.Change {
	o.Helper()
	s := o.records[id]
	form, ok := d.forms.Form(schemas.FormID(s.Form))
	if !ok {
		o.Fatalf("form %d is unknown", s.Form)
	}
	before := merge.Content(form, s)
	now := before.Clone()
	for name, text := range after {
		f, ok := form.FieldByName(name)
		if !ok {
			o.Fatalf("no field %s", name)
		}
		v, err := schemas.ParseInput(form, d.forms, f, text)
		if err != nil {
			o.Fatal(err)
		}
		now.Fields[f.ID] = v
	}
	edit := merge.Edit{Form: form, Opened: s, Before: before, After: now, Author: personOf(who),
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(syncproto.LogID{200}, o.n+1, n) }}
	return o.make(s, who, syncproto.VerbEdit, edit.Ops(), d.clock.now)
}

func (o *office) make(s *syncproto.RecordState, who string, verb syncproto.Verb, ops []syncproto.Op, at time.Time) *syncproto.Change {
	o.Helper()
	o.n++
	ch, err := wire.NewChange(syncproto.Header{Verb: verb, Record: s.Record, Form: s.Form, Package: 1, Scope: s.Home, OriginLog: syncproto.LogID{200},
		OriginSeq: o.n, Base: s.Latest, Author: personOf(who), Time: at.UnixMilli()}, [16]byte{byte(o.n)}, ops)
	if err != nil {
		o.Fatal(err)
	}
	o.take(ch)
	return ch
}

func personOf(name string) (p syncproto.PersonID) {
	copy(p[:], name)
	return p
}

// sync sends what is pending and brings every record of the office.
func (o *office) sync(d *device) {
	o.Helper()
	logs, err := d.store.Logs(ctx)
	if err != nil {
		o.Fatal(err)
	}
	for _, l := range logs {
		var results []syncproto.Result
		for seq := l.Received + 1; seq <= l.HeadSeq; {
			b, err := d.store.ReadBatch(ctx, l.Log, seq, 100, 1<<20)
			if err != nil {
				o.Fatal(err)
			}
			for _, bare := range b.Changes {
				ch, err := wire.OpenChange(bare.HeaderBytes, bare.Secret, bare.OpsBytes)
				if err != nil {
					o.Fatal(err)
				}
				results = append(results, o.take(ch))
			}
			seq = b.Next()
		}
		if err := d.store.SaveAck(ctx, l.Log, l.HeadSeq, results); err != nil {
			o.Fatal(err)
		}
	}
	if o.between != nil {
		o.between()
	}
	scopes, err := d.store.Scopes(ctx)
	if err != nil {
		o.Fatal(err)
	}
	for _, x := range scopes {
		page := wire.Page{Scope: x.Scope, Era: syncproto.EraID{1}, From: x.Position, To: o.position[x.Scope]}
		for _, s := range o.records {
			if s.Home == x.Scope && s.Exists() {
				page.Records = append(page.Records, wire.AppendRecord(nil, s, 0))
			}
		}
		if err := d.store.ApplyPage(ctx, &page); err != nil {
			o.Fatal(err)
		}
	}
}

// grant stores grants, places and people as a Welcome would.
func (d *device) grant(note wire.GrantsNote) {
	d.Helper()
	b := mustJSON(d, note)
	if err := d.store.SetSetting(ctx, "grants", b); err != nil {
		d.Fatal(err)
	}
	if err := d.opened(ctx); err != nil {
		d.Fatal(err)
	}
}
