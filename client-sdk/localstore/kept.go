package localstore

import (
	"crypto/sha256"
	"fmt"

	"mahalleh/syncproto"
)

// keptScope holds own changes of scopes that were taken away, until a verified
// backup of the server holds them. It is nobody's scope: nothing of it is shown,
// and the server never hears of it.
var keptScope = func() (id syncproto.ScopeID) {
	sum := sha256.Sum256([]byte("mahalleh kept changes 1\n"))
	copy(id[:], sum[:])
	return id
}()

// isKept says whether the changes of a scope's row are kept and not shown.
func (k *keyring) isKept(scope int64) bool {
	sk := k.scopes[scope]
	return sk != nil && sk.id == keptScope
}

// keepUnsafe takes own changes of a scope that is being dropped, and that no
// verified backup is known to hold, out of it: a server put back from an older
// backup must get them again. What the server told of them goes.
func (t *tx) keepUnsafe(sk *scopeKey) error {
	rows, err := t.QueryContext(t.ctx, `SELECT at, log.id, body FROM entry JOIN log ON log.n = entry.at >> ?
		WHERE scope = ? AND length(body) > 0 AND entry.at & ? > log.backup_safe`, seqBits, sk.n, int64(1<<seqBits-1))
	if err != nil {
		return translate(err)
	}
	defer rows.Close()
	type unsafe struct {
		at   int64
		log  syncproto.LogID
		body []byte
	}
	var all []unsafe
	for rows.Next() {
		var e unsafe
		var log []byte
		if err := rows.Scan(&e.at, &log, &e.body); err != nil {
			return translate(err)
		}
		copy(e.log[:], log)
		all = append(all, e)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		return translate(err)
	}
	kept, err := t.scope(keptScope)
	if err != nil {
		return err
	}
	for _, e := range all {
		where := entryWhere("change", e.log, seqOf(e.at))
		plain, err := sk.key.open(where, e.body)
		if err != nil {
			return fmt.Errorf("change %d of log %v: %w", seqOf(e.at), e.log, err)
		}
		body, err := kept.key.seal(t.s.opt.Rand, where, plain)
		if err != nil {
			return err
		}
		if _, err := t.exec("UPDATE entry SET scope = ?, body = ?, result = x'', overlay = 0 WHERE at = ?", kept.n, body, e.at); err != nil {
			return err
		}
	}
	return nil
}

// dropKept empties what keepUnsafe kept and a backup now holds.
func (t *tx) dropKept() error {
	if t.s.keys.byID[keptScope] == nil {
		return nil
	}
	_, err := t.exec(`UPDATE entry SET body = x'', result = x'', overlay = 0, redact = 0 WHERE scope = ? AND length(body) > 0
		AND at & ? <= (SELECT backup_safe FROM log WHERE log.n = entry.at >> ?)`, t.s.keys.byID[keptScope].n, int64(1<<seqBits-1), seqBits)
	return err
}
