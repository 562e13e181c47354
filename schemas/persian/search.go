package persian

import "strings"

const (
	// MaxQueryBytes and MaxQueryWords bound a typed search: longer ones are
	// pasted text, and the first words find what the whole would.
	MaxQueryBytes = 1024
	MaxQueryWords = 16
	// pairWords is how many words of a text are also indexed joined to their
	// neighbour; names and titles are shorter, and long text would only swell.
	pairWords = 64
)

// IndexText returns what belongs into the full-text column of a text: each
// distinct word of both readings of [FoldVariants] once, and neighbours joined,
// so that «علیرضا» finds «علی رضا». The order of the words is lost, so the
// column answers [MatchQuery] but no phrase.
func IndexText(s string) string {
	joined, spaced := FoldVariants(s)
	words := strings.Fields(joined)
	seen := make(map[string]bool, 2*len(words))
	var b strings.Builder
	add := func(w string) {
		if seen[w] {
			return
		}
		seen[w] = true
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	for _, w := range words {
		add(w)
	}
	parts := words
	if spaced != joined {
		parts = strings.Fields(spaced)
		for _, w := range parts {
			add(w)
		}
	}
	for i := 1; i < min(len(words), pairWords); i++ {
		add(words[i-1] + words[i])
	}
	if spaced != joined {
		for i := 1; i < min(len(parts), pairWords); i++ {
			add(parts[i-1] + parts[i])
		}
	}
	return b.String()
}

// MatchQuery turns what a person typed into an FTS5 MATCH expression over a
// column filled with [IndexText]. All words must be found; each may be found
// as typed, without its ZWNJ, as the parts around it, or joined to its
// neighbour. With prefix the last word need only begin so (search as you
// type). Every token is a quoted string of letters and numbers, so no input
// reaches the query syntax. The answer is "" when there is nothing to search.
func MatchQuery(q string, prefix bool) string {
	if len(q) > MaxQueryBytes {
		q = strings.ToValidUTF8(q[:MaxQueryBytes], "")
	}
	var words []queryWord
	for _, f := range strings.Fields(fold(q, zwnj)) {
		w := queryWord{parts: strings.FieldsFunc(f, isHalfSpace)}
		if len(w.parts) == 0 {
			continue
		}
		w.joined = strings.Join(w.parts, "")
		words = append(words, w)
		if len(words) == MaxQueryWords {
			break
		}
	}
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(" AND ")
		}
		star := prefix && i == len(words)-1
		b.WriteByte('(')
		writeToken(&b, w.joined, star)
		if len(w.parts) > 1 {
			b.WriteString(" OR (")
			for j, p := range w.parts {
				if j > 0 {
					b.WriteString(" AND ")
				}
				writeToken(&b, p, star && j == len(w.parts)-1)
			}
			b.WriteByte(')')
		}
		if i > 0 {
			b.WriteString(" OR ")
			writeToken(&b, words[i-1].joined+w.joined, star)
		}
		if i+1 < len(words) {
			b.WriteString(" OR ")
			writeToken(&b, w.joined+words[i+1].joined, prefix && i+1 == len(words)-1)
		}
		b.WriteByte(')')
	}
	return b.String()
}

type queryWord struct {
	joined string
	parts  []string
}

func writeToken(b *strings.Builder, token string, star bool) {
	b.WriteByte('"')
	b.WriteString(strings.ReplaceAll(token, `"`, `""`))
	b.WriteByte('"')
	if star {
		b.WriteByte('*')
	}
}
