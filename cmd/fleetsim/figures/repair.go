package figures

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mahalleh/server/store"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

func repair() *Figure {
	return &Figure{
		Name:    "repair",
		Size:    []Count{{"records", 10_000}},
		Goals:   []Goal{{"repair", AtMost, 16_000, "B"}},
		Takes:   20 * time.Second,
		measure: measureRepair,
	}
}

func measureRepair(ctx context.Context, r *run) error {
	n := r.size("records")
	w, err := r.newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	w.writer.only = "plain" // all in one scope: the sums must find one among all
	if err := w.fill(n); err != nil {
		return err
	}
	quiet, err := w.contact()
	if err != nil {
		return err
	}
	if err := w.spoil(); err != nil {
		return err
	}
	spent, err := w.contact()
	if err != nil {
		return err
	}
	whole, err := w.equal()
	if err != nil {
		return err
	}
	if !whole {
		return fmt.Errorf("the device still differs from the server after a contact of %d bytes", spent)
	}
	r.report("repair", float64(spent), map[string]float64{"contact_alone": float64(quiet), "repair_alone": float64(spent - quiet)})
	return nil
}

// contact connects, waits until all is settled, hangs up, and returns the bytes
// of all that, both ways.
func (w *world) contact() (int, error) {
	l, err := w.connect()
	if err != nil {
		return 0, err
	}
	if err := l.settle(); err != nil {
		return 0, err
	}
	spent := l.spent()
	return spent, l.hangUp()
}

// spoil makes the device's copy of one record wrong: it holds a change that the
// server never had.
func (w *world) spoil() error {
	shown, err := w.texted(0)
	if err != nil {
		return err
	}
	state, err := w.device.ServerState(w.ctx, shown.Record)
	if err != nil {
		return err
	}
	never, err := w.writer.edit(state, w.writer.seq+1)
	if err != nil {
		return err
	}
	if _, err := merge.Apply(state, never, nobody{}); err != nil {
		return err
	}
	all, err := w.device.Scopes(w.ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Scope == state.Home {
			err := w.device.ApplyRepair(w.ctx, &wire.Records{Scope: c.Scope, Position: c.Position, Records: [][]byte{wire.AppendRecord(nil, state, 0)}})
			if err != nil {
				return err
			}
		}
	}
	same, err := w.equal()
	if err == nil && same {
		err = fmt.Errorf("record %s is spoilt and nothing differs", shown.Record)
	}
	return err
}

// equal reports whether the device holds what the server holds, by the sums and
// counts of all scopes.
func (w *world) equal() (bool, error) {
	held, err := w.device.Scopes(w.ctx)
	if err != nil {
		return false, err
	}
	same := true
	err = w.server.View(w.ctx, func(r store.Reader) error {
		same = true
		for _, h := range held {
			s, err := r.Scope(h.Scope)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			same = same && s.Sum == h.Held && s.Count == h.Count && s.Position == h.Position
		}
		return nil
	})
	return same, err
}
