package merge_test

import (
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/indicators"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// TestCounted looks at an asset on which two people disagreed as the figures see
// it: who wrote it, since when they disagree, and that it counts once, until it is
// deleted or erased.
func TestCounted(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	form, _ := pkg.FormByName("asset")
	field := func(name string) uint32 {
		f, ok := form.FieldByName(name)
		if !ok {
			t.Fatalf("an asset has no %s", name)
		}
		return uint32(f.ID)
	}
	const first, second = 1_770_000_000_000, 1_770_100_000_000
	a, b := syncproto.ChangeID{1}, syncproto.ChangeID{2}
	s := syncproto.NewRecordState(syncproto.RecordID{5})
	s.Form, s.Created, s.Latest = uint32(form.ID), a, b
	s.Versions = map[syncproto.ChangeID]syncproto.VersionMeta{a: {Author: syncproto.PersonID{7}, Time: first}, b: {Author: syncproto.PersonID{8}, Time: second}}
	s.Cells = map[syncproto.CellKey]*syncproto.Cell{
		merge.PresenceCell:           {Candidates: []syncproto.Candidate{{Version: a, Value: syncproto.Bool(true)}}},
		{Field: field("category")}:   {Candidates: []syncproto.Candidate{{Version: a, Value: syncproto.Code("physical")}}},
		{Field: field("condition")}:  {Candidates: []syncproto.Candidate{{Version: a, Value: syncproto.Int(2)}, {Version: b, Value: syncproto.Int(4)}}},
		{Field: 999}:                 {Candidates: []syncproto.Candidate{{Version: a, Value: syncproto.Int(2)}}},
		{Field: field("owner_kind")}: {Candidates: []syncproto.Candidate{{Version: b, Value: syncproto.Code("public")}}},
	}
	r := merge.Counted(pkg, s)
	if r.Form != form || r.Gone || r.ID != (indicators.ID{5}) || r.Version != indicators.ID(b) || r.Made != first || r.Judged.Needed == 0 {
		t.Errorf("it is seen as %+v", r)
	}
	if len(r.Hands) != 2 || r.Hands[0] != (indicators.Hand{Person: indicators.ID{7}, Time: first}) || r.Hands[1].Time != second {
		t.Errorf("the hands are %v", r.Hands)
	}
	if len(r.Conflicts) != 1 || r.Conflicts[0] != (indicators.Conflict{Field: schemas.FieldID(field("condition")), Since: second}) {
		t.Errorf("the conflicts are %v", r.Conflicts)
	}
	settings := indicators.ShippedValues()
	assets := func() int64 {
		c := indicators.Counter{}
		c.Add(indicators.Contribution(merge.Counted(pkg, s)))
		return indicators.Summarise(indicators.ID{}, c, &settings).Assets.Counts[3]
	}
	if assets() != 1 {
		t.Errorf("%d assets", assets())
	}
	s.Cells[merge.PresenceCell].Candidates[0].Value = syncproto.Bool(false)
	if r := merge.Counted(pkg, s); !r.Gone || r.Form == nil || assets() != 0 {
		t.Errorf("deleted, it is seen as %+v", r)
	}
	s.Erased = true
	if r := merge.Counted(pkg, s); r.Form != nil || len(r.Values.Fields) != 0 || len(r.Hands) != 0 {
		t.Errorf("erased, it is seen as %+v", r)
	}
	s.Erased, s.Form = false, 9999
	if r := merge.Counted(pkg, s); r.Form != nil {
		t.Errorf("of an unknown form, it is seen as %+v", r)
	}
}
