package sqlitestore

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// positionBits is how many bits of a place hold the position: enough for a
// change every millisecond for 34 years, and for eight million scopes.
const positionBits = 40

// place joins scope number and position.
func place(scope int64, position uint64) (int64, error) {
	if position >= 1<<positionBits || scope >= 1<<(63-positionBits) {
		return 0, fmt.Errorf("position %d of scope number %d is beyond what a place can hold", position, scope)
	}
	return scope<<positionBits | int64(position), nil
}

func positionOf(place int64) uint64 { return uint64(place) & (1<<positionBits - 1) }

// markWeight is what a mark counts for in a page: about its size on the wire.
const markWeight = 48

const (
	recordFields  = "place, open, hash, state"
	recordColumns = "SELECT " + recordFields + " FROM records "
)

// scanRecord reads recordColumns; weight is the length of the state.
func scanRecord(row *row) (rec store.Record, at int64, weight int, err error) {
	at = row.int()
	rec.Open = int(row.int())
	row.exact(rec.Hash[:])
	state := row.blob()
	if rec.State, err = wire.DecodeStoredRecord(state); err != nil {
		return rec, at, 0, fmt.Errorf("state at position %d: %w: %w", positionOf(at), store.ErrCorrupt, err)
	}
	return rec, at, len(state), nil
}

// Record implements store.RecordReader.
func (r *reader) Record(id syncproto.RecordID) (rec store.Record, err error) {
	err = r.c.one(recordColumns+"WHERE id = ?", func(row *row) error { rec, _, _, err = scanRecord(row); return err }, id[:])
	if err != nil {
		return store.Record{}, fmt.Errorf("record %s: %w", id, err)
	}
	return rec, nil
}

// RecordsByID implements store.RecordReader.
func (r *reader) RecordsByID(ids []syncproto.RecordID) (list []store.Record, err error) {
	err = r.among(recordFields, "records", "id", "", bare(ids), func(row *row) error {
		rec, _, _, err := scanRecord(row)
		list = append(list, rec)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%d records: %w", len(ids), err)
	}
	return list, nil
}

// PutRecord implements store.RecordWriter.
func (t *tx) PutRecord(rec store.Record) error {
	s := rec.State
	home, err := t.intern(s.Home)
	if err != nil {
		return fmt.Errorf("put record %s: %w", s.Record, err)
	}
	at, err := place(home, s.Position)
	state := rec.Stored
	if state == nil {
		state = wire.AppendStoredRecord(nil, s)
	}
	if err == nil {
		err = t.put(`INSERT INTO records (place, id, form, open, erased, hash, state) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET place = excluded.place, form = excluded.form, open = excluded.open,
				erased = excluded.erased, hash = excluded.hash, state = excluded.state`,
			at, s.Record[:], int64(s.Form), int64(rec.Open), yes(s.Erased), rec.Hash[:], state)
	}
	if err != nil {
		return fmt.Errorf("put record %s at position %d: %w", s.Record, s.Position, err)
	}
	return nil
}

// pageItem is the next record or mark of a page.
type pageItem struct {
	at     int64
	weight int
	rec    store.Record
	whole  []byte
	marked bool
	mark   store.Mark
}

// source walks one of the two tables that make a page.
type source struct {
	rows *rows
	scan func(*row) (pageItem, error)
	item pageItem
	more bool
}

func (s *source) advance() (err error) {
	if s.more, err = s.rows.next(); err != nil || !s.more {
		return err
	}
	if s.item, err = s.scan(&s.rows.row); err == nil {
		err = s.rows.row.err
	}
	return err
}

// Page implements store.RecordReader.
func (r *reader) Page(scope syncproto.ScopeID, after, upTo uint64, maxBytes int) ([]store.Record, []store.Mark, uint64, bool, error) {
	p, err := r.pageOf(page{}, scope, after, upTo, maxBytes)
	return p.records, p.marks, p.to, p.more, err
}

// Whole implements store.RecordReader.
func (r *reader) Whole(scope syncproto.ScopeID, after, upTo uint64, maxBytes int) ([][]byte, []store.Mark, uint64, bool, error) {
	p, err := r.pageOf(page{whole: true}, scope, after, upTo, maxBytes)
	return p.travelling, p.marks, p.to, p.more, err
}

func (r *reader) pageOf(p page, scope syncproto.ScopeID, after, upTo uint64, maxBytes int) (page, error) {
	p.max, p.to = maxBytes, after
	var err error
	if after < upTo {
		err = r.page(&p, scope, after, upTo)
	}
	if err != nil {
		return page{}, fmt.Errorf("page of scope %s after %d: %w", scope, after, err)
	}
	return p, nil
}

// scanWhole reads recordColumns as the record travels whole, nil if it is erased.
func scanWhole(row *row) (it pageItem, err error) {
	it.at = row.int()
	row.int()
	row.blob()
	state := row.blob()
	it.weight = len(state)
	if it.whole, err = wire.WholeRecord(state); err != nil {
		return it, fmt.Errorf("state at position %d: %w: %w", positionOf(it.at), store.ErrCorrupt, err)
	}
	return it, nil
}

type page struct {
	// whole asks for records as they travel, which travelling are then.
	whole      bool
	travelling [][]byte
	records    []store.Record
	marks      []store.Mark
	max        int
	weight     int
	to         uint64
	more       bool
}

func (r *reader) page(p *page, scope syncproto.ScopeID, after, upTo uint64) (err error) {
	num, err := r.numOf(scope)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	from, err := place(num, after)
	if err != nil {
		return err
	}
	last := num<<positionBits | int64(min(upTo, 1<<positionBits-1))

	sources := []*source{{scan: func(row *row) (it pageItem, err error) {
		if p.whole {
			return scanWhole(row)
		}
		it.rec, it.at, it.weight, err = scanRecord(row)
		return it, err
	}}, {scan: func(row *row) (it pageItem, err error) {
		it.at, it.weight, it.marked = row.int(), markWeight, true
		it.mark = store.Mark{Scope: scope, Position: positionOf(it.at), Record: row.id(), Kind: store.MarkKind(row.int())}
		it.mark.To, err = r.idOf(row.int())
		return it, err
	}}}
	for i, sql := range []string{
		recordColumns + "WHERE place > ? AND place <= ? ORDER BY place",
		"SELECT place, record, kind, new_home FROM marks WHERE place > ? AND place <= ? ORDER BY place",
	} {
		s := sources[i]
		if s.rows, err = r.c.open(sql, from, last); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.rows.close()) }()
		if err := s.advance(); err != nil {
			return err
		}
	}
	for {
		// A record and a mark at one position stay together.
		at, weight := int64(math.MaxInt64), 0
		for _, s := range sources {
			if s.more && s.item.at < at {
				at, weight = s.item.at, 0
			}
			if s.more && s.item.at == at {
				weight += s.item.weight
			}
		}
		if at == math.MaxInt64 {
			break
		}
		if p.weight > 0 && p.weight+weight > p.max {
			p.more = true
			return nil
		}
		p.weight += weight
		p.to = positionOf(at)
		for _, s := range sources {
			if !s.more || s.item.at != at {
				continue
			}
			switch {
			case s.item.marked:
				p.marks = append(p.marks, s.item.mark)
			case !p.whole:
				p.records = append(p.records, s.item.rec)
			case s.item.whole != nil:
				p.travelling = append(p.travelling, s.item.whole)
			}
			if err := s.advance(); err != nil {
				return err
			}
		}
	}
	// Nothing follows, so everything up to the end is included.
	head, err := r.scopeByNum(num)
	if isNotFound(err) {
		return nil
	}
	p.to = max(p.to, min(head.Position, upTo))
	return err
}

// listed is a candidate for a listing.
type listed struct {
	id syncproto.RecordID
	at int64
}

// Records implements store.RecordReader.
func (r *reader) Records(f store.Filter) ([]store.Record, error) {
	found, err := r.list(f)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	list := make([]store.Record, 0, len(found))
	for _, l := range found {
		rec, err := r.Record(l.id)
		if err != nil {
			return nil, fmt.Errorf("list records: %w", err)
		}
		list = append(list, rec)
	}
	return list, nil
}

// list finds the records of a listing: those of a few scopes by walking these,
// those of all scopes along the ids.
func (r *reader) list(f store.Filter) (found []listed, err error) {
	if f.Max <= 0 {
		return nil, nil
	}
	const columns = "SELECT id, place, form, open FROM records "
	add := func(row *row) error {
		l := listed{id: row.id(), at: row.int()}
		if form := row.int(); f.Form != 0 && form != int64(f.Form) {
			return nil
		}
		if open := row.int(); f.Conflicts && open == 0 {
			return nil
		}
		if bytes.Compare(l.id[:], f.After[:]) > 0 {
			found = append(found, l)
		}
		return nil
	}
	if f.Scopes == nil {
		sql := columns + "WHERE id > ? ORDER BY id"
		if f.Conflicts {
			sql = columns + "WHERE id > ? AND open > 0 ORDER BY id"
		}
		err := r.each(sql, func(row *row) error {
			if err := add(row); err != nil || len(found) < f.Max {
				return err
			}
			return errEnough
		}, f.After[:])
		if errors.Is(err, errEnough) {
			err = nil
		}
		return found, err
	}
	nums, err := r.scopeSet(f.Scopes)
	if err != nil {
		return nil, err
	}
	sql := columns + "WHERE place >= ? AND place < ?"
	if f.Conflicts {
		sql = columns + "INDEXED BY records_rivals WHERE open > 0 AND place >= ? AND place < ?"
	}
	for num := range nums {
		if err := r.each(sql, add, num<<positionBits, (num+1)<<positionBits); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b listed) int { return bytes.Compare(a.id[:], b.id[:]) })
	return found[:min(len(found), f.Max)], nil
}

// Each implements store.RecordReader.
func (r *reader) Each(scope syncproto.ScopeID, f func(syncproto.RecordID, [16]byte) error) error {
	type share struct {
		id   syncproto.RecordID
		hash [16]byte
	}
	var all []share
	num, err := r.numOf(scope)
	if isNotFound(err) {
		return nil
	}
	if err == nil {
		err = r.each("SELECT id, hash FROM records WHERE place >= ? AND place < ? AND erased = 0", func(row *row) error {
			all = append(all, share{id: row.id(), hash: row.id()})
			return nil
		}, num<<positionBits, (num+1)<<positionBits)
	}
	if err != nil {
		return fmt.Errorf("records of scope %s: %w", scope, err)
	}
	slices.SortFunc(all, func(a, b share) int { return bytes.Compare(a.id[:], b.id[:]) })
	for _, s := range all {
		if err := f(s.id, s.hash); err != nil {
			return err
		}
	}
	return nil
}

// PutMark implements store.RecordWriter.
func (t *tx) PutMark(m store.Mark) error {
	scope, err := t.intern(m.Scope)
	if err != nil {
		return fmt.Errorf("put mark of %s: %w", m.Record, err)
	}
	to, err := t.intern(m.To)
	if err != nil {
		return fmt.Errorf("put mark of %s: %w", m.Record, err)
	}
	at, err := place(scope, m.Position)
	if err == nil {
		err = t.put(`INSERT INTO marks (place, record, scope, kind, new_home) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (record, scope) DO UPDATE SET place = excluded.place, kind = excluded.kind, new_home = excluded.new_home`,
			at, m.Record[:], scope, int64(m.Kind), to)
	}
	if err != nil {
		return fmt.Errorf("put mark of %s at position %d: %w", m.Record, m.Position, err)
	}
	return nil
}

// DropMark implements store.RecordWriter.
func (t *tx) DropMark(scope syncproto.ScopeID, record syncproto.RecordID) error {
	num, err := t.numOf(scope)
	if isNotFound(err) {
		return nil
	}
	if err == nil {
		err = t.put("DELETE FROM marks WHERE record = ? AND scope = ?", record[:], num)
	}
	if err != nil {
		return fmt.Errorf("drop mark of %s: %w", record, err)
	}
	return nil
}
