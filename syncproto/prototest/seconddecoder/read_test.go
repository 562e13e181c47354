package seconddecoder

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// The classes of section 1. A text of a class is what the vectors call it.
var (
	errTruncated   = errors.New("truncated")
	errCanonical   = errors.New("not canonical")
	errTooLarge    = errors.New("too large")
	errMalformed   = errors.New("malformed")
	errTooNew      = errors.New("too new")
	errSpoilt      = errors.New("spoilt")
	errSignature   = errors.New("signature")
	errChain       = errors.New("chain")
	errUnknownRef  = errors.New("unknown ref")
	errUnknownDict = errors.New("unknown dictionary")
	errUnknownMsg  = errors.New("unknown message")
)

// classes lists every class, for classOf.
var classes = []error{
	errTruncated, errCanonical, errTooLarge, errMalformed, errTooNew, errSpoilt,
	errSignature, errChain, errUnknownRef, errUnknownDict, errUnknownMsg,
}

// classOf names the class of err, "" if it has none.
func classOf(err error) string {
	for _, c := range classes {
		if errors.Is(err, c) {
			return c.Error()
		}
	}
	return ""
}

// The limits of section 15 that more than one file needs.
const (
	maxChange   = 256 << 10
	maxUnpacked = 4 << 20
	maxOps      = 4096
	maxUnknown  = 64
)

type id [16]byte
type hash [32]byte

func (i id) String() string   { return hex.EncodeToString(i[:]) }
func (h hash) String() string { return hex.EncodeToString(h[:]) }

// reader reads from b; after the first flaw it returns zeros and keeps that flaw in err, so callers look once, at the end.
type reader struct {
	b   []byte
	off int
	err error
}

func (r *reader) fail(class error, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s (at byte %d)", class, fmt.Sprintf(format, args...), r.off)
	}
}

func (r *reader) rest() int { return len(r.b) - r.off }

// take gives the next n bytes, which stay part of the reader's.
func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.rest() {
		r.fail(errTruncated, "%d bytes wanted, %d left", n, r.rest())
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// u reads an unsigned number of at most 64 bits in its shortest form.
func (r *reader) u() uint64 {
	var v uint64
	for i := 0; r.err == nil; i++ {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if i == 9 && c > 1 {
			r.fail(errTooLarge, "a number over 64 bits")
			return 0
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if c == 0 && i > 0 {
				r.fail(errCanonical, "a number that is not minimal")
				return 0
			}
			return v
		}
	}
	return 0
}

// uBits is u of at most n bits; more is of the class given.
func (r *reader) uBits(n int, class error) uint64 {
	v := r.u()
	if r.err == nil && bits.Len64(v) > n {
		r.fail(class, "a number over %d bits", n)
		return 0
	}
	return v
}

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }

func (r *reader) z() int64 { return unzigzag(r.u()) }

// count reads how many entries of at least size bytes follow, up to limit.
func (r *reader) count(limit, size int) int {
	n := r.u()
	if r.err != nil {
		return 0
	}
	if n > uint64(limit) {
		r.fail(errTooLarge, "%d entries, at most %d", n, limit)
		return 0
	}
	if int(n)*size > r.rest() {
		r.fail(errTruncated, "%d entries announced, %d bytes left", n, r.rest())
		return 0
	}
	return int(n)
}

// bytes reads a length, at most limit, and that many bytes.
func (r *reader) bytes(limit int) []byte {
	n := r.count(limit, 1)
	return r.take(n)
}

func (r *reader) id() (v id) {
	copy(v[:], r.take(len(v)))
	return v
}

func (r *reader) hash() (v hash) {
	copy(v[:], r.take(len(v)))
	return v
}

// end says that nothing may follow; what does is of the class given.
func (r *reader) end(class error) error {
	if r.err == nil && r.rest() > 0 {
		r.fail(class, "%d bytes after the end", r.rest())
	}
	return r.err
}

// text checks that b is UTF-8.
func (r *reader) text(b []byte) string {
	if r.err == nil && !utf8.Valid(b) {
		r.fail(errMalformed, "text that is not UTF-8")
	}
	return string(b)
}

// putU, putZ and putBytes are the writing halves.
func putU(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func putZ(b []byte, v int64) []byte { return putU(b, zigzag(v)) }

func putBytes(b, p []byte) []byte { return append(putU(b, uint64(len(p))), p...) }
