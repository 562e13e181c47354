package sqlitestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"modernc.org/sqlite"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// The files of a backup.
const (
	copyName     = "server.db"
	manifestName = "manifest.json"
)

// errExists says that there is something where a backup or a restored store
// is to go.
var errExists = errors.New("there is something there already")

// Backup writes a copy of the database as it stands, and its manifest, into a
// folder that holds no backup yet; now is Unix ms. Writers and readers go on
// meanwhile. The manifest is written last: a folder without one holds no backup.
func (s *Store) Backup(ctx context.Context, dir string, now int64) (Manifest, error) {
	m, err := s.backup(ctx, dir, now)
	if err != nil {
		return Manifest{}, fmt.Errorf("back up to %s: %w", dir, err)
	}
	return m, nil
}

func (s *Store) backup(ctx context.Context, dir string, now int64) (m Manifest, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, err
	}
	for _, name := range []string{copyName, manifestName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			return m, errors.Join(fmt.Errorf("%s: %w", name, errExists), err)
		}
	}
	path := filepath.Join(dir, copyName)
	defer func() {
		if err != nil {
			// Half a backup is none; that it is still there hinders no other.
			_ = os.Remove(path)
		}
	}()
	if err := s.copyInto(ctx, path); err != nil {
		return m, err
	}
	sum, size, err := digest(path, true)
	if err != nil {
		return m, err
	}
	c, err := openCopy(ctx, path)
	if err != nil {
		return m, err
	}
	m, err = describe(ctx, c)
	if err = errors.Join(err, c.close()); err != nil {
		return m, err
	}
	m.Time, m.Size, m.SHA256 = now, size, sum
	m = m.sealed()
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	return m, writeDurable(filepath.Join(dir, manifestName), append(b, '\n'))
}

// copyInto writes a snapshot of the database to a new file. A connection of its
// own does it, so that it holds up nobody who reads.
func (s *Store) copyInto(ctx context.Context, path string) error {
	if s.closed.Load() {
		return errClosed
	}
	c, err := connect(ctx, s.connector, append(common[:], fmt.Sprintf("busy_timeout = %d", busyMillis)))
	if err != nil {
		return err
	}
	return errors.Join(vacuumInto(ctx, c, path), c.close())
}

// vacuumInto copies a database to a file that is the owner's alone from its first
// byte on: the keys of the server stand in it.
func vacuumInto(ctx context.Context, c *conn, path string) error {
	if err := begin(path); err != nil {
		return err
	}
	return c.scriptContext(ctx, "VACUUM INTO ?", path)
}

// digest reads a file: SHA-256 in hexadecimal and size. With flush it makes the
// file durable first.
func digest(path string, flush bool) (sum string, size int64, err error) {
	flag := os.O_RDONLY
	if flush {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return "", 0, err
	}
	if flush {
		err = f.Sync()
	}
	h := sha256.New()
	if err == nil {
		size, err = io.Copy(h, f)
	}
	return hex.EncodeToString(h.Sum(nil)), size, errors.Join(err, f.Close())
}

// openCopy opens a finished copy for reading, and leaves nothing beside it.
func openCopy(ctx context.Context, path string) (*conn, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(dsn(abs, "", url.Values{"mode": {"ro"}, "immutable": {"1"}}))
	if err != nil {
		return nil, err
	}
	c, err := connect(ctx, connector, []string{"query_only = ON", "trusted_schema = ON", "temp_store = MEMORY"})
	if err != nil {
		return nil, err
	}
	if version, err := schemaOf(c); err != nil || version == 0 {
		if err == nil {
			err = errForeign
		}
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// describe fills in what a manifest says of the content of a copy.
func describe(ctx context.Context, c *conn) (m Manifest, err error) {
	m = Manifest{Format: manifestFormat, File: copyName, Eras: []ManifestEra{}, Logs: []ManifestLog{}}
	if m.Schema, err = schemaOf(c); err != nil {
		return m, err
	}
	r := &reader{ctx: ctx, c: c, names: newNames()}
	for sql, n := range map[string]*int64{"SELECT count(*) FROM changes": &m.Changes, "SELECT count(*) FROM records": &m.Records} {
		if err := c.one(sql, func(row *row) error { *n = row.int(); return nil }); err != nil {
			return m, err
		}
	}
	acts, err := r.AuditAt(syncproto.ScopeID{}, ^uint64(0))
	if err != nil {
		return m, err
	}
	m.Acts, m.ActsHead = acts.Count, acts.Head.String()
	eras, err := r.Eras()
	if err != nil {
		return m, err
	}
	for _, e := range eras {
		m.Eras = append(m.Eras, ManifestEra{ID: e.ID.String(), Opened: e.Opened})
	}
	err = r.each(logColumns+"ORDER BY num", func(row *row) error {
		l, err := r.scanLog(row)
		m.Logs = append(m.Logs, ManifestLog{Log: l.ID.String(), Received: l.Received, Head: l.Head.String()})
		return err
	})
	return m, err
}

// ReadManifest reads the manifest of the backup in a folder.
func ReadManifest(dir string) (Manifest, error) {
	f, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	m, err := ParseManifest(b)
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	return m, nil
}

// Verify reads the backup in a folder through: the copy is the one that the
// manifest names, holds what it says, and is sound in itself. The error wraps
// store.ErrCorrupt if the backup cannot be relied on; the report then says
// what is wrong.
func Verify(ctx context.Context, dir string) (Manifest, Report, error) {
	m, rep, err := verify(ctx, dir)
	if err != nil {
		err = fmt.Errorf("verify backup %s: %w", dir, err)
	}
	return m, rep, err
}

func verify(ctx context.Context, dir string) (m Manifest, rep Report, err error) {
	if m, err = ReadManifest(dir); err != nil {
		return m, rep, err
	}
	path := filepath.Join(dir, copyName)
	sum, size, err := digest(path, false)
	if err != nil {
		return m, rep, err
	}
	if sum != m.SHA256 || size != m.Size {
		return m, rep, fmt.Errorf("the copy is not the one that was made: %d bytes, SHA-256 %s: %w", size, sum, store.ErrCorrupt)
	}
	c, err := openCopy(ctx, path)
	if err != nil {
		return m, rep, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	held, err := describe(ctx, c)
	if err != nil {
		return m, rep, err
	}
	if held.Schema != m.Schema || held.Changes != m.Changes || held.Records != m.Records || held.Acts != m.Acts || held.ActsHead != m.ActsHead ||
		!slices.Equal(held.Eras, m.Eras) || !slices.Equal(held.Logs, m.Logs) {
		return m, rep, fmt.Errorf("the copy does not hold what the manifest says: %w", store.ErrCorrupt)
	}
	rep, err = check(&reader{ctx: ctx, c: c, names: newNames()})
	if err == nil && len(rep.Problems) > 0 {
		err = fmt.Errorf("the copy has %d faults, the first: %s: %w", len(rep.Problems), rep.Problems[0], store.ErrCorrupt)
	}
	return m, rep, err
}

// Restore puts the backup in a folder to where no database is, after it was
// verified. The server opens it as its own then: it begins a new era and erases
// again what its journal of erasures names before anybody is let in.
func Restore(ctx context.Context, dir, path string) (Manifest, error) {
	m, err := restore(ctx, dir, path)
	if err != nil {
		return Manifest{}, fmt.Errorf("restore to %s: %w", path, err)
	}
	return m, nil
}

func restore(ctx context.Context, dir, path string) (m Manifest, err error) {
	if m, _, err = Verify(ctx, dir); err != nil {
		return m, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return m, err
	}
	lock, err := acquire(path + ".lock")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, release(lock)) }()
	// A write-ahead log that lies there would be folded into the copy.
	for _, name := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			return m, errors.Join(fmt.Errorf("%s: %w", filepath.Base(name), errExists), err)
		}
	}
	part := path + ".part"
	if err := copyFile(ctx, part, filepath.Join(dir, copyName)); err != nil {
		return m, err
	}
	if sum, _, err := digest(part, true); err != nil || sum != m.SHA256 {
		return m, errors.Join(fmt.Errorf("copy of the backup: %w", store.ErrCorrupt), err, os.Remove(part))
	}
	if err := os.Rename(part, path); err != nil {
		return m, err
	}
	return m, SyncDir(filepath.Dir(path))
}

// copyFile copies a file, as long as it is wanted.
func copyFile(ctx context.Context, to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, whileWanted{ctx, in})
	return errors.Join(err, in.Close(), out.Close())
}

// whileWanted reads until its context is cancelled.
type whileWanted struct {
	ctx context.Context
	r   io.Reader
}

func (w whileWanted) Read(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(b)
}
