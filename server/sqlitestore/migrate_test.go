package sqlitestore

import (
	"context"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"modernc.org/sqlite"
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
