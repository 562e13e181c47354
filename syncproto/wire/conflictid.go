package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"mahalleh/syncproto"
)

// ConflictID is the id of a conflict, the same everywhere: the first 16 bytes of
// SHA-256 over a label, the record and the cell, in hexadecimal.
func ConflictID(record syncproto.RecordID, k syncproto.CellKey) string {
	b := append([]byte("mahalleh conflict 1\n"), record[:]...)
	b = binary.BigEndian.AppendUint32(b, k.Field)
	b = append(b, k.Item[:]...)
	b = binary.BigEndian.AppendUint32(b, k.Sub)
	if k.Element != (syncproto.Value{}) {
		b = AppendValue(b, k.Element)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:16])
}
