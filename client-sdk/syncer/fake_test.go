package syncer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// The world of these tests: a change is a number in a log, adds one record to
// its scope, and a record is its scope and the position it stands at. Batches
// and records are opaque to a session, so they are as plain as can be.

var (
	scopeA = syncproto.ScopeID{1}
	scopeB = syncproto.ScopeID{2}
	logOne = syncproto.LogID{7}
	device = syncproto.DeviceID{9}
)

func hashOf(b []byte) (h [16]byte) {
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

func recordID(record []byte) syncproto.RecordID { return syncproto.RecordID(hashOf(record)) }

func chainAt(log syncproto.LogID, seq uint64) syncproto.Hash {
	if seq == 0 {
		return syncproto.ChainStart(log)
	}
	return sha256.Sum256(fmt.Appendf(nil, "%v %d", log, seq))
}

func encodeBatch(log syncproto.LogID, from, to uint64) []byte {
	b := append([]byte{}, log[:]...)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, from), to)
}

func decodeBatch(b []byte) (log syncproto.LogID, from, to uint64) {
	return syncproto.LogID(b[:16]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])
}

// scopeOf spreads a log's changes over the scopes.
func scopeOf(seq uint64) syncproto.ScopeID {
	if seq%3 == 0 {
		return scopeB
	}
	return scopeA
}

// server is a store of the server's end.
type server struct {
	era    syncproto.EraID
	logs   map[syncproto.LogID]uint64
	seqs   map[syncproto.LogID]map[uint64]syncproto.Result
	scopes map[syncproto.ScopeID][][]byte // record at position i+1
	// answers to Authenticate, Redeem and Accept that tests set.
	standing session.Standing
	refuse   wire.RefuseCode
	full     int // so many batches find no room
	forked   bool
	accepts  int
	// noReceipts says that no receipts are made.
	noReceipts bool
}

func newServer() *server {
	return &server{era: syncproto.EraID{5}, logs: map[syncproto.LogID]uint64{}, seqs: map[syncproto.LogID]map[uint64]syncproto.Result{},
		scopes: map[syncproto.ScopeID][][]byte{scopeA: nil, scopeB: nil}, standing: session.StandingGood}
}

// put adds a record that somebody else wrote.
func (f *server) put(scope syncproto.ScopeID, n int) {
	for range n {
		f.add(scope, fmt.Appendf(nil, "office %v %d %0400d", scope, len(f.scopes[scope]), 0))
	}
}

func (f *server) add(scope syncproto.ScopeID, record []byte) uint64 {
	f.scopes[scope] = append(f.scopes[scope], record)
	return uint64(len(f.scopes[scope]))
}

func (f *server) head(scope syncproto.ScopeID, upTo uint64) wire.Head {
	h := wire.Head{Scope: scope, Position: upTo, Count: upTo}
	for _, r := range f.scopes[scope][:upTo] {
		session.AddSum(&h.Sum, hashOf(r))
	}
	return h
}

func (f *server) order() []syncproto.ScopeID { return []syncproto.ScopeID{scopeA, scopeB} }

func (f *server) do(effect session.ServerEffect) session.ServerEvent {
	switch e := effect.(type) {
	case session.Authenticate:
		return session.Authenticated{Standing: f.standing, Device: device}
	case session.Redeem:
		if f.refuse == 0 {
			f.standing = session.StandingGood
		}
		return session.Redeemed{Refuse: f.refuse, Enrolled: wire.Enrolled{Device: device, Person: syncproto.PersonID{3}}}
	case session.LoadSession:
		return f.load(e.Hello)
	case session.Accept:
		log, from, to := decodeBatch(e.Batch)
		return f.accept(log, from, to)
	case session.ReadScopes:
		return f.read(e)
	case session.CompareScope:
		return f.compare(e)
	case session.ReadRecords:
		ev := session.RecordsRead{Scope: e.Scope, Position: uint64(len(f.scopes[e.Scope]))}
		for _, id := range e.Records {
			ev.Done++
			if i := slices.IndexFunc(f.scopes[e.Scope], func(r []byte) bool { return recordID(r) == id }); i >= 0 {
				ev.Records = append(ev.Records, f.scopes[e.Scope][i])
			} else {
				ev.Gone = append(ev.Gone, id)
			}
		}
		return ev
	case session.LoadGrants:
		return session.GrantsLoaded{Standing: f.standing, Serial: 1, Grants: wire.GrantsNote{GrantSerial: 1}}
	case session.MakeReceipt:
		if f.noReceipts {
			return session.ReceiptMade{}
		}
		return session.ReceiptMade{Receipt: []byte("receipt")}
	}
	return nil
}

func (f *server) load(h wire.Hello) session.ServerEvent {
	ev := session.SessionLoaded{Standing: f.standing, Serial: 1, Welcome: wire.Welcome{Era: f.era, Received: f.logs[h.Log],
		ReceivedHead: chainAt(h.Log, f.logs[h.Log]), GrantSerial: 1}}
	for _, s := range f.order() {
		ev.Welcome.Grants = append(ev.Welcome.Grants, wire.Grant{Scope: s})
		start := session.Start{Scope: s}
		for _, c := range h.Cursors {
			if c.Scope == s {
				pos := min(c.Position, uint64(len(f.scopes[s])))
				start = session.Resume(c, c.Era == f.era, uint64(len(f.scopes[s])), f.head(s, pos).Sum, true, 0)
			}
		}
		ev.Starts = append(ev.Starts, start)
	}
	return ev
}

func (f *server) accept(log syncproto.LogID, from, to uint64) session.ServerEvent {
	f.accepts++
	ev := session.Accepted{Log: log, Received: f.logs[log], Head: chainAt(log, f.logs[log])}
	if f.full > 0 {
		f.full--
		ev.Status, ev.Full, ev.RetryAfter = session.AcceptedNot, true, 5000
		return ev
	}
	if f.forked {
		f.forked = false
		ev.Status = session.AcceptedFork
		return ev
	}
	if from > f.logs[log]+1 {
		ev.Status = session.AcceptedHole
		return ev
	}
	if f.seqs[log] == nil {
		f.seqs[log] = map[uint64]syncproto.Result{}
	}
	for seq := from; seq <= to; seq++ {
		if seq > f.logs[log] {
			scope := scopeOf(seq)
			pos := f.add(scope, fmt.Appendf(nil, "%v change %d", log, seq))
			f.seqs[log][seq] = syncproto.Result{Change: changeID(log, seq), Outcome: syncproto.Applied, Scope: scope, Position: pos}
			f.logs[log] = seq
		}
		ev.Results = append(ev.Results, session.LogResult{Seq: seq, Result: f.seqs[log][seq]})
	}
	ev.Received, ev.Head = f.logs[log], chainAt(log, f.logs[log])
	return ev
}

func changeID(log syncproto.LogID, seq uint64) syncproto.ChangeID {
	return syncproto.ChangeID(hashOf(fmt.Appendf(nil, "%v %d", log, seq)))
}

func (f *server) read(e session.ReadScopes) session.ServerEvent {
	ev := session.ScopesRead{GrantSerial: 1, Era: f.era, Complete: true, Received: f.logs[e.Log]}
	for seq := max(e.ResultsFrom, 1); seq <= f.logs[e.Log]; seq++ {
		ev.Results = append(ev.Results, session.LogResult{Seq: seq, Result: f.seqs[e.Log][seq]})
	}
	left := e.MaxBytes
	for _, start := range e.Scopes {
		all := f.scopes[start.Scope]
		p := wire.Page{Scope: start.Scope, Era: f.era, From: start.From, To: start.From}
		for p.To < uint64(len(all)) && left > 0 {
			p.Records = append(p.Records, all[p.To])
			left -= len(all[p.To])
			p.To++
		}
		if p.To > p.From {
			ev.Pages = append(ev.Pages, p)
		}
		if p.To < uint64(len(all)) {
			ev.Complete, ev.Heads = false, nil
			return ev
		}
		ev.Heads = append(ev.Heads, f.head(start.Scope, p.To))
	}
	return ev
}

func (f *server) compare(e session.CompareScope) session.ServerEvent {
	var mine session.BucketSums
	var counts [wire.Buckets]int
	for _, r := range f.scopes[e.Scope] {
		mine.Add(recordID(r), hashOf(r))
		counts[session.BucketOf(recordID(r))]++
	}
	ev := session.EntriesRead{Scope: e.Scope, Buckets: session.PickBuckets(&mine, &e.Sums, &counts, e.MaxEntries)}
	for _, r := range f.scopes[e.Scope] {
		if slices.Contains(ev.Buckets, session.BucketOf(recordID(r))) {
			ev.Entries = append(ev.Entries, wire.Entry{Record: recordID(r), StateHash: hashOf(r)})
		}
	}
	return ev
}

// store is a store of the device's end.
type store struct {
	id       Identity
	log      syncproto.LogID
	head     uint64
	received uint64
	results  map[uint64]bool
	cursors  map[syncproto.ScopeID]wire.Cursor
	records  map[syncproto.ScopeID]map[syncproto.RecordID][]byte
	resets   int
	receipts int
	proved   uint64 // what the last receipt covers
	enrolled bool
	// fail, if set, is asked before each method with its name.
	fail func(string) error
	// written, if set, is told of each method that returned.
	written func(string)
}

func newStore() *store {
	return &store{log: logOne, results: map[uint64]bool{}, cursors: map[syncproto.ScopeID]wire.Cursor{},
		records: map[syncproto.ScopeID]map[syncproto.RecordID][]byte{scopeA: {}, scopeB: {}}}
}

func (s *store) enter(name string) error {
	if s.fail != nil {
		return s.fail(name)
	}
	return nil
}

func (s *store) Identity(context.Context) (Identity, error) { return s.id, s.enter("Identity") }

func (s *store) Queue(context.Context) (session.Queued, error) {
	return session.Queued{HeadSeq: s.head, Oldest: 1}, s.enter("Queue")
}

func (s *store) ReadEnrol(_ context.Context, e session.ReadEnrol) (session.EnrolRead, error) {
	return session.EnrolRead{Enrol: wire.Enrol{Secret: []byte("secret"), DeviceKey: [32]byte{1}, Cert: []byte("cert"), Proof: make([]byte, 64)}}, s.enter("ReadEnrol")
}

func (s *store) SaveEnrolment(context.Context, session.SaveEnrolment) error {
	s.enrolled, s.id.Enrol = true, false
	return s.enter("SaveEnrolment")
}

func (s *store) ReadHello(context.Context) (session.HelloRead, error) {
	h := session.HelloRead{Hello: wire.Hello{Device: device, Cert: []byte("cert"), Log: s.log, HeadSeq: s.head, Head: chainAt(s.log, s.head),
		Queue: s.head - s.received, ResultsFrom: 1, Grants: 1, Dictionaries: []uint32{wire.DictChanges}}, Proved: s.proved}
	for h.Hello.ResultsFrom <= s.head && s.results[h.Hello.ResultsFrom] {
		h.Hello.ResultsFrom++
	}
	for _, scope := range []syncproto.ScopeID{scopeA, scopeB} {
		if c, ok := s.cursors[scope]; ok {
			h.Hello.Cursors = append(h.Hello.Cursors, c)
		}
		h.Scopes = append(h.Scopes, scope)
	}
	return h, s.enter("ReadHello")
}

func (s *store) SaveWelcome(_ context.Context, e session.SaveWelcome) (session.WelcomeSaved, error) {
	if err := s.enter("SaveWelcome"); err != nil {
		return session.WelcomeSaved{}, err
	}
	w := e.Welcome
	s.received = w.Received
	return session.WelcomeSaved{Contradicted: w.Received > s.head || w.ReceivedHead != chainAt(s.log, w.Received)}, nil
}

func (s *store) ForkLog(_ context.Context, e session.ForkLog) error {
	if err := s.enter("ForkLog"); err != nil {
		return err
	}
	s.log[15]++
	s.head -= min(e.Received, s.head)
	s.received, s.results = 0, map[uint64]bool{}
	return nil
}

func (s *store) ReadBatch(_ context.Context, e session.ReadBatch) (session.BatchRead, error) {
	const most = 4
	to := min(s.head, e.From+most-1)
	return session.BatchRead{Log: e.Log, From: e.From, To: to, Batch: encodeBatch(e.Log, e.From, to)}, s.enter("ReadBatch")
}

func (s *store) note(log syncproto.LogID, received uint64, results []syncproto.Result) {
	if log != s.log {
		return
	}
	s.received = max(s.received, received)
	for _, r := range results {
		for seq := uint64(1); seq <= s.head; seq++ {
			if changeID(log, seq) == r.Change {
				s.results[seq] = true
			}
		}
	}
}

func (s *store) CommitResults(_ context.Context, e session.CommitResults) error {
	if err := s.enter("CommitResults"); err != nil {
		return err
	}
	s.note(e.Log, e.Received, e.Results)
	s.leave("CommitResults")
	return nil
}

func (s *store) leave(name string) {
	if s.written != nil {
		s.written(name)
	}
}

func (s *store) page(p *wire.Page) error {
	if c := s.cursors[p.Scope]; p.From > c.Position {
		return fmt.Errorf("page from %d, the cursor is at %d", p.From, c.Position)
	}
	for _, r := range p.Records {
		s.records[p.Scope][recordID(r)] = r
	}
	s.cursors[p.Scope] = wire.Cursor{Scope: p.Scope, Era: p.Era, Position: p.To}
	return nil
}

func (s *store) CommitPage(_ context.Context, e session.CommitPage) error {
	if err := s.enter("CommitPage"); err != nil {
		return err
	}
	s.note(e.Page.Log, e.Page.Received, e.Page.Results)
	err := s.page(&e.Page)
	s.leave("CommitPage")
	return err
}

func (s *store) headOf(scope syncproto.ScopeID) wire.Head {
	h := wire.Head{Scope: scope, Position: s.cursors[scope].Position, Count: uint64(len(s.records[scope]))}
	for _, r := range s.records[scope] {
		session.AddSum(&h.Sum, hashOf(r))
	}
	return h
}

func (s *store) CommitCaught(_ context.Context, e session.CommitCaught) (session.CaughtCommitted, error) {
	var ev session.CaughtCommitted
	if err := s.enter("CommitCaught"); err != nil {
		return ev, err
	}
	s.note(e.Caught.Log, e.Caught.Received, e.Caught.Results)
	for i := range e.Caught.Pages {
		if err := s.page(&e.Caught.Pages[i]); err != nil {
			return ev, err
		}
	}
	for _, h := range e.Caught.Heads {
		s.cursors[h.Scope] = wire.Cursor{Scope: h.Scope, Era: e.Caught.Era, Position: h.Position, Sum: h.Sum}
		ev.Heads = append(ev.Heads, s.headOf(h.Scope))
	}
	s.leave("CommitCaught")
	return ev, nil
}

func (s *store) ReadBuckets(_ context.Context, e session.ReadBuckets) (session.BucketsRead, error) {
	ev := session.BucketsRead{Scope: e.Scope, Position: s.cursors[e.Scope].Position}
	for id, r := range s.records[e.Scope] {
		ev.Sums.Add(id, hashOf(r))
	}
	return ev, s.enter("ReadBuckets")
}

func (s *store) ReadEntries(_ context.Context, e session.ReadEntries) (session.EntriesRead, error) {
	ev := session.EntriesRead{Scope: e.Scope, Buckets: e.Buckets}
	for id, r := range s.records[e.Scope] {
		if slices.Contains(e.Buckets, session.BucketOf(id)) {
			ev.Entries = append(ev.Entries, wire.Entry{Record: id, StateHash: hashOf(r)})
		}
	}
	return ev, s.enter("ReadEntries")
}

func (s *store) MendRecords(_ context.Context, e session.MendRecords) (session.RecordsMended, error) {
	for _, r := range e.Records {
		s.records[e.Scope][recordID(r)] = r
	}
	for _, id := range e.Gone {
		delete(s.records[e.Scope], id)
	}
	return session.RecordsMended{Scope: e.Scope, Head: s.headOf(e.Scope)}, s.enter("MendRecords")
}

func (s *store) ResetCursor(_ context.Context, e session.ResetCursor) error {
	s.resets++
	delete(s.cursors, e.Scope)
	return s.enter("ResetCursor")
}

func (s *store) SaveGrants(context.Context, session.SaveGrants) error { return s.enter("SaveGrants") }

func (s *store) DropScope(_ context.Context, e session.DropScope) (session.ScopeDropped, error) {
	if s.head > s.received {
		return session.ScopeDropped{Scope: e.Scope, Pending: true}, nil
	}
	delete(s.cursors, e.Scope)
	s.records[e.Scope] = map[syncproto.RecordID][]byte{}
	return session.ScopeDropped{Scope: e.Scope}, s.enter("DropScope")
}

func (s *store) MarkBackupSafe(context.Context, session.MarkBackupSafe) error {
	return s.enter("MarkBackupSafe")
}

func (s *store) SaveReceipt(context.Context, session.SaveReceipt) error {
	err := s.enter("SaveReceipt")
	if err == nil {
		s.receipts++
		s.proved = s.received
	}
	return err
}

func (s *store) KeepCheckpoints(context.Context, session.KeepCheckpoints) (session.CheckpointsKept, error) {
	return session.CheckpointsKept{}, s.enter("KeepCheckpoints")
}

// serverEnd is the server's end of one connection over the same bytes.
type serverEnd struct {
	f       *server
	channel *session.Channel
	machine *session.Server
	codec   *wire.Codec
	clock   func() int64
	replies [][]byte
	closed  bool
}

func (e *serverEnd) feed(msg []byte) error {
	stood := e.channel.Established()
	reply, frame, err := e.channel.Receive(msg)
	if reply != nil {
		e.replies = append(e.replies, reply)
	}
	if err != nil {
		e.step(session.Disconnected{Err: err})
		return err
	}
	if !stood {
		if e.channel.Established() {
			e.step(session.ServerConnected{Noise: e.channel.Peer(), Handshake: e.channel.Binding()})
		}
		return nil
	}
	m, err := e.codec.DecodeFrame(frame)
	if err != nil {
		return err
	}
	e.step(session.Received{Message: m})
	return nil
}

func (e *serverEnd) step(ev session.ServerEvent) { e.run(e.machine.Step(e.clock(), ev)) }

func (e *serverEnd) run(effects []session.ServerEffect) {
	for len(effects) > 0 {
		effect := effects[0]
		effects = effects[1:]
		switch effect.(type) {
		case session.Close:
			e.closed = true
			return
		case session.Subscribe, session.Touch, session.NotePurged:
			continue
		}
		effects = append(effects, e.machine.Step(e.clock(), e.f.do(effect))...)
		if _, ok := effect.(session.Accept); ok {
			effects = append(effects, e.machine.Step(e.clock(), session.Moved{Scopes: e.f.order()})...)
		}
	}
}

func (e *serverEnd) next() []byte {
	if len(e.replies) > 0 {
		b := e.replies[0]
		e.replies = e.replies[1:]
		return b
	}
	if !e.channel.Established() {
		return nil
	}
	m, effects := e.machine.Next(e.clock())
	e.run(effects)
	if m == nil {
		return nil
	}
	frame, err := e.codec.AppendFrame(nil, m)
	if err != nil {
		panic(err)
	}
	b, err := e.channel.Seal(frame)
	if err != nil {
		panic(err)
	}
	return b
}

// world is a server, a device and the keys between them.
type world struct {
	t      *testing.T
	server *server
	store  *store
	codec  *wire.Codec
	keys   []byte
	noise  session.KeyPair
	random io.Reader
	now    int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	codec, err := wire.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return newWorldOn(t, codec)
}

// newWorldOn shares a codec, which is costly to make.
func newWorldOn(t *testing.T, codec *wire.Codec) *world {
	t.Helper()
	var err error
	w := &world{t: t, server: newServer(), store: newStore(), codec: codec, random: rand.NewChaCha8([32]byte{1}), now: 1_700_000_000_000}
	if w.noise, err = session.NewKeyPair(w.random); err != nil {
		t.Fatal(err)
	}
	w.keys = wire.AppendServerKeys(nil, &wire.ServerKeys{Noise: w.noise.Public, Receipt: [32]byte{8}})
	if w.store.id.Noise, err = session.NewKeyPair(w.random); err != nil {
		t.Fatal(err)
	}
	w.store.id.ServerKeys = w.keys
	return w
}

func (w *world) options() Options {
	return Options{Store: w.store, Codec: w.codec, Clock: func() int64 { return w.now }, Random: w.random}
}

func (w *world) end() *serverEnd {
	return &serverEnd{f: w.server, channel: session.ServerChannel(w.noise, w.keys, w.random), machine: session.NewServer(),
		codec: w.codec, clock: func() int64 { return w.now }}
}

func (w *world) stepper() *Stepper {
	w.t.Helper()
	st, err := NewStepper(w.t.Context(), w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

// equal fails unless the device has exactly what the server has.
func (w *world) equal() {
	w.t.Helper()
	if err := w.differs(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) differs() error {
	var errs []error
	for scope, all := range w.server.scopes {
		want := map[syncproto.RecordID][]byte{}
		for _, r := range all {
			want[recordID(r)] = r
		}
		if len(want) != len(all) {
			errs = append(errs, fmt.Errorf("the server has %d records twice in %v", len(all)-len(want), scope))
		}
		got := w.store.records[scope]
		if !maps.EqualFunc(got, want, func(a, b []byte) bool { return string(a) == string(b) }) {
			errs = append(errs, fmt.Errorf("scope %v: the device has %d records, the server %d", scope, len(got), len(want)))
		}
	}
	if w.server.logs[w.store.log] != w.store.head || w.store.received != w.store.head {
		errs = append(errs, fmt.Errorf("log: head %d, the server has %d, the device thinks %d", w.store.head, w.server.logs[w.store.log], w.store.received))
	}
	for seq := uint64(1); seq <= w.store.head; seq++ {
		if !w.store.results[seq] {
			errs = append(errs, fmt.Errorf("no result of change %d", seq))
			break
		}
	}
	return errors.Join(errs...)
}
