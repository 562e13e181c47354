package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// drillName is the folder in a backup in which it is tried out; it is gone when
// the backup is finished.
const drillName = ".drill"

// drill restores a backup into a folder beside it, starts a server over it as a
// real restore would, reads all of it, and compares it with the manifest. Only
// what has passed is a backup on which devices may rely.
func (d *desk) drill(ctx context.Context, dir string) (m sqlitestore.Manifest, err error) {
	scratch := folder{dir: filepath.Join(dir, drillName), pid: d.folder.pid}
	if err := os.RemoveAll(scratch.dir); err != nil {
		return m, fmt.Errorf("try the backup out: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch.dir)) }()
	if m, err = sqlitestore.Restore(ctx, dir, scratch.database()); err != nil {
		return m, err
	}
	kept, err := d.journal.Erasures.All()
	if err == nil {
		err = addErasures(scratch.erasures(), kept)
	}
	if err != nil {
		return m, fmt.Errorf("try the backup out: %w", err)
	}
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: scratch.database()})
	if err != nil {
		return m, fmt.Errorf("try the backup out: %w", err)
	}
	err = d.tryOut(ctx, st, scratch, m)
	return m, errors.Join(err, st.Close())
}

// tryOut starts a server over the restored store, and looks whether it is sound
// and holds what the manifest says.
func (d *desk) tryOut(ctx context.Context, st *sqlitestore.Store, f folder, m sqlitestore.Manifest) error {
	j, err := sqlitestore.OpenErasures(f.erasures())
	if err != nil {
		return fmt.Errorf("try the backup out: %w", err)
	}
	defer j.Close() // it is only read, and goes with the folder
	packages, err := forms.Load()
	if err != nil {
		return err
	}
	s, err := server.Open(ctx, server.Options{Store: st, Packages: packages, Erasures: journal{j}, Clock: d.now, Rand: rand.Reader})
	if err != nil {
		return fmt.Errorf("try the backup out: start a server over it: %w", err)
	}
	well := s.Health(ctx).OK
	if err := s.Close(); err != nil {
		return fmt.Errorf("try the backup out: %w", err)
	}
	if !well {
		return fmt.Errorf("try the backup out: a server over it is not healthy: %w", store.ErrCorrupt)
	}
	rep, err := st.Check(ctx)
	if err != nil {
		return fmt.Errorf("try the backup out: %w", err)
	}
	if len(rep.Problems) > 0 {
		return fmt.Errorf("try the backup out: restored, it has %d faults, the first: %s: %w", len(rep.Problems), rep.Problems[0], store.ErrCorrupt)
	}
	// Erasing again can add tombstones, and takes no change away.
	if rep.Changes != m.Changes || rep.Records < m.Records {
		return fmt.Errorf("try the backup out: restored, it has %d changes and %d records, not %d and %d: %w", rep.Changes, rep.Records, m.Changes, m.Records, store.ErrCorrupt)
	}
	return st.View(ctx, func(r store.Reader) error { return holds(r, m) })
}

// holds compares the logs of a store with those of a manifest.
func holds(r store.Reader, m sqlitestore.Manifest) error {
	for _, l := range m.Logs {
		id, err := syncproto.ParseID(l.Log)
		if err != nil {
			return fmt.Errorf("try the backup out: %w", err)
		}
		log, err := r.Log(id)
		if err != nil {
			return fmt.Errorf("try the backup out: log %s: %w", l.Log, err)
		}
		if log.Received != l.Received || log.Head.String() != l.Head {
			return fmt.Errorf("try the backup out: log %s stands at %d, not at %d: %w", l.Log, log.Received, l.Received, store.ErrCorrupt)
		}
	}
	return nil
}
