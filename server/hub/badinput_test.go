package hub_test

import (
	"testing"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Two committees decide on one dossier at once, neither knowing of the other: the
// server's order decides. The second step is not taken, its author is told that
// somebody stepped first and sees the state that stands; both decisions and everything
// else that was written stay.
func TestTwoCommitteesDecideAtOnce(t *testing.T) {
	b := newBench(t)
	p, county, province := b.phone(1, "facilitator"), b.phone(2, "county"), b.phone(3, "province")
	s := p.make(9, "dossier", values{"status": code("assigned")})
	p.mustPush(1)
	seen := b.record(s.Record).State

	first := county.decide(20, "assign_task", seen, values{"text": schemas.TextValue("تا پایان سیل متوقف بماند.")})
	suspends := county.fill("dossier", seen.Clone(), values{"status": code("suspended")})
	second := province.decide(21, "assign_task", seen, values{"text": schemas.TextValue("این محله از طرح بیرون می‌رود.")})
	cancels := province.fill("dossier", seen.Clone(), values{"status": code("cancelled"), "reviewed_on": schemas.DateValue(20_500)})
	county.mustPush(1)
	province.mustPush(1)

	if got := b.stateOf("dossier", s.Record); got != "suspended" {
		t.Errorf("the dossier is %q, want what came first", got)
	}
	if res := b.row(suspends.ID).Result; res.Outcome != syncproto.Applied {
		t.Errorf("the first is told %+v", res)
	}
	field := fieldOfForm(t, b, "dossier", "status")
	told := false
	for _, c := range b.row(cancels.ID).Result.Cells {
		told = told || c.Cell.Field == field && c.Reason == syncproto.ReasonNotCurrent
	}
	if !told {
		t.Errorf("the second is told %+v, want that its step is not current", b.row(cancels.ID).Result)
	}
	if v, _ := b.held(s.Record, fieldOfForm(t, b, "dossier", "reviewed_on")); v == (syncproto.Value{}) {
		t.Error("what else the second wrote is gone")
	}
	for _, d := range []*syncproto.RecordState{first, second} {
		if !b.record(d.Record).State.Exists() {
			t.Errorf("decision %s is gone", d.Record)
		}
	}

	// With the state that stands before them, the second decides again, and is heard.
	province.fill("dossier", b.record(s.Record).State, values{"status": code("cancelled")})
	province.mustPush(uint64(len(province.log)))
	if got := b.stateOf("dossier", s.Record); got != "cancelled" {
		t.Errorf("decided again, the dossier is %q", got)
	}
}
