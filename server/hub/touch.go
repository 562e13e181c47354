package hub

import (
	"context"
	"errors"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// Touched is what a device said of itself, and when.
type Touched struct {
	Device syncproto.DeviceID
	Seen   int64
	Touch  session.Touch
}

// Touched is what the session's device says of itself now.
func (d *Desk) Touched(e session.Touch) Touched {
	return Touched{Device: d.device, Seen: d.h.now(), Touch: e}
}

// Touch keeps what devices said of themselves, in one transaction. Devices that are
// gone are passed over.
func (h *Hub) Touch(ctx context.Context, devices []Touched) error {
	return h.store.Update(ctx, func(tx store.Tx) error {
		for i := range devices {
			e := &devices[i].Touch
			dev, err := tx.Device(devices[i].Device)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			dev.LastSeen, dev.Queue, dev.OldestQueued, dev.ClockAhead = devices[i].Seen, e.Queue, e.OldestQueued, e.ClockAhead
			if e.App != "" {
				dev.App = e.App
			}
			if err := tx.PutDevice(dev); err != nil {
				return err
			}
		}
		return nil
	})
}
