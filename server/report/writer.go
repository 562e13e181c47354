package report

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"strings"

	"mahalleh/schemas/indicators"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Names of what the table report holds.
const (
	printName = "print"
	// eraName is the last opening of the store that the report knows: a store that
	// does not know it was put back to an earlier state.
	eraName = "era"
)

// writer is the one connection that writes, with its prepared statements.
type writer struct {
	db     *sql.DB
	conn   *sql.Conn
	layout *layout
	stmts  map[string]*sql.Stmt
	// dropped says that records left or were erased since somebody looked.
	dropped bool
	// building says that the file is being made and thrown away if anything fails: all
	// of it is one transaction, and counts are gathered before they are written.
	building bool
	sums     map[syncproto.PlaceID]indicators.Counter
	// at are the cursors as they were committed, nil while they are not known; ahead
	// those of the transaction at hand.
	at, ahead map[syncproto.ScopeID]uint64
	// places are those of all scopes that there may be, by the places in known.
	places map[syncproto.ScopeID]syncproto.PlaceID
	known  map[syncproto.PlaceID]bool
}

// common are the pragmas of every connection. What was erased shall not lie about in
// free pages.
var common = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(ON)", "checkpoint_fullfsync(ON)", "secure_delete(ON)", "temp_store(MEMORY)"}

func dsn(path string, more ...string) string {
	q := url.Values{"_pragma": append(append([]string{}, common...), more...), "_dqs": {"0"}}
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String()
}

// readsAtOnce bounds how many figures and exports are read at a time.
const readsAtOnce = 4

func openReads(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, "query_only(ON)", "cache_size(-8192)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readsAtOnce)
	return db, nil
}

// openWriter opens a file; it makes the tables if there are none.
func openWriter(ctx context.Context, path string, l *layout) (*writer, error) {
	db, err := sql.Open("sqlite", dsn(path, "cache_size(-8192)"))
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &writer{db: db, conn: conn, layout: l, stmts: map[string]*sql.Stmt{}}, nil
}

func (w *writer) close() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.conn.Close(), w.db.Close())...)
}

func (w *writer) script(ctx context.Context, sql string) error {
	_, err := w.conn.ExecContext(ctx, sql)
	return err
}

func (w *writer) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	if s := w.stmts[text]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	w.stmts[text] = s
	return s, nil
}

func (w *writer) exec(ctx context.Context, text string, args ...any) error {
	_, err := w.rows(ctx, text, args...)
	return err
}

// rows runs a statement and returns how many rows it touched.
func (w *writer) rows(ctx context.Context, text string, args ...any) (int64, error) {
	s, err := w.stmt(ctx, text)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// one reads the first row, and reports whether there is one.
func (w *writer) one(ctx context.Context, text string, args []any, into ...any) (bool, error) {
	s, err := w.stmt(ctx, text)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// update runs f in a transaction, while the file is being made in that of all of it.
func (w *writer) update(ctx context.Context, f func() error) error {
	if w.building {
		return f()
	}
	if err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	w.ahead = map[syncproto.ScopeID]uint64{}
	err := f()
	if err == nil {
		err = w.exec(ctx, "COMMIT")
	}
	if err != nil {
		// Whoever is over takes the transaction with them.
		w.at = nil
		return errors.Join(err, w.script(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	if w.at != nil {
		maps.Copy(w.at, w.ahead)
	}
	return nil
}

// build runs f, which fills a file that is being made: without a journal, since it is
// thrown away if anything fails, and made durable when all is in it. Its pages in memory
// take twice what the bound says, since the driver gives each twice its size.
func (w *writer) build(ctx context.Context, f func() error) error {
	for _, pragma := range []string{"journal_mode = OFF", "locking_mode = EXCLUSIVE", "cache_size = -32768"} {
		if err := w.script(ctx, "PRAGMA "+pragma); err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
	}
	if err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	w.building, w.sums, w.ahead = true, map[syncproto.PlaceID]indicators.Counter{}, map[syncproto.ScopeID]uint64{}
	if err := f(); err != nil {
		return err
	}
	return w.exec(ctx, "COMMIT")
}

// fits reports whether the file is of this layout and of this past of the store.
func (w *writer) fits(ctx context.Context, view func(context.Context, func(store.Reader) error) error) (bool, error) {
	var print, era string
	for name, into := range map[string]*string{printName: &print, eraName: &era} {
		if _, err := w.one(ctx, "SELECT value FROM report WHERE name = ?", []any{name}, into); err != nil {
			return false, nil // not a report, or a damaged one
		}
	}
	if print != w.layout.print {
		return false, nil
	}
	found := false
	err := view(ctx, func(r store.Reader) error {
		eras, err := r.Eras()
		for _, e := range eras {
			found = found || e.ID.String() == era
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read the store's past: %w", err)
	}
	return found, nil
}

func (w *writer) note(ctx context.Context, name, value string) error {
	return w.exec(ctx, "INSERT INTO report (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
}

// Taken is the position up to which a scope was taken in, 0 for one of which nothing
// was.
func (r *Report) Taken(ctx context.Context, scope syncproto.ScopeID) (position uint64, err error) {
	err = r.view(ctx, func(tx *sql.Tx) error {
		var at int64
		err := tx.QueryRowContext(ctx, "SELECT position FROM cursors WHERE scope = ?", scope[:]).Scan(&at)
		position = uint64(at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return position, err
}

// cursors are the positions up to which each scope was taken in.
func (w *writer) cursors(ctx context.Context) (map[syncproto.ScopeID]uint64, error) {
	if w.building {
		return maps.Clone(w.ahead), nil
	}
	if w.at == nil {
		all, err := w.readCursors(ctx)
		if err != nil {
			return nil, err
		}
		w.at = all
	}
	return maps.Clone(w.at), nil
}

func (w *writer) readCursors(ctx context.Context) (map[syncproto.ScopeID]uint64, error) {
	s, err := w.stmt(ctx, "SELECT scope, position FROM cursors")
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	all := map[syncproto.ScopeID]uint64{}
	for rows.Next() {
		var scope []byte
		var position int64
		if err := rows.Scan(&scope, &position); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all[syncproto.ScopeID(scope)] = uint64(position)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
