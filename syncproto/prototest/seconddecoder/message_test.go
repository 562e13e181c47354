package seconddecoder

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
)

// decodeMessage reads the payload of a message of the type given, as the vectors write it.
func decodeMessage(typ uint64, b []byte) (jsonObject, error) {
	m, ok := messages[typ]
	if !ok {
		return nil, fmt.Errorf("%w: type %d", errUnknownMsg, typ)
	}
	return decodeFields(m.fields, b)
}

func decodeFields(specs []spec, b []byte) (jsonObject, error) {
	rules := fieldRules{known: map[uint64]uint64{}, limit: maxUnpacked}
	byNumber := map[uint64]spec{}
	for _, s := range specs {
		rules.known[s.number] = s.kind.class()
		byNumber[s.number] = s
	}
	m := jsonObject{}
	r := &reader{b: b}
	for _, f := range r.fields(rules) {
		s, ok := byNumber[f.number()]
		if !ok {
			if f.key&keyCritical != 0 {
				return nil, fmt.Errorf("%w: critical field %d", errTooNew, f.number())
			}
			continue
		}
		if f.zero() {
			return nil, fmt.Errorf("%w: %s is zero", errCanonical, s.name)
		}
		v, err := decodeKind(s, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		m[s.name] = v
	}
	return m, r.err
}

// widths are the bits of the kinds that are narrower than 64.
var widths = map[kind]int{kindU8: 8, kindU32: 32, kindFlag: 1}

func decodeKind(s spec, f field) (any, error) {
	if w, ok := widths[s.kind]; ok && bits.Len64(f.u) > w {
		return nil, fmt.Errorf("%w: over %d bits", errTooLarge, w)
	}
	r := &reader{b: f.data}
	list := func(size int, one func() any) (any, error) {
		n := r.count(s.limit, size)
		if r.err == nil && n == 0 {
			r.fail(errCanonical, "an empty list")
		}
		var out []any
		for ; n > 0 && r.err == nil; n-- {
			out = append(out, one())
		}
		return out, r.end(errMalformed)
	}
	switch s.kind {
	case kindU8, kindU32:
		return f.u, nil
	case kindU64:
		return strconv.FormatUint(f.u, 10), nil
	case kindS64:
		return strconv.FormatInt(unzigzag(f.u), 10), nil
	case kindFlag:
		return true, nil
	case kindText:
		if len(f.data) > s.limit {
			r.fail(errTooLarge, "a text of %d bytes", len(f.data))
		}
		return r.text(f.data), r.err
	case kindProof, kindBuckets:
		if len(f.data) != s.limit {
			return nil, fmt.Errorf("%w: %d bytes, not %d", errMalformed, len(f.data), s.limit)
		}
	case kindBytes, kindNumbers:
		if len(f.data) > s.limit {
			return nil, fmt.Errorf("%w: %d bytes", errTooLarge, len(f.data))
		}
	case kindIDs:
		return list(16, func() any { return r.id().String() })
	case kindU32s:
		return list(1, func() any { return r.uBits(32, errTooLarge) })
	case kindU64s:
		return list(1, func() any { return strconv.FormatUint(r.u(), 10) })
	case kindHashes:
		return list(32, func() any { return hex.EncodeToString(r.take(32)) })
	case kindBlobs:
		return list(1, func() any { return hex.EncodeToString(r.bytes(maxUnpacked)) })
	case kindList:
		return list(1, func() any {
			b := r.bytes(maxUnpacked)
			if r.err != nil {
				return nil
			}
			m, err := decodeFields(s.sub, b)
			if err != nil {
				r.err = err
			}
			return m
		})
	case kindEntries:
		return list(32, func() any {
			m := jsonObject{}
			m.id("record", r.id())
			m.id("state_hash", r.id())
			return m
		})
	case kindCells:
		return list(2, func() any {
			m := jsonObject{}
			m.small("reason", uint64(r.byte()))
			if k := r.cellKey().json(); len(k) > 0 {
				m["cell"] = k
			}
			return m
		})
	}
	return hex.EncodeToString(f.data), nil
}

// cellKey reads the cell key of a result.
func (r *reader) cellKey() (k cellKey) {
	head := r.uBits(34, errTooLarge)
	k.field, k.hasElement, k.hasItem = head>>2, head&2 != 0, head&1 != 0
	if k.hasItem {
		k.item, k.sub = r.id(), r.uBits(32, errTooLarge)
	}
	if k.hasElement {
		k.element = r.value()
	}
	return k
}

// encodeMessage writes what the vectors' JSON says. Numbers in m are json.Number.
func encodeMessage(specs []spec, m map[string]any) ([]byte, error) {
	var out []byte
	left := len(m)
	for _, s := range specs {
		v, ok := m[s.name]
		if !ok {
			continue
		}
		left--
		out = putU(out, s.number<<3|s.kind.class())
		b, err := encodeKind(s, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		if s.kind.class() == classBytes {
			out = putBytes(out, b)
		} else {
			out = append(out, b...)
		}
	}
	if left > 0 {
		return nil, fmt.Errorf("%d fields of %v have no place", left, m)
	}
	return out, nil
}

func encodeKind(s spec, v any) ([]byte, error) {
	switch s.kind {
	case kindU8, kindU32, kindU64:
		n, err := strconv.ParseUint(fmt.Sprint(v), 10, 64)
		return putU(nil, n), err
	case kindS64:
		n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
		return putZ(nil, n), err
	case kindFlag:
		return []byte{1}, nil
	case kindText:
		return []byte(v.(string)), nil
	case kindIDs, kindU32s, kindU64s, kindHashes, kindBlobs, kindList, kindEntries, kindCells:
		list := v.([]any)
		b := putU(nil, uint64(len(list)))
		for _, e := range list {
			p, err := encodeEntry(s, e)
			if err != nil {
				return nil, err
			}
			b = append(b, p...)
		}
		return b, nil
	}
	return hex.DecodeString(v.(string))
}

func encodeEntry(s spec, e any) ([]byte, error) {
	switch s.kind {
	case kindU32s:
		n, err := strconv.ParseUint(e.(json.Number).String(), 10, 64)
		return putU(nil, n), err
	case kindU64s:
		n, err := strconv.ParseUint(e.(string), 10, 64)
		return putU(nil, n), err
	case kindBlobs:
		p, err := hex.DecodeString(e.(string))
		return putBytes(nil, p), err
	case kindIDs, kindHashes:
		return hex.DecodeString(e.(string))
	case kindList:
		p, err := encodeMessage(s.sub, e.(map[string]any))
		return putBytes(nil, p), err
	case kindEntries:
		m := e.(map[string]any)
		a, b := idOf(m["record"]), idOf(m["state_hash"])
		return append(a[:], b[:]...), nil
	}
	m := e.(map[string]any)
	cell, _ := m["cell"].(map[string]any)
	b := []byte{byte(numberOf(m["reason"]))}
	_, hasItem := cell["item"]
	element, hasElement := cell["element"]
	b = putU(b, numberOf(cell["field"])<<2|bit(hasElement)<<1|bit(hasItem))
	if hasItem {
		item := idOf(cell["item"])
		b = putU(append(b, item[:]...), numberOf(cell["sub"]))
	}
	if hasElement {
		v, err := valueOf(element.(map[string]any))
		if err != nil {
			return nil, err
		}
		b = v.append(b)
	}
	return b, nil
}

// idOf reads an id of the vectors; absent is zeros.
func idOf(v any) (out id) {
	s, _ := v.(string)
	b, _ := hex.DecodeString(s)
	copy(out[:], b)
	return out
}

// numberOf reads a number of the vectors, as number or text; absent is zero.
func numberOf(v any) uint64 {
	n, _ := strconv.ParseUint(fmt.Sprint(v), 10, 64)
	return n
}

// valueOf builds a value from the vectors' JSON, from number, id or payload.
func valueOf(m map[string]any) (v value, err error) {
	v.typ = byte(numberOf(m["type"]))
	switch v.class() {
	case classU:
		v.number = numberOf(m["number"])
	case classID:
		v.id = idOf(m["id"])
	case classBytes:
		v.payload, err = hex.DecodeString(m["payload"].(string))
	}
	return v, err
}

// decodeFrame reads the plaintext of a frame.
func decodeFrame(b []byte) (typ, coding uint64, message jsonObject, err error) {
	r := &reader{b: b}
	if len(b) > maxFrame {
		r.fail(errTooLarge, "frame of %d bytes", len(b))
	}
	typ, coding = r.u(), r.u()
	payload := r.take(r.rest())
	if r.err != nil {
		return typ, coding, nil, r.err
	}
	if coding == codingModel {
		message, err = decodeApart(typ, payload)
		return typ, coding, message, err
	}
	if payload, err = decodePayload(coding, payload); err != nil {
		return typ, coding, nil, err
	}
	message, err = decodeMessage(typ, payload)
	return typ, coding, message, err
}

// decodePayload undoes the codings that know nothing of what they hold.
func decodePayload(coding uint64, b []byte) ([]byte, error) {
	switch coding {
	case codingPlain:
		return b, nil
	case codingZstd:
		return zstdDecode(b)
	}
	return nil, fmt.Errorf("%w: coding %d of a frame", errUnknownDict, coding)
}
