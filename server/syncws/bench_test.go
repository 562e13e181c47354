package syncws

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// bench is a hub over a real store with one neighbourhood.
type bench struct {
	t     *testing.T
	store *sqlitestore.Store
	hub   *hub.Hub
	s     Surroundings
	forms *schemas.Package
	place syncproto.PlaceID
	log   lines
	// besides has conversations go on while batches are accepted.
	besides bool
}

// lines gathers what is logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.b.Bytes(), []byte(text))
}

// dice lets several goroutines draw from one seed.
type dice struct {
	mu sync.Mutex
	r  io.Reader
}

func (d *dice) Read(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Read(b)
}

// newBench must be called in the bubble in which it is used.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, place: syncproto.PlaceID{7}}
	random := &dice{r: rand.NewChaCha8([32]byte{4})}
	clock := func() int64 { return time.Now().UnixMilli() }
	var err error
	must := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	b.forms, err = forms.Load()
	must()
	b.store, err = sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "server.db")})
	must()
	t.Cleanup(func() { b.store.Close() })
	log := slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b.hub, err = hub.New(t.Context(), hub.Options{Store: b.store, Packages: b.forms, Clock: clock, Rand: random, Log: log,
		Erasures: func(hub.Erasure) error { return nil }})
	must()
	t.Cleanup(func() { b.hub.Close() })
	id, err := hub.LoadIdentity(t.Context(), b.store, random, nil)
	must()
	codec, err := wire.NewCodec()
	must()
	b.s = Surroundings{Hub: b.hub, Identity: id, Codec: codec, Clock: clock, Random: random, Log: log}
	b.update(func(tx store.Tx) error {
		return tx.PutPlace(store.Place{ID: b.place, Number: 7, Kind: store.PlaceNeighbourhood, NameFa: "چشمه‌سر"})
	})
	return b
}

func (b *bench) update(f func(store.Tx) error) {
	b.t.Helper()
	if err := b.store.Update(b.t.Context(), f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) scope(compartment string) syncproto.ScopeID {
	return syncproto.ScopeOf(b.place, compartment)
}

// phone is a device: its log, and what it holds of the server's records.
type phone struct {
	b      *bench
	person syncproto.PersonID
	id     syncproto.DeviceID
	noise  session.KeyPair
	cert   *wire.LogCert
	key    ed25519.PrivateKey

	changes  []*syncproto.Change
	received uint64
	results  map[syncproto.ChangeID]syncproto.Result
	grants   []wire.Grant
	serial   uint64
	cursors  map[syncproto.ScopeID]wire.Cursor
	records  map[syncproto.RecordID]*syncproto.RecordState
	safe     uint64
	dropped  []syncproto.ScopeID
	window   uint32 // of credit, 0 for the default
	sealer   *wire.BatchSealer
	acts     []wire.Checkpoints
	known    [16]byte                     // Welcome.Acts
	holds    map[syncproto.ScopeID]uint64 // acts whose checkpoint Hello names
}

func (b *bench) phone(n byte, role string) *phone {
	b.t.Helper()
	seed := make([]byte, 32)
	seed[0] = n
	p := &phone{b: b, key: ed25519.NewKeyFromSeed(seed), person: syncproto.PersonID{n}, results: map[syncproto.ChangeID]syncproto.Result{},
		cursors: map[syncproto.ScopeID]wire.Cursor{}, records: map[syncproto.RecordID]*syncproto.RecordState{}}
	var err error
	if p.noise, err = session.NewKeyPair(b.s.Random); err != nil {
		b.t.Fatal(err)
	}
	p.cert = wire.SignLogCert(wire.LogCert{Log: syncproto.LogID{n}, LogKey: [32]byte(p.key.Public().(ed25519.PublicKey)), Serial: 1, Created: 1}, p.key)
	p.id = p.cert.Device()
	b.update(func(tx store.Tx) error {
		if err := tx.PutPerson(store.Person{ID: p.person, Name: "هیوا"}); err != nil {
			return err
		}
		if err := grant(tx, p.person, b.place, role, 0); err != nil {
			return err
		}
		if err := tx.PutDevice(store.Device{ID: p.id, Person: p.person, Key: p.cert.DeviceKey, Noise: p.noise.Public}); err != nil {
			return err
		}
		return tx.AddDevicePerson(p.id, p.person)
	})
	return p
}

func grant(tx store.Tx, person syncproto.PersonID, place syncproto.PlaceID, role string, revoked int64) error {
	serial, err := tx.GrantSerial()
	if err != nil {
		return err
	}
	return tx.PutGrant(store.Grant{Person: person, Place: place, Role: role, Serial: serial + 1, Revoked: revoked})
}

// save writes an asset into the phone's log; s is what the person saw.
func (p *phone) save(s *syncproto.RecordState, title string) *syncproto.Change {
	p.b.t.Helper()
	form, _ := p.b.forms.FormByName("asset")
	before := merge.Content(form, s)
	after := before.Clone()
	for name, v := range map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"),
		"title_fa": schemas.TextValue(title), "condition": schemas.IntValue(3)} {
		f, ok := form.FieldByName(name)
		if !ok {
			p.b.t.Fatalf("no field %q", name)
		}
		after.Fields[f.ID] = v
	}
	seq := uint64(len(p.changes) + 1)
	edit := merge.Edit{Form: form, Opened: s, Before: before, After: after, Author: p.person,
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(p.cert.Log, seq, n) }}
	verb := syncproto.VerbEdit
	if !s.Exists() {
		verb = syncproto.VerbCreate
	}
	var secret [16]byte
	binary.BigEndian.PutUint64(secret[:], seq)
	ch, err := wire.NewChange(syncproto.Header{Verb: verb, Record: s.Record, Form: 12, Package: 1, Scope: p.b.scope("plain"), OriginLog: p.cert.Log,
		OriginSeq: seq, Base: s.Latest, Author: p.person, Role: 5, Time: time.Now().UnixMilli()}, secret, edit.Ops())
	if err != nil {
		p.b.t.Fatal(err)
	}
	p.changes = append(p.changes, ch)
	return ch
}

// saveNew writes n new assets.
func (p *phone) saveNew(n int) {
	p.b.t.Helper()
	for range n {
		var id syncproto.RecordID
		io.ReadFull(p.b.s.Random, id[:])
		p.save(syncproto.NewRecordState(id), fmt.Sprintf("سالن %d", len(p.changes)))
	}
}

// chain is the chain hash at a sequence.
func (p *phone) chain(seq uint64) syncproto.Hash {
	h := syncproto.ChainStart(p.cert.Log)
	for _, ch := range p.changes[:seq] {
		h = syncproto.ChainNext(h, ch.HeaderBytes)
	}
	return h
}

// do answers an effect of the phone's session.
func (p *phone) do(effect session.DeviceEffect) session.DeviceEvent {
	ev, err := p.ask(effect)
	if err != nil {
		p.b.t.Errorf("%T: %v", effect, err)
		return session.Failed{Effect: effect, Err: err}
	}
	return ev
}

func (p *phone) ask(effect session.DeviceEffect) (session.DeviceEvent, error) {
	switch e := effect.(type) {
	case session.ReadHello:
		return p.hello(), nil
	case session.SaveWelcome:
		p.grant(e.Welcome.GrantSerial, e.Welcome.Grants)
		p.received, p.safe = e.Welcome.Received, max(p.safe, e.Welcome.BackupSafe)
		p.sealer, p.known = nil, e.Welcome.Acts
		n := min(p.received, uint64(len(p.changes)))
		return session.WelcomeSaved{Contradicted: n < p.received || p.chain(n) != e.Welcome.ReceivedHead}, nil
	case session.ReadBatch:
		if p.sealer == nil || e.First {
			p.sealer = wire.NewBatchSealer(p.b.s.Codec, wire.PurposePush, p.cert, p.key)
			p.sealer.PeerKnowsCert()
		}
		batch, n, err := p.sealer.Seal(e.From, p.chain(e.From-1), p.changes[e.From-1:], 3000)
		return session.BatchRead{Log: e.Log, From: e.From, To: e.From + uint64(n) - 1, Batch: batch}, err
	case session.CommitResults:
		p.note(e.Received, e.Results)
		return session.ResultsCommitted{}, nil
	case session.CommitPage:
		p.note(e.Page.Received, e.Page.Results)
		return session.PageCommitted{}, p.page(&e.Page)
	case session.CommitCaught:
		return p.caught(&e.Caught)
	case session.SaveGrants:
		p.grant(e.Grants.GrantSerial, e.Grants.Grants)
		return session.GrantsSaved{}, nil
	case session.DropScope:
		p.dropped = append(p.dropped, e.Scope)
		delete(p.cursors, e.Scope)
		for id, s := range p.records {
			if s.Home == e.Scope {
				delete(p.records, id)
			}
		}
		return session.ScopeDropped{Scope: e.Scope}, nil
	case session.MarkBackupSafe:
		p.safe = max(p.safe, e.Seq)
		return session.BackupSafeMarked{}, nil
	case session.SaveReceipt:
		return session.ReceiptSaved{}, nil
	case session.KeepCheckpoints:
		p.acts = append(p.acts, e.Said)
		return session.CheckpointsKept{}, nil
	}
	return nil, errors.New("not expected of this phone")
}

func (p *phone) grant(serial uint64, grants []wire.Grant) {
	if serial != p.serial {
		p.serial, p.grants = serial, grants
	}
}

func (p *phone) hello() session.HelloRead {
	head := uint64(len(p.changes))
	h := session.HelloRead{Hello: wire.Hello{Device: p.id, Cert: wire.AppendLogCert(nil, p.cert), Log: p.cert.Log, HeadSeq: head, Head: p.chain(head),
		Grants: p.serial, Queue: head - p.received, ResultsFrom: 1, Dictionaries: p.b.s.Codec.Dictionaries()}}
	for _, g := range p.grants {
		h.Scopes = append(h.Scopes, g.Scope)
	}
	for _, c := range p.cursors {
		h.Hello.Cursors = append(h.Hello.Cursors, c)
	}
	slices.SortFunc(h.Hello.Cursors, func(a, b wire.Cursor) int { return bytes.Compare(a.Scope[:], b.Scope[:]) })
	for _, c := range h.Hello.Cursors {
		if len(p.holds) > 0 {
			h.Hello.Acts = append(h.Hello.Acts, p.holds[c.Scope])
		}
	}
	for _, ch := range p.changes {
		r, known := p.results[ch.ID]
		if !known {
			break
		}
		if mayChange(r) {
			h.Hello.Unsettled = append(h.Hello.Unsettled, ch.ID)
		}
		h.Hello.ResultsFrom++
	}
	return h
}

func (p *phone) note(received uint64, results []syncproto.Result) {
	p.received = max(p.received, received)
	for _, r := range results {
		p.results[r.Change] = r
	}
}

// alone is a history of which no change asks.
type alone struct{}

func (alone) Standing(syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	return merge.Applied, nil, nil
}

func (p *phone) page(page *wire.Page) error {
	if at := p.cursors[page.Scope].Position; page.From != at {
		return fmt.Errorf("page from %d, the phone is at %d", page.From, at)
	}
	for _, b := range page.Records {
		s, delta, err := wire.DecodeRecord(b)
		if err != nil {
			return err
		}
		if delta {
			if p.records[s.Record] == nil {
				return fmt.Errorf("a delta of a record that is not here")
			}
			p.records[s.Record].Patch(s)
			continue
		}
		p.records[s.Record] = s
	}
	for _, id := range page.Own {
		i := slices.IndexFunc(p.changes, func(ch *syncproto.Change) bool { return ch.ID == id })
		if i < 0 {
			return fmt.Errorf("an own change that is not this phone's")
		}
		s := p.records[p.changes[i].Header.Record]
		if s == nil {
			s = syncproto.NewRecordState(p.changes[i].Header.Record)
			p.records[s.Record] = s
		}
		if res, err := merge.Apply(s, p.changes[i], alone{}); err != nil || res.Outcome != syncproto.Applied {
			return fmt.Errorf("an own change that does not follow: %+v, %w", res, err)
		}
	}
	p.cursors[page.Scope] = wire.Cursor{Scope: page.Scope, Era: page.Era, Position: page.To}
	return nil
}

func (p *phone) caught(c *wire.Caught) (session.DeviceEvent, error) {
	p.note(c.Received, c.Results)
	for i := range c.Pages {
		if err := p.page(&c.Pages[i]); err != nil {
			return nil, err
		}
	}
	var ev session.CaughtCommitted
	for _, h := range c.Heads {
		p.cursors[h.Scope] = wire.Cursor{Scope: h.Scope, Era: c.Era, Position: h.Position, Sum: h.Sum}
		mine := wire.Head{Scope: h.Scope, Position: h.Position}
		for _, s := range p.records {
			if s.Home == h.Scope {
				session.AddSum(&mine.Sum, wire.StateHash(s))
				mine.Count++
			}
		}
		if mine.Sum != h.Sum || mine.Count != h.Count {
			return nil, fmt.Errorf("scope %v: the phone's %d records do not add up to the server's %d", h.Scope, mine.Count, h.Count)
		}
		ev.Heads = append(ev.Heads, mine)
	}
	return ev, nil
}

// end is the phone's end of one connection.
type end struct {
	p       *phone
	channel *session.Channel
	machine *session.Device
	out     [][]byte
	closed  *session.Close
	err     error
}

func (p *phone) connect() *end {
	p.b.t.Helper()
	keys := p.b.s.Identity.Keys()
	e := &end{p: p, channel: session.DeviceChannel(p.noise, wire.AppendServerKeys(nil, &keys), nil, p.b.s.Random), machine: session.NewDevice(session.DeviceConfig{Window: p.window})}
	first, err := e.channel.Start()
	if err != nil {
		p.b.t.Fatal(err)
	}
	e.out = append(e.out, first)
	return e
}

func (e *end) feed(msg []byte) {
	stood := e.channel.Established()
	reply, frame, err := e.channel.Receive(msg)
	if reply != nil {
		e.out = append(e.out, reply)
	}
	switch {
	case err != nil:
		e.err = err
		e.step(session.Disconnected{Err: err})
	case !stood && e.channel.Established():
		e.step(session.DeviceConnected{Handshake: e.channel.Binding()})
	case stood:
		m, err := e.p.b.s.Codec.DecodeFrame(frame)
		if err != nil {
			e.p.b.t.Errorf("a frame of the server: %v", err)
			return
		}
		e.step(session.Received{Message: m})
	}
}

func (e *end) step(ev session.DeviceEvent) {
	e.run(e.machine.Step(time.Now().UnixMilli(), ev))
}

func (e *end) run(effects []session.DeviceEffect) {
	for len(effects) > 0 {
		effect := effects[0]
		effects = effects[1:]
		switch c := effect.(type) {
		case session.Close:
			e.closed = &c
			return
		case session.Alarm:
			e.p.b.t.Errorf("alarm: %s", c.Detail)
			continue
		}
		effects = append(effects, e.machine.Step(time.Now().UnixMilli(), e.p.do(effect))...)
	}
}

func (e *end) queued() {
	e.step(session.Queued{HeadSeq: uint64(len(e.p.changes)), Oldest: 1})
}

func (e *end) next() []byte {
	if len(e.out) > 0 {
		b := e.out[0]
		e.out = e.out[1:]
		return b
	}
	if !e.channel.Established() {
		return nil
	}
	m, effects := e.machine.Next(time.Now().UnixMilli())
	e.run(effects)
	if m == nil {
		return nil
	}
	frame, err := e.p.b.s.Codec.AppendFrame(nil, m)
	if err == nil {
		frame, err = e.channel.Seal(frame)
	}
	if err != nil {
		e.p.b.t.Errorf("seal: %v", err)
	}
	return frame
}

// synced says whether the phone has sent and been told everything.
func (e *end) synced() bool { return e.machine.Caught() && e.machine.Sent() }

// has fails unless the phone holds exactly the server's records of a scope.
func (p *phone) has(compartment string, want int) {
	p.b.t.Helper()
	scope := p.b.scope(compartment)
	err := p.b.store.View(p.b.t.Context(), func(r store.Reader) error {
		n := 0
		err := r.Each(scope, func(id syncproto.RecordID, hash [16]byte) error {
			n++
			if s := p.records[id]; s == nil || wire.StateHash(s) != hash {
				p.b.t.Errorf("record %v is not on the phone as on the server", id)
			}
			return nil
		})
		if n != want {
			p.b.t.Errorf("the server has %d records, want %d", n, want)
		}
		return err
	})
	if err != nil {
		p.b.t.Error(err)
	}
}
