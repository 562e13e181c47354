package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// backupItem is a backup as commands print it.
type backupItem struct {
	Dir     string `json:"dir"`
	Time    string `json:"time"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
	Changes int64  `json:"changes"`
	Records int64  `json:"records"`
	// Logs are how many logs of devices it holds, all of them marked as safe.
	Logs int `json:"logs"`
}

func backupOf(dir string, m sqlitestore.Manifest) backupItem {
	return backupItem{Dir: dir, Time: stamp(m.Time), Size: m.Size, SHA256: m.SHA256, Changes: m.Changes, Records: m.Records, Logs: len(m.Logs)}
}

type backup struct {
	Dir string `json:"dir"`
}

// actBackup copies the store, reads the copy through, and only then tells
// devices that they may let go of what it holds.
func actBackup(ctx context.Context, d *desk, q backup, out tell) error {
	entries, err := os.ReadDir(q.Dir)
	there := err == nil
	if err != nil && !errors.Is(err, os.ErrNotExist) || len(entries) > 0 {
		return &cli.Error{Code: cli.Refused, Key: "mahalleh_data.backup.not_empty", Args: cli.Args{"dir": q.Dir}, Hint: "mahalleh_data.backup.not_empty_hint", Cause: err}
	}
	sound := false
	defer func() {
		if !sound {
			discard(q.Dir, there)
		}
	}()
	out.progress("mahalleh_data.backup.copying", cli.Args{"dir": q.Dir})
	if _, err := d.store.Backup(ctx, q.Dir, d.now()); err != nil {
		return err
	}
	if err := d.copyErasures(q.Dir); err != nil {
		return err
	}
	out.progress("mahalleh_data.backup.verifying", cli.Args{"dir": q.Dir})
	m, _, err := sqlitestore.Verify(ctx, q.Dir)
	if err != nil {
		return err
	}
	sound = true
	if err := d.markSafe(ctx, m); err != nil {
		return err
	}
	return out.item(backupOf(q.Dir, m))
}

// discard takes away what a backup that failed has written, so that nothing
// lies there that looks like one; the folder too, unless it was there before.
func discard(dir string, there bool) {
	for _, name := range []string{databaseName, "manifest.json", erasuresName} {
		_ = os.Remove(filepath.Join(dir, name))
	}
	if !there {
		_ = os.Remove(dir) // which spares whatever else somebody put there
	}
}

// copyErasures puts a copy of the journal beside a backup, so that a machine
// that has nothing else knows what was erased up to then.
func (d *desk) copyErasures(dir string) error {
	kept, err := d.journal.Erasures.All()
	if err != nil {
		return err
	}
	return addErasures(filepath.Join(dir, erasuresName), kept)
}

// addErasures adds to a journal what it does not hold yet.
func addErasures(path string, more []sqlitestore.Erasure) (err error) {
	j, err := sqlitestore.OpenErasures(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	have, err := j.All()
	if err != nil {
		return err
	}
	known := map[syncproto.RecordID]bool{}
	for _, e := range have {
		known[e.Record] = true
	}
	for _, e := range more {
		if known[e.Record] {
			continue
		}
		known[e.Record] = true
		if err := j.Add(e); err != nil {
			return err
		}
	}
	return nil
}

// markSafe notes what a verified backup holds, and tells running sessions.
func (d *desk) markSafe(ctx context.Context, m sqlitestore.Manifest) error {
	if d.server == nil {
		err := d.store.Update(ctx, func(tx store.Tx) error {
			_, err := m.MarkSafe(tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("note what is in the backup: %w", err)
		}
		return nil
	}
	safe := map[syncproto.LogID]uint64{}
	for _, l := range m.Logs {
		id, err := syncproto.ParseID(l.Log)
		if err != nil {
			return fmt.Errorf("note what is in the backup: %w", err)
		}
		safe[id] = l.Received
	}
	return d.server.Hub().MarkBackupSafe(ctx, safe)
}

func backupCommand(a *cli.App) *cobra.Command {
	return a.Command("backup DIR", "mahalleh_data.backup", func(ctx context.Context, args []string) error {
		dir, err := filepath.Abs(args[0])
		if err != nil {
			return fmt.Errorf("back up to %s: %w", args[0], err)
		}
		return ask(ctx, a, "backup", backup{Dir: dir}, func(b backupItem) error {
			if a.JSON() {
				return a.PrintJSON(b)
			}
			err := a.Say("mahalleh_data.backup.done", cli.Args{"dir": b.Dir, "records": b.Records, "changes": b.Changes, "size": cli.Bytes(b.Size)})
			a.Note("mahalleh_data.backup.secret")
			return err
		})
	})
}
