package wire

import "strings"

// code codes one of the few texts of a field: 0 and a new one, or its number.
func (a *adaptive) code(s string) string {
	at, n := a.at, uint64(0)
	if i, ok := at.kinds.at[s]; ok {
		n = uint64(i + 1)
	}
	switch n = a.count(at.value, n); {
	case n == 0:
		s = a.text(s)
		at.kinds.add(s, !a.reading, maxKinds)
	case n > uint64(len(at.kinds.list)):
		a.fail(ErrMalformed, "code")
		return ""
	case a.reading:
		s = at.kinds.list[n-1]
		a.spend(len(s))
	}
	return s
}

// text codes a text word by word, a word being what stands between two spaces:
// 0 is the end, 1 a new word, from 2 on the words that came up before.
func (a *adaptive) text(s string) string {
	if a.reading {
		return a.readText()
	}
	for rest, more := s, s != ""; more; {
		var w string
		w, rest, more = strings.Cut(rest, " ")
		if i, ok := a.words.at[w]; ok {
			a.count(a.word, uint64(i)+2)
			continue
		}
		a.count(a.word, 1)
		a.writeWord(w)
		a.words.add(w, true, maxWords)
	}
	a.count(a.word, 0)
	return s
}

func (a *adaptive) readText() string {
	var b []byte
	for words := 0; ; words++ {
		n := a.count(a.word, 0)
		if n == 0 || a.err() != nil {
			break
		}
		if words > 0 {
			b = append(b, ' ')
		}
		switch {
		case n == 1:
			w := a.readWord(a.room - len(b))
			a.words.add(w, false, maxWords)
			b = append(b, w...)
		case n-2 < uint64(len(a.words.list)):
			b = append(b, a.words.list[n-2]...)
		default:
			a.fail(ErrMalformed, "word")
		}
		if len(b) > a.room {
			a.fail(ErrTooLarge, "text")
		}
	}
	if a.err() != nil {
		return ""
	}
	a.spend(len(b))
	return string(b)
}

// readWord reads what writeWord wrote, at most so many bytes.
func (a *adaptive) readWord(most int) string {
	a.buf = a.buf[:0]
	for prev := a.letter(' ', 0); prev != ' '; prev = a.letter(prev, 0) {
		// Folding makes two bytes of one at most.
		if len(a.buf) > 2*most+1 {
			a.fail(ErrTooLarge, "word")
		}
		if a.err() != nil {
			return ""
		}
		a.buf = append(a.buf, prev)
	}
	if len(a.buf) > 0 && a.buf[0] == wordAsIs {
		return string(a.buf[1:])
	}
	b, err := a.fold.unfold(a.buf, most)
	if err != nil {
		a.fail(err, "word")
	}
	return string(b)
}

// writeWord codes the letters of a word, each after the one before it, and a
// space as the last.
func (a *adaptive) writeWord(w string) {
	a.buf = a.fold.fold(a.buf[:0], w)
	prev := byte(' ')
	if len(a.buf) > len(w) {
		prev = a.letter(prev, wordAsIs)
		a.buf = append(a.buf[:0], w...)
	}
	for _, b := range a.buf {
		prev = a.letter(prev, b)
	}
	a.letter(prev, ' ')
}

func (a *adaptive) letter(prev, b byte) byte {
	l := a.letters[prev]
	if l == nil {
		l = new([256]chance)
		a.letters[prev] = l
	}
	return byte(a.tree(l[:], 8, uint64(b)))
}
