package merge

import "strings"

// Order keys are strings of the letters a to z, compared as bytes, none of
// which ends in 'a'; between any two there is always another. Two people who
// put a row at the same place make equal keys, and the row's id decides.

// between returns a key after lo and before hi; an empty lo is the beginning,
// an empty hi the end. lo must be before hi.
func between(lo, hi string) string {
	var b strings.Builder
	open := hi == "" // hi no longer bounds what follows
	for i := 0; ; i++ {
		l, h := byte('a'), byte('z'+1)
		if i < len(lo) {
			l = lo[i]
		}
		if !open && i < len(hi) {
			h = hi[i]
		}
		if l == h {
			b.WriteByte(l)
			continue
		}
		if mid := l + (h-l)/2; mid > l {
			b.WriteByte(mid)
			return b.String()
		}
		// h is l+1: stay on lo's side, where hi no longer matters.
		b.WriteByte(l)
		open = true
	}
}

// isKey reports whether a text is an order key.
func isKey(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxKey && s[len(s)-1] != 'a'
}

// maxKey bounds an order key: 5 bits a letter, and a row moved to the same gap
// a thousand times needs about 200 letters.
const maxKey = 1024
