package session

import (
	"maps"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// fakeDevice is a device's store.
type fakeDevice struct {
	id  syncproto.DeviceID
	log syncproto.LogID
	// chain[n] is the chain hash after n entries; entries below base were
	// redacted, those in lost cannot be read any more.
	chain   []syncproto.Hash
	entries []fakeChange
	base    uint64
	lost    map[uint64]bool
	acked   uint64
	results map[syncproto.ChangeID]syncproto.Result
	cursors map[syncproto.ScopeID]wire.Cursor
	shadow  map[syncproto.ScopeID]map[syncproto.RecordID][]byte
	granted []syncproto.ScopeID
	serial  uint64
	reset   map[syncproto.ScopeID]bool
	// copied says that a copy of the database was made: then a page may hold a
	// change of this one that only the copy has pushed, before its result.
	copied bool
	// ancestors are older logs whose entries are still pushed.
	ancestors []fakeAncestor
	receipts  int
	resets    int
	forks     int
	mended    int
	newLog    func() syncproto.LogID
	// violation is the first thing that went wrong in an effect.
	violation string
}

type fakeAncestor struct {
	log     syncproto.LogID
	chain   []syncproto.Hash
	entries []fakeChange
}

func newFakeDevice(id syncproto.DeviceID, newLog func() syncproto.LogID) *fakeDevice {
	d := &fakeDevice{id: id, newLog: newLog, results: map[syncproto.ChangeID]syncproto.Result{}, lost: map[uint64]bool{},
		cursors: map[syncproto.ScopeID]wire.Cursor{}, shadow: map[syncproto.ScopeID]map[syncproto.RecordID][]byte{}, reset: map[syncproto.ScopeID]bool{}}
	d.open()
	return d
}

func (d *fakeDevice) open() {
	d.log = d.newLog()
	d.chain, d.entries, d.base, d.acked = []syncproto.Hash{syncproto.ChainStart(d.log)}, nil, 0, 0
	d.lost = map[uint64]bool{}
}

// clone is a copy of the database.
func (d *fakeDevice) clone() *fakeDevice {
	d.copied = true
	c := *d
	c.chain, c.entries, c.lost = slices.Clone(d.chain), slices.Clone(d.entries), maps.Clone(d.lost)
	c.results, c.cursors, c.reset = maps.Clone(d.results), maps.Clone(d.cursors), maps.Clone(d.reset)
	c.granted = slices.Clone(d.granted)
	c.ancestors = slices.Clone(d.ancestors)
	c.shadow = map[syncproto.ScopeID]map[syncproto.RecordID][]byte{}
	for s, m := range d.shadow {
		c.shadow[s] = maps.Clone(m)
	}
	return &c
}

func (d *fakeDevice) head() uint64 { return uint64(len(d.entries)) }

func (d *fakeDevice) save(c fakeChange) {
	d.entries = append(d.entries, c)
	d.chain = append(d.chain, syncproto.ChainNext(d.chain[len(d.chain)-1], c.id[:]))
}

// pending says whether a change that fits is not received yet.
func (d *fakeDevice) pending(fits func(fakeChange) bool) bool {
	for seq := d.acked + 1; seq <= d.head(); seq++ {
		if !d.lost[seq] && fits(d.entries[seq-1]) {
			return true
		}
	}
	return false
}

func (d *fakeDevice) headOf(id syncproto.ScopeID) wire.Head {
	h := wire.Head{Scope: id, Position: d.cursors[id].Position, Count: uint64(len(d.shadow[id]))}
	for _, r := range d.shadow[id] {
		AddSum(&h.Sum, fakeHash(r))
	}
	return h
}

func (d *fakeDevice) do(e DeviceEffect) DeviceEvent {
	switch e := e.(type) {
	case ReadEnrol:
		return EnrolRead{Enrol: wire.Enrol{Secret: []byte("secret"), Name: "phone", Proof: make([]byte, 64)}}
	case SaveEnrolment:
		d.id = e.Enrolled.Device
		return EnrolmentSaved{}
	case ReadHello:
		return d.hello()
	case SaveWelcome:
		return d.welcome(&e.Welcome)
	case ForkLog:
		d.fork(e)
		return LogForked{}
	case ReadBatch:
		return d.batch(e)
	case CommitResults:
		d.told(e.Log, e.Received, e.Results)
		return ResultsCommitted{}
	case CommitPage:
		d.told(e.Page.Log, e.Page.Received, e.Page.Results)
		d.page(&e.Page)
		return PageCommitted{}
	case CommitCaught:
		return d.caught(&e.Caught)
	case ReadBuckets:
		ev := BucketsRead{Scope: e.Scope, Position: d.cursors[e.Scope].Position}
		for id, r := range d.shadow[e.Scope] {
			ev.Sums.Add(id, fakeHash(r))
		}
		return ev
	case ReadEntries:
		ev := EntriesRead{Scope: e.Scope, Buckets: e.Buckets}
		for id, r := range d.shadow[e.Scope] {
			if slices.Contains(e.Buckets, BucketOf(id)) {
				ev.Entries = append(ev.Entries, wire.Entry{Record: id, StateHash: fakeHash(r)})
			}
		}
		return ev
	case MendRecords:
		return d.mend(e)
	case ResetCursor:
		d.resets++
		d.cursors[e.Scope] = wire.Cursor{Scope: e.Scope}
		d.reset[e.Scope] = true
		return CursorReset(e)
	case SaveGrants:
		d.grants(e.Grants.GrantSerial, e.Grants.Grants)
		return GrantsSaved{}
	case DropScope:
		if d.pending(func(c fakeChange) bool { return c.scope == e.Scope }) {
			return ScopeDropped{Scope: e.Scope, Pending: true}
		}
		delete(d.shadow, e.Scope)
		delete(d.cursors, e.Scope)
		return ScopeDropped{Scope: e.Scope}
	case MarkBackupSafe:
		if e.Log == d.log {
			d.redact(e.Seq)
		}
		return BackupSafeMarked{}
	case SaveReceipt:
		d.receipts++
		return ReceiptSaved{}
	case KeepCheckpoints:
		return CheckpointsKept{}
	}
	return nil
}

func (d *fakeDevice) redact(seq uint64) {
	d.base = max(d.base, min(seq, d.acked))
}

func (d *fakeDevice) fail(what string) {
	if d.violation == "" {
		d.violation = what
	}
}

func (d *fakeDevice) hello() DeviceEvent {
	h := wire.Hello{Device: d.id, Cert: []byte{1}, Log: d.log, HeadSeq: d.head(), Head: d.chain[d.head()], Grants: d.serial, Queue: d.head() - d.acked}
	for _, s := range slices.Sorted(func(yield func(string) bool) {
		for id := range d.cursors {
			if !yield(string(id[:])) {
				return
			}
		}
	}) {
		h.Cursors = append(h.Cursors, d.cursors[syncproto.ScopeID([]byte(s))])
	}
	h.ResultsFrom = d.base + 1
	for h.ResultsFrom <= d.head() {
		if _, ok := d.results[d.entries[h.ResultsFrom-1].id]; !ok {
			break
		}
		h.ResultsFrom++
	}
	ev := HelloRead{Hello: h, Scopes: d.granted}
	for _, a := range d.ancestors {
		n := uint64(len(a.entries))
		ev.Hello.Ancestors = append(ev.Hello.Ancestors, wire.Ancestor{Log: a.log, Kept: 1, HeadSeq: n, Head: a.chain[n], Cert: []byte{1}})
		from := uint64(1)
		for from <= n && d.results[a.entries[from-1].id].Outcome != 0 {
			from++
		}
		ev.AncestorResults = append(ev.AncestorResults, from)
	}
	for s := range d.reset {
		ev.Reset = append(ev.Reset, s)
	}
	return ev
}

func (d *fakeDevice) grants(serial uint64, grants []wire.Grant) {
	d.serial, d.granted = serial, nil
	for _, g := range grants {
		d.granted = append(d.granted, g.Scope)
	}
}

func (d *fakeDevice) welcome(w *wire.Welcome) DeviceEvent {
	if w.GrantSerial != d.serial || len(w.Grants) > 0 {
		d.grants(w.GrantSerial, w.Grants)
	}
	ev := WelcomeSaved{Contradicted: w.Received > d.head() || d.chain[w.Received] != w.ReceivedHead}
	if !ev.Contradicted && !w.Fork {
		d.acked = max(d.acked, w.Received)
		d.redact(w.BackupSafe)
	}
	return ev
}

func (d *fakeDevice) fork(e ForkLog) {
	d.forks++
	var again []fakeChange
	if e.Log == d.log {
		for seq := d.base + 1; seq <= d.head(); seq++ {
			if !d.lost[seq] {
				again = append(again, d.entries[seq-1])
			}
		}
		d.open()
	}
	d.ancestors = slices.DeleteFunc(d.ancestors, func(a fakeAncestor) bool {
		if a.log == e.Log {
			again = append(again, a.entries...)
		}
		return a.log == e.Log
	})
	for _, c := range again {
		d.save(c)
	}
}

func (d *fakeDevice) batch(e ReadBatch) DeviceEvent {
	chain, entries, base, lost := d.chain, d.entries, d.base, d.lost
	if e.Log != d.log {
		i := slices.IndexFunc(d.ancestors, func(a fakeAncestor) bool { return a.log == e.Log })
		if i < 0 {
			return Failed{Effect: e}
		}
		chain, entries, base, lost = d.ancestors[i].chain, d.ancestors[i].entries, 0, nil
	}
	gone := func(seq uint64) bool { return seq <= base || lost[seq] }
	to := e.From
	for to < uint64(len(entries)) && gone(to+1) == gone(e.From) && (gone(to) || int(to-e.From+2)*fakeChangeSize+56 <= e.MaxBytes) {
		to++
	}
	ev := BatchRead{Log: e.Log, From: e.From, To: to, Head: chain[to]}
	if !gone(e.From) {
		ev.Batch = fakeBatch(e.Log, e.From, chain[e.From-1], entries[e.From-1:to])
	}
	return ev
}

func (d *fakeDevice) told(log syncproto.LogID, received uint64, results []syncproto.Result) {
	if log == d.log {
		d.acked = max(d.acked, received)
		if d.acked > d.head() {
			d.fail("acknowledged more than there is")
		}
	}
	for _, r := range results {
		d.results[r.Change] = r
	}
}

func (d *fakeDevice) page(p *wire.Page) {
	if d.shadow[p.Scope] == nil {
		d.shadow[p.Scope] = map[syncproto.RecordID][]byte{}
	}
	for _, r := range p.Records {
		d.shadow[p.Scope][fakeID(r)] = slices.Clone(r)
		// An own change that the page holds has its result by now.
		for rest := r[32:]; len(rest) > 0; rest = rest[16:] {
			for seq := d.base; seq < d.head(); seq++ {
				if c := d.entries[seq]; c.id == syncproto.ChangeID(rest[:16]) && d.results[c.id].Outcome == 0 && !d.lost[seq+1] && !d.copied {
					d.fail("an own change is in a page before its result")
				}
			}
		}
	}
	for _, m := range p.Marks {
		delete(d.shadow[p.Scope], m.Record)
	}
	d.cursors[p.Scope] = wire.Cursor{Scope: p.Scope, Era: p.Era, Position: p.To}
}

func (d *fakeDevice) caught(c *wire.Caught) DeviceEvent {
	d.told(c.Log, c.Received, c.Results)
	for i := range c.Pages {
		d.page(&c.Pages[i])
	}
	var ev CaughtCommitted
	for _, h := range c.Heads {
		d.cursors[h.Scope] = wire.Cursor{Scope: h.Scope, Era: c.Era, Position: h.Position, Sum: h.Sum}
		mine := d.headOf(h.Scope)
		if mine.Sum == h.Sum {
			delete(d.reset, h.Scope)
		}
		ev.Heads = append(ev.Heads, mine)
	}
	return ev
}

func (d *fakeDevice) mend(e MendRecords) DeviceEvent {
	d.mended += len(e.Records) + len(e.Gone)
	ev := RecordsMended{Scope: e.Scope}
	for _, r := range e.Records {
		if d.shadow[e.Scope] == nil {
			d.shadow[e.Scope] = map[syncproto.RecordID][]byte{}
		}
		d.shadow[e.Scope][fakeID(r)] = slices.Clone(r)
	}
	for _, id := range e.Gone {
		if d.pending(func(c fakeChange) bool { return c.record == id }) {
			ev.Kept++
			continue
		}
		delete(d.shadow[e.Scope], id)
	}
	ev.Head = d.headOf(e.Scope)
	return ev
}
