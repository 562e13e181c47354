package sqlitestore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mahalleh/server/store"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrations are the steps of this release; a test puts others in their place.
var migrations fs.FS = embedded

// applicationID marks the file as a Mahalleh server's: "MhlS".
const applicationID = 0x4d686c53

// errForeign says that the file is a database, but not of this server.
var errForeign = errors.New("not a Mahalleh server's database")

// SchemaVersion is the number of the last migration of this release.
func SchemaVersion() int {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0
	}
	return len(files)
}

// schemaOf reads and judges what a database says of itself; 0 is an empty one.
func schemaOf(c *conn) (int, error) {
	var app, version, tables int64
	read := func(sql string, n *int64) error {
		return c.one(sql, func(r *row) error { *n = r.int(); return nil })
	}
	err := read("PRAGMA application_id", &app)
	if err == nil {
		err = read("PRAGMA user_version", &version)
	}
	if err == nil {
		err = read("SELECT count(*) FROM sqlite_schema", &tables)
	}
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	switch {
	case tables == 0 && app == 0 && version == 0:
		return 0, nil
	case app != applicationID || version < 1:
		return 0, errForeign
	case version > int64(SchemaVersion()):
		return 0, fmt.Errorf("%w: its schema is number %d, this release knows %d; use the newer release, or restore a backup made before the upgrade",
			store.ErrNewer, version, SchemaVersion())
	}
	return int(version), nil
}

// Migration says that Open brought a database of an older release to this one's
// layout.
type Migration struct {
	From, To int
	// Kept is the copy of the database as it was before.
	Kept string
}

// keepOlder copies the database before it is migrated, to a new file beside it,
// whose name it returns. Nothing is migrated that could not be copied: a release
// that turns out wrong is then undone by putting the copy back.
func keepOlder(ctx context.Context, c *conn, path string, version int) (kept string, err error) {
	for n := 1; ; n++ {
		kept = fmt.Sprintf("%s.layout-%d", path, version)
		if n > 1 {
			kept += fmt.Sprintf(".%d", n)
		}
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", fmt.Errorf("keep the database as it was: %w", err)
		}
	}
	err = vacuumInto(ctx, c, kept)
	if err == nil {
		_, _, err = digest(kept, true)
	}
	if err == nil {
		err = SyncDir(filepath.Dir(kept))
	}
	if err != nil {
		_ = os.Remove(kept) // half a copy is none
		return "", fmt.Errorf("keep the database as it was: %w", err)
	}
	return kept, nil
}

// migrate brings the database from a version to this release's in one
// transaction: all the steps or none.
func migrate(c *conn, from int) (err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || from >= len(files) {
		return err
	}
	if err := c.script("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin migration: %w", err)
	}
	defer func() {
		if err != nil {
			// The error at hand says more than that of the rollback.
			_ = c.script("ROLLBACK")
		}
	}()
	for i, name := range files[from:] {
		if !strings.HasPrefix(name, fmt.Sprintf("migrations/%04d_", from+i+1)) {
			return fmt.Errorf("migration %s is out of order", name)
		}
		sql, err := fs.ReadFile(migrations, name)
		if err != nil {
			return fmt.Errorf("read migration: %w", err)
		}
		if err := c.script(string(sql)); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	if err := c.script("PRAGMA application_id = " + strconv.Itoa(applicationID)); err != nil {
		return fmt.Errorf("mark database: %w", err)
	}
	if err := c.script("PRAGMA user_version = " + strconv.Itoa(len(files))); err != nil {
		return fmt.Errorf("number database: %w", err)
	}
	if err := c.script("COMMIT"); err != nil {
		return fmt.Errorf("commit migration: %w", err)
	}
	return nil
}
