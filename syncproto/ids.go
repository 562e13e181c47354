// Package syncproto is the vocabulary that device and server share: identities,
// values, changes, record states, cursors and receipts, as plain Go values that
// never touch a socket, a clock or a database.
package syncproto

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrBadID says that a text is not an identity: 32 hexadecimal digits, with or
// without the hyphens of a UUID.
var ErrBadID = errors.New("not an identity of 32 hexadecimal digits")

// The identities. Each is 16 opaque bytes; the distinct types keep one from
// being passed for another. The zero value means "none".
type (
	// RecordID names a record for ever. It is a UUIDv7 made on the device.
	RecordID [16]byte
	// ChangeID names a change: the first 16 bytes of SHA-256 of its header.
	// It is also the id of the record version that the change makes.
	ChangeID [16]byte
	// LogID names one incarnation of a device's database (or the server's own log).
	LogID [16]byte
	// ScopeID names a scope, one compartment of one place.
	ScopeID [16]byte
	// PlaceID names a place: the nation, a province, a county or a neighbourhood.
	PlaceID [16]byte
	// PersonID names the author of changes.
	PersonID [16]byte
	// DeviceID names an enrolled device: the hash of its enrolment key.
	DeviceID [16]byte
	// EraID names one opening of the server's store.
	EraID [16]byte
	// GroupID joins changes that were saved together.
	GroupID [16]byte
	// ItemID names an item of a list, or an attachment of a record.
	ItemID [16]byte
)

// Hash is a SHA-256 digest.
type Hash [32]byte

func hyphened(id [16]byte) string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], id[10:16])
	return string(b[:])
}

// ParseID reads an identity written by any of the String methods: 32
// hexadecimal digits, optionally hyphened as a UUID. The error wraps ErrBadID.
func ParseID(s string) ([16]byte, error) {
	var id [16]byte
	digits := make([]byte, 0, 32)
	for i := 0; i < len(s) && i < 36; i++ {
		if s[i] == '-' && len(s) == 36 && (i == 8 || i == 13 || i == 18 || i == 23) {
			continue
		}
		digits = append(digits, s[i])
	}
	if len(digits) != 32 || len(s) > 36 {
		return id, fmt.Errorf("%.40q: %w", s, ErrBadID)
	}
	if _, err := hex.Decode(id[:], digits); err != nil {
		return [16]byte{}, fmt.Errorf("%.40q: %w", s, ErrBadID)
	}
	return id, nil
}

func (id RecordID) String() string { return hyphened(id) }
func (id ChangeID) String() string { return hex.EncodeToString(id[:]) }
func (id LogID) String() string    { return hex.EncodeToString(id[:]) }
func (id ScopeID) String() string  { return hex.EncodeToString(id[:]) }
func (id PlaceID) String() string  { return hex.EncodeToString(id[:]) }
func (id PersonID) String() string { return hyphened(id) }
func (id DeviceID) String() string { return hex.EncodeToString(id[:]) }
func (id EraID) String() string    { return hex.EncodeToString(id[:]) }
func (id GroupID) String() string  { return hyphened(id) }
func (id ItemID) String() string   { return hyphened(id) }
func (h Hash) String() string      { return hex.EncodeToString(h[:]) }

// IsZero reports whether the identity is "none".
func (id ChangeID) IsZero() bool { return id == ChangeID{} }

// IsZero reports whether the identity is "none".
func (id RecordID) IsZero() bool { return id == RecordID{} }

// IsZero reports whether the identity is "none".
func (id LogID) IsZero() bool { return id == LogID{} }

// IsZero reports whether the identity is "none".
func (id ScopeID) IsZero() bool { return id == ScopeID{} }

// IsZero reports whether the identity is "none".
func (id EraID) IsZero() bool { return id == EraID{} }

// IsZero reports whether the identity is "none".
func (id PersonID) IsZero() bool { return id == PersonID{} }

// IsZero reports whether the identity is "none".
func (id DeviceID) IsZero() bool { return id == DeviceID{} }
