package alike

import (
	"slices"
	"strings"
	"unicode/utf8"

	"mahalleh/schemas"
	"mahalleh/schemas/persian"
)

const (
	// Here and Elsewhere are how alike names must be (persian.Similarity) in the same
	// neighbourhood, and in another: a mosque's name is in every town.
	Here      = 0.87
	Elsewhere = 0.97
	// other is how alike the other texts must be to be named beside the name.
	other = 0.85
	// leastNumber is the fewest digits of a number that names one thing alone.
	leastNumber = 7
	// bySound is how much less sure a name is that only sounds the same.
	bySound = 0.05
	// nameWords bounds the words of a name that are compared one by one.
	nameWords = 8
)

// Match is what two records have in common.
type Match struct {
	// Alike are the fields that say the same, or nearly, in the form's order.
	Alike []*schemas.Field
	// Sure is how sure it is that both are about the same, from 0 to 1: 1 if a number
	// such as a telephone's is the same.
	Sure float64
}

// Comparison compares records of one form.
type Comparison struct {
	form   *schemas.Form
	fields []compared
}

// compared is a text field by which records are compared.
type compared struct {
	*schemas.Field
	name bool // it is part of the title
}

// Of compares records of a form by the texts of its title and those that search looks
// through.
func Of(form *schemas.Form) *Comparison {
	c := &Comparison{form: form}
	take := func(ids []schemas.FieldID, name bool) {
		for _, id := range ids {
			f, ok := form.Field(id)
			if ok && f.Type == schemas.TypeText && !slices.ContainsFunc(c.fields, func(x compared) bool { return x.ID == id }) {
				c.fields = append(c.fields, compared{f, name})
			}
		}
	}
	take(form.Title, true)
	take(form.Search, false)
	return c
}

// Able reports whether the form has anything by which its records can be told to be
// the same.
func (c *Comparison) Able() bool {
	return slices.ContainsFunc(c.fields, func(f compared) bool { return f.name })
}

// numberOf returns the digits of a text that is a number such as a telephone's
// or an identity card's, which names one thing alone; "" of any other.
func numberOf(text string) string {
	s := strings.ReplaceAll(persian.Fold(text), " ", "")
	if len(s) < leastNumber || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

// Records says which fields of two records are alike and how sure it is that both are
// about the same.
func (c *Comparison) Records(a, b schemas.Record) (m Match) {
	for _, f := range c.fields {
		left, right := a.Fields[f.ID].Text(), b.Fields[f.ID].Text()
		if left == "" || right == "" {
			continue
		}
		if n := numberOf(left); n != "" || numberOf(right) != "" {
			if n == numberOf(right) {
				m.Alike, m.Sure = append(m.Alike, f.Field), 1
			}
			continue
		}
		alike := names(left, right)
		if f.name {
			m.Sure = max(m.Sure, alike)
			if alike >= Here {
				m.Alike = append(m.Alike, f.Field)
			}
		} else if alike >= other {
			m.Alike = append(m.Alike, f.Field)
		}
	}
	// A hall and a library of one school have one name: what the title says in
	// codes tells them apart.
	for _, id := range c.form.Title {
		left, right := a.Fields[id], b.Fields[id]
		if left.Kind() == schemas.KindCode && right.Kind() == schemas.KindCode && !left.Equal(right) && m.Sure < 1 {
			m.Sure -= 1 - Here
		}
	}
	return m
}

// names is persian.Similarity, by letters and by sound, lowered where a word of the
// shorter text is like none of the other: of two people called Mohammad-Reza most
// letters are the same.
func names(a, b string) float64 {
	alike := persian.Similarity(a, b)
	if alike >= Elsewhere {
		return alike
	}
	a, b = sound(a), sound(b)
	alike = max(alike, persian.Similarity(a, b)-bySound)
	short, long := strings.Fields(a), strings.Fields(b)
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) > nameWords {
		return alike
	}
	for _, w := range short {
		best := 0.0
		for _, x := range long[:min(len(long), nameWords)] {
			best = max(best, persian.Similarity(w, x))
		}
		alike = min(alike, best)
	}
	return alike
}

// sounds are letters that sound alike in Persian, so that who hears a name
// writes one for the other.
var sounds = []string{"تط", "ثسص", "ذزضظ", "هح", "قغ", "اع", "کگ"}

// sound folds a text and writes letters that sound alike by one of them.
func sound(text string) string {
	return strings.Map(func(r rune) rune {
		for _, s := range sounds {
			if strings.ContainsRune(s, r) {
				r, _ = utf8.DecodeRuneInString(s)
				break
			}
		}
		return r
	}, persian.Fold(text))
}
