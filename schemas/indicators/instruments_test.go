package indicators

import (
	"errors"
	"testing"
)

// near compares with a vector that was printed with so many digits.
func near(t *testing.T, what string, got Micro, want Micro, digits int) {
	t.Helper()
	if got.Round(digits) != want {
		t.Errorf("%s is %s, the vector says %s", what, got, want)
	}
}

func micro(f float64) Micro { return rounded(f) }

// The vectors of the domain's section on instruments.
func TestVectors(t *testing.T) {
	c, ok := CapacityOf([]int64{3, 2, 4, 3, 2, 3, 4, 2, 3})
	if !ok {
		t.Fatal("nine scores are a round")
	}
	near(t, "the mean", c.Mean, micro(2.8889), 4)
	near(t, "index100", c.Index100, micro(47.22), 2)
	near(t, "the area", c.Area, micro(0.3244), 4)

	yes := Pearl{true, true, true, true, true}
	for _, v := range []struct {
		a, b, c int64
		pearl   Pearl
		want    float64
	}{{8, 14, 6, yes, 44}, {5, 18, 7, yes, 53.6667}, {9, 10, 4, Pearl{Propriety: true}, 0}} {
		got, ok := HanlonOPR(v.a, v.b, v.c, v.pearl)
		if !ok {
			t.Errorf("%d %d %d are scores", v.a, v.b, v.c)
		}
		near(t, "OPR", got, micro(v.want), 4)
	}
	if got, ok := HanlonNACCHO(8, 7, 6); !ok || got != 132*One {
		t.Errorf("NACCHO is %s", got)
	}

	for _, v := range []struct{ households, sample, errorPermille int64 }{{400, 78, 100}, {1500, 91, 100}, {1500, 110, 90}, {8000, 95, 100}} {
		s := UsualSampling
		s.Error = v.errorPermille
		if got, ok := s.Households(v.households); !ok || got != v.sample {
			t.Errorf("of %d households %d are asked, the vector says %d", v.households, got, v.sample)
		}
	}
	s := UsualSampling
	s.Design = ClusterDesign
	if got, _ := s.Households(1500); got < 115 || got > 120 {
		t.Errorf("with whole blocks %d are asked", got)
	}
}

func needs(ids string) []Need {
	var all []Need
	for _, id := range ids {
		all = append(all, Need{ID: string(id)})
	}
	return all
}

func want(t *testing.T, places []Place, ids string, scores ...float64) {
	t.Helper()
	for i, p := range places {
		if p.Need != string(ids[i]) || p.Rank != i+1 || p.Score.Round(4) != micro(scores[i]).Round(4) {
			t.Errorf("place %d is %+v, not %c with %v", i+1, p, ids[i], scores[i])
		}
	}
}

func TestPriorityVectors(t *testing.T) {
	abcd := needs("abcd")
	want(t, Borda(abcd, [][]int64{{1, 2, 3, 4}, {2, 1, 4, 3}, {1, 2, 1, 3}, {2, 1, 0, 0}}).Places, "abcd", 9.5, 9, 4, 1.5)
	p := Copeland(abcd, [][]int64{{1, 2, 3, 4}, {2, 1, 4, 3}, {1, 3, 2, 4}})
	want(t, p.Places, "abcd", 3, 2, 1, 0)
	if p.Cycles != nil {
		t.Errorf("there is no circle, not %v", p.Cycles)
	}
	// 1.5 for a tie is what equal ranks share.
	w, _, ok := KendallW(4, [][]int64{{1, 2, 3, 4}, {2, 1, 4, 3}, {1, 2, 1, 3}})
	if !ok {
		t.Fatal("three ballots have an agreement")
	}
	near(t, "W", w, micro(0.5632), 4)

	criteria := []Criterion{{Weight: One / 2, Low: 0, High: 10 * One}, {Weight: 3 * One / 10, Low: 0, High: 10 * One}, {Weight: One / 5, Low: 0, High: 10 * One}}
	rows := [][]Micro{{8 * One, 7 * One, 6 * One}, {5 * One, 9 * One, 7 * One}, {9 * One, 5 * One, 4 * One}}
	places, err := WeightedSum(needs("abc"), criteria, rows)
	if err != nil {
		t.Fatal(err)
	}
	want(t, places, "acb", 7.3, 6.8, 6.6)
	if places, err = TOPSIS(needs("abc"), criteria, rows); err != nil {
		t.Fatal(err)
	}
	want(t, places, "acb", 0.6692, 0.5750, 0.4250)

	one := Judgement{1, 1}
	r, err := AHP([][]Judgement{{one, {3, 1}, {5, 1}}, {{1, 3}, one, {2, 1}}, {{1, 5}, {1, 2}, one}})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range []float64{0.6483, 0.2297, 0.1220} {
		near(t, "a weight", r.Weights[i], micro(w), 4)
	}
	near(t, "λ", r.Lambda, micro(3.0037), 4)
	near(t, "CR", r.CR, micro(0.0032), 4)
	if !r.Consistent {
		t.Error("these judgements are consistent")
	}
}

// A majority that runs in a circle is shown as one.
func TestCopelandShowsACircle(t *testing.T) {
	p := Copeland(needs("dabc"), [][]int64{{4, 1, 2, 3}, {4, 3, 1, 2}, {4, 2, 3, 1}})
	if len(p.Cycles) != 1 || len(p.Cycles[0]) != 3 || p.Cycles[0][0] != "a" || p.Cycles[0][1] != "b" || p.Cycles[0][2] != "c" {
		t.Errorf("a beats b, b beats c, c beats a; shown is %v", p.Cycles)
	}
	want(t, p.Places, "abcd", 2, 2, 2, 0)
}

func TestTiesAreBrokenTheSameWay(t *testing.T) {
	all := []Need{{"z", 5}, {"b", 9}, {"a", 9}, {"y", 1}}
	places := Rank(all, []Micro{One, One, One, 2 * One})
	for i, id := range []string{"y", "a", "b", "z"} {
		if places[i].Need != id || places[i].Tied != (i > 0) {
			t.Errorf("place %d is %+v", i+1, places[i])
		}
	}
}

func TestSpoiltBallotsStandAside(t *testing.T) {
	abc := needs("abc")
	for _, v := range []struct {
		name  string
		tally Tally
		why   []Spoilt
	}{
		{"borda", Borda(abc, [][]int64{{1, 2, 3}, {1, 2}, {-1, 1, 2}, {0, 0, 0}}), []Spoilt{SpoiltLength, SpoiltRank, SpoiltNothing}},
		{"forced", ForcedRank(abc, [][]int64{{1, 2, 3}, {1, 1, 2}, {1, 2, 0}, {1, 2, 4}}), []Spoilt{SpoiltRepeated, SpoiltMissing, SpoiltRank}},
		{"nominal", NominalGroup(abc, [][]int64{{1, 0, 2}, {1, 1, 0}, {6, 0, 0}, {0, 0, 0}}), []Spoilt{SpoiltRepeated, SpoiltRank, SpoiltNothing}},
		{"dots", DotVote(abc, [][]int64{{1, 0, 0}, {1, 1, 0}, {3, 0, 0}, {-1, 0, 0}, {0, 0, 0}}, Dots{}), []Spoilt{SpoiltTotal, SpoiltOnOneItem, SpoiltNegative, SpoiltNothing}},
		{"worth", RelativeWorth(abc, [][]int64{{50, 50, 0}, {50, 40, 0}, {60, 50, 0}, {110, -10, 0}}, 100), []Spoilt{SpoiltTotal, SpoiltTotal, SpoiltTotal}},
	} {
		if v.tally.Counted != 1 || len(v.tally.Aside) != len(v.why) {
			t.Fatalf("%s: %+v", v.name, v.tally)
		}
		for i, a := range v.tally.Aside {
			if a.Why != v.why[i] || a.Ballot != i+1 {
				t.Errorf("%s: ballot %d stands aside for %q, not %q", v.name, a.Ballot, a.Why, v.why[i])
			}
		}
	}
}

func TestOtherMethods(t *testing.T) {
	abc := needs("abc")
	want(t, ForcedRank(abc, [][]int64{{1, 2, 3}, {2, 1, 3}, {1, 3, 2}}).Places, "abc", 4, 6, 8)
	want(t, NominalGroup(abc, [][]int64{{1, 2, 0}, {0, 1, 2}}).Places, "bac", 9, 5, 4)
	want(t, DotVote(abc, [][]int64{{2, 0, 0}, {1, 1, 0}}, Dots{PerVoter: 2}).Places, "abc", 3, 1, 0)
	// Two of three groups name a, at 1 and 2 of at most 3: 2/3 · (1 − ½/3).
	want(t, PRM(abc, [][]int64{{1, 2, 3}, {2, 1, 0}, {0, 1, 0}}).Places, "bac", 1-1.0/9, 5.0/9, 1.0/9)
	tally, goesOn := MultiVote(abc, [][]int64{{1, 1, 0}, {1, 0, 0}, {0, 0, 1}, {1, 1, 0}})
	if tally.Counted != 4 || len(goesOn) != 2 || goesOn[0] != "a" || goesOn[1] != "b" {
		t.Errorf("with half of the voters go on: %v", goesOn)
	}
	gaps := GroupGaps(map[string][]Place{"men": Rank(needs("abcd"), []Micro{4, 3, 2, 1}), "women": Rank(needs("abcd"), []Micro{1, 3, 2, 4})})
	if len(gaps) != 2 || gaps[0] != (GroupGap{"a", "men", "women", 1, 4}) || gaps[1] != (GroupGap{"d", "women", "men", 1, 4}) {
		t.Errorf("women and men differ on a and d: %+v", gaps)
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	ab := needs("ab")
	half := []Criterion{{Weight: One / 2, High: One}, {Weight: One / 3, High: One}}
	if _, err := WeightedSum(ab, half, [][]Micro{{0, 0}, {0, 0}}); !errors.Is(err, ErrWeights) {
		t.Errorf("weights that do not add up: %v", err)
	}
	one := []Criterion{{Weight: One, High: One}}
	for _, rows := range [][][]Micro{{{0}}, {{0}, {}}, {{0}, {2 * One}}} {
		if _, err := TOPSIS(ab, one, rows); !errors.Is(err, ErrScores) {
			t.Errorf("%v: %v", rows, err)
		}
	}
	if _, err := WeightedSum(ab, []Criterion{{Weight: One}}, [][]Micro{{0}, {0}}); !errors.Is(err, ErrScores) {
		t.Errorf("a measured value has no scale: %v", err)
	}
	same := Judgement{1, 1}
	for _, m := range [][][]Judgement{nil, {{same, same}}, {{same, {3, 1}}, {{3, 1}, same}}, {{{2, 1}}}, {{{0, 1}}}} {
		if _, err := AHP(m); !errors.Is(err, ErrMatrix) {
			t.Errorf("%v: %v", m, err)
		}
	}
	for _, bad := range [][]int64{{1, 2}, {0, 1, 2}, {1, 6, 2}} {
		if _, ok := CapacityOf(bad); ok {
			t.Errorf("%v is no round", bad)
		}
	}
	if _, ok := HanlonOPR(11, 0, 0, Pearl{}); ok {
		t.Error("11 is no size")
	}
	if _, ok := UsualSampling.Households(0); ok {
		t.Error("nobody lives there")
	}
	if _, ok := Ratio(1, 0); ok {
		t.Error("a ratio with nothing below is not known")
	}
	if _, _, ok := KendallW(3, [][]int64{{1, 1, 1}, {1, 1, 1}}); ok {
		t.Error("voters who prefer nothing have no agreement")
	}
}

func TestCapacityBesides(t *testing.T) {
	if d, flagged := Delta(2, 4); d != 2 || !flagged {
		t.Error("two places up need a second look")
	}
	if d, flagged := Delta(4, 3); d != -1 || flagged {
		t.Error("one place down does not")
	}
	// 1 and 5 half and half: a standard deviation of 2.
	if sd, again, ok := Disagreement([5]int64{4, 0, 0, 0, 4}); sd != 2*One || !again || !ok {
		t.Errorf("sd is %s", sd)
	}
	if sd, again, ok := Disagreement([5]int64{0, 2, 0, 2, 0}); sd != One || again || !ok {
		t.Errorf("sd is %s", sd)
	}
	mean, low, ok := WeightedStrength([]Strength{{4, 1, 2}, {1, 3, 2}})
	if mean != 7*One/4 || !low || !ok {
		t.Errorf("the weighted strength is %s", mean)
	}
	if percent, asset, ok := CHANGE([]int64{3, 3, NotApplicable}); percent != 60*One || asset || !ok {
		t.Errorf("60 %% is a need still: %s", percent)
	}
	if percent, asset, ok := CHANGE([]int64{3, 4}); percent != 70*One || !asset || !ok {
		t.Errorf("%s is an asset", percent)
	}
	if _, _, ok := CHANGE([]int64{NotApplicable}); ok {
		t.Error("nothing was answered")
	}
}

func TestAssetMap(t *testing.T) {
	if m := AssetMapOf([6]int64{3, 3, 3, 3, 3, 3}); m.Evenness != One || m.Coverage != One || m.Total != 18 {
		t.Errorf("an even map is %+v", m)
	}
	if m := AssetMapOf([6]int64{0, 0, 9}); m.Evenness != 0 || m.Covered != 1 || !m.Known {
		t.Errorf("a map of institutions is %+v", m)
	}
	if m := AssetMapOf([6]int64{}); m.Known {
		t.Error("an empty map has no evenness")
	}
	if d, ok := AssetDensity(40, 5000); d != 8*One || !ok {
		t.Errorf("40 for 5,000 is %s", d)
	}
}

func TestUrbanHEART(t *testing.T) {
	known := func(n int64) Measured { return Measured{Whole(n), true} }
	for _, v := range []struct {
		value, target, mean Measured
		up                  bool
		want                Colour
	}{
		{known(8), known(8), known(5), true, Green},
		{known(6), known(8), known(5), true, Yellow},
		{known(4), known(8), known(5), true, Red},
		{known(4), known(8), known(5), false, Green},
		{known(9), known(4), known(9), false, Yellow},
		{known(9), known(4), Measured{}, false, Red},
		{Measured{}, known(8), known(5), true, Blank},
		{known(9), Measured{}, Measured{}, true, Blank},
	} {
		if got := UrbanHEART(v.value, v.target, v.mean, v.up); got != v.want {
			t.Errorf("%+v is %s", v, got)
		}
	}
	gap, ratio, ok := EquityGap([]Micro{2 * One, 8 * One, 5 * One}, true)
	if gap != 6*One || ratio != (Measured{One / 4, true}) || !ok {
		t.Errorf("gap %s, ratio %+v", gap, ratio)
	}
}
