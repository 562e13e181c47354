package localstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"mahalleh/syncproto"
)

// outcomeAside is of changes that the server parked or set aside, or that were kept
// out and are here, in SQL; an index follows it.
var outcomeAside = fmt.Sprintf("outcome IN (%d, %d, %d) AND (outcome <> %[3]d OR length(body) > 0)", syncproto.Parked, syncproto.Quarantined, syncproto.Rejected)

// Unsettled returns own changes that the server parked or set aside, at most
// max: what became of them may be told later. So it does with those that were kept
// out, as long as their content is here: that their record was erased is told to
// who asks, where no mark tells it. Of more than max each call returns another
// stretch, so that none is never asked about.
func (s *Store) Unsettled(ctx context.Context, max int) (ids []syncproto.ChangeID, err error) {
	err = s.view(ctx, func(q querier) error {
		var n int
		if err := q.QueryRowContext(ctx, "SELECT count(*) FROM entry WHERE "+outcomeAside).Scan(&n); err != nil {
			return err
		}
		skip := 0
		if n > max {
			// By chance, since nothing is to be written for it.
			var b [8]byte
			if _, err := io.ReadFull(s.opt.Rand, b[:]); err != nil {
				return fmt.Errorf("read random bytes: %w", err)
			}
			skip = int(binary.BigEndian.Uint64(b[:]) % uint64(n))
		}
		for _, at := range []int{skip, 0} {
			some, err := readUnsettled(ctx, q, at, min(max, n)-len(ids))
			if err != nil {
				return err
			}
			ids = append(ids, some...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read unsettled changes: %w", err)
	}
	return ids, nil
}

func readUnsettled(ctx context.Context, q querier, skip, max int) (ids []syncproto.ChangeID, err error) {
	rows, err := q.QueryContext(ctx, "SELECT change FROM entry WHERE "+outcomeAside+" ORDER BY at LIMIT ? OFFSET ?", max, skip)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		if len(id) != 16 {
			return nil, fmt.Errorf("entry row: %w", ErrCorrupt)
		}
		ids = append(ids, syncproto.ChangeID(id))
	}
	return ids, rows.Err()
}
