package subject

import (
	"slices"
	"strings"
	"unicode/utf8"

	"mahalleh/schemas/persian"
)

// names are what a person is called and numbered by, as texts are searched for it.
type names struct {
	words  []string // folded
	digits []string
}

const (
	// leastName is the length, in letters, of the shortest name that is looked for:
	// a shorter one stands in every other text.
	leastName = 5
	// lastDigits are those of a number that count: with or without the country's
	// code a telephone has the same ten, and a national id has ten.
	lastDigits = 10
)

// add takes in a name or a number.
func (n *names) add(text string) {
	joined, spaced := persian.FoldVariants(text)
	if number := strings.ReplaceAll(digitsOf(joined), " ", ""); len(number) >= lastDigits {
		n.digits = addOnce(n.digits, number[len(number)-lastDigits:])
		return
	}
	for _, name := range []string{joined, spaced} {
		if utf8.RuneCountInString(name) >= leastName {
			n.words = addOnce(n.words, name)
		}
	}
}

func addOnce(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// in reports whether a text has one of them, whichever way it is spelt. A name
// counts where it stands as words of its own.
func (n *names) in(text string) bool {
	if len(n.words)+len(n.digits) == 0 {
		return false
	}
	joined, spaced := persian.FoldVariants(text)
	for _, w := range n.words {
		if hasWords(joined, w) || spaced != joined && hasWords(spaced, w) {
			return true
		}
	}
	if len(n.digits) == 0 {
		return false
	}
	number := digitsOf(spaced)
	return slices.ContainsFunc(n.digits, func(d string) bool { return strings.Contains(number, d) })
}

// hasWords reports whether folded words stand in a folded text, whole.
func hasWords(text, words string) bool {
	return strings.Contains(" "+text+" ", " "+words+" ")
}

// digitsOf keeps the digits of a folded text: what parts them but for letters is
// passed over, so that a number is found however it was grouped.
func digitsOf(folded string) string {
	var b strings.Builder
	for _, r := range folded {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r != ' ' && b.Len() > 0:
			b.WriteByte(' ')
		}
	}
	return b.String()
}
