package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// spareGarbage is what may always lie about before it is collected, 64 MiB. Go
// collects when as much was allocated as is in use; a server uses little and
// allocates some 20 kB for every change, so it would collect many times a second.
const spareGarbage = 64 << 20

// mostGarbage is the highest percentage that is set, for a heap with hardly
// anything in it.
const mostGarbage = 1000

// A server at rest looks every lookAfterRest whether there is garbage that would
// otherwise lie about for an hour: with thousands of devices connected, each says a
// word now and then, and what that leaves is as much as all they hold.
const (
	lookAfterRest = 15 * time.Second
	// restRate is how much may be allocated in a second by a server that counts as
	// at rest, restGarbage how much is worth a collection.
	restRate    = 4 << 20
	restGarbage = 8 << 20
)

// CollectLess has the process collect its garbage less often than Go does by
// itself while it uses little memory, and give it back while it is at rest. Once it
// uses more than what may lie about anyway, it is collected as often as Go does. It is
// for a process that is a server and nothing else; who sets GOGC has decided
// otherwise.
func CollectLess() { collectLess() }

var collectLess = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" {
		afterCollection(&collections{percent: 100})
		go collectAtRest(time.Tick(lookAfterRest))
	}
})

// collectAtRest gives garbage back whenever the process was at rest from one tick
// to the next.
func collectAtRest(ticks <-chan time.Time) {
	var was uint64
	for range ticks {
		m := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
		metrics.Read(m)
		for i := range m {
			if m[i].Value.Kind() != metrics.KindUint64 {
				return // another runtime, which looks after itself
			}
		}
		allocated, objects, live := m[0].Value.Uint64(), m[1].Value.Uint64(), m[2].Value.Uint64()
		if worthCollecting(allocated-was, lookAfterRest, objects, live) {
			debug.FreeOSMemory()
		}
		was = allocated
	}
}

// worthCollecting reports whether a process that allocated so much in a time was at
// rest, and holds much more than what was in use after the last collection.
func worthCollecting(allocated uint64, in time.Duration, objects, live uint64) bool {
	return float64(allocated) <= restRate*in.Seconds() && objects > live+restGarbage
}

// collections looks after each collection what is in use.
type collections struct{ percent int }

// afterCollection has adjust called after the next collection.
func afterCollection(c *collections) {
	runtime.SetFinalizer(new([16]byte), func(*[16]byte) {
		c.adjust()
		afterCollection(c)
	})
}

func (c *collections) adjust() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() != metrics.KindUint64 {
		return
	}
	// A change stops the process for a moment, so small ones are left.
	if p := percentFor(live[0].Value.Uint64()); max(p-c.percent, c.percent-p) > c.percent/8 {
		c.percent = p
		debug.SetGCPercent(p)
	}
}

// percentFor is how much garbage may be made beside what is in use.
func percentFor(live uint64) int {
	return int(min(max(spareGarbage*100/max(live, 1), 100), mostGarbage))
}
