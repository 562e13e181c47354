package hub

import (
	"testing"

	"mahalleh/syncproto/wire"
)

// TestFewOperationsAreOpenedAhead: batches that wait for their turn take memory for
// what they say, not for what it comes to when it is opened.
func TestFewOperationsAreOpenedAhead(t *testing.T) {
	b := &wire.Batch{}
	for range 40 {
		b.Entries = append(b.Entries, wire.BatchEntry{Header: []byte{1}, Ops: make([]byte, maxAhead/16)})
	}
	all := new(Hub).open(b)
	if len(all) != len(b.Entries) {
		t.Fatalf("%d of %d entries", len(all), len(b.Entries))
	}
	done := 0
	for i := range all {
		if all[i].id != b.Entries[i].ID() {
			t.Errorf("entry %d is named %v", i, all[i].id)
		}
		if all[i].done {
			done++
		}
	}
	if done != 16 {
		t.Errorf("%d entries were opened, want 16", done)
	}
}
