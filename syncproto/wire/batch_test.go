package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand"
	"testing"

	"mahalleh/syncproto"
)

func chainOver(prev syncproto.Hash, changes []*syncproto.Change) syncproto.Hash {
	for _, ch := range changes {
		prev = syncproto.ChainNext(prev, ch.HeaderBytes)
	}
	return prev
}

func TestBatchGivesTheSameBytesBack(t *testing.T) {
	codec := newCodec(t)
	for seed := range int64(300) {
		r := rand.New(rand.NewSource(seed))
		cert, key := randomCert(r)
		changes := randomLog(t, r, cert.Log, 1+r.Intn(30))
		purpose := PurposePush + Purpose(seed%2)
		sealer, opener := NewBatchSealer(codec, purpose, cert, key), NewBatchOpener(codec)
		if seed%3 == 0 {
			sealer.PeerKnowsCert()
			opener.LearnCert(cert)
		}
		prev := syncproto.ChainStart(cert.Log)
		for done := 0; done < len(changes); {
			some := changes[done:min(len(changes), done+1+r.Intn(12))]
			buf, n, err := sealer.Seal(uint64(done+1), prev, some, 0)
			if err != nil {
				t.Fatalf("seed %d: seal: %v", seed, err)
			}
			if n != len(some) {
				t.Fatalf("seed %d: got %d changes sealed, want %d", seed, n, len(some))
			}
			b, err := opener.Open(buf)
			if err != nil {
				t.Fatalf("seed %d: open: %v", seed, err)
			}
			if b.First != uint64(done+1) || b.Prev != prev || b.Last != chainOver(prev, some) || b.Purpose != purpose || b.Cert.Log != cert.Log {
				t.Fatalf("seed %d: got %+v", seed, b)
			}
			for i, e := range b.Entries {
				want := some[i]
				if !bytes.Equal(e.Header, want.HeaderBytes) || !bytes.Equal(e.Ops, want.OpsBytes) || (e.Ops == nil) != want.Redacted() ||
					e.Ops != nil && e.Secret != want.Secret || e.Seq != uint64(done+i+1) {
					t.Fatalf("seed %d, change %d: got\n%x\n%x\nwant\n%x\n%x", seed, done+i, e.Header, e.Ops, want.HeaderBytes, want.OpsBytes)
				}
				if !bytes.Equal(e.Raw(), AppendChange(nil, want)) {
					t.Fatalf("seed %d, change %d: raw bytes differ", seed, done+i)
				}
				_, err := e.Open()
				_, wantErr := OpenChange(want.HeaderBytes, want.Secret, want.OpsBytes)
				if (err == nil) != (wantErr == nil) {
					t.Fatalf("seed %d, change %d: got error %v, want %v", seed, done+i, err, wantErr)
				}
			}
			prev = b.Last
			done += n
		}
	}
}

func TestBatchIsRefused(t *testing.T) {
	codec := newCodec(t)
	r := rand.New(rand.NewSource(3))
	cert, key := randomCert(r)
	other, otherKey := randomCert(r)
	changes := randomLog(t, r, cert.Log, 12)
	start := syncproto.ChainStart(cert.Log)
	seal := func(s *BatchSealer, first uint64, prev syncproto.Hash, changes []*syncproto.Change) []byte {
		t.Helper()
		buf, _, err := s.Seal(first, prev, changes, 0)
		if err != nil {
			t.Fatal(err)
		}
		return buf
	}
	fresh := func() *BatchSealer { return NewBatchSealer(codec, PurposeBundle, cert, key) }
	session := NewBatchSealer(codec, PurposePush, cert, key)
	seal(session, 1, start, changes[:6])
	leaning := seal(session, 7, chainOver(start, changes[:6]), changes[6:])
	good := seal(fresh(), 1, start, changes)
	tests := []struct {
		name string
		buf  []byte
		want error
	}{
		{"empty", nil, ErrTruncated},
		{"signed by another log's key", seal(NewBatchSealer(codec, PurposeBundle, cert, otherKey), 1, start, changes), ErrSignature},
		{"starts with another chain", seal(fresh(), 1, syncproto.ChainStart(other.Log), changes), ErrChain},
		{"leans on what was not sent", leaning, ErrUnknownRef},
		{"version", append([]byte{2}, good[1:]...), ErrTooNew},
		{"suite", append([]byte{1, 2}, good[2:]...), ErrTooNew},
		{"purpose", append([]byte{1, 1, 3}, good[3:]...), ErrTooNew},
		{"other purpose", append([]byte{1, 1, 1}, good[3:]...), ErrSignature},
		{"flags", append([]byte{1, 1, 2, 8 | good[3]}, good[4:]...), ErrTooNew},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewBatchOpener(codec).Open(tt.buf); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
		})
	}
	// Wherever a byte is changed, the batch does not open, or says the same, or
	// holds a body that does not fit its commitment any more.
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << r.Intn(8)
		if b, err := NewBatchOpener(codec).Open(bad); err == nil {
			for j, e := range b.Entries {
				want := changes[j]
				if !bytes.Equal(e.Header, want.HeaderBytes) {
					t.Fatalf("byte %d, change %d: got another header", i, j)
				}
				if ch, err := e.Open(); err == nil && !ch.Redacted() && !bytes.Equal(e.Ops, want.OpsBytes) {
					t.Fatalf("byte %d, change %d: got other operations", i, j)
				}
			}
		}
		if _, err := NewBatchOpener(codec).Open(good[:i]); err == nil {
			t.Fatalf("cut at %d: opened", i)
		}
	}
}

func TestBatchKeepsItsBounds(t *testing.T) {
	codec := newCodec(t)
	r := rand.New(rand.NewSource(4))
	cert, key := randomCert(r)
	big := func(n int) *syncproto.Change {
		h := randomHeader(r)
		ch, err := NewChange(h, randomID(r), []syncproto.Op{{Kind: syncproto.OpSet, Field: 10, Value: syncproto.Text(hex.EncodeToString(randomBytes(r, n/2)))}})
		if err != nil {
			t.Fatal(err)
		}
		return ch
	}
	var changes []*syncproto.Change
	for range 30 {
		changes = append(changes, big(200<<10))
	}
	prev := syncproto.ChainStart(cert.Log)
	sealer, opener := NewBatchSealer(codec, PurposePush, cert, key), NewBatchOpener(codec)
	for done := 0; done < len(changes); {
		buf, n, err := sealer.Seal(uint64(done+1), prev, changes[done:], 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(buf) > maxBatch {
			t.Fatalf("got a batch of %d bytes, want at most %d", len(buf), maxBatch)
		}
		b, err := opener.Open(buf)
		if err != nil {
			t.Fatal(err)
		}
		prev = b.Last
		done += n
	}

	var small []*syncproto.Change
	for range 2 * syncproto.MaxBatchChanges {
		small = append(small, big(1))
	}
	for _, max := range []int{0, 20_000, 1} {
		buf, n, err := NewBatchSealer(codec, PurposePush, cert, key).Seal(1, syncproto.ChainStart(cert.Log), small, max)
		if err != nil {
			t.Fatal(err)
		}
		if n > syncproto.MaxBatchChanges || max > 1 && len(buf) > max || max == 1 && n != 1 {
			t.Errorf("at most %d bytes: got %d changes in %d bytes", max, n, len(buf))
		}
	}
}

func TestFold(t *testing.T) {
	f := newFolder()
	i := 0
	for _, run := range [][2]rune{{0x621, 0x63a}, {0x640, 0x652}, {0x660, 0x669}, {0x6f0, 0x6f9}} {
		for r := run[0]; r <= run[1]; r, i = r+1, i+1 {
			if f.to[i] != string(r) {
				t.Fatalf("byte %#x: got %q, want %q", 0x80+i, f.to[i], string(r))
			}
		}
	}
	if f.to[127] != "" {
		t.Fatal("a folded letter takes the escape")
	}
	r := rand.New(rand.NewSource(5))
	for range 2000 {
		s := persianText(r, r.Intn(20)) + string(randomBytes(r, r.Intn(6))) + persianText(r, r.Intn(4))
		got, err := f.unfold(f.fold(nil, s), len(s))
		if err != nil || string(got) != s {
			t.Fatalf("got %q, %v, want %q", got, err, s)
		}
	}
	if got := len(f.fold(nil, "سلام، دنیای «ما»")); got != 16 {
		t.Errorf("got %d bytes, want 16", got)
	}
}
