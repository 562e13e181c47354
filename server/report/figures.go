package report

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"mahalleh/schemas/indicators"
	"mahalleh/syncproto"
)

// Figures are the committee's figures of some places, which are read from the
// counters: how many records there are makes no difference. Summaries that the
// settings or the counts have made stale are made anew, and kept.
func (r *Report) Figures(ctx context.Context, at indicators.Moment, places []syncproto.PlaceID, settings *indicators.Settings) (indicators.Figures, error) {
	all, err := r.Summaries(ctx, at.Now, places, settings)
	if err != nil {
		return indicators.Figures{}, err
	}
	return indicators.Combine(at, all, settings), nil
}

// Summaries are what the figures of these places are made from at a time, Unix
// milliseconds. They hold small counts that are not published.
func (r *Report) Summaries(ctx context.Context, now int64, places []syncproto.PlaceID, settings *indicators.Settings) ([]indicators.Summary, error) {
	var all []summary
	devices, err := r.o.devices(ctx)
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	accounts, err := r.o.accounts(ctx)
	if err != nil {
		return nil, err
	}
	operating := make([]*indicators.Operations, len(places))
	err = r.view(ctx, func(tx *sql.Tx) error {
		all = make([]summary, len(places))
		for i, place := range places {
			if err := all[i].read(ctx, tx, place, settings); err != nil {
				return fmt.Errorf("summary of place %s: %w", place, err)
			}
			if operating[i], err = operations(ctx, tx, place, now); err != nil {
				return fmt.Errorf("changes of place %s: %w", place, err)
			}
			operating[i].Devices = devices[place]
			if operating[i].People, err = accounts.identities(ctx, tx, place); err != nil {
				return fmt.Errorf("people of place %s: %w", place, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	r.keep(ctx, all)
	summaries := make([]indicators.Summary, len(all))
	for i := range all {
		summaries[i] = all[i].Summary
		summaries[i].Operations = operating[i]
	}
	return summaries, nil
}

// summary is a place's summary and the stamp of the counters that it was made of.
type summary struct {
	indicators.Summary
	stamp int64
	kept  bool
}

// read reads a place's summary, or makes it of its counts.
func (s *summary) read(ctx context.Context, tx *sql.Tx, place syncproto.PlaceID, settings *indicators.Settings) error {
	err := tx.QueryRowContext(ctx, "SELECT stamp FROM touched WHERE place = ?", place[:]).Scan(&s.stamp)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var text string
	err = tx.QueryRowContext(ctx, "SELECT summary FROM summaries WHERE place = ? AND stamp = ? AND settings = ?", place[:], s.stamp, settings.Version).Scan(&text)
	if err == nil && json.Unmarshal([]byte(text), &s.Summary) == nil {
		s.kept = true
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	counts, err := countsOf(ctx, tx, place)
	if err != nil {
		return err
	}
	s.Summary = indicators.Summarise(indicators.ID(place), counts, settings)
	return nil
}

func countsOf(ctx context.Context, tx *sql.Tx, place syncproto.PlaceID) (indicators.Counter, error) {
	rows, err := tx.QueryContext(ctx, "SELECT key, n FROM counts WHERE place = ?", place[:])
	if err != nil {
		return nil, err
	}
	counts := indicators.Counter{}
	for rows.Next() {
		var key string
		var n int64
		if err := rows.Scan(&key, &n); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		counts[key] = n
	}
	return counts, errors.Join(rows.Err(), rows.Close())
}

// keep writes the summaries that were made anew. Nobody waits for it: while
// somebody else writes, the next to ask makes them again.
func (r *Report) keep(ctx context.Context, all []summary) {
	if !slices.ContainsFunc(all, func(s summary) bool { return !s.kept }) || !r.turn.TryLock() {
		return
	}
	defer r.turn.Unlock()
	if r.write == nil {
		return
	}
	err := r.write.update(ctx, func() error {
		for i := range all {
			s := &all[i]
			if s.kept {
				continue
			}
			text, err := json.Marshal(s.Summary)
			if err != nil {
				return err
			}
			err = r.write.exec(ctx, `INSERT INTO summaries (place, stamp, settings, summary) VALUES (?, ?, ?, ?)
				ON CONFLICT (place) DO UPDATE SET stamp = excluded.stamp, settings = excluded.settings, summary = excluded.summary`,
				s.Place[:], s.stamp, s.Settings, string(text))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		r.o.Log.Warn("summaries could not be kept; they are made again when somebody asks", "err", err)
	}
}
