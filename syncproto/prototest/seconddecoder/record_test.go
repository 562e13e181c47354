package seconddecoder

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
)

// The flags of section 13.
const (
	flagDelta       = 1
	flagErased      = 2
	flagBookkeeping = 4
)

// maxCells bounds the cells of a record, and its versions.
const maxCells = 65536

type version struct {
	id                   id
	author               id
	verb, role, verified uint64
	time                 int64
}

type candidate struct {
	version id
	value   value
}

type cellKey struct {
	field      uint64
	hasItem    bool
	item       id
	sub        uint64
	hasElement bool
	element    value
}

type cell struct {
	cellKey
	candidates []candidate
}

type record struct {
	flags                     uint64
	id, created, home, latest id
	form, number              uint64
	versions                  []version
	cells                     []cell
}

// table reads ascending ids.
func (r *reader) table(limit int) []id {
	list := make([]id, r.count(limit, 16))
	for i := range list {
		list[i] = r.id()
		if r.err == nil && i > 0 && bytes.Compare(list[i-1][:], list[i][:]) >= 0 {
			r.fail(errCanonical, "table out of order")
		}
	}
	return list
}

// at gives the entry of a table that the next number names, and marks it used.
func (r *reader) at(table []id, used []bool) (int, id) {
	x := r.u()
	if r.err != nil {
		return 0, id{}
	}
	if x >= uint64(len(table)) {
		r.fail(errMalformed, "entry %d of a table of %d", x, len(table))
		return 0, id{}
	}
	used[x] = true
	return int(x), table[x]
}

func (k cellKey) compare(l cellKey) int {
	return cmp.Or(cmp.Compare(k.field, l.field), cmp.Compare(bit(k.hasItem), bit(l.hasItem)), bytes.Compare(k.item[:], l.item[:]),
		cmp.Compare(k.sub, l.sub), cmp.Compare(bit(k.hasElement), bit(l.hasElement)), k.element.compare(l.element))
}

func decodeRecord(b []byte) (record, error) {
	var c record
	r := &reader{b: b}
	c.flags = r.u()
	switch {
	case c.flags&flagBookkeeping != 0:
		r.fail(errMalformed, "a server's own record")
	case c.flags > flagDelta|flagErased:
		r.fail(errTooNew, "flags %d", c.flags)
	}
	c.id, c.form, c.created, c.home, c.number, c.latest = r.id(), r.uBits(32, errTooLarge), r.id(), r.id(), r.u(), r.id()
	authors := r.table(maxCells)
	authorUsed := make([]bool, len(authors))
	versions := make([]id, 0, 16)
	for n := r.count(maxCells, 20); n > 0 && r.err == nil; n-- {
		v := version{id: r.id()}
		if r.err == nil && len(versions) > 0 && bytes.Compare(versions[len(versions)-1][:], v.id[:]) >= 0 {
			r.fail(errCanonical, "versions out of order")
		}
		_, v.author = r.at(authors, authorUsed)
		verb := r.uBits(9, errTooLarge)
		v.verb, v.verified = verb>>1, verb&1
		v.role = r.uBits(8, errTooLarge)
		v.time = r.z()
		versions = append(versions, v.id)
		c.versions = append(c.versions, v)
	}
	versionUsed := make([]bool, len(versions))
	items := r.table(maxCells)
	itemUsed := make([]bool, len(items))
	if len(items) > 0 && items[0] == (id{}) {
		r.fail(errMalformed, "an item of zeros")
	}
	for n := r.count(maxCells, 2); n > 0 && r.err == nil; n-- {
		var l cell
		head := r.uBits(34, errTooLarge)
		l.field, l.hasElement, l.hasItem = head>>2, head&2 != 0, head&1 != 0
		if l.hasItem {
			_, l.item = r.at(items, itemUsed)
			l.sub = r.uBits(32, errTooLarge)
		}
		if l.hasElement {
			l.element = r.value()
		}
		if r.err == nil && len(c.cells) > 0 && c.cells[len(c.cells)-1].compare(l.cellKey) >= 0 {
			r.fail(errCanonical, "cells out of order")
		}
		last := -1
		k := r.count(maxCells, 1)
		if r.err == nil && k == 0 && c.flags&flagDelta == 0 {
			r.fail(errMalformed, "a cell without candidates")
		}
		for ; k > 0 && r.err == nil; k-- {
			var d candidate
			var x int
			x, d.version = r.at(versions, versionUsed)
			if r.err == nil && x <= last {
				r.fail(errCanonical, "candidates out of order")
			}
			last = x
			if !l.hasElement {
				d.value = r.value()
			}
			l.candidates = append(l.candidates, d)
		}
		c.cells = append(c.cells, l)
	}
	if r.end(errCanonical) == nil && (slices.Contains(authorUsed, false) || slices.Contains(versionUsed, false) || slices.Contains(itemUsed, false)) {
		r.fail(errCanonical, "a table entry that nothing uses")
	}
	return c, r.err
}

func sortedIDs(list []id) []id {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b id) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(list)
}

func (c record) encode() []byte {
	b := putU(nil, c.flags)
	b = append(b, c.id[:]...)
	b = putU(b, c.form)
	b = append(append(b, c.created[:]...), c.home[:]...)
	b = putU(b, c.number)
	b = append(b, c.latest[:]...)
	var authors, items []id
	versionIndex := map[id]int{}
	for i, v := range c.versions {
		authors = append(authors, v.author)
		versionIndex[v.id] = i
	}
	for _, l := range c.cells {
		if l.hasItem {
			items = append(items, l.item)
		}
	}
	table := func(list []id) map[id]int {
		list = sortedIDs(list)
		index := map[id]int{}
		b = putU(b, uint64(len(list)))
		for i, v := range list {
			index[v] = i
			b = append(b, v[:]...)
		}
		return index
	}
	authorIndex := table(authors)
	b = putU(b, uint64(len(c.versions)))
	for _, v := range c.versions {
		b = append(b, v.id[:]...)
		b = putU(putU(b, uint64(authorIndex[v.author])), v.verb<<1|v.verified)
		b = putU(b, v.role)
		b = putZ(b, v.time)
	}
	itemIndex := table(items)
	b = putU(b, uint64(len(c.cells)))
	for _, l := range c.cells {
		b = putU(b, l.field<<2|bit(l.hasElement)<<1|bit(l.hasItem))
		if l.hasItem {
			b = putU(putU(b, uint64(itemIndex[l.item])), l.sub)
		}
		if l.hasElement {
			b = l.element.append(b)
		}
		b = putU(b, uint64(len(l.candidates)))
		for _, d := range l.candidates {
			b = putU(b, uint64(versionIndex[d.version]))
			if !l.hasElement {
				b = d.value.append(b)
			}
		}
	}
	return b
}

func (c record) stateHash() id {
	c.flags &= flagErased
	c.number = 0
	return shortHash([]byte("mahalleh record 1\n"), c.encode())
}

func (k cellKey) json() jsonObject {
	m := jsonObject{}
	m.small("field", k.field)
	m.id("item", k.item)
	m.small("sub", k.sub)
	if k.hasElement {
		m["element"] = k.element.json()
	}
	return m
}

func (c record) json() jsonObject {
	m := jsonObject{
		"record": c.id.String(), "form": c.form, "created": c.created.String(), "home": c.home.String(), "latest": c.latest.String(),
		"number": strconv.FormatUint(c.number, 10), "delta": c.flags&flagDelta != 0, "erased": c.flags&flagErased != 0,
	}
	if c.flags&flagDelta == 0 {
		m["state_hash"] = c.stateHash().String()
	}
	versions := []any{}
	for _, v := range c.versions {
		o := jsonObject{"version": v.id.String(), "author": v.author.String()}
		o.small("verb", v.verb)
		o.small("role", v.role)
		o.flag("verified", v.verified == 1)
		o.signed("time", v.time)
		versions = append(versions, o)
	}
	cells := []any{}
	for _, l := range c.cells {
		o := l.cellKey.json()
		candidates := []any{}
		for _, d := range l.candidates {
			q := jsonObject{"version": d.version.String()}
			if !l.hasElement {
				q["value"] = d.value.json()
			}
			candidates = append(candidates, q)
		}
		o["candidates"] = candidates
		cells = append(cells, o)
	}
	m["versions"], m["cells"] = versions, cells
	return m
}
