package wire

import (
	"fmt"

	"mahalleh/syncproto"
)

// Prefix codes shorten the packed changes of small batches better than zstd
// can: a code per context, the contexts chosen by the byte before, all of them
// trained once and fixed for ever. A table of them is: for numbers, then for
// letters, 256 bytes that give the context by the byte before (0 at the
// start); then per context 256 code lengths from 1 to 15 of four bits each,
// high half first. Codes are canonical: shorter before longer, and within a
// length by byte.

// maxCode bounds a code's length in bits.
const maxCode = 15

// maxContexts bounds the contexts of a table.
const maxContexts = 64

type prefixTable struct {
	contexts [2][256]byte // by stream: numbers, letters
	codes    []prefixCode
}

type prefixCode struct {
	code [256]uint16
	bits [256]uint8
	// first is, per length, the first code, start where its symbols begin in
	// symbols, count how many they are.
	first, start, count [maxCode + 1]int
	symbols             [256]byte
}

func readPrefixTable(b []byte) (*prefixTable, error) {
	n := (len(b) - 512) / 128
	if len(b) < 512+128 || len(b) != 512+128*n || n > maxContexts {
		return nil, fmt.Errorf("table of prefix codes of %d bytes: %w", len(b), ErrMalformed)
	}
	t := &prefixTable{codes: make([]prefixCode, n)}
	for i, c := range b[:512] {
		if int(c) >= n {
			return nil, fmt.Errorf("context %d: %w", c, ErrMalformed)
		}
		t.contexts[i/256][i%256] = c
	}
	for i := range t.codes {
		var lengths [256]uint8
		for j, c := range b[512+128*i : 512+128*(i+1)] {
			lengths[2*j], lengths[2*j+1] = c>>4, c&15
		}
		if err := t.codes[i].fill(lengths); err != nil {
			return nil, fmt.Errorf("context %d: %w", i, err)
		}
	}
	return t, nil
}

// fill makes the canonical codes of these lengths.
func (p *prefixCode) fill(lengths [256]uint8) error {
	p.bits = lengths
	next, at := 0, 0
	for n := 1; n <= maxCode; n++ {
		next <<= 1
		p.first[n], p.start[n] = next, at
		for s := range 256 {
			if lengths[s] == 0 {
				return fmt.Errorf("byte %d has no code: %w", s, ErrMalformed)
			}
			if int(lengths[s]) == n {
				p.code[s] = uint16(next)
				p.symbols[at] = byte(s)
				next++
				at++
			}
		}
		p.count[n] = at - p.start[n]
		if next > 1<<n {
			return fmt.Errorf("codes overlap: %w", ErrMalformed)
		}
	}
	return nil
}

// encode appends the number of numbers, the number of letters, and the codes
// of both, most significant bit first, the last byte filled with zeros.
func (t *prefixTable) encode(b, nums, letters []byte) []byte {
	b = appendUvarint(b, uint64(len(nums)))
	b = appendUvarint(b, uint64(len(letters)))
	var acc uint64
	var have uint
	for i, stream := range [][]byte{nums, letters} {
		prev := byte(0)
		for _, s := range stream {
			c := &t.codes[t.contexts[i][prev]]
			acc = acc<<c.bits[s] | uint64(c.code[s])
			for have += uint(c.bits[s]); have >= 8; have -= 8 {
				b = append(b, byte(acc>>(have-8)))
			}
			prev = s
		}
	}
	if have > 0 {
		b = append(b, byte(acc<<(8-have)))
	}
	return b
}

// decode reads all of the cursor.
func (t *prefixTable) decode(c *cursor, what string) (nums, letters []byte) {
	n, l := c.uvarint(what), c.uvarint(what)
	body := c.bytes(what, c.left())
	if c.err != nil {
		return nil, nil
	}
	// Every symbol takes at least one bit.
	room := uint64(len(body)) * 8
	if n > syncproto.MaxUnpacked || l > syncproto.MaxUnpacked || n+l > room {
		c.fail(ErrTruncated, what)
		return nil, nil
	}
	out := make([]byte, n+l)
	pos := 0
	for i, stream := range [][]byte{out[:n], out[n:]} {
		prev := byte(0)
		for j := range stream {
			s, ok := t.codes[t.contexts[i][prev]].next(body, &pos)
			if !ok {
				c.fail(ErrTruncated, what)
				return nil, nil
			}
			stream[j], prev = s, s
		}
	}
	// Nothing may hide behind the last code.
	if len(body) != (pos+7)/8 || pos%8 != 0 && body[pos/8]<<(pos%8) != 0 {
		c.fail(ErrNotCanonical, what)
	}
	return out[:n:n], out[n:]
}

// next reads one symbol at bit *pos.
func (p *prefixCode) next(body []byte, pos *int) (byte, bool) {
	code := 0
	for n := 1; n <= maxCode; n++ {
		if *pos >= 8*len(body) {
			return 0, false
		}
		code = code<<1 | int(body[*pos/8]>>(7-*pos%8)&1)
		*pos++
		if k := code - p.first[n]; k >= 0 && k < p.count[n] {
			return p.symbols[p.start[n]+k], true
		}
	}
	return 0, false
}
