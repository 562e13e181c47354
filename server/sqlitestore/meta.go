package sqlitestore

import (
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Meta implements store.MetaReader.
func (r *reader) Meta(key string) (value []byte, err error) {
	err = r.c.one("SELECT value FROM meta WHERE key = ?", func(row *row) error { value = row.blob(); return nil }, key)
	if err != nil {
		return nil, fmt.Errorf("meta %s: %w", key, err)
	}
	return value, nil
}

// PutMeta implements store.MetaWriter.
func (t *tx) PutMeta(key string, value []byte) error {
	err := t.put("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, bytesOrNull(value))
	if err != nil {
		return fmt.Errorf("put meta %s: %w", key, err)
	}
	return nil
}

// Eras implements store.MetaReader.
func (r *reader) Eras() (eras []store.Era, err error) {
	err = r.each("SELECT id, opened FROM eras ORDER BY num", func(row *row) error {
		eras = append(eras, store.Era{ID: row.id(), Opened: row.int()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("eras: %w", err)
	}
	return eras, nil
}

func (r *reader) lastEra() (era store.Era, err error) {
	err = r.c.one("SELECT id, opened FROM eras ORDER BY num DESC LIMIT 1", func(row *row) error {
		era = store.Era{ID: row.id(), Opened: row.int()}
		return nil
	})
	if err != nil {
		return era, fmt.Errorf("last era: %w", err)
	}
	return era, nil
}

// AddEra implements store.MetaWriter.
func (t *tx) AddEra(e store.Era) error {
	t.unsettle()
	if err := t.put("INSERT INTO eras (id, opened) VALUES (?, ?)", e.ID[:], e.Opened); err != nil {
		return fmt.Errorf("add era %s: %w", e.ID, err)
	}
	return nil
}

const logColumns = "SELECT num, device, cert, received, head, backup_safe, last_seen FROM logs "

func (r *reader) scanLog(row *row) (l store.Log, err error) {
	num, device := row.int(), row.int()
	l.Cert = row.blob()
	l.Received, l.Head = uint64(row.int()), row.hash()
	l.BackupSafe, l.LastSeen = uint64(row.int()), row.int()
	id, err := r.idOf(num)
	if err != nil {
		return l, err
	}
	l.ID = id
	id, err = r.idOf(device)
	l.Device = id
	return l, err
}

// Log implements store.LogReader.
func (r *reader) Log(id syncproto.LogID) (l store.Log, err error) {
	num, err := r.numOf(id)
	if err == nil {
		err = r.c.one(logColumns+"WHERE num = ?", func(row *row) error { l, err = r.scanLog(row); return err }, num)
	}
	if err != nil {
		return store.Log{}, fmt.Errorf("log %s: %w", id, err)
	}
	return l, nil
}

// Logs implements store.LogReader.
func (r *reader) Logs(device syncproto.DeviceID) (logs []store.Log, err error) {
	add := func(row *row) error {
		l, err := r.scanLog(row)
		logs = append(logs, l)
		return err
	}
	if device.IsZero() {
		err = r.each(logColumns+"ORDER BY num", add)
	} else {
		num, nerr := r.numOf(device)
		if isNotFound(nerr) {
			return nil, nil
		}
		if err = nerr; err == nil {
			err = r.each(logColumns+"WHERE device = ? ORDER BY num", add, num)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	return logs, nil
}

// PutLog implements store.LogWriter.
func (t *tx) PutLog(l store.Log) error {
	num, err := t.intern(l.ID)
	if err != nil {
		return fmt.Errorf("put log %s: %w", l.ID, err)
	}
	device, err := t.intern(l.Device)
	if err == nil {
		err = t.put(`INSERT INTO logs (num, device, cert, received, head, backup_safe, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (num) DO UPDATE SET device = excluded.device, cert = excluded.cert, received = excluded.received,
				head = excluded.head, backup_safe = excluded.backup_safe, last_seen = excluded.last_seen`,
			num, device, bytesOrNull(l.Cert), int64(l.Received), l.Head[:], int64(l.BackupSafe), l.LastSeen)
	}
	if err != nil {
		return fmt.Errorf("put log %s: %w", l.ID, err)
	}
	return nil
}

// Gaps implements store.LogReader.
func (r *reader) Gaps(log syncproto.LogID) (gaps []store.Gap, err error) {
	num, err := r.numOf(log)
	if isNotFound(err) {
		return nil, nil
	}
	if err == nil {
		err = r.each("SELECT first, last FROM gaps WHERE log = ? ORDER BY first", func(row *row) error {
			gaps = append(gaps, store.Gap{From: uint64(row.int()), To: uint64(row.int())})
			return nil
		}, num)
	}
	if err != nil {
		return nil, fmt.Errorf("gaps of log %s: %w", log, err)
	}
	return gaps, nil
}

// AddGap implements store.LogWriter.
func (t *tx) AddGap(log syncproto.LogID, g store.Gap) error {
	num, err := t.intern(log)
	if err == nil {
		err = t.put("INSERT INTO gaps (log, first, last) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", num, int64(g.From), int64(g.To))
	}
	if err != nil {
		return fmt.Errorf("add gap to log %s: %w", log, err)
	}
	return nil
}
