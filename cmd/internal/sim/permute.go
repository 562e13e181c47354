package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// Permutations checks the law of merging on real servers: a finished history
// is delivered to empty servers in different orders.
type Permutations struct {
	// Dir is where the servers' databases are made and removed.
	Dir   string
	Codec *wire.Codec
	// Deliveries is how many servers each history is brought to.
	Deliveries int
}

// Run plays the history of one seed and returns what broke the law, nil if
// nothing did.
func (p *Permutations) Run(ctx context.Context, seed uint64) error {
	w, err := writeHistory(seed)
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	plan := w.plan()
	want := ""
	for n := range p.Deliveries {
		got, err := p.deliver(ctx, w, plan, uint64(n))
		if err != nil {
			return fmt.Errorf("delivery %d: %w", n, err)
		}
		if n == 0 {
			want = got
		} else if got != want {
			return fmt.Errorf("delivery %d and the first one differ:\n%s", n, difference(want, got))
		}
	}
	return nil
}

// difference lists the lines that only one of two faces has.
func difference(a, b string) string {
	var out strings.Builder
	la, lb := strings.Split(a, "\n"), strings.Split(b, "\n")
	for _, l := range la {
		if !slices.Contains(lb, l) {
			out.WriteString("- " + l + "\n")
		}
	}
	for _, l := range lb {
		if !slices.Contains(la, l) {
			out.WriteString("+ " + l + "\n")
		}
	}
	return out.String()
}

// plan is what every delivery of a history does, in whatever order: which part
// of each log arrives, and which quarantined changes are released.
type plan struct {
	upTo     []int
	released map[syncproto.ChangeID]bool
}

func (w *written) plan() plan {
	p := plan{upTo: make([]int, len(w.logs)), released: map[syncproto.ChangeID]bool{}}
	for i, l := range w.logs {
		p.upTo[i] = len(l.entries)
		if i > 0 && w.rng.IntN(2) == 0 {
			p.upTo[i] = w.rng.IntN(len(l.entries) + 1)
		}
		move := slices.IndexFunc(l.entries, func(ch *syncproto.Change) bool { return ch.Header.Verb == syncproto.VerbMove })
		if i > 0 && move >= 0 && w.rng.IntN(3) == 0 {
			p.upTo[i] = move // what others wrote where the record then was waits to the end
		}
		for _, ch := range l.entries {
			if (l.stranger || w.guests[ch.ID]) && w.rng.IntN(2) == 0 {
				p.released[ch.ID] = true
			}
		}
	}
	return p
}

// deliver brings the planned part of a history to an empty server in an order
// of its own and returns the face of what the server then holds.
func (p *Permutations) deliver(ctx context.Context, w *written, plan plan, n uint64) (face string, err error) {
	dir, err := os.MkdirTemp(p.Dir, "delivery")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	rng := rand.New(rand.NewPCG(w.seed, n+1000))
	d := &delivery{p: p, w: w, plan: plan, rng: rng, dir: dir, next: make([]int, len(w.logs)), open: map[syncproto.ChangeID]bool{}, done: map[syncproto.ChangeID]bool{}}
	if err := d.start(ctx); err != nil {
		return "", err
	}
	defer func() {
		if e := d.stop(); err == nil {
			err = e
		}
	}()
	if err := d.people(ctx); err != nil {
		return "", err
	}
	for {
		var left []int
		for i := range w.logs {
			if d.next[i] < plan.upTo[i] {
				left = append(left, i)
			}
		}
		if len(left) == 0 {
			break
		}
		if err := d.step(ctx, left[rng.IntN(len(left))]); err != nil {
			return "", err
		}
	}
	if err := d.release(ctx, true); err != nil {
		return "", err
	}
	return d.face(ctx)
}

// delivery is one server and how far the logs have been brought to it.
type delivery struct {
	p     *Permutations
	w     *written
	plan  plan
	rng   *rand.Rand
	dir   string
	store *sqlitestore.Store
	hub   *hub.Hub
	next  []int
	// open are the planned releases that have arrived and wait, done those made.
	open, done map[syncproto.ChangeID]bool
	// copied is the database as it was at an earlier stop, nextThen and doneThen
	// how far the delivery was then.
	copied   []byte
	nextThen []int
	doneThen map[syncproto.ChangeID]bool
}

func (d *delivery) start(ctx context.Context) error {
	var err error
	if d.store, err = sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(d.dir, "server.db")}); err != nil {
		return err
	}
	d.hub, err = hub.New(ctx, hub.Options{Store: d.store, Packages: everyForm(), Clock: func() int64 { return baseTime }, Rand: randomBytes{d.rng}})
	return err
}

func (d *delivery) stop() error {
	d.hub.Close()
	return d.store.Close()
}

func (d *delivery) people(ctx context.Context) error {
	return d.store.Update(ctx, func(tx store.Tx) error {
		for _, p := range []store.Place{{ID: homePlace, Number: 1, Kind: store.PlaceNeighbourhood}, {ID: otherPlace, Number: 2, Kind: store.PlaceNeighbourhood}} {
			if err := tx.PutPlace(p); err != nil {
				return err
			}
		}
		for i, l := range d.w.logs {
			if err := tx.PutPerson(store.Person{ID: l.person}); err != nil {
				return err
			}
			if !l.stranger {
				for j, place := range []syncproto.PlaceID{homePlace, otherPlace} {
					if l.narrow && place == homePlace {
						continue
					}
					if err := tx.PutGrant(store.Grant{Person: l.person, Place: place, Role: "facilitator", Serial: uint64(2*i + j + 1)}); err != nil {
						return err
					}
				}
			}
			if err := tx.PutDevice(store.Device{ID: l.cert.Device(), Person: l.person, Key: l.cert.DeviceKey, Noise: [32]byte{byte(i + 1)}}); err != nil {
				return err
			}
			if err := tx.AddDevicePerson(l.cert.Device(), l.person); err != nil {
				return err
			}
		}
		return nil
	})
}

// step brings the next few changes of one log, or some of them again; now and
// then the server is stopped and started in between.
func (d *delivery) step(ctx context.Context, i int) error {
	l := d.w.logs[i]
	from := d.next[i]
	if from > 0 && d.rng.IntN(4) == 0 {
		from -= 1 + d.rng.IntN(from)
	}
	to := min(d.next[i]+1+d.rng.IntN(6), d.plan.upTo[i])
	batch, err := l.batch(d.p.Codec, from, to)
	if err != nil {
		return err
	}
	if _, err := d.hub.Accept(ctx, l.cert.Device(), batch); err != nil {
		return fmt.Errorf("bring log %d from %d: %w", i, from+1, err)
	}
	for _, ch := range l.entries[d.next[i]:to] {
		if d.plan.released[ch.ID] && !d.done[ch.ID] {
			d.open[ch.ID] = true
		}
	}
	d.next[i] = to
	if d.rng.IntN(12) == 0 {
		if err := d.restart(ctx); err != nil {
			return err
		}
	}
	return d.release(ctx, false)
}

// restart stops the server and starts it again: over what it had, over the copy
// taken at an earlier stop (everything since is lost, and the devices send it
// again), or taking such a copy.
func (d *delivery) restart(ctx context.Context) error {
	if err := d.stop(); err != nil {
		return err
	}
	path := filepath.Join(d.dir, "server.db")
	switch {
	case d.copied != nil && d.rng.IntN(2) == 0:
		if err := os.WriteFile(path, d.copied, 0o600); err != nil {
			return err
		}
		d.next = slices.Clone(d.nextThen)
		for id := range d.done {
			if !d.doneThen[id] {
				delete(d.done, id)
			}
		}
		d.open = map[syncproto.ChangeID]bool{}
		for i, l := range d.w.logs {
			for _, ch := range l.entries[:d.next[i]] {
				if d.plan.released[ch.ID] && !d.done[ch.ID] {
					d.open[ch.ID] = true
				}
			}
		}
	default:
		var err error
		if d.copied, err = os.ReadFile(path); err != nil {
			return err
		}
		d.nextThen, d.doneThen = slices.Clone(d.next), maps.Clone(d.done)
	}
	return d.start(ctx)
}

// release lets some of the quarantined changes in, or all that are left.
func (d *delivery) release(ctx context.Context, all bool) error {
	var ids []syncproto.ChangeID
	for id := range d.open {
		ids = append(ids, id)
	}
	ids = syncproto.SortIDs(ids)
	for _, id := range ids {
		if !all && d.rng.IntN(3) > 0 {
			continue
		}
		delete(d.open, id)
		d.done[id] = true
		if err := d.hub.Release(ctx, id, syncproto.PersonID{1}, ""); err != nil {
			return fmt.Errorf("release %s: %w", id, err)
		}
	}
	return nil
}

// face is all that the law speaks of, for every record: candidate ids, values,
// conflicts, shown values, counters. States and homes go by arrival and are
// checked to form one chain instead.
func (d *delivery) face(ctx context.Context) (string, error) {
	out := ""
	err := d.store.View(ctx, func(r store.Reader) error {
		for _, id := range d.w.records {
			row, err := r.Record(id)
			if err != nil {
				out += fmt.Sprintf("%s: not there\n", id)
				continue
			}
			s := row.State
			if err := d.w.oneChain(s); err != nil {
				return err
			}
			for _, k := range s.Keys() {
				if k.Field == fieldState || k == merge.HomeCell || len(s.Cells[k].Candidates) == 0 {
					continue
				}
				v := merge.Look(s, k)
				out += fmt.Sprintf("%s %v: %v shown %v others %d contested %v\n", id, k, s.Cells[k].Candidates, v.Value, len(v.Others), v.Contested)
			}
			for _, c := range merge.Conflicts(s) {
				out += fmt.Sprintf("%s conflict %v\n", id, c.Cell)
			}
			if err := d.nothingDropped(r, s); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// nothingDropped is the oracle that recorded every screen: each applied value
// is a candidate still, or an arrived change names it, whose author saw it.
func (d *delivery) nothingDropped(r store.Reader, s *syncproto.RecordState) error {
	named := map[syncproto.Remembered]bool{}
	var arrived []*syncproto.Change
	for i, l := range d.w.logs {
		for _, ch := range l.entries[:d.plan.upTo[i]] {
			if ch.Header.Record == s.Record {
				arrived = append(arrived, ch)
				for k := range ch.Ops {
					for _, n := range ch.Ops[k].Names {
						named[syncproto.Remembered{Cell: merge.CellOf(&ch.Ops[k]), Version: n}] = true
					}
				}
			}
		}
	}
	for _, ch := range arrived {
		o, err := r.Outcome(ch.ID)
		if err != nil {
			return fmt.Errorf("change %s arrived and is not there: %w", ch.ID, err)
		}
		if o != syncproto.Applied && o != syncproto.Merged && o != syncproto.Conflicted {
			continue
		}
		for i := range ch.Ops {
			op := &ch.Ops[i]
			k := merge.CellOf(op)
			switch op.Kind {
			case syncproto.OpSetRemove, syncproto.OpAttachRemove, syncproto.OpTransition, syncproto.OpMove:
				continue
			}
			kept := slices.ContainsFunc(s.Candidates(k), func(c syncproto.Candidate) bool { return c.Version == ch.ID })
			if !kept && !named[syncproto.Remembered{Cell: k, Version: ch.ID}] {
				return fmt.Errorf("the value of change %s in %v is gone, and nobody who saw it replaced it", ch.ID, k)
			}
		}
	}
	return nil
}

// oneChain checks that the transitions applied to a record follow one another,
// and its moves too.
func (w *written) oneChain(s *syncproto.RecordState) error {
	for _, k := range []syncproto.CellKey{{Field: fieldState}, merge.HomeCell} {
		chain := slices.Clone(s.Passed[k])
		for _, c := range s.Candidates(k) {
			chain = append(chain, c.Version)
		}
		for i, id := range chain {
			for _, op := range w.byID[id].Ops {
				if merge.CellOf(&op) != k || op.Kind != syncproto.OpTransition && op.Kind != syncproto.OpMove {
					continue
				}
				if i == 0 && len(op.Names) != 0 || i > 0 && !slices.Contains(op.Names, chain[i-1]) {
					return fmt.Errorf("step %d of %d on %v does not follow the one before", i, len(chain), k)
				}
			}
		}
		if len(s.Candidates(k)) > 1 {
			return fmt.Errorf("%d current values of %v", len(s.Candidates(k)), k)
		}
	}
	return nil
}

// randomBytes makes a seeded generator a reader of random bytes.
type randomBytes struct{ rng *rand.Rand }

func (r randomBytes) Read(b []byte) (int, error) {
	for i := 0; i < len(b); i += 8 {
		var word [8]byte
		binary.BigEndian.PutUint64(word[:], r.rng.Uint64())
		copy(b[i:], word[:])
	}
	return len(b), nil
}
