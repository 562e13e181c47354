package figures

import (
	"context"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/syncproto"
)

func oneChange() *Figure {
	return &Figure{
		Name: "one-change",
		Size: []Count{{"records", 100_000}},
		Goals: []Goal{
			{"one-change.received", AtMost, 400, "B"},
			{"one-change.sent", AtMost, 400, "B"},
			{"one-change.reconnect.received", AtMost, 1500, "B"},
			{"one-change.reconnect.sent", AtMost, 1500, "B"},
		},
		Takes:   2 * time.Minute,
		measure: measureOneChange,
	}
}

// receiptDelay is longer than the server waits with a receipt.
const receiptDelay = 30 * time.Second

func measureOneChange(ctx context.Context, r *run) error {
	n := r.size("records")
	w, err := r.newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.fill(n); err != nil {
		return err
	}
	// Two contacts, so that what is told once has been told.
	if _, err := w.contact(); err != nil {
		return err
	}
	quiet, err := w.contact()
	if err != nil {
		return err
	}

	l, err := w.connect()
	if err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return err
	}
	for _, sent := range []bool{false, true} {
		// The first change of a session carries what later ones lean on; both count
		// as one change, and the larger is the value.
		var most, least int
		var receipt int
		for i := range 3 {
			l.spent()
			if err := w.oneChange(l, sent, i); err != nil {
				return err
			}
			spent := l.spent()
			if err := l.pass(receiptDelay); err != nil {
				return err
			}
			receipt = l.spent()
			most = max(most, spent)
			if least == 0 || spent < least {
				least = spent
			}
		}
		name := "one-change.received"
		if sent {
			name = "one-change.sent"
		}
		r.report(name, float64(most), map[string]float64{"least": float64(least), "afterwards": float64(receipt)})
	}
	if err := l.hangUp(); err != nil {
		return err
	}

	for _, sent := range []bool{false, true} {
		if err := w.oneChange(nil, sent, 3); err != nil {
			return err
		}
		spent, err := w.contact()
		if err != nil {
			return err
		}
		name := "one-change.reconnect.received"
		if sent {
			name = "one-change.reconnect.sent"
		}
		r.report(name, float64(spent), map[string]float64{"contact_alone": float64(quiet)})
	}
	return nil
}

// oneChange gives one record another title, here or by the colleague, and
// carries it over the line if there is one.
func (w *world) oneChange(l *line, here bool, i int) error {
	list, err := w.device.List(w.ctx, localstore.Filter{Max: 40})
	if err != nil {
		return err
	}
	at := 2 * i
	if here {
		at++
	}
	held, err := w.device.State(w.ctx, list.Rows[4*at].Record)
	if err != nil {
		return err
	}
	if here {
		return w.saveHere(l, held.State)
	}
	w.writer.seq++
	ch, err := w.writer.edit(held.State, w.writer.seq)
	if err != nil {
		return err
	}
	if err := w.bring([]*syncproto.Change{ch}); err != nil || l == nil {
		return err
	}
	return l.settle()
}

func (w *world) saveHere(l *line, state *syncproto.RecordState) error {
	_, err := w.device.Append(w.ctx, func(localstore.At) (localstore.Saving, error) {
		ch, err := w.writer.edit(state, 1)
		if err != nil {
			return localstore.Saving{}, err
		}
		h := ch.Header
		h.Author, h.Role = facilitator(), 10
		return localstore.Saving{Changes: []localstore.NewChange{{Header: h, Ops: ch.Ops}}}, nil
	})
	if err != nil || l == nil {
		return err
	}
	l.device.Queued()
	return l.settle()
}
