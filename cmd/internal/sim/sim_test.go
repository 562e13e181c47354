package sim

import (
	"context"
	"flag"
	"testing"

	"mahalleh/syncproto/wire"
)

var (
	from = flag.Uint64("from", 0, "the first seed")
	// A few: .ci/run plays the first thousand by themselves.
	seeds = flag.Uint64("seeds", 10, "how many seeds")
	trace = flag.Bool("trace", false, "print what happens")
)

func TestHistories(t *testing.T) {
	for seed := *from; seed < *from+*seeds; seed++ {
		history(t, seed)
	}
}

// Seeds that once failed stay. What mattered in each stands as a test of its own
// in the package that was wrong, for a later program plays a seed otherwise.
func TestKeptSeeds(t *testing.T) {
	for _, seed := range []uint64{7, 27, 40, 51, 56, 90, 921, 1041} {
		history(t, seed)
	}
}

// Each story is told to its end.
func TestStories(t *testing.T) {
	for seed, name := range map[uint64]string{1: "story of late evidence", 5: "story of what is kept out", 9: "story of poison", 61: "story"} {
		if rep := history(t, seed); rep.Events[name] != 1 {
			t.Errorf("seed %d tells no %s: %v", seed, name, rep.Events)
		}
	}
}

func history(t *testing.T, seed uint64) Report {
	t.Helper()
	codec, err := wire.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Seed: seed, Dir: t.TempDir(), Codec: codec}
	if *trace {
		opt.Trace = func(line string) { t.Log(line) }
	}
	rep, err := Run(context.Background(), opt)
	if err != nil {
		t.Errorf("seed %d (%d devices, %d changes): %v", seed, rep.Devices, rep.Changes, err)
	}
	return rep
}
