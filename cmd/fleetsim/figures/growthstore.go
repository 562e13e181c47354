package figures

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// grown is a server whose store was filled before it was started, and what was
// measured of it, in milliseconds, turn by turn.
type grown struct {
	*fleet
	records             int
	push, pull, contact []float64
	// began and heads are where each device's log and scope stood when it was filled.
	began, heads []uint64
}

// newGrown makes a store of so many records in grownScopes neighbourhoods. Close
// removes it.
func (r *run) newGrown(ctx context.Context, records int) (g *grown, err error) {
	g = &grown{fleet: &fleet{r: r, ctx: ctx}, records: records}
	if g.dir, err = os.MkdirTemp(r.Dir, r.figure.Name); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	if err := g.build(); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

func (g *grown) build() (err error) {
	g.with = func(tx store.Tx) error {
		// The reader is a colleague at the first one's place.
		return tx.PutGrant(store.Grant{Person: g.devices[grownScopes].person, Place: g.devices[0].place, Role: string(access.Facilitator), Serial: grownScopes + 9})
	}
	if err := g.prepare(grownScopes + 1); err != nil {
		return err
	}
	st, err := sqlitestore.Open(g.ctx, sqlitestore.Options{Path: filepath.Join(g.dir, serverName)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s, err := openServer(g.ctx, st)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := g.fill(s.Hub()); err != nil {
		return err
	}
	return st.View(g.ctx, g.note)
}

// filling is how many devices have a batch under way while a store is filled: so
// many that the server has a full group to commit each time.
const filling = 6

// fill has the devices' changes accepted by the server's own committer, without
// sessions and lines: what it writes is what a server would have written.
func (g *grown) fill(h *hub.Hub) error {
	ctx, cancel := context.WithCancelCause(g.ctx)
	defer cancel(nil)
	var mu sync.Mutex
	done := 0
	each(filling, grownScopes, func(i int) bool {
		// As many each; the first take what is left over.
		n := g.records / grownScopes
		if i < g.records%grownScopes {
			n++
		}
		err := g.devices[i].fill(ctx, h, n, func(more int) {
			mu.Lock()
			defer mu.Unlock()
			done += more
			g.r.Progress(g.r.figure.Name, done, g.records)
		})
		if err != nil {
			cancel(err)
		}
		return err == nil
	})
	return context.Cause(ctx)
}

// fill brings n new records of the device's log.
func (p *pusher) fill(ctx context.Context, h *hub.Hub, n int, progress func(more int)) error {
	opener := wire.NewBatchOpener(p.fleet.codec)
	for n > 0 {
		some := min(n, syncproto.MaxBatchChanges)
		batches, err := p.news(some)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if err := p.bring(ctx, h, opener, b); err != nil {
				return err
			}
		}
		n -= some
		progress(some)
	}
	return nil
}

// bring has the server take in a batch, all of which must be applied.
func (p *pusher) bring(ctx context.Context, h *hub.Hub, opener *wire.BatchOpener, b push) error {
	batch, err := opener.Open(b.batch)
	if err != nil {
		return fmt.Errorf("open a batch: %w", err)
	}
	got, err := h.Accept(ctx, p.cert.Device(), batch)
	if err != nil {
		return fmt.Errorf("take in a batch: %w", err)
	}
	for _, res := range got.Results {
		if res.Result.Outcome != syncproto.Applied {
			return fmt.Errorf("change %d of device %d is not applied: %s", res.Seq, p.number, res.Result.Outcome)
		}
	}
	return nil
}

// note tells the devices how the store stands, which they are taken to hold.
func (g *grown) note(rd store.Reader) error {
	era, err := rd.LastEra()
	if err != nil {
		return err
	}
	for _, d := range g.devices {
		sc, err := rd.Scope(d.scope)
		if errors.Is(err, store.ErrNotFound) {
			sc = store.Scope{ID: d.scope} // the reader's own place is empty
		} else if err != nil {
			return err
		}
		d.cursors = []wire.Cursor{{Scope: d.scope, Era: era.ID, Position: sc.Position, Sum: sc.Sum}}
		g.began, g.heads = append(g.began, d.seq), append(g.heads, sc.Position)
	}
	g.reader().cursors = append([]wire.Cursor(nil), g.devices[0].cursors...)
	return nil
}

// bytesPerRecord is what a record takes on the disk, with its change, what is
// written while it is filled, and room to spare.
const bytesPerRecord = 2000

// roomFor says what is missing if the disk is too small for stores of these sizes.
func (r *run) roomFor(sizes []int) error {
	free, err := clientsdk.FreeSpace(r.Dir)
	if err != nil {
		return err
	}
	need := 1e9
	for _, n := range sizes {
		need += float64(n) * bytesPerRecord
	}
	if float64(free) < need {
		return fmt.Errorf("%s has %.1f GB free and the stores need %.1f: name another folder by --dir, or a smaller size by --records", r.Dir, float64(free)/1e9, need/1e9)
	}
	return nil
}

// warm reads the store's file once, so that as much of it as the machine's memory
// holds is there, like that of a server which has run for a while.
func (g *grown) warm() error {
	f, err := os.Open(filepath.Join(g.dir, serverName))
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	return nil
}
