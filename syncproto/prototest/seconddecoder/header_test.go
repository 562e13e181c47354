package seconddecoder

import (
	"crypto/sha256"
	"math/bits"
	"strconv"
)

// headerKeys are the low three bits of the keys of section 3.
var headerRules = fieldRules{last: 19, limit: 4096, known: map[uint64]uint64{
	1: keyCritical, 2: keyCritical | classID, 3: keyCritical, 4: classU, 5: keyCritical | classID, 6: keyCritical | classID, 7: keyCritical,
	8: classID, 9: classID, 10: keyCritical | classID, 11: classU, 12: classU, 13: classU, 14: classU, 15: classU, 16: classU, 17: classU,
	18: classID, 19: keyCritical | classHash,
}}

// headerBits are the bits that the numbers of section 3 may have.
var headerBits = map[uint64]int{1: 8, 3: 32, 4: 32, 7: 63, 11: 8, 12: 1, 13: 63, 14: 64, 15: 64, 16: 63, 17: 63}

// maxTime bounds time and correction on both sides of 1970.
const maxTime = 1 << 61

type header struct {
	verb, form, pkg, role, verified                uint64
	originSeq, grants, uptime, boot                uint64
	time, correction                               int64
	corrected                                      bool
	record, scope, originLog, base, parent, author id
	group                                          id
	commitment                                     hash
	extra                                          []field
}

func decodeHeader(b []byte) (header, error) {
	var h header
	r := &reader{b: b}
	if v := r.byte(); r.err == nil && v != 1 {
		r.fail(errTooNew, "header version %d", v)
	}
	seen := map[uint64]bool{}
	for _, f := range r.fields(headerRules) {
		n := f.number()
		seen[n] = true
		if n > headerRules.last {
			h.extra = append(h.extra, f)
			continue
		}
		if n != 15 && n != 19 && f.zero() {
			r.failFirst(errCanonical, "field %d is zero", n)
		}
		if w, ok := headerBits[n]; ok && bits.Len64(f.u) > w {
			r.failFirst(errTooLarge, "field %d is over %d bits", n, w)
		}
		switch n {
		case 1:
			h.verb = f.u
		case 2:
			h.record = id(f.data)
		case 3:
			h.form = f.u
		case 4:
			h.pkg = f.u
		case 5:
			h.scope = id(f.data)
		case 6:
			h.originLog = id(f.data)
		case 7:
			h.originSeq = f.u
		case 8:
			h.base = id(f.data)
		case 9:
			h.parent = id(f.data)
		case 10:
			h.author = id(f.data)
		case 11:
			h.role = f.u
		case 12:
			h.verified = f.u
		case 13:
			h.grants = f.u
		case 14:
			h.time = unzigzag(f.u)
		case 15:
			h.correction, h.corrected = unzigzag(f.u), true
		case 16:
			h.uptime = f.u
		case 17:
			h.boot = f.u
		case 18:
			h.group = id(f.data)
		case 19:
			h.commitment = hash(f.data)
		}
	}
	for _, t := range []int64{h.time, h.correction} {
		if t > maxTime || t < -maxTime {
			r.fail(errTooLarge, "time %d", t)
		}
	}
	for _, n := range []uint64{1, 2, 3, 5, 6, 7, 10, 19} {
		if !seen[n] {
			r.fail(errMalformed, "field %d is missing", n)
		}
	}
	if len(b) > maxChange {
		r.fail(errTooLarge, "header of %d bytes", len(b))
	}
	return h, r.err
}

// failFirst puts a flaw of an earlier byte before the one that ended the reading.
func (r *reader) failFirst(class error, format string, args ...any) {
	r.err = nil
	r.fail(class, format, args...)
}

func (h header) encode() []byte {
	b := []byte{1}
	num := func(n, v uint64) {
		if v != 0 {
			b = putU(putU(b, n<<3|headerRules.known[n]), v)
		}
	}
	one := func(n uint64, v id) {
		if v != (id{}) {
			b = append(putU(b, n<<3|headerRules.known[n]), v[:]...)
		}
	}
	num(1, h.verb)
	one(2, h.record)
	num(3, h.form)
	num(4, h.pkg)
	one(5, h.scope)
	one(6, h.originLog)
	num(7, h.originSeq)
	one(8, h.base)
	one(9, h.parent)
	one(10, h.author)
	num(11, h.role)
	num(12, h.verified)
	num(13, h.grants)
	num(14, zigzag(h.time))
	if h.corrected {
		b = putZ(putU(b, 15<<3), h.correction)
	}
	num(16, h.uptime)
	num(17, h.boot)
	one(18, h.group)
	b = append(putU(b, 19<<3|headerRules.known[19]), h.commitment[:]...)
	return appendFields(b, h.extra)
}

// jsonObject leaves out what is zero, as the vectors do.
type jsonObject map[string]any

func (m jsonObject) id(name string, v id) {
	if v != (id{}) {
		m[name] = v.String()
	}
}

func (m jsonObject) hash(name string, v hash) {
	if v != (hash{}) {
		m[name] = v.String()
	}
}

func (m jsonObject) small(name string, v uint64) {
	if v != 0 {
		m[name] = v
	}
}

func (m jsonObject) long(name string, v uint64) {
	if v != 0 {
		m[name] = strconv.FormatUint(v, 10)
	}
}

func (m jsonObject) signed(name string, v int64) {
	if v != 0 {
		m[name] = strconv.FormatInt(v, 10)
	}
}

func (m jsonObject) flag(name string, v bool) {
	if v {
		m[name] = true
	}
}

func (m jsonObject) extra(list []field) {
	if len(list) == 0 {
		return
	}
	var out []any
	for _, f := range list {
		out = append(out, f.json())
	}
	m["extra"] = out
}

func decimal(v uint64) string { return strconv.FormatUint(v, 10) }

func (h header) json() jsonObject {
	m := jsonObject{}
	m.small("verb", h.verb)
	m.id("record", h.record)
	m.small("form", h.form)
	m.small("package", h.pkg)
	m.id("scope", h.scope)
	m.id("origin_log", h.originLog)
	m.long("origin_seq", h.originSeq)
	m.id("base", h.base)
	m.id("parent", h.parent)
	m.id("author", h.author)
	m.small("role", h.role)
	m.flag("verified", h.verified == 1)
	m.long("grants", h.grants)
	m.signed("time", h.time)
	m.signed("correction", h.correction)
	m.flag("corrected", h.corrected)
	m.long("uptime", h.uptime)
	m.long("boot", h.boot)
	m.id("group", h.group)
	m.hash("commitment", h.commitment)
	m.extra(h.extra)
	return m
}

// shortHash is the first 16 bytes of SHA-256 of the parts joined.
func shortHash(parts ...[]byte) id {
	h := fullHash(parts...)
	return id(h[:16])
}

func fullHash(parts ...[]byte) hash {
	s := sha256.New()
	for _, p := range parts {
		s.Write(p)
	}
	return hash(s.Sum(nil))
}
