package report

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Outline is the boundary of a neighbourhood or a block that was drawn.
type Outline struct {
	Place  syncproto.PlaceID
	Record syncproto.RecordID
	Ring   []schemas.Point
}

// Spot is where an asset is.
type Spot struct {
	Record   syncproto.RecordID
	Category string
	Title    string
	At       schemas.Point
}

// Outlines are the boundaries of a form that has one: "neighbourhood" or "block".
// With a place, only those there. Who may see them is for whoever asks to say.
func (r *Report) Outlines(ctx context.Context, form string, place syncproto.PlaceID) (list []Outline, err error) {
	if form != "neighbourhood" && form != "block" {
		return nil, fmt.Errorf("form %q has no boundary", form)
	}
	query, args := `SELECT "_place", "_record", "boundary" FROM `+quoted(form)+` WHERE "boundary" IS NOT NULL`, []any{}
	if place != (syncproto.PlaceID{}) {
		query, args = query+` AND "_place" = ?`, []any{place[:]}
	}
	err = r.view(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			var at, id []byte
			var text string
			if err := rows.Scan(&at, &id, &text); err != nil {
				return errors.Join(err, rows.Close())
			}
			if ring := ringOf(text); len(ring) > 2 {
				list = append(list, Outline{syncproto.PlaceID(at), syncproto.RecordID(id), ring})
			}
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("read outlines: %w", err)
	}
	return list, nil
}

// Assets are the assets of a place that stand somewhere and are nobody's double, at
// most so many. What a single person can do stands nowhere. Who may see them is for whoever asks to say.
func (r *Report) Assets(ctx context.Context, place syncproto.PlaceID, most int) (list []Spot, err error) {
	err = r.view(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT "_record", coalesce("category", ''), coalesce("title_fa", ''), "location.lat", "location.lon" FROM "asset"
			WHERE "_place" = ? AND "location.lat" IS NOT NULL AND "duplicate_of" IS NULL AND "category" <> 'individual' ORDER BY "_record" LIMIT ?`, place[:], most)
		if err != nil {
			return err
		}
		for rows.Next() {
			var id []byte
			var s Spot
			var lat, lon float64
			if err := rows.Scan(&id, &s.Category, &s.Title, &lat, &lon); err != nil {
				return errors.Join(err, rows.Close())
			}
			s.Record, s.At = syncproto.RecordID(id), schemas.Point{LatE7: e7(lat), LonE7: e7(lon)}
			list = append(list, s)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	return list, nil
}

func e7(degrees float64) int32 { return int32(math.Round(degrees * 1e7)) }

// ringOf reads what polygon wrote; nil for anything else.
func ringOf(text string) []schemas.Point {
	inner, is := strings.CutPrefix(text, "POLYGON((")
	if !is {
		return nil
	}
	var ring []schemas.Point
	for corner := range strings.SplitSeq(strings.TrimSuffix(inner, "))"), ", ") {
		x, y, two := strings.Cut(corner, " ")
		lon, err1 := strconv.ParseFloat(x, 64)
		lat, err2 := strconv.ParseFloat(y, 64)
		if !two || err1 != nil || err2 != nil {
			return nil
		}
		ring = append(ring, schemas.Point{LatE7: e7(lat), LonE7: e7(lon)})
	}
	return ring[:max(0, len(ring)-1)] // it ends where it begins
}
