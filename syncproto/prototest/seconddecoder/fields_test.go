package seconddecoder

import "encoding/hex"

// The classes of section 3's keys; the first three are those of values.
const classHash = 3

const keyCritical = 4

// field is one field of a header, document or message: key, and all that stands after it.
type field struct {
	key   uint64
	after []byte // the payload as written, with the length of a bytes-field
	u     uint64
	data  []byte // payload of an id, bytes or hash
}

func (f field) number() uint64 { return f.key >> 3 }

// zero says whether the field is one that is left out: the number 0, an id or hash of zeros, or no bytes.
func (f field) zero() bool {
	if f.key&3 == classBytes {
		return len(f.data) == 0
	}
	for _, c := range f.data {
		if c != 0 {
			return false
		}
	}
	return f.u == 0
}

func (f field) json() map[string]any {
	return map[string]any{"key": decimal(f.key), "payload": hex.EncodeToString(f.after)}
}

// fieldRules say what a list of fields may hold.
type fieldRules struct {
	last  uint64            // the highest number this release knows
	known map[uint64]uint64 // number: the low three bits of its key
	limit int               // the longest bytes-field of an unknown number
}

// fields reads fields to the end of r: ascending, each at most once, known ones under their own key, at most 64 unknown ones.
func (r *reader) fields(rules fieldRules) []field {
	var list []field
	var before uint64
	unknown := 0
	for r.err == nil && r.rest() > 0 {
		f := field{key: r.u()}
		if r.err != nil {
			break
		}
		if f.number() == 0 {
			r.fail(errMalformed, "field number 0")
			break
		}
		if f.number() <= before {
			r.fail(errCanonical, "field %d after %d", f.number(), before)
			break
		}
		before = f.number()
		low, known := rules.known[f.number()]
		if known && low != f.key&7 {
			r.fail(errMalformed, "field %d under key %d", f.number(), f.key)
			break
		}
		limit := maxUnpacked
		if !known {
			limit = rules.limit
			if unknown++; unknown > maxUnknown {
				r.fail(errTooLarge, "over %d unknown fields", maxUnknown)
				break
			}
		}
		start := r.off
		switch f.key & 3 {
		case classU:
			f.u = r.u()
		case classID:
			f.data = r.take(16)
		case classBytes:
			f.data = r.bytes(limit)
		case classHash:
			f.data = r.take(32)
		}
		if r.err == nil && !known && f.zero() {
			r.fail(errCanonical, "unknown field %d is zero", f.number())
		}
		if r.err == nil {
			f.after = r.b[start:r.off]
			list = append(list, f)
		}
	}
	return list
}

// appendFields writes fields as they stand.
func appendFields(b []byte, list []field) []byte {
	for _, f := range list {
		b = append(putU(b, f.key), f.after...)
	}
	return b
}
