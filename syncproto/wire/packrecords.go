package wire

import (
	"fmt"

	"mahalleh/syncproto"
)

// fewRecords is up to how many records of a message the dictionary may win: of
// one or two in which little stands.
const fewRecords = 4

// recordLists returns the lists of records in a message, in order, nil if it
// is not one of those that have any.
func recordLists(m Message) (lists []*[][]byte) {
	switch m := m.(type) {
	case *Page:
		lists = append(lists, &m.Records)
	case *Caught:
		for i := range m.Pages {
			lists = append(lists, &m.Pages[i].Records)
		}
	case *Records:
		lists = append(lists, &m.Records)
	}
	return lists
}

// bare returns a message without its records, these, list by list, and how many
// they are.
func bare(m Message) (rest Message, lists [][][]byte, n int) {
	for _, l := range recordLists(m) {
		n += len(*l)
	}
	if n == 0 {
		return nil, nil, 0
	}
	switch m := m.(type) {
	case *Page:
		c := *m
		rest = &c
	case *Caught:
		c := *m
		c.Pages = append([]Page(nil), m.Pages...)
		rest = &c
	case *Records:
		c := *m
		rest = &c
	}
	for _, l := range recordLists(rest) {
		lists = append(lists, *l)
		*l = nil
	}
	return rest, lists, n
}

// packRecords appends, for each list, the number of its records, then all of
// them packed. The error is that of a list or record that has no packed form: one
// that is too long, or that does not decode.
func (c *Codec) packRecords(b []byte, lists [][][]byte) ([]byte, error) {
	r := newRecordTape(newAdaptive(newWriting(), c.fold))
	r.indexed()
	for _, list := range lists {
		if len(list) > MaxPageRecords {
			return nil, fmt.Errorf("%d records: %w", len(list), ErrTooLarge)
		}
		b = appendUvarint(b, uint64(len(list)))
		for _, rec := range list {
			r.in = cursor{buf: rec}
			r.record()
			err := r.in.end("record")
			if err == nil {
				err = r.err()
			}
			if err != nil {
				return nil, fmt.Errorf("pack record: %w", err)
			}
		}
	}
	b = appendPrefixed(b, r.raw.buf)
	return append(b, r.finish()...), nil
}

// unpackRecords reads what packRecords appended, all that is left, into the
// lists, at most room bytes.
func (c *Codec) unpackRecords(in *cursor, lists []*[][]byte, room int) error {
	counts := make([]int, len(lists))
	all := 0
	for i := range counts {
		// A record has an id that nothing compresses.
		counts[i] = in.count("records", MaxPageRecords, 8)
		all += counts[i]
	}
	raw := in.prefixed("ids", syncproto.MaxFrame)
	if in.err != nil {
		return in.err
	}
	if all*8 > len(raw) {
		in.fail(ErrTruncated, "ids")
		return in.err
	}
	r := newRecordTape(newAdaptive(newReading(in.bytes("records", in.left())), c.fold))
	r.raw, r.room = cursor{buf: raw}, room
	ends := make([]int, 0, all)
	for range all {
		r.record()
		if err := r.problem(); err != nil {
			return fmt.Errorf("record: %w", err)
		}
		ends = append(ends, len(r.out))
	}
	if err := r.end(); err != nil {
		return err
	}
	at := 0
	for i, list := range lists {
		for range counts[i] {
			*list = append(*list, r.out[at:ends[0]:ends[0]])
			at, ends = ends[0], ends[1:]
		}
	}
	return nil
}

// recordTape carries record states from their bytes onto a tape, or back.
type recordTape struct {
	*adaptive
	*model
	// values carries those of cells over.
	values struct {
		packer
		unpacker
	}
	// in is the record that is packed, out what was unpacked, at most room bytes.
	in   cursor
	out  []byte
	room int
	// born is the time in the id of the record before.
	born int64
}

func newRecordTape(a *adaptive) *recordTape {
	r := &recordTape{adaptive: a, model: &model{}}
	r.values.packer = packer{model: r.model, tape: a}
	r.values.unpacker = unpacker{model: r.model, tape: a}
	return r
}

// carry carries a number over.
func (r *recordTape) carry(w where) (n uint64) {
	if !r.reading {
		n = r.in.uvarint("record")
	}
	return r.put(r.num(w, n))
}

// put appends a number to what is unpacked.
func (r *recordTape) put(n uint64) uint64 {
	if r.reading {
		r.out = appendUvarint(r.out, n)
	}
	return n
}

// id carries an id over that a list may know: by its distance from the end.
func (r *recordTape) id(w where, l *idList) (id [16]byte) {
	d := uint64(0)
	if !r.reading {
		id = r.in.id("record")
		d = l.distance(id)
	}
	if d = r.num(w, d); d == 0 {
		r.bytes(id[:])
		l.add(id)
	} else if r.reading {
		var ok bool
		if id, ok = l.back(d); !ok {
			r.fail(ErrMalformed, "id")
		}
	}
	r.putID(id)
	return id
}

func (r *recordTape) putID(id [16]byte) {
	if r.reading {
		r.out = append(r.out, id[:]...)
	}
}

// name carries the record's own id over: 0 and the id, or 1, how much later it
// was made than the one before, and the rest of it.
func (r *recordTape) name() {
	var id [16]byte
	if !r.reading {
		id = r.in.id("record")
	}
	later := idTime(id) - r.born
	near := r.num(whereRecord, boolNum(later > -maxNear && later < maxNear || r.born == 0))
	switch near {
	case 0:
		r.bytes(id[:])
	case 1:
		r.born += syncproto.Unzigzag(r.num(whereOffset, syncproto.Zigzag(later)))
		putTime(&id, r.born)
		r.tail(id[6:])
	default:
		r.fail(ErrMalformed, "record")
	}
	r.born = idTime(id)
	r.records.add(id)
	r.putID(id)
}

// putTime writes a time into the first six bytes of an id.
func putTime(id *[16]byte, ms int64) {
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
}

func (r *recordTape) record() {
	r.carry(whereMask)
	r.name()
	form := r.carry(whereForm)
	if form > 1<<32-1 {
		r.fail(ErrTooLarge, "form")
	}
	r.id(whereBase, &r.versions)
	r.id(whereScope, &r.others)
	r.carry(whereNumber)
	r.id(whereParent, &r.versions)
	for range r.many(whereAuthors, syncproto.MaxRecordCells) {
		r.id(whereAuthor, &r.others)
	}
	at := syncproto.Zigzag(r.born)
	for range r.many(whereVersions, syncproto.MaxRecordVersions) {
		r.id(whereVersion, &r.versions)
		r.carry(whereAuthorOf)
		r.carry(whereVerb)
		r.carry(whereRole)
		at = r.time(at)
	}
	for range r.many(whereItems, syncproto.MaxRecordCells) {
		r.id(whereItem, &r.others)
	}
	var n uint64
	if !r.reading {
		n = uint64(r.in.count("cells", syncproto.MaxRecordCells, 2))
	}
	n = r.put(r.ops(uint32(form), n))
	if n > syncproto.MaxRecordCells {
		r.fail(ErrTooLarge, "cells")
		return
	}
	field, version := uint64(0), uint64(0)
	for range n {
		if r.problem() != nil {
			return
		}
		r.cell(&field, &version)
	}
}

// many carries a count over.
func (r *recordTape) many(w where, most int) uint64 {
	var n uint64
	if !r.reading {
		n = uint64(r.in.count("record", most, 1))
	}
	if n = r.put(r.num(w, n)); n > uint64(most) {
		r.fail(ErrTooLarge, "record")
	}
	if r.problem() != nil {
		return 0
	}
	return n
}

func (r *recordTape) problem() error {
	if r.in.err != nil {
		return r.in.err
	}
	if len(r.out) > r.room {
		r.fail(ErrTooLarge, "records")
	}
	return r.err()
}

// time carries the time of a version over, as the difference to another.
func (r *recordTape) time(since uint64) (at uint64) {
	if !r.reading {
		at = r.in.uvarint("time")
	}
	d := syncproto.Unzigzag(at) - syncproto.Unzigzag(since)
	d = syncproto.Unzigzag(r.num(whereTime, syncproto.Zigzag(d)))
	return r.put(syncproto.Zigzag(syncproto.Unzigzag(since) + d))
}

// cell carries a cell over. How it leads are the two lowest bits of its key. The
// version of a candidate is 0 for that of the one before it, else one more than
// its index.
func (r *recordTape) cell(field, version *uint64) {
	var key, head, step uint64
	if !r.reading {
		key = r.in.uvarint("cell")
		step = key>>2 - *field
		head = key & 3
	}
	head, step = r.lead(head, step)
	*field += step
	if *field > 1<<32-1 || head > 3 {
		r.fail(ErrMalformed, "cell")
		return
	}
	r.put(*field<<2 | head)
	if head&1 != 0 {
		r.carry(whereItemOf)
		var sub uint64
		if !r.reading {
			sub = r.in.uvarint("sub-field")
		}
		if sub = r.put(r.sub(sub)); sub > 1<<32-1 {
			r.fail(ErrTooLarge, "sub-field")
		}
	}
	if head&2 != 0 {
		r.value()
	}
	for range r.many(whereCandidates, syncproto.MaxRecordVersions) {
		n := uint64(0)
		if !r.reading {
			if n = r.in.uvarint("version"); n == *version {
				n = 0
			} else {
				n++
			}
		}
		if n = r.num(whereCandidate, n); n > 0 {
			*version = n - 1
		}
		r.put(*version)
		if head&2 == 0 {
			r.value()
		}
		if r.problem() != nil {
			return
		}
	}
}

// value carries a value over.
func (r *recordTape) value() {
	if !r.reading {
		v := r.in.value("value")
		if r.in.err == nil {
			r.values.packer.value(v)
		}
		return
	}
	r.allow(r.room - len(r.out))
	r.values.room = syncproto.MaxChange
	v := r.values.unpacker.value()
	if r.err() == nil {
		r.out = AppendValue(r.out, v)
	}
}
