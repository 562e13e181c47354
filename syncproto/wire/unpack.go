package wire

import (
	"mahalleh/syncproto"
)

// unpacker reads a tape and makes canonical bytes of it.
type unpacker struct {
	*model
	tape
	// budget is how many bytes may still be made, room how many of them in
	// the change at hand, texts apart.
	budget, room int
	// list is where operations are put together, used again for the next change.
	list []syncproto.Op
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

// upTo reads a number of at most so much.
func (u *unpacker) upTo(w where, most uint64, what string) uint64 {
	n := u.num(w, 0)
	if n > most {
		u.fail(ErrTooLarge, what)
		return 0
	}
	return n
}

func (u *unpacker) blob(what string) []byte {
	n := u.upTo(whereLength, syncproto.MaxChange, what)
	if u.err() != nil || !u.take(int(n), what) {
		return nil
	}
	if int(n) > u.left() {
		u.fail(ErrTruncated, what)
		return nil
	}
	b := make([]byte, n)
	u.bytes(b)
	return b
}

// id returns the id at a distance from a list's end, a new one at 0.
func (u *unpacker) id(l *idList, d uint64, what string) (id [16]byte) {
	if u.err() != nil {
		return id
	}
	if d == 0 {
		u.bytes(id[:])
		l.add(id)
		return id
	}
	id, ok := l.back(d)
	if !ok {
		u.fail(ErrMalformed, what)
	}
	return id
}

func (u *unpacker) ref(w where, l *idList, what string) [16]byte { return u.id(l, u.num(w, 0), what) }

func (u *unpacker) optionalRef(w where, l *idList, what string) [16]byte {
	d := u.num(w, 0)
	if d == 0 {
		return [16]byte{}
	}
	return u.id(l, d-1, what)
}

func (u *unpacker) record(at int64) (id syncproto.RecordID) {
	const what = "record"
	switch d := u.num(whereRecord, 0); d {
	case 0:
		u.bytes(id[:])
	case 1:
		ms := at + syncproto.Unzigzag(u.noise(whereOffset, 0))
		for i := range 6 {
			id[i] = byte(ms >> (40 - 8*i))
		}
		u.tail(id[6:])
	default:
		return u.id(&u.records, d-1, what)
	}
	u.records.add(id)
	return id
}

// change unpacks the change at this sequence of the batch's log.
func (u *unpacker) change(seq uint64) (e BatchEntry, err error) {
	u.room = min(u.budget, syncproto.MaxChange)
	u.allow(u.room)
	e.Seq = seq
	mask := u.num(whereMask, 0)
	if mask >= packEnd {
		u.fail(ErrMalformed, "change")
	}
	if mask&packRawHeader != 0 {
		e.Header = u.blob("header")
		e.Secret, e.Ops = u.rawBody(mask)
		e.id = syncproto.IDOf(e.Header)
	} else {
		u.packed(mask, &e)
	}
	if err := u.err(); err != nil {
		return e, err
	}
	size := len(e.Header) + len(e.Ops)
	u.budget -= size + len(e.Secret)
	if u.budget < 0 || size > syncproto.MaxChange {
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
		u.bytes(e.Secret[:])
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
		e.derived = true
		h.Commitment = syncproto.Commit(e.Secret, ops)
	}
	e.Header, e.Ops = AppendHeader(nil, &h), ops
	e.id = syncproto.IDOf(e.Header)
	u.after(&h, e.id, scope, author)
}

// rawBody reads secret and operations as they are, nothing if redacted.
func (u *unpacker) rawBody(mask uint64) (secret [16]byte, ops []byte) {
	if mask&packRedacted != 0 {
		return secret, nil
	}
	u.bytes(secret[:])
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
		h.Verb = syncproto.Verb(u.upTo(whereVerb, 255, "verb"))
	}
	if mask&packForm != 0 {
		h.Form = uint32(u.upTo(whereForm, 1<<32-1, "form"))
	}
	if mask&packPackage != 0 {
		h.Package = uint32(u.upTo(wherePackage, 1<<32-1, "package"))
	}
	if mask&packScope != 0 {
		scope = u.num(whereScope, 0)
	}
	if mask&packAuthor != 0 {
		author = u.num(whereAuthor, 0)
	}
	if mask&packRole != 0 {
		r := u.upTo(whereRole, 511, "role")
		h.Role, h.Verified = uint8(r>>1), r&1 != 0
	}
	if mask&packGrants != 0 {
		h.Grants = u.num(whereGrants, 0)
	}
	if mask&packClock != 0 {
		c := u.noise(whereCorrection, 0)
		h.Corrected = c != 0
		h.Correction = 0
		if h.Corrected {
			h.Correction = syncproto.Unzigzag(c - 1)
		}
		h.Boot = u.noise(whereBoot, 0)
	}
	if mask&packOrigin != 0 {
		h.OriginLog = u.optionalRef(whereOrigin, &u.others, "origin")
		h.OriginSeq = u.num(whereOrigin, 0)
	}
	diff := syncproto.Unzigzag(u.noise(whereTime, 0))
	h.Time = prev.Time + diff
	h.Uptime = uint64(int64(prev.Uptime) + diff + syncproto.Unzigzag(u.noise(whereUptime, 0)))
	h.Record = u.record(h.Time)
	h.Base, h.Parent = u.latest[h.Record], u.latest[h.Record]
	if mask&packBase != 0 {
		h.Base = u.optionalRef(whereBase, &u.versions, "base")
	}
	if mask&packParent != 0 {
		h.Parent = u.optionalRef(whereParent, &u.versions, "parent")
	}
	if mask&packGroup != 0 {
		h.Group = u.ref(whereGroup, &u.others, "group")
	}
	if mask&packExtra != 0 {
		for range u.upTo(whereExtra, maxExtra, "header fields of a newer release") {
			key := u.num(whereExtra, 0)
			h.Extra = append(h.Extra, syncproto.ExtraField{Key: key, Payload: string(u.blob("header field"))})
		}
	}
	if mask&packCommitment != 0 {
		u.bytes(h.Commitment[:])
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
	n := u.tape.ops(h.Form, 0)
	if n > syncproto.MaxOps {
		u.fail(ErrTooLarge, "operations")
		return nil
	}
	ops := u.list[:0]
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
	u.list = ops
	return ops
}

func (u *unpacker) op(h *syncproto.Header, field *uint32, names *[]syncproto.ChangeID) (op syncproto.Op) {
	head, step := u.lead(0, 0)
	kind := head >> packOpKind
	if kind == 0 {
		kind = u.num(whereKind, 0)
	}
	if kind > 255 || step > 1<<32-1 {
		u.fail(ErrTooLarge, "operation kind")
	}
	op.Kind, op.Critical = syncproto.OpKind(kind), head&packOpOptional == 0
	if op.Field = *field + uint32(step); op.Field < *field {
		u.fail(ErrTooLarge, "field")
	}
	*field = op.Field
	if head&packOpItem != 0 {
		op.Item = u.item(h)
		sub := u.sub(0)
		if sub > 1<<32-1 {
			u.fail(ErrTooLarge, "sub-field")
		}
		op.Sub = uint32(sub)
	}
	switch head >> packOpNames & 3 {
	case namesSame:
		op.Names = *names
	case namesNone:
	case namesGiven:
		for more := true; more && u.err() == nil; {
			d := u.num(whereName, 0)
			op.Names = append(op.Names, u.id(&u.versions, d>>1, "name"))
			if len(op.Names) > syncproto.MaxChangeIDs {
				u.fail(ErrTooLarge, "names")
			}
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
	d := u.num(whereItem, 0)
	if d&1 == 0 {
		return u.id(&u.others, d/2, "item")
	}
	if d/2 >= syncproto.MaxOps {
		u.fail(ErrTooLarge, "own item")
		return syncproto.ItemID{}
	}
	return syncproto.OwnItem(h.OriginLog, h.OriginSeq, int(d/2))
}

// value reads a value of the field at hand.
func (u *unpacker) value() syncproto.Value {
	const what = "value"
	n := u.typ(0)
	if n > 255 {
		u.fail(ErrTooLarge, what)
	}
	t := syncproto.ValueType(n)
	switch {
	case u.err() != nil:
		return syncproto.Value{}
	case t == syncproto.TypeRef:
		u.take(16, what)
		var id [16]byte
		if !u.known(&id) {
			id = u.optionalRef(whereID, &u.records, what)
			u.learn(id)
		}
		return syncproto.RawFixed(t, id)
	case t.Class() == syncproto.ClassVarint:
		return syncproto.RawVarint(t, u.number(t, 0))
	case t.Class() == syncproto.ClassFixed:
		u.take(16, what)
		return syncproto.RawFixed(t, u.ref(whereID, &u.others, what))
	case t == syncproto.TypePoint:
		return syncproto.RawBytes(t, u.point(""))
	case t == syncproto.TypeAttachment:
		return syncproto.RawBytes(t, string(u.blob(what)))
	case t == syncproto.TypeLongText:
		text := u.text("")
		return syncproto.LongText(text, u.base(text))
	case t == syncproto.TypeCode:
		return syncproto.RawBytes(t, u.code(""))
	case t.Class() == syncproto.ClassBytes:
		return syncproto.RawBytes(t, u.text(""))
	}
	return syncproto.Value{Type: t}
}

func (u *unpacker) base(text string) string {
	const what = "base of a text"
	n := u.num(whereAlike, 0)
	if n == 0 {
		return ""
	}
	m := u.num(whereAlike, 0)
	middle := u.text("")
	if n--; u.err() != nil || n > uint64(len(text)) || m > uint64(len(text))-n {
		u.fail(ErrMalformed, what)
		return ""
	}
	if !u.take(int(n+m), what) {
		return ""
	}
	return text[:n] + middle + text[uint64(len(text))-m:]
}
