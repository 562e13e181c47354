package indicators

// WeakAgreement is the W below which another round is advised (a choice of this
// project).
const WeakAgreement = 3 * One / 10

// KendallW says how far voters agree on an order, 0 not at all to 1 wholly:
// 12·S / (m²·(n³−n) − m·ΣT) for m ballots of n needs, S the squared deviations of
// the sums of ranks from their mean, T the correction t³−t for each tie of t.
// Equals share the mean of their ranks, what was not ranked that of the last
// ones. False with fewer than two ballots or needs, or if every ballot ranks all
// needs equal.
//
// Source: M. G. Kendall and B. Babington Smith, "The problem of m rankings"
// (1939), with Kendall's correction for ties.
func KendallW(needs int, ballots [][]int64) (w Micro, counted int, ok bool) {
	sums := make([]int64, needs)
	ties := int64(0)
	counted, _ = sift(ballots, needs, judgeRanks, func(b []int64) {
		for i := range b {
			better, tied := standing(b, i)
			sums[i] += 2*better + tied + 1 // twice the mean rank
			ties += tied*tied - 1          // t members of a tie add up to t³−t
		}
	})
	n, m := int64(needs), int64(counted)
	if n < 2 || m < 2 {
		return 0, counted, false
	}
	var squares, total int64
	for _, s := range sums {
		squares += s * s
		total += s
	}
	below := m*m*(n*n*n-n) - m*ties
	// The sums are doubled, so their squares are four times too large.
	w, ok = Ratio(3*(n*squares-total*total), n*below)
	return w, counted, ok
}
