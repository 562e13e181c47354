package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	"mahalleh/syncproto"
)

// database is the file, opened: one connection that writes, two that read.
type database struct {
	path  string
	write *sql.DB
	read  *sql.DB
	// tight says that the disk had no room to open the file as usual: one
	// connection reads, and none writes.
	tight bool
}

const (
	// readers are the connections that read beside the writer: a list and a
	// record at a time, and each costs a page cache.
	readers = 2
	// walSoft is the size of the write-ahead log above which it is folded back
	// where nobody waits: after pages, and when a form is opened. walHard is the
	// one above which a save does it too: thousands of saves one after another,
	// none of which opened a form, and then the disk is what is at stake.
	walSoft = 1 << 20
	walHard = 512 << 20
	// foldAfter is after how many transactions a log that has not grown is folded
	// again: its file stays as large as it once was, so that no save extends it.
	foldAfter = 32
)

func (d *database) close() error {
	var errs []error
	if d.read != nil {
		errs = append(errs, d.read.Close())
	}
	if d.write != nil {
		errs = append(errs, d.write.Close())
	}
	return errors.Join(errs...)
}

// checkpoint folds the write-ahead log back into the file.
func (d *database) checkpoint(ctx context.Context, mode string) error {
	var busy, frames, done int
	if err := d.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &done); err != nil {
		return fmt.Errorf("fold back write-ahead log: %w", translate(err))
	}
	return nil
}

func (d *database) walSize() int64 {
	st, err := os.Stat(d.path + "-wal")
	if err != nil {
		return 0
	}
	return st.Size()
}

// querier is what reads: a transaction of either kind.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// view runs f over one snapshot.
func (s *Store) view(ctx context.Context, f func(querier) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return ErrClosed
	}
	t, err := s.db.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin reading: %w", translate(err))
	}
	defer t.Rollback()
	return translate(f(t))
}

// tx is a writing transaction.
type tx struct {
	*sql.Tx
	s       *Store
	ctx     context.Context
	touched map[syncproto.RecordID]bool
	// fresh are records that came for the first time and that nothing of this
	// device belongs to; the index looks at them later.
	fresh  []syncproto.RecordID
	opened []*scopeKey // scopes that this transaction opened
	after  []func()
}

func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	r, err := t.ExecContext(t.ctx, query, args...)
	return r, translate(err)
}

func (t *tx) row(query string, args ...any) *sql.Row { return t.QueryRowContext(t.ctx, query, args...) }

// touch notes that a record must be looked at again by the index.
func (t *tx) touch(id syncproto.RecordID) { t.touched[id] = true }

// done runs f once the transaction is durable.
func (t *tx) done(f func()) { t.after = append(t.after, f) }

// update runs f in the one writing transaction and makes it durable; then the
// index follows. When it returns an error, f's writing is not acknowledged.
func (s *Store) update(ctx context.Context, what string, f func(*tx) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.updateLocked(ctx, what, f)
}

func (s *Store) updateLocked(ctx context.Context, what string, f func(*tx) error) error {
	if err := s.ready(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	// Once begun, a transaction ends by its own decision: a context that ends
	// in the middle of a commit would leave its outcome open.
	ctx = context.WithoutCancel(ctx)
	sqlTx, err := s.db.write.BeginTx(ctx, nil)
	if err != nil {
		return s.failed(ctx, what, err)
	}
	t := &tx{Tx: sqlTx, s: s, ctx: ctx, touched: map[syncproto.RecordID]bool{}}
	if err := t.run(f); err != nil {
		sqlTx.Rollback()
		t.forget()
		return s.failed(ctx, what, err)
	}
	for _, f := range t.after {
		f()
	}
	s.unfolded++
	s.follow(ctx, t)
	return nil
}

// ready opens the file again if the disk failed so badly that it could not be
// opened at once, or had no room to open it for writing. ErrFull: it still has none.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return ErrClosed
	}
	if s.db == nil || s.db.tight {
		if err := s.reopen(ctx); err != nil {
			return err
		}
	}
	if s.db.tight {
		return ErrFull
	}
	return nil
}

// run does the work of a transaction and commits it.
func (t *tx) run(f func(*tx) error) error {
	if err := f(t); err != nil {
		return err
	}
	ids := t.fresh[:len(t.fresh):len(t.fresh)]
	for id := range t.touched {
		ids = append(ids, id)
	}
	if err := t.noteTouched(ids); err != nil {
		return err
	}
	return t.Commit()
}

// manyTouched is how many records one statement notes when there are many.
const manyTouched = 32

// noteTouched writes down what the next unlock's index must look at.
func (t *tx) noteTouched(ids []syncproto.RecordID) error {
	const one, more = "INSERT INTO touched (record) VALUES (?)", ", (?)"
	for len(ids) > 0 {
		n, query := 1, one
		if len(ids) >= manyTouched {
			n, query = manyTouched, one+strings.Repeat(more, manyTouched-1)
		}
		args := make([]any, n)
		for i := range args {
			args[i] = ids[i][:]
		}
		if _, err := t.exec(query, args...); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// forget drops the keys of scopes whose rows are not in the file after all.
func (t *tx) forget() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	for _, sk := range t.opened {
		delete(t.s.keys.scopes, sk.n)
		delete(t.s.keys.byID, sk.id)
	}
}

// failed turns an error into one of this package's. After a failed disk the
// connections are not trusted any more: what the system's cache shows need not
// be on the disk. They are opened anew, what is there is written through the
// whole way once more, and the heads are compared with what was acknowledged.
func (s *Store) failed(ctx context.Context, what string, err error) error {
	err = translate(err)
	if !errors.Is(err, ErrIO) {
		return fmt.Errorf("%s: %w", what, err)
	}
	if again := s.reopen(ctx); again != nil {
		return fmt.Errorf("%s: %w; opening the store again: %w", what, err, again)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// reopen opens the file anew and looks whether it is what this device wrote.
// If that cannot be told, the file is closed: whatever writes next tries again.
func (s *Store) reopen(ctx context.Context) error {
	s.exchange(nil)
	db, err := openDatabase(ctx, s.opt, false)
	if err != nil {
		return err
	}
	if !db.tight {
		if err = db.checkpoint(ctx, "TRUNCATE"); err != nil {
			db.close()
			if !errors.Is(err, ErrFull) {
				return err
			}
			if db, err = openTight(ctx, s.opt); err != nil {
				return err
			}
		}
	}
	s.exchange(db)
	if err = s.readHeads(ctx); err == nil {
		err = s.compareSideLocked(ctx)
	}
	if err != nil {
		s.exchange(nil)
	}
	return err
}

// exchange closes the file as it was opened and takes another in its place.
func (s *Store) exchange(db *database) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		s.db.close()
	}
	s.db = db
}

// missing turns "no rows" into an error of this package.
func missing(err, instead error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return instead
	}
	return translate(err)
}

// Maintain folds the write-ahead log back if it has grown, unless somebody is
// writing; call it when no save is near.
func (s *Store) Maintain(ctx context.Context) error {
	if !s.write.TryLock() {
		return nil
	}
	defer s.write.Unlock()
	return s.foldBack(ctx, walSoft)
}

// foldBack checkpoints and pays at once for starting the write-ahead log anew,
// which would cost the next save a second sync.
func (s *Store) foldBack(ctx context.Context, above int64) error {
	if s.db == nil || s.db.tight {
		return nil
	}
	size := s.db.walSize()
	if size < above || size <= s.folded && s.unfolded < foldAfter {
		return nil
	}
	if err := s.db.checkpoint(ctx, "RESTART"); err != nil {
		return s.failed(ctx, "checkpoint", err)
	}
	err := s.updateLocked(ctx, "begin write-ahead log", func(t *tx) error {
		// Writing what stands there already would write nothing.
		_, err := t.exec("UPDATE device SET folds = folds + 1")
		return err
	})
	if err == nil {
		s.folded, s.unfolded = s.db.walSize(), 0
	}
	return err
}
