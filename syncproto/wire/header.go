package wire

import (
	"fmt"
	"slices"

	"mahalleh/syncproto"
)

// headerVersion leads every header; another number is another format.
const headerVersion = 1

// The header's fields: number<<3 | critical<<2 | class. Numbers are for ever.
const (
	classVarint = 0
	classID     = 1
	classBytes  = 2
	classHash   = 3
	critical    = 4

	hVerb       = 1<<3 | critical | classVarint
	hRecord     = 2<<3 | critical | classID
	hForm       = 3<<3 | critical | classVarint
	hPackage    = 4<<3 | classVarint
	hScope      = 5<<3 | critical | classID
	hOriginLog  = 6<<3 | critical | classID
	hOriginSeq  = 7<<3 | critical | classVarint
	hBase       = 8<<3 | classID
	hParent     = 9<<3 | classID
	hAuthor     = 10<<3 | critical | classID
	hRole       = 11<<3 | classVarint
	hVerified   = 12<<3 | classVarint
	hGrants     = 13<<3 | classVarint
	hTime       = 14<<3 | classVarint
	hCorrection = 15<<3 | classVarint
	hUptime     = 16<<3 | classVarint
	hBoot       = 17<<3 | classVarint
	hGroup      = 18<<3 | classID
	hCommitment = 19<<3 | critical | classHash
)

// maxExtra bounds the fields of newer releases in one header.
const maxExtra = 64

// maxExtraBytes bounds one such field.
const maxExtraBytes = 4096

// usualHeader is what most headers need.
const usualHeader = 256

// AppendHeader appends the canonical form of a header: the format version,
// then the fields ascending by number; absent are those whose value is zero,
// except the clock correction, which is absent when none is known.
func AppendHeader(b []byte, h *syncproto.Header) []byte {
	b = append(slices.Grow(b, usualHeader), headerVersion)
	num := func(key, n uint64) {
		if n != 0 || key == hCorrection {
			b = appendUvarint(b, key)
			b = appendUvarint(b, n)
		}
	}
	id := func(key uint64, id [16]byte) {
		if id != ([16]byte{}) {
			b = appendUvarint(b, key)
			b = append(b, id[:]...)
		}
	}
	num(hVerb, uint64(h.Verb))
	id(hRecord, h.Record)
	num(hForm, uint64(h.Form))
	num(hPackage, uint64(h.Package))
	id(hScope, h.Scope)
	id(hOriginLog, h.OriginLog)
	num(hOriginSeq, h.OriginSeq)
	id(hBase, h.Base)
	id(hParent, h.Parent)
	id(hAuthor, h.Author)
	num(hRole, uint64(h.Role))
	num(hVerified, boolNum(h.Verified))
	num(hGrants, h.Grants)
	num(hTime, syncproto.Zigzag(h.Time))
	if h.Corrected {
		num(hCorrection, syncproto.Zigzag(h.Correction))
	}
	num(hUptime, h.Uptime)
	num(hBoot, h.Boot)
	id(hGroup, h.Group)
	b = appendUvarint(b, hCommitment)
	b = append(b, h.Commitment[:]...)
	for _, f := range h.Extra {
		b = appendUvarint(b, f.Key)
		b = append(b, f.Payload...)
	}
	return b
}

func boolNum(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// DecodeHeader reads a header. It accepts the canonical form only; fields of
// newer releases are kept in Extra, and the caller asks Header.Extra whether
// one of them is critical.
func DecodeHeader(buf []byte) (syncproto.Header, error) {
	var h headerReader
	if len(buf) > syncproto.MaxChange {
		return h.Header, fmt.Errorf("header of %d bytes: %w", len(buf), ErrTooLarge)
	}
	c := &cursor{buf: buf}
	if v := c.byte("header version"); c.err == nil && v != headerVersion {
		return h.Header, fmt.Errorf("header version %d: %w", v, ErrTooNew)
	}
	last := uint64(0)
	seenCommitment := false
	for c.err == nil && c.left() > 0 {
		key := c.uvarint("header field")
		if c.err == nil && key>>3 <= last {
			c.fail(ErrNotCanonical, "header field order")
		}
		last = key >> 3
		if c.err != nil {
			break
		}
		h.field(c, key)
		seenCommitment = seenCommitment || key == hCommitment
	}
	if c.err == nil && (h.Verb == 0 || h.Record.IsZero() || h.Form == 0 || h.Scope.IsZero() ||
		h.OriginLog.IsZero() || h.OriginSeq == 0 || h.Author.IsZero() || !seenCommitment) {
		c.fail(ErrMalformed, "header lacks a required field")
	}
	return h.Header, c.err
}

// headerReader collects a header field by field.
type headerReader struct{ syncproto.Header }

func (h *headerReader) field(c *cursor, key uint64) {
	num := func(max uint64) uint64 {
		n := c.uvarint("header number")
		if c.err == nil && n == 0 {
			c.fail(ErrNotCanonical, "header number zero is left out")
		}
		if c.err == nil && n > max {
			c.fail(ErrTooLarge, "header number")
		}
		return n
	}
	id := func() [16]byte {
		v := c.id("header id")
		if c.err == nil && v == ([16]byte{}) {
			c.fail(ErrNotCanonical, "header id zero is left out")
		}
		return v
	}
	const any = 1<<64 - 1
	switch key {
	case hVerb:
		h.Verb = syncproto.Verb(num(255))
	case hRecord:
		h.Record = id()
	case hForm:
		h.Form = uint32(num(1<<32 - 1))
	case hPackage:
		h.Package = uint32(num(1<<32 - 1))
	case hScope:
		h.Scope = id()
	case hOriginLog:
		h.OriginLog = id()
	case hOriginSeq:
		h.OriginSeq = num(1<<63 - 1)
	case hBase:
		h.Base = id()
	case hParent:
		h.Parent = id()
	case hAuthor:
		h.Author = id()
	case hRole:
		h.Role = uint8(num(255))
	case hVerified:
		h.Verified = num(1) == 1
	case hGrants:
		h.Grants = num(1<<63 - 1)
	case hTime:
		h.Time = c.instant(num(any))
	case hCorrection:
		h.Corrected = true
		h.Correction = c.instant(c.uvarint("clock correction"))
	case hUptime:
		h.Uptime = num(1<<63 - 1)
	case hBoot:
		h.Boot = num(1<<63 - 1)
	case hGroup:
		h.Group = id()
	case hCommitment:
		h.Commitment = c.hash("commitment")
	default:
		h.extra(c, key)
	}
}

// instant keeps times within half of what an int64 holds, so that a time plus
// its correction cannot wrap.
func (c *cursor) instant(zigzag uint64) int64 {
	t := syncproto.Unzigzag(zigzag)
	if t > 1<<61 || t < -1<<61 {
		c.fail(ErrTooLarge, "time")
		return 0
	}
	return t
}

func (h *headerReader) extra(c *cursor, key uint64) {
	if key>>3 <= hCommitment>>3 {
		c.fail(ErrMalformed, "known header field in another class")
		return
	}
	if len(h.Extra) == maxExtra {
		c.fail(ErrTooLarge, "header fields of a newer release")
		return
	}
	start := c.off
	switch key & 3 {
	case classVarint:
		c.uvarint("header field")
	case classID:
		c.bytes("header field", 16)
	case classBytes:
		c.prefixed("header field", maxExtraBytes)
	case classHash:
		c.bytes("header field", 32)
	}
	if c.err != nil {
		return
	}
	payload := c.buf[start:c.off]
	if emptyField(key, payload) {
		c.fail(ErrNotCanonical, "header field zero is left out")
		return
	}
	h.Extra = append(h.Extra, syncproto.ExtraField{Key: key, Payload: string(payload)})
}

// emptyField reports whether a field holds zero, an id or hash of zeros, or no
// bytes. Such a field is left out, also by the releases that will know it, so
// a reader of today refuses what they would refuse.
func emptyField(key uint64, payload []byte) bool {
	if key&3 == classBytes || key&3 == classVarint {
		return payload[0] == 0
	}
	for _, b := range payload {
		if b != 0 {
			return false
		}
	}
	return true
}
