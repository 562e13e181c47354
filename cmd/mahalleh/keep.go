package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/sqlitestore"
)

// keepRule says which backups of a folder stay: the last ones, and of each of
// some days and weeks before that the latest.
type keepRule struct {
	Last  int `json:"last"`
	Days  int `json:"days"`
	Weeks int `json:"weeks"`
}

// defaultKeep reaches back two months: what was erased is gone from backups
// after that.
var defaultKeep = keepRule{Last: 3, Days: 14, Weeks: 8}

// flags are the rule's flags, the same for all commands that rotate backups.
func (k *keepRule) flags(a *cli.App, c *cobra.Command) {
	c.Flags().IntVar(&k.Last, "keep-last", defaultKeep.Last, a.T("mahalleh_data.backup.flag_keep_last"))
	c.Flags().IntVar(&k.Days, "keep-days", defaultKeep.Days, a.T("mahalleh_data.backup.flag_keep_days"))
	c.Flags().IntVar(&k.Weeks, "keep-weeks", defaultKeep.Weeks, a.T("mahalleh_data.backup.flag_keep_weeks"))
	a.Setting(c.Flags(), "keep-last", "keep-days", "keep-weeks")
}

// kept picks those of the times, in any order, whose backups stay. The latest
// always does.
func (k keepRule) kept(times []time.Time) map[time.Time]bool {
	sorted := slices.Clone(times)
	slices.SortFunc(sorted, func(a, b time.Time) int { return b.Compare(a) })
	keep := map[time.Time]bool{}
	for _, t := range sorted[:min(max(k.Last, 1), len(sorted))] {
		keep[t] = true
	}
	latest := func(n int, span func(time.Time) int64) {
		seen := map[int64]bool{}
		for _, t := range sorted {
			if s := span(t); !seen[s] && len(seen) < n {
				seen[s] = true
				keep[t] = true
			}
		}
	}
	latest(k.Days, dayOf)
	latest(k.Weeks, weekOf)
	return keep
}

// dayOf numbers the days of Tehran, weekOf its weeks, which begin on Saturday.
func dayOf(t time.Time) int64 {
	y, m, d := tehran().In(t).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
}

func weekOf(t time.Time) int64 {
	const saturday = 2 // day 0, the first of January 1970, was a Thursday
	return (dayOf(t) - saturday + 7*1_000_000) / 7
}

// backupName is the layout of the names that rotated backups have: the time, to
// be read by people and sorted by machines.
const backupName = "2006-01-02T150405Z"

// partEnd ends the name of a backup that is being made.
const partEnd = ".part"

// rotated lists the finished backups of a folder by their names, oldest first.
func rotated(dir string) ([]time.Time, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the backups: %w", err)
	}
	var times []time.Time
	for _, e := range entries {
		if t, err := time.Parse(backupName, e.Name()); err == nil && e.IsDir() {
			times = append(times, t)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times, nil
}

// prune deletes the backups of a folder that are not to be kept. The one that was
// made just now stays in any case: devices are told of it, and the others may
// have been named by a clock that was ahead. Whatever else lies there is not
// touched.
func (k keepRule) prune(dir, made string) (deleted []string, err error) {
	times, err := rotated(dir)
	if err != nil {
		return nil, err
	}
	keep := k.kept(times)
	var errs []error
	for _, t := range times {
		name := t.Format(backupName)
		if keep[t] || name == made {
			continue
		}
		if err := removeBackup(filepath.Join(dir, name)); err != nil {
			errs = append(errs, fmt.Errorf("delete the backup %s: %w", name, err))
			continue
		}
		deleted = append(deleted, name)
	}
	return deleted, errors.Join(errs...)
}

// sweep deletes what backups that were cut short have left in a folder.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("list the backups: %w", err)
	}
	var errs []error
	for _, e := range entries {
		name, part := strings.CutSuffix(e.Name(), partEnd)
		if _, err := time.Parse(backupName, name); err != nil || !part || !e.IsDir() {
			continue
		}
		errs = append(errs, removeBackup(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// removeBackup deletes a backup's own files and its folder, if nothing else is
// in it. The manifest goes first: what is left without one is no backup.
func removeBackup(dir string) error {
	for _, name := range []string{"manifest.json", databaseName, erasuresName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, drillName)); err != nil {
		return err
	}
	return os.Remove(dir)
}

// nameFor is the name of a backup made now, one that is not taken.
func nameFor(dir string, now int64) string {
	for at := time.UnixMilli(now).UTC(); ; at = at.Add(time.Second) {
		name := at.Format(backupName)
		if _, err := os.Lstat(filepath.Join(dir, name)); errors.Is(err, os.ErrNotExist) {
			return name
		}
	}
}

// lastIn is when the latest backup of a folder was made, Unix milliseconds, 0 if
// there is none.
func lastIn(dir string) int64 {
	times, err := rotated(dir)
	if err != nil || len(times) == 0 {
		return 0
	}
	m, err := sqlitestore.ReadManifest(filepath.Join(dir, times[len(times)-1].Format(backupName)))
	if err != nil {
		return 0
	}
	return m.Time
}
