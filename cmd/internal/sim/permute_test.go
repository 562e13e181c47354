package sim

import (
	"context"
	"testing"

	"mahalleh/syncproto/wire"
)

// Law: candidates, shown values, conflicts and counters of a server are a
// function of the set of changes received and released.
func TestPermutations(t *testing.T) {
	codec, err := wire.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	p := Permutations{Dir: t.TempDir(), Codec: codec, Deliveries: 4}
	for seed := range uint64(40) {
		if err := p.Run(context.Background(), seed); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
