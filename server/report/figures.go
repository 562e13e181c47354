package report

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

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
	var held *summaries
	err = r.view(ctx, func(tx *sql.Tx) error {
		held = r.held
		all = make([]summary, len(places))
		q := &asking{ctx: ctx, tx: tx, stmts: map[string]*sql.Stmt{}}
		for i, place := range places {
			if err := all[i].read(q, held, place, settings); err != nil {
				return fmt.Errorf("summary of place %s: %w", place, err)
			}
			if operating[i], err = operations(q, place, now); err != nil {
				return fmt.Errorf("changes of place %s: %w", place, err)
			}
			operating[i].Devices = devices[place]
			if operating[i].People, err = accounts.identities(q, place); err != nil {
				return fmt.Errorf("people of place %s: %w", place, err)
			}
		}
		return q.close()
	})
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	r.keep(ctx, held, all)
	summaries := make([]indicators.Summary, len(all))
	for i := range all {
		summaries[i] = all[i].Summary
		summaries[i].Operations = operating[i]
	}
	return summaries, nil
}

// asking is a snapshot of the report with its prepared statements: of each place the
// same is asked.
type asking struct {
	ctx   context.Context
	tx    *sql.Tx
	stmts map[string]*sql.Stmt
}

func (q *asking) stmt(text string) (*sql.Stmt, error) {
	if s := q.stmts[text]; s != nil {
		return s, nil
	}
	s, err := q.tx.PrepareContext(q.ctx, text)
	if err == nil {
		q.stmts[text] = s
	}
	return s, err
}

// one reads the first row, and reports whether there is one.
func (q *asking) one(text string, args []any, into ...any) (bool, error) {
	s, err := q.stmt(text)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(q.ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each calls f for every row, which it scans.
func (q *asking) each(text string, args []any, f func(*sql.Rows) error) error {
	s, err := q.stmt(text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(q.ctx, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := f(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (q *asking) close() error {
	var errs []error
	for _, s := range q.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// summary is a place's summary and the stamp of the counters that it was made of.
type summary struct {
	indicators.Summary
	stamp int64
	kept  bool
}

// summaries are those that were read or made last, of one file: each is made once,
// whoever asks. What they hold is shared, and never changed.
type summaries struct {
	mu  sync.Mutex
	all map[syncproto.PlaceID]summary
}

// mostSummaries bounds how many are held in memory.
const mostSummaries = 10_000

func (h *summaries) get(place syncproto.PlaceID, stamp int64, settings *indicators.Settings) (summary, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.all[place]
	return s, ok && s.stamp == stamp && s.Settings == settings.Version
}

func (h *summaries) put(place syncproto.PlaceID, s summary) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil || len(h.all) >= mostSummaries {
		h.all = map[syncproto.PlaceID]summary{}
	}
	if s.stamp >= h.all[place].stamp {
		h.all[place] = s
	}
}

// read reads a place's summary, or makes it of its counts.
func (s *summary) read(q *asking, held *summaries, place syncproto.PlaceID, settings *indicators.Settings) error {
	var stamp int64
	if _, err := q.one("SELECT stamp FROM touched WHERE place = ?", []any{place[:]}, &stamp); err != nil {
		return err
	}
	var known bool
	if *s, known = held.get(place, stamp, settings); known {
		return nil
	}
	*s = summary{stamp: stamp}
	var text string
	there, err := q.one("SELECT summary FROM summaries WHERE place = ? AND stamp = ? AND settings = ?", []any{place[:], stamp, settings.Version}, &text)
	if err != nil {
		return err
	}
	if there && json.Unmarshal([]byte(text), &s.Summary) == nil {
		s.kept = true
	} else {
		counts, err := countsOf(q, place)
		if err != nil {
			return err
		}
		s.Summary = indicators.Summarise(indicators.ID(place), counts, settings)
	}
	held.put(place, *s)
	return nil
}

func countsOf(q *asking, place syncproto.PlaceID) (indicators.Counter, error) {
	counts := indicators.Counter{}
	err := q.each("SELECT key, n FROM counts WHERE place = ?", []any{place[:]}, func(rows *sql.Rows) error {
		var key string
		var n int64
		err := rows.Scan(&key, &n)
		counts[key] = n
		return err
	})
	return counts, err
}

// keep writes the summaries that were made anew, for the next process. Nobody waits for
// it: while somebody else writes, it is left to the next who asks.
func (r *Report) keep(ctx context.Context, held *summaries, all []summary) {
	if !slices.ContainsFunc(all, func(s summary) bool { return !s.kept }) || !r.turn.TryLock() {
		return
	}
	defer r.turn.Unlock()
	r.mu.RLock()
	same := r.held == held
	r.mu.RUnlock()
	// Stamps of a file that was made anew meanwhile say nothing of these.
	if r.write == nil || !same {
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
	if err != nil {
		if ctx.Err() == nil {
			r.o.Log.Warn("summaries could not be kept; they are made again by the next process", "err", err)
		}
		return
	}
	for i := range all {
		all[i].kept = true
		held.put(syncproto.PlaceID(all[i].Place), all[i])
	}
}
