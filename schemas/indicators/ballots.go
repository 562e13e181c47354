package indicators

// A ranked ballot gives each need a rank, 1 for the first, equal numbers for
// equals, 0 for what was not ranked; it stands beside the needs, index by index.
// A ballot of points or dots is the same with points.

// Aside is a ballot that does not count, and why. The others do: one bad ballot
// spoils no vote.
type Aside struct {
	Ballot int
	Why    Spoilt
}

// Spoilt says why a ballot does not count.
type Spoilt string

// Reasons for which a ballot does not count.
const (
	SpoiltLength    Spoilt = "length"   // it is not about these needs
	SpoiltRank      Spoilt = "rank"     // a rank below 0, or beyond what the method knows
	SpoiltRepeated  Spoilt = "repeated" // the same rank twice where that is not allowed
	SpoiltMissing   Spoilt = "missing"  // a need without rank where all are needed
	SpoiltTotal     Spoilt = "total"    // more points or dots than a voter has, or not all
	SpoiltOnOneItem Spoilt = "on_one"   // more dots on one need than allowed
	SpoiltNegative  Spoilt = "negative" // points below zero
	SpoiltNothing   Spoilt = "nothing"  // nothing at all on it
)

// Tally is the result of a vote.
type Tally struct {
	Places []Place
	// Counted is how many ballots counted.
	Counted int
	Aside   []Aside
}

// sift calls count for each ballot that judge lets pass.
func sift(ballots [][]int64, needs int, judge func([]int64) Spoilt, count func([]int64)) (counted int, aside []Aside) {
	for i, b := range ballots {
		why := SpoiltLength
		if len(b) == needs {
			why = judge(b)
		}
		if why != "" {
			aside = append(aside, Aside{Ballot: i, Why: why})
			continue
		}
		counted++
		count(b)
	}
	return counted, aside
}

// judgeRanks lets pass what ranks at least one need, with ties.
func judgeRanks(b []int64) Spoilt {
	any := false
	for _, r := range b {
		if r < 0 {
			return SpoiltRank
		}
		any = any || r > 0
	}
	if !any {
		return SpoiltNothing
	}
	return ""
}

// better and tied count, for the need at i, those ranked before it and those
// ranked with it, itself among them. What was not ranked stands after all
// others, together.
func standing(b []int64, i int) (better, tied int64) {
	for _, r := range b {
		switch {
		case r == b[i]:
			tied++
		case r > 0 && (b[i] == 0 || r < b[i]):
			better++
		}
	}
	return better, tied
}

// Borda counts, of m needs, m−1 points for the first place down to 0 for the
// last. Equals share the mean of their places, what was not ranked that of the
// places left.
//
// Source: J.-C. de Borda, "Mémoire sur les élections au scrutin" (1781), with
// the usual mean for ties.
func Borda(needs []Need, ballots [][]int64) Tally {
	doubled := make([]int64, len(needs))
	var t Tally
	t.Counted, t.Aside = sift(ballots, len(needs), judgeRanks, func(b []int64) {
		for i := range b {
			better, tied := standing(b, i)
			doubled[i] += 2*(int64(len(b))-1-better) - (tied - 1)
		}
	})
	t.Places = Rank(needs, halves(doubled))
	return t
}

func halves(doubled []int64) []Micro {
	out := make([]Micro, len(doubled))
	for i, d := range doubled {
		out[i] = Micro(d) * (One / 2)
	}
	return out
}

func wholes(sums []int64) []Micro {
	out := make([]Micro, len(sums))
	for i, s := range sums {
		out[i] = Whole(s)
	}
	return out
}

// ForcedRank adds up ranks; the lowest sum wins. A ballot ranks all needs, each
// once.
//
// Source: Community Tool Box, University of Kansas, on setting priorities.
func ForcedRank(needs []Need, ballots [][]int64) Tally {
	sums := make([]int64, len(needs))
	judge := func(b []int64) Spoilt {
		seen := make([]bool, len(b)+1)
		for _, r := range b {
			switch {
			case r == 0:
				return SpoiltMissing
			case !within(r, 1, int64(len(b))):
				return SpoiltRank
			case seen[r]:
				return SpoiltRepeated
			}
			seen[r] = true
		}
		return ""
	}
	var t Tally
	t.Counted, t.Aside = sift(ballots, len(needs), judge, func(b []int64) { add(sums, b) })
	t.Places = rankLowest(needs, wholes(sums))
	return t
}

func add(sums, b []int64) {
	for i, n := range b {
		sums[i] += n
	}
}

// nominalPlaces is how many needs a voter of a nominal group ranks.
const nominalPlaces = 5

// NominalGroup adds up 5 points for a voter's first need down to 1 for the
// fifth; a voter ranks at most five, each rank once.
//
// Source: Delbecq and Van de Ven's nominal group technique, as the Community
// Tool Box describes it.
func NominalGroup(needs []Need, ballots [][]int64) Tally {
	sums := make([]int64, len(needs))
	judge := func(b []int64) Spoilt {
		var seen [nominalPlaces + 1]bool
		any := false
		for _, r := range b {
			switch {
			case !within(r, 0, nominalPlaces):
				return SpoiltRank
			case r > 0 && seen[r]:
				return SpoiltRepeated
			}
			seen[r] = true
			any = any || r > 0
		}
		if !any {
			return SpoiltNothing
		}
		return ""
	}
	var t Tally
	t.Counted, t.Aside = sift(ballots, len(needs), judge, func(b []int64) {
		for i, r := range b {
			if r > 0 {
				sums[i] += nominalPlaces + 1 - r
			}
		}
	})
	t.Places = Rank(needs, wholes(sums))
	return t
}

// Dots says how many dots a voter has, and how many may go to one need. Zero
// values stand for DefaultDots.
type Dots struct{ PerVoter, PerNeed int64 }

// DefaultDots is a third of the needs, rounded up, for each voter, and two on
// one need at most.
//
// Source: a choice of this project.
func DefaultDots(needs int) Dots { return Dots{PerVoter: int64(needs+2) / 3, PerNeed: 2} }

// DotVote adds up dots. A ballot with more dots than allowed does not count; one
// with fewer does.
//
// Source: Community Tool Box, University of Kansas, on setting priorities.
func DotVote(needs []Need, ballots [][]int64, rule Dots) Tally {
	usual := DefaultDots(len(needs))
	if rule.PerVoter == 0 {
		rule.PerVoter = usual.PerVoter
	}
	if rule.PerNeed == 0 {
		rule.PerNeed = usual.PerNeed
	}
	sums := make([]int64, len(needs))
	judge := func(b []int64) Spoilt {
		left := rule.PerVoter
		for _, n := range b {
			switch {
			case n < 0:
				return SpoiltNegative
			case n > rule.PerNeed:
				return SpoiltOnOneItem
			case n > left:
				return SpoiltTotal
			}
			left -= n
		}
		if left == rule.PerVoter {
			return SpoiltNothing
		}
		return ""
	}
	var t Tally
	t.Counted, t.Aside = sift(ballots, len(needs), judge, func(b []int64) { add(sums, b) })
	t.Places = Rank(needs, wholes(sums))
	return t
}

// RelativeWorth adds up the points that each voter distributes, all of total
// (usually 100).
//
// Source: Community Tool Box, University of Kansas, on setting priorities.
func RelativeWorth(needs []Need, ballots [][]int64, total int64) Tally {
	sums := make([]int64, len(needs))
	judge := func(b []int64) Spoilt {
		left := total
		for _, n := range b {
			if n < 0 {
				return SpoiltNegative
			}
			if n > left {
				return SpoiltTotal
			}
			left -= n
		}
		if left != 0 {
			return SpoiltTotal
		}
		return ""
	}
	var t Tally
	t.Counted, t.Aside = sift(ballots, len(needs), judge, func(b []int64) { add(sums, b) })
	t.Places = Rank(needs, wholes(sums))
	return t
}

// MultiVote counts the voters of each need; what at least half of the voters
// chose goes on to the next round, in the order of its votes. A ballot has 1 for
// what is chosen and 0 for the rest.
//
// Source: Community Tool Box, University of Kansas, on setting priorities.
func MultiVote(needs []Need, ballots [][]int64) (t Tally, goesOn []string) {
	sums := make([]int64, len(needs))
	judge := func(b []int64) Spoilt {
		any := false
		for _, n := range b {
			if !within(n, 0, 1) {
				return SpoiltOnOneItem
			}
			any = any || n == 1
		}
		if !any {
			return SpoiltNothing
		}
		return ""
	}
	t.Counted, t.Aside = sift(ballots, len(needs), judge, func(b []int64) { add(sums, b) })
	t.Places = Rank(needs, wholes(sums))
	for _, p := range t.Places {
		if t.Counted > 0 && 2*p.Score >= Whole(int64(t.Counted)) {
			goesOn = append(goesOn, p.Need)
		}
	}
	return t, goesOn
}

// PRM is participatory ranking by groups: how many of the groups name a need,
// times how high they rank it, salience · (1 − (mean rank − 1) / longest list).
// A ballot is one group's ranking, with 0 for what the group did not name.
//
// Source: Participatory Ranking Methodology, Columbia University; the
// combination of both numbers into one is this project's.
func PRM(needs []Need, ballots [][]int64) Tally {
	named, ranks := make([]int64, len(needs)), make([]int64, len(needs))
	longest := int64(0)
	var t Tally
	t.Counted, t.Aside = sift(ballots, len(needs), judgeRanks, func(b []int64) {
		for i, r := range b {
			if r > 0 {
				named[i]++
				ranks[i] += r
				longest = max(longest, r)
			}
		}
	})
	scores := make([]Micro, len(needs))
	for i := range needs {
		if named[i] > 0 {
			scores[i], _ = Ratio(named[i]*(longest+1)-ranks[i], int64(t.Counted)*longest)
		}
	}
	t.Places = Rank(needs, scores)
	return t
}
