package report

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// pageBytes bounds what is read in one snapshot and written in one transaction.
const pageBytes = 256 << 10

// page is what moved in one scope, as the report writes it.
type page struct {
	scope store.Scope
	to    uint64
	more  bool
	// gone left the scope or were erased.
	gone    []syncproto.RecordID
	entries []entry
	era     string
	// rows are what entries are made of; ready is closed when they are.
	rows  []store.Record
	ready chan struct{}
}

// pagesAhead is how many pages are read and reckoned before they are written.
const pagesAhead = 3

// writtenAtOnce bounds how many pages are written in one transaction: while changes
// trickle in everywhere, each place has a page with a record or two.
const writtenAtOnce = 64

// entry is one record as it stands.
type entry struct {
	record  syncproto.RecordID
	number  uint32
	counted indicators.Record
	counts  indicators.Counts
	// made and changed are when its oldest and newest words that stand were
	// written, Unix milliseconds.
	made, changed int64
}

// errLittered says that everything was taken in, and that somebody who reads keeps
// pages of what went from being swept out of the file.
var errLittered = errors.New("the report's log could not be emptied while it was read")

// sweepAgain is how long Run waits before it sweeps again.
const sweepAgain = time.Second

// CatchUp takes in all that moved since, and returns how many records and marks
// that were. When it returns nil, what was erased is nowhere in the report's files.
// Who calls it while it runs waits.
func (r *Report) CatchUp(ctx context.Context) (int, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.write == nil {
		return 0, ErrBuilding
	}
	n, err := r.o.take(ctx, r.write, nil)
	if err == nil {
		_, err = r.o.count(ctx, r.write)
	}
	if err == nil {
		err = r.sweep(ctx)
	}
	if err != nil {
		return n, fmt.Errorf("follow the store: %w", err)
	}
	return n, nil
}

// sweep empties the write-ahead log after something went, since pages as they were
// before lie in it. The caller holds the turn.
func (r *Report) sweep(ctx context.Context) error {
	r.littered = r.littered || r.write.dropped
	r.write.dropped = false
	if !r.littered {
		return nil
	}
	var busy, pages, folded int64
	if _, err := r.write.one(ctx, "PRAGMA wal_checkpoint(TRUNCATE)", nil, &busy, &pages, &folded); err != nil {
		return err
	}
	if busy != 0 {
		return errLittered
	}
	r.littered = false
	return nil
}

// take writes page after page until every scope's head is reached.
func (o *Options) take(ctx context.Context, w *writer, progress func(records int)) (n int, err error) {
	cursors, err := w.cursors(ctx)
	if err != nil {
		return 0, err
	}
	scopes, err := o.behind(ctx, cursors)
	if err != nil {
		return 0, err
	}
	// Reading and reckoning go on while the pages before are written.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	pages := make(chan *page, pagesAhead)
	var failed error
	go func() {
		defer close(pages)
		failed = o.read(ctx, scopes, cursors, pages)
	}()
	if n, err = w.putPages(ctx, pages, progress); err != nil {
		stop()
		for range pages { // nobody reads on
		}
		return n, err
	}
	return n, failed
}

// putPages writes pages until there are no more, those that are there already together,
// and returns how many records and marks they had.
func (w *writer) putPages(ctx context.Context, pages <-chan *page, progress func(records int)) (n int, err error) {
	for p := range pages {
		some := 0
		if err := w.update(ctx, func() (err error) { some, err = w.putSome(ctx, p, pages); return err }); err != nil {
			return n, err
		}
		n += some
		if progress != nil {
			progress(n)
		}
	}
	return n, nil
}

// putSome writes a page and those that are there already, up to writtenAtOnce.
func (w *writer) putSome(ctx context.Context, p *page, pages <-chan *page) (n int, err error) {
	for some := 1; ; some++ {
		<-p.ready
		if err := w.put(ctx, p); err != nil {
			return n, err
		}
		n += len(p.entries) + len(p.gone)
		if some == writtenAtOnce {
			return n, nil
		}
		select {
		case next, more := <-pages:
			if !more {
				return n, nil
			}
			p = next
		default:
			return n, nil
		}
	}
}

// behind lists the scopes that have moved, those of one place together.
func (o *Options) behind(ctx context.Context, cursors map[syncproto.ScopeID]uint64) (scopes []store.Scope, err error) {
	err = o.View(ctx, func(r store.Reader) error {
		all, err := r.Scopes()
		if err != nil {
			return fmt.Errorf("read scopes: %w", err)
		}
		scopes = slices.DeleteFunc(all, func(s store.Scope) bool { return s.Position <= cursors[s.ID] })
		return nil
	})
	slices.SortFunc(scopes, func(a, b store.Scope) int {
		return cmp.Or(bytes.Compare(a.Place[:], b.Place[:]), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return scopes, err
}

func (o *Options) read(ctx context.Context, scopes []store.Scope, cursors map[syncproto.ScopeID]uint64, pages chan<- *page) error {
	for _, scope := range scopes {
		for after := cursors[scope.ID]; ; {
			p, err := o.readPage(ctx, scope, after)
			if err != nil {
				return err
			}
			select {
			case pages <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
			if after = p.to; !p.more {
				break
			}
		}
	}
	return nil
}

func (o *Options) readPage(ctx context.Context, scope store.Scope, after uint64) (*page, error) {
	p := &page{scope: scope, ready: make(chan struct{})}
	err := o.View(ctx, func(r store.Reader) error {
		var marks []store.Mark
		var err error
		p.rows, marks, p.to, p.more, err = access.ForOperator(r).Page(scope.ID, after, store.ToHead, pageBytes)
		if err != nil {
			return fmt.Errorf("read scope %s: %w", scope.ID, err)
		}
		p.gone = nil
		for _, m := range marks {
			p.gone = append(p.gone, m.Record)
		}
		era, err := r.LastEra()
		p.era = era.ID.String()
		return err
	})
	if err != nil {
		return nil, err
	}
	// Reckoned outside of the snapshot, which shall be short, and beside the next page.
	go p.reckon(o.Forms)
	return p, nil
}

// reckon makes entries of the rows.
func (p *page) reckon(forms *schemas.Package) {
	defer close(p.ready)
	p.entries = make([]entry, 0, len(p.rows))
	for _, row := range p.rows {
		e := entry{record: row.State.Record, number: row.State.Form, counted: merge.Counted(forms, row.State)}
		e.counts = indicators.Contribution(e.counted)
		e.made = e.counted.Made
		for _, h := range e.counted.Hands {
			e.changed = max(e.changed, h.Time)
		}
		p.entries = append(p.entries, e)
	}
	p.rows = nil
}

// put writes a page, its counts and its cursor.
func (w *writer) put(ctx context.Context, p *page) error {
	// deltas are what the page does to the counters of each place: a record that
	// comes from another place is taken out there. While the file is being made they
	// are gathered over many pages.
	deltas := w.sums
	if !w.building {
		deltas = map[syncproto.PlaceID]indicators.Counter{}
	}
	of := func(place syncproto.PlaceID) indicators.Counter {
		c := deltas[place]
		if c == nil {
			c = indicators.Counter{}
			deltas[place] = c
		}
		return c
	}
	w.dropped = w.dropped || len(p.gone) > 0
	for _, id := range p.gone {
		if err := w.drop(ctx, id, &p.scope.ID, of); err != nil {
			return fmt.Errorf("take record %s out: %w", id, err)
		}
	}
	for i := range p.entries {
		e := &p.entries[i]
		if err := w.replace(ctx, e, &p.scope, of); err != nil {
			return fmt.Errorf("write record %s: %w", e.record, err)
		}
		of(p.scope.Place).Add(e.counts)
	}
	if !w.building {
		if err := w.addUp(ctx, deltas); err != nil {
			return err
		}
	} else if w.summed() > mostSummed {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	err := w.exec(ctx, `INSERT INTO cursors (scope, place, position) VALUES (?, ?, ?) ON CONFLICT (scope) DO UPDATE SET position = excluded.position`,
		p.scope.ID[:], p.scope.Place[:], int64(p.to))
	if err != nil {
		return err
	}
	w.ahead[p.scope.ID] = p.to
	return w.note(ctx, eraName, p.era)
}

// mostSummed bounds how many counts are gathered before they are written. Records come
// place by place, so most of a place's are.
const mostSummed = 50_000

func (w *writer) summed() (n int) {
	for _, c := range w.sums {
		n += len(c)
	}
	return n
}

// flush writes the counts that were gathered while the file is being made.
func (w *writer) flush(ctx context.Context) error {
	err := w.addUp(ctx, w.sums)
	clear(w.sums)
	return err
}

func (w *writer) addUp(ctx context.Context, sums map[syncproto.PlaceID]indicators.Counter) error {
	for place, c := range sums {
		if err := w.count(ctx, place, c); err != nil {
			return fmt.Errorf("count: %w", err)
		}
	}
	return nil
}

// replace writes a record's rows, after those that it has were taken out with their
// counts.
func (w *writer) replace(ctx context.Context, e *entry, scope *store.Scope, of func(syncproto.PlaceID) indicators.Counter) error {
	fresh, err := w.insert(ctx, e, scope)
	if err == nil && !fresh {
		if err = w.drop(ctx, e.record, nil, of); err == nil {
			_, err = w.insert(ctx, e, scope)
		}
	}
	if err != nil || e.counted.Gone {
		return err
	}
	return w.add(ctx, e, scope)
}

// insert writes the row of a record's counts, false if there is one.
func (w *writer) insert(ctx context.Context, e *entry, scope *store.Scope) (fresh bool, err error) {
	n, err := w.rows(ctx, "INSERT INTO records (record, scope, place, form, counts) VALUES (?, ?, ?, ?, ?) ON CONFLICT (record) DO NOTHING",
		e.record[:], scope.ID[:], scope.Place[:], int64(e.number), e.counts.Text())
	return n > 0, err
}

// drop takes a record's row out, and its counts. With in, only if it lives in that
// scope: it may have been read at its new home before its mark at the old one.
func (w *writer) drop(ctx context.Context, id syncproto.RecordID, in *syncproto.ScopeID, of func(syncproto.PlaceID) indicators.Counter) error {
	var scope, place []byte
	var number int64
	var text string
	there, err := w.one(ctx, "SELECT scope, place, form, counts FROM records WHERE record = ?", []any{id[:]}, &scope, &place, &number, &text)
	if err != nil || !there || in != nil && syncproto.ScopeID(scope) != *in {
		return err
	}
	counts, err := indicators.ParseCounts(text)
	if err != nil {
		return err
	}
	of(syncproto.PlaceID(place)).Subtract(counts)
	if t := w.layout.tables[schemas.FormID(number)]; t != nil {
		for _, x := range append([]*table{t}, t.lists...) {
			if err := w.exec(ctx, x.remove, id[:]); err != nil {
				return err
			}
		}
	}
	return w.exec(ctx, "DELETE FROM records WHERE record = ?", id[:])
}

// add writes a record into its form's tables.
func (w *writer) add(ctx context.Context, e *entry, scope *store.Scope) error {
	t := w.layout.tables[schemas.FormID(e.number)]
	if t == nil {
		return nil
	}
	version := e.counted.Version
	args := []any{e.record[:], scope.Place[:], scope.ID[:], version[:], e.made, e.changed, int64(len(e.counted.Conflicts))}
	if err := w.exec(ctx, t.insert, t.values(args, e.counted.Values.Fields)...); err != nil {
		return err
	}
	for _, list := range t.lists {
		for n, item := range e.counted.Values.Fields[list.list.ID].Items() {
			if err := w.exec(ctx, list.insert, list.values([]any{e.record[:], int64(n), item.ID[:]}, item.Fields)...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *table) values(args []any, fields map[schemas.FieldID]schemas.Value) []any {
	for _, c := range t.columns {
		if v := fields[c.field.ID]; v.IsEmpty() {
			args = append(args, nil)
		} else {
			args = append(args, c.write(v))
		}
	}
	return args
}

// count adds to a place's counters. Its summary is made anew when somebody asks.
func (w *writer) count(ctx context.Context, place syncproto.PlaceID, c indicators.Counter) error {
	if len(c) == 0 {
		return nil
	}
	keys := make([]string, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		err := w.exec(ctx, "INSERT INTO counts (place, key, n) VALUES (?, ?, ?) ON CONFLICT (place, key) DO UPDATE SET n = n + excluded.n", place[:], k, c[k])
		if err == nil && c[k] < 0 {
			err = w.exec(ctx, "DELETE FROM counts WHERE place = ? AND key = ? AND n = 0", place[:], k)
		}
		if err != nil {
			return err
		}
	}
	return w.exec(ctx, "INSERT INTO touched (place, stamp) VALUES (?, 1) ON CONFLICT (place) DO UPDATE SET stamp = stamp + 1", place[:])
}
