package indicators

import "slices"

// Pairwise is the result of comparing each need with each other.
type Pairwise struct {
	Tally
	// Cycles are circles of needs each of which a majority prefers to the next,
	// and the last to the first: the voters as a whole have no order there, and
	// whoever reads the ranking must see that. One shortest circle for each set of
	// needs that are caught in one, beginning with the smallest id.
	Cycles [][]string
}

// Copeland lets each need meet each other: a ballot that ranks x above y is for
// x, one that ranks them equal for neither. A need gets 1 for each other that
// more ballots rank below it than above it, and ½ for a tie.
//
// Source: A. H. Copeland, "A reasonable social welfare function" (1951), in the
// form with half a point for ties.
func Copeland(needs []Need, ballots [][]int64) Pairwise {
	n := len(needs)
	lead := make([][]int64, n)
	for i := range lead {
		lead[i] = make([]int64, n)
	}
	var p Pairwise
	p.Counted, p.Aside = sift(ballots, n, judgeRanks, func(b []int64) {
		for i := range b {
			for j := range b {
				if above(b[i], b[j]) {
					lead[i][j]++
					lead[j][i]--
				}
			}
		}
	})
	doubled := make([]int64, n)
	for i := range n {
		for j := range n {
			switch {
			case i == j || p.Counted == 0:
			case lead[i][j] > 0:
				doubled[i] += 2
			case lead[i][j] == 0:
				doubled[i]++
			}
		}
	}
	p.Places = Rank(needs, halves(doubled))
	p.Cycles = cycles(needs, func(i, j int) bool { return lead[i][j] > 0 })
	return p
}

// above reports whether rank r stands above rank s; 0 stands below all.
func above(r, s int64) bool { return r > 0 && (s == 0 || r < s) }

// cycles finds one shortest circle for each strongly connected set of needs.
func cycles(needs []Need, beats func(i, j int) bool) [][]string {
	byID := make([]int, len(needs))
	for i := range byID {
		byID[i] = i
	}
	slices.SortFunc(byID, func(i, j int) int {
		if needs[i].ID < needs[j].ID {
			return -1
		}
		return 1
	})
	reach := make([][]bool, len(needs))
	for i := range reach {
		reach[i] = make([]bool, len(needs))
		for j := range needs {
			reach[i][j] = beats(i, j)
		}
	}
	for k := range needs {
		for i := range needs {
			for j := range needs {
				reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
			}
		}
	}
	var found [][]string
	done := make([]bool, len(needs))
	for _, i := range byID {
		if done[i] || !reach[i][i] {
			continue
		}
		for j := range needs {
			if reach[i][j] && reach[j][i] {
				done[j] = true
			}
		}
		found = append(found, shortest(needs, byID, i, beats))
	}
	return found
}

// shortest is a shortest circle through the need at start.
func shortest(needs []Need, byID []int, start int, beats func(i, j int) bool) []string {
	from := map[int]int{}
	queue := []int{start}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if i != start && beats(i, start) {
			var circle []string
			for ; i != start; i = from[i] {
				circle = append(circle, needs[i].ID)
			}
			circle = append(circle, needs[start].ID)
			slices.Reverse(circle)
			return circle
		}
		for _, j := range byID {
			if _, seen := from[j]; !seen && j != start && beats(i, j) {
				from[j] = i
				queue = append(queue, j)
			}
		}
	}
	return nil
}
