package wire

import (
	"math/rand"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/prototest/corpus"
)

func benchBatch(b *testing.B, n int) (*BatchSealer, *Codec, []*syncproto.Change, syncproto.Hash) {
	b.Helper()
	changes, err := corpus.Changes(3, corpus.Measured(), n, NewChange)
	if err != nil {
		b.Fatal(err)
	}
	key := randomKey(rand.New(rand.NewSource(1)))
	log := changes[0].Header.OriginLog
	cert := SignLogCert(LogCert{Log: log, LogKey: publicOf(key), Serial: 1}, key)
	codec := newCodec(b)
	return NewBatchSealer(codec, PurposeBundle, cert, key), codec, changes, syncproto.ChainStart(log)
}

// One operation is one batch of a hundred changes of six operations.
func BenchmarkSealHundred(b *testing.B) {
	s, _, changes, start := benchBatch(b, 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Seal(1, start, changes, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// One operation opens such a batch and decodes its changes.
func BenchmarkOpenHundred(b *testing.B) {
	s, codec, changes, start := benchBatch(b, 100)
	buf, _, err := s.Seal(1, start, changes, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		batch, err := NewBatchOpener(codec).Open(buf)
		if err != nil {
			b.Fatal(err)
		}
		for i := range batch.Entries {
			if _, err := batch.Entries[i].Open(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
