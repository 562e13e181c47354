package localstore

import (
	"strings"
	"testing"

	"mahalleh/syncproto"
)

// What is asked at every form must not read through all that is listed.
func TestPeersAreFoundByTheirKeys(t *testing.T) {
	b := newBox(t)
	rows, err := b.index.db.Query("EXPLAIN QUERY PLAN "+peersQuery(2), plain[:], []byte{1}, []byte{}, []byte{2}, []byte{3}, 1)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var n, parent, unused int
		var detail string
		check(t, rows.Scan(&n, &parent, &unused, &detail))
		if strings.HasPrefix(detail, "SCAN row") || strings.HasPrefix(detail, "SCAN peer") {
			t.Error(detail)
		}
	}
	check(t, rows.Err())
}

// What is asked at every contact must not read through all that was ever saved.
func TestQueriesDoNotScanTheLog(t *testing.T) {
	b, f := newBox(t), newServer(t)
	id := b.newRecord()
	for range 30 {
		b.save(id, formPlace, plain, map[uint32]syncproto.Value{10: text("الف")})
	}
	f.sync(b, plain)
	for _, c := range []struct {
		name, query string
		args        []any
		by          string // how the entries are to be found
	}{
		{"reached", "SELECT DISTINCT record FROM entry WHERE overlay = 1 AND res_scope = ? AND res_position BETWEEN 1 AND ? AND " + outcomeInState, []any{plain[:], 1}, "entry_overlay"},
		{"caught up", "UPDATE entry SET overlay = 0 WHERE overlay = 1 AND res_position = 0 AND " + outcomeInState, nil, "entry_overlay"},
		{"results from", "SELECT (SELECT min(at) FROM entry WHERE at > log.n << ?1 AND at < (log.n + 1) << ?1 AND outcome = 0 AND length(body) > 0) FROM log", []any{seqBits}, "entry_untold"},
		{"redact", "SELECT entry.at FROM entry JOIN log ON log.n = entry.at >> ? WHERE redact = 1 AND entry.at & ? <= log.backup_safe", []any{seqBits, 1}, "entry_redact"},
		{"to index", "SELECT record FROM entry WHERE overlay = 1", nil, "entry_overlay"},
		{"unsettled", "SELECT change FROM entry WHERE " + outcomeAside + " ORDER BY at LIMIT ? OFFSET ?", []any{1, 1}, "entry_aside"},
		{"left", "SELECT record FROM shadow WHERE " + goneWaiting, nil, "shadow_left"},
		{"result", "SELECT at FROM entry WHERE change = ?", []any{id[:]}, "entry_change"},
		{"record", "SELECT at FROM entry WHERE record = ? ORDER BY at", []any{id[:]}, "entry_record"},
		{"pending in a scope", "SELECT count(*) " + fromPending + " AND +entry.scope = ?2", []any{seqBits, 1}, "INTEGER PRIMARY KEY"},
		{"queue", "SELECT sum(size) " + fromPending + " AND length(body) > 0", []any{seqBits}, "INTEGER PRIMARY KEY"},
	} {
		rows, err := b.db.write.Query("EXPLAIN QUERY PLAN "+c.query, c.args...)
		check(t, err)
		for rows.Next() {
			var n, parent, unused int
			var detail string
			check(t, rows.Scan(&n, &parent, &unused, &detail))
			if (strings.Contains(detail, " entry") || strings.Contains(detail, " shadow")) && !strings.Contains(detail, c.by) {
				t.Errorf("%s: %s, want it found by %s", c.name, detail, c.by)
			}
		}
		check(t, rows.Err())
		rows.Close()
	}
}
