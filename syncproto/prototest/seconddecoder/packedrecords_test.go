package seconddecoder

import (
	"encoding/hex"
	"fmt"
)

// maxPageRecords bounds the records of a list.
const maxPageRecords = 16384

// recordLists are the parts of a message that hold records, in order; nil for messages without any.
func recordLists(typ uint64, m jsonObject) []jsonObject {
	switch typ {
	case 67, 70: // Page, Records
		return []jsonObject{m}
	case 68: // Caught
		lists := []jsonObject{}
		pages, _ := m["pages"].([]any)
		for _, p := range pages {
			lists = append(lists, p.(jsonObject))
		}
		return lists
	}
	return nil
}

// decodeApart reads a frame's content under coding 3.
func decodeApart(typ uint64, b []byte) (jsonObject, error) {
	r := &reader{b: b}
	rest := &reader{b: r.bytes(maxFrame)}
	coding := rest.u()
	payload := rest.take(rest.rest())
	if r.err != nil {
		return nil, r.err
	}
	if rest.err != nil {
		return nil, rest.err
	}
	payload, err := decodePayload(coding, payload)
	if err != nil {
		return nil, err
	}
	m, err := decodeMessage(typ, payload)
	if err != nil {
		return nil, err
	}
	lists := recordLists(typ, m)
	if lists == nil {
		return nil, fmt.Errorf("%w: message %d has no records", errMalformed, typ)
	}
	counts, all := make([]int, len(lists)), 0
	for i := range lists {
		if lists[i]["records"] != nil {
			return nil, fmt.Errorf("%w: message %d holds its records", errMalformed, typ)
		}
		counts[i] = r.count(maxPageRecords, 8)
		all += counts[i]
	}
	raw := r.bytes(maxFrame)
	if r.err == nil && all*8 > len(raw) {
		r.fail(errTruncated, "%d records, %d bytes of ids", all, len(raw))
	}
	if r.err != nil {
		return nil, r.err
	}
	u := &recordUnpacker{modelSource: newModelSource(raw, r.take(r.rest())), room: maxUnpacked - len(payload)}
	for i := range lists {
		var records []any
		for range counts[i] {
			rec := u.record()
			if u.failed() != nil {
				return nil, u.failed()
			}
			records = append(records, hex.EncodeToString(rec))
		}
		if records != nil {
			lists[i]["records"] = records
		}
	}
	return m, u.end()
}

// recordUnpacker reads the records of section 11.
type recordUnpacker struct {
	*modelSource
	lists
	out  []byte
	time int64 // in the id of the record before
	room int
}

func (u *recordUnpacker) put(n uint64) uint64 {
	u.out = putU(u.out, n)
	return n
}

func (u *recordUnpacker) num(name string) uint64 { return u.put(u.u(name)) }

// ref writes the id that a ref names.
func (u *recordUnpacker) ref(name string, list *[]id) {
	v := readRef(u, u.u(name), list)
	u.out = append(u.out, v[:]...)
}

// times reads how many of something there are.
func (u *recordUnpacker) times(name string) uint64 {
	n := u.num(name)
	if n > maxCells {
		u.fail(errTooLarge, "%d %s", n, name)
		return 0
	}
	return n
}

func (u *recordUnpacker) value() {
	u.out = readValue(u, &u.lists).append(u.out)
	if len(u.out) > u.room {
		u.fail(errTooLarge, "records")
	}
}

func (u *recordUnpacker) record() []byte {
	u.out = nil
	u.num("mask")
	var v id
	switch n := u.u("record"); n {
	case 0:
		copy(v[:], u.rawBytes(16))
		u.time = 0
		for _, b := range v[:6] {
			u.time = u.time<<8 | int64(b)
		}
	case 1:
		u.time += unzigzag(u.u("offset"))
		for i := range 6 {
			v[i] = byte(u.time >> (40 - 8*i))
		}
		u.time &= 1<<48 - 1
		copy(v[6:], u.tail())
	default:
		u.fail(errMalformed, "record %d", n)
	}
	u.records = append(u.records, v)
	u.out = append(u.out, v[:]...)
	form := u.num("form")
	if form >= 1<<32 {
		u.fail(errTooLarge, "form %d", form)
	}
	u.ref("base", &u.versions)
	u.ref("scope", &u.others)
	u.num("number")
	u.ref("parent", &u.versions)
	for n := u.times("authors"); n > 0 && u.failed() == nil; n-- {
		u.ref("author", &u.others)
	}
	at := u.time
	for n := u.times("versions"); n > 0 && u.failed() == nil; n-- {
		u.ref("version", &u.versions)
		u.num("author of")
		u.num("verb")
		u.num("role")
		at += unzigzag(u.u("time"))
		u.out = putZ(u.out, at)
	}
	for n := u.times("items"); n > 0 && u.failed() == nil; n-- {
		u.ref("item", &u.others)
	}
	cells := u.put(u.count(form))
	if cells > maxCells {
		u.fail(errTooLarge, "%d cells", cells)
	}
	var field, version uint64
	for ; cells > 0 && u.failed() == nil; cells-- {
		head, step := u.lead()
		if head > 3 {
			u.fail(errMalformed, "a cell that leads with %d", head)
			break
		}
		field += step
		u.put(field<<2 | head)
		if head&1 != 0 {
			u.num("item of")
			u.put(u.sub())
		}
		if head&2 != 0 {
			u.value()
		}
		for n := u.times("candidates"); n > 0 && u.failed() == nil; n-- {
			if x := u.u("candidate"); x > 0 {
				version = x - 1
			}
			u.put(version)
			if head&2 == 0 {
				u.value()
			}
		}
	}
	if u.room -= len(u.out); u.room < 0 {
		u.fail(errTooLarge, "records")
	}
	return u.out
}
