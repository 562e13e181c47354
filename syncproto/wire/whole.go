package wire

import (
	"crypto/sha256"
	"fmt"

	"mahalleh/syncproto"
)

// WholeRecord turns a record as AppendStoredRecord wrote it into what
// AppendRecord makes of it for who holds nothing, nil if it is erased. It copies
// what both forms share instead of making the record of it: a first load sends
// every record there is.
func WholeRecord(stored []byte) ([]byte, error) {
	c := &cursor{buf: stored}
	flags := c.uvarint("record flags")
	if c.err == nil && flags&^flagErased != flagServer {
		c.fail(ErrMalformed, "stored record without bookkeeping")
	}
	if c.err == nil && flags&flagErased != 0 {
		return nil, nil
	}
	c.skip(16, "record")
	c.uvarint("form")
	c.skip(32, "created, home")
	c.uvarint("number")
	c.skip(16, "latest")
	c.skip(16*c.count("authors", syncproto.MaxRecordCells, 16), "authors")
	for range c.count("versions", syncproto.MaxRecordVersions, 20) {
		c.skip(16, "version")
		for range 4 {
			c.uvarint("version")
		}
	}
	c.skip(16*c.count("items", syncproto.MaxRecordCells, 16), "items")
	n := c.count("cells", syncproto.MaxRecordCells, 2)
	if c.err != nil {
		return nil, fmt.Errorf("read stored record: %w", c.err)
	}
	out := make([]byte, 0, len(stored))
	out = append(appendUvarint(out, 0), stored[1:c.off]...)
	for range n {
		start := c.off
		candidates := c.skipCell()
		out = append(out, stored[start:c.off]...)
		c.uvarint("position")
		if c.err != nil {
			return nil, fmt.Errorf("read stored record: %w", c.err)
		}
		if candidates == 0 {
			// Only the server keeps such a cell, and perhaps an item in the table.
			return wholeAnew(stored)
		}
	}
	return out, nil
}

// HashOfWhole is StateHash of a record from its bytes, as AppendRecord wrote it
// whole; DecodeRecord has accepted them.
func HashOfWhole(b []byte) ([16]byte, error) {
	c := &cursor{buf: b}
	flags := c.uvarint("record flags")
	c.skip(16, "record")
	c.uvarint("form")
	c.skip(32, "created, home")
	before := c.off
	c.uvarint("number")
	if c.err == nil && flags&^flagErased != 0 {
		c.fail(ErrMalformed, "a record that is not whole")
	}
	if c.err != nil {
		return [16]byte{}, fmt.Errorf("hash record: %w", c.err)
	}
	h := sha256.New()
	h.Write([]byte("mahalleh record 1\n"))
	h.Write(b[:before])
	h.Write([]byte{0})
	h.Write(b[c.off:])
	return [16]byte(h.Sum(nil)), nil
}

func wholeAnew(stored []byte) ([]byte, error) {
	s, err := DecodeStoredRecord(stored)
	if err != nil {
		return nil, err
	}
	return AppendRecord(nil, s, 0), nil
}

func (c *cursor) skip(n int, what string) { c.bytes(what, n) }

// skipCell steps over a cell, but for its position, and returns how many
// candidates it has.
func (c *cursor) skipCell() int {
	key := c.uvarint("cell")
	if key&1 != 0 {
		c.uvarint("item")
		c.uvarint("sub-field")
	}
	if key&2 != 0 {
		c.skipValue()
	}
	n := c.count("candidates", syncproto.MaxRecordVersions, 1)
	for range n {
		c.uvarint("candidate's version")
		if key&2 == 0 {
			c.skipValue()
		}
	}
	return n
}

func (c *cursor) skipValue() {
	switch syncproto.ValueType(c.byte("value")).Class() {
	case syncproto.ClassVarint:
		c.uvarint("value")
	case syncproto.ClassFixed:
		c.skip(16, "value")
	case syncproto.ClassBytes:
		c.prefixed("value", syncproto.MaxChange)
	}
}
