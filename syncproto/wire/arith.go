package wire

import "math/bits"

// An arithmetic coder that learns: every bit is coded with the chance that the
// model gives it, and the model is told. One struct serves both ends, so that
// they cannot part: what a writer hands in, a reader gets back. FORMAT.md says
// what a reader does.

// chance is how likely a bit is 0: the upper twelve bits, exclusive-or 2048, in
// 1/4096; the lower four count what was learnt. The zero value is one half.
type chance uint16

// learnt is, by what was learnt before, how far the next bit moves a chance: by
// a half of what is left, by a quarter, in the end by a thirty-second.
var learnt = [16]uint8{1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5}

// coder codes bits, one way or the other.
type coder struct {
	width uint32 // of the interval that stands for what was coded, at least least

	// in is what is read, at the byte that comes next, offset where the
	// stream lies in the interval.
	reading bool
	in      []byte
	at      int
	offset  uint32
	// bad says that what was read is nothing that a writer makes.
	bad bool

	// out is what is written, low where the interval begins, its lowest 32 bits
	// still to come; held is the byte before them and as many 255s as pending
	// says, to which a one may still have to be carried.
	out     []byte
	low     uint64
	held    byte
	pending int
}

// least is the width below which a byte is moved on.
const least = 1 << 24

func newWriting() *coder { return &coder{width: 1<<32 - 1} }

func newReading(in []byte) *coder {
	c := &coder{width: 1<<32 - 1, in: in, reading: true}
	for range 4 {
		c.offset = c.offset<<8 | c.take()
	}
	return c
}

// take reads a byte; after the last one come zeros, see over.
func (c *coder) take() (b uint32) {
	if c.at < len(c.in) {
		b = uint32(c.in[c.at])
	}
	c.at++
	return b
}

// over says that a reader has asked for more than any writer leaves out.
func (c *coder) over() bool { return c.at > len(c.in)+4 }

// move makes room in the interval.
func (c *coder) move() {
	for c.width < least {
		c.width <<= 8
		if c.reading {
			c.offset = c.offset<<8 | c.take()
		} else {
			c.shift()
		}
	}
}

// shift writes the highest byte of low.
func (c *coder) shift() {
	if c.low < 0xff<<24 || c.low >= 1<<32 {
		carry := byte(c.low >> 32)
		c.out = append(c.out, c.held+carry)
		for ; c.pending > 0; c.pending-- {
			c.out = append(c.out, 0xff+carry)
		}
		c.held = byte(c.low >> 24)
	} else {
		c.pending++
	}
	c.low = c.low << 8 & (1<<32 - 1)
}

// learn is the chance after one more bit: one has all bits set if that was a one,
// none if it was a zero.
func (s chance) learn(one uint32) chance {
	zero, n := uint32(s>>4)^2048, uint32(s&15)
	rate := learnt[n]
	zero += (4096-zero)>>rate&^one - zero>>rate&one
	n++
	return chance((zero^2048)<<4 | (n - n>>4)) // 15 stays 15
}

// bit codes one bit: a writer hands it in, both get it back.
func (c *coder) bit(p *chance, b uint32) uint32 {
	part := c.width >> 12 * (uint32(*p>>4) ^ 2048)
	if c.reading {
		b = 0
		if c.offset >= part {
			b = 1
		}
	}
	*p = p.learn(-b)
	if b == 0 {
		c.width = part
	} else {
		c.low += uint64(part)
		c.offset -= part
		c.width -= part
	}
	if c.width < least {
		c.move()
	}
	return b
}

// flat codes the n lowest bits of a number, each as likely as not, at most
// eight in one step, the highest first.
func (c *coder) flat(n int, v uint64) (got uint64) {
	for n > 0 {
		k := min(n, 8)
		n -= k
		c.width >>= k
		part := uint32(v>>n) & (1<<k - 1)
		if c.reading {
			part = min(c.offset/c.width, 1<<k-1)
		}
		c.low += uint64(part) * uint64(c.width)
		c.offset -= part * c.width
		got = got<<k | uint64(part)
		c.move()
	}
	return got
}

// tree codes the n lowest bits of a number, highest first, each with a chance
// of its own after those before it. What it returns has a one before them. Nearly
// all that is packed goes through it, so that both ways are bit in a loop of their
// own, and what a bit is decides nothing that the processor would have to guess.
func (c *coder) tree(p []chance, n int, v uint64) uint64 {
	if c.reading {
		return c.readTree(p, n)
	}
	p = p[:1<<n]
	width, node := c.width, uint64(1)
	for n--; n >= 0; n-- {
		s, b := p[node], uint32(v>>n)&1
		part, one := width>>12*(uint32(s>>4)^2048), -b
		p[node] = s.learn(one)
		c.low += uint64(part & one)
		width = part ^ (part^(width-part))&one
		node = node<<1 | uint64(b)
		for width < least {
			width <<= 8
			c.shift()
		}
	}
	c.width = width
	return node
}

func (c *coder) readTree(p []chance, n int) uint64 {
	p = p[:1<<n]
	width, offset, node := c.width, c.offset, uint64(1)
	for range n {
		s := p[node]
		part := width >> 12 * (uint32(s>>4) ^ 2048)
		one := uint32((int64(part) - 1 - int64(offset)) >> 63) // offset >= part
		p[node] = s.learn(one)
		offset -= part & one
		width = part ^ (part^(width-part))&one
		node = node<<1 | uint64(one&1)
		for width < least {
			width <<= 8
			offset = offset<<8 | c.take()
		}
	}
	c.width, c.offset = width, offset
	return node
}

// finish ends what is written: the fewest bytes that, with zeros after them, lie
// in the interval. The byte before the first, always zero, is left out.
func (c *coder) finish() []byte {
	for drop := 32; drop >= 0; drop -= 8 {
		keep := uint64(1)<<drop - 1
		if v := (c.low + keep) &^ keep; v < c.low+uint64(c.width) {
			c.low = v
			break
		}
	}
	for range 5 {
		c.shift()
	}
	out := c.out[1:]
	for range 4 {
		if n := len(out); n > 0 && out[n-1] == 0 {
			out = out[:n-1]
		}
	}
	return out
}

// counter codes numbers: how many bits one has, then the bits below the first,
// each with a chance of its own in small numbers, in large ones the first two.
type counter struct {
	size  [16]chance
	more  [64]chance
	small []chance // 1 << bits of a small number
	large [256]chance
}

func newCounter(width int) *counter { return &counter{small: make([]chance, 1<<width)} }

func (c *coder) count(k *counter, v uint64) uint64 {
	size := uint64(bits.Len64(v))
	got := c.tree(k.size[:], 4, min(size, 15)) & 15
	if got == 15 {
		if got += c.tree(k.more[:], 6, size-15) & 63; got > 64 {
			c.bad = true
			return 0
		}
	}
	switch n := int(got) - 1; {
	case n <= 0:
		return got
	case n < 16 && 1<<n < len(k.small):
		return c.tree(k.small[1<<n:], n, v)
	default:
		top := c.tree(k.large[n*4:], 2, v>>(n-2))
		return top<<(n-2) | c.flat(n-2, v)
	}
}
