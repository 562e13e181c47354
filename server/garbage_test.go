package server

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGarbageFor(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, mostGarbage}, {4 << 20, mostGarbage}, {32 << 20, 200}, {64 << 20, 100}, {1 << 30, 100}} {
		if got := percentFor(c.live); got != c.want {
			t.Errorf("with %d bytes in use: got %d %%, want %d", c.live, got, c.want)
		}
	}
}

// A server at rest gives back what lies about; one that works is left alone.
func TestWorthCollecting(t *testing.T) {
	for _, c := range []struct {
		name                     string
		allocated, objects, live uint64
		want                     bool
	}{
		{"at rest with garbage", 1 << 20, 100 << 20, 60 << 20, true},
		{"at rest without", 1 << 20, 61 << 20, 60 << 20, false},
		{"at work", 4000 << 20, 100 << 20, 60 << 20, false},
		{"just now collected, more in use than before", 0, 60 << 20, 80 << 20, false},
	} {
		if got := worthCollecting(c.allocated, lookAfterRest, c.objects, c.live); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Whoever rests is collected at the next tick.
func TestCollectAtRest(t *testing.T) {
	ticks, ended := make(chan time.Time), make(chan struct{})
	go func() { defer close(ended); collectAtRest(ticks) }()
	runtime.GC()
	// A collection of Go's own in the midst of it would count the litter as in use.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	litter := make([][]byte, 0, 64)
	for range 64 {
		litter = append(litter, make([]byte, 1<<20))
	}
	runtime.KeepAlive(litter)
	ticks <- time.Time{} // since the process began much was allocated
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ticks <- time.Time{}
	close(ticks)
	<-ended
	if runtime.ReadMemStats(&after); after.NumForcedGC == before.NumForcedGC {
		t.Errorf("%d bytes lie about, and nobody collected them", before.HeapAlloc)
	}
}
