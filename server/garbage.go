package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// spareGarbage is what may always lie about before it is collected, 64 MiB. Go
// collects when as much was allocated as is in use; a server uses little and
// allocates some 20 kB for every change, so it would collect many times a second.
const spareGarbage = 64 << 20

// mostGarbage is the highest percentage that is set, for a heap with hardly
// anything in it.
const mostGarbage = 1000

// CollectLess has the process collect its garbage less often than Go does by
// itself while it uses little memory. Once it uses more than what may lie about
// anyway, it is as it was. It is for a process that is a server and nothing else; who
// sets GOGC has decided otherwise.
func CollectLess() { collectLess() }

var collectLess = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" {
		afterCollection(&collections{percent: 100})
	}
})

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
