package wire

import (
	"bytes"
	"slices"

	"mahalleh/syncproto"
)

// A batch's changes are packed into three streams: raw (ids, secrets and
// hashes, which nothing compresses), numbers, and letters. Both sides keep a
// model of what came before, and only what the model does not foresee is
// written. FORMAT.md draws it.

// The bits of the number that leads a packed change: what differs from what
// the model foresees, or is there at all. The commonest take one byte.
const (
	packVerb       = 1 << iota // verb: as before
	packForm                   // form: as before
	packScope                  // scope: as before
	packBase                   // base: latest version of this record in the batch
	packParent                 // parent: likewise
	packNoAlive                // first operation: the usual one on presence, see usualAlive
	packAuthor                 // author: as before
	packPackage                // package: as before
	packRole                   // role and verified: as before
	packGrants                 // grants serial: as before
	packClock                  // correction and boot: as before
	packOrigin                 // origin: the batch's log and this sequence
	packGroup                  // group: none
	packExtra                  // fields of a newer release: none
	packCommitment             // commitment: that of the secret and operations
	packRedacted               // redacted: no secret and operations
	packRawOps                 // operations that are not canonical, as they are
	packRawHeader              // a header that is not canonical, as it is
	packEnd
)

// A packed operation leads with a byte: kind<<4 | names<<2 | has item<<1 | not
// critical, kind 0 when the kind follows as a number.
const (
	packOpOptional = 1
	packOpItem     = 2
	packOpNames    = 2 // how far names is shifted
	packOpKind     = 4 // how far kind is shifted
	maxOpKind      = 15

	namesSame  = 0 // those of the last operation that named any; before it the base
	namesNone  = 1
	namesGiven = 2
)

// maxNear bounds, in milliseconds, how far a record id's time may lie from the
// change's for the difference to be shorter than the time: four bytes hold it.
const maxNear = 1 << 27

func sameOp(a, b *syncproto.Op) bool {
	return a.Kind == b.Kind && a.Critical == b.Critical && a.Field == b.Field && a.Item == b.Item && a.Sub == b.Sub &&
		slices.Equal(a.Names, b.Names) && a.Value == b.Value
}

func newPacker(log syncproto.LogID, tables *Tables, out tape) *packer {
	p := &packer{model: newModel(log, tables), tape: out}
	p.indexed()
	return p
}

// packer writes changes onto a tape.
type packer struct {
	*model
	tape
}

// ref names an id of a list: 0 and the id itself if it is new there, else its
// distance from the end.
func (p *packer) ref(w where, l *idList, id [16]byte) { p.id(l, p.num(w, l.distance(id)), id) }

// id writes an id that is new to a list, whose distance is 0.
func (p *packer) id(l *idList, distance uint64, id [16]byte) {
	if distance == 0 {
		p.bytes(id[:])
		l.add(id)
	}
}

// optionalRef is ref plus one, 0 for none.
func (p *packer) optionalRef(w where, l *idList, id [16]byte) {
	if id == ([16]byte{}) {
		p.num(w, 0)
		return
	}
	d := l.distance(id)
	p.num(w, d+1)
	p.id(l, d, id)
}

// record names a record: 0 and its id, 1 and the difference of its time from
// the change's and the rest of its id, or its distance from the end plus one.
func (p *packer) record(id syncproto.RecordID, at int64) {
	if d := p.records.distance(id); d != 0 {
		p.num(whereRecord, d+1)
		return
	}
	p.records.add(id)
	diff := idTime(id) - at
	if diff >= maxNear || diff <= -maxNear {
		p.num(whereRecord, 0)
		p.bytes(id[:])
		return
	}
	p.num(whereRecord, 1)
	p.noise(whereOffset, syncproto.Zigzag(diff))
	p.tail(id[6:])
}

// idTime is the Unix time in milliseconds in the first six bytes of a UUIDv7.
func idTime(id syncproto.RecordID) (ms int64) {
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return ms
}

// change packs a change at this sequence of the batch's log.
func (p *packer) change(seq uint64, ch *syncproto.Change) {
	var mask uint64
	h, err := DecodeHeader(ch.HeaderBytes)
	if err != nil || !bytes.Equal(AppendHeader(nil, &h), ch.HeaderBytes) {
		mask |= packRawHeader
	}
	var ops []syncproto.Op
	switch {
	case ch.Redacted():
		mask |= packRedacted
	case mask&packRawHeader != 0:
		mask |= packRawOps
	default:
		ops, err = DecodeOps(h.OriginLog, h.OriginSeq, ch.OpsBytes)
		if err == nil {
			var again []byte
			again, err = EncodeOps(h.OriginLog, h.OriginSeq, ops)
			if err == nil && !bytes.Equal(again, ch.OpsBytes) {
				err = ErrNotCanonical
			}
		}
		if err != nil {
			mask |= packRawOps
		}
	}
	if mask&packRawHeader != 0 {
		p.num(whereMask, mask)
		p.blob(ch.HeaderBytes)
		p.body(mask, ch, &h, nil)
		return
	}
	scope, author := p.tables.scope(h.Scope), p.tables.author(h.Author)
	mask |= p.differences(seq, &h, scope, author)
	if ch.Redacted() || syncproto.Commit(ch.Secret, ch.OpsBytes) != h.Commitment {
		mask |= packCommitment
	}
	alive := usualAlive(h.Base)
	if len(ops) == 0 || !sameOp(&ops[0], &alive) {
		mask |= packNoAlive
	} else {
		ops = ops[1:]
	}
	p.num(whereMask, mask)
	p.header(mask, &h, scope, author)
	p.body(mask, ch, &h, ops)
	p.after(&h, syncproto.IDOf(ch.HeaderBytes), scope, author)
}

// differences returns the bits of the header fields that the model does not
// foresee.
func (p *packer) differences(seq uint64, h *syncproto.Header, scope, author uint64) (mask uint64) {
	set := func(bit uint64, differs bool) {
		if differs {
			mask |= bit
		}
	}
	prev := &p.prev
	set(packVerb, h.Verb != prev.Verb)
	set(packForm, h.Form != prev.Form)
	set(packPackage, h.Package != prev.Package)
	set(packScope, scope != p.scope)
	set(packAuthor, author != p.author)
	set(packRole, h.Role != prev.Role || h.Verified != prev.Verified)
	set(packGrants, h.Grants != prev.Grants)
	set(packClock, h.Corrected != prev.Corrected || h.Correction != prev.Correction || h.Boot != prev.Boot)
	set(packOrigin, h.OriginLog != p.log || h.OriginSeq != seq)
	set(packBase, h.Base != p.latest[h.Record])
	set(packParent, h.Parent != p.latest[h.Record])
	set(packGroup, h.Group != syncproto.GroupID{})
	set(packExtra, len(h.Extra) > 0)
	return mask
}

func (p *packer) header(mask uint64, h *syncproto.Header, scope, author uint64) {
	prev := &p.prev
	if mask&packVerb != 0 {
		p.num(whereVerb, uint64(h.Verb))
	}
	if mask&packForm != 0 {
		p.num(whereForm, uint64(h.Form))
	}
	if mask&packPackage != 0 {
		p.num(wherePackage, uint64(h.Package))
	}
	if mask&packScope != 0 {
		p.num(whereScope, scope)
	}
	if mask&packAuthor != 0 {
		p.num(whereAuthor, author)
	}
	if mask&packRole != 0 {
		p.num(whereRole, uint64(h.Role)<<1|boolNum(h.Verified))
	}
	if mask&packGrants != 0 {
		p.num(whereGrants, h.Grants)
	}
	if mask&packClock != 0 {
		// None, or one more than the zigzag, which has no top bit (see instant).
		if !h.Corrected {
			p.noise(whereCorrection, 0)
		} else {
			p.noise(whereCorrection, syncproto.Zigzag(h.Correction)+1)
		}
		p.noise(whereBoot, h.Boot)
	}
	if mask&packOrigin != 0 {
		p.optionalRef(whereOrigin, &p.others, h.OriginLog)
		p.num(whereOrigin, h.OriginSeq)
	}
	p.noise(whereTime, syncproto.Zigzag(h.Time-prev.Time))
	p.noise(whereUptime, syncproto.Zigzag(int64(h.Uptime)-int64(prev.Uptime)-(h.Time-prev.Time)))
	p.record(h.Record, h.Time)
	if mask&packBase != 0 {
		p.optionalRef(whereBase, &p.versions, h.Base)
	}
	if mask&packParent != 0 {
		p.optionalRef(whereParent, &p.versions, h.Parent)
	}
	if mask&packGroup != 0 {
		p.ref(whereGroup, &p.others, h.Group)
	}
	if mask&packExtra != 0 {
		p.num(whereExtra, uint64(len(h.Extra)))
		for _, e := range h.Extra {
			p.num(whereExtra, e.Key)
			p.blob([]byte(e.Payload))
		}
	}
	if mask&packCommitment != 0 {
		p.bytes(h.Commitment[:])
	}
}

func (p *packer) body(mask uint64, ch *syncproto.Change, h *syncproto.Header, ops []syncproto.Op) {
	if mask&packRedacted != 0 {
		return
	}
	p.bytes(ch.Secret[:])
	if mask&packRawOps != 0 {
		p.blob(ch.OpsBytes)
		return
	}
	own := ownItems(h.OriginLog, h.OriginSeq, ops)
	p.ops(h.Form, uint64(len(ops)))
	field, names := uint32(0), usualNames(h.Base)
	for i := range ops {
		p.op(&ops[i], field, names, own)
		field = ops[i].Field
		if len(ops[i].Names) > 0 {
			names = ops[i].Names
		}
	}
}

func (p *packer) op(op *syncproto.Op, field uint32, usual []syncproto.ChangeID, own map[syncproto.ItemID]int) {
	names := byte(namesGiven)
	switch {
	case slices.Equal(op.Names, usual):
		names = namesSame
	case len(op.Names) == 0:
		names = namesNone
	}
	item := op.Item != (syncproto.ItemID{})
	step := uint64(op.Field - field)
	head := names<<packOpNames | byte(boolNum(item))*packOpItem | byte(boolNum(!op.Critical))*packOpOptional
	if op.Kind <= maxOpKind {
		p.lead(uint64(head|byte(op.Kind)<<packOpKind), step)
	} else {
		p.lead(uint64(head), step)
		p.num(whereKind, uint64(op.Kind))
	}
	if item {
		if n, ok := own[op.Item]; ok {
			p.num(whereItem, 2*uint64(n)+1)
		} else {
			d := p.others.distance(op.Item)
			p.num(whereItem, 2*d)
			p.id(&p.others, d, op.Item)
		}
		p.sub(uint64(op.Sub))
	}
	if names == namesGiven {
		// Reference<<1 | more follow.
		for i, n := range op.Names {
			d := p.versions.distance(n)
			p.num(whereName, d<<1|boolNum(i < len(op.Names)-1))
			p.id(&p.versions, d, n)
		}
	}
	p.value(op.Value)
}

// blob writes bytes with their length.
func (p *packer) blob(b []byte) {
	p.num(whereLength, uint64(len(b)))
	p.bytes(b)
}

// value writes a value of the field at hand.
func (p *packer) value(v syncproto.Value) {
	p.typ(uint64(v.Type))
	switch {
	case v.Type == syncproto.TypeRef:
		id := v.ID()
		if !p.known(&id) {
			p.optionalRef(whereID, &p.records, id)
			p.learn(id)
		}
	case v.Type.Class() == syncproto.ClassVarint:
		p.number(v.Type, v.Num())
	case v.Type.Class() == syncproto.ClassFixed:
		p.ref(whereID, &p.others, v.ID())
	case v.Type == syncproto.TypePoint:
		p.point(v.Bytes())
	case v.Type == syncproto.TypeAttachment:
		p.blob([]byte(v.Bytes()))
	case v.Type == syncproto.TypeLongText:
		text, base, _ := v.AsLongText()
		p.text(text)
		p.base(text, base)
	case v.Type == syncproto.TypeCode:
		p.code(v.Bytes())
	case v.Type.Class() == syncproto.ClassBytes:
		p.text(v.Bytes())
	}
}

// base writes the text on which another was written: 0 if there is none, else
// one more than the bytes both begin with, the bytes both end with, and what
// stands between.
func (p *packer) base(text, base string) {
	if base == "" {
		p.num(whereAlike, 0)
		return
	}
	n := 0
	for n < len(base) && n < len(text) && base[n] == text[n] {
		n++
	}
	m := 0
	for m < len(base)-n && m < len(text)-n && base[len(base)-1-m] == text[len(text)-1-m] {
		m++
	}
	p.num(whereAlike, uint64(n)+1)
	p.num(whereAlike, uint64(m))
	p.text(base[n : len(base)-m])
}
