package hub

import (
	"context"
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// waitingPage is how many parked changes are looked at in one transaction.
const waitingPage = 200

// admitWaiting applies changes that wait for their record to come where their
// author saw it, and whose author may write where it is by now. One that fails
// waits on: nobody who has sent it waits for an answer.
func (h *Hub) admitWaiting() error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	var after syncproto.ChangeID
	for {
		var rows []store.Change
		err := h.store.View(ctx, func(r store.Reader) (err error) {
			rows, err = r.ByOutcome(syncproto.Parked, nil, after, waitingPage)
			return err
		})
		if err != nil {
			return fmt.Errorf("list what waits: %w", err)
		}
		var ids []syncproto.ChangeID
		for i := range rows {
			if rows[i].Result.Reason == syncproto.ReasonWaitsHome {
				ids = append(ids, rows[i].ID)
			}
			after = rows[i].ID
		}
		if len(ids) > 0 {
			err := h.around(ctx, poison{}, func(w *work) error {
				for _, id := range ids {
					if err := w.admitAgain(id); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		if len(rows) < waitingPage {
			return nil
		}
	}
}

// admitAgain decides about a change that waits for its record's move, if that
// would not leave it waiting.
func (w *work) admitAgain(id syncproto.ChangeID) error {
	if w.poison.has(id) {
		return nil
	}
	w.at = id
	if err := w.admitOne(id); err != nil {
		return err
	}
	w.at = syncproto.ChangeID{}
	return nil
}

func (w *work) admitOne(id syncproto.ChangeID) error {
	row, err := w.change(id)
	if err != nil {
		return err
	}
	ch, err := wire.DecodeChange(row.Bytes)
	if err != nil || row.Result.Outcome != syncproto.Parked {
		return nil // its record's next move sees to it
	}
	t, err := w.record(row.Record)
	if err != nil {
		return err
	}
	fate, _, err := w.admit(row, ch, t.state)
	if err != nil || fate != fateApplies {
		return err
	}
	return w.again(row)
}
