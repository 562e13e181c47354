// Package wire turns the vocabulary of syncproto into bytes and back: changes,
// record states, batches, receipts and messages, each with one canonical form,
// every length bounded before anything is allocated; no socket, clock or SQL.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The ways in which bytes can be wrong. Every decoder's error wraps one.
var (
	// ErrTruncated: the bytes end too early.
	ErrTruncated = errors.New("bytes end too early")
	// ErrNotCanonical: the content may be understood, but is not in its one form.
	ErrNotCanonical = errors.New("not in canonical form")
	// ErrTooLarge: a length or count is over its limit.
	ErrTooLarge = errors.New("over the limit")
	// ErrMalformed: a value that no writer makes.
	ErrMalformed = errors.New("malformed")
	// ErrSpoilt: secret and operations are not those that the header commits to.
	// Whoever carried the change damaged it; the author's are still to come.
	ErrSpoilt = errors.New("operations are not those the header commits to")
	// ErrTooNew: marked critical by a newer release; this program may not go on
	// without understanding it.
	ErrTooNew = errors.New("written by a newer release, which marked it as required reading")
)

// cursor reads a buffer front to back; the first error stays.
type cursor struct {
	buf []byte
	off int
	err error
}

func (c *cursor) fail(err error, what string) {
	if c.err == nil {
		c.err = fmt.Errorf("%s at byte %d: %w", what, c.off, err)
	}
}

func (c *cursor) left() int { return len(c.buf) - c.off }

func (c *cursor) byte(what string) byte {
	if c.err != nil {
		return 0
	}
	if c.left() < 1 {
		c.fail(ErrTruncated, what)
		return 0
	}
	b := c.buf[c.off]
	c.off++
	return b
}

// uvarint reads a minimal unsigned LEB128 number.
func (c *cursor) uvarint(what string) uint64 {
	if c.err != nil {
		return 0
	}
	n, k := binary.Uvarint(c.buf[c.off:])
	switch {
	case k == 0:
		c.fail(ErrTruncated, what)
		return 0
	case k < 0:
		c.fail(ErrTooLarge, what)
		return 0
	case k > 1 && c.buf[c.off+k-1] == 0:
		c.fail(ErrNotCanonical, what)
		return 0
	}
	c.off += k
	return n
}

// count reads a number of things, each of which takes at least min bytes.
func (c *cursor) count(what string, max, min int) int {
	n := c.uvarint(what)
	if c.err != nil {
		return 0
	}
	if n > uint64(max) {
		c.fail(ErrTooLarge, what)
		return 0
	}
	if n*uint64(min) > uint64(c.left()) {
		c.fail(ErrTruncated, what)
		return 0
	}
	return int(n)
}

// bytes reads n bytes; the slice belongs to the buffer.
func (c *cursor) bytes(what string, n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > c.left() {
		c.fail(ErrTruncated, what)
		return nil
	}
	b := c.buf[c.off : c.off+n : c.off+n]
	c.off += n
	return b
}

// prefixed reads a length of at most max and that many bytes.
func (c *cursor) prefixed(what string, max int) []byte {
	n := c.uvarint(what)
	if c.err != nil {
		return nil
	}
	if n > uint64(max) {
		c.fail(ErrTooLarge, what)
		return nil
	}
	return c.bytes(what, int(n))
}

func (c *cursor) id(what string) (id [16]byte) {
	copy(id[:], c.bytes(what, 16))
	return id
}

func (c *cursor) hash(what string) (h [32]byte) {
	copy(h[:], c.bytes(what, 32))
	return h
}

// end says that nothing may be left.
func (c *cursor) end(what string) error {
	if c.err == nil && c.left() != 0 {
		c.fail(ErrNotCanonical, "bytes after the end of "+what)
	}
	return c.err
}

func appendUvarint(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

func appendPrefixed[S string | []byte](b []byte, s S) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
