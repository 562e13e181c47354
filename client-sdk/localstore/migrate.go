package localstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks the file as ours, so that another program's database is
// not taken for one.
const applicationID = 0x4d68_6c31 // "Mhl1"

// migrations returns the layouts in order; the n-th leads to user_version n.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	slices.Sort(names)
	steps := make([]string, len(names))
	for i, name := range names {
		b, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		steps[i] = string(b)
	}
	return steps, nil
}

// migrate brings the file to the layout of this release, each step in one
// transaction together with its number. It refuses a newer file before it
// changes anything.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	var version, app int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read layout number: %w", translate(err))
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return fmt.Errorf("read program number: %w", translate(err))
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return fmt.Errorf("read schema: %w", translate(err))
	}
	if app != applicationID && (app != 0 || version != 0 || tables != 0) {
		return ErrForeign
	}
	if version > len(steps) {
		return fmt.Errorf("layout %d, this release knows %d: %w", version, len(steps), ErrNewer)
	}
	for i, step := range steps[version:] {
		n := version + i + 1
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("migrate to layout %d: %w", n, translate(err))
		}
		script := fmt.Sprintf("%s; PRAGMA user_version = %d; PRAGMA application_id = %d;", step, n, applicationID)
		if _, err := tx.ExecContext(ctx, script); err != nil {
			tx.Rollback()
			return fmt.Errorf("migrate to layout %d: %w", n, translate(err))
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("migrate to layout %d: %w", n, translate(err))
		}
	}
	return nil
}
