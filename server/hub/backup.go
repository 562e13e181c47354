package hub

import (
	"context"
	"errors"
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// MarkBackupSafe notes up to where a verified backup holds each log; devices
// are told, and may then let go of what they kept for it.
func (h *Hub) MarkBackupSafe(ctx context.Context, safe map[syncproto.LogID]uint64) error {
	told := map[syncproto.LogID]bool{}
	err := h.store.Update(ctx, func(tx store.Tx) error {
		clear(told)
		for id, seq := range safe {
			log, err := tx.Log(id)
			if errors.Is(err, store.ErrNotFound) {
				continue // of another server's backup, or lost with a restore since
			}
			if err != nil {
				return err
			}
			if seq = min(seq, log.Received); seq <= log.BackupSafe {
				continue
			}
			log.BackupSafe = seq
			told[id] = true
			if err := tx.PutLog(log); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note what is in the backup: %w", err)
	}
	h.announce(Event{Backups: told})
	return nil
}
