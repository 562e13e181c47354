package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"modernc.org/sqlite"

	"mahalleh/server/store"
)

// TestMigrationIsWhole has the last table of the migration fail: nothing of it
// may stay, for the next start begins where this one did.
func TestMigrationIsWhole(t *testing.T) {
	connector, err := sqlite.NewConnector(dsn(filepath.Join(t.TempDir(), "x.db"), "", nil))
	if err != nil {
		t.Fatal(err)
	}
	c, err := connect(context.Background(), connector, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.script("CREATE TABLE audit (x)"); err != nil {
		t.Fatal(err)
	}
	if err := migrate(c, 0); err == nil || !strings.Contains(err.Error(), "0001_") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	c.failed = nil
	if got := pragma(t, c, "user_version"); got != "0" {
		t.Errorf("user_version is %s", got)
	}
	var tables []string
	err = c.each("SELECT name FROM sqlite_schema", func(r *row) error { tables = append(tables, r.text()); return nil })
	if err != nil || len(tables) != 1 {
		t.Errorf("tables are %v (%v), want the one that was there", tables, err)
	}
	if err := c.script("DROP TABLE audit"); err != nil {
		t.Fatal(err)
	}
	if err := migrate(c, 0); err != nil {
		t.Errorf("next start: %v", err)
	}
	if version, err := schemaOf(c); err != nil || version != SchemaVersion() {
		t.Errorf("schema is number %d (%v), want %d", version, err, SchemaVersion())
	}
}

// TestTablesAreExplained reads the migrations: words stand above every table,
// and every table is strict.
func TestTablesAreExplained(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations (%v)", err)
	}
	table := regexp.MustCompile(`(?s)\nCREATE TABLE (\w+).*?\n\) (STRICT)?`)
	explained := regexp.MustCompile(`-- [^\n]+\n$`)
	for _, name := range files {
		b, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		found := table.FindAllSubmatchIndex(b, -1)
		if want := strings.Count(string(b), "CREATE TABLE"); len(found) != want {
			t.Errorf("%s: %d tables were read, it has %d", name, len(found), want)
		}
		for _, m := range found {
			what := string(b[m[2]:m[3]])
			if !explained.Match(b[:m[0]+1]) {
				t.Errorf("%s: nothing is said above table %s", name, what)
			}
			if m[4] < 0 {
				t.Errorf("%s: table %s is not strict", name, what)
			}
		}
	}
}

// older makes the database of an older release: this one has a layout more.
func older(t *testing.T, path, step string) {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, migrated := s.Migrated(); migrated {
		t.Error("a new database was migrated")
	}
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutMeta("x", []byte("as it was")) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	next := fstest.MapFS{fmt.Sprintf("migrations/%04d_made_up.sql", SchemaVersion()+1): {Data: []byte(step)}}
	for _, name := range must(fs.Glob(migrations, "migrations/*.sql")) {
		next[name] = &fstest.MapFile{Data: must(fs.ReadFile(migrations, name))}
	}
	migrations = next
	t.Cleanup(func() { migrations = embedded })
}

// TestOlderIsKeptBeforeMigration: a database of an older release is copied before
// it is migrated, every time, and the copy is what it was.
func TestOlderIsKeptBeforeMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	older(t, path, "-- A made-up table.\nCREATE TABLE made_up (x INTEGER, chk INTEGER NOT NULL AS (row_check(x)) STORED) STRICT; UPDATE meta SET value = x'00' WHERE key = 'x';")
	was := SchemaVersion() - 1
	if err := os.WriteFile(path+fmt.Sprintf(".layout-%d", was), []byte("of an earlier try"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	m, migrated := s.Migrated()
	if want := fmt.Sprintf("%s.layout-%d.2", path, was); !migrated || m != (Migration{From: was, To: was + 1, Kept: want}) {
		t.Fatalf("told of %+v, want a copy in %s", m, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	if _, migrated := s.Migrated(); migrated {
		t.Error("migrated twice")
	}
	if rep, err := s.Check(t.Context()); err != nil || len(rep.Problems) > 0 {
		t.Errorf("after the migration %v, %v", rep.Problems, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	migrations = embedded
	if _, err = Open(t.Context(), Options{Path: path}); !errors.Is(err, store.ErrNewer) {
		t.Fatalf("the older release opens it with %v", err)
	}
	if s, err = Open(t.Context(), Options{Path: m.Kept}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.View(t.Context(), func(r store.Reader) error {
		if b, err := r.Meta("x"); err != nil || string(b) != "as it was" {
			t.Errorf("the copy holds %q (%v)", b, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestMigrationThatFailsIsUndone: the database stays as it is, for the older
// release to go on.
func TestMigrationThatFailsIsUndone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	older(t, path, "-- Fails.\nCREATE TABLE records (x INTEGER) STRICT;")
	if _, err := Open(t.Context(), Options{Path: path}); err == nil {
		t.Fatal("it was migrated by a step that fails")
	}
	migrations = embedded
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatalf("after a migration that failed, the older release says %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKeepOlderLeavesNoHalfCopy: a copy that fails leaves no file.
func TestKeepOlderLeavesNoHalfCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	older(t, path, "-- Never reached.\nCREATE TABLE y (x INTEGER) STRICT;")
	connector, err := sqlite.NewConnector(dsn(path, "", nil))
	if err != nil {
		t.Fatal(err)
	}
	c, err := connect(t.Context(), connector, []string{"trusted_schema = ON"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := keepOlder(t.Context(), c, filepath.Join(filepath.Dir(path), "missing", "s.db"), 1); err == nil {
		t.Error("a copy was made where there is no folder")
	}
	left := must(filepath.Glob(path + ".layout-*"))
	if len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}
