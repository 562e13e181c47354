package localstore

import (
	"fmt"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// redactDue redacts what is marked and stands in a backup.
func (t *tx) redactDue() error {
	rows, err := t.QueryContext(t.ctx, `SELECT entry.at, scope, log.id, body FROM entry JOIN log ON log.n = entry.at >> ?
		WHERE redact = 1 AND entry.at & ? <= log.backup_safe`, seqBits, int64(1<<seqBits-1))
	if err != nil {
		return translate(err)
	}
	defer rows.Close()
	type due struct {
		at   int64
		body []byte
	}
	var all []due
	for rows.Next() {
		var d due
		var scope int64
		var log []byte
		if err := rows.Scan(&d.at, &scope, &log, &d.body); err != nil {
			return translate(err)
		}
		if len(d.body) == 0 {
			d.body = []byte{} // its scope was purged
		} else {
			if d.body, err = t.bare(scope, syncproto.LogID(log), seqOf(d.at), d.body); err != nil {
				return err
			}
		}
		all = append(all, d)
	}
	if err := rows.Err(); err != nil {
		return translate(err)
	}
	for _, d := range all {
		if _, err := t.exec("UPDATE entry SET redact = 0, body = ?, result = x'' WHERE at = ?", d.body, d.at); err != nil {
			return err
		}
	}
	return nil
}

// bare returns the sealed change without secret and operations.
func (t *tx) bare(scope int64, log syncproto.LogID, seq uint64, sealed []byte) ([]byte, error) {
	k := t.s.keys
	plain, err := k.openEntry(scope, "change", log, seq, sealed)
	if err != nil {
		return nil, err
	}
	header, _, _, err := wire.SplitChange(plain)
	if err != nil {
		return nil, fmt.Errorf("change %d: %w: %w", seq, ErrCorrupt, err)
	}
	sk, err := k.of(scope)
	if err != nil {
		return nil, err
	}
	return sk.key.seal(t.s.opt.Rand, entryWhere("change", log, seq), wire.AppendChange(nil, &syncproto.Change{HeaderBytes: header}))
}
