// Package wiresize measures what changes take on the wire, on a synthetic
// corpus that stands in testdata.
package wiresize

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	_ "embed"
	"encoding/hex"
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// corpusHex holds the measured changes, one a line, as wire.AppendChange
// writes them, in hexadecimal; corpus.Changes made them with the words that no
// dictionary was trained on.
//
//go:embed testdata/corpus.hex
var corpusHex []byte

// Sizes is what a change of the corpus takes on the wire, in bytes, with its
// secret and the versions it names, without signature, certificate and frame.
type Sizes struct {
	// Alone is the mean of changes that each travel in a batch of their own in
	// an open session, AloneMost the most that one of them takes.
	Alone     float64
	AloneMost int
	// Hundred is the mean in batches of a hundred.
	Hundred float64
	// Canonical is the mean of the changes as logs and signatures see them.
	Canonical float64
	// Changes is how many were measured.
	Changes int
}

// Measure seals the corpus in batches, one by one and by the hundred, opens
// them again, and checks that the same changes come out.
func Measure() (Sizes, error) {
	var s Sizes
	changes, err := Corpus()
	if err != nil {
		return s, err
	}
	codec, err := wire.NewCodec()
	if err != nil {
		return s, err
	}
	s.Changes = len(changes)
	for _, ch := range changes {
		s.Canonical += float64(len(ch.HeaderBytes)+len(ch.OpsBytes)+len(ch.Secret)) / float64(len(changes))
	}
	alone, err := sealAll(codec, changes, 1)
	if err != nil {
		return s, err
	}
	// The first batch of a session carries tables; what follows leans on them.
	for _, n := range alone[1:] {
		s.Alone += float64(n) / float64(len(alone)-1)
		s.AloneMost = max(s.AloneMost, n)
	}
	hundreds, err := sealAll(codec, changes, 100)
	if err != nil {
		return s, err
	}
	total := 0
	for _, n := range hundreds {
		total += n
	}
	s.Hundred = float64(total) / float64(len(changes))
	return s, nil
}

// Corpus returns the measured changes, one log's in order from sequence 1.
func Corpus() ([]*syncproto.Change, error) {
	var out []*syncproto.Change
	lines := bufio.NewScanner(bytes.NewReader(corpusHex))
	for lines.Scan() {
		b, err := hex.DecodeString(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("corpus line %d: %w", len(out)+1, err)
		}
		ch, err := wire.DecodeChange(b)
		if err != nil {
			return nil, fmt.Errorf("corpus line %d: %w", len(out)+1, err)
		}
		out = append(out, ch)
	}
	return out, lines.Err()
}

// sealAll returns the sizes of the batches of n changes each of one session,
// without the signature.
func sealAll(codec *wire.Codec, changes []*syncproto.Change, n int) ([]int, error) {
	log := changes[0].Header.OriginLog
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	cert := wire.SignLogCert(wire.LogCert{Log: syncproto.LogID{1}, LogKey: [32]byte(key.Public().(ed25519.PublicKey)), Serial: 1}, key)
	cert.Log = log // the corpus has one already
	sealer, opener := wire.NewBatchSealer(codec, wire.PurposePush, cert, key), wire.NewBatchOpener(codec)
	sealer.PeerKnowsCert()
	opener.LearnCert(cert)
	prev := syncproto.ChainStart(log)
	var sizes []int
	for i := 0; i < len(changes); i += n {
		some := changes[i:min(len(changes), i+n)]
		buf, k, err := sealer.Seal(uint64(i+1), prev, some, 0)
		if err != nil {
			return nil, err
		}
		b, err := opener.Open(buf)
		if err != nil {
			return nil, err
		}
		if k != len(some) || len(b.Entries) != k {
			return nil, fmt.Errorf("a batch of %d changes holds %d", len(some), len(b.Entries))
		}
		for j := range b.Entries {
			if !bytes.Equal(b.Entries[j].Raw(), wire.AppendChange(nil, some[j])) {
				return nil, fmt.Errorf("change %d came back differently", i+j+1)
			}
		}
		prev = b.Last
		sizes = append(sizes, len(buf)-ed25519.SignatureSize)
	}
	return sizes, nil
}
