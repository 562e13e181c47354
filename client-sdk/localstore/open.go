package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// access is what a connection is for.
type access uint8

const (
	toLook      access = iota // at the numbers of a file that may not be ours
	toRead                    // beside the writer
	toWrite                   // an existing file
	toCreate                  // a new one
	toReadAlone               // without shared memory, on a disk without room
)

// dataSource names the file for the driver. The schema may call functions, of
// which the program adds one: the rows' checksum. synchronous=FULL, so that a commit
// is on the disk; secure_delete, so that what was deleted is gone; checkpoints
// only where nobody waits.
func dataSource(opt Options, how access) string {
	path := filepath.ToSlash(opt.Path)
	if filepath.IsAbs(opt.Path) && !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	q := url.Values{}
	if opt.VFS != "" {
		q.Set("vfs", opt.VFS)
	}
	switch how {
	case toLook:
		q.Set("mode", "ro")
	case toRead, toReadAlone:
		q.Set("mode", "rw")
		q.Set("_query_only", "1")
	case toWrite:
		q.Set("mode", "rw")
	}
	switch how {
	case toReadAlone:
		// Before anything is read: the map of the write-ahead log then lies in
		// this process's memory.
		q.Add("_pragma", "locking_mode(exclusive)")
	case toWrite, toCreate:
		q.Add("_pragma", "journal_mode(wal)")
		q.Set("_txlock", "immediate")
	}
	if how != toLook {
		for _, p := range []string{"busy_timeout(5000)", "synchronous(full)", "secure_delete(on)", "foreign_keys(on)", "temp_store(memory)",
			"wal_autocheckpoint(0)", "journal_size_limit(4194304)", "trusted_schema(on)"} {
			q.Add("_pragma", p)
		}
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// openDatabase opens the file, or makes it. An existing file on a disk without
// room is opened for reading only.
func openDatabase(ctx context.Context, opt Options, create bool) (*database, error) {
	d, err := openShared(ctx, opt, create)
	if create || !noRoom(err) {
		return d, err
	}
	alone, again := openTight(ctx, opt)
	if again != nil {
		return nil, fmt.Errorf("%w; opening it for reading only: %w", err, again)
	}
	return alone, nil
}

// noRoom says whether opening a file failed for want of room: for its
// write-ahead log, or for the shared memory beside it.
func noRoom(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() {
	case sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP:
		return true
	}
	return e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code()&0xff == sqlite3.SQLITE_CANTOPEN
}

// openTight opens an existing file by one connection that reads and needs not a
// byte on the disk. Nobody else can open it meanwhile, which the lock file
// promises anyway. What the write-ahead log holds is read like the rest.
func openTight(ctx context.Context, opt Options) (*database, error) {
	db, err := openPool(dataSource(opt, toReadAlone))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", opt.Path, err)
	}
	db.SetMaxOpenConns(1)
	if err := checkLayout(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return &database{path: opt.Path, read: db, tight: true}, nil
}

func openShared(ctx context.Context, opt Options, create bool) (*database, error) {
	// Nothing may touch a newer release's file, not even its journal mode.
	how := toCreate
	if !create {
		how = toWrite
		if err := checkVersion(ctx, opt); err != nil {
			return nil, err
		}
	}
	d := &database{path: opt.Path}
	var err error
	if d.write, err = openPool(dataSource(opt, how)); err != nil {
		return nil, fmt.Errorf("open %s: %w", opt.Path, err)
	}
	d.write.SetMaxOpenConns(1)
	if create {
		// The file must be ours alone before anything is in it.
		f, err := os.OpenFile(opt.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			d.write.Close()
			return nil, fmt.Errorf("create file: %w", err)
		}
		f.Close()
	}
	if err := migrate(ctx, d.write); err != nil {
		d.write.Close()
		return nil, err
	}
	if d.read, err = openPool(dataSource(opt, toRead)); err != nil {
		d.write.Close()
		return nil, fmt.Errorf("open %s: %w", opt.Path, err)
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	return d, nil
}

// checkVersion looks at the numbers in the file through a connection that
// cannot write.
func checkVersion(ctx context.Context, opt Options) error {
	db, err := openPool(dataSource(opt, toLook))
	if err != nil {
		return fmt.Errorf("open %s: %w", opt.Path, err)
	}
	defer db.Close()
	return checkLayout(ctx, db)
}

// checkLayout says whether the file is ours and of a layout that this release knows.
func checkLayout(ctx context.Context, db *sql.DB) error {
	var version, app int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read layout number: %w", translate(err))
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return fmt.Errorf("read program number: %w", translate(err))
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	if app != applicationID {
		return ErrForeign
	}
	if version > len(steps) {
		return fmt.Errorf("layout %d, this release knows %d: %w", version, len(steps), ErrNewer)
	}
	return nil
}
