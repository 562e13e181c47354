package merge_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// world is everything that was ever written about one record, in the order of
// writing; a change comes after all that its author had seen.
type world struct {
	rng     *rand.Rand
	record  syncproto.RecordID
	scopes  []syncproto.ScopeID
	changes []*syncproto.Change
	byID    map[syncproto.ChangeID]*syncproto.Change
	device  map[syncproto.ChangeID]int
}

// replica applies changes as they arrive, holding back those in withhold; what
// is unreadable as well, as a change over the bounds of the format, is nothing
// but an id.
type replica struct {
	w        *world
	state    *syncproto.RecordState
	got      map[syncproto.ChangeID]bool
	standing map[syncproto.ChangeID]merge.Standing
	withhold map[syncproto.ChangeID]bool
	spoilt   map[syncproto.ChangeID]bool
	parked   []*syncproto.Change
}

func (w *world) newReplica(withhold map[syncproto.ChangeID]bool) *replica {
	return &replica{w: w, state: syncproto.NewRecordState(w.record), got: map[syncproto.ChangeID]bool{},
		standing: map[syncproto.ChangeID]merge.Standing{}, withhold: withhold}
}

func (r *replica) Standing(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	s := r.standing[id]
	if s == merge.Withheld && !r.spoilt[id] {
		return s, r.w.byID[id].Ops, nil
	}
	return s, nil, nil
}

func (r *replica) receive(t *testing.T, ch *syncproto.Change) {
	if r.got[ch.ID] {
		return
	}
	r.got[ch.ID] = true
	if r.spoilt[ch.ID] {
		r.standing[ch.ID] = merge.Withheld
		return
	}
	if r.withhold[ch.ID] {
		r.standing[ch.ID] = merge.Withheld
		if _, err := merge.Withhold(r.state, ch.ID, ch.Ops, r); err != nil {
			t.Fatal(err)
		}
		return
	}
	r.apply(t, ch)
}

func (r *replica) release(t *testing.T, ch *syncproto.Change) { r.apply(t, ch) }

func (r *replica) apply(t *testing.T, ch *syncproto.Change) {
	res, err := merge.Apply(r.state, ch, r)
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcome == syncproto.Parked {
		r.standing[ch.ID] = merge.Withheld
		r.parked = append(r.parked, ch)
		return
	}
	r.standing[ch.ID] = merge.Applied
	if ch.Header.Verb == syncproto.VerbCreate {
		waiting := r.parked
		r.parked = nil
		for _, p := range waiting {
			r.apply(t, p)
		}
	}
}

const (
	fNumber, fText, fCodes, fCounter, fLong, fList, fState = 10, 11, 12, 13, 14, 15, 16
	fItemText                                              = 20
)

// writer makes the operations of one author's step on what the author sees.
type writer struct {
	w    *world
	s    *syncproto.RecordState
	me   syncproto.PersonID
	dev  int
	seq  uint64
	all  bool // settle: name every candidate
	ops  []syncproto.Op
	made int
}

func (x *writer) names(k syncproto.CellKey) []syncproto.ChangeID {
	var ids []syncproto.ChangeID
	if x.all {
		for _, c := range x.s.Candidates(k) {
			ids = append(ids, c.Version)
		}
		return ids
	}
	ids = slices.Clone(merge.Look(x.s, k).Shown)
	for _, c := range x.s.Candidates(k) {
		if x.s.Versions[c.Version].Author == x.me {
			ids = append(ids, c.Version)
		}
	}
	return syncproto.SortIDs(ids)
}

func (x *writer) log() syncproto.LogID { return syncproto.LogID{byte(x.dev + 1)} }

func (x *writer) op(kind syncproto.OpKind, k syncproto.CellKey, names []syncproto.ChangeID, v syncproto.Value) {
	x.ops = append(x.ops, syncproto.Op{Kind: kind, Critical: true, Field: k.Field, Item: k.Item, Sub: k.Sub, Names: names, Value: v})
}

func (x *writer) items() []syncproto.ItemID {
	var ids []syncproto.ItemID
	for _, k := range x.s.Keys() {
		if k.Field == fList && k.Sub == syncproto.SubPresence {
			ids = append(ids, k.Item)
		}
	}
	return ids
}

func (x *writer) random() {
	rng := x.w.rng
	words := []string{"نان", "آب", "کوچه", "مدرسه", "چراغ", "درخت"}
	cell := func(f uint32) syncproto.CellKey { return syncproto.CellKey{Field: f} }
	switch rng.IntN(9) {
	case 0:
		x.op(syncproto.OpSet, cell(fNumber), x.names(cell(fNumber)), syncproto.Int(int64(rng.IntN(4))))
	case 1:
		v := syncproto.Text(words[rng.IntN(len(words))])
		if rng.IntN(5) == 0 {
			v = syncproto.None()
		}
		x.op(syncproto.OpSet, cell(fText), x.names(cell(fText)), v)
	case 2, 3:
		e := syncproto.Code(string(rune('a' + rng.IntN(3))))
		k := syncproto.CellKey{Field: fCodes, Element: e}
		if cands := x.s.Candidates(k); len(cands) > 0 {
			ids := make([]syncproto.ChangeID, 0, len(cands))
			for _, c := range cands {
				ids = append(ids, c.Version)
			}
			x.op(syncproto.OpSetRemove, cell(fCodes), ids, e)
		} else {
			x.op(syncproto.OpSetAdd, cell(fCodes), nil, e)
		}
	case 4:
		x.op(syncproto.OpIncrement, cell(fCounter), nil, syncproto.Increment(int64(rng.IntN(9)-4)))
	case 5:
		base, _ := merge.Look(x.s, cell(fLong)).Value.AsText()
		x.op(syncproto.OpText, cell(fLong), x.names(cell(fLong)), syncproto.LongText(base+" "+words[rng.IntN(len(words))], base))
	case 6, 7:
		ids := x.items()
		if len(ids) == 0 || rng.IntN(3) == 0 {
			id := syncproto.OwnItem(x.log(), x.seq, x.made)
			x.made++
			x.op(syncproto.OpItemPut, syncproto.CellKey{Field: fList, Item: id}, nil, syncproto.None())
			x.op(syncproto.OpItemPlace, syncproto.CellKey{Field: fList, Item: id, Sub: syncproto.SubPlace}, nil, syncproto.Place("n"))
			x.op(syncproto.OpSet, syncproto.CellKey{Field: fList, Item: id, Sub: fItemText}, nil, syncproto.Text("تازه"))
			return
		}
		id := ids[rng.IntN(len(ids))]
		here := syncproto.CellKey{Field: fList, Item: id}
		var seen []syncproto.ChangeID
		for _, c := range x.s.Candidates(here) {
			seen = append(seen, c.Version)
		}
		if rng.IntN(3) == 0 {
			x.op(syncproto.OpItemRemove, here, seen, syncproto.None())
			return
		}
		k := syncproto.CellKey{Field: fList, Item: id, Sub: fItemText}
		x.op(syncproto.OpItemPut, here, seen, syncproto.None())
		x.op(syncproto.OpSet, k, x.names(k), syncproto.Text(words[rng.IntN(len(words))]))
	case 8:
		k := cell(fState)
		var names []syncproto.ChangeID
		for _, c := range x.s.Candidates(k) {
			names = append(names, c.Version)
		}
		x.op(syncproto.OpTransition, k, names, syncproto.Transition("x", string(rune('p'+rng.IntN(3)))))
	}
}

// strangers makes the operations name versions that nobody has written.
func (x *writer) strangers() {
	for i := range x.ops {
		switch x.ops[i].Kind {
		case syncproto.OpSet, syncproto.OpText, syncproto.OpItemPut:
			for range 1 + x.w.rng.IntN(20) {
				var id syncproto.ChangeID
				binary.BigEndian.PutUint64(id[:], x.w.rng.Uint64())
				x.ops[i].Names = append(x.ops[i].Names, id)
			}
			x.ops[i].Names = syncproto.SortIDs(x.ops[i].Names)
		}
	}
}

func (w *world) write(t *testing.T, dev int, s *syncproto.RecordState, seq uint64) *syncproto.Change {
	x := &writer{w: w, s: s, me: syncproto.PersonID{byte(dev%3 + 1)}, dev: dev, seq: seq}
	h := syncproto.Header{Verb: syncproto.VerbEdit, Record: w.record, Form: 1, Package: 1, Scope: s.Home,
		OriginLog: x.log(), OriginSeq: seq, Base: s.Latest, Author: x.me, Role: uint8(10 * w.rng.IntN(2)), Time: int64(w.rng.IntN(1000))}
	if !s.Exists() {
		h.Verb, h.Scope = syncproto.VerbCreate, w.scopes[0]
	}
	switch roll := w.rng.IntN(20); {
	case h.Verb == syncproto.VerbCreate:
		x.ops = append(x.ops, merge.Presence(s, x.me, true, false))
	case roll == 0:
		h.Verb = syncproto.VerbDelete
		x.ops = append(x.ops, merge.Presence(s, x.me, false, true))
	case roll == 1:
		h.Verb = syncproto.VerbRestore
		x.ops = append(x.ops, merge.Presence(s, x.me, true, true))
	default:
		if roll < 5 {
			h.Verb, x.all = syncproto.VerbSettle, true
		}
		x.random()
		x.ops = append(x.ops, merge.Presence(s, x.me, true, x.all))
		if w.rng.IntN(12) == 0 {
			x.strangers()
		}
	}
	var secret [16]byte
	binary.BigEndian.PutUint64(secret[:], w.rng.Uint64())
	ch, err := wire.NewChange(h, secret, x.ops)
	if err != nil {
		t.Fatal(err)
	}
	if reason, cell := merge.Judge(nil, ch); reason != syncproto.ReasonNone {
		t.Fatalf("an honest change is judged %d at %v", reason, cell)
	}
	w.changes = append(w.changes, ch)
	w.byID[ch.ID] = ch
	w.device[ch.ID] = dev
	return ch
}

// history lets devices write offline and now and then learn of everything.
func history(t *testing.T, seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), record: syncproto.RecordID{1}, scopes: []syncproto.ScopeID{{1}},
		byID: map[syncproto.ChangeID]*syncproto.Change{}, device: map[syncproto.ChangeID]int{}}
	n := 3 + w.rng.IntN(4)
	devices := make([]*replica, n)
	for i := range devices {
		devices[i] = w.newReplica(nil)
	}
	seqs := make([]uint64, n)
	seqs[0]++
	devices[0].receive(t, w.write(t, 0, devices[0].state, seqs[0]))
	for range 20 + w.rng.IntN(40) {
		d := w.rng.IntN(n)
		// Now and then somebody makes the record who has not heard of it.
		second := !devices[d].state.Exists() && w.rng.IntN(8) == 0
		if !second && (!devices[d].state.Exists() || w.rng.IntN(3) == 0) {
			for _, ch := range w.changes {
				devices[d].receive(t, ch)
			}
			continue
		}
		seqs[d]++
		devices[d].receive(t, w.write(t, d, devices[d].state, seqs[d]))
	}
	return w
}

// shuffled returns the changes in a random order that keeps each device's own.
func (w *world) shuffled(rng *rand.Rand) []*syncproto.Change {
	queues := map[int][]*syncproto.Change{}
	for _, ch := range w.changes {
		queues[w.device[ch.ID]] = append(queues[w.device[ch.ID]], ch)
	}
	var order []*syncproto.Change
	var open []int
	for d := range queues {
		open = append(open, d)
	}
	slices.Sort(open)
	for len(open) > 0 {
		i := rng.IntN(len(open))
		d := open[i]
		order = append(order, queues[d][0])
		if queues[d] = queues[d][1:]; len(queues[d]) == 0 {
			open = slices.Delete(open, i, i+1)
		}
	}
	return order
}

// face is all that the law speaks of: candidates, shown values and conflicts.
// Cells of transitions go by arrival and are left out.
func face(s *syncproto.RecordState) string {
	out := ""
	for _, k := range s.Keys() {
		if k.Field == fState || len(s.Cells[k].Candidates) == 0 {
			continue
		}
		v := merge.Look(s, k)
		out += fmt.Sprintf("%v: %v shown %v others %d contested %v\n", k, s.Cells[k].Candidates, v.Value, len(v.Others), v.Contested)
	}
	for _, c := range merge.Conflicts(s) {
		if c.Cell.Field != fState {
			out += fmt.Sprintf("conflict %v\n", c.Cell)
		}
	}
	return out
}

// Law (design, merge by record version): candidates, shown values and
// conflicts are a function of the set of changes received and released.
func TestPermutationLaw(t *testing.T) {
	for seed := range uint64(300) {
		w := history(t, seed)
		withhold, spoilt := map[syncproto.ChangeID]bool{}, map[syncproto.ChangeID]bool{}
		var released []*syncproto.Change
		for _, ch := range w.changes[1:] {
			switch w.rng.IntN(12) {
			case 0:
				withhold[ch.ID] = true
			case 1:
				withhold[ch.ID] = true
				released = append(released, ch)
			case 2:
				if w.rng.IntN(3) == 0 {
					spoilt[ch.ID] = true
				}
			}
		}
		missing := map[syncproto.ChangeID]bool{}
		if seed%2 == 0 {
			for _, ch := range w.changes[1:] {
				if w.rng.IntN(6) == 0 {
					missing[ch.ID] = true
				}
			}
		}
		want := ""
		for delivery := range 8 {
			rng := rand.New(rand.NewPCG(seed, uint64(delivery)+2))
			r := w.newReplica(withhold)
			r.spoilt = spoilt
			pending := slices.Clone(released)
			for _, ch := range w.shuffled(rng) {
				if missing[ch.ID] {
					continue
				}
				r.receive(t, ch)
				if rng.IntN(4) == 0 {
					r.receive(t, ch)
				}
				pending = slices.DeleteFunc(pending, func(p *syncproto.Change) bool {
					if !r.got[p.ID] || rng.IntN(3) > 0 {
						return false
					}
					r.release(t, p)
					return true
				})
			}
			for _, p := range pending {
				if !missing[p.ID] {
					r.release(t, p)
				}
			}
			// What is stored must be what is held.
			stored, err := wire.DecodeStoredRecord(wire.AppendStoredRecord(nil, r.state))
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got := face(stored)
			if delivery == 0 {
				want = got
				w.nothingDropped(t, seed, r)
			} else if got != want {
				t.Fatalf("seed %d delivery %d:\n%s\nfirst delivery:\n%s", seed, delivery, got, want)
			}
			w.oneChain(t, seed, r)
			r.nothingWaits(t, seed)
		}
	}
}

// nothingDropped checks that each applied value is still a candidate, or was
// named by a received change whose author had it on the screen.
func (w *world) nothingDropped(t *testing.T, seed uint64, r *replica) {
	named := map[syncproto.Remembered]bool{}
	for _, ch := range w.changes {
		if r.got[ch.ID] && !r.spoilt[ch.ID] {
			for i := range ch.Ops {
				for _, n := range ch.Ops[i].Names {
					named[syncproto.Remembered{Cell: merge.CellOf(&ch.Ops[i]), Version: n}] = true
				}
			}
		}
	}
	for _, ch := range w.changes {
		if r.standing[ch.ID] != merge.Applied {
			continue
		}
		for i := range ch.Ops {
			op := &ch.Ops[i]
			k := merge.CellOf(op)
			if op.Kind == syncproto.OpSetRemove || op.Kind == syncproto.OpTransition || named[syncproto.Remembered{Cell: k, Version: ch.ID}] {
				continue
			}
			has := slices.ContainsFunc(r.state.Candidates(k), func(c syncproto.Candidate) bool { return c.Version == ch.ID })
			if !has {
				t.Fatalf("seed %d: the value of %s in %v is gone, and nobody who saw it replaced it", seed, ch.ID, k)
			}
		}
	}
}

// nothingWaits checks that no step waits for one that was taken.
func (r *replica) nothingWaits(t *testing.T, seed uint64) {
	for i := range r.state.Waiting {
		st := &r.state.Waiting[i]
		k := merge.CellOf(&st.Op)
		for _, n := range st.Op.Names {
			if slices.Contains(r.state.Passed[k], n) || slices.ContainsFunc(r.state.Candidates(k), func(c syncproto.Candidate) bool { return c.Version == n }) {
				t.Fatalf("seed %d: step %s waits for %s, which is there", seed, st.Change, n)
			}
		}
	}
}

// oneChain checks that the applied transitions of a cell follow one another.
func (w *world) oneChain(t *testing.T, seed uint64, r *replica) {
	k := syncproto.CellKey{Field: fState}
	chain := slices.Clone(r.state.Passed[k])
	for _, c := range r.state.Candidates(k) {
		chain = append(chain, c.Version)
	}
	for i, id := range chain {
		for _, op := range w.byID[id].Ops {
			if op.Kind != syncproto.OpTransition {
				continue
			}
			if i == 0 && len(op.Names) != 0 || i > 0 && !slices.Contains(op.Names, chain[i-1]) {
				t.Fatalf("seed %d: transition %d of %d does not follow the one before", seed, i, len(chain))
			}
		}
	}
	if len(r.state.Candidates(k)) > 1 {
		t.Fatalf("seed %d: two current states", seed)
	}
}

// Law: an erased record stays as its erasure left it, whatever comes before,
// after or again.
func TestErasureLaw(t *testing.T) {
	for seed := range uint64(100) {
		w := history(t, seed)
		rng := rand.New(rand.NewPCG(seed, 99))
		r := w.newReplica(nil)
		order := w.shuffled(rng)
		at := rng.IntN(len(order))
		for _, ch := range order[:at] {
			r.receive(t, ch)
		}
		tomb := syncproto.NewRecordState(w.record)
		tomb.Form, tomb.Created, tomb.Home, tomb.Erased = 1, w.changes[0].ID, w.scopes[0], true
		want := wire.AppendStoredRecord(nil, tomb)
		r.state = tomb
		for _, ch := range slices.Concat(order[at:], order) {
			res, err := merge.Apply(r.state, ch, r)
			if err != nil || res.Outcome != syncproto.Erased || len(res.Cells) != 0 {
				t.Fatalf("seed %d: a change of an erased record is %s, %d cells, %v", seed, res.Outcome, len(res.Cells), err)
			}
		}
		if got := wire.AppendStoredRecord(nil, r.state); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: the tombstone changed", seed)
		}
	}
}

// A record lives where it was first made: whoever makes it elsewhere is set
// aside, whichever it was, and leaves no trace in it.
func TestSecondCreateElsewhere(t *testing.T) {
	for seed := range uint64(50) {
		w := history(t, seed)
		r := w.newReplica(nil)
		for _, ch := range w.changes {
			r.receive(t, ch)
		}
		before := wire.AppendStoredRecord(nil, r.state)
		home := w.scopes[0]
		w.scopes[0] = syncproto.ScopeID{2}
		ch := w.write(t, 7, syncproto.NewRecordState(w.record), 1)
		w.scopes[0] = home
		res, err := merge.Apply(r.state, ch, r)
		if err != nil || res.Outcome != syncproto.Quarantined || res.Reason != syncproto.ReasonOtherHome {
			t.Fatalf("seed %d: made elsewhere: %s, reason %d, %v", seed, res.Outcome, res.Reason, err)
		}
		if after := wire.AppendStoredRecord(nil, r.state); !bytes.Equal(before, after) {
			t.Fatalf("seed %d: what is set aside changed the record", seed)
		}
	}
}
