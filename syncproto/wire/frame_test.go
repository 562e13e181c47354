package wire

import (
	"bytes"
	"errors"
	"math/rand"
	"reflect"
	"runtime"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/prototest/corpus"
)

func TestFramesComeBack(t *testing.T) {
	codec := newCodec(t)
	const seed = 6
	r := rand.New(rand.NewSource(seed))
	for _, typ := range allTypes() {
		for range 20 {
			m := randomMessage(r, typ, false)
			b, err := codec.AppendFrame(nil, m)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got, err := codec.DecodeFrame(b)
			if err != nil {
				t.Fatalf("seed %d: type %d: %v", seed, typ, err)
			}
			if !reflect.DeepEqual(got, m) {
				t.Fatalf("seed %d: got %+v, want %+v", seed, got, m)
			}
		}
	}
}

// page returns a page of n synthetic records.
func page(t testing.TB, n int) *Page {
	t.Helper()
	states, err := corpus.Records(9, corpus.Measured(), n, NewChange)
	if err != nil {
		t.Fatal(err)
	}
	p := &Page{Scope: states[0].Home, To: uint64(n)}
	for _, s := range states {
		p.Records = append(p.Records, AppendRecord(nil, s, 0))
	}
	return p
}

// Records packed together take much less than zstd makes of them.
func TestPackedRecordsAreShort(t *testing.T) {
	codec := newCodec(t)
	for n, most := range map[int]int{1: 230, 100: 96} {
		p := page(t, n)
		plain := codec.compress(nil, AppendMessage(nil, p))
		packed, err := codec.AppendFrame(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d changes, %d records: %d bytes with zstd, %d packed", n, len(p.Records), len(plain), len(packed))
		if len(packed) > most*len(p.Records) {
			t.Errorf("%d records: got %d bytes, want at most %d each", len(p.Records), len(packed), most)
		}
	}
}

// Records that do not decode have no packed form; they travel as they are.
func TestRecordsThatDoNotDecodeTravelAsTheyAre(t *testing.T) {
	codec := newCodec(t)
	p := page(t, 9)
	p.Records[3] = append(p.Records[3], 0)
	b, err := codec.AppendFrame(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := codec.DecodeFrame(b); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("got %v, %v, want %v", got, err, p)
	}
}

func TestFrameIsRefused(t *testing.T) {
	codec := newCodec(t)
	big := &Page{Records: [][]byte{make([]byte, syncproto.MaxUnpacked+1)}}
	if _, err := codec.AppendFrame(nil, big); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a message over the limit: got %v, want %v", err, ErrTooLarge)
	}
	noise := &Push{Batch: randomBytes(rand.New(rand.NewSource(1)), syncproto.MaxFrame)}
	if _, err := codec.AppendFrame(nil, noise); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a frame over the limit: got %v, want %v", err, ErrTooLarge)
	}
	zstdFrame := strip(codec.enc.EncodeAll(bytes.Repeat([]byte{0}, 5<<20), nil))
	packed, err := codec.AppendFrame(nil, page(t, 9))
	if err != nil {
		t.Fatal(err)
	}
	twice := AppendMessage(nil, page(t, 9))
	twice = append(appendPrefixed([]byte{byte(MsgPage), codingAdaptive}, "\x00"+string(twice)), 0, 0)
	tests := []struct {
		name  string
		frame []byte
		want  error
	}{
		{"empty", nil, ErrTruncated},
		{"no coding", []byte{4}, ErrTruncated},
		{"unknown type", []byte{200, 1, 0}, ErrUnknownMessage},
		{"unknown coding", []byte{4, 9, 0}, ErrUnknownDictionary},
		{"codes of changes", []byte{4, codingPrefix, 0}, ErrUnknownDictionary},
		{"too long", make([]byte, syncproto.MaxFrame+1), ErrTooLarge},
		{"unpacks to too much", append([]byte{4, codingZstd}, zstdFrame...), ErrTooLarge},
		{"records in a message that has none", []byte{4, codingAdaptive, 1, 0, 0}, ErrMalformed},
		{"records twice", twice, ErrMalformed},
		{"records cut", packed[:len(packed)-9], ErrTruncated},
		{"bytes after the records", append(bytes.Clone(packed), 0, 0, 0, 0, 1), ErrNotCanonical},
		{"no zstd", []byte{4, codingZstd, 1, 2, 3}, ErrMalformed},
		{"announces more than its blocks can hold", []byte{4, codingZstd, 0xa0, 0, 0, 0x3f, 0, 1, 0, 0}, ErrMalformed},
		{"two frames", append(append([]byte{4, codingZstd}, strip(codec.enc.EncodeAll(make([]byte, 99), nil))...), 0x28, 0xb5, 0x2f, 0xfd), ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := codec.DecodeFrame(tt.frame); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
		})
	}
}

// Small hostile inputs, with counts and lengths at their largest, may not make
// a decoder allocate much more than they are long.
func TestHostileInputsAllocateLittle(t *testing.T) {
	codec := newCodec(t)
	huge := []byte{0xff, 0xff, 0xff, 0x7f}
	var inputs [][]byte
	for lead := range 256 {
		inputs = append(inputs, append([]byte{byte(lead)}, bytes.Repeat(huge, 16)...))
		inputs = append(inputs, append([]byte{1, 1, byte(lead)}, bytes.Repeat([]byte{0xff, 0x3f}, 32)...))
		inputs = append(inputs, append([]byte{byte(lead), codingZstd, 0xa0, 0, 0, 0x3f, 0, 1}, bytes.Repeat([]byte{0x10}, 40)...))
		inputs = append(inputs, append([]byte{byte(lead), 0, byte(lead)}, bytes.Repeat(huge, 8)...))
	}
	decoders := map[string]func([]byte){
		"header":  func(b []byte) { _, _ = DecodeHeader(b) },
		"ops":     func(b []byte) { _, _ = DecodeOps(syncproto.LogID{1}, 1, b) },
		"change":  func(b []byte) { _, _ = DecodeChange(b) },
		"record":  func(b []byte) { _, _, _ = DecodeRecord(b) },
		"stored":  func(b []byte) { _, _ = DecodeStoredRecord(b) },
		"cert":    func(b []byte) { _, _ = DecodeLogCert(b) },
		"receipt": func(b []byte) { _, _ = DecodeReceipt(b) },
		"keys":    func(b []byte) { _, _ = DecodeServerKeys(b) },
		"batch":   func(b []byte) { _, _ = NewBatchOpener(codec).Open(b) },
		"frame":   func(b []byte) { _, _ = codec.DecodeFrame(b) },
		"message": func(b []byte) {
			for _, typ := range allTypes() {
				_, _ = DecodeMessage(typ, b)
			}
		},
	}
	const limit = 256 << 10
	for name, decode := range decoders {
		for _, in := range inputs {
			decode(in) // what is made once and kept does not count
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			decode(in)
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > limit {
				t.Errorf("%s of %x: got %d bytes allocated, want at most %d", name, in[:16], got, limit)
				break
			}
		}
	}
}
