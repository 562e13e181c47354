package wire

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"mahalleh/syncproto"
)

// The operations of a change, canonically:
//
//	count, that many ids of 16 bytes, ascending: the table of versions named
//	  and of list items that older changes made
//	count, then per operation, ascending by field, item, sub-field, kind, value:
//	  kind<<2 | has item<<1 | critical
//	  field
//	  with an item: reference (2·table index, or 2·n+1 for the change's own
//	    n-th new item), sub-field
//	  count, table indexes of the names, ascending
//	  value

// EncodeOps returns the canonical form of operations that a change at this
// origin makes. The slice is sorted in place; its Names must ascend.
func EncodeOps(log syncproto.LogID, seq uint64, ops []syncproto.Op) ([]byte, error) {
	if len(ops) > syncproto.MaxOps {
		return nil, fmt.Errorf("%d operations in one change: %w", len(ops), ErrTooLarge)
	}
	own := ownItems(log, seq, ops)
	var table [][16]byte
	for i := range ops {
		for _, n := range ops[i].Names {
			table = append(table, n)
		}
		if it := ops[i].Item; it != (syncproto.ItemID{}) {
			if _, is := own[it]; !is {
				table = append(table, it)
			}
		}
	}
	slices.SortFunc(table, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	table = slices.Compact(table)
	if len(table) > syncproto.MaxChangeIDs {
		return nil, fmt.Errorf("%d versions and items named in one change: %w", len(table), ErrTooLarge)
	}
	ref := func(it syncproto.ItemID) uint64 {
		if it == (syncproto.ItemID{}) {
			return 0
		}
		if n, is := own[it]; is {
			return 2*uint64(n) + 1
		}
		return 2 * indexOf(table, it)
	}
	compare := func(a, b *syncproto.Op) int {
		if a.Field != b.Field { // as most do
			return cmp.Compare(a.Field, b.Field)
		}
		return compareOps(a, b, ref(a.Item), ref(b.Item))
	}
	inOrder := true
	size := 16*len(table) + 2*binary.MaxVarintLen32
	for i := range ops {
		inOrder = inOrder && (i == 0 || compare(&ops[i-1], &ops[i]) <= 0)
		size += 4*binary.MaxVarintLen32 + 2*len(ops[i].Names) + len(ops[i].Value.Bytes())
	}
	if !inOrder {
		slices.SortFunc(ops, func(a, b syncproto.Op) int { return compare(&a, &b) })
	}

	b := appendUvarint(make([]byte, 0, size), uint64(len(table)))
	for _, id := range table {
		b = append(b, id[:]...)
	}
	b = appendUvarint(b, uint64(len(ops)))
	for i := range ops {
		op := &ops[i]
		if i > 0 && compare(&ops[i-1], op) == 0 {
			return nil, fmt.Errorf("two like operations on field %d: %w", op.Field, ErrMalformed)
		}
		key := uint64(op.Kind)<<2 | boolNum(op.Critical)
		item := op.Item != (syncproto.ItemID{})
		if item {
			key |= 2
		}
		b = appendUvarint(b, key)
		b = appendUvarint(b, uint64(op.Field))
		if item {
			b = appendUvarint(b, ref(op.Item))
			b = appendUvarint(b, uint64(op.Sub))
		}
		b = appendUvarint(b, uint64(len(op.Names)))
		for _, n := range op.Names {
			b = appendUvarint(b, indexOf(table, n))
		}
		b = AppendValue(b, op.Value)
	}
	if len(b) > syncproto.MaxChange {
		return nil, fmt.Errorf("operations of %d bytes: %w", len(b), ErrTooLarge)
	}
	return b, nil
}

// ownItems finds the items that the change itself makes: the unbroken run
// OwnItem(0), OwnItem(1), ... among the items its operations speak of.
func ownItems(log syncproto.LogID, seq uint64, ops []syncproto.Op) map[syncproto.ItemID]int {
	seen := map[syncproto.ItemID]bool{}
	for i := range ops {
		if ops[i].Item != (syncproto.ItemID{}) {
			seen[ops[i].Item] = true
		}
	}
	if len(seen) == 0 {
		return nil
	}
	own := map[syncproto.ItemID]int{}
	for n := 0; n < len(seen); n++ {
		id := syncproto.OwnItem(log, seq, n)
		if !seen[id] {
			break
		}
		own[id] = n
	}
	return own
}

func compareOps(a, b *syncproto.Op, refA, refB uint64) int {
	none := syncproto.ItemID{}
	if c := cmp.Compare(a.Field, b.Field); c != 0 {
		return c
	}
	if c := cmp.Compare(boolNum(a.Item != none), boolNum(b.Item != none)); c != 0 {
		return c
	}
	if c := cmp.Compare(refA, refB); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Sub, b.Sub); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	return a.Value.Compare(b.Value)
}

// DecodeOps reads operations that a change at this origin made. It accepts
// the canonical form only.
func DecodeOps(log syncproto.LogID, seq uint64, buf []byte) ([]syncproto.Op, error) {
	if len(buf) > syncproto.MaxChange {
		return nil, fmt.Errorf("operations of %d bytes: %w", len(buf), ErrTooLarge)
	}
	c := &cursor{buf: buf}
	r := opReader{cursor: c, log: log, seq: seq}
	r.table = make([][16]byte, c.count("table of versions and items", syncproto.MaxChangeIDs, 16))
	for i := range r.table {
		r.table[i] = c.id("version or item")
		if i > 0 && bytes.Compare(r.table[i-1][:], r.table[i][:]) >= 0 {
			c.fail(ErrNotCanonical, "order of the table of versions and items")
		}
	}
	r.used = make([]bool, len(r.table))
	// An operation takes at least four bytes: kind, field, names, value type.
	ops := make([]syncproto.Op, c.count("operations", syncproto.MaxOps, 4))
	var last uint64
	for i := range ops {
		ref := r.op(&ops[i])
		if c.err == nil && i > 0 && compareOps(&ops[i-1], &ops[i], last, ref) >= 0 {
			c.fail(ErrNotCanonical, "order of operations")
		}
		last = ref
		if c.err != nil {
			return nil, c.err
		}
	}
	r.finish()
	return ops, c.end("operations")
}

type opReader struct {
	*cursor
	log   syncproto.LogID
	seq   uint64
	table [][16]byte
	used  []bool
	// own are the change's own items seen so far, by number.
	own map[uint64]syncproto.ItemID
	// items are table entries used as items.
	items map[syncproto.ItemID]bool
}

func (r *opReader) op(op *syncproto.Op) (ref uint64) {
	key := r.uvarint("operation kind")
	if r.err == nil && (key>>2 == 0 || key>>2 > 255) {
		r.fail(ErrMalformed, "operation kind")
	}
	op.Kind, op.Critical = syncproto.OpKind(key>>2), key&1 != 0
	field := r.uvarint("field")
	if field > 1<<32-1 {
		r.fail(ErrTooLarge, "field")
	}
	op.Field = uint32(field)
	if key&2 != 0 {
		ref = r.uvarint("item")
		op.Item = r.item(ref)
		sub := r.uvarint("sub-field")
		if sub > 1<<32-1 {
			r.fail(ErrTooLarge, "sub-field")
		}
		op.Sub = uint32(sub)
	}
	if n := r.count("names", len(r.table), 1); n > 0 {
		op.Names = make([]syncproto.ChangeID, n)
		last := -1
		for i := range op.Names {
			x := r.uvarint("name")
			if r.err != nil {
				return 0
			}
			if x >= uint64(len(r.table)) {
				r.fail(ErrMalformed, "name outside the table")
				return 0
			}
			if int(x) <= last {
				r.fail(ErrNotCanonical, "order of names")
			}
			last = int(x)
			r.used[x] = true
			op.Names[i] = r.table[x]
		}
	}
	op.Value = r.value("value")
	return ref
}

func (r *opReader) item(ref uint64) syncproto.ItemID {
	if r.err != nil {
		return syncproto.ItemID{}
	}
	if ref&1 == 0 {
		x := ref / 2
		if x >= uint64(len(r.table)) {
			r.fail(ErrMalformed, "item outside the table")
			return syncproto.ItemID{}
		}
		id := syncproto.ItemID(r.table[x])
		if id == (syncproto.ItemID{}) {
			r.fail(ErrMalformed, "item zero")
		}
		r.used[x] = true
		if r.items == nil {
			r.items = map[syncproto.ItemID]bool{}
		}
		r.items[id] = true
		return id
	}
	n := ref / 2
	if n >= syncproto.MaxOps {
		r.fail(ErrTooLarge, "own item")
		return syncproto.ItemID{}
	}
	if id, ok := r.own[n]; ok {
		return id
	}
	if r.own == nil {
		r.own = map[uint64]syncproto.ItemID{}
	}
	id := syncproto.OwnItem(r.log, r.seq, int(n))
	r.own[n] = id
	return id
}

// finish checks what only shows at the end: every table entry is used, own
// items are numbered without a gap, and none of them stands in the table.
func (r *opReader) finish() {
	if r.err != nil {
		return
	}
	for _, u := range r.used {
		if !u {
			r.fail(ErrNotCanonical, "an unused entry in the table of versions and items")
		}
	}
	for n := range uint64(len(r.own)) {
		id, ok := r.own[n]
		if !ok {
			r.fail(ErrNotCanonical, "a gap in the change's own items")
		}
		if r.items[id] {
			r.fail(ErrNotCanonical, "own item written as another's")
		}
	}
	if len(r.items) > 0 && r.items[syncproto.OwnItem(r.log, r.seq, len(r.own))] {
		r.fail(ErrNotCanonical, "own item written as another's")
	}
}
