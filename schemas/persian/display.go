package persian

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Isolate wraps a value (an id, a date, a formula) in U+2068 and U+2069, so
// that it keeps its own direction inside a sentence of the other one.
// Isolates and embeddings inside it are taken out first, so that it cannot
// reach beyond its own end.
func Isolate(s string) string {
	return string(fsi) + stripBidi(s) + string(pdi)
}

// IsolateLatin wraps each stretch of Latin words in a text that holds Persian
// too («فایل report-2.pdf (نسخهٔ B4)») in U+2068 and U+2069. A stretch
// takes in the digits and signs that touch it and the blanks between Latin
// words. Earlier isolates are taken out first, so doing it twice changes
// nothing; text of one script is returned without them.
func IsolateLatin(s string) string {
	s = stripBidi(s)
	rs := []rune(s)
	if !strings.ContainsFunc(s, isRTL) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(rs); {
		start, end := latinRun(rs, i)
		if start == end {
			b.WriteString(string(rs[i:]))
			break
		}
		b.WriteString(string(rs[i:start]))
		b.WriteRune(fsi)
		b.WriteString(string(rs[start:end]))
		b.WriteRune(pdi)
		i = end
	}
	return b.String()
}

// latinRun returns the next stretch at or after from, or an empty one.
func latinRun(rs []rune, from int) (start, end int) {
	first := from
	for first < len(rs) && !unicode.Is(unicode.Latin, rs[first]) {
		first++
	}
	if first == len(rs) {
		return len(rs), len(rs)
	}
	start = first
	for start > from && isGlued(rs[start-1]) {
		start--
	}
	// blank: since the last Latin letter a blank was passed, so a number here
	// belongs to the sentence and not to the word («GIS 1404»).
	end = first + 1
	blank, open, beforeOpen := false, 0, 0
	defer func() {
		if open > 0 && end > beforeOpen {
			end = beforeOpen // never part a pair of brackets
		}
	}()
	for j := first + 1; j < len(rs); j++ {
		r := rs[j]
		switch {
		case unicode.Is(unicode.Latin, r) || unicode.IsMark(r) && end == j:
			end, blank = j+1, false
		case r == ' ':
			blank = true
		case r == '(' || r == '[':
			if open == 0 {
				beforeOpen = end
			}
			open++
		case r == ')' || r == ']':
			if open == 0 {
				return start, end
			}
			open--
			if end == j {
				end = j + 1
			}
		case '0' <= r && r <= '9' || r == '%' || r == '+' || r == '#':
			if !blank {
				end = j + 1
			}
		case r < utf8.RuneSelf && unicode.IsPrint(r):
		default:
			return start, end
		}
	}
	return start, end
}

// isGlued reports what belongs to a Latin word when it stands right before it.
func isGlued(r rune) bool {
	return '0' <= r && r <= '9' || strings.ContainsRune("+-_.@#/%$", r)
}

func isRTL(r rune) bool {
	return unicode.IsLetter(r) && (unicode.Is(unicode.Arabic, r) || unicode.Is(unicode.Hebrew, r))
}

func stripBidi(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return nothing
		}
		return r
	}, s)
}

// Length counts the characters a reader sees, for length limits: letters,
// digits, signs and spaces, but no vowel mark, joiner, control or variation
// selector, and an emoji joined from several, a flag or one with a skin tone
// once. It is close to, not equal to, the grapheme clusters of UAX #29.
// Bytes that are no text count one each.
func Length(s string) int {
	n := 0
	joined, flag := false, false
	for _, r := range s {
		switch {
		case r == zwj:
			joined = true
			continue
		case isShownNowhere(r):
			continue
		case isRegional(r) && flag:
			flag = false
		case joined && unicode.Is(unicode.So, r):
		default:
			n++
			flag = isRegional(r)
		}
		joined = false
	}
	return n
}

func isShownNowhere(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' && r != '\n' || r == '\x7f'
	}
	return unicode.IsMark(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || '\U0001F3FB' <= r && r <= '\U0001F3FF'
}

func isRegional(r rune) bool { return '\U0001F1E6' <= r && r <= '\U0001F1FF' }
