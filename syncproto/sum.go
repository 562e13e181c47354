package syncproto

import (
	"encoding/binary"
	"math/bits"
)

// SumAdd adds two numbers of 128 bits, big endian, modulo 2^128. A scope's sum
// over the hashes of its records is built with it, so that the order in which
// they came does not matter and one record's change costs one step.
func SumAdd(a, b [16]byte) [16]byte {
	lo, carry := bits.Add64(binary.BigEndian.Uint64(a[8:]), binary.BigEndian.Uint64(b[8:]), 0)
	hi, _ := bits.Add64(binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(b[:8]), carry)
	return join(hi, lo)
}

// SumSub takes b from a, modulo 2^128.
func SumSub(a, b [16]byte) [16]byte {
	lo, borrow := bits.Sub64(binary.BigEndian.Uint64(a[8:]), binary.BigEndian.Uint64(b[8:]), 0)
	hi, _ := bits.Sub64(binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(b[:8]), borrow)
	return join(hi, lo)
}

func join(hi, lo uint64) (sum [16]byte) {
	binary.BigEndian.PutUint64(sum[:8], hi)
	binary.BigEndian.PutUint64(sum[8:], lo)
	return sum
}
