package localstore

import (
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// fakeServer is as much of a server as the store's tests need: it applies
// changes in the order of their arrival and makes pages.
type fakeServer struct {
	testing.TB
	era      syncproto.EraID
	records  map[syncproto.RecordID]*syncproto.RecordState
	position map[syncproto.ScopeID]uint64
	marks    map[syncproto.ScopeID][]placedMark
	changes  map[syncproto.ChangeID]syncproto.Result
	held     map[syncproto.LogID]uint64
	// refuse names records whose changes are quarantined.
	refuse map[syncproto.RecordID]bool
}

type placedMark struct {
	position uint64
	mark     wire.Mark
}

func newServer(t testing.TB) *fakeServer {
	return &fakeServer{TB: t, era: syncproto.EraID{1}, records: map[syncproto.RecordID]*syncproto.RecordState{},
		position: map[syncproto.ScopeID]uint64{}, marks: map[syncproto.ScopeID][]placedMark{},
		changes: map[syncproto.ChangeID]syncproto.Result{}, held: map[syncproto.LogID]uint64{}, refuse: map[syncproto.RecordID]bool{}}
}

// Standing implements merge.History.
func (f *fakeServer) Standing(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	switch r, known := f.changes[id]; {
	case !known:
		return merge.Unknown, nil, nil
	case inState(r.Outcome):
		return merge.Applied, nil, nil
	}
	return merge.Withheld, nil, nil
}

func (f *fakeServer) next(scope syncproto.ScopeID) uint64 {
	f.position[scope]++
	return f.position[scope]
}

// take receives a change and says what became of it.
func (f *fakeServer) take(ch *syncproto.Change) syncproto.Result {
	f.Helper()
	if r, known := f.changes[ch.ID]; known {
		return r
	}
	id := ch.Header.Record
	s := f.records[id]
	if s == nil {
		s = syncproto.NewRecordState(id)
		f.records[id] = s
	}
	if f.refuse[id] {
		r := syncproto.Result{Change: ch.ID, Outcome: syncproto.Quarantined, Reason: syncproto.ReasonForbidden}
		f.changes[ch.ID] = r
		return r
	}
	from := s.Home
	r, err := merge.Apply(s, ch, f)
	if err != nil {
		f.Fatal(err)
	}
	if inState(r.Outcome) {
		r.Scope, r.Position = s.Home, f.next(s.Home)
		s.Position = r.Position
		for _, c := range s.Cells {
			if c.Position == 0 {
				c.Position = r.Position
			}
		}
		if from != s.Home {
			s.Entered = r.Position
		}
		if !from.IsZero() && from != s.Home {
			f.marks[from] = append(f.marks[from], placedMark{f.next(from), wire.Mark{Record: id, Kind: wire.MarkLeft, To: s.Home}})
		}
	}
	f.changes[ch.ID] = r
	return r
}

// other makes a change by another device.
func (f *fakeServer) other(id syncproto.RecordID, form uint32, scope syncproto.ScopeID, fields map[uint32]syncproto.Value) *syncproto.Change {
	f.Helper()
	s := f.records[id]
	if s == nil {
		s = syncproto.NewRecordState(id)
	}
	n := edit(s, id, form, scope, syncproto.PersonID{9}, fields)
	n.Header.OriginLog, n.Header.OriginSeq = syncproto.LogID{99}, uint64(len(f.changes)+1)
	ch, err := wire.NewChange(n.Header, [16]byte{1}, n.Ops)
	if err != nil {
		f.Fatal(err)
	}
	if r := f.take(ch); !inState(r.Outcome) {
		f.Fatalf("other's change: %v", r.Outcome)
	}
	return ch
}

func (f *fakeServer) erase(id syncproto.RecordID) {
	s := f.records[id]
	f.marks[s.Home] = append(f.marks[s.Home], placedMark{f.next(s.Home), wire.Mark{Record: id, Kind: wire.MarkErased}})
	*s = syncproto.RecordState{Record: id, Erased: true}
}

// page makes the page of a scope after a position.
func (f *fakeServer) page(scope syncproto.ScopeID, from uint64, delta bool) wire.Page {
	p := wire.Page{Scope: scope, Era: f.era, From: from, To: f.position[scope]}
	for _, s := range f.records {
		if s.Exists() && !s.Erased && s.Home == scope && s.Position > from {
			since := uint64(0)
			if delta && s.Entered <= from {
				since = from
			}
			p.Records = append(p.Records, wire.AppendRecord(nil, s, since))
		}
	}
	for _, m := range f.marks[scope] {
		if m.position > from {
			p.Marks = append(p.Marks, m.mark)
		}
	}
	return p
}

func (f *fakeServer) head(scope syncproto.ScopeID) wire.Head {
	h := wire.Head{Scope: scope, Position: f.position[scope]}
	for _, s := range f.records {
		if s.Exists() && !s.Erased && s.Home == scope {
			h.Sum, h.Count = syncproto.SumAdd(h.Sum, wire.StateHash(s)), h.Count+1
		}
	}
	return h
}

// push sends all that is pending in all logs and returns the results, not yet
// told to the device.
func (f *fakeServer) push(b *box) (results []syncproto.Result) {
	f.Helper()
	logs, err := b.Logs(ctx)
	if err != nil {
		f.Fatal(err)
	}
	for _, l := range logs {
		for seq := l.Received + 1; seq <= l.HeadSeq; {
			st, err := b.ReadBatch(ctx, l.Log, seq, 10, 1<<20)
			if err != nil {
				f.Fatal(err)
			}
			head := st.Prev
			for _, c := range st.Changes {
				ch, err := wire.OpenChange(c.HeaderBytes, c.Secret, c.OpsBytes)
				if err != nil {
					f.Fatal(err)
				}
				results = append(results, f.take(ch))
				head = syncproto.ChainNext(head, c.HeaderBytes)
			}
			seq = st.Next()
			f.held[l.Log] = seq - 1
			if seq == l.HeadSeq+1 && st.Gap == nil && head != l.Head {
				f.Errorf("chain of log %v ends in %v, want %v", l.Log, head, l.Head)
			}
		}
	}
	return results
}

// pulled says which scopes' sums are not the server's after catching up.
type pulled struct{ Differ []syncproto.ScopeID }

// sync pushes and pulls until both sides agree.
func (f *fakeServer) sync(b *box, scopes ...syncproto.ScopeID) pulled {
	f.Helper()
	return f.catchUp(b, f.push(b), scopes...)
}

func (f *fakeServer) catchUp(b *box, results []syncproto.Result, scopes ...syncproto.ScopeID) pulled {
	f.Helper()
	cursors, checked := map[syncproto.ScopeID]uint64{}, map[syncproto.ScopeID]bool{}
	held, err := b.Scopes(ctx)
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range held {
		cursors[c.Scope], checked[c.Scope] = c.Position, c.Checked
	}
	logs, err := b.Logs(ctx)
	if err != nil {
		f.Fatal(err)
	}
	for _, l := range logs[:len(logs)-1] {
		if err := b.SaveAck(ctx, l.Log, f.held[l.Log], nil); err != nil {
			f.Fatal(err)
		}
	}
	c := &wire.Caught{Era: f.era, Received: f.held[logs[len(logs)-1].Log], Results: results}
	for _, scope := range scopes {
		c.Pages = append(c.Pages, f.page(scope, cursors[scope], cursors[scope] > 0 && checked[scope]))
		c.Heads = append(c.Heads, f.head(scope))
	}
	check(f, b.ApplyCaught(ctx, c))
	return differing(f, b, c.Heads)
}

// differing compares what a device holds with the heads it was told.
func differing(t testing.TB, b *box, heads []wire.Head) (p pulled) {
	t.Helper()
	held, err := b.Scopes(ctx)
	check(t, err)
	for _, h := range heads {
		for _, c := range held {
			if c.Scope == h.Scope && (c.Held != h.Sum || c.Count != h.Count) {
				p.Differ = append(p.Differ, h.Scope)
			}
		}
	}
	return p
}

// same checks that the device shows what the server holds.
func (f *fakeServer) same(b *box, scopes ...syncproto.ScopeID) {
	f.Helper()
	n := 0
	for id, s := range f.records {
		for _, scope := range scopes {
			if !s.Exists() || s.Erased || s.Home != scope {
				continue
			}
			n++
			h, err := b.State(ctx, id)
			if err != nil {
				f.Fatal(err)
			}
			if got, want := wire.StateHash(h.State), wire.StateHash(s); got != want {
				f.Errorf("record %v: device shows another state than the server holds (%d changes laid over)", id, h.Over)
			}
			if h.Over != 0 {
				f.Errorf("record %v: %d own changes laid over, want 0", id, h.Over)
			}
		}
	}
	rows, err := b.Count(ctx, Filter{Scopes: scopes, Deleted: true})
	if err != nil {
		f.Fatal(err)
	}
	if rows != n {
		f.Errorf("index lists %d records, want %d", rows, n)
	}
}
