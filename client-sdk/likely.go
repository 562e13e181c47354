package clientsdk

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto/merge"
)

// Likely is a record that may well be the one that is being typed.
type Likely struct {
	Row
	// Alike are the fields that say the same, or nearly, in the form's order.
	Alike []*schemas.Field
	// Sure is how sure it is, from 0 to 1: 1 if a number such as a telephone's is
	// the same.
	Sure float64
}

const (
	// maxLikely is how many a person is shown; nearRead how many records are read
	// to find them.
	maxLikely = 5
	nearRead  = 24
	// alikeHere and alikeElsewhere are how alike names must be (persian.Similarity)
	// in the same neighbourhood, and in another: a mosque's name is in every town.
	alikeHere      = 0.87
	alikeElsewhere = 0.97
	// alikeOther is how alike the other texts must be to be named beside the name.
	alikeOther = 0.85
	// leastNumber is the fewest digits of a number that names one thing alone.
	leastNumber = 7
)

// Likely returns records that may be the one being typed, the surest first: of
// the same form, with nearly the same name in any spelling, or the same number.
// It says nothing of rules over several records, which are among Problems. What
// it costs does not grow with the number of records.
func (d *Draft) Likely(ctx context.Context) ([]Likely, error) {
	const doing = "look for the same record"
	if err := d.c.mayRead(); err != nil {
		return nil, told(doing, err)
	}
	now := schemas.Normalise(d.form, d.now)
	compared := comparedFields(d.form)
	words := nearWords(compared, now)
	if len(words) == 0 {
		return nil, nil
	}
	ids, err := d.c.store.Near(ctx, uint32(d.form.ID), words, d.record, nearRead)
	if err != nil {
		return nil, told(doing, err)
	}
	var all []Likely
	for _, id := range ids {
		h, err := d.c.store.State(ctx, id)
		if err != nil {
			return nil, told(doing, err)
		}
		if !h.State.Exists() || h.State.Erased || !merge.Alive(h.State) {
			continue
		}
		x := compare(d.form, compared, now, merge.Content(d.form, h.State))
		least := alikeElsewhere
		if h.State.Home == d.home() {
			least = alikeHere
		}
		if x.Sure < least {
			continue
		}
		x.Row = Row{ID: id, Form: d.form, FormID: d.form.ID, Scope: h.State.Home, Sync: h.Sync, HasDraft: h.Draft}
		if x.Title, err = d.c.titleOf(ctx, h.State, "fa", true); err != nil {
			return nil, told(doing, err)
		}
		x.Changed = d.c.made(h.State, h.State.Latest).Time
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b Likely) int {
		return cmp.Or(cmp.Compare(b.Sure, a.Sure), cmp.Compare(len(b.Alike), len(a.Alike)), slices.Compare(a.ID[:], b.ID[:]))
	})
	return all[:min(len(all), maxLikely)], nil
}

// compared is a text field by which records are compared.
type compared struct {
	*schemas.Field
	name bool // it is part of the title
}

// comparedFields are the texts of the title and those that search looks through.
func comparedFields(form *schemas.Form) []compared {
	var all []compared
	take := func(ids []schemas.FieldID, name bool) {
		for _, id := range ids {
			f, ok := form.Field(id)
			if ok && f.Type == schemas.TypeText && !slices.ContainsFunc(all, func(c compared) bool { return c.ID == id }) {
				all = append(all, compared{f, name})
			}
		}
	}
	take(form.Title, true)
	take(form.Search, false)
	return all
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

// compare says which fields of two records are alike and how sure it is that
// both are about the same.
func compare(form *schemas.Form, fields []compared, a, b schemas.Record) (x Likely) {
	for _, f := range fields {
		left, right := a.Fields[f.ID].Text(), b.Fields[f.ID].Text()
		if left == "" || right == "" {
			continue
		}
		if n := numberOf(left); n != "" || numberOf(right) != "" {
			if n == numberOf(right) {
				x.Alike, x.Sure = append(x.Alike, f.Field), 1
			}
			continue
		}
		alike := nameSimilarity(left, right)
		if f.name {
			x.Sure = max(x.Sure, alike)
			if alike >= alikeHere {
				x.Alike = append(x.Alike, f.Field)
			}
		} else if alike >= alikeOther {
			x.Alike = append(x.Alike, f.Field)
		}
	}
	// A hall and a library of one school have one name: what the title says in
	// codes tells them apart.
	for _, id := range form.Title {
		left, right := a.Fields[id], b.Fields[id]
		if left.Kind() == schemas.KindCode && right.Kind() == schemas.KindCode && !left.Equal(right) && x.Sure < 1 {
			x.Sure -= 1 - alikeHere
		}
	}
	return x
}

// nameSimilarity is persian.Similarity, by letters and by sound, lowered where a
// word of the shorter text is like none of the other: of two people called
// Mohammad-Reza most letters are the same.
func nameSimilarity(a, b string) float64 {
	alike := persian.Similarity(a, b)
	if alike >= alikeElsewhere {
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
		for _, other := range long[:min(len(long), nameWords)] {
			best = max(best, persian.Similarity(w, other))
		}
		alike = min(alike, best)
	}
	return alike
}

// bySound is how much less sure a name is that only sounds the same.
const bySound = 0.05

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

// nameWords bounds the words that are compared one by one.
const nameWords = 8

const (
	// nearWordsMost bounds the words that are looked for, nearBegins the letters
	// with which they must begin, nearSpellings the ways to write these.
	nearWordsMost = 8
	nearBegins    = 3
	nearSpellings = 12
)

// nearWords are the beginnings of what stands in the compared fields, names
// and numbers first; each in the spellings that sound the same.
func nearWords(fields []compared, r schemas.Record) (words [][]string) {
	seen := map[string]bool{}
	take := func(word string, whole bool) {
		if seen[word] || len(words) == nearWordsMost {
			return
		}
		seen[word] = true
		if whole {
			words = append(words, []string{word})
			return
		}
		if begins := []rune(word); len(begins) > nearBegins {
			word = string(begins[:nearBegins])
		}
		words = append(words, spellings(word))
	}
	for _, names := range []bool{true, false} {
		for _, f := range fields {
			text := r.Fields[f.ID].Text()
			if n := numberOf(text); n != "" {
				take(persian.Fold(text), true)
				continue
			}
			if f.name == names && f.name {
				for _, w := range strings.Fields(persian.Fold(text)) {
					take(w, false)
				}
			}
		}
	}
	return words
}

// sounds are letters that sound alike in Persian, so that who hears a name
// writes one for the other.
var sounds = []string{"تط", "ثسص", "ذزضظ", "هح", "قغ", "اع", "کگ"}

// spellings returns the ways to write a beginning that sound the same.
func spellings(word string) []string {
	all := []string{""}
	for _, r := range word {
		group := string(r)
		for _, s := range sounds {
			if strings.ContainsRune(s, r) {
				// What was typed comes first and is never cut away.
				group += strings.ReplaceAll(s, string(r), "")
			}
		}
		var next []string
		for _, other := range group {
			for _, w := range all {
				if len(next) < nearSpellings {
					next = append(next, w+string(other))
				}
			}
		}
		all = next
	}
	return all
}
