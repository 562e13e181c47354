package texts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The controls that keep a piece of text from changing the direction of its
// surroundings.
const (
	firstStrongIsolate = '\u2068'
	popIsolate         = '\u2069'
	RightToLeftMark    = '\u200f'
)

// Isolate keeps a text from changing the direction of its surroundings.
func Isolate(s string) string {
	return string(firstStrongIsolate) + s + string(popIsolate)
}

// IsDirectionControl says whether r steers direction and shows nothing.
func IsDirectionControl(r rune) bool {
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
		case unicode.IsControl(r) || IsDirectionControl(r):
			return -1
		}
		return r
	}, s)
}

// DropDirectionControls takes the isolates off a text.
func DropDirectionControls(s string) string {
	return strings.Map(func(r rune) rune {
		if IsDirectionControl(r) {
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

func HasRightToLeft(s string) bool {
	return strings.IndexFunc(s, isRightToLeft) >= 0
}

func isASCIIAlnum(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// Embed makes a string fit into a sentence of the catalogue's language: clean,
// and isolated when it holds letters or numbers of the other direction.
func (c *Catalogue) Embed(s string) string {
	s = clean(s)
	if c.lang == Persian && strings.IndexFunc(s, isASCIIAlnum) >= 0 || c.lang != Persian && HasRightToLeft(s) {
		return Isolate(s)
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
			b.WriteString(Isolate(core))
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
	return !HasRightToLeft(word) && strings.IndexFunc(word, func(r rune) bool {
		return unicode.Is(unicode.Latin, r)
	}) >= 0
}

// isRunWord says whether a word may stand inside a Latin run.
func isRunWord(word string) bool {
	return !HasRightToLeft(word) && strings.IndexFunc(word, func(r rune) bool {
		return r >= '۰' && r <= '۹' || r >= '٠' && r <= '٩'
	}) < 0
}
