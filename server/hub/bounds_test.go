package hub_test

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// names makes versions that nobody knows.
func names(n, from int) []syncproto.ChangeID {
	ids := make([]syncproto.ChangeID, n)
	for i := range ids {
		h := sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(from+i)))
		ids[i] = syncproto.ChangeID(h[:16])
	}
	return syncproto.SortIDs(ids)
}

// A change may not make of a record what nobody can read back, or no line can
// carry: its whole scope would stand still for everybody.
func TestRecordIsBounded(t *testing.T) {
	unknown := names(4096, 0)
	tests := []struct {
		name string
		ops  func(change int) []syncproto.Op
		want []syncproto.Outcome
	}{
		{"names of versions nobody knows", func(int) []syncproto.Op {
			var ops []syncproto.Op
			for f := range uint32(24) {
				ops = append(ops, syncproto.Op{Kind: syncproto.OpSet, Field: 1000 + f, Names: unknown, Value: syncproto.Int(1)})
			}
			return ops
		}, []syncproto.Outcome{syncproto.Quarantined}},
		{"fields of no form, filled up", func(change int) []syncproto.Op {
			return []syncproto.Op{{Kind: syncproto.OpSet, Field: uint32(1000 + change), Value: syncproto.Text(strings.Repeat("پر", 50_000))}}
		}, []syncproto.Outcome{syncproto.Applied, syncproto.Applied, syncproto.Quarantined}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			a, c := b.phone(1, "facilitator"), b.phone(2, "facilitator")
			s := syncproto.NewRecordState(syncproto.RecordID{9})
			a.save(s, newAsset("سالن"))
			a.mustPush(1)
			for i, want := range tt.want {
				before := len(a.log)
				a.write(syncproto.VerbEdit, b.record(s.Record).State, b.scope("plain"), tt.ops(i))
				got, err := a.push(uint64(before + 1))
				if err != nil {
					t.Fatalf("change %d: %v", i, err)
				}
				same(t, outcomes(got), []syncproto.Outcome{want})
				if r := got.Results[0].Result.Reason; want == syncproto.Quarantined && r != syncproto.ReasonTooLarge {
					t.Errorf("reason %d, want that the record would be too large", r)
				}
			}
			// Everybody goes on working on it.
			c.save(b.record(s.Record).State, newAsset("سالن ورزش"))
			same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Applied})
			if err := b.store.View(b.ctx, func(r store.Reader) error {
				rows, _, _, _, err := r.Page(b.scope("plain"), 0, store.ToHead, 1<<20)
				if len(rows) != 1 {
					t.Errorf("%d records in the scope's page, want 1", len(rows))
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What a change says that is only set aside is bounded too.
func TestWithheldNamesAreBounded(t *testing.T) {
	b := newBench(t)
	a, c := b.phone(1, "facilitator"), b.phone(2, "local_team")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	var hostile []syncproto.Op
	for f := range uint32(24) {
		hostile = append(hostile, syncproto.Op{Kind: syncproto.OpSet, Field: 1000 + f, Names: names(4096, 0), Value: syncproto.Int(1)})
	}
	bad := c.write(syncproto.VerbEdit, b.record(s.Record).State, b.scope("plain"), hostile)
	var seen []syncproto.Op
	for f := range uint32(24) {
		seen = append(seen, syncproto.Op{Kind: syncproto.OpSet, Field: 1000 + f, Names: []syncproto.ChangeID{bad.ID}, Value: syncproto.Int(2)})
	}
	a.write(syncproto.VerbEdit, b.record(s.Record).State, b.scope("plain"), seen)
	a.mustPush(2)
	same(t, outcomes(c.mustPush(1)), []syncproto.Outcome{syncproto.Quarantined})
	if !merge.Alive(b.record(s.Record).State) {
		t.Fatal("the record is gone")
	}
}
