package localstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"mahalleh/syncproto"
)

// nearHits bounds how many records are counted for one word: a word that more
// hold says little, and the bound keeps the question as short with twenty thousand
// records as with five.
const nearHits = 3000

// Near returns records of a form that stand and hold words which begin like the
// given ones, without one record: those first that share the rarest words. Each
// word is given as beginnings of which any will do, folded (persian.Fold).
func (s *Store) Near(ctx context.Context, form uint32, words [][]string, without syncproto.RecordID, max int) (ids []syncproto.RecordID, err error) {
	s.catchUpSome(ctx)
	weight := map[int64]float64{}
	err = s.withIndex(func(x *index) error {
		clear(weight) // it may run again
		for _, beginnings := range words {
			hits, err := x.holders(ctx, form, beginnings)
			if err != nil {
				return err
			}
			for _, n := range hits {
				weight[n] += 1 / float64(len(hits))
			}
		}
		rows := make([]int64, 0, len(weight))
		for n := range weight {
			rows = append(rows, n)
		}
		slices.SortFunc(rows, func(a, b int64) int { return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b)) })
		for _, n := range rows {
			var record []byte
			if err := x.db.QueryRowContext(context.WithoutCancel(ctx), "SELECT record FROM row WHERE n = ?", n).Scan(&record); err != nil {
				return err
			}
			if id := syncproto.RecordID(record); id != without {
				ids = append(ids, id)
			}
			if len(ids) == max {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find similar records: %w", err)
	}
	return ids, nil
}

const nearQuery = `SELECT row.n FROM words CROSS JOIN row ON row.n = words.rowid
	WHERE words MATCH ? AND row.form = ? AND row.alive = 1 LIMIT ?`

// holders returns rows of a form with a word that begins in one of some ways.
func (x *index) holders(ctx context.Context, form uint32, beginnings []string) (hits []int64, err error) {
	terms := make([]string, 0, len(beginnings))
	for _, b := range beginnings {
		if b != "" {
			terms = append(terms, `"`+strings.ReplaceAll(b, `"`, `""`)+`"*`)
		}
	}
	if len(terms) == 0 {
		return nil, nil
	}
	rows, err := x.db.QueryContext(context.WithoutCancel(ctx), nearQuery, strings.Join(terms, " OR "), form, nearHits)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		hits = append(hits, n)
	}
	return hits, rows.Err()
}
