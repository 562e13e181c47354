package report

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"mahalleh/syncproto"
)

// Choice is one line of a ballot. Rank is 0 and Points -1 where there are none.
type Choice struct {
	Ballot, Corrects, Group string
	Need, Criterion         string
	Rank                    int64
	Points                  float64
}

// Ballots are the lines of a round's ballots at a place, ballot by ballot in the
// order of ids. Ids are texts. Whoever asks says who may see what comes of them.
func (r *Report) Ballots(ctx context.Context, place syncproto.PlaceID, round syncproto.RecordID) (lines []Choice, err error) {
	err = r.view(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT b."_record", coalesce(b."corrects_id", ''), coalesce(b."voter_group", ''), coalesce(c."need_id", ''), coalesce(c."criterion", ''),
				coalesce(c."rank", 0), coalesce(c."points", -1)
			FROM "ballot" b JOIN "ballot.choices" c ON c."_record" = b."_record" WHERE b."_place" = ? AND b."round_id" = ? ORDER BY b."_record", c."_row"`,
			place[:], round.String())
		if err != nil {
			return err
		}
		for rows.Next() {
			var id []byte
			var c Choice
			if err := rows.Scan(&id, &c.Corrects, &c.Group, &c.Need, &c.Criterion, &c.Rank, &c.Points); err != nil {
				return errors.Join(err, rows.Close())
			}
			c.Ballot = syncproto.RecordID(id).String()
			lines = append(lines, c)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("read ballots: %w", err)
	}
	return lines, nil
}
