package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mahalleh/server/store"
)

// errEnded answers those who kept a transaction.
var errEnded = errors.New("the transaction is over")

// ended stands in for the connection of a transaction that is over.
func ended() *conn { return &conn{failed: errEnded} }

// cancelEvery is after how many rows a long answer looks whether it is still
// wanted.
const cancelEvery = 256

// reader answers from one snapshot.
type reader struct {
	ctx   context.Context
	c     *conn
	names *names
	// fresh and pending are the ids and scope heads of a writing transaction
	// that are not yet committed, or not yet written.
	fresh   *names
	pending map[int64]store.Scope
	// memo has answers that hold for the snapshot, nil for none.
	memo *memo
}

var _ store.Reader = (*reader)(nil)

// tx is a writing transaction.
type tx struct {
	reader
	wrote bool
	// unsettled says that it changes what a memo may hold.
	unsettled bool
	// order is the last number of an applied change, counting that it went on.
	order    int64
	counting bool
}

var _ store.Tx = (*tx)(nil)

// each is conn.each, with a look at the context now and then.
func (r *reader) each(sql string, f func(*row) error, args ...driver.Value) error {
	n := 0
	return r.c.each(sql, func(row *row) error {
		if n++; n%cancelEvery == 0 {
			if err := r.ctx.Err(); err != nil {
				return err
			}
		}
		return f(row)
	}, args...)
}

// togethers are how many ids one question asks for: SQLite walks the index for
// all of them in turn, and a statement costs several times a look.
var togethers = [...]int{64, 8, 1}

// among calls f for the rows of a table whose key is one of the ids, and for which
// rest holds; more are rest's arguments. The ids are rows of their own that lead the
// way into the table: of a list behind IN SQLite makes a sorted table first.
func (r *reader) among(columns, table, key, rest string, ids [][16]byte, f func(*row) error, more ...driver.Value) error {
	var args []driver.Value
	for len(ids) > 0 {
		n := 0
		for _, n = range togethers {
			if n <= len(ids) || n > 1 && n/2 < len(ids) {
				break
			}
		}
		args = args[:0]
		for i := range n {
			if i < len(ids) {
				args = append(args, ids[i][:])
			} else {
				args = append(args, nil) // which no key is
			}
		}
		sql := "SELECT " + columns + " FROM (VALUES (?)" + strings.Repeat(", (?)", n-1) + ") AS asked CROSS JOIN " + table + " ON " + key + " = asked.column1" + rest
		if err := r.each(sql, f, append(args, more...)...); err != nil {
			return err
		}
		ids = ids[min(n, len(ids)):]
	}
	return nil
}

// idOf returns the id behind a short number.
func (r *reader) idOf(num int64) (id [16]byte, err error) {
	if num == 0 {
		return id, nil
	}
	if id, ok := r.names.idOf(num); ok {
		return id, nil
	}
	if r.fresh != nil {
		if id, ok := r.fresh.idOf(num); ok {
			return id, nil
		}
	}
	err = r.c.one("SELECT id FROM ids WHERE num = ?", func(row *row) error { id = row.id(); return nil }, num)
	if errors.Is(err, store.ErrNotFound) {
		return id, fmt.Errorf("id number %d: %w", num, store.ErrCorrupt)
	}
	if err == nil {
		r.learn(num, id)
	}
	return id, err
}

// numOf returns the short number of an id, store.ErrNotFound if it has none.
func (r *reader) numOf(id [16]byte) (num int64, err error) {
	if id == ([16]byte{}) {
		return 0, nil
	}
	if num, ok := r.names.numOf(id); ok {
		return num, nil
	}
	if r.fresh != nil {
		if num, ok := r.fresh.numOf(id); ok {
			return num, nil
		}
	}
	if r.memo.isAbsent(id) {
		return 0, store.ErrNotFound
	}
	err = r.c.one("SELECT num FROM ids WHERE id = ?", func(row *row) error { num = row.int(); return nil }, id[:])
	switch {
	case err == nil:
		r.learn(num, id)
	case isNotFound(err):
		r.memo.noteAbsent(id)
	}
	return num, err
}

func (r *reader) learn(num int64, id [16]byte) {
	if r.fresh != nil {
		r.fresh.put(num, id)
	} else {
		r.names.put(num, id)
	}
}

// intern returns the short number of an id, and gives it one if it has none.
func (t *tx) intern(id [16]byte) (int64, error) {
	num, err := t.numOf(id)
	if !errors.Is(err, store.ErrNotFound) {
		return num, err
	}
	t.unsettle()
	if err := t.put("INSERT INTO ids (id) VALUES (?)", id[:]); err != nil {
		return 0, err
	}
	return t.numOf(id)
}

// put runs a statement that writes.
func (t *tx) put(sql string, args ...driver.Value) error {
	t.wrote = true
	_, err := t.c.exec(sql, args...)
	return err
}

// flush writes what was kept back until the end: the heads of the scopes, once
// each however many changes moved them, and the counters.
func (t *tx) flush() error {
	nums := make([]int64, 0, len(t.pending))
	for num := range t.pending {
		nums = append(nums, num)
	}
	slices.Sort(nums)
	for _, num := range nums {
		if err := t.writeScope(num, t.pending[num]); err != nil {
			return fmt.Errorf("write scope: %w", err)
		}
	}
	sql := "UPDATE counters SET commits = commits + 1"
	if t.counting {
		return t.put(sql+", ord = ?", t.order)
	}
	return t.put(sql)
}

// NextOrder implements store.ChangeWriter.
func (t *tx) NextOrder() (uint64, error) {
	t.counting, t.wrote = true, true
	t.order++
	return uint64(t.order), nil
}
