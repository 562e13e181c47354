package faultdisk

import (
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

func openLog(t *testing.T, path, vfs string) *sql.DB {
	t.Helper()
	if vfs != "" {
		vfs = "vfs=" + vfs + "&"
	}
	db, err := sql.Open("sqlite", "file:"+path+"?"+vfs+"_pragma=journal_mode(wal)&_pragma=wal_autocheckpoint(0)&_pragma=synchronous(full)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

// rows counts what an image holds, -1 if it cannot be read or is not sound.
func rows(t *testing.T, replay *Replay, fate Fate, rng *rand.Rand) (n int) {
	t.Helper()
	dir := t.TempDir()
	if err := replay.Image(dir, "a.db", fate, rng); err != nil {
		t.Fatal(err)
	}
	db := openLog(t, filepath.Join(dir, "a.db"), "")
	var sound string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		return -1
	}
	if err := db.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil {
		return -1
	}
	return n
}

func TestPowerLoss(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	disk, err := Register("recorded")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	db := openLog(t, filepath.Join(dir, "a.db"), "recorded")
	mustExec(t, db, "CREATE TABLE t (x)")
	r, err := disk.Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	committed := []int{r.Len()} // operations when so many rows were committed
	for i := range 12 {
		mustExec(t, db, "INSERT INTO t VALUES (?)", i)
		committed = append(committed, r.Len())
		if i == 6 {
			mustExec(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
		}
	}
	r.Stop()
	mustExec(t, db, "INSERT INTO t VALUES (99)")

	lost := 0
	replay, normal := r.Replay(false), r.Replay(true)
	for at, want := 0, 0; at <= r.Len(); at++ {
		replay.Advance(at)
		normal.Advance(at)
		for want+1 < len(committed) && committed[want+1] <= at {
			want++
		}
		for _, fate := range []Fate{Lost, Kept, Torn} {
			if got := rows(t, replay, fate, rng); got < want || got > want+1 {
				t.Errorf("after %d operations, fate %d: %d rows, want %d", at, fate, got, want)
			}
		}
		if got := rows(t, normal, Lost, rng); got < 0 {
			t.Errorf("without syncs, after %d operations: broken", at)
		} else if got < want {
			lost++
		}
	}
	if lost == 0 {
		t.Error("without syncs of commits nothing was ever lost")
	}
}

func TestFaults(t *testing.T) {
	disk, err := Register("failing")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.db")
	db := openLog(t, path, "failing")
	mustExec(t, db, "CREATE TABLE t (x)")
	for _, kind := range []Kind{Write, Sync} {
		asked := 0
		disk.Fail(func(n int, op Op) Fault {
			if op.Kind != kind || op.File != "a.db-wal" {
				return Fault{}
			}
			asked++
			return Fault{Code: sqlite3.SQLITE_FULL, Short: len(op.Data) / 2}
		})
		if _, err := db.Exec("INSERT INTO t VALUES (1)"); err == nil || asked == 0 {
			t.Errorf("%v fails: got %v after %d times", kind, err, asked)
		}
		disk.Fail(nil)
	}
	mustExec(t, db, "INSERT INTO t VALUES (2)")
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Error(err)
	}
	disk.Fail(func(_ int, op Op) Fault {
		if op.Kind == Open {
			return Fault{Code: sqlite3.SQLITE_CANTOPEN}
		}
		return Fault{}
	})
	defer disk.Fail(nil)
	if err := openLog(t, path, "failing").Ping(); err == nil {
		t.Error("opened a file that cannot be opened")
	}
}
