package seconddecoder

import (
	"bytes"
	"fmt"
)

// The bits of a packed change's mask.
const (
	bitVerb = iota
	bitForm
	bitScope
	bitBase
	bitParent
	bitUnusual
	bitAuthor
	bitPackage
	bitRole
	bitGrants
	bitClock
	bitOrigin
	bitGroup
	bitExtra
	bitCommitment
	bitRedacted
	bitRawOps
	bitRawHeader
	bitsKnown
)

// tables are what a batch says once: authors, scopes, and what is usual.
type tables struct {
	authors, scopes []id
	usual           usual
}

type usual struct {
	pkg, roleVerified, grants, correction, boot uint64
	time                                        int64
	uptime                                      uint64
}

// unpacked is a change as it comes out of a batch, before anything looks into it.
type unpacked struct {
	seq      uint64
	header   []byte
	redacted bool
	secret   id
	ops      []byte
}

// unpacker holds the model of section 9.
type unpacker struct {
	raw, numbers, letters *reader
	tables                tables
	log                   id

	versions, records, others []id
	latest                    map[id]id
	verb, form                uint64
	scope, author             uint64
	prev                      usual

	total int
}

func (p *unpacker) err() error {
	for _, r := range []*reader{p.numbers, p.raw, p.letters} {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

// ref reads a reference into a list.
func (p *unpacker) ref(list *[]id) id { return p.refOf(p.numbers.u(), list) }

func (p *unpacker) refOf(n uint64, list *[]id) id {
	switch {
	case p.err() != nil:
		return id{}
	case n == 0:
		v := p.raw.id()
		*list = append(*list, v)
		return v
	case n > uint64(len(*list)):
		p.numbers.fail(errMalformed, "ref %d into a list of %d", n, len(*list))
		return id{}
	}
	return (*list)[uint64(len(*list))-n]
}

func (p *unpacker) optionalRef(list *[]id) id {
	n := p.numbers.u()
	if n == 0 {
		return id{}
	}
	return p.refOf(n-1, list)
}

// grow counts what has been unpacked against the limits.
func (p *unpacker) grow(n, change int) {
	p.total += n
	if change > maxChange || p.total > maxUnpacked {
		p.numbers.fail(errTooLarge, "%d bytes unpacked", p.total)
	}
}

func unpack(t tables, log id, first uint64, count int, raw, numbers, letters []byte) ([]unpacked, error) {
	p := &unpacker{
		raw: &reader{b: raw}, numbers: &reader{b: numbers}, letters: &reader{b: letters},
		tables: t, log: log, latest: map[id]id{}, verb: 2, prev: t.usual,
	}
	var out []unpacked
	for i := range count {
		c := p.change(first + uint64(i))
		if p.err() != nil {
			return nil, p.err()
		}
		p.grow(len(c.header)+len(c.ops), len(c.header)+len(c.ops))
		out = append(out, c)
	}
	for _, r := range []*reader{p.raw, p.numbers, p.letters} {
		if err := r.end(errMalformed); err != nil {
			return nil, err
		}
	}
	return out, p.err()
}

func (p *unpacker) change(seq uint64) unpacked {
	c := unpacked{seq: seq}
	mask := p.numbers.u()
	if mask >= 1<<bitsKnown {
		p.numbers.fail(errMalformed, "mask %x", mask)
	}
	set := func(b int) bool { return mask>>b&1 == 1 }
	if set(bitRawHeader) {
		c.header = bytes.Clone(p.raw.take(p.length()))
		p.body(&c, set, id{})
		return c
	}
	var h header
	if set(bitVerb) {
		p.verb = p.numbers.uBits(8, errMalformed)
	}
	if set(bitForm) {
		p.form = p.numbers.uBits(32, errMalformed)
	}
	if set(bitPackage) {
		p.prev.pkg = p.numbers.uBits(32, errMalformed)
	}
	if set(bitScope) {
		p.scope = p.numbers.u()
	}
	if set(bitAuthor) {
		p.author = p.numbers.u()
	}
	if p.scope >= uint64(len(p.tables.scopes)) || p.author >= uint64(len(p.tables.authors)) {
		p.numbers.fail(errMalformed, "scope %d, author %d", p.scope, p.author)
		return c
	}
	if set(bitRole) {
		p.prev.roleVerified = p.numbers.uBits(9, errMalformed)
	}
	if set(bitGrants) {
		p.prev.grants = p.numbers.uBits(63, errMalformed)
	}
	if set(bitClock) {
		p.prev.correction, p.prev.boot = p.raw.u(), p.raw.uBits(63, errMalformed)
	}
	h.originLog, h.originSeq = p.log, seq
	if set(bitOrigin) {
		h.originLog, h.originSeq = p.optionalRef(&p.others), p.numbers.uBits(63, errMalformed)
	}
	step := p.raw.z()
	p.prev.time += step
	p.prev.uptime += uint64(p.raw.z()) + uint64(step)
	switch n := p.numbers.u(); n {
	case 0:
		h.record = p.raw.id()
		p.records = append(p.records, h.record)
	case 1:
		ms := uint64(p.prev.time + p.raw.z())
		for i := range 6 {
			h.record[i] = byte(ms >> (40 - 8*i))
		}
		copy(h.record[6:], p.raw.take(10))
		p.records = append(p.records, h.record)
	default:
		h.record = p.refOf(n-1, &p.records)
	}
	h.base, h.parent = p.latest[h.record], p.latest[h.record]
	if set(bitBase) {
		h.base = p.optionalRef(&p.versions)
	}
	if set(bitParent) {
		h.parent = p.optionalRef(&p.versions)
	}
	if set(bitGroup) {
		h.group = p.ref(&p.others)
	}
	if set(bitExtra) {
		for n := p.numbers.count(maxUnknown, 2); n > 0 && p.err() == nil; n-- {
			h.extra = append(h.extra, field{key: p.numbers.u(), after: bytes.Clone(p.raw.take(p.length()))})
		}
	}
	h.verb, h.form, h.pkg = p.verb, p.form, p.prev.pkg
	h.scope, h.author = p.tables.scopes[p.scope], p.tables.authors[p.author]
	h.role, h.verified, h.grants = p.prev.roleVerified>>1, p.prev.roleVerified&1, p.prev.grants
	h.time, h.uptime, h.boot = p.prev.time, p.prev.uptime, p.prev.boot
	if p.prev.correction > 0 {
		h.corrected, h.correction = true, unzigzag(p.prev.correction-1)
	}
	if set(bitCommitment) {
		h.commitment = p.raw.hash()
	}
	p.body(&c, set, h.base)
	if !set(bitCommitment) {
		if c.redacted {
			p.numbers.fail(errMalformed, "a redacted change without its commitment")
		}
		h.commitment = commitment(c.secret, c.ops)
	}
	c.header = h.encode()
	v := changeID(c.header)
	p.versions = append(p.versions, v)
	p.latest[h.record] = v
	return c
}

// length reads how many raw bytes follow.
func (p *unpacker) length() int {
	n := p.numbers.u()
	if n > maxChange {
		p.numbers.fail(errTooLarge, "%d bytes", n)
		return 0
	}
	return int(n)
}

func (p *unpacker) body(c *unpacked, set func(int) bool, base id) {
	if set(bitRedacted) {
		c.redacted = true
		return
	}
	c.secret = p.raw.id()
	if set(bitRawOps) {
		c.ops = bytes.Clone(p.raw.take(p.length()))
		return
	}
	var names []id
	if base != (id{}) {
		names = []id{base}
	}
	var ops []operation
	if !set(bitUnusual) {
		ops = append(ops, operation{kind: kindSet, critical: true, names: names, value: value{typ: typeTrue}})
	}
	// An operation has at least its head, field step, type and, but for classes without payload, more.
	n := p.numbers.count(maxOps, 3)
	var fieldBefore uint64
	size := 0
	for ; n > 0 && p.err() == nil; n-- {
		var o operation
		head := p.numbers.byte()
		o.kind, o.hasItem, o.critical = uint64(head>>4), head>>1&1 == 1, head&1 == 0
		if o.kind == 0 {
			o.kind = p.numbers.uBits(8, errMalformed)
		}
		o.field = fieldBefore + p.numbers.u()
		if o.field >= 1<<32 {
			p.numbers.fail(errMalformed, "field %d", o.field)
		}
		fieldBefore = o.field
		if o.hasItem {
			if x := p.numbers.u(); x&1 == 1 {
				o.own, o.ownN = true, x>>1
				if o.ownN >= maxOwnItems {
					p.numbers.fail(errMalformed, "own item %d", o.ownN)
				}
			} else {
				o.item = p.refOf(x>>1, &p.others)
			}
			o.sub = p.numbers.uBits(32, errMalformed)
		}
		switch head >> 2 & 3 {
		case 0:
			o.names = names
		case 1:
		case 2:
			for more := true; more && p.err() == nil; {
				x := p.numbers.u()
				o.names = append(o.names, p.refOf(x>>1, &p.versions))
				more = x&1 == 1
				if len(o.names) > maxOps {
					p.numbers.fail(errTooLarge, "%d names", len(o.names))
				}
			}
			names = o.names
		default:
			p.numbers.fail(errMalformed, "names 3")
		}
		o.value = p.value()
		// The names count here too: they are what a few bytes can make many of.
		size += 8 + len(o.value.payload) + len(o.names)
		p.grow(0, size)
		ops = append(ops, o)
	}
	if p.err() == nil {
		c.ops = encodeOps(ops)
	}
}

func (p *unpacker) value() (v value) {
	typ := p.numbers.uBits(8, errMalformed)
	v.typ = byte(typ)
	switch {
	case v.typ == typeReference:
		v.id = p.optionalRef(&p.records)
	case v.class() == classID:
		v.id = p.ref(&p.others)
	case v.class() == classU:
		v.number = p.numbers.u()
	case v.typ == typePoint, v.typ == typeAttachment:
		v.payload = bytes.Clone(p.raw.take(p.length()))
	case v.typ == typeLongText:
		text := p.text()
		b := putBytes(nil, text)
		if n := p.numbers.u(); n > 0 {
			head, tail := n-1, p.numbers.u()
			between := p.text()
			if head > uint64(len(text)) || tail > uint64(len(text)) {
				p.numbers.fail(errMalformed, "a base that shares %d and %d of %d bytes", head, tail, len(text))
				return v
			}
			b = append(b, text[:head]...)
			b = append(b, between...)
			b = append(b, text[uint64(len(text))-tail:]...)
		}
		v.payload = b
	case v.class() == classBytes:
		v.payload = p.text()
	}
	return v
}

// text reads a text, folded or not.
func (p *unpacker) text() []byte {
	n := p.numbers.u()
	if n>>1 > maxChange {
		p.numbers.fail(errTooLarge, "a text of %d bytes", n>>1)
	}
	if p.err() != nil {
		return nil
	}
	b := bytes.Clone(p.letters.take(int(n >> 1)))
	if n&1 == 0 || p.letters.err != nil {
		return b
	}
	out, err := unfold(b)
	if err != nil {
		p.letters.err = fmt.Errorf("unfold: %w", err)
	}
	return out
}
