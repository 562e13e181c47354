package seconddecoder

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
)

// madeBatch is a batch built by hand: its streams, and what must come out.
type madeBatch struct {
	purpose, flags, suite byte
	first                 uint64
	usual                 usual
	raw, numbers, letters []byte
	coding                []byte // the coding and what follows; prefix codes of numbers and letters if nil
	headers, ops          [][]byte
}

func (m *maker) batch(name string, b madeBatch) []byte {
	cert := m.certificate(certLog)
	t := tables{authors: []id{filled(0x90)}, scopes: []id{filled(0x30)}, usual: b.usual}
	first := b.first
	out := join(1, int(b.suite), int(b.purpose), int(b.flags))
	switch b.flags {
	case 3:
		out = append(putBytes(out, cert), t.encode()...)
	case 1:
		out = putBytes(out, cert)
	}
	out = putBytes(putU(putU(out, first), uint64(len(b.headers))), b.raw)
	if b.coding == nil {
		b.coding = join(2, m.dicts.prefixEncode(b.numbers, b.letters))
	}
	out = append(out, b.coding...)
	before := chainStart(certLog)
	after := before
	for _, h := range b.headers {
		after = chainNext(after, h)
	}
	device := deviceID(seedKey(2).Public().(ed25519.PublicKey))
	sign := join("mahalleh batch 1\n", int(b.suite), int(b.purpose), device, certLog)
	sign = binary.BigEndian.AppendUint64(sign, first)
	sign = binary.BigEndian.AppendUint32(sign, uint32(len(b.headers)))
	sign = append(append(sign, before[:]...), after[:]...)
	out = append(out, ed25519.Sign(seedKey(1), sign)...)
	if b.ops != nil {
		opened, err := newOpener(m.dicts).open(out)
		if err != nil {
			m.t.Errorf("%s: %v", name, err)
			return out
		}
		for i, c := range opened.changes {
			if !bytes.Equal(c.header, b.headers[i]) || !bytes.Equal(c.ops, b.ops[i]) {
				m.t.Errorf("%s, %d: header %x, want %x; operations %x, want %x", name, i, c.header, b.headers[i], c.ops, b.ops[i])
			}
		}
	}
	return out
}

// logHeader is testHeader in the log that the certificate names.
func logHeader() header {
	h := testHeader()
	h.originLog = certLog
	return h
}

func (m *maker) batches() {
	yes := value{typ: typeTrue}
	presence := operation{kind: kindSet, critical: true, value: yes}
	secret := filled(0xe0)
	sealed := func(h header, ops ...operation) (header []byte, opsBytes []byte) {
		opsBytes = encodeOps(ops)
		h.commitment = commitment(secret, opsBytes)
		return h.encode(), opsBytes
	}
	plainHeader, plainOps := sealed(logHeader(), presence)
	// The usual: edit of form 12, a new record, presence only.
	numbers, raw := join(1<<bitForm, 12, 0, 0), join(0, 0, filled(0x10), secret)
	simple := madeBatch{purpose: 2, flags: 3, suite: 1, first: 1, raw: raw, numbers: numbers, headers: [][]byte{plainHeader}}
	refuse := func(name string, class error, change func(*madeBatch)) {
		b := simple
		change(&b)
		m.refused("batches.json", name, class, m.batch(name, b))
	}
	accept := func(name string, b madeBatch) { m.valid("batches.json", name, m.batch(name, b)) }

	one := simple
	one.ops = [][]byte{plainOps}
	accept("the least", one)

	// Its id begins with the milliseconds of this change's time, not of the one before.
	h := logHeader()
	h.time = 1780000000000
	h.record = id{0x01, 0x9e, 0x70, 0x9c, 0xd0, 0x00 + 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	ms := binary.BigEndian.AppendUint64(nil, uint64(h.time+7))
	copy(h.record[:6], ms[2:])
	timed := simple
	timed.raw = join(putZ(nil, h.time), putZ(nil, -h.time), putZ(nil, 7), h.record[6:], secret)
	timed.numbers = join(1<<bitForm, 12, 1, 0)
	th, to := sealed(h, presence)
	timed.headers, timed.ops = [][]byte{th}, [][]byte{to}
	accept("a record whose id begins with its time", timed)

	// Names: usual after none are those named before; a base that shares nothing; items new, own and known.
	h = logHeader()
	h.base = filled(0x70)
	base := []id{h.base}
	names := []id{filled(0x71)}
	long := func(text, base string) value {
		return value{typ: typeLongText, payload: append(putBytes(nil, []byte(text)), base...)}
	}
	p := presence
	p.names = base
	list := []operation{p,
		{kind: 1, critical: true, field: 10, names: base, value: yes},
		{kind: 1, critical: true, field: 11, names: names, value: yes},
		{kind: 1, critical: true, field: 12, value: yes},
		{kind: 1, field: 13, names: names, value: long("ab", "xyb")},
		{kind: 16, field: 14, names: names, value: long("ab", "ab")},
		{kind: 4, field: 15, names: names, hasItem: true, own: true, value: yes},
		{kind: 4, field: 15, names: names, hasItem: true, item: filled(0xa0), sub: 1, value: yes},
		{kind: 5, field: 16, names: names, hasItem: true, item: filled(0xa0), value: value{typ: typeReference, id: filled(0x10)}},
		{kind: 5, field: 17, names: names, value: value{typ: typeReference}},
		{kind: 5, field: 18, names: names, value: value{typ: typeScope, id: filled(0xa0)}},
	}
	rich := simple
	rich.raw = join(0, 0, filled(0x10), filled(0x70), secret, filled(0x71), filled(0xa0))
	rich.numbers = join(1<<bitForm|1<<bitBase, 12, 0, 1, 10,
		1<<4, 10, 11,
		1<<4|2<<2, 1, 0, 11,
		1<<4|1<<2, 1, 11,
		1<<4|1, 1, 22, 2<<1, 1, 1, 2<<1,
		1, 1, 16, 22, 2<<1, 3, 0, 0,
		4<<4|2|1, 1, 1, 0, 11,
		4<<4|2|1, 0, 0, 1, 11,
		5<<4|2|1, 1, 2, 0, 1, 2,
		5<<4|1, 1, 1, 0,
		5<<4|1, 1, 5, 1)
	rich.letters = join("ab", "xy", "ab")
	rh, ro := sealed(h, list...)
	rich.headers, rich.ops = [][]byte{rh}, [][]byte{ro}
	accept("names, items, references and bases", rich)

	refuse("flags 1", errMalformed, func(b *madeBatch) { b.flags = 1 })
	refuse("sequence 0", errMalformed, func(b *madeBatch) { b.first = 0 })
	refuse("no changes", errMalformed, func(b *madeBatch) { b.headers, b.raw, b.numbers = nil, nil, nil })
	refuse("raw bytes left", errMalformed, func(b *madeBatch) { b.raw = join(raw, 0) })
	refuse("numbers left", errMalformed, func(b *madeBatch) { b.numbers = join(numbers, 0) })
	refuse("letters left", errMalformed, func(b *madeBatch) { b.letters = join("a") })
	refuse("raw bytes cut", errTruncated, func(b *madeBatch) { b.raw = raw[:len(raw)-1] })
	refuse("a scope outside the table", errMalformed, func(b *madeBatch) { b.numbers = join(1<<bitForm|1<<bitScope, 12, 1, 0, 0) })
	refuse("a ref outside its list", errMalformed, func(b *madeBatch) { b.numbers = join(1<<bitForm, 12, 2, 0) })
	refuse("redacted without its commitment", errMalformed, func(b *madeBatch) { b.numbers = join(putU(nil, 1<<bitForm|1<<bitRedacted), 12, 0) })
	refuse("an unknown coding", errUnknownDict, func(b *madeBatch) { b.coding = join(9, 0) })
	refuse("a coding of frames", errUnknownDict, func(b *madeBatch) { b.coding = join(1, 0) })
	refuse("a signature over another header", errSignature, func(b *madeBatch) { b.headers = [][]byte{plainHeader[1:]} })
	refuse("prefix codes with bytes after", errMalformed, func(b *madeBatch) { b.coding = join(2, 0, 0, 0) })
	refuse("prefix codes with too few bits", errTruncated, func(b *madeBatch) { b.coding = join(2, 100, 0, 0) })
}
