package sim

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"mahalleh/syncproto/wire"
)

// TestServerOlderThanWhatIsKept puts the server back from a backup older than
// the one for which devices let go of their changes. What they have no more is
// declared lost, and all that is recorded afterwards arrives.
func TestServerOlderThanWhatIsKept(t *testing.T) {
	codec, err := wire.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	const seed = 8
	t.Logf("seed %d", seed)
	ctx := context.Background()
	w := &world{opt: Options{Seed: seed, Codec: codec}, ctx: ctx, ended: ctx.Err, rng: rand.New(rand.NewPCG(seed, 77)), dir: t.TempDir(),
		trace: sha256.New(), rep: Report{Events: map[string]int{}}, healing: true}
	w.oracle = newOracle(w)
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("begin", w.begin())
	defer func() { must("close", w.close()) }()
	d := w.devices[0] // it lets go at once
	record := func() {
		t.Helper()
		for range 3 {
			w.time += 60_000
			must("save", w.save(d))
		}
		must("sync", w.rest())
	}
	backUp := func() {
		t.Helper()
		must("back up", w.server.backUp(true))
		must("verify the backup", w.server.verified())
	}
	record()
	backUp()
	older := w.server.backup
	logs, err := d.store.Logs(w.ctx)
	must("logs", err)
	held := logs[0].HeadSeq
	for range 4 {
		record()
	}
	for range 2 { // the second greeting finds what the first has caught up with
		backUp()
		must("sync", w.rest())
	}
	logs, err = d.store.Logs(w.ctx)
	must("logs", err)
	if logs[0].First <= held+1 {
		t.Fatalf("the device keeps changes from %d on; the older backup holds %d", logs[0].First, held)
	}
	w.server.backup = older
	must("restore", w.server.restoreBackup())
	from := len(w.oracle.order)
	record()
	there := w.oracle.atServer()
	for _, id := range w.oracle.order[from:] {
		if !there[id] {
			t.Errorf("change %v, recorded after the server was put back, is not there", id)
		}
	}
	if q, err := d.store.Queue(w.ctx); err != nil || q.Changes != 0 {
		t.Errorf("%d changes wait, %v, want none", q.Changes, err)
	}
}
