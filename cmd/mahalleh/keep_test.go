package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// TestKeep plays half a year with two backups a day: those that stay are the
// last ones, the last of each day and of each week, and no more.
func TestKeep(t *testing.T) {
	k := keepRule{Last: 3, Days: 5, Weeks: 4}
	var times []time.Time
	for at := time.Date(2026, 3, 21, 4, 0, 0, 0, time.UTC); at.Before(time.Date(2026, 9, 23, 0, 0, 0, 0, time.UTC)); at = at.Add(12 * time.Hour) {
		times = append(times, at)
		var left []time.Time
		for at := range k.kept(times) {
			left = append(left, at)
		}
		slices.SortFunc(left, time.Time.Compare)
		times = left
	}
	var names []string
	for _, at := range times {
		names = append(names, tehran().In(at).Format("Mon 2006-01-02 15:04"))
	}
	// The last backup of a Persian week is Friday's; the present week's is today's.
	want := []string{"Fri 2026-09-04 19:30", "Fri 2026-09-11 19:30", "Fri 2026-09-18 19:30", "Sat 2026-09-19 19:30",
		"Sun 2026-09-20 19:30", "Mon 2026-09-21 19:30", "Tue 2026-09-22 07:30", "Tue 2026-09-22 19:30"}
	if !slices.Equal(names, want) {
		t.Errorf("left are\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	if left := (keepRule{}).kept(times); len(left) != 1 || !left[times[len(times)-1]] {
		t.Errorf("of nothing, %v stays", left)
	}
	if len(keepRule{Last: 3}.kept(nil)) != 0 {
		t.Error("of no backups, some stay")
	}
}

// TestRepeat: at once if one is due, by the interval from then on, sooner after
// a failure, and not after the end.
func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		var at []time.Duration
		repeat(ctx, 10*time.Hour, 4*time.Hour, func(context.Context) error {
			at = append(at, time.Since(began))
			switch len(at) {
			case 2:
				return errors.New("failed")
			case 4:
				cancel()
			}
			return nil
		})
		want := []time.Duration{6 * time.Hour, 16 * time.Hour, 17 * time.Hour, 27 * time.Hour}
		if !slices.Equal(at, want) {
			t.Errorf("at %v, want %v", at, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		repeat(ctx, time.Hour, 50*time.Hour, func(context.Context) error { cancel(); return nil })
		if time.Since(began) != 0 {
			t.Errorf("one that is overdue is made after %v", time.Since(began))
		}
	})
	// A clock that went back does not put the next one off beyond the interval.
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		repeat(ctx, time.Hour, -50*time.Hour, func(context.Context) error { cancel(); return nil })
		if time.Since(began) != time.Hour {
			t.Errorf("after a clock went back, it is made after %v", time.Since(began))
		}
	})
}

var quiet = tell{item: func(any) error { return nil }, progress: func(cli.Key, cli.Args) {}}

// logged is a desk whose store holds one change of a device's log.
func logged(t *testing.T, log *bytes.Buffer) *desk {
	t.Helper()
	d := newDesk(t, log)
	id := syncproto.LogID{7}
	err := d.store.Update(t.Context(), func(tx store.Tx) error {
		return tx.PutLog(store.Log{ID: id, Device: syncproto.DeviceID{1}, Head: syncproto.ChainStart(id)})
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func alarmNames(all []server.Alarm) string {
	var list []string
	for _, a := range all {
		list = append(list, a.Name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestBackupThatFails: nothing of it stays, no device is told to let go of
// anything, and an alarm stands until the next one is good.
func TestBackupThatFails(t *testing.T) {
	var log bytes.Buffer
	d := logged(t, &log)
	dir := filepath.Join(t.TempDir(), "backups")
	keep := defaultKeep
	ask := func() error { return actBackup(t.Context(), d, backup{Dir: dir, Keep: &keep}, quiet) }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	first, _ := d.backups()
	if first.Done != 1 || first.Last == 0 || alarmNames(d.alarms()) != "" {
		t.Errorf("after a good one: %+v, %s", first, alarmNames(d.alarms()))
	}
	d.free = func(string) int64 { return 1000 }
	var told *cli.Error
	if err := ask(); !errors.As(err, &told) || told.Key != "mahalleh_data.backup.no_room" {
		t.Errorf("without room: %v", err)
	}
	d.free = func(string) int64 { return 1 << 40 }
	if b, failing := d.backups(); !failing || b.Failed != 1 || b.Last != first.Last {
		t.Errorf("after one that failed: %+v, failing %v", b, failing)
	}
	if got := alarmNames(d.alarms()); got != alarmBackupFailed {
		t.Errorf("the alarms are %q", got)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v (%v), want the first backup alone", entries, err)
	}
	if err := ask(); err != nil || alarmNames(d.alarms()) != "" {
		t.Errorf("with room again: %v, %s", err, alarmNames(d.alarms()))
	}
}

// TestBackupWithoutADurableName: a backup whose name a loss of power could take
// away again lets no device let go of anything.
func TestBackupWithoutADurableName(t *testing.T) {
	for _, keep := range []*keepRule{nil, &defaultKeep} {
		var log bytes.Buffer
		d := logged(t, &log)
		dir := filepath.Join(t.TempDir(), "backups")
		d.settle = func(in string) error { return errors.New("the disk is gone") }
		if err := actBackup(t.Context(), d, backup{Dir: dir, Keep: keep}, quiet); err == nil {
			t.Error("it counts as made")
		}
		if b, failing := d.backups(); !failing || b.Done != 0 {
			t.Errorf("%+v, failing %v", b, failing)
		}
	}
}

// TestPruneSparesTheNewest: the backup that was made just now stays, though
// folders that a clock named which was ahead count as later.
func TestPruneSparesTheNewest(t *testing.T) {
	var log bytes.Buffer
	d := logged(t, &log)
	dir := filepath.Join(t.TempDir(), "backups")
	if err := os.MkdirAll(filepath.Join(dir, "2099-01-01T000000Z"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := actBackup(t.Context(), d, backup{Dir: dir, Keep: &keepRule{Last: 1}}, quiet); err != nil {
		t.Fatal(err)
	}
	times, err := rotated(dir)
	if err != nil || len(times) != 2 {
		t.Errorf("left are %v, %v; want the new one too", times, err)
	}
}

// TestDrillFindsWhatReadingDoesNot: a backup which a server cannot be started
// over is none, even if every byte is as it was copied.
func TestDrillFindsWhatReadingDoesNot(t *testing.T) {
	var log bytes.Buffer
	d := logged(t, &log)
	err := d.store.Update(t.Context(), func(tx store.Tx) error { return tx.PutMeta("hub.identity", []byte("no keys")) })
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	if err := actBackup(t.Context(), d, backup{Dir: dir}, quiet); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a server without keys can be backed up: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what failed lies there (%v)", err)
	}
	err = d.view(t.Context(), func(r store.Reader) error {
		l, err := r.Log(syncproto.LogID{7})
		if l.BackupSafe != 0 {
			t.Errorf("safe up to %d", l.BackupSafe)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestAlarms: little room, none, and backups that are too old.
func TestAlarms(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, &log)
	now := time.Now().UnixMilli()
	d.clock = func() int64 { return now }
	for _, c := range []struct {
		name        string
		free        int64
		every, ago  time.Duration
		want        string
		never, stop bool
	}{
		{"all is well", 1 << 40, 0, time.Hour, "", false, false},
		{"not known", -1, 0, time.Hour, "", false, false},
		{"little room", 100 << 20, 0, time.Hour, alarmDiskLow, false, false},
		{"no room", 1 << 20, 0, time.Hour, alarmDiskFull, false, true},
		{"an old backup", 1 << 40, 0, 49 * time.Hour, alarmBackupOld, false, false},
		{"one that is due soon", 1 << 40, 12 * time.Hour, 23 * time.Hour, "", false, false},
		{"one that did not come", 1 << 40, 12 * time.Hour, 25 * time.Hour, alarmBackupOld, false, false},
		{"never, on the second day", 1 << 40, 0, 47 * time.Hour, "", true, false},
		{"never, on the third day", 1 << 40, 0, 49 * time.Hour, alarmBackupOld, true, false},
	} {
		d.free = func(string) int64 { return c.free }
		d.schedule(c.every)
		then, _ := d.server.Hub().Now()
		d.watched.mu.Lock()
		d.watched.backup.Last, d.watched.begun = then-c.ago.Milliseconds(), then
		if c.never {
			d.watched.backup.Last, d.watched.begun = 0, then-c.ago.Milliseconds()
		}
		d.watched.mu.Unlock()
		all := d.alarms()
		if got := alarmNames(all); got != c.want || len(all) > 0 && all[0].Stops != c.stop {
			t.Errorf("%s: %+v, want %q", c.name, all, c.want)
		}
	}
	known := fmt.Sprint(allAlarms)
	for _, name := range []string{alarmDiskLow, alarmDiskFull, alarmBackupOld, alarmBackupFailed} {
		if !strings.Contains(known, name) {
			t.Errorf("metrics do not know the alarm %s", name)
		}
	}
	f := d.facts(t.Context(), "x", time.Hour)
	if !f.Alarms[alarmBackupOld] || f.Alarms[alarmDiskLow] || f.Database <= 0 || len(f.Alarms) != len(allAlarms) {
		t.Errorf("facts are %+v", f)
	}
}

// TestAlarmsAreLogged: once when they begin, once when they are over.
func TestAlarmsAreLogged(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, &log)
	synctest.Test(t, func(t *testing.T) {
		free := int64(100 << 20)
		d.free = func(string) int64 { return free }
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { d.tellAlarms(ctx, d.log); close(done) }()
		time.Sleep(5 * lookEvery)
		free = 1 << 40
		time.Sleep(5 * lookEvery)
		cancel()
		<-done
	})
	if n := strings.Count(log.String(), alarmDiskLow); n != 2 {
		t.Errorf("the alarm is told %d times:\n%s", n, log.String())
	}
}
