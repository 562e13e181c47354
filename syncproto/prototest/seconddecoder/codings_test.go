package seconddecoder

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// The coding numbers of section 10.1.
const (
	codingPlain  = 0
	codingZstd   = 1
	codingPrefix = 2
	codingModel  = 3
)

// wireDir holds the document, its vectors and its dictionaries.
const wireDir = "../../wire"

// dictionaries are what coding 2 needs.
type dictionaries struct {
	numbers, letters prefixCodes
}

func loadDictionaries(t testing.TB) *dictionaries {
	t.Helper()
	codes, err := os.ReadFile(filepath.Join(wireDir, "dict", "1.codes"))
	if err != nil {
		t.Fatalf("read dictionary 1: %v", err)
	}
	d := &dictionaries{}
	if len(codes) < 512 || (len(codes)-512)%128 != 0 {
		t.Fatalf("dictionary 1 has %d bytes", len(codes))
	}
	tables := make([]*prefixTable, (len(codes)-512)/128)
	for i := range tables {
		if tables[i], err = newPrefixTable(codes[512+128*i:][:128]); err != nil {
			t.Fatalf("dictionary 1, context %d: %v", i, err)
		}
	}
	for b := range 256 {
		if int(codes[b]) >= len(tables) || int(codes[256+b]) >= len(tables) {
			t.Fatalf("dictionary 1: byte %d has no context", b)
		}
		d.numbers[b], d.letters[b] = tables[codes[b]], tables[codes[256+b]]
	}
	return d
}

// prefixCodes are the tables by the byte before.
type prefixCodes [256]*prefixTable

// prefixTable is a canonical code: per length the first code, how many there are, and their bytes in order.
type prefixTable struct {
	first, count [16]int
	start        [16]int
	bytes        []byte
}

func newPrefixTable(packed []byte) (*prefixTable, error) {
	t := &prefixTable{}
	var lengths [256]int
	for i := range lengths {
		n := packed[i/2] >> 4
		if i%2 == 1 {
			n = packed[i/2] & 15
		}
		if n == 0 {
			return nil, fmt.Errorf("byte %d has no code", i)
		}
		lengths[i] = int(n)
	}
	code := 0
	for n := 1; n <= 15; n++ {
		code <<= 1
		t.first[n], t.start[n] = code, len(t.bytes)
		for b, l := range lengths {
			if l == n {
				t.bytes = append(t.bytes, byte(b))
				code++
			}
		}
		t.count[n] = code - t.first[n]
		if code > 1<<n {
			return nil, fmt.Errorf("too many codes of up to %d bits", n)
		}
	}
	return t, nil
}

// bitReader reads bits, most significant first.
type bitReader struct {
	b   []byte
	off int
}

func (r *bitReader) bit() (int, bool) {
	if r.off >= 8*len(r.b) {
		return 0, false
	}
	v := r.b[r.off/8] >> (7 - r.off%8) & 1
	r.off++
	return int(v), true
}

func (r *bitReader) stream(n int, codes *prefixCodes) ([]byte, error) {
	out := make([]byte, 0, n)
	before := byte(0)
	for range n {
		t := codes[before]
		code, found := 0, false
		for l := 1; l <= 15 && !found; l++ {
			b, ok := r.bit()
			if !ok {
				return nil, fmt.Errorf("%w: codes of %d bytes end at %d", errTruncated, n, len(out))
			}
			code = code<<1 | b
			if i := code - t.first[l]; i >= 0 && i < t.count[l] {
				before, found = t.bytes[t.start[l]+i], true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: bits that are no code", errMalformed)
		}
		out = append(out, before)
	}
	return out, nil
}

// prefixDecode reads coding 2.
func (d *dictionaries) prefixDecode(b []byte) (numbers, letters []byte, err error) {
	r := &reader{b: b}
	n, l := r.u(), r.u()
	if r.err != nil {
		return nil, nil, r.err
	}
	if n > maxUnpacked || l > maxUnpacked {
		return nil, nil, fmt.Errorf("%w: %d numbers and %d letters", errTooLarge, n, l)
	}
	if n+l > 8*uint64(r.rest()) {
		return nil, nil, fmt.Errorf("%w: %d numbers and %d letters in %d bytes", errTruncated, n, l, r.rest())
	}
	bits := &bitReader{b: r.take(r.rest())}
	if numbers, err = bits.stream(int(n), &d.numbers); err != nil {
		return nil, nil, err
	}
	if letters, err = bits.stream(int(l), &d.letters); err != nil {
		return nil, nil, err
	}
	if 8*len(bits.b)-bits.off > 7 {
		return nil, nil, fmt.Errorf("%w: bytes after the codes", errMalformed)
	}
	for {
		v, ok := bits.bit()
		if !ok {
			return numbers, letters, nil
		}
		if v != 0 {
			return nil, nil, fmt.Errorf("%w: the last byte is not filled with zeros", errMalformed)
		}
	}
}

// zstdDecode reads a zstd frame without its magic.
func zstdDecode(b []byte) ([]byte, error) {
	size, err := zstdSize(b)
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("open zstd: %w", err)
	}
	defer dec.Close()
	out, err := dec.DecodeAll(append([]byte{0x28, 0xb5, 0x2f, 0xfd}, b...), make([]byte, 0, size))
	if err != nil || uint64(len(out)) != size {
		return nil, fmt.Errorf("%w: zstd: %w", errMalformed, err)
	}
	return out, nil
}

// zstdSize walks one frame and gives its content size, if section 10.1 allows it.
func zstdSize(b []byte) (uint64, error) {
	r := &reader{b: b}
	head := r.byte()
	single := head&0x20 != 0
	if head&0x1c != 0 {
		r.fail(errMalformed, "zstd: a checksum or reserved bits")
	}
	if !single {
		r.byte() // the window, no more than content size and memory bound let it matter
	}
	little := func(n int) uint64 {
		var p [8]byte
		copy(p[:], r.take(n))
		return binary.LittleEndian.Uint64(p[:])
	}
	if n := []int{0, 1, 2, 4}[head&3]; n > 0 {
		if d := little(n); r.err == nil {
			r.fail(errMalformed, "zstd: dictionary %d", d)
		}
	}
	var size uint64
	switch head >> 6 {
	case 0:
		if !single {
			r.fail(errMalformed, "zstd: no content size")
		}
		size = little(1)
	case 1:
		size = little(2) + 256
	case 2:
		size = little(4)
	case 3:
		size = little(8)
	}
	if r.err == nil && size > maxUnpacked {
		r.fail(errTooLarge, "zstd: content of %d bytes", size)
	}
	var room uint64
	for last := false; !last && r.err == nil; {
		h := little(3)
		last = h&1 != 0
		n := h >> 3
		switch h >> 1 & 3 {
		case 0:
			room += n
			r.take(int(n))
		case 1:
			room += n
			r.take(1)
		case 2:
			room += 128 << 10
			r.take(int(n))
		case 3:
			r.fail(errMalformed, "zstd: a reserved block")
		}
	}
	if r.end(errMalformed) == nil && size > room {
		r.fail(errMalformed, "zstd: %d bytes announced, room for %d", size, room)
	}
	if r.err != nil {
		// A frame cut short is, like every other flaw inside a coding, a frame that no writer makes.
		return 0, &flaw{errMalformed, r.err}
	}
	return size, nil
}

// folds are the letters of section 10.3 in the order of their bytes from 0x80 on.
var folds = func() []rune {
	var out []rune
	for _, span := range [][2]rune{{0x621, 0x63a}, {0x640, 0x652}, {0x660, 0x669}, {0x6f0, 0x6f9}} {
		for c := span[0]; c <= span[1]; c++ {
			out = append(out, c)
		}
	}
	return append(out, 0x067E, 0x0686, 0x0698, 0x06A9, 0x06AF, 0x06CC, 0x06C0, 0x06D5, 0x06BE, 0x06C1, 0x0654, 0x0670, 0x0671, 0x060C, 0x061B,
		0x061F, 0x066A, 0x066B, 0x066C, 0x200C, 0x200D, 0x200E, 0x200F, 0x00A0, 0x00AB, 0x00BB, 0x2013, 0x2014, 0x2026,
		0x2022, 0x201C, 0x201D, 0x2018, 0x2019, 0x00D7, 0x00F7, 0x00B0)
}()

func unfold(b []byte) ([]byte, error) {
	out := make([]byte, 0, 2*len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c < 0x80:
			out = append(out, c)
		case c == 0xff:
			if i++; i == len(b) {
				return nil, fmt.Errorf("%w: an escape at the end", errTruncated)
			}
			out = append(out, b[i])
		case int(c)-0x80 < len(folds):
			out = append(out, string(folds[c-0x80])...)
		default:
			return nil, fmt.Errorf("%w: byte %#x stands for nothing", errMalformed, c)
		}
	}
	return out, nil
}

// fold is the form that unfold reads, letters before escapes.
func fold(b []byte) []byte {
	index := map[rune]byte{}
	for i, c := range folds {
		index[c] = byte(0x80 + i)
	}
	var out []byte
	for i := 0; i < len(b); {
		if b[i] < 0x80 {
			out = append(out, b[i])
			i++
			continue
		}
		if c, n := utf8.DecodeRune(b[i:]); c != utf8.RuneError {
			if f, ok := index[c]; ok {
				out = append(out, f)
				i += n
				continue
			}
		}
		out = append(out, 0xff, b[i])
		i++
	}
	return out
}

// prefixEncode writes coding 2, for vectors made by hand.
func (d *dictionaries) prefixEncode(numbers, letters []byte) []byte {
	out := putU(putU(nil, uint64(len(numbers))), uint64(len(letters)))
	var bits []byte
	for i, stream := range [][]byte{numbers, letters} {
		before := byte(0)
		for _, b := range stream {
			t := d.numbers[before]
			if i == 1 {
				t = d.letters[before]
			}
			code, l := t.codeOf(b)
			for l--; l >= 0; l-- {
				bits = append(bits, byte(code>>l&1))
			}
			before = b
		}
	}
	for len(bits)%8 != 0 {
		bits = append(bits, 0)
	}
	for i := 0; i < len(bits); i += 8 {
		var b byte
		for _, v := range bits[i : i+8] {
			b = b<<1 | v
		}
		out = append(out, b)
	}
	return out
}

// codeOf gives the code of a byte and its length.
func (t *prefixTable) codeOf(b byte) (code, length int) {
	for l := 1; l <= 15; l++ {
		if i := bytes.IndexByte(t.bytes[t.start[l]:t.start[l]+t.count[l]], b); i >= 0 {
			return t.first[l] + i, l
		}
	}
	return 0, 0
}
