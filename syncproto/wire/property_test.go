package wire

import (
	"bytes"
	"errors"
	"maps"
	"math/rand"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/prototest/corpus"
)

// Whatever is valid comes back from its bytes, and gives the same bytes again.

const propertyRuns = 2000

func TestValuesComeBack(t *testing.T) {
	const seed = 10
	r := rand.New(rand.NewSource(seed))
	for range propertyRuns {
		v := randomValue(r)
		c := &cursor{buf: AppendValue(nil, v)}
		if got := c.value("value"); c.end("value") != nil || got != v {
			t.Fatalf("seed %d: got %+v, %v, want %+v", seed, got, c.err, v)
		}
	}
}

func TestHeadersComeBack(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewSource(seed))
	for range propertyRuns {
		h := randomHeader(r)
		r.Read(h.Commitment[:])
		got, err := DecodeHeader(AppendHeader(nil, &h))
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Fatalf("seed %d: got %+v, %v, want %+v", seed, got, err, h)
		}
	}
}

func TestOperationsComeBack(t *testing.T) {
	const seed = 12
	r := rand.New(rand.NewSource(seed))
	for range propertyRuns {
		log, seq := syncproto.LogID(randomID(r)), uint64(1+r.Intn(1000))
		ops := randomOps(r, log, seq, []syncproto.ChangeID{randomID(r), randomID(r), randomID(r)})
		b, err := EncodeOps(log, seq, ops)
		if err != nil {
			continue // two like operations
		}
		got, err := DecodeOps(log, seq, b)
		if err != nil || len(got) != len(ops) {
			t.Fatalf("seed %d: got %+v, %v, want %+v", seed, got, err, ops)
		}
		for i := range got {
			if !sameOp(&got[i], &ops[i]) {
				t.Fatalf("seed %d: got %+v, want %+v", seed, got[i], ops[i])
			}
		}
	}
}

func TestChangesComeBack(t *testing.T) {
	const seed = 13
	r := rand.New(rand.NewSource(seed))
	for range 20 {
		for _, ch := range randomLog(t, r, randomID(r), 40) {
			b := AppendChange(nil, ch)
			got, err := DecodeChange(b)
			if err != nil {
				continue // made not to
			}
			if got.ID != ch.ID || !bytes.Equal(AppendChange(nil, got), b) {
				t.Fatalf("seed %d: got %+v, want %+v", seed, got, ch)
			}
		}
	}
}

func TestRecordsComeBack(t *testing.T) {
	for seed := range int64(10) {
		states, err := corpus.Records(seed, corpus.Measured(), 50, NewChange)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range states {
			b := AppendRecord(nil, s, 0)
			got, delta, err := DecodeRecord(b)
			if err != nil || delta {
				t.Fatalf("seed %d: got %v, delta %v", seed, err, delta)
			}
			if !bytes.Equal(AppendRecord(nil, got, 0), b) || StateHash(got) != StateHash(s) {
				t.Fatalf("seed %d: record %v came back differently", seed, s.Record)
			}
		}
	}
}

// What a stored record is sent as does not depend on the way it is read.
func TestWholeRecordIsTheRecordAppended(t *testing.T) {
	const seed = 17
	r := rand.New(rand.NewSource(seed))
	for i := range 2000 {
		s, _, err := DecodeRecord(strangeRecords(t, r, 1)[0])
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		s.Position, s.Entered, s.Homes = 9, 3, []syncproto.ScopeID{s.Home}
		for k, c := range s.Cells {
			c.Position = uint64(r.Intn(200))
			if r.Intn(10) == 0 {
				c.Candidates = nil
				s.Cells[k] = c
			}
		}
		if i%2 == 0 { // most records have none that is empty
			maps.DeleteFunc(s.Cells, func(_ syncproto.CellKey, c *syncproto.Cell) bool { return len(c.Candidates) == 0 })
		}
		want := AppendRecord(nil, s, 0)
		if got, err := HashOfWhole(want); err != nil || got != StateHash(s) {
			t.Fatalf("seed %d: got hash %x, %v, want %x", seed, got, err, StateHash(s))
		}
		if s.Erased = i%50 == 0; s.Erased {
			want = nil
		}
		stored := AppendStoredRecord(nil, s)
		if both, hash := StoredRecord(s); !bytes.Equal(both, stored) || hash != StateHash(s) {
			t.Fatalf("seed %d: got %x with hash %x, want %x with %x", seed, both, hash, stored, StateHash(s))
		}
		got, err := WholeRecord(stored)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("seed %d: got %x, %v, want %x", seed, got, err, want)
		}
		for n := range min(len(stored)-1, 60) {
			if _, err := WholeRecord(stored[:n]); err == nil && !s.Erased {
				t.Fatalf("seed %d: a record cut after %d bytes is read", seed, n)
			}
		}
	}
}

func TestPackedRecordsComeBack(t *testing.T) {
	codec := newCodec(t)
	const seed = 16
	r := rand.New(rand.NewSource(seed))
	for range 300 {
		lists := [][][]byte{strangeRecords(t, r, r.Intn(5)), nil, strangeRecords(t, r, 1+r.Intn(20))}
		b, err := codec.packRecords(nil, lists)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var got [3][][]byte
		if err := codec.unpackRecords(&cursor{buf: b}, []*[][]byte{&got[0], &got[1], &got[2]}, syncproto.MaxUnpacked); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !reflect.DeepEqual(got[:], lists) {
			t.Fatalf("seed %d: got %x, want %x", seed, got, lists)
		}
	}
}

func TestDocumentsComeBack(t *testing.T) {
	const seed = 14
	r := rand.New(rand.NewSource(seed))
	extra := []syncproto.ExtraField{{Key: 30<<3 | classBytes, Payload: "\x01x"}}
	for i := range 50 {
		cert, _ := randomCert(r)
		b := AppendLogCert(nil, cert)
		got, err := DecodeLogCert(b)
		if err != nil || !reflect.DeepEqual(got, cert) {
			t.Fatalf("seed %d: got %+v, %v, want %+v", seed, got, err, cert)
		}
		key := randomKey(r)
		want := Receipt{Era: randomID(r), Log: randomID(r), Chain: syncproto.Hash{1}, Time: r.Int63()}
		if i%2 == 0 {
			want.Extra = extra
		}
		at := uint64(0)
		for range 1 + r.Intn(5) {
			from := at + 2 + uint64(r.Intn(1000))
			at = from + uint64(r.Intn(1000))
			want.Ranges = append(want.Ranges, Range{from, at})
		}
		receipt, err := SignReceipt(want, key)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		back, err := DecodeReceipt(AppendReceipt(nil, receipt))
		if err != nil || !reflect.DeepEqual(back, receipt) {
			t.Fatalf("seed %d: got %+v, %v, want %+v", seed, back, err, receipt)
		}
		if err := back.Verify(publicOf(key)); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if got := back.Code(); len(got) != 11 || got != receipt.Code() {
			t.Errorf("seed %d: got code %q, want ten letters and a hyphen", seed, got)
		}
		if !back.Covers(at) || back.Covers(at+1) || back.Covers(1) {
			t.Errorf("seed %d: Covers is wrong for %+v", seed, back.Ranges)
		}
	}
}

func TestPrefixCodesComeBack(t *testing.T) {
	codec := newCodec(t)
	const seed = 15
	r := rand.New(rand.NewSource(seed))
	for range 500 {
		nums, letters := randomBytes(r, r.Intn(60)), []byte(persianText(r, r.Intn(60)))
		b := codec.changes.encode(nil, nums, letters)
		c := &cursor{buf: b}
		gotNums, gotLetters := codec.changes.decode(c, "codes")
		if c.err != nil || !bytes.Equal(gotNums, nums) || !bytes.Equal(gotLetters, letters) {
			t.Fatalf("seed %d: got %x %x, %v, want %x %x", seed, gotNums, gotLetters, c.err, nums, letters)
		}
	}
}

// A page that has used up its room may still hold an empty word.
func TestTextsWithoutRoomAreRefused(t *testing.T) {
	codec := newCodec(t)
	if _, err := codec.fold.unfold(nil, -1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("unfold: got %v, want %v", err, ErrTooLarge)
	}
	records := append(page(t, 3).Records, strangeRecords(t, rand.New(rand.NewSource(18)), 1)...)
	for range 4 { // records without a cell
		erased := syncproto.NewRecordState(seq16(byte(len(records))))
		erased.Erased = true
		records = append(records, AppendRecord(nil, erased, 0))
	}
	b, err := codec.packRecords(nil, [][][]byte{records})
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, r := range records {
		size += len(r)
	}
	for room := range size {
		var list [][]byte
		if err := codec.unpackRecords(&cursor{buf: b}, []*[][]byte{&list}, room); !errors.Is(err, ErrTooLarge) {
			t.Fatalf("records of %d bytes in %d: got %v, want %v", size, room, err, ErrTooLarge)
		}
	}
}

// More words, columns, codes and references than the model remembers come back.
func TestWhatTheModelForgetsComesBack(t *testing.T) {
	codec := newCodec(t)
	log := syncproto.LogID(seq16(0x50))
	changes := crowded(t, log)
	var text strings.Builder
	for i := range maxWords + 300 {
		text.WriteString(strconv.Itoa(i%(maxWords+100)) + " ")
	}
	h := changes[0].Header
	h.OriginSeq = uint64(len(changes) + 1)
	for range 2 {
		ch, err := NewChange(h, seq16(1), []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: 12, Value: syncproto.Text(text.String())}})
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, ch)
		h.OriginSeq++
	}
	tables, err := new(Tables).extend(changes)
	if err != nil {
		t.Fatal(err)
	}
	b := codec.packWith(codingAdaptive, nil, log, tables, 1, changes)
	entries, err := codec.unpackChanges(&cursor{buf: b}, log, tables, 1, len(changes))
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if !bytes.Equal(entries[i].Raw(), AppendChange(nil, changes[i])) {
			t.Fatalf("change %d came back differently", i+1)
		}
	}
}
