package indicators

import "testing"

// roundOf makes a round of three needs with so many ballots of each of two groups.
func roundOf(women, men int) *Round {
	yes := Pearl{true, true, true, true, true}
	r := &Round{Needs: needs("abc"), Dots: Dots{PerVoter: 3, PerNeed: 2}, Hanlon: []*HanlonScores{{8, 14, 6, &yes}, {5, 18, 7, &yes}, {9, 10, 4, &Pearl{Propriety: true}}},
		Criteria: []Criterion{{Weight: One / 2, Low: One, High: 5 * One}, {Weight: One / 2, Low: One, High: 5 * One, Down: true}}}
	for range women {
		r.Ballots = append(r.Ballots, Ballot{Group: "women", Ranks: []int64{1, 2, 3}, Scores: [][]Micro{{5 * One, 3 * One, One}, {One, 3 * One, 5 * One}}})
	}
	for range men {
		r.Ballots = append(r.Ballots, Ballot{Group: "men", Dots: []int64{0, 1, 2}})
	}
	return r
}

func byMethod(t *testing.T, all []Ranking, method string) Ranking {
	t.Helper()
	for _, x := range all {
		if x.Method == method {
			return x
		}
	}
	t.Fatalf("no ranking by %s", method)
	return Ranking{}
}

// TestSideBySide: every method that has something to go by ranks, and the others
// say what they lack.
func TestSideBySide(t *testing.T) {
	all := roundOf(6, 5).SideBySide("borda")
	for method, order := range map[string]string{"hanlon_opr": "bac", "hanlon_naccho": "bac", "borda": "abc", "pairwise_copeland": "abc", "dot_vote": "cba", "wsum": "abc", "topsis": "abc"} {
		x := byMethod(t, all, method)
		got := ""
		for _, p := range x.Places {
			got += p.Need
		}
		if got != order {
			t.Errorf("%s ranks %q (%s), want %q", method, got, x.Why, order)
		}
	}
	// (8+14)*6, (5+18)*7 and (9+10)*4: the pre-screen is not reckoned in.
	if x := byMethod(t, all, "hanlon_naccho"); x.Places[0].Score != 161*One || x.Places[2].Score != 76*One {
		t.Errorf("NACCHO is %v", x.Places)
	}
	if x := byMethod(t, all, "ahp"); x.Why != NoComparisons {
		t.Errorf("the analytic hierarchy process says %q", x.Why)
	}
	if x := byMethod(t, roundOf(6, 0).SideBySide("ahp"), "ahp"); len(x.Places) != 3 {
		t.Errorf("weights of comparisons rank nothing: %q", x.Why)
	}
	few := roundOf(3, 1).SideBySide("borda")
	for method, why := range map[string]NoRanking{"borda": FewBallots, "pairwise_copeland": FewBallots, "dot_vote": FewBallots, "wsum": FewBallots} {
		if x := byMethod(t, few, method); x.Why != why || len(x.Places) > 0 {
			t.Errorf("%s of few ballots: %q, %d places", method, x.Why, len(x.Places))
		}
	}
	nothing := roundOf(0, 0)
	nothing.Hanlon[1] = nil
	for _, x := range nothing.SideBySide("") {
		if len(x.Places) > 0 || x.Why == "" {
			t.Errorf("%s ranks without anything: %q", x.Method, x.Why)
		}
	}
}

// TestCycleIsShown: a majority without an order is told.
func TestCycleIsShown(t *testing.T) {
	r := roundOf(0, 0)
	for _, ranks := range [][]int64{{1, 2, 3}, {2, 3, 1}, {3, 1, 2}, {1, 2, 3}, {2, 3, 1}, {3, 1, 2}} {
		r.Ballots = append(r.Ballots, Ballot{Group: "women", Ranks: ranks})
	}
	if x := byMethod(t, r.SideBySide(""), "pairwise_copeland"); len(x.Cycles) != 1 || len(x.Cycles[0]) != 3 {
		t.Errorf("cycles are %v", x.Cycles)
	}
}

// TestSmallGroupsAreNotTold: neither by themselves nor by the sum.
func TestSmallGroupsAreNotTold(t *testing.T) {
	for _, x := range []struct {
		women, men         int
		wantWomen, wantMen State
		ranked             int
	}{{6, 5, Shown, Shown, 2}, {6, 4, Hidden, Small, 1}, {3, 4, Small, Small, 0}} {
		groups := roundOf(x.women, x.men).ByGroup()
		ranked := 0
		for _, g := range groups {
			want := x.wantWomen
			if g.Group == "men" {
				want = x.wantMen
			}
			if g.Voted.State != want {
				t.Errorf("%d and %d: %s are %q", x.women, x.men, g.Group, g.Voted.State)
			}
			if len(g.Places) > 0 {
				ranked++
			}
		}
		if ranked != x.ranked {
			t.Errorf("%d and %d: %d groups are ranked", x.women, x.men, ranked)
		}
	}
	wide := &Round{Needs: needs("abcd"), Hanlon: make([]*HanlonScores, 4)}
	for range 5 {
		wide.Ballots = append(wide.Ballots, Ballot{Group: "women", Ranks: []int64{1, 2, 3, 4}}, Ballot{Group: "men", Ranks: []int64{4, 3, 2, 1}})
	}
	if gaps := Gaps(wide.ByGroup()); len(gaps) != 2 || gaps[0].HighRank != 1 || gaps[0].LowRank != 4 {
		t.Errorf("gaps are %+v", gaps)
	}
}
