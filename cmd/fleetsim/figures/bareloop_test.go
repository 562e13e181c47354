package figures

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"mahalleh/schemas/forms"
	"mahalleh/syncproto/prototest/corpus"
	"mahalleh/syncproto/wire"
)

// The yardstick stores what it is given: each record once, each change.
func TestBareLoopStoresRecordsOnceAndEveryChange(t *testing.T) {
	b, err := newBareLoop(t.Context(), filepath.Join(t.TempDir(), "bare.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	rows := []bareRow{
		{record: [16]byte{1}, device: 1, seq: 1, body: []byte("a")},
		{record: [16]byte{2}, device: 1, seq: 2, body: []byte("b")},
		{record: [16]byte{1}, device: 2, seq: 1, body: []byte("c")},
	}
	if _, err := b.write(t.Context(), rows, 2); err != nil {
		t.Fatal(err)
	}
	var records, changes int
	var body string
	err = b.conn.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM changes), body FROM records WHERE id = ?",
		rows[0].record[:]).Scan(&records, &changes, &body)
	if err != nil {
		t.Fatal(err)
	}
	if records != 2 || changes != 3 || body != "c" {
		t.Errorf("%d records, %d changes, the first is %q; want 2, 3, c", records, changes, body)
	}
}

func TestRecordJSONIsCompactAndHasTheFieldsByName(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	made, err := corpus.Changes(1, corpus.Measured(), 20, wire.NewChange)
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range made {
		if !ch.Header.Base.IsZero() {
			continue
		}
		got, err := recordJSON(pkg, ch)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(got) || bytes.ContainsAny(got, "\n") {
			t.Errorf("not compact JSON: %s", got)
		}
	}
}
