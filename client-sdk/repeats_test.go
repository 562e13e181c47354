package clientsdk

import (
	"slices"
	"testing"

	"mahalleh/schemas"
)

// TestRepeatedRecordIsFlagged: two blocks of one code both stand, offline as
// after a sync, and each says that it repeats another until one is gone.
func TestRepeatedRecordIsFlagged(t *testing.T) {
	d, o := newDevice(t), newOffice(t)
	flagged := func(problems []schemas.Problem) bool {
		return slices.ContainsFunc(problems, func(p schemas.Problem) bool { return p.Rule == schemas.RuleRepeated })
	}
	first := d.mustSave(d.begin("block", `{"code": "B01"}`))
	if flagged(first.Problems) {
		t.Error("a single record is flagged")
	}
	second := d.mustSave(d.begin("block", `{"code": "B۰۱"}`))
	if !second.Saved || !flagged(second.Problems) {
		t.Errorf("saved %v, problems %s; want it saved and flagged", second.Saved, sayAll(second.Problems))
	}
	o.sync(d)
	d.restart()
	if !flagged(d.get(first.Record).Problems) || !flagged(d.get(second.Record).Problems) {
		t.Error("after a sync they are not both flagged")
	}
	if _, err := d.Delete(ctx, second.Record, ""); err != nil {
		t.Fatal(err)
	}
	if flagged(d.get(first.Record).Problems) || flagged(d.get(second.Record).Problems) {
		t.Error("still flagged after one was deleted")
	}
}
