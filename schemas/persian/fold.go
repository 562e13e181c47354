package persian

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FoldGrowth bounds the bytes that [Fold] returns per byte read. The worst
// character is U+FDFA, three bytes that NFKC spells out as 33 (Unicode FAQ on
// normalisation); every later step but lower-casing only shrinks, and that
// adds at most half to characters that NFKC left alone.
const FoldGrowth = 11

// Fold returns the key under which texts are searched and compared: NFKC, one
// form per letter, no vowel marks, tatweel or hamza, ASCII digits, lower case,
// anything that is neither letter nor number a single space, no space at
// either end. ZWNJ vanishes; [FoldVariants] gives the other reading. Sorani
// letters fall onto their Persian neighbours, so the key is for loose search
// only and never stored instead of the text. Fold is idempotent, always
// returns valid UTF-8, and takes bytes that are no text for a space.
func Fold(s string) string { return fold(s, nothing) }

// FoldVariants returns the two readings of a text that holds ZWNJ, both
// folded: joined drops it («می‌رود» as «میرود»), spaced parts the word there
// («می رود»). An index needs both, because a tokenizer takes ZWNJ for a
// separator and people type all three spellings. Without ZWNJ both are equal.
func FoldVariants(s string) (joined, spaced string) {
	joined = fold(s, nothing)
	if !strings.ContainsFunc(s, isHalfSpace) {
		return joined, joined
	}
	return joined, fold(s, ' ')
}

// nothing is the rune that leaves no trace.
const nothing rune = -1

// fold writes half for each half space: nothing, a space or a ZWNJ.
func fold(s string, half rune) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, " ")
	}
	// NFKC turns a lone presentation-form vowel mark into space plus mark,
	// which would split the word that it stands in.
	if strings.ContainsFunc(s, isMarkForm) {
		s = strings.Map(func(r rune) rune {
			if isMarkForm(r) {
				return nothing
			}
			return r
		}, s)
	}
	s = norm.NFKC.String(s)
	b := make([]byte, 0, len(s))
	space, composes := false, false
	for _, r := range s {
		r = foldRune(r, half)
		switch r {
		case nothing:
			continue
		case ' ':
			space = true
			continue
		}
		if space && len(b) > 0 {
			b = append(b, ' ')
		}
		space = false
		b = utf8.AppendRune(b, r)
		composes = composes || r > '\u06FF'
	}
	if composes {
		// Dropped marks can leave parts side by side that compose (Hangul).
		b = norm.NFKC.Bytes(b)
	}
	return string(b)
}

// foldRune maps one rune of an NFKC text to its folded rune, to ' ', or to
// nothing.
func foldRune(r, half rune) rune {
	if r < utf8.RuneSelf {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + ('a' - 'A')
		}
		return ' '
	}
	switch r {
	case 'ي', 'ى', 'ئ', 'ێ', 'ې', 'ۍ', 'ے', 'ۓ':
		return 'ی'
	case 'ك', 'ڪ':
		return 'ک'
	case 'ة', 'ۀ', 'ە', 'ھ', 'ہ', 'ۂ', 'ۃ':
		return 'ه'
	case 'أ', 'إ', 'ٱ', 'آ':
		return 'ا'
	case 'ؤ', 'ۆ':
		return 'و'
	case 'ڕ':
		return 'ر'
	case 'ڵ':
		return 'ل'
	case 'ء', tatweel:
		return nothing
	}
	if isHalfSpace(r) {
		return half
	}
	if d := digitValue(r); d >= 0 {
		return '0' + rune(d)
	}
	switch {
	case unicode.IsLetter(r):
		return unicode.ToLower(r)
	case unicode.IsNumber(r), unicode.Is(unicode.Mc, r):
		return r
	case unicode.IsMark(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
		return nothing
	}
	return ' '
}

// isHalfSpace reports ZWNJ and what old documents hold in its place: the zero
// width space and the soft hyphen.
func isHalfSpace(r rune) bool { return r == zwnj || r == '\u200B' || r == '\u00AD' }

// isMarkForm reports the presentation forms of vowel marks.
func isMarkForm(r rune) bool { return r >= '\uFE70' && r <= '\uFE7F' }
