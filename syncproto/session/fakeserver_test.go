package session

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// A change of the fake stores: it adds itself to its record, which is then the
// set of its changes, so that any lost or doubled change shows in the state.
type fakeChange struct {
	id     syncproto.ChangeID
	record syncproto.RecordID
	scope  syncproto.ScopeID
	// moveTo, if not zero, gives the record another home.
	moveTo syncproto.ScopeID
}

const fakeChangeSize = 64

func (c fakeChange) bytes() []byte {
	return slices.Concat(c.id[:], c.record[:], c.scope[:], c.moveTo[:])
}

func readFakeChange(b []byte) fakeChange {
	return fakeChange{syncproto.ChangeID(b[:16]), syncproto.RecordID(b[16:32]), syncproto.ScopeID(b[32:48]), syncproto.ScopeID(b[48:64])}
}

// A fake batch: log, first sequence, chain hash before it, changes.
func fakeBatch(log syncproto.LogID, from uint64, prev syncproto.Hash, changes []fakeChange) []byte {
	b := append([]byte(nil), log[:]...)
	b = binary.BigEndian.AppendUint64(b, from)
	b = append(b, prev[:]...)
	for _, c := range changes {
		b = append(b, c.bytes()...)
	}
	return b
}

type fakeRecord struct {
	id      syncproto.RecordID
	home    syncproto.ScopeID
	pos     uint64
	changes []syncproto.ChangeID // ascending
}

func (r *fakeRecord) bytes() []byte {
	b := slices.Concat(r.id[:], r.home[:])
	for _, c := range r.changes {
		b = append(b, c[:]...)
	}
	return b
}

func fakeHash(record []byte) [16]byte { return [16]byte(syncproto.IDOf(record)) }

func fakeID(record []byte) syncproto.RecordID { return syncproto.RecordID(record[:16]) }

type fakeMark struct {
	pos  uint64
	mark wire.Mark
}

type fakeScope struct {
	pos     uint64
	records map[syncproto.RecordID]*fakeRecord
	marks   []fakeMark
	sum     [16]byte
	sums    map[uint64][16]byte
}

func (s *fakeScope) head(id syncproto.ScopeID) wire.Head {
	return wire.Head{Scope: id, Position: s.pos, Count: uint64(len(s.records)), Sum: s.sum}
}

type fakeLog struct {
	device  syncproto.DeviceID
	chain   []syncproto.Hash
	entries []syncproto.ChangeID // zero for a gap
	safe    uint64
}

// fakeServer is the server's store.
type fakeServer struct {
	now    *int64
	eras   []syncproto.EraID
	scopes map[syncproto.ScopeID]*fakeScope
	homes  map[syncproto.RecordID]syncproto.ScopeID
	logs   map[syncproto.LogID]*fakeLog
	// results are of every change ever received.
	results map[syncproto.ChangeID]syncproto.Result
	grants  map[syncproto.DeviceID]map[syncproto.ScopeID]bool
	revoked map[syncproto.DeviceID]bool
	codes   map[string]syncproto.DeviceID
	serial  uint64
	// full makes every Accept fail for want of space.
	full bool
	// purged counts the scopes that devices confirmed to have destroyed.
	purged   int
	receipts int
}

func newFakeServer(now *int64) *fakeServer {
	return &fakeServer{now: now, eras: []syncproto.EraID{{1}}, scopes: map[syncproto.ScopeID]*fakeScope{}, homes: map[syncproto.RecordID]syncproto.ScopeID{},
		logs: map[syncproto.LogID]*fakeLog{}, results: map[syncproto.ChangeID]syncproto.Result{}, grants: map[syncproto.DeviceID]map[syncproto.ScopeID]bool{},
		revoked: map[syncproto.DeviceID]bool{}, codes: map[string]syncproto.DeviceID{}, serial: 1}
}

// clone is a backup.
func (s *fakeServer) clone() *fakeServer {
	c := *s
	c.eras = slices.Clone(s.eras)
	c.scopes = map[syncproto.ScopeID]*fakeScope{}
	for id, sc := range s.scopes {
		n := &fakeScope{pos: sc.pos, records: map[syncproto.RecordID]*fakeRecord{}, marks: slices.Clone(sc.marks), sum: sc.sum, sums: maps.Clone(sc.sums)}
		for r, rec := range sc.records {
			copied := *rec
			copied.changes = slices.Clone(rec.changes)
			n.records[r] = &copied
		}
		c.scopes[id] = n
	}
	c.homes = maps.Clone(s.homes)
	c.logs = map[syncproto.LogID]*fakeLog{}
	for id, l := range s.logs {
		n := *l
		n.chain, n.entries = slices.Clone(l.chain), slices.Clone(l.entries)
		c.logs[id] = &n
	}
	c.results = maps.Clone(s.results)
	return &c
}

func (s *fakeServer) scope(id syncproto.ScopeID) *fakeScope {
	if s.scopes[id] == nil {
		s.scopes[id] = &fakeScope{records: map[syncproto.RecordID]*fakeRecord{}, sums: map[uint64][16]byte{}}
	}
	return s.scopes[id]
}

func (s *fakeServer) log(id syncproto.LogID) *fakeLog {
	if s.logs[id] == nil {
		s.logs[id] = &fakeLog{chain: []syncproto.Hash{syncproto.ChainStart(id)}}
	}
	return s.logs[id]
}

func (l *fakeLog) received() uint64 { return uint64(len(l.entries)) }

// apply receives a change and returns its result.
func (s *fakeServer) apply(device syncproto.DeviceID, c fakeChange) syncproto.Result {
	if r, ok := s.results[c.id]; ok {
		return r
	}
	r := syncproto.Result{Change: c.id, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonForbidden}
	home, exists := s.homes[c.record]
	if !exists {
		home = c.scope
	}
	if !s.revoked[device] && s.grants[device][home] && (c.moveTo.IsZero() || s.grants[device][c.moveTo]) {
		sc := s.scope(home)
		sc.pos++
		rec := sc.records[c.record]
		if rec == nil {
			rec = &fakeRecord{id: c.record, home: home}
		} else {
			SubSum(&sc.sum, fakeHash(rec.bytes()))
		}
		at, _ := slices.BinarySearchFunc(rec.changes, c.id, func(a, b syncproto.ChangeID) int { return bytes.Compare(a[:], b[:]) })
		rec.changes = slices.Insert(rec.changes, at, c.id)
		rec.pos = sc.pos
		if !c.moveTo.IsZero() && c.moveTo != home {
			delete(sc.records, c.record)
			sc.marks = append(sc.marks, fakeMark{sc.pos, wire.Mark{Record: c.record, Kind: wire.MarkLeft}})
			sc.sums[sc.pos] = sc.sum
			home, sc = c.moveTo, s.scope(c.moveTo)
			sc.pos++
			rec.home, rec.pos = home, sc.pos
			sc.marks = slices.DeleteFunc(sc.marks, func(m fakeMark) bool { return m.mark.Record == c.record })
		}
		sc.records[c.record], s.homes[c.record] = rec, home
		AddSum(&sc.sum, fakeHash(rec.bytes()))
		sc.sums[sc.pos] = sc.sum
		r = syncproto.Result{Change: c.id, Outcome: syncproto.Applied, Scope: home, Position: sc.pos}
	}
	s.results[c.id] = r
	return r
}

// fakeDesk carries out one session's effects.
type fakeDesk struct {
	s      *fakeServer
	device syncproto.DeviceID
	log    syncproto.LogID
}

func (d *fakeDesk) do(e ServerEffect) ServerEvent {
	s := d.s
	switch e := e.(type) {
	case Authenticate:
		id := syncproto.DeviceID(e.Noise[:16])
		if _, ok := s.grants[id]; !ok {
			return Authenticated{}
		}
		d.device = id
		return Authenticated{Standing: d.standing(), Device: id}
	case Redeem:
		id, ok := s.codes[string(e.Enrol.Secret)]
		me := syncproto.DeviceID(e.Noise[:16])
		switch {
		case !ok:
			return Redeemed{Refuse: wire.RefuseBadCode}
		case !id.IsZero() && id != me:
			return Redeemed{Refuse: wire.RefuseUsedCode}
		}
		s.codes[string(e.Enrol.Secret)] = me
		if s.grants[me] == nil {
			s.grants[me] = map[syncproto.ScopeID]bool{{1}: true}
		}
		d.device = me
		return Redeemed{Enrolled: wire.Enrolled{Device: me, Person: syncproto.PersonID{5}, Name: "n", ServerKeys: []byte{1}}}
	case LoadSession:
		return d.load(&e.Hello)
	case Accept:
		return d.accept(e.Batch)
	case AcceptGap:
		return d.gap(e.Gap)
	case ReadScopes:
		return d.read(e)
	case CompareScope:
		return d.compare(e)
	case ReadRecords:
		return d.records(e)
	case LoadGrants:
		return GrantsLoaded{Standing: d.standing(), Serial: d.s.serial, Grants: d.note()}
	case MakeReceipt:
		s.receipts++
		return ReceiptMade{Receipt: []byte{9}}
	case NotePurged:
		s.purged++
	}
	return nil
}

func (d *fakeDesk) standing() Standing {
	if d.s.revoked[d.device] {
		return StandingRevoked
	}
	return StandingGood
}

func sortedScopes(m map[syncproto.ScopeID]bool) []syncproto.ScopeID {
	return slices.SortedFunc(maps.Keys(m), func(a, b syncproto.ScopeID) int { return bytes.Compare(a[:], b[:]) })
}

func (d *fakeDesk) note() wire.GrantsNote {
	n := wire.GrantsNote{GrantSerial: d.s.serial}
	for _, id := range sortedScopes(d.s.grants[d.device]) {
		n.Grants = append(n.Grants, wire.Grant{Scope: id, Compartment: "plain", Rights: 3})
	}
	return n
}

func (d *fakeDesk) load(h *wire.Hello) ServerEvent {
	s := d.s
	d.log = h.Log
	l := s.log(h.Log)
	l.device = h.Device
	ev := SessionLoaded{Standing: d.standing(), Serial: s.serial}
	w := &ev.Welcome
	w.Era = s.eras[len(s.eras)-1]
	w.Received, w.ReceivedHead, w.BackupSafe = l.received(), l.chain[l.received()], l.safe
	for _, a := range h.Ancestors {
		r := wire.LogReceived{Log: a.Log, Received: s.log(a.Log).received(), BackupSafe: s.log(a.Log).safe}
		if r.Received >= a.HeadSeq && s.log(a.Log).chain[a.HeadSeq] != a.Head {
			r = wire.LogReceived{Log: a.Log}
		}
		w.Ancestors = append(w.Ancestors, r)
	}
	w.GrantSerial = s.serial
	if h.Grants != s.serial {
		w.Grants = d.note().Grants
	}
	if s.revoked[d.device] {
		w.Grants = nil
		return ev
	}
	for _, id := range sortedScopes(s.grants[d.device]) {
		i := slices.IndexFunc(h.Cursors, func(c wire.Cursor) bool { return c.Scope == id })
		if i < 0 {
			ev.Starts = append(ev.Starts, Start{Scope: id})
			continue
		}
		sc := s.scope(id)
		sum, known := sc.sums[h.Cursors[i].Position]
		ev.Starts = append(ev.Starts, Resume(h.Cursors[i], slices.Contains(s.eras, h.Cursors[i].Era), sc.pos, sum, known, 0))
	}
	return ev
}

func (d *fakeDesk) accept(b []byte) ServerEvent {
	if len(b) < 56+fakeChangeSize || (len(b)-56)%fakeChangeSize != 0 {
		return Accepted{Status: AcceptedBad, Detail: "length"}
	}
	log, from := syncproto.LogID(b[:16]), binary.BigEndian.Uint64(b[16:24])
	prev := syncproto.Hash(b[24:56])
	l := d.s.log(log)
	ev := Accepted{Log: log, Received: l.received(), Head: l.chain[l.received()]}
	switch {
	case d.s.full:
		return Accepted{Status: AcceptedNot, Log: log, RetryAfter: 500, Full: true}
	case from == 0 || from > l.received()+1:
		ev.Status = AcceptedHole
		return ev
	case l.chain[from-1] != prev:
		ev.Status = AcceptedFork
		return ev
	}
	l.device = d.device
	for seq, rest := from, b[56:]; len(rest) > 0; seq, rest = seq+1, rest[fakeChangeSize:] {
		c := readFakeChange(rest)
		chain := syncproto.ChainNext(l.chain[seq-1], c.id[:])
		if seq <= l.received() {
			if l.chain[seq] != chain {
				return Accepted{Status: AcceptedFork, Log: log, Received: l.received(), Head: l.chain[l.received()]}
			}
		} else {
			l.chain, l.entries = append(l.chain, chain), append(l.entries, c.id)
		}
		ev.Results = append(ev.Results, LogResult{seq, d.s.apply(d.device, c)})
	}
	ev.Received, ev.Head = l.received(), l.chain[l.received()]
	return ev
}

func (d *fakeDesk) gap(g wire.Gap) ServerEvent {
	l := d.s.log(g.Log)
	ev := Accepted{Log: g.Log}
	switch {
	case g.To <= l.received():
	case g.From > l.received()+1:
		ev.Status = AcceptedHole
	default:
		for l.received() < g.To {
			l.entries, l.chain = append(l.entries, syncproto.ChangeID{}), append(l.chain, g.Head)
		}
	}
	ev.Received = l.received()
	return ev
}

func (d *fakeDesk) read(e ReadScopes) ServerEvent {
	s := d.s
	l := s.log(e.Log)
	ev := ScopesRead{GrantSerial: s.serial, Era: s.eras[len(s.eras)-1], Complete: true, Received: l.received()}
	for seq := e.ResultsFrom; seq > 0 && seq <= l.received(); seq++ {
		if r, ok := s.results[l.entries[seq-1]]; ok {
			ev.Results = append(ev.Results, LogResult{seq, r})
		}
	}
	left := e.MaxBytes
	for _, st := range e.Scopes {
		if !s.grants[d.device][st.Scope] {
			continue
		}
		sc := s.scope(st.Scope)
		if sc.pos > st.From {
			if left <= 0 {
				ev.Complete = false
				break
			}
			p, used, more := sc.page(st.Scope, st.From, left)
			left -= used
			ev.Pages = append(ev.Pages, p)
			if more {
				ev.Complete = false
				break
			}
		}
		ev.Heads = append(ev.Heads, sc.head(st.Scope))
	}
	if !ev.Complete {
		ev.Heads = nil
	}
	return ev
}

func (s *fakeScope) page(id syncproto.ScopeID, from uint64, maxBytes int) (p wire.Page, used int, more bool) {
	p = wire.Page{Scope: id, From: from, To: from}
	type item struct {
		pos  uint64
		rec  []byte
		mark *wire.Mark
	}
	var items []item
	for _, r := range s.records {
		if r.pos > from {
			items = append(items, item{r.pos, r.bytes(), nil})
		}
	}
	for _, m := range s.marks {
		if m.pos > from {
			items = append(items, item{m.pos, nil, &m.mark})
		}
	}
	slices.SortFunc(items, func(a, b item) int { return int(a.pos) - int(b.pos) })
	for _, it := range items {
		if used > 0 && used+len(it.rec) > maxBytes {
			return p, used, true
		}
		used += len(it.rec) + 36
		p.To = it.pos
		if it.mark != nil {
			p.Marks = append(p.Marks, *it.mark)
		} else {
			p.Records = append(p.Records, it.rec)
		}
	}
	p.To = s.pos
	return p, used, false
}

func (d *fakeDesk) compare(e CompareScope) ServerEvent {
	ev := EntriesRead{Scope: e.Scope}
	if !d.s.grants[d.device][e.Scope] {
		return ev
	}
	var mine BucketSums
	var counts [wire.Buckets]int
	sc := d.s.scope(e.Scope)
	for id, r := range sc.records {
		mine.Add(id, fakeHash(r.bytes()))
		counts[BucketOf(id)]++
	}
	ev.Buckets = PickBuckets(&mine, &e.Sums, &counts, e.MaxEntries)
	for id, r := range sc.records {
		if bytes.IndexByte(ev.Buckets, BucketOf(id)) >= 0 {
			ev.Entries = append(ev.Entries, wire.Entry{Record: id, StateHash: fakeHash(r.bytes())})
		}
	}
	slices.SortFunc(ev.Entries, func(a, b wire.Entry) int { return bytes.Compare(a.Record[:], b.Record[:]) })
	return ev
}

func (d *fakeDesk) records(e ReadRecords) ServerEvent {
	ev := RecordsRead{Scope: e.Scope, Position: d.s.scope(e.Scope).pos}
	left := e.MaxBytes
	for _, id := range e.Records {
		r := d.s.scope(e.Scope).records[id]
		if r == nil || !d.s.grants[d.device][e.Scope] {
			ev.Gone = append(ev.Gone, id)
			ev.Done++
			continue
		}
		b := r.bytes()
		if left -= len(b); left < 0 && len(ev.Records) > 0 {
			break
		}
		ev.Records = append(ev.Records, b)
		ev.Done++
	}
	return ev
}
