package localstore

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

func keysOfNothing() []schemas.PeerKey { return []schemas.PeerKey{{}} }

func newSpillFile(t *testing.T, path string) *spillFile {
	t.Helper()
	s, err := newSpill(path, seeded(t.Name()))
	check(t, err)
	f, err := s.open()
	check(t, err)
	t.Cleanup(func() { f.close(); s.close() })
	return f
}

// TestSpillHoldsWhatWasWritten writes, cuts and reads pages in any order and
// compares with a plain file.
func TestSpillHoldsWhatWasWritten(t *testing.T) {
	f := newSpillFile(t, filepath.Join(t.TempDir(), "lists"))
	const seed = 7
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var want []byte
	grow := func(n int) { want = append(want, make([]byte, max(0, n-len(want)))...) }
	for range 500 {
		switch at := r.IntN(20); r.IntN(10) {
		case 0:
			check(t, f.truncate(int64(at)*spillPage))
			want = want[:min(len(want), at*spillPage)]
		default:
			page := bytes.Repeat([]byte{byte(r.Uint32())}, spillPage)
			check(t, f.write(page, int64(at)*spillPage))
			grow((at + 1) * spillPage)
			copy(want[at*spillPage:], page)
		}
		from, n := r.IntN(21*spillPage), r.IntN(3*spillPage)
		got := make([]byte, n)
		short, err := f.read(got, int64(from))
		check(t, err)
		expected := make([]byte, n)
		copy(expected, want[min(from, len(want)):])
		if !bytes.Equal(got, expected) || short != (from+n > len(want) && n > 0) {
			t.Fatalf("%d bytes from %d of %d: not what was written, or short is %v", n, from, len(want), short)
		}
	}
}

// TestSpillSaysNothing: what lies in the file is sealed, two equal pages differ,
// and a page that was changed, or put back, is noticed.
func TestSpillSaysNothing(t *testing.T) {
	f := newSpillFile(t, filepath.Join(t.TempDir(), "lists"))
	page := bytes.Repeat([]byte("secret! "), spillPage/8)
	raw := func() []byte {
		b := make([]byte, 2*spillPage)
		_, err := f.file.ReadAt(b, 0)
		check(t, err)
		return b
	}
	check(t, f.write(page, 0))
	check(t, f.write(page, spillPage))
	first := raw()
	if bytes.Contains(first, []byte("secret")) || bytes.Equal(first[:spillPage], first[spillPage:]) {
		t.Error("the file shows what was written, or that two pages are equal")
	}
	check(t, f.write(page, 0))
	if bytes.Equal(raw()[:spillPage], first[:spillPage]) {
		t.Error("a page written again looks the same")
	}
	for _, spoil := range []struct {
		name string
		with []byte
	}{
		{"put back", first[:spillPage]},
		{"another page", first[spillPage:]},
		{"zeros", make([]byte, spillPage)},
	} {
		_, err := f.file.WriteAt(spoil.with, 0)
		check(t, err)
		if _, err := f.read(make([]byte, spillPage), 0); err == nil {
			t.Errorf("%s: read as if nothing had happened", spoil.name)
		}
	}
	if err := f.write(page[:100], 0); err == nil {
		t.Error("a part of a page was written")
	}
}

// spillOfIndex is the open file of a store's index, nil if it needs none yet.
func spillOfIndex(s *Store) *spillFile {
	spilled.RLock()
	defer spilled.RUnlock()
	for _, v := range spilled.held {
		if f, ok := v.(*spillFile); ok && f.spill == s.index.spill {
			return f
		}
	}
	return nil
}

// newSpilled is a box whose index has far less memory than it needs.
func newSpilled(t *testing.T) (*box, *spillFile) {
	t.Helper()
	b := newBoxWith(t, func(o *Options) { o.Packages = benchForms(t) })
	_, err := b.index.db.Exec("PRAGMA cache_size = 10")
	check(t, err)
	fillBench(t, b.Store, 1000)
	if n, err := b.Count(ctx, Filter{}); n != 1000 || err != nil {
		t.Fatalf("count: got %d, %v, want 1000", n, err)
	}
	f := spillOfIndex(b.Store)
	if f == nil || len(f.pages) < 50 {
		t.Fatal("the index lies in memory alone")
	}
	return b, f
}

// TestIndexBeyondItsMemory: an index that does not fit into its memory lists and
// finds what one does that fits, from a file that has no name any more.
func TestIndexBeyondItsMemory(t *testing.T) {
	b, f := newSpilled(t)
	whole := newBoxWith(t, func(o *Options) { o.Packages = benchForms(t) })
	fillBench(t, whole.Store, 1000)
	for _, filter := range []Filter{{}, {Text: "مریم"}, {Order: ByChanged}, {RefersTo: syncproto.RecordID{0x01, 0x9b, 3: 7}}} {
		got, want := titles(t, b, filter), titles(t, whole, filter)
		if len(want) == 0 || len(got) != len(want) {
			t.Fatalf("%+v: %d rows, want %d", filter, len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%+v: row %d is %q, want %q", filter, i, got[i], want[i])
			}
		}
	}
	all := make([]byte, len(f.pages)*spillPage)
	if _, err := f.file.ReadAt(all, 0); err != nil || bytes.Contains(all, []byte("مریم")) {
		t.Errorf("the file of the index shows names, or is not to be read: %v", err)
	}
	check(t, b.SaveIndex(ctx))
	b.reopenStore()
	if n, err := b.Count(ctx, Filter{}); n != 1000 || err != nil {
		t.Errorf("count after opening again: got %d, %v, want 1000", n, err)
	}
	check(t, b.Close())
	if left, err := filepath.Glob(b.opt.Path + spillSuffix + "*"); len(left) > 0 || err != nil {
		t.Errorf("still there: %v, %v", left, err)
	}
}

// TestIndexWhoseFileFails: the index is made anew in memory when its file cannot be
// written or read any more, as on a full disk.
func TestIndexWhoseFileFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		saves int
	}{{"who lists finds it", 0}, {"who saves finds it", 40}} {
		t.Run(c.name, func(t *testing.T) {
			b, f := newSpilled(t)
			_, err := b.index.db.Exec("PRAGMA shrink_memory")
			check(t, err)
			check(t, f.file.Close())
			for range c.saves {
				b.save(b.newRecord(), formPerson, persons, map[uint32]syncproto.Value{10: text("نرگس"), 14: text("0912")})
			}
			if got := len(titles(t, b, Filter{})); got != 1000+c.saves {
				t.Errorf("%d are listed, want %d", got, 1000+c.saves)
			}
			if b.index.spill != nil {
				t.Error("the index still uses its file")
			}
		})
	}
}
