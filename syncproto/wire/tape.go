package wire

import (
	"fmt"

	"mahalleh/syncproto"
)

// tape is what packed changes are written to and read from: a writer hands a
// value in, a reader hands in anything, and both get the value back. There are
// two: streams, whose bytes get fixed prefix codes, for few changes, and
// adaptive, which learns from one change to the next, for many.
type tape interface {
	// num codes a number that resembles others of its kind, noise one that does
	// not.
	num(w where, n uint64) uint64
	noise(w where, n uint64) uint64
	// bytes codes bytes that nothing compresses, tail the last ten of an id that
	// begins with its time.
	bytes(b []byte)
	tail(b []byte)
	// left is how many bytes of that kind there still are for a reader.
	left() int

	// ops begins the operations of a change, n of them; lead goes on to one, by
	// how it leads and how many fields after the one before; sub is the sub-field
	// of its item, typ the type of its value.
	ops(form uint32, n uint64) uint64
	lead(head, step uint64) (uint64, uint64)
	sub(n uint64) uint64
	typ(n uint64) uint64

	// Values of the field at hand. known says whether a record that is referred
	// to is one that the tape remembers for the field; if not, it is given to
	// learn once it is read.
	number(t syncproto.ValueType, n uint64) uint64
	known(id *[16]byte) bool
	learn(id [16]byte)
	point(payload string) string
	code(s string) string
	text(s string) string

	// allow bounds the bytes that texts may still take; fail notes the first
	// error, err returns it.
	allow(room int)
	fail(err error, what string)
	err() error
}

// where names a kind of number.
type where uint8

const (
	whereMask where = iota
	whereVerb
	whereForm
	wherePackage
	whereScope
	whereAuthor
	whereRole
	whereGrants
	whereCorrection
	whereBoot
	whereOrigin
	whereTime
	whereUptime
	whereRecord
	whereOffset
	whereBase
	whereParent
	whereGroup
	whereExtra
	whereLength
	whereItem
	whereName
	whereID
	whereAlike
	whereKind
	whereUsual
	whereLatitude
	whereLongitude
	whereAccuracy
	whereNumber
	whereAuthors
	whereVersions
	whereVersion
	whereAuthorOf
	whereItems
	whereItemOf
	whereCandidates
	whereCandidate
	numWhere
)

// streams are the tape of fixed codes: numbers and letters, byte by byte, apart.
type streams struct {
	fold               *folder
	reading            bool
	raw, nums, letters cursor
	room               int
}

func (s *streams) num(_ where, n uint64) uint64 { return s.uvarint(&s.nums, n) }

func (s *streams) noise(_ where, n uint64) uint64 { return s.uvarint(&s.raw, n) }

func (s *streams) uvarint(c *cursor, n uint64) uint64 {
	if s.reading {
		return c.uvarint("packed changes")
	}
	c.buf = appendUvarint(c.buf, n)
	return n
}

func (s *streams) bytes(b []byte) { rawBytes(&s.raw, s.reading, b) }

func (s *streams) tail(b []byte) { s.bytes(b) }

func (s *streams) left() int { return s.raw.left() }

// rawBytes writes or reads bytes as they are.
func rawBytes(c *cursor, reading bool, b []byte) {
	if reading {
		copy(b, c.bytes("ids and secrets", len(b)))
	} else {
		c.buf = append(c.buf, b...)
	}
}

func (s *streams) ops(_ uint32, n uint64) uint64 { return s.num(0, n) }

// lead writes head as one byte.
func (s *streams) lead(head, step uint64) (uint64, uint64) {
	if s.reading {
		head = uint64(s.nums.byte("operation"))
	} else {
		s.nums.buf = append(s.nums.buf, byte(head))
	}
	return head, s.num(0, step)
}

func (s *streams) sub(n uint64) uint64 { return s.num(0, n) }

func (s *streams) typ(n uint64) uint64 { return s.num(0, n) }

func (s *streams) number(_ syncproto.ValueType, n uint64) uint64 { return s.num(0, n) }

func (s *streams) known(*[16]byte) bool { return false }

func (s *streams) learn([16]byte) {}

func (s *streams) point(payload string) string {
	n := s.num(whereLength, uint64(len(payload)))
	if !s.reading {
		s.raw.buf = append(s.raw.buf, payload...)
		return payload
	}
	return string(s.spent(s.raw.prefix(n, "point")))
}

func (s *streams) code(t string) string { return s.text(t) }

// text writes bytes into the letters, folded if that is shorter:
// length<<1 | folded.
func (s *streams) text(t string) string {
	const what = "text"
	if !s.reading {
		start := len(s.letters.buf)
		s.letters.buf = s.fold.fold(s.letters.buf, t)
		if n := len(s.letters.buf) - start; n < len(t) {
			s.num(0, uint64(n)<<1|1)
			return t
		}
		s.letters.buf = append(s.letters.buf[:start], t...)
		s.num(0, uint64(len(t))<<1)
		return t
	}
	n := s.num(0, 0)
	b := s.letters.prefix(n>>1, what)
	if n&1 != 0 && s.err() == nil {
		var err error
		if b, err = s.fold.unfold(b, s.room); err != nil {
			s.fail(err, what)
			return ""
		}
	}
	return string(s.spent(b))
}

// spent counts what was read against the room for it.
func (s *streams) spent(b []byte) []byte {
	if s.room -= len(b); s.room < 0 {
		s.fail(ErrTooLarge, "text")
		return nil
	}
	return b
}

func (s *streams) allow(room int) { s.room = room }

func (s *streams) fail(err error, what string) { s.nums.fail(err, what) }

func (s *streams) err() error {
	for _, c := range []*cursor{&s.nums, &s.raw, &s.letters} {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// end says that all of the streams must have been read.
func (s *streams) end() error {
	for _, c := range []*cursor{&s.nums, &s.raw, &s.letters} {
		if err := c.end("packed changes"); err != nil {
			return err
		}
	}
	return nil
}

// prefix reads n bytes, at most a change's.
func (c *cursor) prefix(n uint64, what string) []byte {
	if n > syncproto.MaxChange {
		c.fail(ErrTooLarge, fmt.Sprintf("%s of %d bytes", what, n))
		return nil
	}
	return c.bytes(what, int(n))
}
