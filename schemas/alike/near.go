package alike

import (
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/persian"
)

const (
	// wordsMost bounds the words that are looked for, begins the letters with which
	// they must begin, spellingsMost the ways to write these.
	wordsMost     = 8
	begins        = 3
	spellingsMost = 12
)

// words are those of what stands in the compared fields, names and numbers first, at
// most wordsMost; whole says that one is a number.
func (c *Comparison) words(r schemas.Record, take func(word string, whole bool)) {
	seen := map[string]bool{}
	once := func(word string, whole bool) {
		if !seen[word] && len(seen) < wordsMost {
			seen[word] = true
			take(word, whole)
		}
	}
	for _, names := range []bool{true, false} {
		for _, f := range c.fields {
			text := r.Fields[f.ID].Text()
			if n := numberOf(text); n != "" {
				once(persian.Fold(text), true)
				continue
			}
			if f.name == names && f.name {
				for _, w := range strings.Fields(persian.Fold(text)) {
					once(w, false)
				}
			}
		}
	}
}

// beginOf is the beginning by which a word is looked for.
func beginOf(word string) string {
	if r := []rune(word); len(r) > begins {
		return string(r[:begins])
	}
	return word
}

// Begins are the beginnings of what stands in the compared fields, as an index of
// folded words knows them: each in the spellings that sound the same. Records that may
// be the same share one of them.
func (c *Comparison) Begins(r schemas.Record) (all [][]string) {
	c.words(r, func(word string, whole bool) {
		if whole {
			all = append(all, []string{word})
			return
		}
		all = append(all, spellings(beginOf(word)))
	})
	return all
}

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
		for _, one := range group {
			for _, w := range all {
				if len(next) < spellingsMost {
					next = append(next, w+string(one))
				}
			}
		}
		all = next
	}
	return all
}
