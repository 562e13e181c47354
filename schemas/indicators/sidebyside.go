package indicators

import "slices"

// Round is one prioritisation as its records have it: needs, what was scored of
// each, and the ballots. What stands beside the needs is in their order.
type Round struct {
	Needs []Need
	// Hanlon are the scores of each need, nil for one that was not scored.
	Hanlon  []*HanlonScores
	Ballots []Ballot
	Dots    Dots
	// Criteria are weighed, and Scores are a need's for each of them, the means of
	// the ballots.
	Criteria []Criterion
}

// HanlonScores are a need's, on the scales of the form of needs: A 0-10, B 0-20, C
// 0-10. Pearl is nil where an answer is missing.
type HanlonScores struct {
	A, B, C int64
	Pearl   *Pearl
}

// Ballot is what one voter said of the needs of a round.
type Ballot struct {
	Group string
	// Ranks and Dots are as the methods take them, nil where the ballot has none;
	// Scores are by criterion and need.
	Ranks, Dots []int64
	Scores      [][]Micro
}

// Ranking is what a method makes of a round.
type Ranking struct {
	// Method is its code in the list PRIOMETHOD.
	Method string
	// Places are empty where the method has nothing to go by, and Why says so.
	Places []Place
	Why    NoRanking
	// Counted and Aside are of the ballots.
	Counted int
	Aside   []Aside
	// Cycles are those of Copeland.
	Cycles [][]string
}

// NoRanking says why a method gives no ranking.
type NoRanking string

// Why a method gives no ranking.
const (
	// NoScores: a need was not scored, or a criterion by nobody.
	NoScores NoRanking = "no_scores"
	// NoBallots: no ballot of the kind that the method counts.
	NoBallots NoRanking = "no_ballots"
	// FewBallots: so few that a voter could be recognised.
	FewBallots NoRanking = "few_ballots"
	// NoComparisons: the form keeps weights, not the comparisons they came from.
	NoComparisons NoRanking = "no_comparisons"
)

// SideBySide ranks a round's needs by each method that a committee compares, as far
// as there is something to go by. Ballots of dots are read as rankings too: more
// dots stand before fewer, none is not ranked. method is that of the round itself:
// only if it was the analytic hierarchy process are its weights known to come from
// comparisons.
func (r *Round) SideBySide(method string) []Ranking {
	all := []Ranking{r.hanlon("hanlon_opr"), r.hanlon("hanlon_naccho")}
	ranks := r.Ranks("")
	borda, copeland := Borda(r.Needs, ranks), Copeland(r.Needs, ranks)
	all = append(all, voted("borda", borda), voted("pairwise_copeland", copeland.Tally))
	if all[len(all)-1].Why == "" {
		all[len(all)-1].Cycles = copeland.Cycles
	}
	var dots [][]int64
	for _, b := range r.Ballots {
		if b.Dots != nil {
			dots = append(dots, b.Dots)
		}
	}
	all = append(all, voted("dot_vote", DotVote(r.Needs, dots, r.Dots)))
	sum, near := r.byCriteria()
	process := Ranking{Method: "ahp", Why: NoComparisons}
	if method == process.Method {
		process = sum
		process.Method = "ahp"
	}
	return append(all, process, sum, near)
}

// voted is the ranking of a vote; few ballots are not told.
func voted(method string, t Tally) Ranking {
	switch {
	case t.Counted == 0:
		return Ranking{Method: method, Why: NoBallots, Aside: t.Aside}
	case t.Counted < SmallCount:
		return Ranking{Method: method, Why: FewBallots}
	}
	return Ranking{Method: method, Places: t.Places, Counted: t.Counted, Aside: t.Aside}
}

// Ranks are the ballots of a group, "" for all, as rankings.
func (r *Round) Ranks(group string) [][]int64 {
	var all [][]int64
	for _, b := range r.Ballots {
		switch {
		case group != "" && b.Group != group:
		case b.Ranks != nil:
			all = append(all, b.Ranks)
		case b.Dots != nil:
			all = append(all, ranksOfDots(b.Dots))
		}
	}
	return all
}

func ranksOfDots(dots []int64) []int64 {
	ranks := make([]int64, len(dots))
	for i, n := range dots {
		if n <= 0 {
			continue
		}
		ranks[i] = 1
		for _, other := range dots {
			if other > n {
				ranks[i]++
			}
		}
	}
	return ranks
}

func (r *Round) hanlon(method string) Ranking {
	scores := make([]Micro, len(r.Needs))
	for i := range r.Needs {
		x, ok := r.Hanlon[i], false
		switch {
		case x == nil:
		case method == "hanlon_opr":
			if x.Pearl != nil {
				scores[i], ok = HanlonOPR(x.A, x.B, x.C, *x.Pearl)
			}
		default:
			// Its B is asked from 0 to 10 and counts twice; ours is asked from 0 to 20.
			if ok = within(x.A, 0, 10) && within(x.B, 0, 20) && within(x.C, 0, 10); ok {
				scores[i] = Whole((x.A + x.B) * x.C)
			}
		}
		if !ok {
			return Ranking{Method: method, Why: NoScores}
		}
	}
	return Ranking{Method: method, Places: Rank(r.Needs, scores)}
}

// byCriteria ranks by the weighted sum and by TOPSIS, from the means of what the
// ballots say of each need under each criterion.
func (r *Round) byCriteria() (sum, near Ranking) {
	sum, near = Ranking{Method: "wsum", Why: NoBallots}, Ranking{Method: "topsis", Why: NoBallots}
	scores := make([][]Micro, len(r.Needs))
	for i := range scores {
		scores[i] = make([]Micro, len(r.Criteria))
	}
	counted := 0
	for _, b := range r.Ballots {
		if len(b.Scores) == len(r.Criteria) && len(b.Scores) > 0 {
			counted++
			for k := range b.Scores {
				for i := range r.Needs {
					scores[i][k] += b.Scores[k][i]
				}
			}
		}
	}
	switch {
	case counted == 0:
		return sum, near
	case counted < SmallCount:
		sum.Why, near.Why = FewBallots, FewBallots
		return sum, near
	}
	for i := range scores {
		for k := range scores[i] {
			scores[i][k] /= Micro(counted)
		}
	}
	sum.Why, near.Why, sum.Counted, near.Counted = "", "", counted, counted
	var err error
	if sum.Places, err = WeightedSum(r.Needs, r.Criteria, scores); err != nil {
		sum.Why = NoScores
	}
	if near.Places, err = TOPSIS(r.Needs, r.Criteria, scores); err != nil {
		near.Why = NoScores
	}
	return sum, near
}

// GroupRanking is how one group of voters ranks a round's needs, by Borda.
type GroupRanking struct {
	Group  string
	Places []Place // empty where so few voted that one could be recognised
	// Voted is how many ballots of the group count, as it is published.
	Voted Value
}

// ByGroup are the rankings of the groups of voters, by name. A group of fewer than
// SmallCount has none. Its number is "<5"; if it is the only such group, another's
// number is hidden too, or it would follow from the sum.
func (r *Round) ByGroup() []GroupRanking {
	var names []string
	for _, b := range r.Ballots {
		if !slices.Contains(names, b.Group) {
			names = append(names, b.Group)
		}
	}
	slices.Sort(names)
	all := make([]GroupRanking, 0, len(names))
	small, other := 0, -1
	for _, name := range names {
		t := Borda(r.Needs, r.Ranks(name))
		g := GroupRanking{Group: name, Voted: count("voted", int64(t.Counted))}
		switch {
		case t.Counted == 0:
			continue
		case t.Counted < SmallCount:
			g.Voted = withheld(g.Voted, Small)
			small++
		default:
			g.Places = t.Places
			if other < 0 || g.Voted.Number.Mantissa < all[other].Voted.Number.Mantissa {
				other = len(all)
			}
		}
		all = append(all, g)
	}
	if small == 1 && other >= 0 {
		all[other].Voted = withheld(all[other].Voted, Hidden)
	}
	return all
}

// Gaps are the needs that groups of voters see very differently, among groups that
// have a ranking.
func Gaps(groups []GroupRanking) []GroupGap {
	by := map[string][]Place{}
	for _, g := range groups {
		if len(g.Places) > 0 {
			by[g.Group] = g.Places
		}
	}
	return GroupGaps(by)
}
