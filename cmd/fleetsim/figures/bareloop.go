package figures

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	_ "modernc.org/sqlite" // the driver of the bare loop
)

// bareLoop is the yardstick for whatever stores records: the same JSON bodies,
// written to the same disk by one loop, with nothing around it. Each record is
// an upsert into a table of records and an append to a table of changes with
// two indexes, many to a commit, every commit durable.
type bareLoop struct {
	db          *sql.DB
	conn        *sql.Conn
	upsert, add *sql.Stmt
}

// bareRow is one record as the loop writes it, and where it stands in the log
// of a device.
type bareRow struct {
	record [16]byte
	form   uint32
	scope  int64
	device int64
	seq    int64
	time   int64
	body   []byte
}

// bareCommit is how many records the loop writes to a commit, unless single
// ones are what is measured.
const bareCommit = 1000

const bareSchema = `
CREATE TABLE records (id BLOB PRIMARY KEY, kind INTEGER, scope INTEGER, ver INTEGER, hlc INTEGER, deleted INTEGER, body TEXT) WITHOUT ROWID;
CREATE TABLE changes (seq INTEGER PRIMARY KEY, rec BLOB, scope INTEGER, device INTEGER, dseq INTEGER, ver INTEGER, hlc INTEGER);
CREATE INDEX changes_scope ON changes (scope, seq);
CREATE UNIQUE INDEX changes_device ON changes (device, dseq);`

// newBareLoop makes a database at path, which must not be there.
func newBareLoop(ctx context.Context, path string) (b *bareLoop, err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, fmt.Errorf("open the bare loop's database: %w", err)
	}
	b = &bareLoop{db: db}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the bare loop: %w", err), b.close())
	}
	return b, nil
}

func (b *bareLoop) prepare(ctx context.Context) (err error) {
	if b.conn, err = b.db.Conn(ctx); err != nil {
		return err
	}
	for _, s := range []string{"PRAGMA journal_mode = wal", "PRAGMA synchronous = FULL", "PRAGMA cache_size = -65536",
		"PRAGMA wal_autocheckpoint = 4000", bareSchema} {
		if _, err := b.conn.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	b.upsert, err = b.conn.PrepareContext(ctx, `INSERT INTO records (id, kind, scope, ver, hlc, deleted, body) VALUES (?, ?, ?, 1, ?, 0, ?)
		ON CONFLICT (id) DO UPDATE SET ver = ver + 1, hlc = excluded.hlc, deleted = excluded.deleted, body = excluded.body`)
	if err != nil {
		return err
	}
	b.add, err = b.conn.PrepareContext(ctx, "INSERT INTO changes (rec, scope, device, dseq, ver, hlc) VALUES (?, ?, ?, ?, 1, ?)")
	return err
}

// write writes rows, perCommit to a commit, and says how long that took.
func (b *bareLoop) write(ctx context.Context, rows []bareRow, perCommit int) (time.Duration, error) {
	began := time.Now()
	for len(rows) > 0 {
		n := min(perCommit, len(rows))
		if err := b.commit(ctx, rows[:n]); err != nil {
			return 0, fmt.Errorf("the bare loop: %w", err)
		}
		rows = rows[n:]
	}
	return time.Since(began), nil
}

func (b *bareLoop) commit(ctx context.Context, rows []bareRow) error {
	if _, err := b.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		if _, err := b.upsert.ExecContext(ctx, r.record[:], r.form, r.scope, r.time, r.body); err != nil {
			return err
		}
		if _, err := b.add.ExecContext(ctx, r.record[:], r.scope, r.device, r.seq, r.time); err != nil {
			return err
		}
	}
	_, err := b.conn.ExecContext(ctx, "COMMIT")
	return err
}

func (b *bareLoop) close() error {
	var errs []error
	for _, s := range []*sql.Stmt{b.upsert, b.add} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	if b.conn != nil {
		errs = append(errs, b.conn.Close())
	}
	return errors.Join(append(errs, b.db.Close())...)
}
