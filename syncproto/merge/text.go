package merge

import (
	"slices"
	"strings"
	"unicode"

	"mahalleh/syncproto"
)

// maxTextWork bounds the comparison of two texts, in pairs of tokens: 4,000
// letters each are about 1,500 tokens. Above it, texts conflict as wholes.
const maxTextWork = 4 << 20

// hunk replaces the base's tokens from..to by others.
type hunk struct {
	from, to int
	with     []string
}

// mergeTexts fits together texts that were written on one base, if their
// hunks neither overlap nor touch; equal hunks count once. The result is a view
// and is never stored. best is in ranking order.
func mergeTexts(best []syncproto.Candidate) (syncproto.Value, bool) {
	var texts []string
	var base string
	for i, c := range best {
		t, b, ok := c.Value.AsLongText()
		if !ok || i > 0 && b != base {
			return syncproto.Value{}, false
		}
		base = b
		texts = append(texts, t)
	}
	tokens := tokenise(base)
	var hunks []hunk
	for _, t := range texts {
		h, ok := diff(tokens, tokenise(t))
		if !ok {
			return syncproto.Value{}, false
		}
		for _, x := range h {
			same := func(y hunk) bool { return x.from == y.from && x.to == y.to && slices.Equal(x.with, y.with) }
			if !slices.ContainsFunc(hunks, same) {
				hunks = append(hunks, x)
			}
		}
	}
	slices.SortFunc(hunks, func(a, b hunk) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.to - b.to
	})
	var out strings.Builder
	at := 0
	for i, h := range hunks {
		if i > 0 && h.from <= hunks[i-1].to {
			return syncproto.Value{}, false
		}
		for _, t := range tokens[at:h.from] {
			out.WriteString(t)
		}
		for _, t := range h.with {
			out.WriteString(t)
		}
		at = h.to
	}
	for _, t := range tokens[at:] {
		out.WriteString(t)
	}
	return syncproto.LongText(out.String(), base), true
}

// tokenise cuts a text into words with the space before them, so that two
// people who change neighbouring words touch each other.
func tokenise(s string) []string {
	var tokens []string
	start, inWord := 0, false
	for i, r := range s {
		space := unicode.IsSpace(r)
		if space && inWord {
			tokens = append(tokens, s[start:i])
			start = i
		}
		inWord = !space
	}
	if start < len(s) {
		tokens = append(tokens, s[start:])
	}
	return tokens
}

// diff returns the hunks that lead from a to b, by a longest common
// subsequence; false if that would be too much work.
func diff(a, b []string) ([]hunk, bool) {
	lo := 0
	for lo < len(a) && lo < len(b) && a[lo] == b[lo] {
		lo++
	}
	ha, hb := len(a), len(b)
	for ha > lo && hb > lo && a[ha-1] == b[hb-1] {
		ha--
		hb--
	}
	n, m := ha-lo, hb-lo
	if n == 0 && m == 0 {
		return nil, true
	}
	if n == 0 || m == 0 {
		return []hunk{{lo, ha, b[lo:hb]}}, true
	}
	if n*m > maxTextWork {
		return nil, false
	}
	// length[i][j] of the common subsequence of a[lo+i:ha] and b[lo+j:hb].
	width := m + 1
	length := make([]uint16, (n+1)*width)
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if a[lo+i] == b[lo+j] {
				length[i*width+j] = length[(i+1)*width+j+1] + 1
			} else {
				length[i*width+j] = max(length[(i+1)*width+j], length[i*width+j+1])
			}
		}
	}
	var hunks []hunk
	i, j := 0, 0
	for i < n || j < m {
		fi, fj := i, j
		for i < n || j < m {
			if i < n && j < m && a[lo+i] == b[lo+j] {
				break
			}
			if j == m || i < n && length[(i+1)*width+j] >= length[i*width+j+1] {
				i++
			} else {
				j++
			}
		}
		if i > fi || j > fj {
			hunks = append(hunks, hunk{lo + fi, lo + i, b[lo+fj : lo+j]})
		}
		for i < n && j < m && a[lo+i] == b[lo+j] {
			i++
			j++
		}
	}
	return hunks, true
}
