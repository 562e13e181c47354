package sample

import (
	"math/rand/v2"
	"strings"
)

// hand is how somebody types: what keyboards, habits and hurry make of Persian.
// What is typed is cleaned when the form is saved, as on every device; the rest
// stays as it was typed.
type hand struct {
	// joins is what becomes of half-spaces: they stay, become spaces, or go.
	joins rune
	// digits is the zero of the digits that the keyboard gives.
	digits rune
	// arabic says that ye and kaf come from an Arabic keyboard.
	arabic bool
	// hamze is what ends a word on a silent he in construct state.
	hamze string
	// marks is one in how many texts has a mark of a vowel somewhere.
	marks int
}

const (
	zwnj  = '\u200c'
	hamze = "هٔ" // as the texts of this package are written
)

func newHand(rng *rand.Rand) hand {
	h := hand{joins: zwnj, digits: '۰', hamze: hamze, marks: 40}
	switch n := rng.IntN(20); {
	case n < 5:
		h.joins = ' '
	case n < 7:
		h.joins = 0
	}
	switch n := rng.IntN(20); {
	case n < 5:
		h.digits = '0'
	case n < 7:
		h.digits = '٠'
	}
	h.arabic = rng.IntN(6) == 0
	switch n := rng.IntN(20); {
	case n < 5:
		h.hamze = "ه"
	case n < 8:
		h.hamze = "ه" + string(zwnj) + "ی"
	case n < 9:
		h.hamze = "ۀ"
	}
	if rng.IntN(8) == 0 {
		h.marks = 4
	}
	return h
}

// arabicLetters are typed for the Persian ones.
var arabicLetters = strings.NewReplacer("ی", "ي", "ک", "ك")

// marked are words that are at times written with their vowels.
var marked = []struct{ plain, full string }{
	{"محله", "مَحلّه"}, {"معلم", "معلّم"}, {"بنا", "بنّا"}, {"مرتب", "مرتّب"}, {"حتی", "حتّی"}, {"اول", "اوّل"}, {"عده", "عدّه"}, {"کرم",
		"کَرَم"}, {"سر", "سَر"},
}

// write is how a text comes out of the hand.
func (h hand) write(rng *rand.Rand, text string) string {
	if text == "" {
		return ""
	}
	text = strings.ReplaceAll(text, hamze, h.hamze)
	if rng.IntN(h.marks) == 0 {
		m := marked[rng.IntN(len(marked))]
		text = strings.Replace(text, m.plain, m.full, 1)
	}
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == zwnj && h.joins == 0:
		case c == zwnj:
			b.WriteRune(h.joins)
		case c >= '۰' && c <= '۹':
			b.WriteRune(c - '۰' + h.digits)
		default:
			b.WriteRune(c)
		}
	}
	text = b.String()
	if h.arabic {
		text = arabicLetters.Replace(text)
	}
	return text
}
