package wire

import (
	"math/rand"
	"strconv"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/prototest/corpus"
)

func benchBatch(b *testing.B, n int) (*BatchSealer, *Codec, []*syncproto.Change, syncproto.Hash) {
	b.Helper()
	key := randomKey(rand.New(rand.NewSource(1)))
	log := LogOf(publicOf(key), seq16(1))
	changes, err := corpus.Creates(3, corpus.Measured(), n, func(h syncproto.Header, secret [16]byte, ops []syncproto.Op) (*syncproto.Change, error) {
		h.OriginLog = log
		return NewChange(h, secret, ops)
	})
	if err != nil {
		b.Fatal(err)
	}
	cert := SignLogCert(LogCert{Log: log, LogKey: publicOf(key), Serial: 1}, key)
	codec := newCodec(b)
	return NewBatchSealer(codec, PurposeBundle, cert, key), codec, changes, syncproto.ChainStart(log)
}

// each reports the time of one of the n things of an operation.
func each(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/each")
}

// One operation is one batch of new records: packed, hashed and signed.
func BenchmarkSeal(b *testing.B) {
	for _, n := range []int{1, 100, 500} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s, _, changes, start := benchBatch(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Seal(1, start, changes, 0); err != nil {
					b.Fatal(err)
				}
			}
			each(b, n)
		})
	}
}

// One operation opens such a batch: unpacked, hashed and verified.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1, 100, 500} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s, codec, changes, start := benchBatch(b, n)
			buf, _, err := s.Seal(1, start, changes, 0)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := NewBatchOpener(codec).Open(buf); err != nil {
					b.Fatal(err)
				}
			}
			each(b, n)
		})
	}
}

// One operation packs or unpacks a page of whole records.
func BenchmarkPage(b *testing.B) {
	codec, p := newCodec(b), page(b, 200)
	frame, err := codec.AppendFrame(nil, p)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.AppendFrame(nil, p); err != nil {
				b.Fatal(err)
			}
		}
		each(b, len(p.Records))
	})
	b.Run("unpack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.DecodeFrame(frame); err != nil {
				b.Fatal(err)
			}
		}
		each(b, len(p.Records))
	})
}
