package persian

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// CleanGrowth bounds the bytes that [Clean] and [CleanMultiline] return per
// byte read: NFC expands no UTF-8 text more than three times (Unicode FAQ on
// normalisation), and no other step adds a byte.
const CleanGrowth = 3

// blankLines is how many line ends may follow one another in cleaned text:
// one empty line parts paragraphs, more only push a form off the screen.
const blankLines = 2

// TextError says where a text stops being acceptable. It wraps
// [ErrInvalidUTF8] or [ErrSurrogate].
type TextError struct {
	Offset int // byte offset of the first bad byte
	Kind   error
}

// Error names the kind and the offset and never repeats the text.
func (e *TextError) Error() string {
	return fmt.Sprintf("persian: byte %d: %v", e.Offset, e.Kind)
}

// Unwrap returns the kind.
func (e *TextError) Unwrap() error { return e.Kind }

// Clean returns the one-line form in which a text is stored: NFC, Persian yeh
// and kaf instead of the Arabic ones, every kind of blank or line end one
// plain space, no control, direction or private-use character, ZWNJ single
// and only inside words. Nothing else of what was typed is changed; the inner
// ZWNJ, the hamza over heh and all Sorani letters stay. Clean is idempotent
// and returns a [*TextError] for bytes that are no text.
//
// Line ends become spaces, not nothing, so that two lines never fuse into one
// word. A decoder that already replaced a broken character by U+FFFD hides
// the error from Clean; such text is accepted.
func Clean(s string) (string, error) { return clean(s, false) }

// CleanMultiline is [Clean] for long text: line ends stay, written as \n,
// with no blanks around them, none at either end of the text, and at most one
// empty line between paragraphs.
func CleanMultiline(s string) (string, error) { return clean(s, true) }

func clean(s string, multiline bool) (string, error) {
	if at := firstInvalid(s); at >= 0 {
		return "", &TextError{Offset: at, Kind: invalidKind(s[at:])}
	}
	b := make([]byte, 0, len(s))
	var (
		base  rune // last rune written that is no mark: what a ZWNJ would hang on
		lines int
		space bool
		half  bool
		cr    bool
	)
	for _, r := range s {
		afterCR := cr
		cr = r == '\r'
		switch {
		case isLineEnd(r):
			if r != '\n' || !afterCR {
				lines++
			}
			continue
		case isBlank(r):
			space = true
			continue
		case r == zwnj:
			half = true
			continue
		case isStripped(r):
			continue
		}
		switch {
		case lines > 0 && multiline:
			if len(b) > 0 {
				for range min(lines, blankLines) {
					b = append(b, '\n')
				}
			}
			base = 0
		case space || lines > 0:
			if len(b) > 0 {
				b = append(b, ' ')
			}
			base = 0
		case half && isWord(base) && isWord(r):
			b = utf8.AppendRune(b, zwnj)
		}
		lines, space, half = 0, false, false
		b = utf8.AppendRune(b, r)
		if !unicode.IsMark(r) {
			base = r
		}
	}
	// Stripping comes before NFC, or a control between a letter and its mark
	// would let the second cleaning compose what the first could not; the
	// letters come after it, or ي with a hamza would not become ئ.
	return strings.Map(persianLetter, string(norm.NFC.Bytes(b))), nil
}

func firstInvalid(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

// invalidKind tells a surrogate (ED A0..BF xx, as WTF-8 and CESU-8 write it)
// from other broken bytes.
func invalidKind(s string) error {
	if len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2]&0xC0 == 0x80 {
		return ErrSurrogate
	}
	return ErrInvalidUTF8
}

func persianLetter(r rune) rune {
	switch r {
	case 'ي', 'ى':
		return 'ی'
	case 'ك':
		return 'ک'
	}
	return r
}

func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

func isBlank(r rune) bool { return r == '\t' || unicode.Is(unicode.Zs, r) }

// isStripped reports characters that carry no text: controls, byte order
// mark, everything that steers direction, and private use (the bullets of
// symbol fonts).
func isStripped(r rune) bool {
	return unicode.IsControl(r) || r == bom || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Co, r)
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)
}
