package localstore

import (
	"context"
	"database/sql"
	"errors"

	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// indexWriter is one transaction of the index.
type indexWriter struct {
	ctx context.Context
	t   *sql.Tx
	// words are written last and together: before each statement that may be
	// undone alone, such as putRow, FTS5 writes out what it has gathered.
	words []rowWords
	// seen are the records that were put, leads those that lead a title and are not
	// in the index yet.
	seen  map[syncproto.RecordID]bool
	leads []syncproto.RecordID
}

// has says whether the transaction has put a record already.
func (w *indexWriter) has(id syncproto.RecordID) bool { return w.seen[id] }

// rowWords are the words of one row, in place of others if it was known.
type rowWords struct {
	n     int64
	known bool
	text  string
}

const (
	findRow   = "SELECT n, title FROM row WHERE record = ?"
	findTitle = "SELECT title FROM row WHERE record = ?"
	putRow    = `INSERT INTO row (record, form, scope, lead, own, title, sortkey, sync, conflicts, alive, draft, changed)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
		ON CONFLICT (record) DO UPDATE SET form = ?2, scope = ?3, lead = ?4, own = ?5, title = ?6, sortkey = ?7,
			sync = ?8, conflicts = ?9, alive = ?10, draft = ?11, changed = ?12 RETURNING n`
	dropWords  = "DELETE FROM words WHERE rowid = ?"
	putWords   = "INSERT INTO words (rowid, text) VALUES (?, ?)"
	dropLinks  = "DELETE FROM link WHERE n = ?"
	putLink    = "INSERT OR IGNORE INTO link (target, field, n) VALUES (?, ?, ?)"
	dropPeers  = "DELETE FROM peer WHERE n = ?"
	putPeer    = "INSERT OR IGNORE INTO peer (scope, key, n) VALUES (?, ?, ?)"
	dropRow    = "DELETE FROM row WHERE n = ?"
	ledBy      = "SELECT n, own FROM row WHERE lead = ?"
	retitleRow = "UPDATE row SET title = ?, sortkey = ? WHERE n = ?"
)

func (w *indexWriter) exec(q string, args ...any) error {
	_, err := w.t.ExecContext(w.ctx, q, args...)
	return err
}

func (w *indexWriter) put(r *Row, f *face) error {
	w.seen[r.Record] = true
	var n int64
	var was string
	err := w.t.QueryRowContext(w.ctx, findRow, r.Record[:]).Scan(&n, &was)
	known := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var lead any
	title := f.own
	if !f.lead.IsZero() {
		lead = f.lead[:]
		var of string
		err := w.t.QueryRowContext(w.ctx, findTitle, f.lead[:]).Scan(&of)
		if errors.Is(err, sql.ErrNoRows) {
			w.leads = append(w.leads, f.lead)
		} else if err != nil {
			return err
		}
		title = joinTitle(of, f.own)
	}
	err = w.t.QueryRowContext(w.ctx, putRow, r.Record[:], r.Form, r.Scope[:], lead, f.own, title, persian.SortKey(title),
		r.Sync, r.Conflicts, !r.Deleted, r.Draft, r.Changed).Scan(&n)
	if err != nil {
		return err
	}
	if known {
		for _, q := range []string{dropLinks, dropPeers} {
			if err := w.exec(q, n); err != nil {
				return err
			}
		}
	}
	w.words = append(w.words, rowWords{n, known, persian.IndexText(f.words)})
	for _, l := range f.links {
		if err := w.exec(putLink, l.target[:], l.field, n); err != nil {
			return err
		}
	}
	for _, key := range f.peers {
		if err := w.exec(putPeer, filedAt(r.Scope, key), key.Digest[:], n); err != nil {
			return err
		}
	}
	if title == was {
		return nil
	}
	return w.retitle(r.Record, title)
}

// putWords writes the words of the rows that were put.
func (w *indexWriter) putWords() error {
	for _, r := range w.words {
		if r.known {
			if err := w.exec(dropWords, r.n); err != nil {
				return err
			}
		}
		if r.text != "" {
			if err := w.exec(putWords, r.n, r.text); err != nil {
				return err
			}
		}
	}
	return nil
}

func joinTitle(lead, own string) string {
	if lead == "" || own == "" {
		return lead + own
	}
	return lead + titleGap + own
}

// retitle follows a changed title into the titles that it leads. Forms lead by
// at most one reference, and what they lead by is not led itself.
func (w *indexWriter) retitle(id syncproto.RecordID, title string) error {
	rows, err := w.t.QueryContext(w.ctx, ledBy, id[:])
	if err != nil {
		return err
	}
	defer rows.Close()
	led := map[int64]string{}
	for rows.Next() {
		var n int64
		var own string
		if err := rows.Scan(&n, &own); err != nil {
			return err
		}
		led[n] = joinTitle(title, own)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for n, t := range led {
		if err := w.exec(retitleRow, t, persian.SortKey(t), n); err != nil {
			return err
		}
	}
	return nil
}

func (w *indexWriter) remove(id syncproto.RecordID) error {
	var n int64
	var was string
	err := w.t.QueryRowContext(w.ctx, findRow, id[:]).Scan(&n, &was)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, q := range []string{dropWords, dropLinks, dropPeers, dropRow} {
		if err := w.exec(q, n); err != nil {
			return err
		}
	}
	return w.retitle(id, "")
}
