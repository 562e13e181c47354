package seconddecoder

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

const kindSet = 1

// maxOwnItems is the number that an own item's n stays below.
const maxOwnItems = 4096

// operation is one operation with its references resolved.
type operation struct {
	kind     uint64
	critical bool
	field    uint64
	hasItem  bool
	own      bool // the item is the change's own one, ownN
	ownN     uint64
	item     id
	sub      uint64
	names    []id // ascending
	value    value
}

func ownItem(log id, seq uint64, n uint32) id {
	b := append([]byte("mahalleh item 1\n"), log[:]...)
	b = binary.BigEndian.AppendUint64(b, seq)
	b = binary.BigEndian.AppendUint32(b, n)
	return shortHash(b)
}

func (o operation) less(p operation, ref, pRef uint64) int {
	return cmp.Or(cmp.Compare(o.field, p.field), cmp.Compare(bit(o.hasItem), bit(p.hasItem)), cmp.Compare(ref, pRef),
		cmp.Compare(o.sub, p.sub), cmp.Compare(o.kind, p.kind), o.value.compare(p.value))
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// decodeOps reads the operations of the change that first stood at seq of log.
func decodeOps(b []byte, log id, seq uint64) ([]operation, error) {
	if len(b) > maxChange {
		return nil, fmt.Errorf("%w: operations of %d bytes", errTooLarge, len(b))
	}
	r := &reader{b: b}
	table := make([]id, r.count(maxOps, 16))
	for i := range table {
		table[i] = r.id()
		if i > 0 && bytes.Compare(table[i-1][:], table[i][:]) >= 0 {
			r.fail(errCanonical, "table out of order")
		}
	}
	used := make([]bool, len(table))
	isItem := make([]bool, len(table))
	ownUsed := map[uint64]bool{}
	// An operation has at least head, field, number of names and type.
	n := r.count(maxOps, 4)
	var ops []operation
	var before operation
	var beforeRef uint64
	for i := 0; i < n && r.err == nil; i++ {
		var o operation
		var ref uint64
		head := r.u()
		o.kind, o.hasItem, o.critical = head>>2, head&2 != 0, head&1 != 0
		if r.err == nil && (o.kind == 0 || o.kind > 255) {
			r.fail(errMalformed, "kind %d", o.kind)
		}
		o.field = r.uBits(32, errTooLarge)
		if o.hasItem {
			ref = r.u()
			switch {
			case r.err != nil:
			case ref&1 == 1:
				o.own, o.ownN = true, ref>>1
				if o.ownN >= maxOwnItems {
					r.fail(errTooLarge, "own item %d", o.ownN)
					break
				}
				ownUsed[o.ownN] = true
				o.item = ownItem(log, seq, uint32(o.ownN))
			case ref>>1 >= uint64(len(table)):
				r.fail(errMalformed, "item %d of a table of %d", ref>>1, len(table))
			default:
				o.item = table[ref>>1]
				used[ref>>1], isItem[ref>>1] = true, true
				if o.item == (id{}) {
					r.fail(errMalformed, "an item of zeros")
				}
			}
			o.sub = r.uBits(32, errTooLarge)
		}
		last := -1
		for k := r.count(maxOps, 1); k > 0 && r.err == nil; k-- {
			x := r.u()
			switch {
			case r.err != nil:
			case x >= uint64(len(table)):
				r.fail(errMalformed, "name %d of a table of %d", x, len(table))
			case int(x) <= last:
				r.fail(errCanonical, "names out of order")
			default:
				last = int(x)
				used[x] = true
				o.names = append(o.names, table[x])
			}
		}
		o.value = r.value()
		if r.err == nil && i > 0 && before.less(o, beforeRef, ref) >= 0 {
			r.fail(errCanonical, "operations out of order")
		}
		before, beforeRef = o, ref
		ops = append(ops, o)
	}
	if r.end(errCanonical) != nil {
		return nil, r.err
	}
	if slices.Contains(used, false) {
		r.fail(errCanonical, "a table entry that nothing uses")
	}
	for i := range uint64(len(ownUsed)) {
		if !ownUsed[i] {
			r.fail(errCanonical, "own items with a gap")
		}
	}
	for n := uint32(0); n <= uint32(len(ownUsed)) && n < maxOwnItems; n++ {
		if i := slices.Index(table, ownItem(log, seq, n)); i >= 0 && isItem[i] {
			r.fail(errCanonical, "own item %d stands in the table", n)
		}
	}
	return ops, r.err
}

// encodeOps writes the one form of operations; own items are those marked so.
func encodeOps(ops []operation) []byte {
	var table []id
	for _, o := range ops {
		if o.hasItem && !o.own {
			table = append(table, o.item)
		}
		table = append(table, o.names...)
	}
	slices.SortFunc(table, func(a, b id) int { return bytes.Compare(a[:], b[:]) })
	table = slices.Compact(table)
	index := make(map[id]uint64, len(table))
	b := putU(nil, uint64(len(table)))
	for i, t := range table {
		index[t] = uint64(i)
		b = append(b, t[:]...)
	}
	ref := func(o operation) uint64 {
		switch {
		case !o.hasItem:
			return 0
		case o.own:
			return 2*o.ownN + 1
		}
		return 2 * index[o.item]
	}
	sorted := slices.Clone(ops)
	slices.SortStableFunc(sorted, func(x, y operation) int { return x.less(y, ref(x), ref(y)) })
	b = putU(b, uint64(len(sorted)))
	for _, o := range sorted {
		b = putU(b, o.kind<<2|bit(o.hasItem)<<1|bit(o.critical))
		b = putU(b, o.field)
		if o.hasItem {
			b = putU(putU(b, ref(o)), o.sub)
		}
		names := make([]uint64, len(o.names))
		for i, n := range o.names {
			names[i] = index[n]
		}
		slices.Sort(names)
		b = putU(b, uint64(len(names)))
		for _, n := range names {
			b = putU(b, n)
		}
		b = o.value.append(b)
	}
	return b
}

func (o operation) json() jsonObject {
	m := jsonObject{"kind": o.kind, "value": o.value.json()}
	m.flag("critical", o.critical)
	m.small("field", o.field)
	m.id("item", o.item)
	m.small("sub", o.sub)
	if len(o.names) > 0 {
		m["names"] = hexList(o.names)
	}
	return m
}

func hexList[T interface{ String() string }](list []T) []any {
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, v.String())
	}
	return out
}

func opsJSON(ops []operation) []any {
	out := make([]any, 0, len(ops))
	for _, o := range ops {
		out = append(out, o.json())
	}
	return out
}
