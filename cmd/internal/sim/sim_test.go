package sim

import (
	"context"
	"flag"
	"testing"

	"mahalleh/syncproto/wire"
)

var (
	from  = flag.Uint64("from", 0, "the first seed")
	seeds = flag.Uint64("seeds", 30, "how many seeds")
	trace = flag.Bool("trace", false, "print what happens")
)

func TestHistories(t *testing.T) {
	codec, err := wire.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	for seed := *from; seed < *from+*seeds; seed++ {
		opt := Options{Seed: seed, Dir: t.TempDir(), Codec: codec}
		if *trace {
			opt.Trace = func(line string) { t.Log(line) }
		}
		rep, err := Run(context.Background(), opt)
		if err != nil {
			t.Errorf("seed %d (%d devices, %d changes): %v", seed, rep.Devices, rep.Changes, err)
		}
	}
}
