package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/syncproto"
)

// Every decoder takes any bytes without panic; what it accepts it gives back
// byte for byte, but for fields of newer releases in messages, which are
// stepped over. The vectors are the corpora, with what fuzzing found in
// testdata/fuzz.

// seedFrom adds all vectors of a kind.
func seedFrom(f *testing.F, kind string) {
	f.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", kind+".json"))
	if err != nil {
		f.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(b, &vectors); err != nil {
		f.Fatal(err)
	}
	if len(vectors) == 0 {
		f.Fatal("the corpus is empty")
	}
	for _, v := range vectors {
		for _, h := range append([]string{v.Hex}, v.Then...) {
			b, err := hex.DecodeString(h)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
}

func same(t *testing.T, in, again []byte) {
	t.Helper()
	if !bytes.Equal(in, again) {
		t.Errorf("%x is accepted, but written %x", in, again)
	}
}

func FuzzValue(f *testing.F) {
	seedFrom(f, "values")
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &cursor{buf: b}
		if v := c.value("value"); c.end("value") == nil {
			same(t, b, AppendValue(nil, v))
		}
	})
}

func FuzzHeader(f *testing.F) {
	seedFrom(f, "headers")
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := DecodeHeader(b); err == nil {
			same(t, b, AppendHeader(nil, &h))
		}
	})
}

func FuzzOps(f *testing.F) {
	seedFrom(f, "ops")
	log := syncproto.LogID(seq16(0x50))
	f.Fuzz(func(t *testing.T, b []byte) {
		ops, err := DecodeOps(log, 7, b)
		if err != nil {
			return
		}
		again, err := EncodeOps(log, 7, ops)
		if err != nil {
			t.Fatalf("%x is accepted, but cannot be written: %v", b, err)
		}
		same(t, b, again)
	})
}

func FuzzChange(f *testing.F) {
	seedFrom(f, "changes")
	f.Fuzz(func(t *testing.T, b []byte) {
		if ch, err := DecodeChange(b); err == nil {
			same(t, b, AppendChange(nil, ch))
		}
	})
}

func FuzzRecord(f *testing.F) {
	seedFrom(f, "records")
	f.Fuzz(func(t *testing.T, b []byte) {
		s, delta, err := DecodeRecord(b)
		if err != nil || delta {
			return
		}
		same(t, b, AppendRecord(nil, s, 0))
	})
}

func FuzzStoredRecord(f *testing.F) {
	seedFrom(f, "records")
	s := syncproto.NewRecordState(seq16(1))
	s.Names = map[syncproto.Remembered]struct{}{{Cell: syncproto.CellKey{Field: 10}, Version: seq16(2)}: {}}
	s.Passed = map[syncproto.CellKey][]syncproto.ChangeID{{Field: 11}: {seq16(3)}}
	s.Waiting = []syncproto.Step{{Change: seq16(4), Op: syncproto.Op{Kind: syncproto.OpTransition, Field: 11, Names: []syncproto.ChangeID{seq16(5)}, Value: syncproto.Transition("a", "b")}}}
	f.Add(AppendStoredRecord(nil, s))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeStoredRecord(b)
		if err != nil {
			return
		}
		// The store reads only what it wrote; it need not be in its one form,
		// but must settle at once.
		once := AppendStoredRecord(nil, s)
		if whole, err := WholeRecord(once); err != nil {
			t.Fatal(err)
		} else if !s.Erased {
			same(t, AppendRecord(nil, s, 0), whole)
		}
		again, err := DecodeStoredRecord(once)
		if err != nil {
			t.Fatalf("%x is accepted, but written unreadably: %v", b, err)
		}
		same(t, once, AppendStoredRecord(nil, again))
	})
}

func FuzzLogCert(f *testing.F) {
	seedFrom(f, "certificates")
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := DecodeLogCert(b); err == nil {
			same(t, b, AppendLogCert(nil, c))
		}
	})
}

func FuzzReceipt(f *testing.F) {
	seedFrom(f, "receipts")
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := DecodeReceipt(b); err == nil {
			same(t, b, AppendReceipt(nil, r))
		}
	})
}

func FuzzServerKeys(f *testing.F) {
	seedFrom(f, "server_keys")
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := DecodeServerKeys(b); err == nil {
			same(t, b, AppendServerKeys(nil, k))
		}
	})
}

// FuzzBatch opens batches whose signature is not looked at: an enrolled
// device may send anything.
func FuzzBatch(f *testing.F) {
	seedFrom(f, "batches")
	codec := newCodec(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		o := NewBatchOpener(codec)
		_, _ = o.Open(b)
	})
}

// FuzzPacked unpacks changes in a batch around them that is right.
func FuzzPacked(f *testing.F) {
	seedFrom(f, "batches")
	codec := newCodec(f)
	tables := &Tables{Authors: []syncproto.PersonID{seq16(0x90), seq16(1)}, Scopes: []syncproto.ScopeID{seq16(0x30), seq16(2)}}
	for seed := range int64(8) {
		r := rand.New(rand.NewSource(seed))
		n := 1 + r.Intn(8)
		var changes []*syncproto.Change
		for range n {
			h := randomHeader(r)
			h.Author, h.Scope = seq16(0x90), seq16(0x30)
			ch, err := NewChange(h, randomID(r), randomOps(r, h.OriginLog, h.OriginSeq, []syncproto.ChangeID{h.Base, seq16(3)}))
			if err != nil {
				ch, err = NewChange(h, randomID(r), nil)
			}
			if err != nil {
				f.Fatal(err)
			}
			changes = append(changes, ch)
		}
		for _, coding := range []uint64{codingPrefix, codingAdaptive} {
			f.Add(codec.packWith(coding, appendUvarint(nil, uint64(n)), seq16(0x50), tables, 1, changes))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		batch := &Batch{Cert: &LogCert{Log: seq16(0x50)}, First: 1}
		o := NewBatchOpener(codec)
		if err := o.unpack(&cursor{buf: b}, batch, tables); err != nil {
			return
		}
		// What came out can be packed again and comes out the same.
		var changes []*syncproto.Change
		for _, e := range batch.Entries {
			changes = append(changes, &syncproto.Change{HeaderBytes: e.Header, Secret: e.Secret, OpsBytes: e.Ops})
		}
		wider, err := tables.extend(changes)
		if err != nil {
			return
		}
		for _, coding := range []uint64{codingPrefix, codingAdaptive} {
			packed := codec.packWith(coding, appendUvarint(nil, uint64(len(changes))), batch.Cert.Log, wider, 1, changes)
			again := &Batch{Cert: batch.Cert, First: 1}
			if err := o.unpack(&cursor{buf: packed}, again, wider); err != nil {
				if errors.Is(err, ErrTooLarge) {
					return
				}
				t.Fatalf("packed again with coding %d, got error %v", coding, err)
			}
			for i, e := range again.Entries {
				same(t, batch.Entries[i].Header, e.Header)
				same(t, batch.Entries[i].Ops, e.Ops)
			}
		}
	})
}

func FuzzPrefixCodes(f *testing.F) {
	seedFrom(f, "batches")
	codec := newCodec(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &cursor{buf: b}
		if nums, letters := codec.changes.decode(c, "codes"); c.err == nil {
			same(t, b, codec.changes.encode(nil, nums, letters))
		}
	})
}

func FuzzMessage(f *testing.F) {
	seedFrom(f, "messages")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, typ := range allTypes() {
			m, skipped, err := decodeMessage(typ, b)
			if err != nil {
				continue
			}
			again := AppendMessage(nil, m)
			if skipped == 0 {
				same(t, b, again)
			} else if _, err := DecodeMessage(typ, again); err != nil {
				t.Errorf("type %d: %x is accepted, but written unreadably: %v", typ, b, err)
			}
		}
	})
}

func FuzzFrame(f *testing.F) {
	seedFrom(f, "frames")
	codec := newCodec(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = codec.DecodeFrame(b)
	})
}

// FuzzPackedRecords unpacks records; what comes out can be packed again, if it
// is records, and comes out the same.
func FuzzPackedRecords(f *testing.F) {
	codec := newCodec(f)
	for seed := range int64(6) {
		r := rand.New(rand.NewSource(seed))
		b, err := codec.packRecords(nil, [][][]byte{page(f, 5).Records, strangeRecords(f, r, 3)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	seedFrom(f, "frames")
	f.Fuzz(func(t *testing.T, b []byte) {
		var lists [2][][]byte
		if err := codec.unpackRecords(&cursor{buf: b}, []*[][]byte{&lists[0], &lists[1]}, 1<<20); err != nil {
			return
		}
		packed, err := codec.packRecords(nil, lists[:])
		if err != nil {
			return
		}
		var again [2][][]byte
		if err := codec.unpackRecords(&cursor{buf: packed}, []*[][]byte{&again[0], &again[1]}, 1<<20); err != nil {
			t.Fatalf("packed again, got error %v", err)
		}
		for i := range lists {
			if len(again[i]) != len(lists[i]) {
				t.Fatalf("packed again, got %d records, want %d", len(again[i]), len(lists[i]))
			}
			for j := range lists[i] {
				same(t, lists[i][j], again[i][j])
			}
		}
	})
}

func FuzzFold(f *testing.F) {
	seedFrom(f, "folds")
	fold := newFolder()
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := fold.unfold(fold.fold(nil, string(b)), len(b))
		if err != nil {
			t.Fatal(err)
		}
		same(t, b, got)
		_, _ = fold.unfold(b, 1<<10)
	})
}
