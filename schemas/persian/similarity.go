package persian

import (
	"slices"
	"strings"
)

// maxCompared bounds the letters of each text that are compared; names and
// titles are shorter, and the work grows with the product of both lengths.
const maxCompared = 128

// Constants of the Winkler variant: a common prefix of up to four letters
// lifts pairs that Jaro already rates above 0.7.
const (
	winklerPrefix    = 4
	winklerScale     = 0.1
	winklerThreshold = 0.7
)

// Similarity rates how alike two names are for hints about duplicates, from 0
// to 1, symmetric, and 1 for texts whose folded letters are equal. It is the
// Jaro-Winkler similarity (Jaro, JASA 84, 1989; Winkler, "String Comparator
// Metrics and Enhanced Decision Rules in the Fellegi-Sunter Model of Record
// Linkage", 1990) of the folded texts without spaces, or of their words in
// alphabetical order where that is higher («رضایی علی» and «علی رضایی»). Only
// the first 128 letters count. Two empty texts are not alike: 0.
func Similarity(a, b string) float64 {
	wa, wb := strings.Fields(Fold(a)), strings.Fields(Fold(b))
	straight := jaroWinkler(compact(wa), compact(wb))
	if straight == 1 || len(wa) < 2 && len(wb) < 2 {
		return straight
	}
	slices.Sort(wa)
	slices.Sort(wb)
	return max(straight, jaroWinkler(compact(wa), compact(wb)))
}

func compact(words []string) []rune {
	r := []rune(strings.Join(words, ""))
	return r[:min(len(r), maxCompared)]
}

func jaroWinkler(a, b []rune) float64 {
	// The greedy matching of Jaro depends on which text leads; fix that.
	if len(a) > len(b) || len(a) == len(b) && slices.Compare(a, b) > 0 {
		a, b = b, a
	}
	if len(a) == 0 {
		return 0
	}
	if slices.Equal(a, b) {
		return 1
	}
	window := max(len(b)/2-1, 0)
	var usedA, usedB [maxCompared]bool
	matches := 0
	for i, r := range a {
		for j := max(0, i-window); j < min(len(b), i+window+1); j++ {
			if !usedB[j] && b[j] == r {
				usedA[i], usedB[j] = true, true
				matches++
				break
			}
		}
	}
	if matches == 0 {
		return 0
	}
	crossed, j := 0, 0
	for i, r := range a {
		if !usedA[i] {
			continue
		}
		for !usedB[j] {
			j++
		}
		if b[j] != r {
			crossed++
		}
		j++
	}
	m := float64(matches)
	jaro := (m/float64(len(a)) + m/float64(len(b)) + (m-float64(crossed/2))/m) / 3
	if jaro <= winklerThreshold {
		return jaro
	}
	prefix := 0
	for prefix < min(winklerPrefix, len(a)) && a[prefix] == b[prefix] {
		prefix++
	}
	return jaro + float64(prefix)*winklerScale*(1-jaro)
}

// Distance counts the typing slips between two texts, to order suggestions in
// a list: letters put in, left out, exchanged, or swapped with their
// neighbour, over the folded texts (optimal string alignment; Damerau, CACM
// 7(3), 1964). A space counts as a letter. Only the first 128 letters count.
func Distance(a, b string) int {
	ra, rb := []rune(Fold(a)), []rune(Fold(b))
	ra, rb = ra[:min(len(ra), maxCompared)], rb[:min(len(rb), maxCompared)]
	var rows [3][maxCompared + 1]int
	before, prev, cur := &rows[0], &rows[1], &rows[2]
	for j := range len(rb) + 1 {
		prev[j] = j
	}
	for i := 1; i <= len(ra); i++ {
		cur[0] = i
		for j := 1; j <= len(rb); j++ {
			cost := 1
			if ra[i-1] == rb[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && ra[i-1] == rb[j-2] && ra[i-2] == rb[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(rb)]
}
