package seconddecoder

import (
	"bytes"
	"fmt"
	"strings"
)

// source is what packed changes are read from: the braces, the raw bytes and the values of section 9.
type source interface {
	u(name string) uint64
	rawBytes(n int) []byte
	tail() []byte
	count(form uint64) uint64
	lead() (head, step uint64)
	sub() uint64
	typ() uint64
	number(typ byte) uint64
	// known gives a record that the source remembers; learn tells it of one that it did not.
	known() (id, bool)
	learn(id)
	point() []byte
	code() []byte
	text() []byte
	fail(class error, format string, args ...any)
	failed() error
	end() error
}

// prefixSource is section 9 with prefix codes.
type prefixSource struct{ raw, numbers, letters *reader }

func (s *prefixSource) u(name string) uint64 {
	if strings.HasPrefix(name, "~") {
		return s.raw.u()
	}
	return s.numbers.u()
}

func (s *prefixSource) rawBytes(n int) []byte { return s.raw.take(n) }
func (s *prefixSource) tail() []byte          { return s.raw.take(10) }
func (s *prefixSource) count(uint64) uint64   { return s.numbers.u() }
func (s *prefixSource) sub() uint64           { return s.numbers.u() }
func (s *prefixSource) typ() uint64           { return s.numbers.u() }
func (s *prefixSource) number(byte) uint64    { return s.numbers.u() }
func (s *prefixSource) known() (id, bool)     { return id{}, false }
func (s *prefixSource) learn(id)              {}
func (s *prefixSource) code() []byte          { return s.text() }
func (s *prefixSource) point() []byte         { return blob(s) }

func (s *prefixSource) lead() (head, step uint64) {
	head = uint64(s.numbers.byte())
	return head, s.numbers.u()
}

func (s *prefixSource) text() []byte {
	n := s.numbers.u()
	if n>>1 > maxChange {
		s.fail(errTooLarge, "a text of %d bytes", n>>1)
	}
	if s.failed() != nil {
		return nil
	}
	b := bytes.Clone(s.letters.take(int(n >> 1)))
	if n&1 == 0 || s.letters.err != nil {
		return b
	}
	out, err := unfold(b)
	if err != nil {
		s.letters.err = fmt.Errorf("unfold: %w", err)
	}
	return out
}

func (s *prefixSource) fail(class error, format string, args ...any) {
	s.numbers.fail(class, format, args...)
}

func (s *prefixSource) failed() error {
	for _, r := range []*reader{s.numbers, s.raw, s.letters} {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

func (s *prefixSource) end() error {
	for _, r := range []*reader{s.raw, s.numbers, s.letters} {
		if err := r.end(errMalformed); err != nil {
			return err
		}
	}
	return nil
}

// blob reads {length} and as many raw bytes.
func blob(s source) []byte {
	n := s.u("length")
	if n > maxChange {
		s.fail(errTooLarge, "%d bytes", n)
	}
	if s.failed() != nil {
		return nil
	}
	return bytes.Clone(s.rawBytes(int(n)))
}

// arithmetic is the code of section 10.4.
type arithmetic struct {
	b             []byte
	at            int
	width, offset uint32
	err           error
}

func newArithmetic(b []byte) *arithmetic {
	a := &arithmetic{b: b, width: 1<<32 - 1}
	for range 4 {
		a.offset = a.offset<<8 | a.next()
	}
	return a
}

func (a *arithmetic) fail(class error, format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf("%w: %s (at byte %d of the code)", class, fmt.Sprintf(format, args...), a.at)
	}
}

func (a *arithmetic) next() uint32 {
	a.at++
	if a.at > len(a.b)+4 {
		a.fail(errTruncated, "the code ends")
	}
	if a.at > len(a.b) {
		return 0
	}
	return uint32(a.b[a.at-1])
}

func (a *arithmetic) move() {
	for a.width < 1<<24 {
		a.width, a.offset = a.width<<8, a.offset<<8|a.next()
	}
}

// chance is how likely a 0 is, less 2048, and how often it was asked.
type chance struct {
	z int32
	n int
}

var rates = [16]uint{1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5}

func (a *arithmetic) bit(c *chance) uint64 {
	z := uint32(c.z + 2048)
	part := (a.width >> 12) * z
	one := a.offset >= part
	if one {
		a.offset, a.width = a.offset-part, a.width-part
		z -= z >> rates[c.n]
	} else {
		a.width = part
		z += (4096 - z) >> rates[c.n]
	}
	c.z, c.n = int32(z)-2048, min(c.n+1, 15)
	a.move()
	if one {
		return 1
	}
	return 0
}

func (a *arithmetic) flat(k int) (v uint64) {
	for k > 0 {
		p := min(k, 8)
		a.width >>= p
		piece := min(a.offset/a.width, 1<<p-1)
		a.offset -= piece * a.width
		a.move()
		v, k = v<<p|uint64(piece), k-p
	}
	return v
}

// tree is chances by the node's number, made when they are met.
type tree map[uint64]*chance

func (a *arithmetic) tree(t tree, k int) uint64 {
	node := uint64(1)
	for range k {
		c := t[node]
		if c == nil {
			c = &chance{}
			t[node] = c
		}
		node = node<<1 | a.bit(c)
	}
	return node - 1<<k
}

// counter codes numbers.
type counter struct {
	size, more tree
	below      map[int]tree
	small      int
}

func newCounter(small int) *counter {
	return &counter{size: tree{}, more: tree{}, below: map[int]tree{}, small: small}
}

func (a *arithmetic) counted(c *counter) uint64 {
	s := int(a.tree(c.size, 4))
	if s == 15 {
		s += int(a.tree(c.more, 6))
	}
	if s > 64 {
		a.fail(errMalformed, "a number of %d bits", s)
		return 0
	}
	if s <= 1 {
		return uint64(s)
	}
	t := c.below[s]
	if t == nil {
		t = tree{}
		c.below[s] = t
	}
	if s <= c.small {
		return 1<<(s-1) | a.tree(t, s-1)
	}
	top := 4 | a.tree(t, 2)
	return top<<(s-3) | a.flat(s-3)
}

const (
	smallNumbers = 8
	smallWords   = 12
	maxColumns   = 256
	maxWords     = 16384
	maxCodes     = 255
	maxKnown     = 32
)

type columnName struct{ form, field, sub uint64 }

type column struct {
	next, value         *counter
	same, alike         chance
	head, typ           uint64
	day                 int64
	latitude, longitude int64
	codes               [][]byte
	links               []id
}

// modelSource is section 9 with the model that learns.
type modelSource struct {
	*arithmetic
	raw         *reader
	counters    map[string]*counter
	columns     map[columnName]*column
	shared      *column
	form, field uint64
	home, at    *column
	words       [][]byte
	letters     map[byte]tree
}

func newModelSource(raw, code []byte) *modelSource {
	return &modelSource{arithmetic: newArithmetic(code), raw: &reader{b: raw}, counters: map[string]*counter{}, columns: map[columnName]*column{}, letters: map[byte]tree{}}
}

func (s *modelSource) u(name string) uint64 {
	name = strings.TrimPrefix(name, "~")
	c := s.counters[name]
	if c == nil {
		small := smallNumbers
		if name == "word" {
			small = smallWords
		}
		c = newCounter(small)
		s.counters[name] = c
	}
	return s.counted(c)
}

func (s *modelSource) rawBytes(n int) []byte { return s.raw.take(n) }

func (s *modelSource) usual() bool {
	n := s.u("usual")
	if n > 1 {
		s.fail(errMalformed, "usual %d", n)
	}
	return n == 1
}

func (s *modelSource) tail() []byte {
	if !s.usual() {
		return s.raw.take(10)
	}
	t := make([]byte, 10)
	t[0] = 0x70 | byte(s.flat(4))
	t[2] = 0x80 | byte(s.flat(6))
	t[1] = s.raw.byte()
	copy(t[3:], s.raw.take(7))
	return t
}

func (s *modelSource) column(field, sub uint64) *column {
	name := columnName{s.form, field, sub}
	if c := s.columns[name]; c != nil {
		return c
	}
	fresh := &column{next: newCounter(smallNumbers), value: newCounter(smallNumbers)}
	switch {
	case len(s.columns) < maxColumns:
		s.columns[name] = fresh
	case s.shared == nil:
		s.shared = fresh
	default:
		return s.shared
	}
	return fresh
}

func (s *modelSource) count(form uint64) uint64 {
	s.form, s.field = form, 0
	s.home = s.column(0, 0)
	return s.counted(s.home.value)
}

func (s *modelSource) lead() (head, step uint64) {
	step = s.counted(s.home.next)
	if step >= 1<<32 || s.field+step >= 1<<32 {
		s.fail(errMalformed, "field %d after %d", step, s.field)
		return 0, 0
	}
	s.field += step
	s.home = s.column(s.field, 0)
	s.at = s.home
	if s.bit(&s.home.same) == 1 {
		s.home.head = s.u("heads")
	}
	return s.home.head, step
}

func (s *modelSource) sub() uint64 {
	n := s.counted(s.at.value)
	if n >= 1<<32 {
		s.fail(errMalformed, "sub-field %d", n)
		return 0
	}
	s.at = s.column(s.field, n)
	return n
}

func (s *modelSource) typ() uint64 {
	if s.bit(&s.at.alike) == 1 {
		s.at.typ = s.u("types")
	}
	return s.at.typ
}

func (s *modelSource) number(typ byte) uint64 {
	n := s.counted(s.at.value)
	if typ != typeDate && typ != typeYear {
		return n
	}
	s.at.day += unzigzag(n)
	return zigzag(s.at.day)
}

func (s *modelSource) known() (id, bool) {
	n := s.counted(s.at.value)
	if n == 0 {
		return id{}, false
	}
	if n > uint64(len(s.at.links)) {
		s.fail(errMalformed, "link %d of %d", n, len(s.at.links))
		return id{}, true
	}
	return s.at.links[n-1], true
}

func (s *modelSource) learn(v id) {
	if len(s.at.links) < maxKnown {
		s.at.links = append(s.at.links, v)
	}
}

func (s *modelSource) point() []byte {
	if !s.usual() {
		return blob(s)
	}
	s.at.latitude += unzigzag(s.u("latitude"))
	s.at.longitude += unzigzag(s.u("longitude"))
	accuracy := s.u("accuracy")
	if int64(int32(s.at.latitude)) != s.at.latitude || int64(int32(s.at.longitude)) != s.at.longitude || accuracy >= 1<<32 {
		s.fail(errMalformed, "a point that does not fit")
	}
	return putU(putZ(putZ(nil, s.at.latitude), s.at.longitude), accuracy)
}

func (s *modelSource) code() []byte {
	at := s.at
	n := s.counted(at.value)
	if n == 0 {
		t := s.text()
		if len(at.codes) < maxCodes {
			at.codes = append(at.codes, t)
		}
		return t
	}
	if n > uint64(len(at.codes)) {
		s.fail(errMalformed, "code %d of %d", n, len(at.codes))
		return nil
	}
	return at.codes[n-1]
}

func (s *modelSource) text() []byte {
	var out []byte
	for i := 0; s.failed() == nil; i++ {
		n := s.u("word")
		if n == 0 {
			break
		}
		if i > 0 {
			out = append(out, ' ')
		}
		var w []byte
		switch {
		case n == 1:
			w = s.word()
			if len(s.words) < maxWords {
				s.words = append(s.words, w)
			}
		case n-2 < uint64(len(s.words)):
			w = s.words[n-2]
		default:
			s.fail(errMalformed, "word %d of %d", n-2, len(s.words))
		}
		if out = append(out, w...); len(out) > maxChange {
			s.fail(errTooLarge, "a text of %d bytes", len(out))
		}
	}
	return out
}

func (s *modelSource) word() []byte {
	var w []byte
	for before := byte(' '); s.failed() == nil; {
		t := s.letters[before]
		if t == nil {
			t = tree{}
			s.letters[before] = t
		}
		if before = byte(s.tree(t, 8)); before == ' ' {
			break
		}
		if w = append(w, before); len(w) > 2*maxChange {
			s.fail(errTooLarge, "a word of %d bytes", len(w))
		}
	}
	if len(w) > 0 && w[0] == 0xfe {
		return w[1:]
	}
	out, err := unfold(w)
	if err != nil {
		s.arithmetic.err = fmt.Errorf("unfold: %w", err)
	}
	return out
}

func (s *modelSource) failed() error {
	if s.err != nil {
		return s.err
	}
	return s.raw.err
}

func (s *modelSource) end() error {
	if s.failed() == nil && s.arithmetic.at < len(s.b) {
		s.fail(errCanonical, "%d bytes after the end", len(s.b)-s.arithmetic.at)
	}
	if s.err != nil {
		return s.err
	}
	return s.raw.end(errMalformed)
}
