package dashboard

import (
	"fmt"
	"net/http"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/syncproto"
)

// voted makes a neighbourhood of three needs and a round in which so many of each
// group vote: women for the first, men for the last.
func (k *kit) voted(place uint32, women, men int) (round syncproto.RecordID) {
	k.Helper()
	k.neighbourhood(place, fmt.Sprintf("محلهٔ %d", place))
	yes := schemas.BoolValue(true)
	var needs []schemas.ID
	for i, category := range []string{"livelihood", "health", "leisure"} {
		values := map[string]schemas.Value{"title_fa": schemas.TextValue("نیاز " + category), "category": schemas.CodeValue(category), "affected_count": schemas.IntValue(int64(3 + 10*i)),
			"affected_groups": schemas.CodesValue("all"), "hanlon_a": schemas.IntValue(int64(5 + i)), "hanlon_b": schemas.IntValue(10), "hanlon_c": schemas.IntValue(6)}
		for _, name := range []string{"propriety", "economics", "acceptability", "resources", "legality"} {
			values["pearl_"+name] = yes
		}
		needs = append(needs, schemas.ID(k.write("need", place, values)))
	}
	round = k.write("prioritisation_round", place, map[string]schemas.Value{"method": schemas.CodeValue("borda"), "held_on": day(k.T, "1404/11/20"), "need_ids": schemas.RefsValue(needs...)})
	f, _ := k.forms.FormByName("ballot")
	list, _ := f.FieldByName("choices")
	need, _ := list.FieldByName("need_id")
	rank, _ := list.FieldByName("rank")
	for i := range women + men {
		group, order := "women", []int64{1, 2, 3}
		if i >= women {
			group, order = "men", []int64{3, 2, 1}
		}
		var items []schemas.Item
		for n, id := range needs {
			items = append(items, schemas.Item{ID: schemas.ID{byte(i + 1), byte(n + 1)}, Fields: map[schemas.FieldID]schemas.Value{need.ID: schemas.RefValue(id), rank.ID: schemas.IntValue(order[n])}})
		}
		k.write("ballot", place, map[string]schemas.Value{"round_id": schemas.RefValue(schemas.ID(round)), "voter_token": schemas.TextValue(fmt.Sprintf("voter%05d", i)),
			"voter_group": schemas.CodeValue(group), "choices": schemas.ItemsValue(items)})
	}
	return round
}

// TestNeedsSideBySide: a neighbourhood's needs by each method, how far voters agree,
// and where groups differ; few of anything are not told.
func TestNeedsSideBySide(t *testing.T) {
	k := newKit(t)
	k.voted(102, 7, 5)
	k.voted(103, 7, 2)
	k.voted(105, 2, 1)
	k.catchUp()
	b := k.as(access.Province, "11")
	page := b.get("/needs?place=102")
	k.shows(page, "Borda count", "Hanlon OPR", "Hanlon, NACCHO version", "Pairwise (Copeland)", "Weighted sum", "TOPSIS", "Dot vote", "نیاز livelihood",
		// (5+10)*6/3 and (7+10)*6 of the scores; of 12 ballots W is (7-5)²/12².
		`(30)`, `(102)`, `W is 0.03`, "over 12 ballots", "another round is advised", "ballots: 7", "ballots: 5", "the form keeps no comparisons", "No ranking by:", "&lt;5")
	few := b.get("/needs?place=103")
	k.shows(few, "ballots: &lt;5", "ballots: hidden", "over 9 ballots")
	k.hides(few, "ballots: 2", "ballots: 7")
	none := b.get("/needs?place=105")
	k.shows(none, "fewer than five ballots", "fewer than five ballots; what they say")
	k.hides(none, "Kendall", "ballots: 2", "ballots: 3")
	wide := b.get("/needs?place=11")
	k.shows(wide, `<a href="/needs?place=102">`, "First needs of each neighbourhood")
}

// TestNeedsOfEachRole: rounds are of the neighbourhoods that one sees by itself; a
// forged round shows nothing.
func TestNeedsOfEachRole(t *testing.T) {
	k := newKit(t)
	mine, other := k.voted(102, 6, 6), k.voted(105, 6, 6)
	k.catchUp()
	const yes, no = http.StatusOK, http.StatusNotFound
	for _, x := range []struct {
		role         access.Role
		at           string
		own, other   int
		rounds, wide bool
	}{
		{access.LocalTeam, "102", yes, no, true, false},
		{access.Steering, "102", yes, no, true, false},
		{access.Clinic, "102", yes, no, true, false},
		{access.Facilitator, "102", yes, no, true, false},
		{access.TechnicalManager, "102", yes, no, true, false},
		{access.County, "101", yes, no, true, false},
		{access.Province, "11", yes, yes, true, true},
		{access.National, "1", yes, yes, false, false},
		{"", "", no, no, false, false},
	} {
		b := k.as(x.role, x.at)
		for to, want := range map[string]int{"/needs?place=102": x.own, "/needs?place=105": x.other, "/needs?place=12": no, "/needs?place=x": no} {
			if x.role == access.National && to == "/needs?place=12" {
				want = yes
			}
			if got := b.status(to); got != want {
				t.Errorf("%s: %s: %d, want %d", x.role, to, got, want)
			}
		}
		if x.own != yes {
			continue
		}
		page := b.get("/needs?place=102")
		if x.rounds {
			k.shows(page, "نیاز livelihood", "Kendall")
		} else {
			k.hides(page, "نیاز livelihood", "Kendall", "/neighbourhood/")
		}
		if got := b.status("/needs?place=102&round=" + other.String()); x.rounds && got != no {
			t.Errorf("%s: another place's round: %d", x.role, got)
		}
		if got := b.status("/needs?place=102&round=" + mine.String()); got != yes {
			t.Errorf("%s: the own round: %d", x.role, got)
		}
	}
}

// TestCorrectedBallotCountsOnce: of ballots that correct one another one counts.
func TestCorrectedBallotCountsOnce(t *testing.T) {
	k := newKit(t)
	round := k.voted(102, 6, 0)
	var first syncproto.RecordID
	f, _ := k.forms.FormByName("ballot")
	k.catchUp()
	listed, err := k.report.Records(t.Context(), f.ID, k.placeID(102), syncproto.RecordID{}, 10)
	k.must(err)
	if len(listed) != 6 {
		t.Fatalf("%d ballots", len(listed))
	}
	first = listed[0].Record
	list, _ := f.FieldByName("choices")
	need, _ := list.FieldByName("need_id")
	rank, _ := list.FieldByName("rank")
	lines, err := k.report.Ballots(t.Context(), k.placeID(102), round)
	k.must(err)
	id, err := syncproto.ParseID(lines[0].Need)
	k.must(err)
	item := schemas.Item{ID: schemas.ID{99}, Fields: map[schemas.FieldID]schemas.Value{need.ID: schemas.RefValue(schemas.ID(id)), rank.ID: schemas.IntValue(1)}}
	k.write("ballot", 102, map[string]schemas.Value{"round_id": schemas.RefValue(schemas.ID(round)), "voter_token": schemas.TextValue("voter90000"), "voter_group": schemas.CodeValue("women"),
		"choices": schemas.ItemsValue([]schemas.Item{item}), "corrects_id": schemas.RefValue(schemas.ID(first))})
	k.catchUp()
	k.shows(k.as(access.Province, "11").get("/needs?place=102"), "over 6 ballots")
}
