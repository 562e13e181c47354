package main

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/server"
	"mahalleh/server/api"
	"mahalleh/server/store"
)

// The alarms that this program raises beside the server's own.
const (
	alarmDiskFull     = "disk_full"     // there is next to no room for the data
	alarmDiskLow      = "disk_low"      // there soon will be none
	alarmBackupFailed = "backup_failed" // the last backup did not come about
	alarmBackupOld    = "backup_old"    // the last one was made too long ago
)

// allAlarms are the names of all that can stand.
var allAlarms = []string{server.AlarmStopping, server.AlarmStorage, server.AlarmClock, alarmDiskFull, alarmDiskLow, alarmBackupFailed, alarmBackupOld}

const (
	// leastRoom is how many bytes a server needs to go on: the write-ahead log at
	// its largest, a quarter of it.
	leastRoom = 64 << 20
	// enoughRoom is how many bytes should be free at least; a copy of the
	// database should fit, too.
	enoughRoom = 512 << 20
	// oldWithout is how old the last backup may be without a schedule. With one,
	// two of its intervals may pass.
	oldWithout = 48 * time.Hour
	// lookEvery is how often the log is told of alarms that have come and gone.
	lookEvery = time.Minute
	// backupKey is where the time of the last verified backup stands.
	backupKey = "ops.backup"
)

// watched is what the desk remembers of backups; guarded by mu.
type watched struct {
	mu      sync.Mutex
	backup  api.Backup
	failing bool
	begun   int64 // when the store was begun, Unix milliseconds
}

// recall reads when the last backup was made.
func (d *desk) recall(ctx context.Context) error {
	return d.view(ctx, func(r store.Reader) error {
		eras, err := r.Eras()
		if err != nil {
			return err
		}
		b, err := r.Meta(backupKey)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		d.watched.mu.Lock()
		defer d.watched.mu.Unlock()
		if len(eras) > 0 {
			d.watched.begun = eras[0].Opened
		}
		if len(b) == 8 {
			d.watched.backup.Last = int64(binary.BigEndian.Uint64(b))
		}
		return nil
	})
}

// backedUp notes a verified backup, durably.
func (d *desk) backedUp(ctx context.Context, at int64, took time.Duration, bytes int64) error {
	err := d.store.Update(ctx, func(tx store.Tx) error {
		return tx.PutMeta(backupKey, binary.BigEndian.AppendUint64(nil, uint64(at)))
	})
	d.watched.mu.Lock()
	defer d.watched.mu.Unlock()
	b := &d.watched.backup
	b.Last, b.Took, b.Bytes = at, took, bytes
	b.Done++
	d.watched.failing = false
	return err
}

// notBackedUp notes a backup that failed.
func (d *desk) notBackedUp() {
	d.watched.mu.Lock()
	defer d.watched.mu.Unlock()
	d.watched.backup.Failed++
	d.watched.failing = true
}

// schedule says every how long backups are made.
func (d *desk) schedule(every time.Duration) {
	d.watched.mu.Lock()
	defer d.watched.mu.Unlock()
	d.watched.backup.Every = every
}

// backups is how backups stand, and whether the last one failed.
func (d *desk) backups() (b api.Backup, failing bool) {
	d.watched.mu.Lock()
	defer d.watched.mu.Unlock()
	b = d.watched.backup
	since := b.Last
	if since == 0 {
		since = d.watched.begun
	}
	if since > 0 {
		b.Age = max(time.Duration(d.now()-since)*time.Millisecond, 0)
	}
	return b, d.watched.failing
}

// size is a file's size, negative if it is not known, 0 if there is none.
func size(path string) int64 {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		return -1
	}
	return info.Size()
}

// room asks for the free bytes on the disk of the data, negative if not known.
func (d *desk) room(dir string) int64 {
	if d.free != nil {
		return d.free(dir)
	}
	free, err := clientsdk.FreeSpace(dir)
	if err != nil {
		return -1
	}
	return int64(min(free, 1<<62))
}

// alarms are those that stand, besides the server's own.
func (d *desk) alarms() []server.Alarm {
	var all []server.Alarm
	switch free := d.room(d.folder.dir); {
	case free < 0:
	case free < leastRoom:
		all = append(all, server.Alarm{Name: alarmDiskFull, Stops: true})
	case free < max(enoughRoom, size(d.folder.database())):
		all = append(all, server.Alarm{Name: alarmDiskLow})
	}
	b, failing := d.backups()
	if failing {
		all = append(all, server.Alarm{Name: alarmBackupFailed})
	}
	limit := oldWithout
	if b.Every > 0 {
		limit = 2 * b.Every
	}
	if b.Age > limit {
		all = append(all, server.Alarm{Name: alarmBackupOld})
	}
	return all
}

// facts are what metrics are made of.
func (d *desk) facts(ctx context.Context, version string, uptime time.Duration) api.Facts {
	clock := d.server.Hub().Clock()
	f := api.Facts{Version: version, Uptime: uptime, Counters: d.server.Counters(), Alarms: map[string]bool{},
		ClockAhead: time.Duration(clock.Machine-clock.Server) * time.Millisecond,
		Database:   size(d.folder.database()), WAL: size(d.folder.database() + "-wal"), DiskFree: d.room(d.folder.dir), Cache: d.store.Cache()}
	f.Backup, _ = d.backups()
	for _, name := range allAlarms {
		f.Alarms[name] = false
	}
	for _, a := range d.server.Alarms(ctx) {
		f.Alarms[a.Name] = true
	}
	return f
}

// tellAlarms writes alarms into the log when they begin and when they end,
// until ctx is over.
func (d *desk) tellAlarms(ctx context.Context, log *slog.Logger) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	stood := map[string]bool{}
	for {
		now := map[string]bool{}
		for _, a := range d.server.Alarms(ctx) {
			now[a.Name] = true
			if !stood[a.Name] {
				log.Error("an alarm stands", "alarm", a.Name, "stops", a.Stops)
			}
		}
		for name := range stood {
			if !now[name] {
				log.Warn("an alarm is over", "alarm", name)
			}
		}
		stood = now
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}
