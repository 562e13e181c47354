package figures

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func firstSync() *Figure {
	return &Figure{
		Name: "first-sync",
		Size: []Count{{"records", 100_000}},
		Goals: []Goal{
			{"first-sync", AtLeast, 0.4, "x"},
			{"first-sync.sent", AtLeast, 50_000, "records/s"},
			{"first-sync.bytes", AtLeast, 7, "x"},
			{"first-sync.server", AtMost, 200, "MB"},
			{"first-sync.client", AtMost, 96, "MB"},
		},
		Takes:   3 * time.Minute,
		measure: measureFirstSync,
	}
}

// firstRounds is how often bare loop, client and reader take turns; medians
// count, of memory the most.
const firstRounds = 3

// firstLoad is a server with many records, and what takes them from it.
type firstLoad struct {
	*fleet
	codes []syncproto.EnrolCode
	rows  []bareRow
	json  int // bytes of all records as JSON
	// bareWork is the processor's time of the bare loop.
	bareWork time.Duration
}

func measureFirstSync(ctx context.Context, r *run) error {
	n := r.size("records")
	f, err := r.newFirstLoad(ctx, n)
	if err != nil {
		return err
	}
	defer f.close()
	var bares, clients, ratios, rates, memories, synced, listed, worked []float64
	var down int
	for round := range firstRounds {
		bare, err := f.bare(round)
		if err != nil {
			return err
		}
		c, err := f.client(round)
		if err != nil {
			return err
		}
		got, err := f.devices[1].discard(ctx)
		if err != nil {
			return err
		}
		if c.Records != n || got.records != n {
			return fmt.Errorf("the client has %d records and the reader saw %d, of %d", c.Records, got.records, n)
		}
		down = got.bytes
		bares, clients = append(bares, float64(n)/bare.Seconds()), append(clients, float64(n)/c.Seconds)
		ratios, memories = append(ratios, bare.Seconds()/c.Seconds), append(memories, float64(c.Memory)/1e6)
		worked = append(worked, float64(c.Processor.Nanoseconds())/1000/float64(n))
		synced, listed = append(synced, c.Synced), append(listed, float64(c.Listed)/1e6)
		rates = append(rates, float64(n)/got.took.Seconds())
		r.Progress(r.figure.Name, round+1, firstRounds)
	}
	used, err := f.server.stop()
	f.server = nil
	if err != nil {
		return err
	}
	for _, list := range [][]float64{bares, clients, ratios, rates, memories, synced, listed, worked} {
		slices.Sort(list)
	}
	const middle, last = firstRounds / 2, firstRounds - 1
	r.report("first-sync", ratios[middle], map[string]float64{"least": ratios[0], "most": ratios[last], "bare": bares[middle], "client": clients[middle], "seconds": float64(n) / clients[middle], "with_index": synced[middle],
		"processor_us": worked[middle], "bare_processor_us": float64(f.bareWork.Microseconds()) / float64(firstRounds*n)})
	r.report("first-sync.sent", rates[middle], map[string]float64{"least": rates[0], "most": rates[last], "processor_us": float64(used.processor.Microseconds()) / float64(2*firstRounds*n)})
	r.report("first-sync.bytes", float64(f.json)/float64(down), map[string]float64{"json": float64(f.json) / float64(n), "bytes": float64(down) / float64(n)})
	r.report("first-sync.server", float64(used.memory)/1e6, nil)
	r.report("first-sync.client", listed[last], map[string]float64{"least": listed[0], "stored": memories[last]})
	return nil
}

// newFirstLoad makes a server whose one neighbourhood has n records, starts it
// anew, and has codes for as many devices as there are rounds.
func (r *run) newFirstLoad(ctx context.Context, n int) (f *firstLoad, err error) {
	f = &firstLoad{fleet: &fleet{r: r, ctx: ctx}}
	if f.dir, err = os.MkdirTemp(r.Dir, r.figure.Name); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	if err := f.begin(n); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *firstLoad) begin(n int) error {
	f.with = func(tx store.Tx) error {
		// The reader is a second device of the first one's person.
		writer, reader := f.devices[0], f.devices[1]
		now := time.Now().UnixMilli()
		for range firstRounds {
			var code syncproto.EnrolCode
			if _, err := rand.Read(code.Secret[:]); err != nil {
				return fmt.Errorf("make a code: %w", err)
			}
			f.codes = append(f.codes, code)
			if err := tx.PutCode(store.Code{SecretHash: code.SecretHash(), Person: writer.person, Place: writer.place, Created: now, Expires: now + 1e9}); err != nil {
				return err
			}
		}
		return tx.PutGrant(store.Grant{Person: reader.person, Place: writer.place, Role: "facilitator", Serial: 9})
	}
	if err := f.fleet.begin(2); err != nil {
		return err
	}
	if err := f.fill(n); err != nil {
		return fmt.Errorf("fill the server: %w", err)
	}
	// The memory that is measured is that of a server which only sends.
	if _, err := f.server.stop(); err != nil {
		return err
	}
	var err error
	f.server, err = f.r.serve(f.ctx, f.dir)
	return err
}

// fill has the first device push n new records, and keeps the rows that the bare
// loop writes in their place.
func (f *firstLoad) fill(n int) error {
	p := f.devices[0]
	w := newWriterOf(f.forms, worldSeed, p.place)
	w.whole, w.person, w.cert, w.key = true, p.person, p.cert, p.key
	if err := p.connect(f.ctx); err != nil {
		return err
	}
	const some = 5000
	for done := 0; done < n; {
		made, err := w.create(min(some, n-done))
		if err != nil {
			return err
		}
		for _, ch := range made {
			body, err := recordJSON(f.forms, ch)
			if err != nil {
				return err
			}
			h := &ch.Header
			f.json += len(body)
			f.rows = append(f.rows, bareRow{record: h.Record, form: h.Form, scope: 1, device: 1, seq: int64(h.OriginSeq), time: h.Time, body: body})
		}
		batches, err := p.seal(made, syncproto.MaxBatchChanges)
		if err != nil {
			return err
		}
		if _, err := p.deliver(batches, 4); err != nil {
			return err
		}
		done += len(made)
	}
	for len(p.results) == 1 && p.results[syncproto.Applied] < n {
		if _, err := p.receive(); err != nil {
			return err
		}
	}
	if got := p.results[syncproto.Applied]; got != n {
		return fmt.Errorf("%d of %d records were applied", got, n)
	}
	return p.hangUp()
}

// bare has the bare loop write all records into a new database.
func (f *firstLoad) bare(round int) (time.Duration, error) {
	path := filepath.Join(f.dir, fmt.Sprintf("bare%d.db", round))
	b, err := newBareLoop(f.ctx, path)
	if err != nil {
		return 0, err
	}
	runtime.GC()
	before, err := processorTime()
	if err != nil {
		return 0, errors.Join(err, b.close())
	}
	took, err := b.write(f.ctx, f.rows, bareCommit)
	if after, err := processorTime(); err == nil {
		f.bareWork += after - before
	}
	err = errors.Join(err, b.close())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(path + suffix)
	}
	return took, err
}
