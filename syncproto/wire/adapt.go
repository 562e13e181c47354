package wire

import (
	"fmt"

	"mahalleh/syncproto"
)

// Bounds of what the model remembers: of the memory that hostile bytes can take.
const (
	// maxColumns is more than the fields of the forms that one writes in a day.
	maxColumns = 256
	// maxWords is more than the different words of 500 changes.
	maxWords = 1 << 14
	// maxKinds is more than a code list has, maxLinks how many records of a field
	// are looked through for each reference.
	maxKinds = 255
	maxLinks = 32
)

// The bits of what counts as a small number, see counter.
const (
	smallNumber = 8
	smallWord   = 12
)

// wordAsIs leads a word that is not folded; as a folded letter it stands for
// nothing.
const wordAsIs = 0xfe

// adaptive is the tape of a model that learns: a column for each field of each
// form, a table of the words that came up, a counter for each other number.
type adaptive struct {
	*coder
	raw     cursor
	fold    *folder
	counts  [numWhere]*counter
	columns map[columnKey]*column
	// rest is the column of all fields that come when there are columns enough.
	rest *column
	form uint32
	// home is the column of the field at hand, number its number, at that of its
	// sub-field if it has one.
	home, at *column
	field    uint32

	words   table
	word    *counter
	letters [256]*[256]chance
	heads   *counter
	types   *counter
	// room is how many bytes texts may still take, first what went wrong.
	room  int
	first error
	buf   []byte
}

// columnKey says which values resemble each other.
type columnKey struct{ form, field, sub uint32 }

// column is the model of one field.
type column struct {
	key columnKey
	// next is how far the next field lies, value what stands in this one.
	next, value *counter
	// head and typ were the last ones, same and alike that they are again.
	head, typ   uint64
	same, alike chance
	// day is the last date or year, lat and lon the last point.
	day, lat, lon int64
	kinds         table
	links         [][16]byte
	// follower is the column that was looked up last from here.
	follower *column
}

// table numbers texts in the order in which they came up.
type table struct {
	list []string
	at   map[string]int // only who writes needs it
}

func (t *table) add(s string, writing bool, most int) {
	if len(t.list) >= most {
		return
	}
	if writing {
		if t.at == nil {
			t.at = map[string]int{}
		}
		t.at[s] = len(t.list)
	}
	t.list = append(t.list, s)
}

func newAdaptive(c *coder, fold *folder) *adaptive {
	return &adaptive{coder: c, fold: fold, columns: map[columnKey]*column{},
		word: newCounter(smallWord), heads: newCounter(smallNumber), types: newCounter(smallNumber)}
}

func (a *adaptive) num(w where, n uint64) uint64 {
	if a.counts[w] == nil {
		a.counts[w] = newCounter(smallNumber)
	}
	return a.count(a.counts[w], n)
}

func (a *adaptive) noise(w where, n uint64) uint64 { return a.num(w, n) }

func (a *adaptive) bytes(b []byte) { rawBytes(&a.raw, a.reading, b) }

func (a *adaptive) left() int { return a.raw.left() }

// tail is the last ten bytes of an id. Six bits of a UUIDv7 are always the same.
func (a *adaptive) tail(b []byte) {
	const version, variant = 0x70, 0x80
	usual := a.num(whereUsual, boolNum(b[0]&0xf0 == version && b[2]&0xc0 == variant))
	if usual > 1 {
		a.bad = true
	}
	if usual != 1 {
		a.bytes(b)
		return
	}
	b[0] = version | byte(a.flat(4, uint64(b[0]&0x0f)))
	b[2] = variant | byte(a.flat(6, uint64(b[2]&0x3f)))
	a.bytes(b[1:2])
	a.bytes(b[3:])
}

// column finds the column of a field, from the one before it if that is known.
func (a *adaptive) column(before *column, field, sub uint32) *column {
	k := columnKey{a.form, field, sub}
	if before != nil && before.follower != nil && before.follower.key == k {
		return before.follower
	}
	col := a.columns[k]
	if col == nil && len(a.columns) >= maxColumns {
		if a.rest == nil {
			a.rest = newColumn(k)
		}
		return a.rest
	}
	if col == nil {
		col = newColumn(k)
		a.columns[k] = col
	}
	if before != nil {
		before.follower = col
	}
	return col
}

func newColumn(k columnKey) *column {
	return &column{key: k, next: newCounter(smallNumber), value: newCounter(smallNumber)}
}

func (a *adaptive) ops(form uint32, n uint64) uint64 {
	a.form, a.field = form, 0
	a.home = a.column(nil, 0, 0)
	return a.count(a.home.value, n)
}

func (a *adaptive) lead(head, step uint64) (uint64, uint64) {
	step = a.count(a.home.next, step)
	a.field += uint32(step)
	a.home = a.column(a.home, a.field, 0)
	a.at = a.home
	if a.bit(&a.at.same, uint32(boolNum(a.at.head != head))) != 0 {
		a.at.head = a.count(a.heads, head)
	}
	return a.at.head, step
}

func (a *adaptive) sub(n uint64) uint64 {
	n = a.count(a.at.value, n)
	a.at = a.column(nil, a.field, uint32(n))
	return n
}

func (a *adaptive) typ(n uint64) uint64 {
	if a.bit(&a.at.alike, uint32(boolNum(a.at.typ != n))) != 0 {
		a.at.typ = a.count(a.types, n)
	}
	return a.at.typ
}

// number codes dates and years as the difference to the one before in the
// field, others as they are.
func (a *adaptive) number(t syncproto.ValueType, n uint64) uint64 {
	if t != syncproto.TypeDate && t != syncproto.TypeYear {
		return a.count(a.at.value, n)
	}
	step := syncproto.Zigzag(syncproto.Unzigzag(n) - a.at.day)
	a.at.day += syncproto.Unzigzag(a.count(a.at.value, step))
	return syncproto.Zigzag(a.at.day)
}

// known codes which of the field's records is meant: 0 none of them, n the
// n-th.
func (a *adaptive) known(id *[16]byte) bool {
	links := a.at.links
	n := uint64(0)
	if !a.reading {
		for i := range links {
			if links[i] == *id {
				n = uint64(i + 1)
				break
			}
		}
	}
	n = a.count(a.at.value, n)
	if n == 0 {
		return false
	}
	if n > uint64(len(links)) {
		a.fail(ErrMalformed, "reference")
		return true
	}
	*id = links[n-1]
	return true
}

func (a *adaptive) learn(id [16]byte) {
	if len(a.at.links) < maxLinks {
		a.at.links = append(a.at.links, id)
	}
}

// point codes 0 and the payload, or 1 and how far it lies from the field's last
// point.
func (a *adaptive) point(payload string) string {
	p, ok := syncproto.RawBytes(syncproto.TypePoint, payload).AsPoint()
	if n := a.num(whereUsual, boolNum(ok)); n != 1 {
		return a.blob(payload, n)
	}
	at := a.at
	step := func(w where, last *int64, v int32) int32 {
		*last += syncproto.Unzigzag(a.num(w, syncproto.Zigzag(int64(v)-*last)))
		if int64(int32(*last)) != *last {
			a.fail(ErrMalformed, "point")
		}
		return int32(*last)
	}
	p.LatE7, p.LonE7 = step(whereLatitude, &at.lat, p.LatE7), step(whereLongitude, &at.lon, p.LonE7)
	accuracy := a.num(whereAccuracy, uint64(p.AccuracyDM))
	if accuracy > 1<<32-1 {
		a.fail(ErrMalformed, "point")
	}
	p.AccuracyDM = uint32(accuracy)
	if !a.reading {
		return payload
	}
	payload = syncproto.At(p).Bytes()
	a.spend(len(payload))
	return payload
}

// blob codes bytes that nothing compresses; 0 is the only kind of them.
func (a *adaptive) blob(payload string, kind uint64) string {
	if kind != 0 {
		a.fail(ErrMalformed, "bytes")
		return ""
	}
	n := a.num(whereLength, uint64(len(payload)))
	if !a.reading {
		a.raw.buf = append(a.raw.buf, payload...)
		return payload
	}
	if a.first != nil || !a.spend(int(min(n, syncproto.MaxUnpacked))) {
		return ""
	}
	return string(a.raw.prefix(n, "bytes"))
}

func (a *adaptive) allow(room int) { a.room = room }

// spend takes from the room for texts.
func (a *adaptive) spend(n int) bool {
	if a.room -= n; a.room < 0 {
		a.fail(ErrTooLarge, "text")
		return false
	}
	return true
}

func (a *adaptive) fail(err error, what string) {
	if a.first == nil {
		a.first = fmt.Errorf("%s at byte %d of the code: %w", what, a.coder.at, err)
	}
}

func (a *adaptive) err() error {
	switch {
	case a.first != nil:
	case a.raw.err != nil:
		a.first = a.raw.err
	case a.bad:
		a.fail(ErrMalformed, "number")
	case a.over():
		a.fail(ErrTruncated, "code")
	}
	return a.first
}

// end says that all must have been read.
func (a *adaptive) end() error {
	if err := a.raw.end("packed changes"); err != nil && a.first == nil {
		a.first = err
	}
	if a.err() == nil && a.coder.at < len(a.in) {
		a.fail(ErrNotCanonical, "bytes after the end")
	}
	return a.first
}
