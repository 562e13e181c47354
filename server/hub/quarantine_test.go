package hub_test

import (
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// A bad value does not hide that its author may not write there: whoever
// releases it would let in a move into a scope that the author never had.
func TestBadValueDoesNotHideWhatIsForbidden(t *testing.T) {
	tests := []struct {
		name, role string
		move       string
		want       syncproto.Reason
	}{
		{"an author who may", "facilitator", "", syncproto.ReasonBadValue},
		{"an author who may not", "local_team", "", syncproto.ReasonForbidden},
		{"a move where the author may not", "steering", "harm", syncproto.ReasonForbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			a, c := b.phone(1, "facilitator"), b.phone(2, tt.role)
			s := syncproto.NewRecordState(syncproto.RecordID{9})
			a.save(s, newAsset("سالن"))
			a.mustPush(1)
			seen := b.record(s.Record).State
			form, _ := b.forms.FormByName("asset")
			f, _ := form.FieldByName("condition")
			ops := []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: uint32(f.ID), Value: syncproto.Int(99)}, merge.Presence(seen, c.person, true, false)}
			if tt.move != "" {
				ops = append(ops, merge.MoveOp(seen, b.scope(tt.move)))
			}
			c.write(syncproto.VerbEdit, seen, b.scope("plain"), ops)
			got := c.mustPush(1)
			same(t, outcomes(got), []syncproto.Outcome{syncproto.Quarantined})
			if r := got.Results[0].Result.Reason; r != tt.want {
				t.Errorf("reason %d, want %d", r, tt.want)
			}
		})
	}
}

// A change that calls the record another form's would pass by the rules of the
// form that it has.
func TestChangeOfAnotherFormIsSetAside(t *testing.T) {
	b := newBench(t)
	a := b.phone(1, "facilitator")
	s := syncproto.NewRecordState(syncproto.RecordID{9})
	a.save(s, newAsset("سالن"))
	a.mustPush(1)
	seen := b.record(s.Record).State
	form, _ := b.forms.FormByName("asset")
	f, _ := form.FieldByName("condition")
	text := syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: uint32(f.ID), Value: syncproto.Text("خوب")}
	ch, err := wire.NewChange(syncproto.Header{Verb: syncproto.VerbEdit, Record: s.Record, Form: 4711, Package: 1, Scope: b.scope("plain"), OriginLog: a.cert.Log,
		OriginSeq: 2, Base: seen.Latest, Author: a.person, Role: 10, Time: b.clock}, [16]byte{1}, []syncproto.Op{text})
	if err != nil {
		t.Fatal(err)
	}
	a.log = append(a.log, ch)
	same(t, outcomes(a.mustPush(2)), []syncproto.Outcome{syncproto.Quarantined})
}
