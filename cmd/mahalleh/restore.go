package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// restored is what restore prints.
type restored struct {
	backupItem
	// Kept is where the data that stood there before are now.
	Kept string `json:"kept,omitempty"`
	// Erasures are how many records the journals say were erased.
	Erasures int `json:"erasures"`
	// Era names the new opening, by which devices see the restore.
	Era string `json:"era"`
}

type restore struct {
	dir, erasures string
	force, older  bool
}

func restoreCommand(a *cli.App) *cobra.Command {
	var r restore
	c := a.Command("restore DIR", "mahalleh_data.restore", func(ctx context.Context, args []string) error {
		f, err := folderOf(a)
		if err != nil {
			return err
		}
		if r.dir, err = filepath.Abs(args[0]); err != nil {
			return fmt.Errorf("restore %s: %w", args[0], err)
		}
		done, err := r.run(ctx, a, f)
		if err != nil {
			return err
		}
		if a.JSON() {
			return a.PrintJSON(done)
		}
		if done.Kept != "" {
			a.Note("mahalleh_data.restore.kept", cli.Args{"path": done.Kept})
		}
		return a.Say("mahalleh_data.restore.done", cli.Args{"when": minute(a, done.Time), "records": done.Records, "changes": done.Changes, "erasures": done.Erasures})
	})
	c.Flags().BoolVar(&r.force, "force", false, a.T("mahalleh_data.restore.flag_force"))
	c.Flags().BoolVar(&r.older, "older", false, a.T("mahalleh_data.restore.flag_older"))
	c.Flags().StringVar(&r.erasures, "erasures", "", a.T("mahalleh_data.restore.flag_erasures"))
	return c
}

func (r *restore) run(ctx context.Context, a *cli.App, f folder) (restored, error) {
	var done restored
	if !f.fresh() && !r.force {
		return done, &cli.Error{Code: cli.Refused, Key: "mahalleh_data.restore.exists", Args: cli.Args{"dir": f.dir}, Hint: "mahalleh_data.restore.exists_hint"}
	}
	if err := nobodyIn(ctx, f); err != nil {
		return done, err
	}
	progress := a.Progress()
	defer progress.Done()
	progress.Update("mahalleh_data.backup.verifying", cli.Args{"dir": r.dir})
	// Before anything is moved: a backup that cannot be relied on changes nothing.
	m, _, err := sqlitestore.Verify(ctx, r.dir)
	if err != nil {
		return done, badBackup(r.dir, err)
	}
	if !r.older {
		if err := r.newer(ctx, a, f, m); err != nil {
			return done, err
		}
	}
	if err := r.gatherErasures(f); err != nil {
		return done, err
	}
	progress.Update("mahalleh_data.restore.copying", cli.Args{"dir": r.dir})
	kept, err := setAside(f, a.Now())
	if err != nil {
		return done, err
	}
	m, err = sqlitestore.Restore(ctx, r.dir, f.database())
	if err != nil {
		return done, errors.Join(badBackup(r.dir, err), putBack(f, kept))
	}
	d, err := openDesk(ctx, a, f)
	if err != nil {
		return done, err
	}
	erased, err := d.journal.All()
	done = restored{backupItem: backupOf(r.dir, m), Kept: kept, Erasures: len(erased), Era: d.server.Health(ctx).Era}
	if err == nil {
		err = d.server.Admin().Audit(ctx, "restored", r.dir, done.Time)
	}
	return done, errors.Join(err, d.close())
}

func badBackup(dir string, err error) error {
	if errors.Is(err, store.ErrNewer) || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrInUse) || errors.Is(err, context.Canceled) {
		return err
	}
	return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.restore.bad", Args: cli.Args{"dir": dir}, Hint: "mahalleh_data.restore.bad_hint", Cause: err}
}

// nobodyIn refuses while another process holds the store. One that cannot be
// opened for another reason is just why somebody restores.
func nobodyIn(ctx context.Context, f folder) error {
	if f.fresh() {
		return nil
	}
	st, err := openStore(ctx, f)
	if errors.Is(err, store.ErrInUse) {
		return err
	}
	if err == nil {
		return st.Close()
	}
	return nil
}

// newer refuses when the data that stand there hold what the backup does not:
// devices send their changes again, and acts of administration must be done
// again. Data that cannot be read are why somebody restores.
func (r *restore) newer(ctx context.Context, a *cli.App, f folder, m sqlitestore.Manifest) error {
	if f.fresh() {
		return nil
	}
	st, err := openStore(ctx, f)
	if errors.Is(err, store.ErrInUse) {
		return err // somebody started a server while the backup was read through
	}
	if err != nil {
		return nil
	}
	var changes, acts uint64
	err = st.View(ctx, func(r store.Reader) error {
		changes, acts = 0, 0
		held := map[string]uint64{}
		for _, l := range m.Logs {
			held[l.Log] = l.Received
		}
		logs, err := r.Logs(syncproto.DeviceID{})
		if err != nil {
			return err
		}
		for _, l := range logs {
			if l.Received > held[l.ID.String()] {
				changes += l.Received - held[l.ID.String()]
			}
		}
		all, err := r.AuditAt(syncproto.ScopeID{}, ^uint64(0))
		if all.Count > m.Acts {
			acts = all.Count - m.Acts
		}
		return err
	})
	if err := errors.Join(err, st.Close()); err != nil {
		return nil
	}
	if changes == 0 && acts == 0 {
		return nil
	}
	return &cli.Error{Code: cli.Refused, Key: "mahalleh_data.restore.newer", Hint: "mahalleh_data.restore.newer_hint",
		Args: cli.Args{"dir": f.dir, "when": minute(a, stamp(m.Time)), "changes": changes, "acts": acts}}
}

// gatherErasures brings into the journal what the backup's and a given one
// know: whoever was forgotten stays forgotten.
func (r *restore) gatherErasures(f folder) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	paths := []string{filepath.Join(r.dir, erasuresName)}
	if r.erasures != "" {
		paths = append(paths, r.erasures)
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			if path == r.erasures || !errors.Is(err, os.ErrNotExist) {
				return &cli.Error{Code: cli.Usage, Key: "mahalleh_data.restore.no_erasures", Args: cli.Args{"file": path}, Hint: "mahalleh_data.restore.no_erasures_hint", Cause: err}
			}
			continue
		}
		more, err := readErasures(f, path)
		if err != nil {
			return err
		}
		if err := addErasures(f.erasures(), more); err != nil {
			return err
		}
	}
	return nil
}

// readErasures reads a journal through a copy: it may lie on a medium that
// cannot be written to.
func readErasures(f folder, path string) (all []sqlitestore.Erasure, err error) {
	from, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the erasures: %w", err)
	}
	defer from.Close()
	to, err := os.CreateTemp(f.dir, erasuresName+".*")
	if err != nil {
		return nil, fmt.Errorf("read the erasures: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(to.Name())) }()
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return nil, fmt.Errorf("read the erasures: %w", err)
	}
	j, err := sqlitestore.OpenErasures(to.Name())
	if err != nil {
		return nil, err
	}
	all, err = j.All()
	return all, errors.Join(err, j.Close())
}

// besides are what SQLite keeps beside a database.
func besides() []string { return []string{"", "-wal", "-shm", "-journal"} }

// setAside moves the database that stands there out of the way, under a name
// with the time; "" if there is none.
func setAside(f folder, now time.Time) (string, error) {
	if f.fresh() {
		return "", nil
	}
	name := f.database() + ".before-" + now.UTC().Format("20060102T150405Z")
	kept := name
	_, err := os.Lstat(kept)
	for n := 2; err == nil; n++ { // somebody restores twice in one second
		kept = fmt.Sprintf("%s-%d", name, n)
		_, err = os.Lstat(kept)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("keep the old data: %w", err)
	}
	for _, end := range besides() {
		if err := os.Rename(f.database()+end, kept+end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", errors.Join(fmt.Errorf("keep the old data: %w", err), putBack(f, kept))
		}
	}
	return kept, nil
}

// putBack undoes setAside.
func putBack(f folder, kept string) error {
	if kept == "" {
		return nil
	}
	var errs []error
	for _, end := range besides() {
		if err := os.Rename(kept+end, f.database()+end); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("put the old data back: %w", err))
		}
	}
	return errors.Join(errs...)
}
