package seconddecoder

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

// The value types of section 2 that the code treats by name.
const (
	typeReference  = 1
	typeText       = 2
	typeNone       = 3
	typeInt        = 4
	typeScope      = 5
	typeCode       = 6
	typeFalse      = 7
	typeDate       = 8
	typeDecimal    = 10
	typeTrue       = 11
	typeMoney      = 12
	typePoint      = 14
	typeYear       = 16
	typePolygon    = 18
	typeIncrement  = 20
	typeLongText   = 22
	typeAttachment = 26
	typeTransition = 30
	typePlace      = 34
)

const (
	classU = iota
	classID
	classBytes
	classNothing
)

const (
	maxScale     = 18
	maxCorners   = 10000
	maxMediaType = 255
)

// value is a value as written: number for class 0, id for class 1, payload for class 2.
type value struct {
	typ     byte
	number  uint64
	id      id
	payload []byte
}

func (v value) class() int { return int(v.typ & 3) }

func (r *reader) value() (v value) {
	v.typ = r.byte()
	if r.err == nil && v.typ == 0 {
		r.fail(errMalformed, "the type byte 0")
	}
	if r.err != nil {
		return value{}
	}
	switch v.class() {
	case classU:
		v.number = r.u()
	case classID:
		v.id = r.id()
	case classBytes:
		v.payload = r.bytes(maxChange)
	}
	if r.err == nil {
		if _, err := v.meaning(); err != nil {
			r.err = err
		}
	}
	return v
}

func (v value) append(b []byte) []byte {
	b = append(b, v.typ)
	switch v.class() {
	case classU:
		b = putU(b, v.number)
	case classID:
		b = append(b, v.id[:]...)
	case classBytes:
		b = putBytes(b, v.payload)
	}
	return b
}

// compare is section 2's order.
func (v value) compare(w value) int {
	return cmp.Or(cmp.Compare(v.typ, w.typ), cmp.Compare(v.number, w.number), bytes.Compare(v.id[:], w.id[:]), bytes.Compare(v.payload, w.payload))
}

// int32z reads a z of 32 bits; more is malformed, as a payload's flaws are.
func (r *reader) int32z() int64 {
	n := r.z()
	if r.err == nil && n != int64(int32(n)) {
		r.fail(errMalformed, "%d is over 32 bits", n)
	}
	return n
}

// meaning is what the vectors show beside the raw payload; it fails for a payload that no writer makes.
func (v value) meaning() (map[string]any, error) {
	m := map[string]any{}
	r := &reader{b: v.payload}
	switch v.typ {
	case typeFalse, typeTrue:
		m["value"] = v.typ == typeTrue
	case typeInt, typeMoney, typeIncrement:
		m["value"] = strconv.FormatInt(unzigzag(v.number), 10)
	case typeDate, typeYear:
		n := unzigzag(v.number)
		if n != int64(int32(n)) {
			r.fail(errMalformed, "%d is over 32 bits", n)
		}
		m["value"] = strconv.FormatInt(n, 10)
	case typeText, typeCode:
		m["text"] = r.text(r.take(r.rest()))
	case typePlace:
		if p := r.take(r.rest()); utf8.Valid(p) {
			m["text"] = string(p)
		}
	case typeDecimal:
		scale := r.byte()
		if scale > maxScale {
			r.fail(errMalformed, "scale %d", scale)
		}
		m["scale"], m["mantissa"] = int(scale), strconv.FormatInt(r.z(), 10)
	case typePoint:
		m["point"] = []any{r.int32z(), r.int32z(), r.uBits(32, errMalformed)}
	case typePolygon:
		ring := []any{}
		var lat, lon int64
		for n := r.count(maxCorners, 2); n > 0 && r.err == nil; n-- {
			dLat, dLon := r.z(), r.z()
			lat, lon = lat+dLat, lon+dLon
			// Neither sum can wrap without being over 32 bits: one term has 32 bits, so a wrapped sum is near a bound of 64.
			if lat != int64(int32(lat)) || lon != int64(int32(lon)) {
				r.fail(errMalformed, "a corner over 32 bits")
			}
			ring = append(ring, []any{lat, lon})
		}
		m["ring"] = ring
	case typeLongText:
		m["text"] = r.text(r.bytes(maxChange))
		m["base"] = r.text(r.take(r.rest()))
	case typeAttachment:
		m["size"] = strconv.FormatUint(r.u(), 10)
		m["media_type"] = r.text(r.bytes(maxMediaType))
		m["root"] = r.hash().String()
	case typeTransition:
		m["from"] = r.text(r.bytes(maxChange))
		m["to"] = r.text(r.take(r.rest()))
	default:
		r.off = len(r.b)
	}
	if r.end(errMalformed) != nil {
		// Whatever is wrong inside a payload, the value is one that no writer makes.
		return nil, &flaw{errMalformed, r.err}
	}
	return m, nil
}

// flaw gives an error another class than its own.
type flaw struct {
	class error
	cause error
}

func (f *flaw) Error() string        { return f.class.Error() + ": " + f.cause.Error() }
func (f *flaw) Is(target error) bool { return target == f.class }

// json is the value as the vectors write it.
func (v value) json() map[string]any {
	m, err := v.meaning()
	if err != nil {
		return map[string]any{"flaw": err.Error()}
	}
	m["type"] = int(v.typ)
	switch v.class() {
	case classU:
		m["number"] = strconv.FormatUint(v.number, 10)
	case classID:
		m["id"] = v.id.String()
	case classBytes:
		m["payload"] = hex.EncodeToString(v.payload)
	}
	return m
}

// decodeValue reads one value that is all of b.
func decodeValue(b []byte) (value, error) {
	r := &reader{b: b}
	v := r.value()
	return v, r.end(errCanonical)
}
