package session

import (
	"slices"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// together is a world with one connected device that has caught up.
func together(t *testing.T, records int, scopes ...syncproto.ScopeID) (*world, *phone) {
	w := newWorld(t, 1)
	p := w.addDevice(scopes...)
	for range records {
		w.server.apply(p.store.id, fakeChange{id: w.id(), record: w.id(), scope: scopes[0]})
	}
	w.heal()
	return w, p
}

func (w *world) reconnect(p *phone) {
	w.cut(p)
	w.connect(p)
}

// One wrong record among ten thousand is found and mended for less than 16 KB,
// the greeting included.
func TestMendOneOfTenThousand(t *testing.T) {
	for _, row := range []struct {
		name  string
		wrong func(p *phone, r syncproto.RecordID)
	}{
		{"changed", func(p *phone, r syncproto.RecordID) {
			p.store.shadow[scopeA][r] = append(p.store.shadow[scopeA][r], make([]byte, 16)...)
		}},
		{"missing", func(p *phone, r syncproto.RecordID) { delete(p.store.shadow[scopeA], r) }},
		{"one too many", func(p *phone, r syncproto.RecordID) {
			b := slices.Clone(p.store.shadow[scopeA][r])
			b[0]++
			p.store.shadow[scopeA][fakeID(b)] = b
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, p := together(t, 10_000, scopeA)
			r, _ := anyRecord(w.rnd, p.store, scopeA)
			row.wrong(p, r)
			w.reconnect(p)
			w.settle()
			w.laws()
			l := p.link
			if got := l.upBytes + l.downBytes; got >= 16<<10 {
				t.Errorf("%d bytes, want less than %d", got, 16<<10)
			}
			if p.store.mended != 1 {
				t.Errorf("%d records came, want 1", p.store.mended)
			}
		})
	}
}

// Very many wrong records are mended in bounded messages too.
func TestMendVeryMany(t *testing.T) {
	w, p := together(t, 3_000, scopeA)
	clear(p.store.shadow[scopeA])
	w.reconnect(p)
	w.settle()
	w.laws()
	if p.store.resets != 0 {
		t.Errorf("%d resets", p.store.resets)
	}
}

// A record only this device holds is not dropped while its own change there is
// not received.
func TestMendKeepsWhatIsPending(t *testing.T) {
	w, p := together(t, 20, scopeA)
	stray := w.id()
	b := slices.Concat(stray[:], scopeA[:], make([]byte, 16))
	p.store.shadow[scopeA][stray] = b
	w.server.full = true
	w.cut(p)
	w.save(p, scopeA, stray)
	w.connect(p)
	w.settle()
	if p.store.shadow[scopeA][stray] == nil {
		t.Fatal("dropped while a change on it was pending")
	}
	w.now += 1000
	w.server.full = false
	w.deviceStep(p, Tick{})
	w.settle()
	w.heal()
}

// Mending that makes no difference ends: the scope is loaded anew once, then
// somebody is told.
func TestMendGivesUp(t *testing.T) {
	w, p := together(t, 20, scopeA)
	// A store that cannot keep one record right.
	broken, _ := anyRecord(w.rnd, p.store, scopeA)
	w.cut(p)
	for range 6 {
		p.store.shadow[scopeA][broken] = append(p.store.shadow[scopeA][broken], make([]byte, 16)...)
		w.connect(p)
		w.settle()
		if p.link != nil {
			w.cut(p)
		}
	}
	if p.store.resets != 0 {
		t.Errorf("a mended record leads to %d resets", p.store.resets)
	}
	d := deviceIn(t, deviceLive)
	d.Step(2, Received{&wire.Caught{Era: testEra, Heads: []wire.Head{{Scope: scopeA, Position: 10, Count: 1}}}})
	d.Step(2, CaughtCommitted{Heads: []wire.Head{{Scope: scopeA, Position: 10, Count: 2}}})
	d.Step(2, BucketsRead{Scope: scopeA})
	d.Step(2, Received{&wire.ServerEntries{Scope: scopeA, Buckets: []byte{4}}})
	effects := d.Step(2, EntriesRead{Scope: scopeA})
	want := []DeviceEffect{Alarm{Scope: scopeA, Detail: "mending makes no difference"}, ResetCursor{Scope: scopeA}}
	if !slices.Equal(effects, want) {
		t.Fatalf("asks for %v, want %v", effects, want)
	}
	if c := ended(d.Step(2, CursorReset{Scope: scopeA})); c == nil || c.Code != CloseRestart || c.RetryAfter == 0 {
		t.Errorf("closes with %+v", c)
	}
}

// TestMendEndsWhereNothingHelps: a store that keeps a record wrong, however often
// it is brought, is asked a few times and no more.
func TestMendEndsWhereNothingHelps(t *testing.T) {
	d := deviceIn(t, deviceLive)
	at := func(count uint64) []wire.Head { return []wire.Head{{Scope: scopeA, Position: 10, Count: count}} }
	record := syncproto.RecordID{4}
	bucket := BucketOf(record)
	d.Step(2, Received{&wire.Caught{Era: testEra, Heads: at(1)}})
	d.Step(2, CaughtCommitted{Heads: at(2)})
	for round := 1; ; round++ {
		if round > 2*mendTries {
			t.Fatalf("after %d rounds that brought the same record it goes on", round)
		}
		d.Step(2, BucketsRead{Scope: scopeA})
		there := &wire.ServerEntries{Scope: scopeA, Buckets: []byte{bucket}, Entries: []wire.Entry{{Record: record, StateHash: [16]byte{1}}}}
		effects := d.Step(2, Received{there})
		if slices.ContainsFunc(effects, func(e DeviceEffect) bool { _, alarm := e.(Alarm); return alarm }) {
			break
		}
		d.Step(2, EntriesRead{Scope: scopeA, Entries: []wire.Entry{{Record: record, StateHash: [16]byte{2}}}})
		d.Step(2, Received{&wire.Records{Scope: scopeA, Position: 10, Gone: []syncproto.RecordID{record}}})
		d.Step(2, RecordsMended{Scope: scopeA, Head: at(2)[0]})
	}
	// Until the next session it rests.
	d.Step(2, CursorReset{Scope: scopeA})
}

// TestMendRestsWhereNothingDiffers: a sum that is wrong although no record differs
// is compared ever more seldom, and again at once when it was right between.
func TestMendRestsWhereNothingDiffers(t *testing.T) {
	d := deviceIn(t, deviceLive)
	at := func(count uint64) []wire.Head { return []wire.Head{{Scope: scopeA, Position: 10, Count: count}} }
	compared := func(mine uint64) bool {
		t.Helper()
		d.Step(2, Received{&wire.Caught{Era: testEra, Heads: at(1)}})
		effects := d.Step(2, CaughtCommitted{Heads: at(mine)})
		if !slices.ContainsFunc(effects, func(e DeviceEffect) bool { _, reads := e.(ReadBuckets); return reads }) {
			return false
		}
		d.Step(2, BucketsRead{Scope: scopeA})
		d.Step(2, Received{&wire.ServerEntries{Scope: scopeA}})
		return true
	}
	n := 0
	for range 1000 {
		if compared(2) {
			n++
		}
	}
	if n < mendTries || n > 4*mendTries {
		t.Errorf("compared %d times in a thousand, want a few", n)
	}
	compared(1) // it is right
	if !compared(2) {
		t.Error("not compared after it had been right")
	}
}

func TestEnrolment(t *testing.T) {
	w := newWorld(t, 1)
	p := &phone{store: newFakeDevice(w.id(), func() syncproto.LogID { return w.id() }), enrol: true}
	w.devices = append(w.devices, p)
	w.server.codes["secret"] = syncproto.DeviceID{}
	w.save(p, scopeA, w.id()) // recorded before the server was ever reached
	w.connect(p)
	// The answer to Enrol is lost: the same device may ask again.
	for range 60 {
		if len(p.link.down) > 0 {
			break
		}
		for kind := range 6 {
			if kind != 2 {
				w.step(p, kind)
			}
		}
	}
	if len(p.link.down) == 0 {
		t.Fatal("no answer")
	}
	w.cut(p)
	w.connect(p)
	w.settle()
	p.enrol = false
	w.laws()
	q := &phone{store: newFakeDevice(w.id(), func() syncproto.LogID { return w.id() }), enrol: true}
	w.devices = append(w.devices, q)
	w.connect(q)
	w.settle()
	if q.closed.Code != CloseUsedCode || q.closed.RetryAfter != 0 {
		t.Errorf("a second device with the code: %+v", q.closed)
	}
}

// A scope taken away is dropped only after what was pending in it has been
// received, and the confirmation is noted.
func TestRevokedScopeGivesFirst(t *testing.T) {
	w, p := together(t, 5, scopeA, scopeB)
	w.server.full = true
	c := w.save(p, scopeA, w.id())
	w.settle()
	delete(w.server.grants[p.store.id], scopeA)
	w.server.serial++
	w.serverStep(p, GrantsChanged{})
	w.settle()
	if p.store.shadow[scopeA] == nil {
		t.Fatal("dropped before the pending change was received")
	}
	w.server.full = false
	w.now += 1000
	w.deviceStep(p, Tick{})
	w.settle()
	if p.store.shadow[scopeA] != nil || w.server.purged != 1 {
		t.Errorf("still there %v, confirmed %d", p.store.shadow[scopeA] != nil, w.server.purged)
	}
	if r := p.store.results[c.id]; r.Outcome != syncproto.Quarantined {
		t.Errorf("the pending change is %v, want quarantined", r.Outcome)
	}
	w.heal()
	// Granted again, it comes back whole.
	w.server.grants[p.store.id][scopeA] = true
	w.server.serial++
	w.serverStep(p, GrantsChanged{})
	w.settle()
	w.laws()
}

func TestRevokedDeviceGivesFirst(t *testing.T) {
	w, p := together(t, 5, scopeA)
	w.cut(p)
	for range 300 {
		w.save(p, scopeA, w.id())
	}
	w.server.revoked[p.store.id] = true
	w.server.serial++
	w.connect(p)
	w.settle()
	w.laws()
	if len(p.store.shadow) != 0 || p.closed.Code != CloseRevoked {
		t.Errorf("holds %d scopes, closed with %+v", len(p.store.shadow), p.closed)
	}
}

// A server restored from a backup gets everything back from the devices, said
// or unsaid, and the devices follow what it holds.
func TestServerRestored(t *testing.T) {
	for _, announced := range []bool{false, true} {
		w, p := together(t, 50, scopeA)
		q := w.addDevice(scopeA)
		w.heal()
		backup := w.server.clone()
		for range 30 {
			w.save(p, scopeA, w.id())
			w.save(q, scopeA, w.id())
		}
		w.settle()
		w.laws()
		w.restore(backup, announced)
		w.heal()
		if n := len(w.server.scope(scopeA).records); n != 110 {
			t.Errorf("announced %v: %d records, want 110", announced, n)
		}
	}
}

// Two copies of one database write on, and neither loses a change.
func TestClonedDevice(t *testing.T) {
	w, p := together(t, 5, scopeA)
	w.save(p, scopeA, w.id())
	w.cut(p) // not sent
	q := &phone{store: p.store.clone()}
	w.devices = append(w.devices, q)
	w.save(p, scopeA, w.id())
	w.save(q, scopeA, w.id())
	w.heal()
	if p.store.forks+q.store.forks != 1 {
		t.Errorf("%d forks, want 1", p.store.forks+q.store.forks)
	}
	if n := len(w.server.scope(scopeA).records); n != 8 {
		t.Errorf("%d records, want 8", n)
	}
	// Both at once, while both are connected.
	q2 := &phone{store: p.store.clone()}
	w.devices = append(w.devices, q2)
	w.connect(q2)
	w.settle()
	w.save(p, scopeA, w.id())
	w.save(q2, scopeA, w.id())
	w.settle()
	w.heal()
	if n := len(w.server.scope(scopeA).records); n != 10 {
		t.Errorf("%d records, want 10", n)
	}
}

// What is live comes before what is loaded for the first time, and the queue
// does not hold up either.
func TestLiveComesBeforeFirstLoad(t *testing.T) {
	w, p := together(t, 3, scopeA, scopeB)
	q := w.addDevice(scopeA)
	w.heal()
	w.server.grants[p.store.id][scopeC] = true
	for range 8_000 {
		w.server.apply(p.store.id, fakeChange{id: w.id(), record: w.id(), scope: scopeC})
	}
	w.server.serial++
	w.serverStep(p, GrantsChanged{})
	seen := func() bool { return p.store.cursors[scopeC].Position > 0 }
	for range 10_000 {
		for kind := range 6 {
			w.step(p, kind)
		}
		if seen() {
			break
		}
	}
	if !seen() || p.store.cursors[scopeC].Position >= w.server.scope(scopeC).pos {
		t.Fatalf("the first load is at %d of %d", p.store.cursors[scopeC].Position, w.server.scope(scopeC).pos)
	}
	c := w.save(q, scopeA, w.id())
	for range 40 {
		for _, x := range w.devices {
			for kind := range 6 {
				w.step(x, kind)
			}
		}
	}
	if p.store.shadow[scopeA][c.record] == nil {
		t.Error("a live change waits behind the first load")
	}
	w.heal()
}

// A first load that is cut goes on where the last page was committed.
func TestFirstLoadResumes(t *testing.T) {
	w := newWorld(t, 1)
	p := w.addDevice(scopeA)
	for range 6_000 {
		w.server.apply(p.store.id, fakeChange{id: w.id(), record: w.id(), scope: scopeA})
	}
	last, cuts := uint64(0), 0
	for p.store.cursors[scopeA].Position < w.server.scope(scopeA).pos {
		w.connect(p)
		for range 200 {
			for kind := range 6 {
				w.step(p, kind)
			}
			if at := p.store.cursors[scopeA].Position; at > last {
				last = at
				break
			}
		}
		if at := p.store.cursors[scopeA].Position; at < last {
			t.Fatalf("went back from %d to %d", last, at)
		}
		w.cut(p)
		if cuts++; cuts > 100 {
			t.Fatalf("only at %d after %d cuts", last, cuts)
		}
	}
	if cuts < 3 {
		t.Errorf("%d cuts, want several", cuts)
	}
	w.heal()
}

// A change that no device can read any more is declared, and those after it
// arrive.
func TestDeclaredGap(t *testing.T) {
	w, p := together(t, 1, scopeA)
	w.cut(p)
	for range 10 {
		w.save(p, scopeA, w.id())
	}
	p.store.lost[3], p.store.lost[4], p.store.lost[10] = true, true, true
	w.heal()
	if n := len(w.server.scope(scopeA).records); n != 1+7 {
		t.Errorf("%d records, want 8", n)
	}
}

// Logs that the database forked from are pushed too, and a log that the server
// contradicts is given up for the one now written.
func TestAncestorsArePushed(t *testing.T) {
	w, p := together(t, 1, scopeA)
	w.cut(p)
	for range 4 {
		w.save(p, scopeA, w.id())
	}
	d := p.store
	d.ancestors = []fakeAncestor{{log: d.log, chain: d.chain, entries: d.entries}}
	d.open()
	w.save(p, scopeA, w.id())
	w.heal()
	if n := len(w.server.scope(scopeA).records); n != 6 {
		t.Fatalf("%d records, want 6", n)
	}
	for _, c := range d.ancestors[0].entries {
		if d.results[c.id].Outcome == 0 {
			t.Errorf("no result for a change of an older log")
		}
	}
	// Another copy wrote that log differently, as far as this one or further.
	for n := 1; n <= 3; n++ {
		contradictAncestor(t, w, p, n)
	}
}

func contradictAncestor(t *testing.T, w *world, p *phone, n int) {
	t.Helper()
	d := p.store
	w.cut(p)
	log := w.id()
	var others []fakeChange
	for range n {
		others = append(others, fakeChange{id: w.id(), record: w.id(), scope: scopeA})
	}
	desk := &fakeDesk{s: w.server, device: d.id}
	desk.do(Accept{Batch: fakeBatch(log, 1, syncproto.ChainStart(log), others)})
	w.server.log(log).safe = uint64(n)
	mine := []fakeChange{{id: w.id(), record: w.id(), scope: scopeA}, {id: w.id(), record: w.id(), scope: scopeA}}
	chain := []syncproto.Hash{syncproto.ChainStart(log)}
	for _, c := range mine {
		chain = append(chain, syncproto.ChainNext(chain[len(chain)-1], c.id[:]))
	}
	d.ancestors = []fakeAncestor{{log: log, chain: chain, entries: mine}}
	w.heal()
	for _, c := range mine {
		if w.server.results[c.id].Outcome != syncproto.Applied {
			t.Error("a change of a contradicted log is lost")
		}
	}
	if len(d.ancestors) != 0 {
		t.Error("the contradicted log is still named")
	}
}

func TestStop(t *testing.T) {
	w, p := together(t, 1, scopeA)
	w.deviceStep(p, Stop{})
	if p.closed.Code != CloseDone || p.closed.RetryAfter != 0 {
		t.Errorf("closed with %+v", p.closed)
	}
	w.deviceSpeaks(p)
	w.serverHears(p)
	if !p.link.server.Closed() {
		t.Error("the server was not told goodbye")
	}
}

// The device learns of a verified backup at once, and gets a receipt when it
// asks for one, when nothing was pushed for a while, and when the queue that it
// came with is empty.
func TestBackupSafeAndReceipt(t *testing.T) {
	w, p := together(t, 1, scopeA)
	receipts := func(when string, want int) {
		t.Helper()
		w.settle()
		if p.store.receipts != want || w.server.receipts != want {
			t.Errorf("%s: %d receipts kept, %d made, want %d", when, p.store.receipts, w.server.receipts, want)
		}
	}
	w.save(p, scopeA, w.id())
	receipts("at once", 0)
	for range 2 { // the second has nothing new to prove
		w.deviceStep(p, Prove{})
		receipts("asked for", 1)
	}
	w.save(p, scopeA, w.id())
	receipts("at once", 1)
	w.now += receiptAfter
	w.serverStep(p, Tick{})
	receipts("after a while", 2)
	w.deviceStep(p, Stop{})
	w.settle()
	w.save(p, scopeA, w.id())
	w.connect(p)
	receipts("with the queue", 3)
	p.store.receipts--
	w.server.receipts--
	w.deviceStep(p, Stop{})
	w.settle()
	w.connect(p) // as if the line had been cut with the receipt on it
	receipts("unasked", 2)
	for range 2 {
		w.deviceStep(p, Prove{})
		receipts("in a session that brought nothing", 3)
	}
	w.serverStep(p, BackupVerified{Log: p.store.log, Seq: 1})
	w.settle()
	if p.store.base != 1 {
		t.Errorf("backup-safe up to %d, want 1", p.store.base)
	}
}

// One change of another device costs little in an open session.
func TestLiveChangeIsSmall(t *testing.T) {
	w, p := together(t, 1000, scopeA, scopeB, scopeC)
	q := w.addDevice(scopeA)
	w.heal()
	down, up := p.link.downBytes, p.link.upBytes
	w.save(q, scopeA, w.id())
	w.settle()
	if n := p.link.downBytes - down; n > 180 {
		t.Errorf("%d bytes down, want at most 180", n)
	}
	if n := p.link.upBytes - up; n != 0 {
		t.Errorf("%d bytes up, want none", n)
	}
}
