package persian

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// letterOrder is the Persian alphabet in the order of CLDR's "fa" collation:
// 34 ranks, the third shared by the hamza forms ء أ إ ؤ ئ.
const letterOrder = "آاءبپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"

// Key bytes. A space sorts before everything, so a short name precedes its
// longer namesake; digits precede letters and Persian precedes Latin, as in
// CLDR. Ranks are two apart: the odd ones hold the Sorani letters.
const (
	keySpace  = 0x01
	keyDigit  = 0x10
	keyLetter = 0x20
	keyLatin  = 0x80
	keyOther  = 0xF0 // followed by the code point in three bytes
)

// arabicFrom and arabicTo bound the letters that have a rank of their own.
const (
	arabicFrom = 0x0620
	arabicTo   = 0x06D5
)

// ranks maps the letters between arabicFrom and arabicTo to their key byte.
var ranks = letterRanks()

func letterRanks() (table [arabicTo - arabicFrom + 1]byte) {
	rank := byte(keyLetter)
	for _, r := range letterOrder {
		table[r-arabicFrom] = rank
		rank += 2
	}
	for _, same := range []struct {
		as    rune
		forms string
	}{
		{'ا', "ٱ"}, {'ء', "أإؤئ"}, {'ک', "كڪ"}, {'ه', "ةۀھہۂۃ"}, {'ی', "يىې"},
	} {
		for _, r := range same.forms {
			table[r-arabicFrom] = table[same.as-arabicFrom]
		}
	}
	for after, r := range map[rune]rune{'ر': 'ڕ', 'ف': 'ڤ', 'ل': 'ڵ', 'و': 'ۆ', 'ه': 'ە', 'ی': 'ێ'} {
		table[r-arabicFrom] = table[after-arabicFrom] + 1
	}
	return table
}

// SortKey returns bytes whose plain comparison orders texts as a Persian
// reader expects (پ after ب, گ after ک, ی last): one byte per letter, digit
// or space, case, vowel marks, ZWNJ and tatweel ignored, each run of anything
// else but letters one space. Texts that differ only in what is ignored have
// equal keys: order by key, then by something unique.
func SortKey(s string) []byte {
	s = norm.NFKC.String(s)
	key := make([]byte, 0, len(s)/2+1)
	space := false
	for _, r := range s {
		if r == utf8.RuneError || isIgnored(r) {
			continue
		}
		k, other := keyOf(r)
		if k == keySpace {
			space = true
			continue
		}
		if space && len(key) > 0 {
			key = append(key, keySpace)
		}
		space = false
		key = append(key, k)
		if k == keyOther {
			key = append(key, byte(other>>16), byte(other>>8), byte(other))
		}
	}
	return key
}

func keyOf(r rune) (key byte, other rune) {
	if arabicFrom <= r && r <= arabicTo {
		if k := ranks[r-arabicFrom]; k != 0 {
			return k, 0
		}
	}
	if d := digitValue(r); d >= 0 {
		return keyDigit + byte(d), 0
	}
	switch {
	case 'a' <= r && r <= 'z':
		return keyLatin + byte(r-'a'), 0
	case 'A' <= r && r <= 'Z':
		return keyLatin + byte(r-'A'), 0
	case unicode.IsLetter(r), unicode.IsNumber(r):
		return keyOther, unicode.ToLower(r)
	}
	return keySpace, 0
}

// isIgnored reports what a reader does not spell: marks, joiners, tatweel,
// direction controls.
func isIgnored(r rune) bool {
	return r == tatweel || r >= utf8.RuneSelf && (unicode.IsMark(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r))
}
