package wire

import "unicode/utf8"

// foldEscape leads one byte that stands for itself.
const foldEscape = 0xff

// foldRunes are the letters that take one byte in a folded text, from 0x80 on:
// Arabic letters and marks, both digit families, the letters Persian adds, and
// the punctuation that Persian keyboards make. Positions are for ever.
const foldRunes = "ءآأؤإئابةتثجحخدذرزسشصضطظعغ" + // U+0621 to U+063A
	"ـفقكلمنهوىي\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652" + // U+0640 to U+0652
	"٠١٢٣٤٥٦٧٨٩" + "۰۱۲۳۴۵۶۷۸۹" +
	"پچژکگیۀەھہ" + "\u0654\u0670ٱ" + "،؛؟٪٫٬" +
	"\u200c\u200d\u200e\u200f\u00a0«»–—…•“”‘’×÷°"

// folder turns texts into one byte a Persian letter and back. It is read-only
// once made.
type folder struct {
	of map[rune]byte
	to [128]string
}

func newFolder() *folder {
	f := &folder{of: map[rune]byte{}}
	i := 0
	for _, r := range foldRunes {
		f.of[r] = byte(0x80 + i)
		f.to[i] = string(r)
		i++
	}
	return f
}

// fold appends the folded form of any bytes.
func (f *folder) fold(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		if s[i] < 0x80 {
			b = append(b, s[i])
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if code, ok := f.of[r]; ok && n > 1 {
			b = append(b, code)
			i += n
			continue
		}
		b = append(b, foldEscape, s[i])
		i++
	}
	return b
}

// unfold returns what was folded, at most max bytes.
func (f *folder) unfold(s []byte, max int) ([]byte, error) {
	if max < 0 {
		return nil, ErrTooLarge
	}
	b := make([]byte, 0, min(2*len(s), max))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x80:
			b = append(b, c)
		case c == foldEscape:
			i++
			if i == len(s) {
				return nil, ErrTruncated
			}
			b = append(b, s[i])
		default:
			t := f.to[c-0x80]
			if t == "" {
				return nil, ErrMalformed
			}
			b = append(b, t...)
		}
		if len(b) > max {
			return nil, ErrTooLarge
		}
	}
	return b, nil
}
