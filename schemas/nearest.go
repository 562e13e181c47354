package schemas

// nearest returns the candidate that fewest single-letter changes turn name into,
// when they are few enough for a slip of the keyboard; the first of equals wins.
func nearest(name string, candidates []string) (string, bool) {
	const longest = 64 // names are short; what is longer is no slip of the keyboard
	if len(name) > longest {
		return "", false
	}
	best, bestDistance := "", len(name)/3+1
	for _, candidate := range candidates {
		if len(candidate) > longest {
			continue
		}
		if d := editDistance(name, candidate); d < bestDistance || (best == "" && d == bestDistance) {
			best, bestDistance = candidate, d
		}
	}
	return best, best != ""
}

// editDistance counts the letters to insert, remove or change (Levenshtein).
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
