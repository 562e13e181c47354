package worlds

import (
	"errors"
	"flag"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"mahalleh/schemas/forms"
	"mahalleh/syncproto/wire"
)

var (
	from  = flag.Uint64("from", 1, "first seed")
	seeds = flag.Int("seeds", 200, "how many pairs of worlds are compared")
)

func tools(t *testing.T) *Tools {
	t.Helper()
	codec, err := wire.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	packages, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	// In memory, if there is a file system in it: nothing here depends on the disk.
	dir, err := os.MkdirTemp("/dev/shm", "worlds")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &Tools{Codec: codec, Forms: packages, Dir: dir}
}

// What a device is sent does not depend on what is outside its scope.
func TestBytesOfTwoWorldsAreEqual(t *testing.T) {
	tools := tools(t)
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for n := next.Add(1) - 1; n < uint64(*seeds) && !t.Failed(); n = next.Add(1) - 1 {
				if err := Compare(t.Context(), tools, *from+n); err != nil {
					t.Errorf("seed %d: %v", *from+n, err)
				}
			}
		})
	}
	workers.Wait()
}

// Each mistake that tells a device of what is elsewhere is found.
func TestMistakesAreFound(t *testing.T) {
	for name, fault := range Faults {
		t.Run(name, func(t *testing.T) {
			tools := tools(t)
			tools.Fault = fault
			for seed := *from; seed < *from+uint64(*seeds); seed++ {
				if err := Compare(t.Context(), tools, seed); errors.Is(err, ErrDiffers) {
					t.Logf("seed %d: %v", seed, err)
					return
				} else if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			t.Error("no pair of worlds differs")
		})
	}
}
