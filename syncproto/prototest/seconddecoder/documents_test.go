package seconddecoder

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
)

const (
	labelCertificate = "mahalleh log certificate 1\n"
	labelReceipt     = "mahalleh receipt 1\n"
	labelServerKeys  = "mahalleh server keys 1\n"

	maxCertificate = 1 << 10
	maxReceipt     = 96 << 10
	maxRanges      = 4096
	maxServerKeys  = 1 << 10
)

// document is what certificates, receipts and key documents share.
type document struct {
	fields    []field
	extra     []field
	signature []byte
	signed    []byte // all bytes before the signature
	whole     []byte
}

// decodeDocument reads a version byte, a field list and, if signed, a signature. required numbers must stand there.
func decodeDocument(b []byte, limit int, signed bool, rules fieldRules, required ...uint64) (document, error) {
	d := document{whole: b, signed: b}
	r := &reader{b: b}
	if len(b) > limit {
		r.fail(errTooLarge, "document of %d bytes", len(b))
	}
	if v := r.byte(); r.err == nil && v != 1 {
		r.fail(errTooNew, "document version %d", v)
	}
	if signed && r.err == nil {
		if len(b) < 1+ed25519.SignatureSize {
			r.fail(errTruncated, "no room for a signature")
			return d, r.err
		}
		d.signed, d.signature = b[:len(b)-ed25519.SignatureSize], b[len(b)-ed25519.SignatureSize:]
		r.b = d.signed
	}
	seen := map[uint64]bool{}
	rules.limit = limit
	for _, f := range r.fields(rules) {
		if _, ok := rules.known[f.number()]; !ok {
			if f.key&keyCritical != 0 {
				r.fail(errTooNew, "critical field %d", f.number())
			}
			d.extra = append(d.extra, f)
			continue
		}
		if f.zero() {
			r.fail(errCanonical, "field %d is zero", f.number())
		}
		seen[f.number()] = true
		d.fields = append(d.fields, f)
	}
	for _, n := range required {
		if !seen[n] {
			r.fail(errMalformed, "field %d is missing", n)
		}
	}
	return d, r.err
}

func (d document) encode() []byte {
	b := appendFields(appendFields([]byte{1}, d.fields), d.extra)
	return append(b, d.signature...)
}

func (d document) verify(key []byte, label string) error {
	if !ed25519.Verify(key, append([]byte(label), d.signed...), d.signature) {
		return fmt.Errorf("%w: %q", errSignature, label)
	}
	return nil
}

type certificate struct {
	document
	log               id
	logKey, deviceKey hash
	serial            uint64
	created           int64
}

var certificateRules = fieldRules{known: map[uint64]uint64{1: classID, 2: classHash, 3: classHash, 4: classU, 5: classU}}

// decodeCertificate reads and verifies.
func decodeCertificate(b []byte) (c certificate, err error) {
	if c.document, err = decodeDocument(b, maxCertificate, true, certificateRules, 1, 2, 3, 4); err != nil {
		return c, err
	}
	for _, f := range c.fields {
		switch f.number() {
		case 1:
			c.log = id(f.data)
		case 2:
			c.logKey = hash(f.data)
		case 3:
			c.deviceKey = hash(f.data)
		case 4:
			c.serial = f.u
		case 5:
			c.created = unzigzag(f.u)
		}
	}
	if c.log != logID(c.deviceKey[:], c.log[:6]) {
		return c, fmt.Errorf("%w: the log of another device", errMalformed)
	}
	return c, c.verify(c.deviceKey[:], labelCertificate)
}

func deviceID(key []byte) id { return shortHash([]byte("mahalleh device 1\n"), key) }
func logID(deviceKey, own []byte) (log id) {
	h := shortHash([]byte("mahalleh log id 1\n"), deviceKey, own)
	copy(log[:], own)
	copy(log[6:], h[:])
	return log
}
func serverID(key []byte) id { return shortHash([]byte("mahalleh server 1\n"), key) }

type ref8 [8]byte

func refOf(parts ...[]byte) ref8 {
	h := fullHash(parts...)
	return ref8(h[:8])
}

func (c certificate) json() jsonObject {
	ref := refOf(c.whole)
	m := jsonObject{"ref": hex.EncodeToString(ref[:]), "device": deviceID(c.deviceKey[:]).String(), "signature": hex.EncodeToString(c.signature)}
	m.id("log", c.log)
	m.hash("log_key", c.logKey)
	m.hash("device_key", c.deviceKey)
	m.long("serial", c.serial)
	m.signed("created", c.created)
	m.extra(c.extra)
	return m
}

type seqRange struct{ from, to uint64 }

type receipt struct {
	document
	server, era, log id
	ranges           []seqRange
	chain            hash
	time             int64
}

var receiptRules = fieldRules{known: map[uint64]uint64{1: classID, 2: classID, 3: classID, 4: classBytes, 5: classHash, 6: classU}}

// decodeReceipt reads and verifies with the server's receipt key.
func decodeReceipt(b, key []byte) (c receipt, err error) {
	if c.document, err = decodeDocument(b, maxReceipt, true, receiptRules, 1, 2, 3, 4, 5); err != nil {
		return c, err
	}
	for _, f := range c.fields {
		switch f.number() {
		case 1:
			c.server = id(f.data)
		case 2:
			c.era = id(f.data)
		case 3:
			c.log = id(f.data)
		case 4:
			if c.ranges, err = decodeRanges(f.data); err != nil {
				return c, err
			}
		case 5:
			c.chain = hash(f.data)
		case 6:
			c.time = unzigzag(f.u)
		}
	}
	return c, c.verify(key, labelReceipt)
}

func decodeRanges(b []byte) ([]seqRange, error) {
	r := &reader{b: b}
	n := r.count(maxRanges, 2)
	if r.err == nil && n == 0 {
		r.fail(errMalformed, "no range")
	}
	var list []seqRange
	var last uint64
	for i := 0; i < n && r.err == nil; i++ {
		gap, more := r.u(), r.u()
		least := uint64(2)
		if i == 0 {
			least = 1
		}
		if r.err == nil && gap < least {
			r.fail(errMalformed, "ranges that touch")
		}
		// A sequence has 63 bits, as section 3 says of origin_seq.
		if gap > math.MaxInt64-last || more > math.MaxInt64-last-gap {
			r.fail(errTooLarge, "a sequence over 63 bits")
			break
		}
		list = append(list, seqRange{last + gap, last + gap + more})
		last += gap + more
	}
	return list, r.end(errMalformed)
}

func encodeRanges(list []seqRange) []byte {
	b := putU(nil, uint64(len(list)))
	var last uint64
	for _, g := range list {
		b = putU(putU(b, g.from-last), g.to-g.from)
		last = g.to
	}
	return b
}

func (c receipt) code() string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	h := fullHash([]byte(labelReceipt), c.whole)
	var bits uint64
	for _, x := range h[:8] {
		bits = bits<<8 | uint64(x)
	}
	out := make([]byte, 0, 11)
	for i := range 10 {
		if i == 5 {
			out = append(out, '-')
		}
		out = append(out, letters[bits>>(59-5*i)&31])
	}
	return string(out)
}

func (c receipt) json() jsonObject {
	m := jsonObject{"code": c.code(), "signature": hex.EncodeToString(c.signature)}
	m.id("server", c.server)
	m.id("era", c.era)
	m.id("log", c.log)
	var ranges []any
	for _, g := range c.ranges {
		ranges = append(ranges, map[string]any{"from": strconv.FormatUint(g.from, 10), "to": strconv.FormatUint(g.to, 10)})
	}
	m["ranges"] = ranges
	m.hash("chain", c.chain)
	m.signed("time", c.time)
	m.extra(c.extra)
	return m
}

type serverKeys struct {
	document
	noise, receipt, recovery hash
}

var serverKeysRules = fieldRules{known: map[uint64]uint64{1: classHash, 2: classHash, 3: classHash}}

func decodeServerKeys(b []byte) (k serverKeys, err error) {
	if k.document, err = decodeDocument(b, maxServerKeys, false, serverKeysRules, 1, 2); err != nil {
		return k, err
	}
	for _, f := range k.fields {
		switch f.number() {
		case 1:
			k.noise = hash(f.data)
		case 2:
			k.receipt = hash(f.data)
		case 3:
			k.recovery = hash(f.data)
		}
	}
	return k, nil
}

func (k serverKeys) json() jsonObject {
	m := jsonObject{"fingerprint": fullHash([]byte(labelServerKeys), k.whole).String()}
	m.hash("noise", k.noise)
	m.hash("receipt", k.receipt)
	m.hash("recovery", k.recovery)
	m.extra(k.extra)
	return m
}
