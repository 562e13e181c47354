package wire

import (
	"mahalleh/syncproto"
)

// unpacker reads the three streams and makes canonical bytes of them.
type unpacker struct {
	*model
	fold               *folder
	raw, nums, letters cursor
	// budget is how many bytes may still be made, room how many of them in
	// the change at hand.
	budget, room int
}

// fail notes the first error; it shows in err.
func (u *unpacker) fail(err error, what string) { u.nums.fail(err, what) }

func (u *unpacker) err() error {
	for _, c := range []*cursor{&u.nums, &u.raw, &u.letters} {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// take reserves bytes of the change at hand.
func (u *unpacker) take(n int, what string) bool {
	if n < 0 || n > u.room {
		u.fail(ErrTooLarge, what)
		return false
	}
	u.room -= n
	return true
}

func (u *unpacker) num(what string) uint64 { return u.nums.uvarint(what) }

func (u *unpacker) noise(what string) uint64 { return u.raw.uvarint(what) }

func (u *unpacker) num32(what string) uint32 {
	n := u.num(what)
	if n > 1<<32-1 {
		u.fail(ErrTooLarge, what)
		return 0
	}
	return uint32(n)
}

func (u *unpacker) blob(what string) []byte {
	n := u.num(what)
	if n > syncproto.MaxChange {
		u.fail(ErrTooLarge, what)
		return nil
	}
	if u.nums.err != nil || !u.take(int(n), what) {
		return nil
	}
	return u.raw.bytes(what, int(n))
}

func (u *unpacker) plainRef(l *idList, d uint64, what string) [16]byte {
	if u.err() != nil {
		return [16]byte{}
	}
	if d == 0 {
		id := u.raw.id(what)
		l.add(id)
		return id
	}
	id, ok := l.back(d)
	if !ok {
		u.fail(ErrMalformed, what)
	}
	return id
}

func (u *unpacker) ref(l *idList, what string) [16]byte { return u.plainRef(l, u.num(what), what) }

func (u *unpacker) optionalRef(l *idList, what string) [16]byte {
	d := u.num(what)
	if d == 0 {
		return [16]byte{}
	}
	return u.plainRef(l, d-1, what)
}

func (u *unpacker) record(at int64) (id syncproto.RecordID) {
	const what = "record"
	switch d := u.num(what); d {
	case 0:
		id = u.raw.id(what)
	case 1:
		ms := at + syncproto.Unzigzag(u.noise(what))
		for i := range 6 {
			id[i] = byte(ms >> (40 - 8*i))
		}
		copy(id[6:], u.raw.bytes(what, 10))
	default:
		return u.plainRef(&u.records, d-1, what)
	}
	u.records.add(id)
	return id
}

func (u *unpacker) text(what string) string {
	n := u.num(what)
	if u.nums.err != nil {
		return ""
	}
	if n>>1 > syncproto.MaxChange {
		u.fail(ErrTooLarge, what)
		return ""
	}
	b := u.letters.bytes(what, int(n>>1))
	if n&1 != 0 {
		var err error
		if b, err = u.fold.unfold(b, u.room); err != nil {
			u.fail(err, what)
			return ""
		}
	}
	s := string(b)
	if !u.take(len(s), what) {
		return ""
	}
	return s
}

// change unpacks the change at this sequence of the batch's log.
func (u *unpacker) change(seq uint64) (e BatchEntry, err error) {
	u.room = min(u.budget, syncproto.MaxChange)
	e.Seq = seq
	mask := u.num("change")
	if mask >= packEnd {
		u.fail(ErrMalformed, "change")
	}
	if mask&packRawHeader != 0 {
		e.Header = u.blob("header")
		e.Secret, e.Ops = u.rawBody(mask)
	} else {
		u.packed(mask, &e)
	}
	if err := u.err(); err != nil {
		return e, err
	}
	u.budget -= len(e.Header) + len(e.Ops) + len(e.Secret)
	if u.budget < 0 {
		u.fail(ErrTooLarge, "batch")
	}
	return e, u.err()
}

// packed unpacks a change whose header is canonical.
func (u *unpacker) packed(mask uint64, e *BatchEntry) {
	h, scope, author := u.header(mask, e.Seq)
	if u.err() != nil {
		return
	}
	var ops []byte
	if mask&(packRedacted|packRawOps) != 0 {
		e.Secret, ops = u.rawBody(mask)
	} else {
		e.Secret = u.raw.id("secret")
		list := u.ops(mask, &h)
		if u.err() != nil {
			return
		}
		var err error
		if ops, err = EncodeOps(h.OriginLog, h.OriginSeq, list); err != nil {
			u.fail(err, "operations")
			return
		}
	}
	if mask&packCommitment == 0 {
		h.Commitment = syncproto.Commit(e.Secret, ops)
	}
	e.Header, e.Ops = AppendHeader(nil, &h), ops
	u.after(&h, syncproto.IDOf(e.Header), scope, author)
}

// rawBody reads secret and operations as they are, nothing if redacted.
func (u *unpacker) rawBody(mask uint64) (secret [16]byte, ops []byte) {
	if mask&packRedacted != 0 {
		return secret, nil
	}
	secret = u.raw.id("secret")
	if ops = u.blob("operations"); ops == nil && u.err() == nil {
		ops = []byte{}
	}
	return secret, ops
}

func (u *unpacker) header(mask, seq uint64) (h syncproto.Header, scope, author uint64) {
	prev := &u.prev
	h = syncproto.Header{Verb: prev.Verb, Form: prev.Form, Package: prev.Package, Role: prev.Role, Verified: prev.Verified,
		Grants: prev.Grants, Corrected: prev.Corrected, Correction: prev.Correction, Boot: prev.Boot, OriginLog: u.log, OriginSeq: seq}
	scope, author = u.scope, u.author
	if mask&packVerb != 0 {
		v := u.num("verb")
		if v > 255 {
			u.fail(ErrTooLarge, "verb")
		}
		h.Verb = syncproto.Verb(v)
	}
	if mask&packForm != 0 {
		h.Form = u.num32("form")
	}
	if mask&packPackage != 0 {
		h.Package = u.num32("package")
	}
	if mask&packScope != 0 {
		scope = u.num("scope")
	}
	if mask&packAuthor != 0 {
		author = u.num("author")
	}
	if mask&packRole != 0 {
		r := u.num("role")
		if r > 511 {
			u.fail(ErrTooLarge, "role")
		}
		h.Role, h.Verified = uint8(r>>1), r&1 != 0
	}
	if mask&packGrants != 0 {
		h.Grants = u.num("grants")
	}
	if mask&packClock != 0 {
		c := u.noise("clock correction")
		h.Corrected = c != 0
		h.Correction = 0
		if h.Corrected {
			h.Correction = syncproto.Unzigzag(c - 1)
		}
		h.Boot = u.noise("boot")
	}
	if mask&packOrigin != 0 {
		h.OriginLog = u.optionalRef(&u.others, "origin")
		h.OriginSeq = u.num("origin")
	}
	diff := syncproto.Unzigzag(u.noise("time"))
	h.Time = prev.Time + diff
	h.Uptime = uint64(int64(prev.Uptime) + diff + syncproto.Unzigzag(u.noise("uptime")))
	h.Record = u.record(h.Time)
	h.Base, h.Parent = u.latest[h.Record], u.latest[h.Record]
	if mask&packBase != 0 {
		h.Base = u.optionalRef(&u.versions, "base")
	}
	if mask&packParent != 0 {
		h.Parent = u.optionalRef(&u.versions, "parent")
	}
	if mask&packGroup != 0 {
		h.Group = u.ref(&u.others, "group")
	}
	if mask&packExtra != 0 {
		for range u.nums.count("header fields of a newer release", maxExtra, 2) {
			key := u.num("header field")
			h.Extra = append(h.Extra, syncproto.ExtraField{Key: key, Payload: string(u.blob("header field"))})
		}
	}
	if mask&packCommitment != 0 {
		h.Commitment = u.raw.hash("commitment")
	}
	if u.err() == nil {
		if scope >= uint64(len(u.tables.Scopes)) || author >= uint64(len(u.tables.Authors)) {
			u.fail(ErrMalformed, "scope or author outside the tables")
			return h, 0, 0
		}
		h.Scope, h.Author = u.tables.Scopes[scope], u.tables.Authors[author]
	}
	return h, scope, author
}

func (u *unpacker) ops(mask uint64, h *syncproto.Header) []syncproto.Op {
	// An operation takes at least three bytes: kind, field, value type.
	n := u.nums.count("operations", syncproto.MaxOps, 3)
	ops := make([]syncproto.Op, 0, n+1)
	if mask&packNoAlive == 0 {
		ops = append(ops, usualAlive(h.Base))
	}
	field, names := uint32(0), usualNames(h.Base)
	for range n {
		op := u.op(h, &field, &names)
		if u.err() != nil {
			return nil
		}
		ops = append(ops, op)
	}
	return ops
}

func (u *unpacker) op(h *syncproto.Header, field *uint32, names *[]syncproto.ChangeID) (op syncproto.Op) {
	head := u.nums.byte("operation")
	kind := uint64(head >> packOpKind)
	if kind == 0 {
		if kind = u.num("operation kind"); kind > 255 {
			u.fail(ErrTooLarge, "operation kind")
		}
	}
	op.Kind, op.Critical = syncproto.OpKind(kind), head&packOpOptional == 0
	if op.Field = *field + u.num32("field"); op.Field < *field {
		u.fail(ErrTooLarge, "field")
	}
	*field = op.Field
	if head&packOpItem != 0 {
		op.Item = u.item(h)
		op.Sub = u.num32("sub-field")
	}
	switch head >> packOpNames & 3 {
	case namesSame:
		op.Names = *names
	case namesNone:
	case namesGiven:
		for more := true; more && u.err() == nil; {
			d := u.num("name")
			op.Names = append(op.Names, u.plainRef(&u.versions, d>>1, "name"))
			more = d&1 != 0
		}
		*names = op.Names
	default:
		u.fail(ErrMalformed, "names")
	}
	// Four bytes for kind, field, count of names and value type.
	u.take(4+len(op.Names), "operations")
	op.Value = u.value()
	return op
}

func (u *unpacker) item(h *syncproto.Header) syncproto.ItemID {
	d := u.num("item")
	if d&1 == 0 {
		return u.plainRef(&u.others, d/2, "item")
	}
	if d/2 >= syncproto.MaxOps {
		u.fail(ErrTooLarge, "own item")
		return syncproto.ItemID{}
	}
	return syncproto.OwnItem(h.OriginLog, h.OriginSeq, int(d/2))
}

func (u *unpacker) value() syncproto.Value {
	const what = "value"
	n := u.num(what)
	if n > 255 {
		u.fail(ErrTooLarge, what)
	}
	t := syncproto.ValueType(n)
	switch {
	case u.err() != nil:
		return syncproto.Value{}
	case t == syncproto.TypeRef:
		u.take(16, what)
		return syncproto.RawFixed(t, u.optionalRef(&u.records, what))
	case t.Class() == syncproto.ClassVarint:
		return syncproto.RawVarint(t, u.num(what))
	case t.Class() == syncproto.ClassFixed:
		u.take(16, what)
		return syncproto.RawFixed(t, u.ref(&u.others, what))
	case t == syncproto.TypePoint || t == syncproto.TypeAttachment:
		return syncproto.RawBytes(t, string(u.blob(what)))
	case t == syncproto.TypeLongText:
		text := u.text(what)
		return syncproto.LongText(text, u.base(text))
	case t.Class() == syncproto.ClassBytes:
		return syncproto.RawBytes(t, u.text(what))
	}
	return syncproto.Value{Type: t}
}

func (u *unpacker) base(text string) string {
	const what = "base of a text"
	n := u.num(what)
	if n == 0 {
		return ""
	}
	m := u.num(what)
	middle := u.text(what)
	if n--; u.err() != nil || n > uint64(len(text)) || m > uint64(len(text))-n {
		u.fail(ErrMalformed, what)
		return ""
	}
	if !u.take(int(n+m), what) {
		return ""
	}
	return text[:n] + middle + text[uint64(len(text))-m:]
}
