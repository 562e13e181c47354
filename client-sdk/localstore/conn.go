package localstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"modernc.org/sqlite"
)

// maxKept bounds the statements that a connection keeps: more than this package
// has, so that only those made up on the way are compiled anew.
const maxKept = 256

// openPool opens a pool of connections that compile each statement once: for the
// short statements of this package, compiling costs more than running.
func openPool(source string) (*sql.DB, error) {
	teach()
	c, err := sqlite.NewConnector(source)
	if err != nil {
		return nil, fmt.Errorf("open connections: %w", err)
	}
	return sql.OpenDB(connector{c}), nil
}

type connector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	dc, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{fullConn: dc.(fullConn), free: map[string]driver.Stmt{}}, nil
}

// fullConn is what the driver's connection can do and the pool asks for.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// conn is one connection with its compiled statements. free are those that are
// not in use; a statement is compiled again while an answer of its own is open.
type conn struct {
	fullConn
	free map[string]driver.Stmt
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	for _, st := range c.free {
		st.Close()
	}
	clear(c.free)
	return c.fullConn.Close()
}

func (c *conn) take(query string) (driver.Stmt, error) {
	if st := c.free[query]; st != nil {
		delete(c.free, query)
		return st, nil
	}
	return c.Prepare(query)
}

// keep puts a statement back after use. After an error it is not trusted.
func (c *conn) keep(query string, st driver.Stmt, err error) {
	if err != nil || c.free[query] != nil || len(c.free) >= maxKept {
		st.Close()
		return
	}
	c.free[query] = st
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	st, err := c.take(query)
	if err != nil {
		return nil, err
	}
	r, err := st.(driver.StmtExecContext).ExecContext(ctx, args)
	c.keep(query, st, err)
	return r, err
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	st, err := c.take(query)
	if err != nil {
		return nil, err
	}
	r, err := st.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		st.Close()
		return nil, err
	}
	return &answer{Rows: r, c: c, query: query, st: st}, nil
}

// answer is an open answer of a statement, which is kept once it is closed.
type answer struct {
	driver.Rows
	c     *conn
	query string
	st    driver.Stmt
}

// Close implements driver.Rows.
func (a *answer) Close() error {
	if a.st == nil {
		return nil
	}
	err := a.Rows.Close()
	a.c.keep(a.query, a.st, err)
	a.st = nil
	return err
}
