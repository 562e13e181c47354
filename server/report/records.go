package report

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Listed is a living record of a form at a place. Its times are Unix milliseconds.
type Listed struct {
	Record        syncproto.RecordID
	Made, Changed int64
}

// Records lists living records of a form at a place by their ids, at most so many
// after one of them. What they hold, and who may see it, is for whoever has the
// store to say. A form of which the report knows nothing has none.
func (r *Report) Records(ctx context.Context, form schemas.FormID, place syncproto.PlaceID, after syncproto.RecordID, most int) (list []Listed, err error) {
	err = r.view(ctx, func(tx *sql.Tx) error {
		t := r.layout.tables[form]
		if t == nil {
			return nil
		}
		rows, err := tx.QueryContext(ctx, `SELECT "_record", "_made", "_changed" FROM `+quoted(t.name)+` WHERE "_place" = ? AND "_record" > ? ORDER BY "_record" LIMIT ?`,
			place[:], after[:], most)
		if err != nil {
			return err
		}
		for rows.Next() {
			var id []byte
			var l Listed
			if err := rows.Scan(&id, &l.Made, &l.Changed); err != nil {
				return errors.Join(err, rows.Close())
			}
			l.Record = syncproto.RecordID(id)
			list = append(list, l)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	return list, nil
}
