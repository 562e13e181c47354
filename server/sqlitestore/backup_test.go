package sqlitestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func TestBackupAndRestore(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	saveAll(t, s, d, 0, 9)
	err := s.Update(t.Context(), func(tx store.Tx) error { return tx.AddEra(store.Era{ID: fakeID("era", 1), Opened: 4}) })
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "backups", "first")
	made, err := s.Backup(t.Context(), dir, 1234)
	if err != nil {
		t.Fatal(err)
	}
	if made.Changes != 9 || made.Records != 9 || made.Time != 1234 || len(made.Eras) != 1 || len(made.Logs) != 1 || made.Logs[0].Received != 9 {
		t.Errorf("manifest is %+v", made)
	}
	saveAll(t, s, d, 4, 12)
	if _, err := s.Backup(t.Context(), dir, 5); !errors.Is(err, errExists) {
		t.Errorf("over another backup: got %v", err)
	}
	read, rep, err := Verify(t.Context(), dir)
	if err != nil || len(rep.Problems) != 0 || rep.Entries != 9 {
		t.Fatalf("verify: %+v, %v", rep, err)
	}
	if a, b := must(json.Marshal(read)), must(json.Marshal(made)); !bytes.Equal(a, b) {
		t.Errorf("manifest read is %s, made was %s", a, b)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the backup's folder holds %v (%v), want two files", entries, err)
	}
	for _, e := range entries {
		if fi, err := e.Info(); err != nil || fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", e.Name(), fi.Mode())
		}
	}

	// What the backup holds of the logs is safe now; nothing beyond it.
	err = s.Update(t.Context(), func(tx store.Tx) error {
		n, err := read.MarkSafe(tx)
		if n != 1 {
			t.Errorf("%d logs marked, want 1", n)
		}
		log, lerr := tx.Log(d.log)
		if log.BackupSafe != 9 || log.Received != 17 {
			t.Errorf("log is safe up to %d of %d, want 9 of 17", log.BackupSafe, log.Received)
		}
		return errors.Join(err, lerr)
	})
	if err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(t.TempDir(), "new", "server.db")
	if _, err := Restore(t.Context(), dir, path); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), dir, path); !errors.Is(err, errExists) {
		t.Errorf("over a database: got %v", err)
	}
	if _, err := Restore(t.Context(), dir, s.path); !errors.Is(err, store.ErrInUse) {
		t.Errorf("over a running server's database: got %v", err)
	}
	back := openAt(t, path)
	if rep := wantSound(t, back); rep.Changes != 9 || rep.Records != 9 {
		t.Errorf("restored: %+v", rep)
	}
	old := newDevice(1)
	old.seq, old.chain = headOf(t, back, d)
	saveAll(t, back, old, 20, 23)
	wantSound(t, back)
	// The restored store goes on; a backup of it says nothing about the other's.
	other := filepath.Join(t.TempDir(), "second")
	fork, err := back.Backup(t.Context(), other, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := back.Close(); err != nil {
		t.Error(err)
	}
	err = s.Update(t.Context(), func(tx store.Tx) error {
		n, err := fork.MarkSafe(tx)
		if log, _ := tx.Log(d.log); n != 0 || log.BackupSafe != 9 {
			t.Errorf("a backup of another history marked %d logs, up to %d", n, log.BackupSafe)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestBackupWhileWriting copies a database that is written to: each copy is a
// whole number of saves.
func TestBackupWhileWriting(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	saveAll(t, s, d, 0, 50)
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := range 60 {
			if err := save(t, s, d, n, "while it is copied"); err != nil {
				t.Errorf("save: %v", err)
			}
		}
	})
	for range 3 {
		dir := t.TempDir()
		if _, err := s.Backup(t.Context(), dir, 1); err != nil {
			t.Errorf("backup: %v", err)
		}
		m, _, err := Verify(t.Context(), dir)
		if err != nil {
			t.Errorf("verify: %v", err)
		}
		if m.Changes != int64(m.Logs[0].Received) {
			t.Errorf("%d changes, the log received %d", m.Changes, m.Logs[0].Received)
		}
	}
	writing.Wait()
}

func TestVerifyFinds(t *testing.T) {
	s := newStore(t)
	saveAll(t, s, newDevice(1), 0, 5)
	dir := t.TempDir()
	if _, err := s.Backup(t.Context(), dir, 1); err != nil {
		t.Fatal(err)
	}
	whole := must(os.ReadFile(filepath.Join(dir, copyName)))
	manifest := must(os.ReadFile(filepath.Join(dir, manifestName)))
	// One that says something else, and says so under its check.
	other := func(change func(*Manifest)) []byte {
		m := must(ParseManifest(manifest))
		change(&m)
		return must(json.Marshal(m.sealed()))
	}
	for _, c := range []struct {
		name     string
		copy     []byte
		manifest []byte
		want     error
	}{
		{"nothing wrong", whole, manifest, nil},
		{"a flipped bit", append(append(bytes.Clone(whole[:5000]), whole[5000]^4), whole[5001:]...), manifest, store.ErrCorrupt},
		{"a short copy", whole[:len(whole)-1], manifest, store.ErrCorrupt},
		{"no manifest", whole, nil, os.ErrNotExist},
		{"an empty manifest", whole, []byte{}, errManifest},
		{"another count", whole, other(func(m *Manifest) { m.Changes++ }), store.ErrCorrupt},
		{"another count, unsealed", whole, bytes.Replace(manifest, []byte(`"changes": 5`), []byte(`"changes": 6`), 1), store.ErrCorrupt},
		{"another log", whole, other(func(m *Manifest) { m.Logs[0].Received-- }), store.ErrCorrupt},
		{"a newer format", whole, bytes.Replace(manifest, []byte(`"format": 1`), []byte(`"format": 2`), 1), store.ErrNewer},
		{"a newer schema", whole, bytes.Replace(manifest, fmt.Appendf(nil, `"schema": %d`, SchemaVersion()), []byte(`"schema": 9`), 1), store.ErrNewer},
		{"a file elsewhere", whole, bytes.Replace(manifest, []byte(`"server.db"`), []byte(`"../server.db"`), 1), errManifest},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, copyName), c.copy, 0o600); err != nil {
				t.Fatal(err)
			}
			if c.manifest != nil {
				if err := os.WriteFile(filepath.Join(dir, manifestName), c.manifest, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, _, err := Verify(t.Context(), dir)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			path := filepath.Join(t.TempDir(), "server.db")
			if _, err := Restore(t.Context(), dir, path); (err == nil) != (c.want == nil) {
				t.Errorf("restore: %v", err)
			}
			if _, err := os.Stat(path); (err == nil) != (c.want == nil) {
				t.Errorf("a database is there: %t", err == nil)
			}
		})
	}
}

func TestErasures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "erasures.log")
	open := func() *Erasures {
		t.Helper()
		e, err := OpenErasures(path)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return e
	}
	wantN := func(e *Erasures, n int) {
		t.Helper()
		list, err := e.All()
		if err != nil || len(list) != n {
			t.Fatalf("%d erasures (%v), want %d", len(list), err, n)
		}
		for i, x := range list {
			want := Erasure{Record: recordID(i), Scope: fakeID("scope", i), At: int64(i) - 1}
			if x != want {
				t.Errorf("erasure %d is %+v, want %+v", i, x, want)
			}
		}
	}
	add := func(e *Erasures, n int) {
		t.Helper()
		if err := e.Add(Erasure{Record: recordID(n), Scope: fakeID("scope", n), At: int64(n) - 1}); err != nil {
			t.Fatalf("add: %v", err)
		}
	}
	e := open()
	wantN(e, 0)
	for n := range 4 {
		add(e, n)
	}
	wantN(e, 4)
	// Whatever closed the file, the next one opens it again.
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	add(e, 4)
	if err := e.f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Add(Erasure{}); err == nil {
		t.Error("written to a closed file")
	}
	add(e, 5)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	whole := must(os.ReadFile(path))
	line := bytes.IndexByte(whole, '\n') + 1
	// A crash in the middle of an append: at every byte the whole lines are read,
	// and appending goes on after them.
	for cut := len(whole) - line; cut < len(whole); cut += 13 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		n := bytes.Count(whole[:cut], []byte("\n"))
		e := open()
		wantN(e, n)
		add(e, n)
		wantN(e, n+1)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		e = open()
		wantN(e, n+1)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// What is left of a long line must not stick out behind a shorter one.
	long, _ := appendErasure(nil, Erasure{At: 1 << 60}, e.sum)
	if err := os.WriteFile(path, append(bytes.Clone(whole), long[:len(long)-1]...), 0o600); err != nil {
		t.Fatal(err)
	}
	e = open()
	add(e, 6)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open()
	wantN(e, 7)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		b    []byte
	}{
		{"a changed time", bytes.Replace(whole, []byte("1 2 "), []byte("1 3 "), 1)},
		{"a lost line", whole[line:]},
		{"a lost line in the middle", append(bytes.Clone(whole[:line]), whole[bytes.IndexByte(whole[line:], '\n')+line+1:]...)},
		{"a changed end of a line", bytes.Replace(whole, []byte("\n"), []byte("\v"), 1)},
		{"an empty line", append(bytes.Clone(whole), '\n')},
		{"a long line", append(bytes.Clone(whole), bytes.Repeat([]byte("0"), 1000)...)},
	} {
		if err := os.WriteFile(path, c.b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenErasures(path); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: got %v, want store.ErrCorrupt", c.name, err)
		}
		if after := must(os.ReadFile(path)); !bytes.Equal(after, c.b) {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
}

// The end of the last line is a byte like any other: if it is damaged, the
// erasure before it still counts, for the line is whole by its checksum.
func TestErasureWhoseLineEndIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "erasures.log")
	var whole []byte
	var sum [erasureSum]byte
	for n := range 3 {
		whole, sum = appendErasure(whole, Erasure{Record: recordID(n), At: int64(n)}, sum)
	}
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-1] ^= 4
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := OpenErasures(path)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := e.All(); err != nil || len(list) != 3 {
		t.Errorf("%d erasures, %v, want 3", len(list), err)
	}
	if err := errors.Join(e.Add(Erasure{Record: recordID(4), At: 4}), e.Close()); err != nil {
		t.Fatal(err)
	}
	whole, _ = appendErasure(whole, Erasure{Record: recordID(4), At: 4}, sum)
	if after := must(os.ReadFile(path)); !bytes.Equal(after, whole) {
		t.Errorf("the file is %q, want %q", after, whole)
	}
}

// Nothing in a manifest may be changed unnoticed, be it a number that nothing
// else knows.
func TestManifestThatWasChanged(t *testing.T) {
	m := Manifest{Format: 1, Schema: 1, Time: 1_790_000_000_000, File: copyName, Size: 5, SHA256: strings.Repeat("ab", 32), Eras: []ManifestEra{}, Logs: []ManifestLog{}}.sealed()
	whole := must(json.Marshal(m))
	if got, err := ParseManifest(whole); err != nil || got.Time != m.Time {
		t.Fatalf("whole: %+v, %v", got, err)
	}
	for i := range whole {
		for bit := range 8 {
			whole[i] ^= 1 << bit
			got, err := ParseManifest(whole)
			if err == nil && !bytes.Equal(must(json.Marshal(got)), must(json.Marshal(m))) {
				t.Errorf("byte %d, bit %d: %s reads as %+v", i, bit, whole, got)
			}
			whole[i] ^= 1 << bit
		}
	}
}

func corpus(t testing.TB, target string) {
	t.Helper()
	if files, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*")); err != nil || len(files) == 0 {
		t.Fatalf("the corpus of %s is empty (%v)", target, err)
	}
}

func TestCorpora(t *testing.T) {
	corpus(t, "FuzzErasures")
	corpus(t, "FuzzManifest")
}

func FuzzErasures(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		list, sum, whole, err := parseErasures(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again []byte
		var at [erasureSum]byte
		for _, e := range list {
			again, at = appendErasure(again, e, at)
		}
		read := bytes.Clone(b[:whole])
		if whole > 0 {
			read[whole-1] = '\n' // the end of the last line is put right
		}
		if !bytes.Equal(again, read) || at != sum {
			t.Errorf("read %q, written again %q", b[:whole], again)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		if m.sealed().Check != m.Check {
			t.Errorf("%s is not what its check says", b)
		}
		for _, l := range m.Logs {
			if _, err := syncproto.ParseID(l.Log); err != nil {
				t.Error(err)
			}
		}
		again, err := ParseManifest(must(json.Marshal(m)))
		if err != nil || !bytes.Equal(must(json.Marshal(again)), must(json.Marshal(m))) {
			t.Errorf("manifest changes when written again: %v", err)
		}
	})
}
