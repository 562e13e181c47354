package localstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// indexLayout numbers the tables below; a snapshot of another layout is not read.
const indexLayout = 2

// The index lives in memory only: titles, keys to sort by and the words of the
// searched fields of every record that is shown, references between them, keys
// by which rules over several records find their peers, and how far each record
// is synchronised. Text columns hold no position and no
// original: contentless, detail=none.
const indexSchema = `
CREATE TABLE row (
	n         INTEGER PRIMARY KEY,
	record    BLOB    NOT NULL UNIQUE,
	form      INTEGER NOT NULL,
	scope     BLOB    NOT NULL,
	lead      BLOB,
	own       TEXT    NOT NULL,
	title     TEXT    NOT NULL,
	sortkey   BLOB    NOT NULL,
	sync      INTEGER NOT NULL,
	conflicts INTEGER NOT NULL,
	alive     INTEGER NOT NULL,
	draft     INTEGER NOT NULL,
	changed   INTEGER NOT NULL
) STRICT;
CREATE INDEX row_form ON row (form, sortkey, record);
CREATE INDEX row_lead ON row (lead) WHERE lead IS NOT NULL;
CREATE TABLE link (
	target BLOB    NOT NULL,
	field  INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	PRIMARY KEY (target, field, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_row ON link (n);
CREATE TABLE peer (
	scope BLOB    NOT NULL,
	key   BLOB    NOT NULL,
	n     INTEGER NOT NULL,
	PRIMARY KEY (scope, key, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX peer_row ON peer (n);
CREATE VIRTUAL TABLE words USING fts5 (text, content='', contentless_delete=1, detail=none, tokenize='unicode61 remove_diacritics 0');
`

// refreshBatch is how many records one transaction of the index takes, so that
// filling it anew neither holds one long snapshot nor commits for each.
const refreshBatch = 500

type index struct {
	db *sql.DB
	// stale is why the index does not follow the file any more.
	stale error
	// late are records that came for the first time and that the index has not
	// looked at yet, guarded by the store's write; behind says that there are any.
	late   []syncproto.RecordID
	behind atomic.Bool
}

func newIndex(ctx context.Context) (*index, error) {
	db, err := openPool("file::memory:?_pragma=temp_store(memory)&_pragma=journal_mode(off)&_pragma=synchronous(off)&_pragma=cache_size(-512)")
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return &index{db: db}, nil
}

func (x *index) close() {
	if x != nil {
		x.db.Close()
	}
}

// openIndex fills the index from its snapshot and what changed since, or anew.
// The caller holds write, or is alone.
func (s *Store) openIndex(ctx context.Context) error {
	x, err := newIndex(ctx)
	if err != nil {
		return err
	}
	loaded, err := s.loadSnapshot(ctx, x)
	if err != nil {
		x.close()
		return err
	}
	if !loaded {
		// A failed reading may have left half a database there.
		x.close()
		if x, err = newIndex(ctx); err != nil {
			return err
		}
		if _, err := x.db.ExecContext(ctx, indexSchema); err != nil {
			x.close()
			return fmt.Errorf("make index: %w", err)
		}
	}
	ids, err := s.toIndex(ctx, loaded)
	if err == nil {
		err = s.refresh(ctx, x, ids)
	}
	if err != nil {
		x.close()
		return fmt.Errorf("fill index: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.close()
	s.index = x
	return nil
}

// toIndex names the records that the index must look at: those touched since
// the snapshot, or all.
func (s *Store) toIndex(ctx context.Context, since bool) (ids []syncproto.RecordID, err error) {
	query := "SELECT record FROM shadow WHERE gone IN (0, 1) UNION SELECT record FROM entry WHERE overlay = 1 UNION SELECT record FROM draft"
	if since {
		query = "SELECT DISTINCT record FROM touched"
	}
	err = s.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		ids, err = scanRecords(rows)
		return err
	})
	return ids, err
}

// follow brings the index after a commit up to date, but for records that came
// for the first time: a first load would take several times as long if each of
// them were looked at as it comes. Whoever asks for them waits, see catchUp.
func (s *Store) follow(ctx context.Context, t *tx) {
	if s.index == nil || s.keys == nil {
		return
	}
	if len(t.fresh) > 0 {
		s.index.late = append(s.index.late, t.fresh...)
		s.index.behind.Store(true)
	}
	if len(t.touched) == 0 {
		return
	}
	ids := make([]syncproto.RecordID, 0, len(t.touched))
	for id := range t.touched {
		ids = append(ids, id)
	}
	s.look(ctx, ids)
}

// catchUp has the index look at what it has not looked at yet. The caller does
// not hold write.
func (s *Store) catchUp(ctx context.Context) {
	s.mu.RLock()
	behind := s.index != nil && s.index.behind.Load()
	s.mu.RUnlock()
	if !behind {
		return
	}
	s.write.Lock()
	defer s.write.Unlock()
	s.catchUpLocked(ctx)
}

func (s *Store) catchUpLocked(ctx context.Context) {
	if s.index == nil || s.keys == nil || len(s.index.late) == 0 {
		return
	}
	// Once begun it is done for all who ask: if it ended with the one who asked
	// first, the index would be stale for the others.
	ctx = context.WithoutCancel(ctx)
	late := s.index.late
	s.index.late = nil
	s.look(ctx, late)
	s.index.behind.Store(false)
}

// look has the index look at records.
func (s *Store) look(ctx context.Context, ids []syncproto.RecordID) {
	if s.index.stale == nil && s.refresh(ctx, s.index, ids) == nil {
		return
	}
	// Filling it anew is the one cure; if that fails too, lists say why.
	if err := s.openIndex(ctx); err != nil {
		s.mu.Lock()
		s.index.stale = err
		s.mu.Unlock()
	}
}

// refresh looks at records anew.
func (s *Store) refresh(ctx context.Context, x *index, ids []syncproto.RecordID) error {
	for len(ids) > 0 {
		n := min(len(ids), refreshBatch)
		if err := s.refreshSome(ctx, x, ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (s *Store) refreshSome(ctx context.Context, x *index, ids []syncproto.RecordID) error {
	t, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer t.Rollback()
	w := &indexWriter{ctx: ctx, t: t}
	err = s.open(ctx, func(q querier, k *keyring) error {
		for _, id := range ids {
			if err := s.refreshOne(ctx, q, k, w, id); err != nil {
				return fmt.Errorf("index record %v: %w", id, err)
			}
		}
		return nil
	})
	if err == nil {
		err = w.putWords()
	}
	if err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

func (s *Store) refreshOne(ctx context.Context, q querier, k *keyring, w *indexWriter, id syncproto.RecordID) error {
	h, err := readHeld(ctx, q, k, id, false)
	if err != nil {
		return err
	}
	r := Row{Record: id, Sync: h.Sync, Draft: h.Draft}
	var f face
	switch {
	case h.State.Exists() && !h.State.Erased:
		f = faceOf(s.opt.Packages, h.State)
		r.Form, r.Scope, r.Conflicts = h.State.Form, h.State.Home, len(merge.Conflicts(h.State))
		r.Deleted = !merge.Alive(h.State)
		r.Changed = h.State.Versions[h.State.Latest].Time
	case h.Draft && !h.State.Erased:
		var scope int64
		err := q.QueryRowContext(ctx, "SELECT form, scope, saved FROM draft WHERE record = ? ORDER BY saved DESC LIMIT 1", id[:]).Scan(&r.Form, &scope, &r.Changed)
		if err != nil {
			return missing(err, ErrCorrupt)
		}
		sk, err := k.of(scope)
		if err != nil {
			return err
		}
		r.Scope = sk.id
	default:
		return w.remove(id)
	}
	return w.put(&r, &f)
}

// indexWriter is one transaction of the index.
type indexWriter struct {
	ctx context.Context
	t   *sql.Tx
	// words are written last and together: before each statement that may be
	// undone alone, such as putRow, FTS5 writes out what it has gathered.
	words []rowWords
}

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
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
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
