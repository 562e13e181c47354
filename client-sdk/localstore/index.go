package localstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"mahalleh/syncproto"
)

// indexLayout numbers the tables below; a snapshot of another layout is not read.
const indexLayout = 2

// The index is a temporary database: titles, keys to sort by and the words of the
// searched fields of every record that is shown, references between them, keys
// by which rules over several records find their peers, and how far each record
// is synchronised. Text columns hold no position and no
// original: contentless, detail=none. A neighbourhood's few thousand records lie
// in memory; of more than that the rest lies in a sealed file (spill).
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

// indexCache is how much of the index lies in memory, in KiB: that of some ten
// thousand records.
const indexCache = 8 << 10

type index struct {
	db    *sql.DB
	spill *spill // nil if it lies in memory alone
	// stale is why the index does not follow the file any more.
	stale error
	// late are records that the index has not looked at yet, guarded by the
	// store's write; behind says that there are any. Most came for the first time
	// and nothing of this device belongs to them; unlike says that others may be
	// among them, so that no list is right without them.
	late   []syncproto.RecordID
	behind atomic.Bool
	unlike atomic.Bool
	// still says that a snapshot is being taken, so that the index may not change;
	// who wants it to change takes it away. Guarded by the store's write.
	still bool
}

// newIndex opens an empty index. Alone in memory is what is left where the disk
// has no room.
func (s *Store) newIndex(ctx context.Context, alone bool) (x *index, err error) {
	x = &index{}
	source := "file::memory:?"
	if !alone {
		if x.spill, err = newSpill(s.opt.Path+spillSuffix, s.opt.Rand); err != nil {
			return nil, fmt.Errorf("open index: %w", err)
		}
		source = "file:?vfs=" + x.spill.name + "&"
	}
	x.db, err = openPool(fmt.Sprintf("%s_pragma=page_size(%d)&_pragma=temp_store(memory)&_pragma=journal_mode(off)&_pragma=synchronous(off)&_pragma=cache_size(-%d)",
		source, spillPage, indexCache))
	if err != nil {
		x.spill.close()
		return nil, fmt.Errorf("open index: %w", err)
	}
	// A temporary database lives as long as its one connection.
	x.db.SetMaxOpenConns(1)
	x.db.SetMaxIdleConns(1)
	return x, nil
}

func (x *index) close() {
	if x != nil {
		x.db.Close()
		x.spill.close()
	}
}

// openIndex fills the index from its snapshot; what changed since, or
// everything, it looks at when somebody asks. The caller holds write, or is alone.
func (s *Store) openIndex(ctx context.Context) error {
	alone := s.db == nil || s.db.tight
	x, loaded, err := s.snapshotIndex(ctx, alone)
	if err != nil && !alone {
		x, loaded, err = s.snapshotIndex(ctx, true)
	}
	if err != nil {
		return err
	}
	ids, err := s.toIndex(ctx, loaded)
	if err != nil {
		x.close()
		return fmt.Errorf("fill index: %w", err)
	}
	x.later(ids, true)
	s.exchangeIndex(x)
	return nil
}

// cureIndex fills the index anew, all of it and in memory alone: something that
// it stands on has failed.
func (s *Store) cureIndex(ctx context.Context) error {
	ids, err := s.toIndex(ctx, false)
	if err != nil {
		return fmt.Errorf("fill index: %w", err)
	}
	x, err := s.emptyIndex(ctx, true)
	if err != nil {
		return err
	}
	if err := s.refresh(ctx, x, ids); err != nil {
		x.close()
		return fmt.Errorf("fill index: %w", err)
	}
	s.exchangeIndex(x)
	return nil
}

// snapshotIndex opens the index as the snapshot has it; loaded is false if there
// is none that can be used, and the index empty.
func (s *Store) snapshotIndex(ctx context.Context, alone bool) (x *index, loaded bool, err error) {
	if x, err = s.newIndex(ctx, alone); err != nil {
		return nil, false, err
	}
	if loaded, err = s.loadSnapshot(ctx, x); loaded {
		return x, true, nil
	}
	x.close() // a failed reading may have left half a database there
	if err != nil {
		return nil, false, err
	}
	x, err = s.emptyIndex(ctx, alone)
	return x, false, err
}

func (s *Store) emptyIndex(ctx context.Context, alone bool) (*index, error) {
	x, err := s.newIndex(ctx, alone)
	if err != nil {
		return nil, err
	}
	if _, err := x.db.ExecContext(ctx, indexSchema); err != nil {
		x.close()
		return nil, fmt.Errorf("make index: %w", err)
	}
	return x, nil
}

func (s *Store) exchangeIndex(x *index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.close()
	s.index = x
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
