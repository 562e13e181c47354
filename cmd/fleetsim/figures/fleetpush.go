package figures

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

const (
	// draftKinds is how many different records there are; each is made again and
	// again under new ids.
	draftKinds = 2000
	// draftLetters lengthens the long text of a record, so that its JSON has
	// some 570 bytes.
	draftLetters = 45
	// editShare is one in how many changes edits a record that a rival has edited
	// since.
	editShare = 10
)

// draft is what a new record says.
type draft struct {
	form uint32
	ops  []syncproto.Op
	json []byte
	// id and scope are where the record's ids stand in json.
	id, scope int
}

// makeDrafts makes records of the plain compartment as facilitators write them.
func makeDrafts(forms *schemas.Package) ([]draft, error) {
	w := newWriter(forms)
	w.only = access.Plain
	made, err := w.create(draftKinds)
	if err != nil {
		return nil, err
	}
	drafts := make([]draft, len(made))
	for i, ch := range made {
		more := made[(i+1)%len(made)]
		ops := longer(ch.Ops, textIn(more.Ops))
		if ch, err = w.change(ch.Header, uint64(i+1), ops); err != nil {
			return nil, err
		}
		if reason, cell := merge.Judge(forms, ch); reason != syncproto.ReasonNone {
			return nil, fmt.Errorf("a record of the corpus is refused for reason %d of field %d", reason, cell.Field)
		}
		body, err := recordJSON(forms, ch)
		if err != nil {
			return nil, err
		}
		d := draft{form: ch.Header.Form, ops: ops, json: body}
		d.id = bytes.Index(body, []byte(ch.Header.Record.String()))
		d.scope = bytes.Index(body, []byte(hyphened(ch.Header.Scope)))
		if d.id < 0 || d.scope < 0 {
			return nil, errors.New("a record's JSON lacks its ids")
		}
		drafts[i] = d
	}
	return drafts, nil
}

func textIn(ops []syncproto.Op) string {
	for _, op := range ops {
		if text, _, ok := op.Value.AsLongText(); ok {
			return text
		}
	}
	return ""
}

// longer lengthens the long text by letters of another.
func longer(ops []syncproto.Op, more string) []syncproto.Op {
	out := append([]syncproto.Op(nil), ops...)
	for i := range out {
		if text, base, ok := out[i].Value.AsLongText(); ok {
			letters := []rune(more)
			out[i].Value = syncproto.LongText(text+" "+string(letters[:min(draftLetters, len(letters))]), base)
		}
	}
	return out
}

func hyphened(id [16]byte) string { return syncproto.RecordID(id).String() }

// made is a record that a device made before the clock starts, for edits.
type made struct {
	record syncproto.RecordID
	create syncproto.ChangeID
	draft  *draft
}

// work is what one device does: changes for the server, and the same records as
// rows for the bare loop.
type work struct {
	changes []*syncproto.Change
	rows    []bareRow
	made    []made
}

// create adds a new record.
func (p *pusher) create(w *work) error {
	d := &p.fleet.drafts[int(p.random.rng.Uint32())%len(p.fleet.drafts)]
	h := syncproto.Header{Verb: syncproto.VerbCreate, Form: d.form, Scope: p.scope}
	at := p.clock()
	p.random.Read(h.Record[:])
	binary.BigEndian.PutUint64(h.Record[:], uint64(at)<<16|0x7000|uint64(p.random.rng.Uint32()&0xfff))
	h.Record[8] = h.Record[8]&0x3f | 0x80
	ch, err := p.change(h, d.ops)
	if err != nil {
		return err
	}
	w.made = append(w.made, made{h.Record, ch.ID, d})
	p.add(w, ch, d)
	return nil
}

// edit adds an edit of a record as it was when it was made, whatever others did
// since: of its first text, which the rival has changed too, or of another.
func (p *pusher) edit(w *work, m made, scope syncproto.ScopeID, same bool) error {
	ops := []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: syncproto.FieldPresence, Value: syncproto.Bool(true), Names: []syncproto.ChangeID{m.create}}}
	for _, op := range m.draft.ops {
		text, base, long := op.Value.AsLongText()
		switch {
		case long && !same:
			op.Value = syncproto.LongText(text+" "+anotherTitle, base)
		case op.Value.Type == syncproto.TypeText && same:
			op.Value = syncproto.Text(anotherTitle + string(rune('۰'+p.number%10)))
		default:
			continue
		}
		op.Names = []syncproto.ChangeID{m.create}
		ops = append(ops, op)
	}
	ch, err := p.change(syncproto.Header{Verb: syncproto.VerbEdit, Record: m.record, Form: m.draft.form, Scope: scope, Base: m.create}, ops)
	if err != nil {
		return err
	}
	p.add(w, ch, m.draft)
	return nil
}

// clock is the time of the change that is made next: one a minute.
func (p *pusher) clock() int64 { return 1_780_000_000_000 + int64(p.seq)*60_000 }

func (p *pusher) change(h syncproto.Header, ops []syncproto.Op) (*syncproto.Change, error) {
	p.seq++
	h.OriginLog, h.OriginSeq, h.Author, h.Package, h.Role = p.cert.Log, p.seq, p.person, p.fleet.forms.Version, 10
	h.Time, h.Corrected, h.Uptime, h.Boot = p.clock(), true, p.seq*60_000, 3
	var secret [16]byte
	p.random.Read(secret[:])
	ch, err := wire.NewChange(h, secret, ops)
	if err != nil {
		return nil, fmt.Errorf("make a change: %w", err)
	}
	return ch, nil
}

// add keeps a change and the row that the bare loop writes in its place.
func (p *pusher) add(w *work, ch *syncproto.Change, d *draft) {
	h := &ch.Header
	body := bytes.Clone(d.json)
	copy(body[d.id:], h.Record.String())
	copy(body[d.scope:], hyphened(h.Scope))
	w.changes = append(w.changes, ch)
	w.rows = append(w.rows, bareRow{record: h.Record, form: h.Form, scope: int64(p.number), device: int64(p.number), seq: int64(h.OriginSeq), time: h.Time, body: body})
}

// day adds n changes, of which one in editShare edits one of the records that
// were made before, each of those once; it returns those that are left.
func (p *pusher) day(w *work, n int, before []made) ([]made, error) {
	for i := range n {
		if i%editShare != editShare-1 || len(before) == 0 {
			if err := p.create(w); err != nil {
				return nil, err
			}
			continue
		}
		if err := p.edit(w, before[0], p.scope, len(before)%2 == 0); err != nil {
			return nil, err
		}
		before = before[1:]
	}
	return before, nil
}

// seal signs changes in batches of n.
func (p *pusher) seal(changes []*syncproto.Change, n int) ([]push, error) {
	var out []push
	for len(changes) > 0 {
		some := changes[:min(n, len(changes))]
		first := some[0].Header.OriginSeq
		b, took, err := p.sealer.Seal(first, p.head, some, 0)
		if err != nil {
			return nil, err
		}
		for _, ch := range some[:took] {
			p.head = syncproto.ChainNext(p.head, ch.HeaderBytes)
		}
		out = append(out, push{b, first + uint64(took) - 1, took})
		changes = changes[took:]
	}
	return out, nil
}
