package sqlitestore

import (
	"database/sql/driver"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// isAsked tells the walk through the ids that a question asks for.
var isAsked = regexp.MustCompile(`^SCAN (asked|CONSTANT ROW|\d+-ROW VALUES CLAUSE)$`)

// TestQuestionsUseIndexes has SQLite explain every statement of the store: none
// may walk a table that grows with the province, and none may sort one.
func TestQuestionsUseIndexes(t *testing.T) {
	s := newStore(t)
	d := newDevice(1)
	saveAll(t, s, d, 0, 4)
	home := syncproto.ScopeOf(fakeID("place", 1), "plain")
	record, log, dev := recordID(1), d.log, syncproto.DeviceID(fakeID("device", 1))
	calls := map[string]func(tx store.Tx) error{
		"Entry":   func(tx store.Tx) error { _, err := tx.Entry(log, 1); return err },
		"Results": func(tx store.Tx) error { _, err := tx.Results(log, 1, 9); return err },
		"Log":     func(tx store.Tx) error { _, err := tx.Log(log); return err },
		"Logs":    func(tx store.Tx) error { _, err := tx.Logs(dev); return err },
		"Gaps":    func(tx store.Tx) error { _, err := tx.Gaps(log); return err },
		"History": func(tx store.Tx) error { _, err := tx.History(record); return err },
		"Waiting": func(tx store.Tx) error {
			_, err := tx.Waiting([]syncproto.RecordID{record, recordID(2)}, syncproto.Parked)
			return err
		},
		"Changes":       func(tx store.Tx) error { _, err := tx.Changes(make([]syncproto.ChangeID, 100)); return err },
		"RecordsByID":   func(tx store.Tx) error { _, err := tx.RecordsByID(make([]syncproto.RecordID, 9)); return err },
		"Decisions":     func(tx store.Tx) error { _, err := tx.Decisions(fakeID("change", 1)); return err },
		"Page":          func(tx store.Tx) error { _, _, _, _, err := tx.Page(home, 0, store.ToHead, 99); return err },
		"Records":       func(tx store.Tx) error { _, err := tx.Records(store.Filter{Max: 3}); return err },
		"Each":          func(tx store.Tx) error { return tx.Each(home, func(syncproto.RecordID, [16]byte) error { return nil }) },
		"SumAt":         func(tx store.Tx) error { _, err := tx.SumAt(home, 1); return err },
		"DropMark":      func(tx store.Tx) error { return tx.DropMark(home, record) },
		"Grants":        func(tx store.Tx) error { _, err := tx.Grants(fakeID("person", 1)); return err },
		"GrantSerial":   func(tx store.Tx) error { _, err := tx.GrantSerial(); return err },
		"DeviceByNoise": func(tx store.Tx) error { _, err := tx.DeviceByNoise([32]byte{1}); return err },
		"DevicePeople":  func(tx store.Tx) error { _, err := tx.DevicePeople(dev); return err },
		"PlaceByNumber": func(tx store.Tx) error { _, err := tx.PlaceByNumber(1); return err },
		"Audit":         func(tx store.Tx) error { return tx.Audit(store.AuditEntry{Scope: home}) },
		"Audits":        func(tx store.Tx) error { _, err := tx.Audits(home); return err },
		"in scopes": func(tx store.Tx) error {
			_, err := tx.Records(store.Filter{Max: 3, Scopes: []syncproto.ScopeID{home}})
			return err
		},
		"conflicts": func(tx store.Tx) error {
			_, err := tx.Records(store.Filter{Max: 3, Conflicts: true})
			return err
		},
		"conflicts in scopes": func(tx store.Tx) error {
			_, err := tx.Records(store.Filter{Max: 3, Conflicts: true, Scopes: []syncproto.ScopeID{home}})
			return err
		},
		"SetAside": func(tx store.Tx) error { _, err := tx.SetAside(dev, 3); return err },
		"ByOutcome": func(tx store.Tx) error {
			_, err := tx.ByOutcome(syncproto.Quarantined, nil, syncproto.ChangeID{}, 3)
			return err
		},
	}
	for name, call := range calls {
		if err := s.Update(t.Context(), func(tx store.Tx) error { return call(tx) }); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	asked := 0
	for _, sql := range slices.Sorted(maps.Keys(s.writer.stmts)) {
		if !strings.Contains(sql, " WHERE ") && !strings.Contains(sql, "max(") && !strings.Contains(sql, " JOIN ") {
			continue
		}
		asked++
		err := s.writer.each("EXPLAIN QUERY PLAN "+sql, func(r *row) error {
			detail, _ := r.v[3].(string)
			if strings.HasPrefix(detail, "SCAN") && !isAsked.MatchString(detail) || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s\n\t%s", sql, detail)
			}
			return nil
		}, make([]driver.Value, togethers[0]+1)...)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if asked < 20 {
		t.Errorf("only %d statements were looked at", asked)
	}
}
