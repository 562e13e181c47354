package figures

import (
	"context"
	"errors"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
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
	at := 2 * i
	if here {
		at++
	}
	state, err := w.texted(4 * at)
	if err != nil {
		return err
	}
	if here {
		return w.saveHere(l, state)
	}
	w.writer.seq++
	ch, err := w.writer.edit(state, w.writer.seq)
	if err != nil {
		return err
	}
	if err := w.bring([]*syncproto.Change{ch}); err != nil || l == nil {
		return err
	}
	return l.settle()
}

// texted returns the n-th of the device's records that have a text to change.
func (w *world) texted(n int) (*syncproto.RecordState, error) {
	return textedOf(w.ctx, w.device, w.forms, n)
}

// errTooFew says that fewer records than that have a text.
var errTooFew = errors.New("too few records have a text")

func textedOf(ctx context.Context, device *localstore.Store, forms *schemas.Package, n int) (*syncproto.RecordState, error) {
	list, err := device.List(ctx, localstore.Filter{Max: 500})
	if err != nil {
		return nil, err
	}
	for _, row := range list.Rows {
		held, err := device.State(ctx, row.Record)
		if err != nil {
			return nil, err
		}
		if form, ok := forms.Form(schemas.FormID(held.State.Form)); !ok || textOf(form, merge.Content(form, held.State)) == nil {
			continue
		}
		if n--; n < 0 {
			return held.State, nil
		}
	}
	return nil, errTooFew
}

func (w *world) saveHere(l *line, state *syncproto.RecordState) error {
	ch, err := w.writer.edit(state, 1)
	if err != nil {
		return err
	}
	if err := w.append(ch); err != nil || l == nil {
		return err
	}
	l.device.Queued()
	return l.settle()
}

// append saves a change of the writer's hand as one of the device's own.
func (w *world) append(ch *syncproto.Change) error {
	_, err := w.device.Append(w.ctx, func(localstore.At) (localstore.Saving, error) {
		h := ch.Header
		h.Author, h.Role = facilitator(), 10
		return localstore.Saving{Changes: []localstore.NewChange{{Header: h, Ops: ch.Ops}}}, nil
	})
	return err
}
