package seconddecoder

import "math/bits"

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

// lists are ids by which a packed form names them.
type lists struct{ versions, records, others []id }

// unpacker holds what section 9 keeps.
type unpacker struct {
	source
	lists
	tables tables
	log    id

	latest        map[id]id
	verb, form    uint64
	scope, author uint64
	prev          usual

	total int
}

// id reads a ref whose number is known.
func readRef(s source, n uint64, list *[]id) (v id) {
	switch {
	case s.failed() != nil:
		return id{}
	case n == 0:
		copy(v[:], s.rawBytes(16))
		*list = append(*list, v)
		return v
	case n > uint64(len(*list)):
		s.fail(errMalformed, "ref %d into a list of %d", n, len(*list))
		return id{}
	}
	return (*list)[uint64(len(*list))-n]
}

func optionalRef(s source, name string, list *[]id) id {
	n := s.u(name)
	if n == 0 {
		return id{}
	}
	return readRef(s, n-1, list)
}

// bits reads a number of at most n bits.
func (p *unpacker) bits(name string, n int) uint64 {
	v := p.u(name)
	if bits.Len64(v) > n {
		p.fail(errMalformed, "%s %d", name, v)
		return 0
	}
	return v
}

// grow counts what has been unpacked against the limits.
func (p *unpacker) grow(n, change int) {
	p.total += n
	if change > maxChange || p.total > maxUnpacked {
		p.fail(errTooLarge, "%d bytes unpacked", p.total)
	}
}

func unpack(t tables, log id, first uint64, count int, s source) ([]unpacked, error) {
	p := &unpacker{source: s, tables: t, log: log, latest: map[id]id{}, verb: 2, prev: t.usual}
	var out []unpacked
	for i := range count {
		c := p.change(first + uint64(i))
		if p.failed() != nil {
			return nil, p.failed()
		}
		p.grow(len(c.header)+len(c.ops), len(c.header)+len(c.ops))
		out = append(out, c)
	}
	if p.failed() != nil {
		return nil, p.failed()
	}
	return out, s.end()
}

func (p *unpacker) change(seq uint64) unpacked {
	c := unpacked{seq: seq}
	mask := p.u("mask")
	if mask >= 1<<bitsKnown {
		p.fail(errMalformed, "mask %x", mask)
	}
	set := func(b int) bool { return mask>>b&1 == 1 }
	if set(bitRawHeader) {
		c.header = blob(p)
		p.body(&c, set, id{})
		return c
	}
	var h header
	if set(bitVerb) {
		p.verb = p.bits("verb", 8)
	}
	if set(bitForm) {
		p.form = p.bits("form", 32)
	}
	if set(bitPackage) {
		p.prev.pkg = p.bits("package", 32)
	}
	if set(bitScope) {
		p.scope = p.u("scope")
	}
	if set(bitAuthor) {
		p.author = p.u("author")
	}
	if p.scope >= uint64(len(p.tables.scopes)) || p.author >= uint64(len(p.tables.authors)) {
		p.fail(errMalformed, "scope %d, author %d", p.scope, p.author)
		return c
	}
	if set(bitRole) {
		p.prev.roleVerified = p.bits("role", 9)
	}
	if set(bitGrants) {
		p.prev.grants = p.bits("grants", 63)
	}
	if set(bitClock) {
		p.prev.correction, p.prev.boot = p.u("~correction"), p.bits("~boot", 63)
	}
	h.originLog, h.originSeq = p.log, seq
	if set(bitOrigin) {
		h.originLog, h.originSeq = optionalRef(p, "origin", &p.others), p.bits("origin", 63)
	}
	step := unzigzag(p.u("~time"))
	p.prev.time += step
	p.prev.uptime += uint64(unzigzag(p.u("~uptime"))) + uint64(step)
	switch n := p.u("record"); n {
	case 0:
		copy(h.record[:], p.rawBytes(16))
		p.records = append(p.records, h.record)
	case 1:
		ms := uint64(p.prev.time + unzigzag(p.u("~offset")))
		for i := range 6 {
			h.record[i] = byte(ms >> (40 - 8*i))
		}
		copy(h.record[6:], p.tail())
		p.records = append(p.records, h.record)
	default:
		h.record = readRef(p, n-1, &p.records)
	}
	h.base, h.parent = p.latest[h.record], p.latest[h.record]
	if set(bitBase) {
		h.base = optionalRef(p, "base", &p.versions)
	}
	if set(bitParent) {
		h.parent = optionalRef(p, "parent", &p.versions)
	}
	if set(bitGroup) {
		h.group = readRef(p, p.u("group"), &p.others)
	}
	if set(bitExtra) {
		n := p.u("extra")
		if n > maxUnknown {
			p.fail(errTooLarge, "%d fields", n)
		}
		for ; n > 0 && p.failed() == nil; n-- {
			h.extra = append(h.extra, field{key: p.u("extra"), after: blob(p)})
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
		copy(h.commitment[:], p.rawBytes(32))
	}
	p.body(&c, set, h.base)
	if !set(bitCommitment) {
		if c.redacted {
			p.fail(errMalformed, "a redacted change without its commitment")
		}
		h.commitment = commitment(c.secret, c.ops)
	}
	c.header = h.encode()
	v := changeID(c.header)
	p.versions = append(p.versions, v)
	p.latest[h.record] = v
	return c
}

func (p *unpacker) body(c *unpacked, set func(int) bool, base id) {
	if set(bitRedacted) {
		c.redacted = true
		return
	}
	copy(c.secret[:], p.rawBytes(16))
	if set(bitRawOps) {
		c.ops = blob(p)
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
	n := p.count(p.form)
	if n > maxOps {
		p.fail(errTooLarge, "%d operations", n)
	}
	var fieldBefore uint64
	size := 0
	for ; n > 0 && p.failed() == nil; n-- {
		var o operation
		head, step := p.lead()
		if head > 255 || step >= 1<<32 {
			p.fail(errMalformed, "head %d, step %d", head, step)
		}
		o.kind, o.hasItem, o.critical = head>>4, head>>1&1 == 1, head&1 == 0
		if o.kind == 0 {
			o.kind = p.bits("kind", 8)
		}
		o.field = fieldBefore + step
		if o.field >= 1<<32 {
			p.fail(errMalformed, "field %d", o.field)
		}
		fieldBefore = o.field
		if o.hasItem {
			if x := p.u("item"); x&1 == 1 {
				o.own, o.ownN = true, x>>1
				if o.ownN >= maxOwnItems {
					p.fail(errMalformed, "own item %d", o.ownN)
				}
			} else {
				o.item = readRef(p, x>>1, &p.others)
			}
			if o.sub = p.sub(); o.sub >= 1<<32 {
				p.fail(errMalformed, "sub-field %d", o.sub)
			}
		}
		switch head >> 2 & 3 {
		case 0:
			o.names = names
		case 1:
		case 2:
			for more := true; more && p.failed() == nil; {
				x := p.u("name")
				o.names = append(o.names, readRef(p, x>>1, &p.versions))
				more = x&1 == 1
				if len(o.names) > maxOps {
					p.fail(errTooLarge, "%d names", len(o.names))
				}
			}
			names = o.names
		default:
			p.fail(errMalformed, "names 3")
		}
		o.value = readValue(p, &p.lists)
		// The names count here too: they are what a few bytes can make many of.
		size += 8 + len(o.value.payload) + len(o.names)
		p.grow(0, size)
		ops = append(ops, o)
	}
	if p.failed() == nil {
		c.ops = encodeOps(ops)
	}
}

func readValue(s source, l *lists) (v value) {
	typ := s.typ()
	if typ > 255 {
		s.fail(errMalformed, "type %d", typ)
	}
	v.typ = byte(typ)
	switch {
	case v.typ == typeReference:
		known := false
		if v.id, known = s.known(); !known {
			v.id = optionalRef(s, "id", &l.records)
			s.learn(v.id)
		}
	case v.class() == classID:
		v.id = readRef(s, s.u("id"), &l.others)
	case v.class() == classU:
		v.number = s.number(v.typ)
	case v.typ == typePoint:
		v.payload = s.point()
	case v.typ == typeAttachment:
		v.payload = blob(s)
	case v.typ == typeCode:
		v.payload = s.code()
	case v.typ == typeLongText:
		text := s.text()
		b := putBytes(nil, text)
		if n := s.u("alike"); n > 0 {
			head, tail := n-1, s.u("alike")
			between := s.text()
			if head > uint64(len(text)) || tail > uint64(len(text)) {
				s.fail(errMalformed, "a base that shares %d and %d of %d bytes", head, tail, len(text))
				return v
			}
			b = append(b, text[:head]...)
			b = append(b, between...)
			b = append(b, text[uint64(len(text))-tail:]...)
		}
		v.payload = b
	case v.class() == classBytes:
		v.payload = s.text()
	}
	return v
}
