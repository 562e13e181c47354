package session

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// BucketSums are the additive sums, modulo 2^128 and big endian, of the state
// hashes of a scope's live records, by the bucket of the record.
type BucketSums [wire.Buckets][16]byte

// BucketOf returns the bucket of a record: the first byte of SHA-256(id).
// Ids hold a time, so their own bytes would fill the buckets unevenly.
func BucketOf(id syncproto.RecordID) byte {
	h := sha256.Sum256(id[:])
	return h[0]
}

// Add counts a record in.
func (s *BucketSums) Add(id syncproto.RecordID, stateHash [16]byte) {
	AddSum(&s[BucketOf(id)], stateHash)
}

// Total is the sum of the whole scope.
func (s *BucketSums) Total() (sum [16]byte) {
	for i := range s {
		AddSum(&sum, s[i])
	}
	return sum
}

// AddSum adds a state hash, or another sum, to a sum.
func AddSum(sum *[16]byte, hash [16]byte) {
	lo, carry := bits.Add64(binary.BigEndian.Uint64(sum[8:]), binary.BigEndian.Uint64(hash[8:]), 0)
	hi, _ := bits.Add64(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(hash[:8]), carry)
	binary.BigEndian.PutUint64(sum[:8], hi)
	binary.BigEndian.PutUint64(sum[8:], lo)
}

// SubSum takes a state hash, or another sum, out of a sum.
func SubSum(sum *[16]byte, hash [16]byte) {
	lo, borrow := bits.Sub64(binary.BigEndian.Uint64(sum[8:]), binary.BigEndian.Uint64(hash[8:]), 0)
	hi, _ := bits.Sub64(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(hash[:8]), borrow)
	binary.BigEndian.PutUint64(sum[:8], hi)
	binary.BigEndian.PutUint64(sum[8:], lo)
}

// PickBuckets returns the buckets in which two copies differ, ascending, as
// many of them as together hold at most maxEntries records by counts, but at
// least one if any differs.
func PickBuckets(mine, theirs *BucketSums, counts *[wire.Buckets]int, maxEntries int) []byte {
	var picked []byte
	left := maxEntries
	for i := range mine {
		if mine[i] == theirs[i] {
			continue
		}
		if len(picked) > 0 && counts[i] > left {
			break
		}
		picked = append(picked, byte(i))
		left -= counts[i]
	}
	return picked
}

// Resume decides where the pages of a granted scope go on for a cursor that
// the device brought. eraKnown says whether the cursor's era is one of this
// store's history; head is the scope's position now; sumAt and sumKnown are
// what the store remembers of the sum at the cursor's position; shared is the
// highest position up to which the store can vouch that the device's history
// was its own even so, 0 if it cannot tell.
//
// A cursor in the middle of a load has no sum (zero): then era and position
// must do, the comparison after Caught covers the rest, and records travel
// whole: what changed on both sides of that position was not sent before it.
func Resume(c wire.Cursor, eraKnown bool, head uint64, sumAt [16]byte, sumKnown bool, shared uint64) Start {
	good := eraKnown && c.Position <= head
	if c.Sum != ([16]byte{}) {
		good = good && sumKnown && sumAt == c.Sum
	}
	switch {
	case !good:
		return Start{Scope: c.Scope, From: min(shared, c.Position, head)}
	case c.Sum == [16]byte{}:
		return Start{Scope: c.Scope, From: c.Position}
	}
	return Start{Scope: c.Scope, From: c.Position, Since: c.Position}
}
