package cli

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// The controls that keep a piece of text from changing the direction of its
// surroundings.
const (
	firstStrongIsolate = '\u2068'
	popIsolate         = '\u2069'
	rightToLeftMark    = '\u200f'
)

func isolate(s string) string {
	return string(firstStrongIsolate) + s + string(popIsolate)
}

// isDirectionControl says whether r steers direction and shows nothing.
func isDirectionControl(r rune) bool {
	return r == '\u200e' || r == '\u200f' || r == '\u061c' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// clean makes a text of unknown origin safe to show in a line: control
// characters, which could rewrite the terminal, and direction controls, which
// could rewrite the sentence, are dropped. A line break becomes a space.
func clean(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || isDirectionControl(r):
			return -1
		}
		return r
	}, s)
}

// isRightToLeft says whether r is a letter of a right-to-left script. The
// scripts are those that a person in Iran may write.
func isRightToLeft(r rune) bool {
	return unicode.IsLetter(r) && unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac)
}

func hasRightToLeft(s string) bool {
	return strings.IndexFunc(s, isRightToLeft) >= 0
}

func isASCIIAlnum(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// embed makes a string fit into a sentence of the catalogue's language: clean,
// and isolated when it holds letters or numbers of the other direction.
func (c *Catalogue) embed(s string) string {
	s = clean(s)
	if c.lang == Persian && strings.IndexFunc(s, isASCIIAlnum) >= 0 || c.lang != Persian && hasRightToLeft(s) {
		return isolate(s)
	}
	return s
}

// isolateLatin wraps each run of Latin words of a Persian text, such as a
// command with its flags, so that the run keeps its own order. Unlike
// persian.IsolateLatin, which is for text that people typed, it leaves the
// isolates of the arguments alone and takes "--every 5" for one piece.
func isolateLatin(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		isolateLine(&b, line)
	}
	return b.String()
}

func isolateLine(b *strings.Builder, line string) {
	words := splitWords(line)
	for i := 0; i < len(words); {
		if !isLatinWord(words[i]) {
			b.WriteString(words[i])
			i++
			continue
		}
		// The run reaches to the last word that belongs to it; spaces and
		// lone punctuation count only when such a word follows.
		end := i
		for j := i + 1; j < len(words) && !endsRun(words[j-1]) && isRunWord(words[j]); j++ {
			if strings.IndexFunc(words[j], isASCIIAlnum) >= 0 {
				end = j
			}
		}
		run := strings.Join(words[i:end+1], "")
		core := strings.TrimRight(strings.TrimLeft(run, leadingPunctuation), trimmedPunctuation)
		before, after, _ := strings.Cut(run, core)
		b.WriteString(before)
		if strings.HasPrefix(core, string(firstStrongIsolate)) && strings.IndexRune(core, popIsolate) == len(core)-len(string(popIsolate)) {
			b.WriteString(core) // isolated already, as an argument
		} else {
			b.WriteString(isolate(core))
		}
		b.WriteString(after)
		i = end + 1
	}
}

// Punctuation that belongs to the sentence around a Latin run, not to it.
const (
	leadingPunctuation = " ([«\"'`"
	trimmedPunctuation = " .,:;!?)]»\"'`،؛؟…"
)

// endsRun says whether the sentence's own punctuation closes a Latin run.
func endsRun(word string) bool {
	r, _ := utf8.DecodeLastRuneInString(word)
	return r != ' ' && strings.ContainsRune(trimmedPunctuation, r)
}

// splitWords cuts a line into words and spaces; an isolate is never cut.
func splitWords(line string) []string {
	var words []string
	start, depth := 0, 0
	for i, r := range line {
		switch {
		case r == firstStrongIsolate:
			depth++
		case r == popIsolate:
			depth--
		case r == ' ' && depth <= 0:
			if start < i {
				words = append(words, line[start:i])
			}
			words = append(words, " ")
			start = i + 1
		}
	}
	if start < len(line) {
		words = append(words, line[start:])
	}
	return words
}

// isLatinWord says whether a word opens a Latin run.
func isLatinWord(word string) bool {
	return !hasRightToLeft(word) && strings.IndexFunc(word, func(r rune) bool {
		return unicode.Is(unicode.Latin, r)
	}) >= 0
}

// isRunWord says whether a word may stand inside a Latin run.
func isRunWord(word string) bool {
	return !hasRightToLeft(word) && strings.IndexFunc(word, func(r rune) bool {
		return r >= '۰' && r <= '۹' || r >= '٠' && r <= '٩'
	}) < 0
}

// displayWidth is the number of terminal cells that a text takes: marks,
// joiners and direction controls take none, wide characters two.
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || unicode.IsControl(r):
		case width.LookupRune(r).Kind() == width.EastAsianWide || width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// pad fills a text with spaces up to a number of cells.
func pad(s string, cells int) string {
	return s + strings.Repeat(" ", max(0, cells-displayWidth(s)))
}
