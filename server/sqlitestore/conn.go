package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"mahalleh/server/store"
)

// conn is one connection to the database with its prepared statements. It
// speaks to the driver directly: one owner at a time, no pool between.
type conn struct {
	dc    driver.Conn
	stmts map[string]driver.Stmt
	// args is where the arguments of the statement at hand are laid out.
	args []driver.NamedValue
	// failed is the error after which the transaction at hand may not go on.
	failed error
	// cache is what its pages in memory took when noteCache looked.
	cache int64
	// written is how many pages it had written when noteGrowth looked.
	written int64
	// dead is set by an error after which the connection may not be used again.
	dead bool
}

// connect opens a connection and runs the pragmas on it.
func connect(ctx context.Context, c driver.Connector, pragmas []string) (*conn, error) {
	teach()
	dc, err := c.Connect(ctx)
	if err != nil {
		return nil, translate(err)
	}
	cn := &conn{dc: dc, stmts: map[string]driver.Stmt{}}
	for _, p := range pragmas {
		if err := cn.script("PRAGMA " + p); err != nil {
			return nil, errors.Join(fmt.Errorf("pragma %s: %w", p, err), cn.close())
		}
	}
	return cn, nil
}

func (c *conn) close() error {
	var errs []error
	for _, st := range c.stmts {
		errs = append(errs, st.Close())
	}
	c.stmts = nil
	return translate(errors.Join(append(errs, c.dc.Close())...))
}

// note keeps what an error means for connection and transaction, and
// translates it.
func (c *conn) note(err error) error {
	if err == nil {
		return nil
	}
	c.dead = c.dead || kills(err)
	broken := poisons(err)
	err = translate(err)
	if broken && c.failed == nil {
		c.failed = err
	}
	return err
}

func (c *conn) stmt(sql string) (driver.Stmt, error) {
	if c.failed != nil {
		return nil, c.failed
	}
	if st := c.stmts[sql]; st != nil {
		return st, nil
	}
	st, err := c.dc.Prepare(sql)
	if err != nil {
		return nil, c.note(err)
	}
	c.stmts[sql] = st
	return st, nil
}

// script runs statements that are not kept.
func (c *conn) script(sql string) error { return c.scriptContext(context.Background(), sql) }

// scriptContext runs statements that are not kept and may take long.
func (c *conn) scriptContext(ctx context.Context, sql string, args ...driver.Value) error {
	st, err := c.dc.Prepare(sql)
	if err != nil {
		return c.note(err)
	}
	_, err = st.(driver.StmtExecContext).ExecContext(ctx, c.named(args))
	return errors.Join(c.note(err), st.Close())
}

// exec runs a kept statement and returns how many rows it touched.
func (c *conn) exec(sql string, args ...driver.Value) (int64, error) {
	st, err := c.stmt(sql)
	if err != nil {
		return 0, err
	}
	res, err := st.(driver.StmtExecContext).ExecContext(context.Background(), c.named(args))
	if err != nil {
		return 0, c.note(err)
	}
	return res.RowsAffected()
}

// rows is an open answer; each Next fills row.
type rows struct {
	c   *conn
	r   driver.Rows
	row row
}

func (c *conn) open(sql string, args ...driver.Value) (*rows, error) {
	st, err := c.stmt(sql)
	if err != nil {
		return nil, err
	}
	r, err := st.(driver.StmtQueryContext).QueryContext(context.Background(), c.named(args))
	if err != nil {
		return nil, c.note(err)
	}
	return &rows{c: c, r: r, row: row{v: make([]driver.Value, len(r.Columns()))}}, nil
}

// next reports whether there was another row.
func (r *rows) next() (bool, error) {
	r.row.i, r.row.err = 0, nil
	switch err := r.r.Next(r.row.v); {
	case err == io.EOF:
		return false, nil
	case err != nil:
		return false, r.c.note(err)
	}
	return true, nil
}

func (r *rows) close() error { return r.c.note(r.r.Close()) }

// each calls f for every row of the answer.
func (c *conn) each(sql string, f func(*row) error, args ...driver.Value) error {
	r, err := c.open(sql, args...)
	if err != nil {
		return err
	}
	for {
		more, err := r.next()
		if err == nil && more {
			err = f(&r.row)
		}
		if err == nil && more {
			err = r.row.err
		}
		if err != nil || !more {
			return errors.Join(err, r.close())
		}
	}
}

// one calls f for the first row; without a row it returns store.ErrNotFound.
func (c *conn) one(sql string, f func(*row) error, args ...driver.Value) error {
	r, err := c.open(sql, args...)
	if err != nil {
		return err
	}
	more, err := r.next()
	switch {
	case err != nil:
	case !more:
		err = store.ErrNotFound
	default:
		if err = f(&r.row); err == nil {
			err = r.row.err
		}
	}
	if cerr := r.close(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	return err
}

// named numbers arguments. The driver has copied them when its call returns.
func (c *conn) named(args []driver.Value) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// row hands out the columns of a row in turn; the first error stays.
type row struct {
	v   []driver.Value
	i   int
	err error
}

func column[T any](r *row, what string) T {
	v, ok := r.v[r.i].(T)
	r.i++
	if !ok && r.err == nil && r.v[r.i-1] != nil {
		r.err = fmt.Errorf("column %d is not %s: %w", r.i, what, store.ErrCorrupt)
	}
	return v
}

func (r *row) int() int64   { return column[int64](r, "a number") }
func (r *row) text() string { return column[string](r, "text") }

// blob is nil for an empty or absent value; it belongs to the caller.
func (r *row) blob() []byte {
	b := column[[]byte](r, "bytes")
	if len(b) == 0 {
		return nil
	}
	return b
}

func (r *row) id() (id [16]byte) {
	r.exact(id[:])
	return id
}

func (r *row) hash() (h [32]byte) {
	r.exact(h[:])
	return h
}

func (r *row) exact(dst []byte) {
	b := r.blob()
	if len(b) != len(dst) && r.err == nil {
		r.err = fmt.Errorf("column %d has %d bytes, not %d: %w", r.i, len(b), len(dst), store.ErrCorrupt)
	}
	copy(dst, b)
}

// bytesOrNull binds an empty slice as NULL: the driver would do so for some
// and not for others.
func bytesOrNull(b []byte) driver.Value {
	if len(b) == 0 {
		return nil
	}
	return b
}

func yes(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
