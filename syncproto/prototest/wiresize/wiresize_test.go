package wiresize

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/syncproto/prototest/corpus"
	"mahalleh/syncproto/wire"
)

var update = flag.Bool("update", false, "write the corpus anew")

// corpusSeed and corpusSize make the corpus.
const (
	corpusSeed = 7
	corpusSize = 300
)

func TestCorpusIsWhatItsSeedMakes(t *testing.T) {
	changes, err := corpus.Changes(corpusSeed, corpus.Measured(), corpusSize, wire.NewChange)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for _, ch := range changes {
		if len(ch.Ops) != corpus.Ops+1 {
			t.Errorf("change %d: got %d operations, want %d and the one on presence", ch.Header.OriginSeq, len(ch.Ops), corpus.Ops)
		}
		want.WriteString(hex.EncodeToString(wire.AppendChange(nil, ch)))
		want.WriteByte('\n')
	}
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", "corpus.hex"), want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(corpusHex, want.Bytes()) {
		t.Error("testdata/corpus.hex is not what corpus.Changes makes; run the test with -update")
	}
}

func TestSizes(t *testing.T) {
	s, err := Measure()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", s)
	if s.Alone > 180 || s.Hundred > 150 || s.Changes < 100 {
		t.Errorf("got %.1f bytes alone and %.1f in a hundred of %d changes, want at most 180 and 150", s.Alone, s.Hundred, s.Changes)
	}
}
