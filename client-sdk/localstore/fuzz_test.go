package localstore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

func FuzzParseSide(f *testing.F) {
	f.Add(appendSide(syncproto.LogID{1}, 7, syncproto.Hash{2}))
	f.Fuzz(func(t *testing.T, b []byte) {
		log, seq, head, ok := parseSide(b)
		if ok && !bytes.Equal(appendSide(log, seq, head), b) {
			t.Errorf("%x reads as %v, %d, %v, which is written differently", b, log, seq, head)
		}
	})
}

func FuzzReadExport(f *testing.F) {
	private, public := recoveryPair(f)
	b := newBox(f)
	b.save(b.newRecord(), formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	var out bytes.Buffer
	if _, err := b.ExportPending(ctx, &out, public); err != nil {
		f.Fatal(err)
	}
	whole := out.Bytes()
	f.Add(whole)
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := ReadExport(bytes.NewReader(raw), private, func(*wire.LogCert, uint64, *syncproto.Change) error { return nil })
		switch {
		case err == nil && (n != 1 || !bytes.HasPrefix(raw, whole)):
			t.Errorf("%d changes read from other bytes than were written", n)
		case err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrWrongSecret):
			t.Errorf("error of no kind: %v", err)
		}
	})
}

func FuzzListCursor(f *testing.F) {
	for _, s := range []string{"", "00", "0100000000000000000000000000000001", "01000000000000000000000000000000010000000000000001"} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(1))
	}
	f.Fuzz(func(t *testing.T, after string, order uint8) {
		filter := Filter{After: after, Order: Order(order)}
		if _, _, err := filter.place(); err != nil && !errors.Is(err, ErrBadCursor) {
			t.Errorf("error of no kind: %v", err)
		}
	})
}

func TestFuzzCorpusIsThere(t *testing.T) {
	for _, name := range []string{"FuzzParseSide", "FuzzReadExport", "FuzzListCursor"} {
		files, err := os.ReadDir(filepath.Join("testdata", "fuzz", name))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no corpus: %v", name, err)
		}
	}
}
