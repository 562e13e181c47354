// Package sqlitestore keeps the server's data in one SQLite database: WAL,
// synchronous=FULL, one writing connection and a few that read.
package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"modernc.org/sqlite"

	"mahalleh/server/store"
)

const (
	// defaultReaders is how many snapshots may be read at a time: a page is
	// encoded by its reader while others read, and more would only wait for
	// the processors.
	defaultReaders = 4
	// busyMillis is how long a connection waits for another of this process,
	// which happens while a write-ahead log is recovered or truncated.
	busyMillis = 5000
	// writerCacheKiB keeps the indexes of some million changes in memory, which
	// random ids would otherwise read again for every change.
	writerCacheKiB = 64 << 10
	readerCacheKiB = 8 << 10
	// walBackstopPages is where a commit folds the write-ahead log back itself,
	// if nobody called Checkpoint: 256 MiB.
	walBackstopPages = 65536
	// walKeepBytes is what stays of the write-ahead log's file once folded.
	walKeepBytes = 64 << 20
)

// Options say where the database is and how to open it.
type Options struct {
	// Path is the database file; its folder is made if it is not there. Lock
	// file and write-ahead log lie beside it.
	Path string
	// VFS names the SQLite file system to use, empty for the system's own.
	VFS string
	// Readers is how many snapshots may be read at a time, 0 for the default.
	Readers int
}

// Store is a store.Store in one SQLite database. It is safe for concurrent use.
type Store struct {
	path      string
	connector driver.Connector
	lock      *os.File
	names     *names

	// turn is held by whoever writes; what follows is guarded by it.
	turn    chan struct{}
	writer  *conn
	commits int64 // acknowledged transactions, as counted in the database
	order   int64 // the last number of an applied change
	lost    error // set when acknowledged transactions are gone
	// unfolded is about how many pages the write-ahead log has, grown tells that
	// they are many, long or more.
	unfolded, long int64
	grown          chan struct{}

	memo atomic.Pointer[memo]
	// cache is the sum of what the connections' caches of pages take.
	cache atomic.Int64

	migration Migration

	// readers holds the connections that are free; nil ones are opened at need.
	readers chan *conn
	closed  atomic.Bool
}

var _ store.Store = (*Store)(nil)

// Open opens the database, makes it if it is not there, and brings it to this
// release's schema, after it was copied. The errors wrap store.ErrInUse when another process has it,
// store.ErrNewer when a newer release wrote it, store.ErrCorrupt when it cannot
// be read.
func Open(ctx context.Context, o Options) (*Store, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	connector, err := sqlite.NewConnector(dsn(path, o.VFS, nil))
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return open(ctx, o, path, connector)
}

// Migrated says whether Open had to migrate the database, and where it is kept
// as it was.
func (s *Store) Migrated() (Migration, bool) { return s.migration, s.migration.To != 0 }

func open(ctx context.Context, o Options, path string, connector driver.Connector) (*Store, error) {
	lock, err := acquire(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if o.VFS == "" {
		if err := begin(path); err != nil {
			return nil, errors.Join(fmt.Errorf("open store: %w", err), release(lock))
		}
	}
	if o.Readers <= 0 {
		o.Readers = defaultReaders
	}
	s := &Store{
		path: path, connector: connector, lock: lock, names: newNames(),
		turn: make(chan struct{}, 1), long: longLog, grown: make(chan struct{}, 1), readers: make(chan *conn, o.Readers),
	}
	if err := s.start(ctx); err != nil {
		if s.writer != nil {
			err = errors.Join(err, s.writer.close())
		}
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), release(lock))
	}
	for range o.Readers {
		s.readers <- nil
	}
	s.turn <- struct{}{}
	return s, nil
}

// begin makes an empty file where there is no database yet: what SQLite makes
// beside one takes the rights that it has then. One that is there is not touched,
// since closing it would end the locks of this process.
func begin(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// start opens the writing connection for the first time.
func (s *Store) start(ctx context.Context) (err error) {
	s.writer, err = connect(ctx, s.connector, []string{fmt.Sprintf("busy_timeout = %d", busyMillis)})
	if err != nil {
		return err
	}
	// The gate comes before anything is set that stays in the file.
	version, err := schemaOf(s.writer)
	if err != nil {
		return err
	}
	if err := s.tuneWriter(); err != nil {
		return err
	}
	if version > 0 && version < SchemaVersion() {
		s.migration = Migration{From: version, To: SchemaVersion()}
		if s.migration.Kept, err = keepOlder(ctx, s.writer, s.path, version); err != nil {
			return err
		}
	}
	if err := migrate(s.writer, version); err != nil {
		return err
	}
	// Its write-ahead log takes the file's rights.
	if err := os.Chmod(s.path, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s.commits, s.order, err = counters(s.writer)
	s.memo.Store(newMemo(s.commits))
	return err
}

// common are the pragmas of every connection. fullfsync matters on macOS,
// where a plain fsync leaves the bytes in the drive's cache.
var common = [...]string{
	"synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON",
	"temp_store = MEMORY",
	// The schema calls row_check, the one function that this program adds.
	"trusted_schema = ON",
	// What was erased shall not lie about in pages that are free.
	"secure_delete = ON",
}

func (s *Store) tuneWriter() error {
	var mode string
	if err := s.writer.one("PRAGMA journal_mode = wal", func(r *row) error { mode = r.text(); return nil }); err != nil {
		return fmt.Errorf("switch to a write-ahead log: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("no write-ahead log on this file system (mode %q)", mode)
	}
	for _, p := range append(common[:],
		fmt.Sprintf("cache_size = -%d", writerCacheKiB),
		fmt.Sprintf("wal_autocheckpoint = %d", walBackstopPages),
		fmt.Sprintf("journal_size_limit = %d", walKeepBytes)) {
		if err := s.writer.script("PRAGMA " + p); err != nil {
			return fmt.Errorf("pragma %s: %w", p, err)
		}
	}
	return nil
}

func counters(c *conn) (commits, order int64, err error) {
	err = c.one("SELECT commits, ord FROM counters", func(r *row) error { commits, order = r.int(), r.int(); return nil })
	return commits, order, err
}

// dsn names a database file to the driver.
func dsn(path, vfs string, more url.Values) string {
	q := url.Values{"_error_rc": {"1"}, "_dqs": {"0"}}
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	for k, v := range more {
		q[k] = v
	}
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String()
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, f func(store.Reader) error) error {
	return s.view(ctx, func(r *reader) error { return f(r) })
}

func (s *Store) view(ctx context.Context, f func(*reader) error) error {
	c, err := s.borrow(ctx)
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	r := &reader{ctx: ctx, c: c, names: s.names}
	defer func() {
		r.c, r.memo = ended(), nil
		if !c.dead {
			// Nothing was written, so nothing can be lost.
			c.failed = nil
			c.dead = c.script("ROLLBACK") != nil
		}
		s.giveBack(c)
	}()
	c.failed = nil
	if _, err := c.exec("BEGIN"); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	// The first read fixes the snapshot.
	commits, _, err := counters(c)
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	r.memo = s.memoOf(commits)
	return f(r)
}

// borrow takes a reading connection.
func (s *Store) borrow(ctx context.Context) (*conn, error) {
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.closed.Load() {
		s.readers <- c
		return nil, errClosed
	}
	if c != nil {
		return c, nil
	}
	c, err := connect(ctx, s.connector, append(common[:],
		fmt.Sprintf("busy_timeout = %d", busyMillis),
		fmt.Sprintf("cache_size = -%d", readerCacheKiB),
		"query_only = ON"))
	if err != nil {
		s.readers <- nil
		return nil, err
	}
	return c, nil
}

func (s *Store) giveBack(c *conn) {
	if c.dead {
		// Another is opened at need.
		s.forgetCache(c)
		_ = c.close()
		c = nil
	} else {
		s.noteCache(c)
	}
	s.readers <- c
}

// Close waits for running transactions, folds the write-ahead log back and
// closes the database.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	<-s.turn
	var errs []error
	for range cap(s.readers) {
		if c := <-s.readers; c != nil {
			errs = append(errs, c.close())
		}
	}
	for range cap(s.readers) {
		s.readers <- nil
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
		s.writer = nil
	}
	s.turn <- struct{}{}
	errs = append(errs, release(s.lock))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
