package sqlitestore

import (
	"path/filepath"
	"strings"
	"testing"

	"mahalleh/server/store"
)

// TestCheckFinds damages one thing at a time and looks for it in the report.
func TestCheckFinds(t *testing.T) {
	for _, c := range []struct {
		name, sql, want string
	}{
		{"a damaged state", "UPDATE records SET state = x'00' WHERE form = 3 AND place = (SELECT min(place) FROM records)", "stored bytes are damaged"},
		{"another hash", "UPDATE records SET hash = zeroblob(16) WHERE place = (SELECT min(place) FROM records)", "its hash is not that of its state"},
		{"another form", "UPDATE records SET form = 4 WHERE place = (SELECT min(place) FROM records)", "its columns differ from its state"},
		{"another place", "UPDATE records SET place = place + 1000 WHERE place = (SELECT max(place) FROM records)", "its head is"},
		{"a lost record", "DELETE FROM records WHERE place = (SELECT min(place) FROM records)", "it counts 2 records"},
		{"a lost scope", "DELETE FROM scopes WHERE num = (SELECT min(num) FROM scopes)", "it has records or marks, but is not there"},
		{"another sum", "UPDATE scopes SET sum = zeroblob(16)", "it counts 2 records"},
		{"a lost sum", "DELETE FROM sums", "the sum remembered at its head"},
		{"a mark beyond the head", "INSERT INTO marks (place, record, scope, kind, new_home) SELECT num << 40 | 99, zeroblob(16), num, 1, 0 FROM scopes LIMIT 1", "position 99 is taken"},
		{"a lost change", "DELETE FROM changes WHERE num = 3", "is not there"},
		{"a changed body", "UPDATE changes SET body = (SELECT body FROM changes WHERE num = 2) WHERE num = 3", "its header is that of change"},
		{"a damaged body", "UPDATE changes SET body = x'ff' WHERE num = 3", "its bytes are not those of a change"},
		{"changed operations", "UPDATE changes SET body = CAST(substr(body, 1, length(body) - 1) || x'41' AS BLOB) WHERE num = 3", "its content cannot be read"},
		{"a damaged result", "UPDATE changes SET result = x'ff' WHERE num = 3", "decode result"},
		{"a scope nobody knows", "UPDATE changes SET scope = 99999 WHERE num = 3", "id number 99999"},
		{"another chain", "UPDATE entries SET places = CAST(substr(places, 1, 16) || zeroblob(32) AS BLOB) WHERE first = 4", "chain hash does not follow"},
		{"a lost entry", "DELETE FROM entries WHERE first = 3", "entry 3 is not there"},
		{"a lost last entry", "DELETE FROM entries WHERE first = 6", "entry 6 is not there"},
		{"an entry lost in a run", "UPDATE entries SET places = CAST(substr(places, 1, 48) || substr(places, 97) AS BLOB) WHERE first = 7", "chain hash does not follow"},
		{"an entry lost at a run's end", "UPDATE entries SET places = CAST(substr(places, 1, 96) AS BLOB) WHERE first = 7", "entry 9 is not there"},
		{"two entries of a run exchanged", "UPDATE entries SET places = CAST(substr(places, 49, 48) || substr(places, 1, 48) || substr(places, 97) AS BLOB) WHERE first = 7", "chain hash does not follow"},
		{"a run twice", "INSERT INTO entries (log, first, places) SELECT log, first + 1, places FROM entries WHERE first = 7", "is there twice"},
		{"entries without a log", "DELETE FROM logs", "its log is not there"},
		{"another head", "UPDATE logs SET head = zeroblob(32)", "its head is not the chain hash"},
		{"safe beyond received", "UPDATE logs SET backup_safe = 10", "safe up to 10"},
		{"a changed act", "UPDATE audit SET note = 'nothing' WHERE num = 1", "chain hash does not follow from the acts"},
		{"a lost act", "DELETE FROM audit WHERE num = 1", "chain hash does not follow from the acts"},
		{"an order given twice", "UPDATE changes SET ord = 1", "share their order"},
		{"a counter set back", "UPDATE counters SET ord = 2", "the counter is at 2"},
		{"an index that lies", "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX changes_record ON changes (outcome)' WHERE name = 'changes_record'", "changes_record"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "server.db")
			s := openAt(t, path)
			d := newDevice(1)
			saveAll(t, s, d, 0, 6)
			saveRun(t, s, d, 0, 3)
			err := s.Update(t.Context(), func(tx store.Tx) error {
				for _, act := range []string{"erase", "release"} {
					if err := tx.Audit(store.AuditEntry{Act: act, At: 3, Note: "note"}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if rep := wantSound(t, s); rep.Acts != 2 || rep.Scopes != 3 {
				t.Errorf("before: %+v", rep)
			}
			if err := s.writer.script(c.sql); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openAt(t, path)
			rep, err := s.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, p := range rep.Problems {
				found = found || strings.Contains(p.String(), c.want)
			}
			if !found {
				t.Errorf("got %v, want a problem with %q", rep.Problems, c.want)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDeclaredGap has a log with a lost stretch, which is sound once declared.
func TestDeclaredGap(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	saveAll(t, s, d, 0, 2)
	d.seq += 3
	d.chain[0]++ // nobody knows the headers in between
	saveAll(t, s, d, 2, 4)
	rep, err := s.Check(t.Context())
	if err != nil || len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0].What, "entry 3 is not there") {
		t.Errorf("undeclared: %v, %v", rep.Problems, err)
	}
	for _, g := range []store.Gap{{From: 5, To: 5}, {From: 3, To: 4}} {
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.AddGap(d.log, g) }); err != nil {
			t.Fatal(err)
		}
	}
	wantSound(t, s)
}
