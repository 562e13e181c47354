package workflow

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"

	"mahalleh/schemas"
)

// Counted is a record that a result counts, in the version that it counts.
type Counted struct{ Record, Version schemas.ID }

// Snapshot is a frozen result: what was counted, and by which formulas.
type Snapshot struct {
	Number  int
	Formula string
	// Hash is that of the content, as 64 hexadecimal digits.
	Hash string
}

// ErrCountedTwice says that a record stands twice in what is to be frozen.
var ErrCountedTwice = errors.New("a record is counted twice")

// Freeze makes the snapshot of a result. Its hash is the SHA-256 of the line
// "mahalleh content 1", the number of records as eight bytes, big end first, and
// the ids of each record and its version, in the order of the records' ids: whoever
// holds these versions can say whether they are what was frozen. The order of the
// content given does not matter.
func Freeze(number int, formula string, content []Counted) (Snapshot, error) {
	sorted := slices.Clone(content)
	slices.SortFunc(sorted, func(a, b Counted) int { return bytes.Compare(a.Record[:], b.Record[:]) })
	h := sha256.New()
	h.Write([]byte("mahalleh content 1\n"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(sorted))))
	for i, c := range sorted {
		if i > 0 && c.Record == sorted[i-1].Record {
			return Snapshot{}, ErrCountedTwice
		}
		h.Write(c.Record[:])
		h.Write(c.Version[:])
	}
	return Snapshot{Number: number, Formula: formula, Hash: hex.EncodeToString(h.Sum(nil))}, nil
}
