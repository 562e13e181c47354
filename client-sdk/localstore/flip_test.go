package localstore

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mahalleh/syncproto"
)

// flips is how many single bits are flipped, one copy of the file each.
const flips = 200

// TestFlippedBitsAreFound flips single bits of a device's file. What the check
// then calls sound must read as it was written: the bit was one of free space,
// or of what SQLite keeps for itself.
func TestFlippedBitsAreFound(t *testing.T) {
	seed := [2]uint64{3, 4}
	t.Logf("seed %v", seed)
	rng := rand.New(rand.NewPCG(seed[0], seed[1]))
	b := filledBox(t)
	path := b.opt.Path
	check(t, b.Close())
	b.openAt(path)
	want := b.dump()
	check(t, b.Close())
	whole, err := os.ReadFile(path)
	check(t, err)
	// Most of so small a file is empty pages, which hold zeros.
	var used []int
	for i, c := range whole {
		if c != 0 {
			used = append(used, i)
		}
	}
	dir, found := t.TempDir(), 0
	for n := range flips {
		at := used[rng.IntN(len(used))]*8 + rng.IntN(8)
		whole[at/8] ^= 1 << (at % 8)
		path := filepath.Join(dir, fmt.Sprintf("%d.db", n))
		check(t, os.WriteFile(path, whole, 0o600))
		whole[at/8] ^= 1 << (at % 8)
		got, sound := b.look(path)
		if sound && got != want {
			t.Errorf("bit %d of byte %d: the check calls it sound, and it reads otherwise:\n%s", at%8, at/8, firstDifference(got, want))
		}
		if !sound {
			found++
		}
		check(t, os.Remove(path))
	}
	t.Logf("%d of %d flips were found", found, flips)
}

// TestDamageIsNoticedBeforeItIsWrittenOver: the opening and every save write
// rows of bookkeeping, and a row that is written has a right checksum again. What
// was wrong with it is told all the same.
func TestDamageIsNoticedBeforeItIsWrittenOver(t *testing.T) {
	b := filledBox(t)
	logs, err := b.Logs(ctx)
	check(t, err)
	check(t, b.Close())
	whole, err := os.ReadFile(b.opt.Path)
	check(t, err)
	at := bytes.Index(whole, logs[0].Cert)
	if at < 0 {
		t.Fatal("the log's certificate is not in the file")
	}
	whole[at+20] ^= 1
	check(t, os.WriteFile(b.opt.Path, whole, 0o600))
	b.openAt(b.opt.Path)
	b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("پس از آسیب")})
	for what, found := range map[string][]Problem{"noticed": b.Noticed(), "checked": must(b.Check(ctx))} {
		if len(found) != 1 || found[0].Part != PartTable || found[0].Ref != "log" {
			t.Errorf("%s: %v, want the row of the log", what, found)
		}
	}
}

func must(found []Problem, err error) []Problem {
	if err != nil {
		return []Problem{{What: err.Error()}}
	}
	return found
}

// filledBox is a device with rows in every table.
func filledBox(t *testing.T) *box {
	b, f := newBox(t), newServer(t)
	for i := range 6 {
		f.other(syncproto.RecordID{byte(i + 1)}, formPlace, plain, map[uint32]syncproto.Value{10: text(fmt.Sprint("کوی ", i))})
	}
	f.other(syncproto.RecordID{20}, formMember, persons, map[uint32]syncproto.Value{11: text("مریم")})
	f.sync(b, plain, persons)
	for i := range 4 {
		b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text(fmt.Sprint("بهار ", i))})
	}
	f.sync(b, plain, persons)
	b.save(syncproto.RecordID{2}, formPlace, plain, map[uint32]syncproto.Value{10: text("کوی دیگر")})
	check(t, b.SetSetting(ctx, "a setting", []byte("its value")))
	check(t, b.PutDraft(ctx, Draft{ID: DraftID{1}, Record: syncproto.RecordID{30}, Form: formPlace, Scope: plain, Body: []byte("half a form")}))
	check(t, b.SaveIndex(ctx))
	b.save(syncproto.RecordID{3}, formPlace, plain, map[uint32]syncproto.Value{10: text("کوی سوم")})
	return b
}

// look opens a file that may be damaged; sound says that neither opening nor
// checking finds anything.
func (b *box) look(path string) (rows string, sound bool) {
	opt := b.opt
	opt.Path = path
	s, err := Open(ctx, opt)
	if err != nil {
		return "", false
	}
	defer s.Close() // it may be too damaged to close in order
	if err := s.Unlock(ctx, Credential{Person: author, KeyFile: keyFile}); err != nil {
		return "", false
	}
	if found, err := s.Check(ctx); err != nil || len(found) > 0 {
		return "", false
	}
	return (&box{TB: b.TB, Store: s}).dump(), true
}

// dump reads every value of every table.
func (b *box) dump() string {
	b.Helper()
	var all strings.Builder
	err := b.view(ctx, func(q querier) error {
		tables, err := names(ctx, q, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
		if err != nil {
			return err
		}
		for _, table := range tables {
			columns, err := names(ctx, q, "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid", table)
			if err != nil {
				return err
			}
			list := "quote(" + strings.Join(columns, ") || ' ' || quote(") + ")"
			lines, err := names(ctx, q, "SELECT "+list+" FROM "+table+" ORDER BY "+strings.Join(columns, ", "))
			if err != nil {
				return err
			}
			for _, line := range lines {
				fmt.Fprintln(&all, table, line)
			}
		}
		return nil
	})
	check(b, err)
	return all.String()
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return fmt.Sprintf("%d rows, want %d", len(g), len(w))
}
