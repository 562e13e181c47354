package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

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
	// Deleted are the names of older backups that were not to be kept.
	Deleted []string `json:"deleted,omitempty"`

	at int64 // Time in Unix milliseconds
}

func backupOf(dir string, m sqlitestore.Manifest) backupItem {
	return backupItem{Dir: dir, Time: stamp(m.Time), Size: m.Size, SHA256: m.SHA256, Changes: m.Changes, Records: m.Records, Logs: len(m.Logs), at: m.Time}
}

type backup struct {
	Dir string `json:"dir"`
	// Keep, if set, asks for a backup in a folder of its own in Dir, named by the
	// time, and says which of those that are there stay.
	Keep *keepRule `json:"keep,omitempty"`
}

// actBackup copies the store, reads the copy through, tries it out, and only
// then tells devices that they may let go of what it holds.
func actBackup(ctx context.Context, d *desk, q backup, out tell) error {
	d.backing.Lock() // one at a time: a schedule's and a person's might meet
	defer d.backing.Unlock()
	began := d.clock()
	item, err := d.backUp(ctx, q, out)
	if err != nil {
		d.notBackedUp()
		return err
	}
	if err := d.backedUp(ctx, item.at, time.Duration(d.clock()-began)*time.Millisecond, item.Size); err != nil {
		return err
	}
	return out.item(item)
}

func (d *desk) backUp(ctx context.Context, q backup, out tell) (item backupItem, err error) {
	dir := q.Dir
	if q.Keep != nil {
		if err := sweep(q.Dir); err != nil {
			return item, err
		}
		dir = filepath.Join(q.Dir, nameFor(q.Dir, d.now()))
	}
	making := dir
	if q.Keep != nil {
		// It gets its name when it has passed: what lies there under one can be
		// relied on.
		making += partEnd
	}
	m, err := d.makeBackup(ctx, making, out)
	if err != nil {
		return item, err
	}
	if q.Keep != nil {
		if err := os.Rename(making, dir); err != nil {
			discard(making, false)
			return item, fmt.Errorf("name the backup: %w", err)
		}
	}
	// Devices may let go of what it holds only when no loss of power can take its
	// name away again.
	if err := d.durable(dir); err != nil {
		return item, fmt.Errorf("name the backup: %w", err)
	}
	if err := d.markSafe(ctx, m); err != nil {
		return item, err
	}
	item = backupOf(dir, m)
	if q.Keep != nil {
		// A backup that cannot be deleted is no reason to call the new one failed.
		if item.Deleted, err = q.Keep.prune(q.Dir, filepath.Base(dir)); err != nil && d.log != nil {
			d.log.Warn("older backups could not be deleted", "err", err)
		}
	}
	return item, nil
}

// durable makes a folder's name durable, and that of the folder it lies in.
func (d *desk) durable(dir string) error {
	settle := d.settle
	if settle == nil {
		settle = sqlitestore.SyncDir
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	in := filepath.Dir(dir)
	if err := settle(in); err != nil {
		return err
	}
	// Above that it may have been made just now, or belong to somebody else.
	if err := settle(filepath.Dir(in)); !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}

// makeBackup makes a backup in an empty or new folder and tries it out. If
// anything fails, nothing of it stays.
func (d *desk) makeBackup(ctx context.Context, dir string, out tell) (m sqlitestore.Manifest, err error) {
	entries, err := os.ReadDir(dir)
	there := err == nil
	if err != nil && !errors.Is(err, os.ErrNotExist) || len(entries) > 0 {
		return m, &cli.Error{Code: cli.Refused, Key: "mahalleh_data.backup.not_empty", Args: cli.Args{"dir": dir}, Hint: "mahalleh_data.backup.not_empty_hint", Cause: err}
	}
	defer func() {
		if err != nil {
			discard(dir, there)
			err = noRoom(dir, err)
		}
	}()
	if err := d.enough(dir); err != nil {
		return m, err
	}
	out.progress("mahalleh_data.backup.copying", cli.Args{"dir": dir})
	if _, err := d.store.Backup(ctx, dir, d.now()); err != nil {
		return m, err
	}
	if err := d.copyErasures(dir); err != nil {
		return m, err
	}
	out.progress("mahalleh_data.backup.verifying", cli.Args{"dir": dir})
	return d.drill(ctx, dir)
}

// enough refuses a backup for which there is no room: the copy and, for the
// drill, another one of it.
func (d *desk) enough(dir string) error {
	over := dir
	for {
		if _, err := os.Stat(over); err == nil || filepath.Dir(over) == over {
			break
		}
		over = filepath.Dir(over)
	}
	need := 2*(size(d.folder.database())+size(d.folder.database()+"-wal")) + backupSlack
	if free := d.room(over); free >= 0 && free < need {
		return &cli.Error{Code: cli.Failure, Key: "mahalleh_data.backup.no_room", Args: cli.Args{"dir": dir, "need": cli.Bytes(need), "free": cli.Bytes(free)}, Hint: "mahalleh_data.backup.no_room_hint"}
	}
	return nil
}

// backupSlack is room for what a backup holds beside the copies.
const backupSlack = 16 << 20

// noRoom tells a backup that filled its disk from a full disk of the data.
func noRoom(dir string, err error) error {
	if errors.Is(err, store.ErrFull) || errors.Is(err, syscall.ENOSPC) {
		return &cli.Error{Code: cli.Failure, Key: "mahalleh_data.backup.full", Args: cli.Args{"dir": dir}, Hint: "mahalleh_data.backup.no_room_hint", Cause: err}
	}
	return err
}

// discard takes away what a backup that failed has written, so that nothing
// lies there that looks like one; the folder too, unless it was there before.
func discard(dir string, there bool) {
	for _, name := range []string{databaseName, "manifest.json", erasuresName} {
		_ = os.Remove(filepath.Join(dir, name))
	}
	_ = os.RemoveAll(filepath.Join(dir, drillName))
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
	var every time.Duration
	var rotate bool
	var keep keepRule
	c := a.Command("backup DIR", "mahalleh_data.backup", func(ctx context.Context, args []string) error {
		dir, err := filepath.Abs(args[0])
		if err != nil {
			return fmt.Errorf("back up to %s: %w", args[0], err)
		}
		q := backup{Dir: dir}
		if rotate || every != 0 {
			q.Keep = &keep
		}
		if every == 0 {
			return askBackup(ctx, a, q)
		}
		if err := checkEvery(every); err != nil {
			return err
		}
		a.LogFrom(slog.LevelInfo)
		repeat(ctx, every, time.Duration(a.Now().UnixMilli()-lastIn(dir))*time.Millisecond, func(ctx context.Context) error {
			err := askBackup(ctx, a, q)
			if err != nil && ctx.Err() == nil {
				a.Log().Error("the backup failed; it is tried again", "err", err)
			}
			return err
		})
		return nil
	})
	c.Flags().DurationVar(&every, "every", 0, a.T("mahalleh_data.backup.flag_every"))
	c.Flags().BoolVar(&rotate, "rotate", false, a.T("mahalleh_data.backup.flag_rotate"))
	keep.flags(a, c)
	return c
}

func askBackup(ctx context.Context, a *cli.App, q backup) error {
	return ask(ctx, a, "backup", q, func(b backupItem) error {
		if a.JSON() {
			return a.PrintJSON(b)
		}
		err := a.Say("mahalleh_data.backup.done", cli.Args{"dir": b.Dir, "records": b.Records, "changes": b.Changes, "size": cli.Bytes(b.Size)})
		if len(b.Deleted) > 0 {
			a.Note("mahalleh_data.backup.deleted", cli.Args{"n": len(b.Deleted)})
		}
		a.Note("mahalleh_data.backup.secret")
		return err
	})
}
