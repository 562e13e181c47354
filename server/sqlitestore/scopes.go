package sqlitestore

import (
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

const scopeColumns = "SELECT num, place, compartment, position, sum, count FROM scopes "

func (r *reader) scanScope(row *row) (s store.Scope, num int64, err error) {
	num = row.int()
	s.Place, s.Compartment = row.id(), row.text()
	s.Position, s.Sum, s.Count = uint64(row.int()), row.id(), uint64(row.int())
	s.ID, err = r.idOf(num)
	return s, num, err
}

// scopeByNum reads a scope's head as it stands in the transaction.
func (r *reader) scopeByNum(num int64) (s store.Scope, err error) {
	if s, ok := r.pending[num]; ok {
		return s, nil
	}
	err = r.c.one(scopeColumns+"WHERE num = ?", func(row *row) error { s, _, err = r.scanScope(row); return err }, num)
	return s, err
}

// Scope implements store.ScopeReader.
func (r *reader) Scope(id syncproto.ScopeID) (s store.Scope, err error) {
	num, err := r.numOf(id)
	if err == nil {
		s, err = r.scopeByNum(num)
	}
	if err != nil {
		return store.Scope{}, fmt.Errorf("scope %s: %w", id, err)
	}
	return s, nil
}

// Scopes implements store.ScopeReader.
func (r *reader) Scopes() (list []store.Scope, err error) {
	written := map[int64]bool{}
	err = r.each(scopeColumns+"ORDER BY num", func(row *row) error {
		s, num, err := r.scanScope(row)
		if p, ok := r.pending[num]; ok {
			s = p
		}
		written[num] = true
		list = append(list, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("scopes: %w", err)
	}
	for num, s := range r.pending {
		if !written[num] {
			list = append(list, s)
		}
	}
	sortByID(list, func(s store.Scope) [16]byte { return s.ID })
	return list, nil
}

// SumAt implements store.ScopeReader.
func (r *reader) SumAt(id syncproto.ScopeID, position uint64) (sum [16]byte, err error) {
	num, err := r.numOf(id)
	if err != nil {
		return sum, fmt.Errorf("sum of scope %s: %w", id, err)
	}
	if s, ok := r.pending[num]; ok && s.Position == position {
		return s.Sum, nil
	}
	at, err := place(num, position)
	if err != nil {
		// No transaction ended beyond all positions.
		return sum, fmt.Errorf("sum of scope %s: %w", id, store.ErrNotFound)
	}
	err = r.c.one("SELECT sum FROM sums WHERE place = ?", func(row *row) error { sum = row.id(); return nil }, at)
	if err != nil {
		return sum, fmt.Errorf("sum of scope %s at %d: %w", id, position, err)
	}
	return sum, nil
}

// LockScope implements store.ScopeWriter: there is one writer, which has all
// the locks.
func (t *tx) LockScope(id syncproto.ScopeID) (store.Scope, error) { return t.Scope(id) }

// PutScope implements store.ScopeWriter. The row is written when the
// transaction ends, once for all the changes that moved it.
func (t *tx) PutScope(s store.Scope) error {
	num, err := t.intern(s.ID)
	if err != nil {
		return fmt.Errorf("put scope %s: %w", s.ID, err)
	}
	t.pending[num], t.wrote = s, true
	return nil
}

func (t *tx) writeScope(num int64, s store.Scope) error {
	at, err := place(num, s.Position)
	if err != nil {
		return err
	}
	err = t.put(`INSERT INTO scopes (num, place, compartment, position, sum, count) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (num) DO UPDATE SET place = excluded.place, compartment = excluded.compartment,
			position = excluded.position, sum = excluded.sum, count = excluded.count`,
		num, s.Place[:], s.Compartment, int64(s.Position), s.Sum[:], int64(s.Count))
	if err != nil {
		return err
	}
	return t.put("INSERT INTO sums (place, sum) VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET sum = excluded.sum", at, s.Sum[:])
}
