package wire

import (
	"unicode/utf8"

	"mahalleh/syncproto"
)

// fields writes or reads a list of fields: key = number<<3 | critical<<2 |
// class, then the content, ascending by number, zero and empty left out. One
// description serves both directions: it calls one function per field it
// knows, ascending; writing appends those that are not zero, reading steps
// over what it does not know.
type fields struct {
	out []byte  // writing: what has been written
	in  *cursor // reading: the source; nil when writing
	key uint64  // reading: the key at hand, not yet used, if have
	// have says that key holds one; last is the number of the latest key.
	have bool
	last uint64
	// extra, if not nil, collects unknown fields that are not critical; they
	// are stepped over otherwise and counted in skipped.
	extra   *[]syncproto.ExtraField
	skipped int
}

func writeFields(b []byte, describe func(*fields)) []byte {
	f := fields{out: b}
	describe(&f)
	return f.out
}

// readFields reads the whole of buf and returns how many fields were skipped.
func readFields(buf []byte, describe func(*fields)) (skipped int, err error) {
	f := fields{in: &cursor{buf: buf}}
	describe(&f)
	f.rest()
	return f.skipped, f.in.err
}

func (f *fields) writing() bool { return f.in == nil }

func (f *fields) put(number uint64, class uint64) {
	f.out = appendUvarint(f.out, number<<3|class)
}

// next makes the next key the one at hand; false at the end or after an error.
func (f *fields) next() bool {
	if f.have {
		return true
	}
	if f.in.err != nil || f.in.left() == 0 {
		return false
	}
	key := f.in.uvarint("field key")
	if f.in.err == nil && key>>3 <= f.last {
		f.in.fail(ErrNotCanonical, "field order")
	}
	if f.in.err != nil {
		return false
	}
	f.key, f.have, f.last = key, true, key>>3
	return true
}

// at reports whether the field of this number and class comes next; its
// content is then to be read.
func (f *fields) at(number, class uint64) bool {
	for f.next() && f.key>>3 < number {
		f.skip()
	}
	if !f.have || f.key>>3 != number {
		return false
	}
	if f.key != number<<3|class {
		f.in.fail(ErrMalformed, "known field in another class")
		return false
	}
	f.have = false
	return true
}

// skip steps over the unknown field at hand.
func (f *fields) skip() {
	f.have = false
	if f.key&critical != 0 {
		f.in.fail(ErrTooNew, "field")
		return
	}
	start := f.in.off
	switch f.key & 3 {
	case classVarint:
		f.in.uvarint("unknown field")
	case classID:
		f.in.bytes("unknown field", 16)
	case classBytes:
		f.in.prefixed("unknown field", syncproto.MaxUnpacked)
	case classHash:
		f.in.bytes("unknown field", 32)
	}
	if f.in.err != nil {
		return
	}
	if emptyField(f.key, f.in.buf[start:f.in.off]) {
		f.in.fail(ErrNotCanonical, "field zero is left out")
		return
	}
	f.skipped++
	if f.skipped > maxExtra {
		f.in.fail(ErrTooLarge, "fields of a newer release")
		return
	}
	if f.extra != nil {
		*f.extra = append(*f.extra, syncproto.ExtraField{Key: f.key, Payload: string(f.in.buf[start:f.in.off])})
	}
}

// rest steps over all that is left.
func (f *fields) rest() {
	for f.next() {
		f.skip()
	}
}

// keep passes unknown fields on: called first by descriptions of documents
// whose bytes matter, with keepEnd as the last call.
func (f *fields) keep(extra *[]syncproto.ExtraField) {
	if !f.writing() {
		f.extra = extra
	}
}

func (f *fields) keepEnd(extra []syncproto.ExtraField) {
	if !f.writing() {
		return
	}
	for _, e := range extra {
		f.out = appendUvarint(f.out, e.Key)
		f.out = append(f.out, e.Payload...)
	}
}

type number interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

// fieldNum is a number that fits its Go type.
func fieldNum[T number](f *fields, n uint64, p *T) {
	if f.writing() {
		if *p != 0 {
			f.put(n, classVarint)
			f.out = appendUvarint(f.out, uint64(*p))
		}
		return
	}
	if !f.at(n, classVarint) {
		return
	}
	v := f.in.uvarint("number")
	if f.in.err == nil && v == 0 {
		f.in.fail(ErrNotCanonical, "number zero is left out")
	}
	if uint64(T(v)) != v {
		f.in.fail(ErrTooLarge, "number")
		return
	}
	*p = T(v)
}

// fieldInt is a number with a sign, in zigzag.
func fieldInt(f *fields, n uint64, p *int64) {
	u := syncproto.Zigzag(*p)
	fieldNum(f, n, &u)
	*p = syncproto.Unzigzag(u)
}

func fieldBool(f *fields, n uint64, p *bool) {
	u := boolNum(*p)
	fieldNum(f, n, &u)
	if u > 1 && !f.writing() {
		f.in.fail(ErrMalformed, "yes or no")
	}
	*p = u == 1
}

func fieldID[T ~[16]byte](f *fields, n uint64, p *T) {
	if f.writing() {
		if *p != (T{}) {
			f.put(n, classID)
			id := [16]byte(*p)
			f.out = append(f.out, id[:]...)
		}
		return
	}
	if !f.at(n, classID) {
		return
	}
	*p = T(f.in.id("id"))
	if f.in.err == nil && *p == (T{}) {
		f.in.fail(ErrNotCanonical, "id zero is left out")
	}
}

func fieldHash[T ~[32]byte](f *fields, n uint64, p *T) {
	if f.writing() {
		if *p != (T{}) {
			f.put(n, classHash)
			h := [32]byte(*p)
			f.out = append(f.out, h[:]...)
		}
		return
	}
	if !f.at(n, classHash) {
		return
	}
	*p = T(f.in.hash("hash"))
	if f.in.err == nil && *p == (T{}) {
		f.in.fail(ErrNotCanonical, "hash zero is left out")
	}
}

// fieldBytes is opaque bytes, at most max of them; what is read belongs to
// the payload.
func fieldBytes(f *fields, n uint64, p *[]byte, max int) {
	if f.writing() {
		if len(*p) != 0 {
			f.put(n, classBytes)
			f.out = appendUvarint(f.out, uint64(len(*p)))
			f.out = append(f.out, *p...)
		}
		return
	}
	if f.at(n, classBytes) {
		*p = f.content(max)
	}
}

// fieldExact is bytes of one length.
func fieldExact(f *fields, n uint64, p *[]byte, size int) {
	fieldBytes(f, n, p, size)
	if !f.writing() && f.in.err == nil && *p != nil && len(*p) != size {
		f.in.fail(ErrMalformed, "bytes of another length")
	}
}

func fieldText(f *fields, n uint64, p *string, max int) {
	b := []byte(*p)
	fieldBytes(f, n, &b, max)
	if !f.writing() && !utf8.Valid(b) {
		f.in.fail(ErrMalformed, "text is not UTF-8")
		return
	}
	*p = string(b)
}

// content reads a length and that many bytes, at least one.
func (f *fields) content(max int) []byte {
	b := f.in.prefixed("bytes", max)
	if f.in.err == nil && len(b) == 0 {
		f.in.fail(ErrNotCanonical, "empty bytes are left out")
	}
	return b
}

// fieldRows is a list of at most max entries of at least min bytes each: a
// bytes-field that holds their count, then the entries.
func fieldRows[T any](f *fields, n uint64, p *[]T, max, min int, put func([]byte, *T) []byte, get func(*cursor, *T)) {
	if f.writing() {
		if len(*p) == 0 {
			return
		}
		b := appendUvarint(nil, uint64(len(*p)))
		for i := range *p {
			b = put(b, &(*p)[i])
		}
		fieldBytes(f, n, &b, len(b))
		return
	}
	if !f.at(n, classBytes) {
		return
	}
	c := &cursor{buf: f.content(syncproto.MaxUnpacked)}
	if f.in.err != nil {
		return
	}
	k := c.count("list", max, min)
	if c.err == nil && k == 0 {
		c.fail(ErrNotCanonical, "an empty list is left out")
	}
	rows := make([]T, k)
	for i := range rows {
		get(c, &rows[i])
		if c.err != nil {
			break
		}
	}
	if err := c.end("list"); err != nil {
		if f.in.err == nil {
			f.in.err = err
		}
		return
	}
	*p = rows
}

// fieldList is a list whose entries are field lists themselves, each with its
// length before it.
func fieldList[T any](f *fields, n uint64, p *[]T, max int, describe func(*fields, *T)) {
	// One is enough for all entries.
	var g fields
	var in cursor
	fieldRows(f, n, p, max, 1,
		func(b []byte, e *T) []byte {
			g = fields{out: g.out[:0]}
			describe(&g, e)
			b = appendUvarint(b, uint64(len(g.out)))
			return append(b, g.out...)
		},
		func(c *cursor, e *T) {
			in = cursor{buf: c.prefixed("entry", syncproto.MaxUnpacked)}
			if c.err != nil {
				return
			}
			g = fields{in: &in}
			describe(&g, e)
			g.rest()
			f.skipped += g.skipped
			if in.err != nil {
				c.err = in.err
			}
		})
}

func fieldIDs[T ~[16]byte](f *fields, n uint64, p *[]T, max int) {
	fieldRows(f, n, p, max, 16,
		func(b []byte, id *T) []byte { v := [16]byte(*id); return append(b, v[:]...) },
		func(c *cursor, id *T) { *id = T(c.id("id")) })
}

func fieldNums[T number](f *fields, n uint64, p *[]T, max int) {
	fieldRows(f, n, p, max, 1,
		func(b []byte, v *T) []byte { return appendUvarint(b, uint64(*v)) },
		func(c *cursor, v *T) {
			u := c.uvarint("number")
			if *v = T(u); uint64(*v) != u {
				c.fail(ErrTooLarge, "number")
			}
		})
}

// fieldBlobs is a list of opaque byte strings, none of them empty; what is
// read belongs to the payload.
func fieldBlobs(f *fields, n uint64, p *[][]byte, max int) {
	fieldRows(f, n, p, max, 2,
		func(b []byte, v *[]byte) []byte { b = appendUvarint(b, uint64(len(*v))); return append(b, *v...) },
		func(c *cursor, v *[]byte) {
			*v = c.prefixed("entry", syncproto.MaxUnpacked)
			if c.err == nil && len(*v) == 0 {
				c.fail(ErrMalformed, "empty entry")
			}
		})
}
