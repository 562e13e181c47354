package persian

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"unicode"
)

// Unit is the unit in which an amount is typed; amounts are stored in rial.
type Unit int

// The value of a unit is its worth in rial.
const (
	Rial  Unit = 1
	Toman Unit = 10
)

// MaxMoneyBytes bounds a typed amount; the largest in words takes under 600.
const MaxMoneyBytes = 1024

// FormatToman writes an amount of rial in toman: «۲۲٬۰۰۰٬۰۰۰ تومان», with a
// decimal where the last rial are no whole toman.
func FormatToman(rial int64) string {
	n := Number{Coefficient: rial, Scale: 1}
	if rial%10 == 0 {
		n = Number{Coefficient: rial / 10}
	}
	return FormatNumber(n) + " تومان"
}

// FormatRial writes an amount of rial: «۲۲۰٬۰۰۰٬۰۰۰ ریال».
func FormatRial(rial int64) string { return FormatInt(rial) + " ریال" }

// MoneyWords writes an amount of rial in words, in toman as people speak:
// «بیست‌ودو میلیون تومان». Rial that make no whole toman follow: «یک تومان و
// پنج ریال». It covers all of int64, and [ParseMoney] reads it back.
func MoneyWords(rial int64) string {
	magnitude, sign := uint64(rial), ""
	if rial < 0 {
		magnitude, sign = -magnitude, "منفی "
	}
	toman, rest := magnitude/10, magnitude%10
	switch {
	case rest == 0:
		return sign + words(toman) + " تومان"
	case toman == 0:
		return sign + words(rest) + " ریال"
	}
	return sign + words(toman) + " تومان" + andSpaced + words(rest) + " ریال"
}

// TenfoldSlip reports whether an amount is ten times or a tenth of what it is
// compared with, the sign of toman taken for rial. Both are in rial.
func TenfoldSlip(amount, expected int64) bool {
	if amount == 0 || expected == 0 {
		return false
	}
	return amount%10 == 0 && amount/10 == expected || expected%10 == 0 && expected/10 == amount
}

// ParseMoney reads an amount as people type it and returns rial: digits with
// separators, powers of a thousand in words, words alone, a unit behind it
// («۲۲٬۰۰۰٬۰۰۰», «۲۲٫۵ میلیون تومان», «۵۰۰ هزار ریال», «دو هزار و پانصد
// میلیارد», «بیست‌ودو میلیون تومان»). unit is what a bare number means. Errors
// wrap ErrEmpty, ErrTooLong, ErrSyntax, ErrOutOfRange, ErrNotWhole (less than
// a rial) or ErrAmbiguous («۱.۰۰۰» alone).
func ParseMoney(s string, unit Unit) (rial int64, err error) {
	if unit != Rial && unit != Toman {
		return 0, fmt.Errorf("persian: unit %d: %w", unit, ErrSyntax)
	}
	if len(s) > MaxMoneyBytes {
		return 0, fmt.Errorf("persian: amount of %d bytes: %w", len(s), ErrTooLong)
	}
	c, err := Clean(s)
	if err != nil {
		return 0, err
	}
	rial, err = parseMoney(c, unit)
	if err != nil {
		return 0, fmt.Errorf("persian: amount %q: %w", c, err)
	}
	return rial, nil
}

func parseMoney(c string, unit Unit) (int64, error) {
	negative := false
	for _, sign := range []string{"-", string(minusSign), "منفی "} {
		if rest, ok := strings.CutPrefix(c, sign); ok {
			c, negative = strings.TrimSpace(rest), true
			break
		}
	}
	tokens := moneyTokens(c)
	if len(tokens) == 0 {
		return 0, ErrEmpty
	}
	var (
		total uint64
		sum   amount
		last  = Unit(math.MaxInt) // units must fall: toman, then rial
	)
	for i, t := range tokens {
		u, isUnit := unitOf(t)
		if !isUnit {
			if err := sum.token(t); err != nil {
				return 0, err
			}
			if i+1 < len(tokens) {
				continue
			}
			if last == Toman {
				return 0, ErrSyntax // «یک تومان و پنج»: five of what?
			}
			u = unit
		}
		if u >= last {
			return 0, ErrSyntax
		}
		rial, err := sum.value(u)
		if err != nil {
			return 0, err
		}
		var carry uint64
		if total, carry = bits.Add64(total, rial, 0); carry != 0 {
			return 0, ErrOutOfRange
		}
		sum, last = amount{continued: true}, u
	}
	return signed(total, negative)
}

// amount gathers number words and scales: groups such as «دو میلیون», each
// smaller than the one before it.
type amount struct {
	groups    []group
	open      bool // the last group still takes words
	and       bool // the last token was «و»
	continued bool // an amount in a larger unit stands before this one
}

// group is (value + half/2) · 10^(exponent - scale).
type group struct {
	value    uint64
	scale    int
	exponent int
	half     bool
	numeric  bool   // typed in digits
	three    bool   // three digits behind a dot or slash: one or a thousand
	below    uint64 // the next word must be smaller than this
}

func (a *amount) token(t string) error {
	if t == "و" {
		if a.and || len(a.groups) == 0 && !a.continued {
			return ErrSyntax
		}
		a.and = true
		return nil
	}
	wasAnd := a.and
	a.and = false
	if exponent, ok := scaleValues[t]; ok {
		return a.scaleWord(exponent, wasAnd)
	}
	if t == "نیم" {
		if g := a.current(); g != nil && wasAnd && g.exponent == 0 && !g.half && g.scale == 0 {
			g.half = true
			return nil
		}
		return a.start(group{half: true})
	}
	if v, ok := wordValues[t]; ok {
		if g := a.current(); g != nil && g.exponent == 0 {
			if g.numeric || g.half || v == 0 || v >= g.below {
				return ErrSyntax
			}
			g.value, g.below = g.value+v, magnitudeOf(v)
			return nil
		}
		return a.start(group{value: v, below: magnitudeOf(v)})
	}
	n, err := scanNumber(t)
	if err != nil {
		return err
	}
	if n.percent || n.negative || t[0] == '+' {
		return ErrSyntax
	}
	dotted := n.scale == 3 && !strings.ContainsRune(t, decimal)
	return a.start(group{value: n.magnitude, scale: n.scale, numeric: true, three: dotted})
}

func (a *amount) current() *group {
	if !a.open || len(a.groups) == 0 {
		return nil
	}
	return &a.groups[len(a.groups)-1]
}

func (a *amount) start(g group) error {
	if cur := a.current(); cur != nil && cur.exponent == 0 {
		return ErrSyntax // two numbers side by side
	}
	a.groups, a.open = append(a.groups, g), true
	return nil
}

// scaleWord applies «هزار», «میلیون» and so on: to the group before it, to
// the scale before it (هزار میلیارد), or alone as one of its kind.
func (a *amount) scaleWord(exponent int, wasAnd bool) error {
	g := a.current()
	alone := g == nil || wasAnd
	if alone {
		if g != nil && g.exponent == 0 {
			return ErrSyntax
		}
		if err := a.start(group{value: 1}); err != nil {
			return err
		}
		g = a.current()
	}
	if g.exponent+exponent > maxScale+3 {
		return ErrOutOfRange
	}
	// «دو هزار و پانصد میلیارد» is 2,500 milliards, not 2,000 and 500.
	if k := len(a.groups) - 2; !alone && k >= 0 && g.exponent == 0 && exponent > 3 && !g.half && g.scale == 0 &&
		a.groups[k].exponent == 3 && a.groups[k].scale == 0 && !a.groups[k].half && g.value < 1000 {
		hi, thousands := bits.Mul64(a.groups[k].value, 1000)
		value, carry := bits.Add64(thousands, g.value, 0)
		if hi != 0 || carry != 0 {
			return ErrOutOfRange
		}
		a.groups = append(a.groups[:k], group{value: value})
		g = &a.groups[k]
	}
	g.exponent += exponent
	return nil
}

// value sums the groups in rial.
func (a *amount) value(u Unit) (uint64, error) {
	if a.and || len(a.groups) == 0 {
		return 0, ErrSyntax
	}
	var total uint64
	last := math.MaxInt
	for i, g := range a.groups {
		if g.exponent >= last {
			return 0, ErrSyntax
		}
		last = g.exponent
		if g.three && g.exponent == 0 && i == 0 {
			return 0, ErrAmbiguous
		}
		rial, err := g.rial(u)
		if err != nil {
			return 0, err
		}
		var carry uint64
		if total, carry = bits.Add64(total, rial, 0); carry != 0 {
			return 0, ErrOutOfRange
		}
	}
	return total, nil
}

func (g group) rial(u Unit) (uint64, error) {
	value, exponent := g.value, g.exponent-g.scale
	if g.half {
		if value > (math.MaxUint64-5)/10 {
			return 0, ErrOutOfRange
		}
		value, exponent = value*10+5, exponent-1
	}
	if u == Toman {
		exponent++
	}
	if value == 0 {
		return 0, nil
	}
	for ; exponent < 0; exponent++ {
		if value%10 != 0 {
			return 0, ErrNotWhole
		}
		value /= 10
	}
	for ; exponent > 0; exponent-- {
		hi, lo := bits.Mul64(value, 10)
		if hi != 0 {
			return 0, ErrOutOfRange
		}
		value = lo
	}
	return value, nil
}

// magnitudeOf returns the bound below which the next word of a group stays:
// after صد anything below 100, after بیست below 10, after a unit nothing.
func magnitudeOf(v uint64) uint64 {
	switch {
	case v >= 100:
		return 100
	case v >= 20:
		return 10
	}
	return 0
}

func unitOf(token string) (Unit, bool) {
	switch token {
	case "تومان", "تومن", "toman", "tomans", "irt":
		return Toman, true
	case "ریال", "rial", "rials", "irr":
		return Rial, true
	}
	return 0, false
}

// moneyTokens splits an amount into numbers as typed and folded words; «ودو»
// becomes و and دو, «۲۲میلیون» a number and a word.
func moneyTokens(c string) []string {
	var tokens []string
	for _, field := range strings.FieldsFunc(c, func(r rune) bool { return r == ' ' || r == zwnj }) {
		number := strings.IndexFunc(field, func(r rune) bool { return unicode.IsLetter(r) || unicode.Is(unicode.Sc, r) })
		if number < 0 {
			number = len(field)
		}
		if n := strings.TrimRight(field[:number], ",،"); n != "" {
			tokens = append(tokens, n)
		}
		for _, w := range strings.Fields(Fold(field[number:])) {
			if _, known := wordValues[w]; !known && w != "و" {
				if rest, ok := strings.CutPrefix(w, "و"); ok {
					tokens = append(tokens, "و")
					w = rest
				}
			}
			tokens = append(tokens, w)
		}
	}
	return tokens
}
