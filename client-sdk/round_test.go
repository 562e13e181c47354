package clientsdk

import (
	"fmt"
	"testing"

	"mahalleh/syncproto"
)

const householdAnswers = `"consent": true, "respondent_sex": "female", "respondent_age_band": "30-44", "respondent_relation": "head", "size": 3, "children_u18": 1,
	"elders_60": 0, "disabled": 0, "women_headed": false, "perceived_needs": [{"rank": 1, "category": "health"}], "willing_to_participate": true`

// TestSurveyRound walks two blocks: the number counts up in its block, nobody at
// home waits as a draft and is asked later under its number, who refuses counts
// apart, and the quota is parted by the blocks' households.
func TestSurveyRound(t *testing.T) {
	d := newDevice(t)
	place := d.Person().Place
	near := d.record("block", `{"code": "B02", "households": 30, "walk_order": 1}`)
	far := d.record("block", `{"code": "B01", "households": 60}`)
	campaign := d.record("survey_campaign", `{"sampling": "random_blocks", "target_n": 10, "questionnaire_version": "1", "opens_on": "2026-11-01"}`)
	d.record("survey_campaign", `{"sampling": "census", "target_n": 500, "questionnaire_version": "0", "closes_on": "2026-10-01"}`)
	round := func() Round {
		t.Helper()
		r, err := d.Round(ctx, place)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	next := func(block syncproto.RecordID, want int) *Draft {
		t.Helper()
		x, err := d.NextHousehold(ctx, place, block)
		if err != nil {
			t.Fatal(err)
		}
		if no, _ := x.Value(householdNo); no.Int() != int64(want) {
			t.Errorf("number %d, want %d", no.Int(), want)
		}
		if of, _ := x.Value(householdOf); syncproto.RecordID(of.Ref()) != campaign {
			t.Error("it does not belong to the campaign that is open")
		}
		return x
	}
	answer := func(x *Draft) {
		t.Helper()
		if err := x.SetJSON([]byte("{" + householdAnswers + "}")); err != nil {
			t.Fatal(err)
		}
		d.mustSave(x)
	}
	r := round()
	if len(r.Blocks) != 2 || r.Blocks[0].Code != "B02" || r.Blocks[0].Quota != 3 || r.Blocks[1].Quota != 7 || r.Target != 10 || r.Campaign != campaign {
		t.Fatalf("the round begins as %+v", r)
	}
	answer(next(near, 1))
	if err := next(near, 2).Autosave(ctx); err != nil { // nobody opens
		t.Fatal(err)
	}
	refused, err := next(near, 3).Refuse(ctx)
	if err != nil || !refused.Saved {
		t.Fatalf("refused: %+v, %v", refused, err)
	}
	begun := next(near, 4)
	d.set(begun, "consent", "true")
	if err := begun.Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	next(far, 1)
	d.restart()
	b := round().Blocks[0]
	if b.Answered != 1 || b.Refused != 1 || b.Next != 5 || b.Left() != 2 || len(b.NotHome) != 1 || b.NotHome[0].Number != 2 || len(b.Begun) != 1 || b.Begun[0].Number != 4 {
		t.Fatalf("the block stands as %+v", b)
	}
	// Somebody opens at the second visit.
	again, err := d.OpenDraft(ctx, b.NotHome[0].Draft)
	if err != nil {
		t.Fatal(err)
	}
	answer(again)
	// A refusal that was recorded by mistake is taken back.
	if _, err := d.Delete(ctx, refused.Record, "اشتباه"); err != nil {
		t.Fatal(err)
	}
	if r := round(); r.Answered != 2 || r.Refused != 0 || len(r.Blocks[0].NotHome) != 0 {
		t.Errorf("after the second visit %+v", r)
	}
}

// TestQuotaWithoutCampaign: before a campaign is recorded the province's target
// holds; blocks that nobody counted share alike, and nobody is asked twice.
func TestQuotaWithoutCampaign(t *testing.T) {
	for _, x := range []struct {
		households []int
		target     int
		all        bool
		want       []int
	}{
		{[]int{0, 0, 0}, 10, false, []int{4, 3, 3}},
		{[]int{30, 0, 60}, 9, false, []int{3, 3, 3}},
		{[]int{10, 20, 70}, 10, false, []int{1, 2, 7}},
		{[]int{2, 2}, 100, false, []int{2, 2}},
		{[]int{5, 7}, 3, true, []int{5, 7}},
		{nil, 10, false, nil},
	} {
		var blocks []RoundBlock
		for _, n := range x.households {
			blocks = append(blocks, RoundBlock{Households: n})
		}
		share(blocks, x.target, x.all)
		for i := range blocks {
			if blocks[i].Quota != x.want[i] {
				t.Errorf("%d over %v: %+v, want %v", x.target, x.households, blocks, x.want)
				break
			}
		}
	}
	d := newDevice(t)
	d.record("block", `{"code": "B01"}`)
	r, err := d.Round(ctx, d.Person().Place)
	if err != nil || r.Target != 90 || r.Blocks[0].Quota != 90 || !r.Campaign.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := d.NextHousehold(ctx, d.Person().Place, syncproto.RecordID{1}); err == nil {
		t.Error("a household of a block that is not there is begun")
	}
}

// BenchmarkRound reads the round of a neighbourhood with 1,500 households asked.
func BenchmarkRound(b *testing.B) {
	d := newDevice(b)
	var blocks []syncproto.RecordID
	for n := range 12 {
		blocks = append(blocks, d.record("block", fmt.Sprintf(`{"code": "B%02d", "households": 125}`, n+1)))
	}
	for n := range 1500 {
		d.record("household_response", fmt.Sprintf(`{"block_id": %q, "household_no": %d, %s}`, blocks[n%12], n/12+1, householdAnswers))
	}
	for b.Loop() {
		if _, err := d.Round(ctx, d.Person().Place); err != nil {
			b.Fatal(err)
		}
	}
}
