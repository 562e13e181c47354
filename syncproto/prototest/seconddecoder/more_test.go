package seconddecoder

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// more.json holds vectors that follow from the document and that its own files lack, in the same layout, with the file they belong to.
var updateMore = flag.Bool("update-more", false, "write testdata/more.json anew")

// madeVector is a vector of this package.
type madeVector struct {
	Of      string            `json:"of"`
	Name    string            `json:"name"`
	With    map[string]string `json:"with,omitempty"`
	Hex     string            `json:"hex"`
	Decoded any               `json:"decoded,omitempty"`
	Error   string            `json:"error,omitempty"`
}

// maker collects vectors.
type maker struct {
	t     *testing.T
	dicts *dictionaries
	list  []madeVector
}

func (m *maker) refused(of, name string, class error, b []byte) *madeVector {
	v := madeVector{Of: of, Name: name, Hex: hex.EncodeToString(b), Error: class.Error()}
	if of == "ops.json" {
		v.With = map[string]string{"log": testLog.String(), "seq": "7"}
	}
	if of == "receipts.json" {
		v.With = map[string]string{"receipt_key": hex.EncodeToString(seedKey(3).Public().(ed25519.PublicKey))}
	}
	m.list = append(m.list, v)
	return &m.list[len(m.list)-1]
}

// valid adds a vector that decodes to what this decoder makes of it; its bytes were written by hand.
func (m *maker) valid(of, name string, b []byte) {
	v := m.refused(of, name, errMalformed, b)
	v.Error = ""
	m.show(v)
}

func (m *maker) show(v *madeVector) {
	out, err := decoders[v.Of].decode(m.t, m.dicts, vector{Name: v.Name, With: v.With}, unhex(m.t, v.Hex))
	if err != nil {
		m.t.Errorf("%s: %s: %v", v.Of, v.Name, err)
		return
	}
	v.Decoded = plain(m.t, out.decoded)
}

// filled is an id of one repeated byte.
func filled(c byte) (v id) {
	for i := range v {
		v[i] = c
	}
	return v
}

var testLog = filled(0x50)

// certLog is a log of the device whose key is seedKey(2).
var certLog = logID(public(2), testLog[:6])

// seedKey is a fixed key for vectors: 1 of a log, 2 of a device, 3 of a server's receipts.
func seedKey(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

func public(n byte) []byte { return seedKey(n).Public().(ed25519.PublicKey) }

// join puts bytes, texts, ids and numbers of one byte after each other.
func join(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case rune:
			b = append(b, byte(p))
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case id:
			b = append(b, p[:]...)
		}
	}
	return b
}

func signed(key ed25519.PrivateKey, label string, doc []byte) []byte {
	return append(doc, ed25519.Sign(key, append([]byte(label), doc...))...)
}

func (m *maker) values() {
	for _, v := range []struct {
		name string
		b    []byte
	}{
		{"type byte zero", join(0, 0)},
		{"year over 32 bits", join(16, putZ(nil, 1<<31))},
		{"text that is not UTF-8", join(2, 1, 0xff)},
		{"code that is not UTF-8", join(6, 1, 0xff)},
		{"transition whose to is not UTF-8", join(30, 3, 1, 'a', 0xff)},
		{"long text whose base is not UTF-8", join(22, 3, 1, 'a', 0xff)},
		{"decimal with bytes after", join(10, 3, 0, 2, 0)},
		{"decimal without a mantissa", join(10, 1, 0)},
		{"polygon of 10001 corners", join(18, putBytes(nil, join(putU(nil, 10001), bytes.Repeat([]byte{2}, 20002))))},
		{"polygon whose sum leaves 32 bits", join(18, putBytes(nil, join(2, putZ(nil, 1<<31-1), 0, 2, 0)))},
		{"polygon short of corners", join(18, 3, 2, 2, 2)},
		{"attachment with bytes after", join(26, putBytes(nil, join(1, 1, 'a', bytes.Repeat([]byte{7}, 33))))},
		{"attachment, media type over 255", join(26, putBytes(nil, join(1, putBytes(nil, bytes.Repeat([]byte{'a'}, 256)), bytes.Repeat([]byte{7}, 32))))},
		{"point with a latitude of over 32 bits", join(14, putBytes(nil, join(putZ(nil, 1<<31), 0, 0)))},
		{"point with an accuracy of over 32 bits", join(14, putBytes(nil, join(0, 0, putU(nil, 1<<32))))},
	} {
		m.refused("values.json", v.name, errMalformed, v.b)
	}
}

// testHeader is the shortest header that makes sense.
func testHeader() header {
	return header{verb: 2, record: filled(0x10), form: 12, scope: filled(0x30), originLog: testLog, originSeq: 1, author: filled(0x90)}
}

func (m *maker) headers() {
	h := testHeader()
	add := func(name string, class error, change func(*header)) {
		c := h
		change(&c)
		m.refused("headers.json", name, class, c.encode())
	}
	add("without a record", errMalformed, func(h *header) { h.record = id{} })
	add("grants over 63 bits", errTooLarge, func(h *header) { h.grants = 1 << 63 })
	add("uptime over 63 bits", errTooLarge, func(h *header) { h.uptime = 1 << 63 })
	add("verb over 8 bits", errTooLarge, func(h *header) { h.verb = 256 })
	add("time beyond 2^61", errTooLarge, func(h *header) { h.time = 1<<61 + 1 })
	add("correction beyond -2^61", errTooLarge, func(h *header) { h.corrected, h.correction = true, -1<<61-1 })
	add("unknown bytes of 4097", errTooLarge, func(h *header) {
		h.extra = []field{{key: 20<<3 | classBytes, after: putBytes(nil, make([]byte, 4097))}}
	})
	add("65 unknown fields", errTooLarge, func(h *header) {
		for n := range uint64(65) {
			h.extra = append(h.extra, field{key: (20 + n) << 3, after: []byte{1}})
		}
	})
	zero := func(name string, low uint64, after []byte) {
		add(name, errCanonical, func(h *header) { h.extra = []field{{key: 20<<3 | low, after: after}} })
	}
	zero("an unknown number 0", classU, []byte{0})
	zero("an unknown id of zeros", classID, make([]byte, 16))
	zero("unknown bytes of none", classBytes, []byte{0})
	zero("an unknown hash of zeros", classHash|keyCritical, make([]byte, 32))
	b := h.encode()
	m.refused("headers.json", "verb without the critical bit", errMalformed, append([]byte{1, 8}, b[2:]...))
	m.refused("headers.json", "a zero id", errCanonical, join(b[:len(b)-34], putU(nil, 18<<3|classID), id{}, b[len(b)-34:]))
	c := h
	c.time, c.corrected, c.correction = 1<<61, true, -1<<61
	for n := range uint64(64) {
		c.extra = append(c.extra, field{key: (20 + n) << 3, after: []byte{1}})
	}
	m.valid("headers.json", "the greatest times and 64 unknown fields", c.encode())
}

func (m *maker) ops() {
	const set, put = 1<<2 | 1, 4<<2 | 2 | 1
	a, b := filled(1), filled(2)
	own0, own1 := ownItem(testLog, 7, 0), ownItem(testLog, 7, 1)
	add := func(name string, class error, parts ...any) { m.refused("ops.json", name, class, join(parts...)) }
	add("a table entry twice", errCanonical, 2, a, a, 1, set, 10, 2, 0, 1, 11)
	add("a name twice", errCanonical, 1, a, 1, set, 10, 2, 0, 0, 11)
	add("names out of order", errCanonical, 2, a, b, 1, set, 10, 2, 1, 0, 11)
	add("an item of zeros", errMalformed, 1, id{}, 1, put, 10, 0, 0, 0, 11)
	add("an item outside the table", errMalformed, 1, a, 1, put, 10, 2, 0, 0, 11)
	add("own item 4096", errTooLarge, 0, 1, put, 10, putU(nil, 8193), 0, 0, 11)
	add("kind 256", errMalformed, 0, 1, putU(nil, 256<<2), 10, 0, 11)
	add("field over 32 bits", errTooLarge, 0, 1, set, putU(nil, 1<<32), 0, 11)
	add("sub-field over 32 bits", errTooLarge, 0, 1, put, 10, 1, putU(nil, 1<<32), 0, 11)
	add("4097 operations", errTooLarge, 0, putU(nil, 4097), make([]byte, 4*4097))
	add("alike but for the names", errCanonical, 1, a, 2, set, 10, 0, 11, set, 10, 1, 0, 11)
	add("alike but for the critical bit", errCanonical, 0, 2, set, 10, 0, 11, set-1, 10, 0, 11)
	add("values out of order", errCanonical, 0, 2, set, 10, 0, 2, 1, 'b', set, 10, 0, 2, 2, "aa")
	add("an own item used and in the table", errCanonical, 1, own0, 2, put, 10, 0, 0, 0, 11, put, 10, 1, 1, 0, 11)
	m.valid("ops.json", "payloads are compared as bytes, not by length", join(0, 2, set, 10, 0, 2, 2, "aa", set, 10, 0, 2, 1, 'b'))
	m.valid("ops.json", "an item's id as a version's, and own items in any order",
		join(1, own1, 2, put, 10, 1, 0, 0, 11, put, 11, 3, 0, 1, 0, 11))
	m.valid("ops.json", "items are compared by reference, own between others", join(2, a, b, 3, put, 10, 0, 0, 0, 11, put, 10, 1, 0, 0, 11, put, 10, 2, 0, 0, 11))
}

func (m *maker) certificate(log id, more ...any) []byte {
	doc := join(1, 1<<3|classID, log, 2<<3|classHash, public(1), 3<<3|classHash, public(2), 4<<3, 1, join(more...))
	return signed(seedKey(2), labelCertificate, doc)
}

func (m *maker) documents() {
	m.refused("certificates.json", "a log of zeros", errCanonical, m.certificate(id{}))
	m.refused("certificates.json", "a log of another device", errMalformed, m.certificate(testLog))
	m.refused("certificates.json", "created zero", errCanonical, m.certificate(certLog, 5<<3, 0))
	m.refused("certificates.json", "over 1 KiB", errTooLarge, m.certificate(certLog, putU(nil, 9<<3|classBytes), putBytes(nil, make([]byte, 1024))))
	m.refused("certificates.json", "a known field marked critical", errMalformed, m.certificate(certLog, 5<<3|keyCritical, 2))
	receipt := func(ranges []byte) []byte {
		doc := join(1, 1<<3|classID, serverID(public(3)), 2<<3|classID, filled(2), 3<<3|classID, testLog, 4<<3|classBytes, putBytes(nil, ranges), 5<<3|classHash, bytes.Repeat([]byte{8}, 32))
		return signed(seedKey(3), labelReceipt, doc)
	}
	many := putU(nil, 4097)
	for range 4097 {
		many = append(many, 2, 0)
	}
	m.refused("receipts.json", "from sequence 0", errMalformed, receipt(join(1, 0, 5)))
	m.refused("receipts.json", "ranges that overlap", errMalformed, receipt(join(2, 1, 5, 0, 5)))
	m.refused("receipts.json", "a count of no ranges", errMalformed, receipt(join(0)))
	m.refused("receipts.json", "bytes after the ranges", errMalformed, receipt(join(1, 1, 5, 0)))
	m.refused("receipts.json", "4097 ranges", errTooLarge, receipt(many))
	m.refused("receipts.json", "a sequence over 64 bits", errTooLarge, receipt(join(1, 2, putU(nil, 1<<64-1))))
	m.valid("receipts.json", "two ranges with one sequence missing between", receipt(join(2, 1, 5, 2, 0)))
	m.refused("server_keys.json", "a key of zeros", errCanonical, join(1, 1<<3|classHash, make([]byte, 32), 2<<3|classHash, public(3)))
	m.refused("server_keys.json", "a critical field of a newer release", errTooNew, join(1, 1<<3|classHash, public(1), 2<<3|classHash, public(3), 4<<3|keyCritical, 1))
}

func (m *maker) records() {
	head := func(flags int) []byte {
		return join(flags, filled(1), 12, filled(2), filled(3), 3, filled(4))
	}
	a, b := filled(0xa0), filled(0xb0)
	author := join(1, filled(9))
	version := func(v id) []byte { return join(v, 0, 4, 1, 2) }
	one, two := join(1, version(a)), join(2, version(a), version(b))
	cell := join(10<<2, 1, 0, 11)
	add := func(name string, class error, parts ...any) {
		m.refused("records.json", name, class, join(parts...))
	}
	m.valid("records.json", "by hand", join(head(0), author, one, 0, 1, cell))
	m.valid("records.json", "a delta's cell without candidates", join(head(1), 0, 0, 0, 1, 10<<2, 0))
	m.valid("records.json", "cells in their order", join(head(0), author, one, 1, filled(7), 5,
		10<<2, 1, 0, 11, 10<<2|2, 6, 2, "aa", 1, 0, 10<<2|2, 6, 1, 'b', 1, 0, 10<<2|1, 0, 0, 1, 0, 11, 10<<2|1, 0, 1, 1, 0, 11))
	add("a cell without candidates", errMalformed, head(0), author, one, 0, 2, cell, 11<<2, 0)
	add("cells out of order", errCanonical, head(0), author, one, 0, 2, 11<<2, 1, 0, 11, cell)
	add("a cell twice", errCanonical, head(0), author, one, 0, 2, cell, cell)
	add("candidates out of order", errCanonical, head(0), author, two, 0, 1, 10<<2, 2, 1, 11, 0, 11)
	add("a candidate twice", errCanonical, head(0), author, one, 0, 1, 10<<2, 2, 0, 11, 0, 7)
	add("versions out of order", errCanonical, head(0), author, 2, version(b), version(a), 0, 1, 10<<2, 2, 0, 11, 1, 11)
	add("authors out of order", errCanonical, head(0), 2, filled(9), filled(8), 2, join(a, 0, 4, 1, 2), join(b, 1, 4, 1, 2), 0, 1, 10<<2, 2, 0, 11, 1, 11)
	add("an unused author", errCanonical, head(0), 2, filled(9), filled(10), one, 0, 1, cell)
	add("an unused version", errCanonical, head(0), author, two, 0, 1, cell)
	add("an unused item", errCanonical, head(0), author, one, 1, filled(7), 1, cell)
	add("an item of zeros", errMalformed, head(0), author, one, 1, id{}, 1, 10<<2|1, 0, 0, 1, 0, 11)
	add("an author outside the table", errMalformed, head(0), author, 1, a, 1, 4, 1, 2, 0, 1, cell)
	add("a version outside the table", errMalformed, head(0), author, one, 0, 1, 10<<2, 1, 1, 11)
	add("an item outside the table", errMalformed, head(0), author, one, 0, 1, 10<<2|1, 0, 0, 1, 0, 11)
	add("flags 8", errTooNew, head(8), author, one, 0, 1, cell)
}

func (m *maker) messages() {
	add := func(typ, name string, class error, parts ...any) {
		m.refused("messages.json", name, class, join(parts...)).With = map[string]string{"type": typ}
	}
	add("9", "an id of zeros", errCanonical, 1<<3|classID, id{})
	add("66", "a hash of zeros", errCanonical, 3<<3|classHash, id{}, id{})
	add("3", "empty bytes", errCanonical, 1<<3|classBytes, 0)
	add("10", "an empty text", errCanonical, 2<<3|classBytes, 0)
	add("4", "a field twice", errCanonical, 1<<3, 1, 1<<3, 1)
	add("10", "a code over 8 bits", errTooLarge, 1<<3, putU(nil, 256))
	add("64", "a flag of 2", errTooLarge, 7<<3, 2)
	add("7", "bytes after a list", errMalformed, 2<<3|classBytes, 18, 1, filled(1), 0)
	add("7", "a list cut", errTruncated, 2<<3|classBytes, 17, 2, filled(1))
	add("2", "a proof of 63 bytes", errMalformed, 7<<3|classBytes, 63, bytes.Repeat([]byte{1}, 63))
	add("67", "an unknown critical field inside a list", errTooNew, 6<<3|classBytes, 4, 1, 2, 9<<3|keyCritical, 1)
	add("1", "33 ancestors", errTooLarge, 8<<3|classBytes, 34, 33, make([]byte, 33))
	add("74", "an explanation over 4 KiB", errTooLarge, 4<<3|classBytes, putBytes(nil, bytes.Repeat([]byte{'a'}, 4097)))
	var unknown []byte
	for n := range uint64(65) {
		unknown = putU(putU(unknown, (30+n)<<3), 1)
	}
	add("4", "65 unknown fields", errTooLarge, unknown)
}

func (m *maker) frames() {
	add := func(name string, class error, parts ...any) { m.refused("frames.json", name, class, join(parts...)) }
	// One raw block in a frame of one segment: a Credit of 5.
	raw := func(parts ...any) []byte { return join(4, 1, join(parts...)) }
	m.valid("frames.json", "zstd without a dictionary", raw(0x20, 2, 0x11, 0, 0, 8, 5))
	add("zstd with a dictionary", errMalformed, raw(0x21, 2, 2, 0x11, 0, 0, 8, 5))
	add("prefix codes in a frame", errUnknownDict, 4, 2, 8, 5)
	add("packed records in a message without any", errMalformed, 4, 3, 3, 0, 8, 5, 0)
	add("packed records in a payload that holds some", errMalformed, 67, 3, 6, 0, 5<<3|classBytes, 3, 1, 1, 0, 0, 0)
	add("packed records of which there are too many", errTooLarge, 67, 3, 1, 0, putU(nil, 16385), 0)
	add("packed records without ids", errTruncated, 67, 3, 1, 0, 1, 1, 1, 0)
	add("a message that is longer than its frame", errTruncated, 67, 3, 9, 0)
	add("zstd with a checksum", errMalformed, raw(0x24, 2, 0x11, 0, 0, 8, 5, 0, 0, 0, 0))
	add("zstd without its content size", errMalformed, raw(0, 0x58, 0x11, 0, 0, 8, 5))
	add("zstd with its magic", errMalformed, raw(0x28, 0xb5, 0x2f, 0xfd, 0x20, 2, 0x11, 0, 0, 8, 5))
	add("zstd with bytes after", errMalformed, raw(0x20, 2, 0x11, 0, 0, 8, 5, 0))
	add("zstd that says more than it holds", errMalformed, raw(0x20, 3, 0x11, 0, 0, 8, 5))
	add("an unknown message", errUnknownMsg, 12, 0)
	add("a type alone", errTruncated, 4)
}

// TestMore writes the vectors anew, compares them with the committed ones, and decodes those.
func TestMore(t *testing.T) {
	dicts := loadDictionaries(t)
	m := &maker{t: t, dicts: dicts}
	for _, make := range []func(){m.values, m.headers, m.ops, m.documents, m.records, m.messages, m.frames, m.batches} {
		make()
	}
	path := filepath.Join("testdata", "more.json")
	if *updateMore {
		b, err := json.MarshalIndent(m.list, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read vectors: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var list []madeVector
	if err := dec.Decode(&list); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	if len(list) == 0 || len(list) != len(m.list) {
		t.Fatalf("%d vectors, want %d", len(list), len(m.list))
	}
	counts := map[string]int{}
	for i, v := range list {
		if !reflect.DeepEqual(v, m.list[i]) {
			t.Errorf("%s: %s: differs from what is made: %s", v.Of, v.Name, difference("", plain(t, v), plain(t, m.list[i])))
		}
		counts[v.Of]++
		checkVector(t, dicts, vector{Name: v.Of + ": " + v.Name, With: v.With, Hex: v.Hex, Decoded: v.Decoded, Error: v.Error}, decoders[v.Of].decode)
	}
	t.Logf("%v", counts)
}
