package seconddecoder

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
)

const (
	maxBatch   = 500
	maxAuthors = 256
	maxScopes  = 300

	batchCertificate = 1
	batchTables      = 2
	batchChain       = 4
)

// opener opens the batches of one session, or one that holds everything.
type opener struct {
	dicts        *dictionaries
	certificates map[ref8]certificate
	tables       map[ref8]keptTables
	chains       map[id]chainPoint
}

// keptTables are tables and the certificate they were sent with.
type keptTables struct {
	certificate certificate
	tables      tables
}

// chainPoint is the last sequence of a log that was opened, and the chain hash at it.
type chainPoint struct {
	seq  uint64
	hash hash
}

func newOpener(d *dictionaries) *opener {
	return &opener{dicts: d, certificates: map[ref8]certificate{}, tables: map[ref8]keptTables{}, chains: map[id]chainPoint{}}
}

func (o *opener) know(c certificate) { o.certificates[refOf(c.whole)] = c }

type batch struct {
	purpose    byte
	coding     uint64
	log        id
	first      uint64
	prev, last hash
	changes    []unpacked
}

func (r *reader) tables() (t tables) {
	ids := func(limit int) []id {
		list := make([]id, r.count(limit, 16))
		for i := range list {
			list[i] = r.id()
		}
		return list
	}
	t.authors, t.scopes = ids(maxAuthors), ids(maxScopes)
	t.usual.pkg = r.uBits(32, errMalformed)
	t.usual.roleVerified = r.uBits(9, errMalformed)
	t.usual.grants = r.uBits(63, errMalformed)
	t.usual.correction = r.u()
	t.usual.boot = r.uBits(63, errMalformed)
	t.usual.time = r.z()
	t.usual.uptime = r.uBits(63, errMalformed)
	return t
}

func (o *opener) open(b []byte) (batch, error) {
	var out batch
	r := &reader{b: b}
	if v := r.byte(); r.err == nil && v != 1 {
		r.fail(errTooNew, "batch version %d", v)
	}
	if v := r.byte(); r.err == nil && v != 1 {
		r.fail(errTooNew, "suite %d", v)
	}
	out.purpose = r.byte()
	if r.err == nil && out.purpose != 1 && out.purpose != 2 {
		r.fail(errMalformed, "purpose %d", out.purpose)
	}
	flags := r.byte()
	if flags > batchCertificate|batchTables|batchChain {
		r.fail(errMalformed, "flags %x", flags)
	}
	if r.err == nil && r.rest() < ed25519.SignatureSize {
		r.fail(errTruncated, "no room for a signature")
	}
	if r.err != nil {
		return out, r.err
	}
	signature := b[len(b)-ed25519.SignatureSize:]
	r.b = b[:len(b)-ed25519.SignatureSize]

	cert, t, err := o.identity(r, flags)
	if err != nil {
		return out, err
	}
	out.log = cert.log
	out.first = r.uBits(63, errTooLarge)
	if r.err == nil && out.first == 0 {
		r.fail(errMalformed, "sequence 0")
	}
	sent := flags&batchChain != 0
	if sent {
		out.prev = r.hash()
	}
	count := r.count(maxBatch, 0)
	if r.err == nil && (count == 0 || out.first > math.MaxInt64-uint64(count)+1) {
		r.fail(errMalformed, "%d changes from %d on", count, out.first)
	}
	raw := r.bytes(maxUnpacked)
	out.coding = r.u()
	if r.err != nil {
		return out, r.err
	}
	if err := o.before(&out, sent); err != nil {
		return out, err
	}
	s, err := o.source(out.coding, raw, r.take(r.rest()))
	if err != nil {
		return out, err
	}
	if out.changes, err = unpack(t, cert.log, out.first, count, s); err != nil {
		return out, err
	}
	out.last = out.prev
	for _, c := range out.changes {
		out.last = chainNext(out.last, c.header)
	}
	signed := append([]byte("mahalleh batch 1\n"), 1, out.purpose)
	device := deviceID(cert.deviceKey[:])
	signed = append(signed, device[:]...)
	signed = append(signed, cert.log[:]...)
	signed = binary.BigEndian.AppendUint64(signed, out.first)
	signed = binary.BigEndian.AppendUint32(signed, uint32(count))
	signed = append(signed, out.prev[:]...)
	signed = append(signed, out.last[:]...)
	if !ed25519.Verify(cert.logKey[:], signed, signature) {
		return out, fmt.Errorf("%w: batch", errSignature)
	}
	// Only a batch that is what it says teaches the session anything.
	o.know(cert)
	o.tables[tablesRef(cert, t)] = keptTables{cert, t}
	o.chains[cert.log] = chainPoint{out.first + uint64(count) - 1, out.last}
	return out, nil
}

func (r *reader) ref8() (v ref8) {
	copy(v[:], r.take(len(v)))
	return v
}

// identity finds certificate and tables.
func (o *opener) identity(r *reader, flags byte) (cert certificate, t tables, err error) {
	switch flags & (batchCertificate | batchTables) {
	case batchCertificate | batchTables:
		b := r.bytes(maxCertificate)
		if r.err != nil {
			return cert, t, r.err
		}
		if cert, err = decodeCertificate(b); err != nil {
			return cert, t, fmt.Errorf("certificate: %w", err)
		}
		t = r.tables()
	case batchTables:
		ref := r.ref8()
		known, ok := o.certificates[ref]
		if r.err == nil && !ok {
			r.fail(errUnknownRef, "certificate %x", ref)
		}
		cert, t = known, r.tables()
	case 0:
		ref := r.ref8()
		known, ok := o.tables[ref]
		if r.err == nil && !ok {
			r.fail(errUnknownRef, "tables %x", ref)
		}
		cert, t = known.certificate, known.tables
	default:
		r.fail(errMalformed, "a certificate without tables")
	}
	return cert, t, r.err
}

func tablesRef(c certificate, t tables) ref8 {
	certRef := refOf(c.whole)
	return refOf(certRef[:], t.encode())
}

func (t tables) encode() []byte {
	var b []byte
	for _, list := range [][]id{t.authors, t.scopes} {
		b = putU(b, uint64(len(list)))
		for _, v := range list {
			b = append(b, v[:]...)
		}
	}
	u := t.usual
	for _, v := range []uint64{u.pkg, u.roleVerified, u.grants, u.correction, u.boot} {
		b = putU(b, v)
	}
	return putU(putZ(b, u.time), u.uptime)
}

// before finds the chain hash before the batch, and checks it against what is known.
func (o *opener) before(b *batch, sent bool) error {
	point, known := o.chains[b.log]
	want, ok := hash{}, false
	switch {
	case b.first == 1:
		want, ok = chainStart(b.log), true
	case known && point.seq == b.first-1:
		want, ok = point.hash, true
	}
	switch {
	case !sent && !ok:
		return fmt.Errorf("%w: the chain hash before %d", errUnknownRef, b.first)
	case !sent:
		b.prev = want
	case ok && b.prev != want:
		return fmt.Errorf("%w: another chain hash before %d", errChain, b.first)
	}
	return nil
}

// source undoes the coding of a batch.
func (o *opener) source(coding uint64, raw, b []byte) (source, error) {
	switch coding {
	case codingPrefix:
		numbers, letters, err := o.dicts.prefixDecode(b)
		if err != nil {
			return nil, err
		}
		return &prefixSource{&reader{b: raw}, &reader{b: numbers}, &reader{b: letters}}, nil
	case codingModel:
		return newModelSource(raw, b), nil
	}
	return nil, fmt.Errorf("%w: coding %d of a batch", errUnknownDict, coding)
}

func (b batch) json() jsonObject {
	m := jsonObject{"purpose": int(b.purpose), "log": b.log.String(), "prev": b.prev.String(), "last": b.last.String()}
	m.long("first", b.first)
	changes := []any{}
	for _, u := range b.changes {
		c := jsonObject{"seq": strconv.FormatUint(u.seq, 10), "header": hex.EncodeToString(u.header), "redacted": u.redacted, "id": changeID(u.header).String()}
		if !u.redacted {
			c["secret"], c["ops"] = u.secret.String(), hex.EncodeToString(u.ops)
		}
		if err := u.look(); err != nil {
			c["error"] = classOf(err)
		}
		changes = append(changes, c)
	}
	m["changes"] = changes
	return m
}

// look says whether the change makes sense by itself.
func (u unpacked) look() error {
	c := change{headerBytes: u.header, redacted: u.redacted, secret: u.secret, opsBytes: u.ops}
	return c.look()
}
