package localstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Clock tells the time.
type Clock interface {
	// Now is the device's clock, right or wrong.
	Now() time.Time
	// Uptime is how long the device has been up, or, where that cannot be
	// known, the process. It never goes back but at a boot.
	Uptime() time.Duration
}

// Options say where a store is and what it lives on.
type Options struct {
	// Path is the database file. Beside it stand Path-wal, Path-shm,
	// Path.lock and Path.head, the side file, which must stay out of backups; and,
	// where a system lets nobody remove what is open, Path-lists1 and the like.
	Path string
	// VFS names a registered SQLite VFS, "" for the system's.
	VFS   string
	Clock Clock
	// Rand is the source of keys, nonces, salts and ids.
	Rand io.Reader
	// Packages are the forms that titles and the searchable index are made with.
	Packages *schemas.Package
}

// Store is a device's store. It is safe for concurrent use; writers take turns.
type Store struct {
	opt  Options
	lock *os.File

	// write is held by whoever writes: the database, the cached heads below,
	// the index, how large the write-ahead log was when it was folded and how
	// many transactions followed. mu guards what readers look at meanwhile.
	write  sync.Mutex
	mu     sync.RWMutex
	closed bool      // by Close
	db     *database // nil once closed, and while the disk fails
	keys   *keyring  // nil while locked
	index  *index    // nil while locked

	folded   int64
	unfolded int

	cur  logHead
	fork string // why a new log must be opened before anything is written, "" if not
	life life

	// noticed is what was damaged when the file was opened.
	noticed []Problem

	unlocking sync.Mutex
	pin       pinned
}

// logHead is the current log as far as appending needs it.
type logHead struct {
	n      int64
	id     syncproto.LogID
	serial uint64
	seq    uint64
	head   syncproto.Hash
}

// life is what the device knows of its own time.
type life struct {
	boot          uint64
	uptime, lived time.Duration // of this boot as last stored, of all boots before
	correction    *int64        // the server's clock minus ours, ms
}

// Setup is what a new store begins with.
type Setup struct {
	Identity Identity
	// Credentials are the ways to unlock, at least one.
	Credentials []Credential
	// Recovery is the province's X25519 recovery key, public, or nil.
	Recovery []byte
}

// Create makes a new store and returns it unlocked. It refuses to overwrite:
// ErrExists.
func Create(ctx context.Context, opt Options, setup Setup) (*Store, error) {
	if len(setup.Credentials) == 0 {
		return nil, fmt.Errorf("create store without a way to unlock it: %w", ErrWrongSecret)
	}
	if _, err := os.Stat(opt.Path); err == nil {
		return nil, fmt.Errorf("create %s: %w", opt.Path, ErrExists)
	}
	s, err := openFile(ctx, opt, true)
	if err != nil {
		return nil, fmt.Errorf("create store: %w", err)
	}
	if err := s.begin(ctx, setup); err != nil {
		s.abandon()
		for _, end := range []string{"", "-wal", "-shm", headSuffix} {
			os.Remove(opt.Path + end)
		}
		return nil, fmt.Errorf("create store: %w", err)
	}
	return s, nil
}

// Open opens an existing store, locked. It says ErrNotFound, ErrInUse,
// ErrNewer, ErrForeign or ErrCorrupt; none of them changes the file. On a disk
// without a byte left it opens all the same: everything can be read and
// exported, and whatever writes says ErrFull until there is room.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if _, err := os.Stat(opt.Path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w", opt.Path, ErrNotFound)
	}
	s, err := openFile(ctx, opt, false)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.resume(ctx); err != nil {
		s.abandon()
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// plainFiles says with a fs.PathError if something else stands where the device's
// files belong. SQLite follows no link to a log, and says of all these only that
// it cannot open the file.
func plainFiles(path string) error {
	for _, end := range []string{"", ".lock", "-wal", "-shm"} {
		look := os.Lstat
		if end == "" || end == ".lock" {
			look = os.Stat
		}
		st, err := look(path + end)
		if err != nil || st.Mode().IsRegular() {
			continue // whatever is wrong with it, opening it says it
		}
		why := syscall.EISDIR
		if st.Mode()&os.ModeSymlink != 0 {
			why = syscall.ELOOP
		}
		return &os.PathError{Op: "open", Path: path + end, Err: why}
	}
	return nil
}

func openFile(ctx context.Context, opt Options, create bool) (*Store, error) {
	if err := plainFiles(opt.Path); err != nil {
		return nil, err
	}
	lock, err := lockFile(opt.Path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{opt: opt, lock: lock}
	if s.db, err = openDatabase(ctx, opt, create); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

// resume checks the bookkeeping before anything of it is written, reads the
// heads, counts the boot and looks whether the file is behind
// what this device wrote.
func (s *Store) resume(ctx context.Context) error {
	if err := s.checkBooks(ctx); err != nil {
		return err
	}
	if err := s.readHeads(ctx); err != nil {
		return err
	}
	if err := s.countBoot(ctx); err != nil {
		return err
	}
	return s.compareSide(ctx)
}

// readHeads fills the cached heads from the file, and notices that the device
// was started anew since the last writing.
func (s *Store) readHeads(ctx context.Context) error {
	return s.view(ctx, func(q querier) error {
		var head, id []byte
		err := q.QueryRowContext(ctx, "SELECT n, id, serial, head_seq, head FROM log ORDER BY n DESC LIMIT 1").
			Scan(&s.cur.n, &id, &s.cur.serial, &s.cur.seq, &head)
		if err != nil {
			return fmt.Errorf("read log: %w", missing(err, ErrCorrupt))
		}
		copy(s.cur.id[:], id)
		copy(s.cur.head[:], head)
		var uptime, lived int64
		var fork string
		err = q.QueryRowContext(ctx, "SELECT boot, uptime, lived, correction, fork FROM device").
			Scan(&s.life.boot, &uptime, &lived, &s.life.correction, &fork)
		if err != nil {
			return fmt.Errorf("read device: %w", missing(err, ErrCorrupt))
		}
		s.fork = fork
		s.life.uptime, s.life.lived = time.Duration(uptime)*time.Millisecond, time.Duration(lived)*time.Millisecond
		if up := s.opt.Clock.Uptime(); up < s.life.uptime {
			s.life.boot++
			s.life.lived += s.life.uptime
			s.life.uptime = up
		}
		return nil
	})
}

// countBoot stores that the device was started anew.
func (s *Store) countBoot(ctx context.Context) error {
	err := s.Tick(ctx)
	if errors.Is(err, ErrFull) {
		return nil // it is stored with the next change
	}
	return err
}

// Tick stores how long the device has been up, so that leases count what was
// lived and not what a clock says. Saving does it too.
func (s *Store) Tick(ctx context.Context) error {
	return s.update(ctx, "store uptime", func(t *tx) error { return t.tick() })
}

func (t *tx) tick() error {
	l := &t.s.life
	up := max(t.s.opt.Clock.Uptime(), l.uptime)
	_, err := t.exec("UPDATE device SET boot = ?, uptime = ?, lived = ?", l.boot, up.Milliseconds(), l.lived.Milliseconds())
	t.done(func() { l.uptime = up })
	return err
}

// Lived is the uptime of the device over all its boots since the store was made.
func (s *Store) Lived() time.Duration {
	s.write.Lock()
	defer s.write.Unlock()
	return s.life.lived + max(s.opt.Clock.Uptime(), s.life.uptime)
}

// Close writes the snapshot of the index if it is worth it, folds the
// write-ahead log back and lets go of the file.
func (s *Store) Close() error {
	ctx := context.Background()
	var errs []error
	if err := s.Lock(ctx); err != nil {
		errs = append(errs, err)
	}
	s.write.Lock()
	defer s.write.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.db != nil {
		if !s.db.tight {
			// Without room it stays in the log, where the next opening finds it.
			if err := s.db.checkpoint(ctx, "TRUNCATE"); err != nil && !errors.Is(err, ErrFull) {
				errs = append(errs, err)
			}
		}
		s.mu.Lock()
		errs = append(errs, s.db.close())
		s.db = nil
		s.mu.Unlock()
	}
	errs = append(errs, s.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// abandon lets go of what an opening that failed had taken.
func (s *Store) abandon() {
	s.closed = true
	s.dropKeys()
	if s.db != nil {
		s.db.close()
		s.db = nil
	}
	s.lock.Close()
}

// Now is the device's clock.
func (s *Store) Now() time.Time { return s.opt.Clock.Now() }

func (s *Store) now() int64 { return s.opt.Clock.Now().UnixMilli() }
