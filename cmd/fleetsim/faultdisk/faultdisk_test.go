package faultdisk

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"
)

func TestCounts(t *testing.T) {
	disk, err := Register("counted")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Register("counted"); err == nil {
		t.Error("a name is taken twice")
	}
	file := filepath.Join(t.TempDir(), "a.db")
	for _, test := range []struct {
		name, synchronous string
		syncs             int64
	}{{"every commit is synced", "full", 10}, {"none is", "off", 0}} {
		t.Run(test.name, func(t *testing.T) {
			db, err := sql.Open("sqlite", "file:"+file+"?vfs=counted&_pragma=journal_mode(wal)&_pragma=wal_autocheckpoint(0)&_pragma=synchronous("+test.synchronous+")")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			// The first row after opening writes the header of the log, with a sync of its own.
			for _, q := range []string{"CREATE TABLE IF NOT EXISTS t (x)", "INSERT INTO t VALUES (0)"} {
				if _, err := db.Exec(q); err != nil {
					t.Fatal(err)
				}
			}
			before := disk.Counts()
			for i := range 10 {
				if _, err := db.Exec("INSERT INTO t VALUES (?)", i); err != nil {
					t.Fatal(err)
				}
			}
			after := disk.Counts()
			if got, want := after.Commits-before.Commits, int64(10); got != want {
				t.Errorf("commits: got %d, want %d", got, want)
			}
			if got := after.Syncs - before.Syncs; got != test.syncs {
				t.Errorf("syncs: got %d, want %d", got, test.syncs)
			}
			if got := after.LogBytes - before.LogBytes; got < 10*4096 {
				t.Errorf("bytes of the log: got %d, want a page a commit", got)
			}
		})
	}
}
