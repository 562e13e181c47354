package main

import (
	"bytes"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"mahalleh/cmd/internal/cli"
)

// TestBackupOfDamagedDataLeavesNothing: a copy that cannot be relied on must
// not lie there looking like a backup.
func TestBackupOfDamagedDataLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	data, target := filepath.Join(dir, "data"), filepath.Join(dir, "backup")
	run := func(args ...string) (cli.Code, string) {
		var stderr bytes.Buffer
		code := program().Main(t.Context(), append(args, "--data-dir", data), strings.NewReader(""), io.Discard, &stderr, nil)
		return cli.Code(code), stderr.String()
	}
	if code, stderr := run("place", "list"); code != cli.OK {
		t.Fatal(stderr)
	}
	db, err := sql.Open("sqlite", filepath.Join(data, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	// A log whose only entry follows from nothing.
	_, err = db.Exec(`INSERT INTO ids VALUES (9999, zeroblob(16)); INSERT INTO logs VALUES (9999, 9999, NULL, 1, zeroblob(32), 0, 0);
		INSERT INTO entries VALUES (9999, 1, zeroblob(48))`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if code, stderr := run("backup", target); code != cli.DataInvalid || !strings.Contains(stderr, "damaged") {
		t.Errorf("got %d, %s", code, stderr)
	}
	if entries, err := os.ReadDir(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it left %v (%v)", entries, err)
	}
	// An empty folder that was there stays.
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	if code, stderr := run("backup", target); code != cli.DataInvalid {
		t.Errorf("got %d, %s", code, stderr)
	}
	if entries, err := os.ReadDir(target); err != nil || len(entries) != 0 {
		t.Errorf("it left %v (%v)", entries, err)
	}
}
