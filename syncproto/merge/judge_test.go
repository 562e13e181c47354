package merge_test

import (
	"testing"

	"mahalleh/schemas/forms"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// A supervisor may release a change whose only fault is a value. So a fault
// that nobody may pass over is named first, wherever it stands.
func TestJudgeNamesTheWorstFault(t *testing.T) {
	pack, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	form, _ := pack.FormByName("asset")
	field := func(name string) uint32 {
		f, ok := form.FieldByName(name)
		if !ok {
			t.Fatalf("no field %q", name)
		}
		return uint32(f.ID)
	}
	badValue := syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: field("condition"), Value: syncproto.Int(99)}
	good := syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: field("title_fa"), Value: syncproto.Text("سالن")}
	tests := []struct {
		name string
		ops  []syncproto.Op
		want syncproto.Reason
	}{
		{"nothing", []syncproto.Op{good}, syncproto.ReasonNone},
		{"a value", []syncproto.Op{badValue, good}, syncproto.ReasonBadValue},
		{"a value, then a type", []syncproto.Op{badValue, {Kind: syncproto.OpSet, Field: field("title_fa"), Value: syncproto.Int(1)}}, syncproto.ReasonBadType},
		{"a value, then a shape", []syncproto.Op{badValue, {Kind: syncproto.OpMove, Field: syncproto.FieldHome, Value: syncproto.Int(1)}}, syncproto.ReasonMalformed},
		{"a value, then a cell twice", []syncproto.Op{badValue, good, good}, syncproto.ReasonMalformed},
		{"a value, then an unknown kind", []syncproto.Op{badValue, {Kind: 99, Critical: true, Field: 50}}, syncproto.ReasonTooNew},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ch := &syncproto.Change{Ops: tt.ops, Header: syncproto.Header{Verb: syncproto.VerbEdit, Form: uint32(form.ID), Package: uint32(pack.Version), Scope: syncproto.ScopeID{1}}}
			if got, cell := merge.Judge(pack, ch); got != tt.want {
				t.Errorf("reason %d in %v, want %d", got, cell, tt.want)
			}
		})
	}
}
