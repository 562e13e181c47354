package wire

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sync"

	"mahalleh/syncproto"
)

// A record's state:
//
//	flags (1 delta, 2 erased, 4 with the server's bookkeeping)
//	record, form, created, home, number, latest
//	count, authors of 16 bytes, ascending
//	count, versions ascending: id, author index, role<<1 | verified, zigzag time
//	count, item ids ascending
//	count, cells ascending: field<<2 | has element<<1 | has item,
//	  [item index, sub-field], [element], count, candidates ascending by
//	  version: version index, value (left out for an element's cell),
//	  [position]
//	[bookkeeping: position, entered, homes, names, passed, aside, waiting]
const (
	flagDelta  = 1
	flagErased = 2
	flagServer = 4
)

// AppendRecord appends a record's state as it travels. With since > 0 it
// appends a delta: only the cells that changed after that position, for a
// reader who holds the state as it stood there.
func AppendRecord(b []byte, s *syncproto.RecordState, since uint64) []byte {
	flags := uint64(0)
	if since > 0 {
		flags = flagDelta
	}
	k := takeSketch()
	defer k.put()
	return k.append(b, s, flags, since, s.Number)
}

// AppendStoredRecord appends a record's state with the server's bookkeeping.
func AppendStoredRecord(b []byte, s *syncproto.RecordState) []byte {
	k := takeSketch()
	defer k.put()
	return appendBookkeeping(k.append(b, s, flagServer, 0, s.Number), s)
}

// StoredRecord returns what AppendStoredRecord and StateHash make of a record, for
// little more than one of them costs.
func StoredRecord(s *syncproto.RecordState) (stored []byte, hash [16]byte) {
	k := takeSketch()
	defer k.put()
	k.out = k.append(k.out[:0], s, flagServer, 0, s.Number)
	if k.bare {
		hash = StateHash(s)
	} else {
		k.hashed = append(k.hashed[:0], hashLead...)
		k.hashed = append(k.hashed, k.out[0]&^flagServer)
		from := 1
		for i, cut := range k.cuts {
			k.hashed = append(k.hashed, k.out[from:cut.from]...)
			if i == 0 {
				k.hashed = append(k.hashed, 0) // the number
			}
			from = cut.to
		}
		h := sha256.Sum256(append(k.hashed, k.out[from:]...))
		hash = [16]byte(h[:16])
	}
	k.out = appendBookkeeping(k.out, s)
	return bytes.Clone(k.out), hash
}

func appendBookkeeping(b []byte, s *syncproto.RecordState) []byte {
	b = appendUvarint(b, s.Position)
	b = appendUvarint(b, s.Entered)
	b = appendUvarint(b, uint64(len(s.Homes)))
	for _, h := range s.Homes {
		b = append(b, h[:]...)
	}
	names := make([]syncproto.Remembered, 0, len(s.Names))
	for n := range s.Names {
		names = append(names, n)
	}
	slices.SortFunc(names, func(x, y syncproto.Remembered) int {
		if c := x.Cell.Compare(y.Cell); c != 0 {
			return c
		}
		return bytes.Compare(x.Version[:], y.Version[:])
	})
	b = appendUvarint(b, uint64(len(names)))
	for _, n := range names {
		b = appendCellKey(b, n.Cell)
		b = append(b, n.Version[:]...)
	}
	b = appendLists(b, s.Passed)
	b = appendLists(b, s.Aside)
	b = appendUvarint(b, uint64(len(s.Waiting)))
	for _, w := range s.Waiting {
		b = append(b, w.Change[:]...)
		b = append(b, w.Meta.Author[:]...)
		b = appendUvarint(b, uint64(w.Meta.Verb)<<1|boolNum(w.Meta.Verified))
		b = appendUvarint(b, uint64(w.Meta.Role))
		b = appendUvarint(b, syncproto.Zigzag(w.Meta.Time))
		b = appendUvarint(b, uint64(w.Op.Kind))
		b = appendUvarint(b, uint64(w.Op.Field))
		b = appendUvarint(b, uint64(len(w.Op.Names)))
		for _, n := range w.Op.Names {
			b = append(b, n[:]...)
		}
		b = AppendValue(b, w.Op.Value)
	}
	return b
}

// StateHash is the record's share in its scope's sum: the first 16 bytes of
// SHA-256 over its state without number and bookkeeping.
func StateHash(s *syncproto.RecordState) [16]byte {
	k := takeSketch()
	defer k.put()
	k.hashed = k.append(append(k.hashed[:0], hashLead...), s, 0, 0, 0)
	h := sha256.Sum256(k.hashed)
	return [16]byte(h[:16])
}

const hashLead = "mahalleh record 1\n"

func appendCellKey(b []byte, k syncproto.CellKey) []byte {
	item, element := k.Item != (syncproto.ItemID{}), k.Element != (syncproto.Value{})
	b = appendUvarint(b, uint64(k.Field)<<2|boolNum(element)<<1|boolNum(item))
	if item {
		b = append(b, k.Item[:]...)
		b = appendUvarint(b, uint64(k.Sub))
	}
	if element {
		b = AppendValue(b, k.Element)
	}
	return b
}

func appendLists(b []byte, m map[syncproto.CellKey][]syncproto.ChangeID) []byte {
	keys := make([]syncproto.CellKey, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, syncproto.CellKey.Compare)
	b = appendUvarint(b, uint64(len(keys)))
	for _, k := range keys {
		b = appendCellKey(b, k)
		b = appendUvarint(b, uint64(len(m[k])))
		for _, v := range m[k] {
			b = append(b, v[:]...)
		}
	}
	return b
}

// heldCell is a cell with its key.
type heldCell struct {
	key  syncproto.CellKey
	cell *syncproto.Cell
}

// sketch is what is put together for encoding a record; it is used again for the
// next one.
type sketch struct {
	cells          []heldCell
	versions       []syncproto.ChangeID
	authors, items [][16]byte
	out, hashed    []byte
	// cuts are what a stored record has and its hash leaves out: the number, and
	// the cells' positions. bare says that there are cells without candidates,
	// which it leaves out too.
	cuts []stretch
	bare bool
}

type stretch struct{ from, to int }

var sketches = sync.Pool{New: func() any { return new(sketch) }}

func takeSketch() *sketch { return sketches.Get().(*sketch) }

// usualSketch bounds what is kept for the next record, which most likely is small.
const usualSketch = 64 << 10

func (k *sketch) put() {
	if cap(k.out) > usualSketch || cap(k.hashed) > usualSketch || cap(k.cells) > usualSketch/64 {
		return
	}
	clear(k.cells) // they hold on to the record
	sketches.Put(k)
}

// usualRecord is what most records need; it spares growing.
const usualRecord = 768

func (sk *sketch) append(b []byte, s *syncproto.RecordState, flags, since, number uint64) []byte {
	if s.Erased {
		flags |= flagErased
	}
	sk.cuts, sk.bare = sk.cuts[:0], false
	cells := sk.cells[:0]
	for k, c := range s.Cells {
		sk.bare = sk.bare || len(c.Candidates) == 0
		keep := len(c.Candidates) > 0 || flags&(flagDelta|flagServer) != 0
		if keep && (flags&flagDelta == 0 || c.Position > since) {
			cells = append(cells, heldCell{k, c})
		}
	}
	slices.SortFunc(cells, func(x, y heldCell) int { return x.key.Compare(y.key) })

	versions, authors, items := sk.versions[:0], sk.authors[:0], sk.items[:0]
	for i := range cells {
		if item := cells[i].key.Item; item != (syncproto.ItemID{}) {
			items = append(items, item)
		}
		for _, cand := range cells[i].cell.Candidates {
			// Most cells come from the version of the cell before.
			if n := len(versions); n == 0 || versions[n-1] != cand.Version {
				versions = append(versions, cand.Version)
			}
		}
	}
	versions = syncproto.SortIDs(versions)
	for _, v := range versions {
		authors = append(authors, s.Versions[v].Author)
	}
	authors, items = sortIDs(authors), sortIDs(items)
	sk.cells, sk.versions, sk.authors, sk.items = cells, versions, authors, items

	b = slices.Grow(b, usualRecord)
	b = appendUvarint(b, flags)
	b = append(b, s.Record[:]...)
	b = appendUvarint(b, uint64(s.Form))
	b = append(b, s.Created[:]...)
	b = append(b, s.Home[:]...)
	at := len(b)
	b = appendUvarint(b, number)
	sk.cuts = append(sk.cuts, stretch{at, len(b)})
	b = append(b, s.Latest[:]...)
	b = appendUvarint(b, uint64(len(authors)))
	for _, a := range authors {
		b = append(b, a[:]...)
	}
	b = appendUvarint(b, uint64(len(versions)))
	for _, v := range versions {
		m := s.Versions[v]
		b = append(b, v[:]...)
		b = appendUvarint(b, indexOf(authors, m.Author))
		b = appendUvarint(b, uint64(m.Verb)<<1|boolNum(m.Verified))
		b = appendUvarint(b, uint64(m.Role))
		b = appendUvarint(b, syncproto.Zigzag(m.Time))
	}
	b = appendUvarint(b, uint64(len(items)))
	for _, it := range items {
		b = append(b, it[:]...)
	}
	b = appendUvarint(b, uint64(len(cells)))
	for i := range cells {
		k, cell := &cells[i].key, cells[i].cell
		item, element := k.Item != (syncproto.ItemID{}), k.Element != (syncproto.Value{})
		b = appendUvarint(b, uint64(k.Field)<<2|boolNum(element)<<1|boolNum(item))
		if item {
			b = appendUvarint(b, indexOf(items, k.Item))
			b = appendUvarint(b, uint64(k.Sub))
		}
		if element {
			b = AppendValue(b, k.Element)
		}
		b = appendUvarint(b, uint64(len(cell.Candidates)))
		for _, cand := range cell.Candidates {
			b = appendUvarint(b, indexOf(versions, cand.Version))
			if !element {
				b = AppendValue(b, cand.Value)
			}
		}
		if flags&flagServer != 0 {
			at := len(b)
			b = appendUvarint(b, cell.Position)
			sk.cuts = append(sk.cuts, stretch{at, len(b)})
		}
	}
	return b
}

func sortIDs(ids [][16]byte) [][16]byte {
	slices.SortFunc(ids, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// indexOf is where an id stands in a table.
func indexOf[T, ID ~[16]byte](table []T, id ID) uint64 {
	i, _ := slices.BinarySearchFunc(table, id, func(a T, b ID) int { return bytes.Compare(a[:], b[:]) })
	return uint64(i)
}
