package wire

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"math/rand"
	"reflect"
	"strconv"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/prototest/corpus"
)

// wrong marks a vector that must be refused; its class is filled in.
const wrong = "?"

type vectorMaker struct {
	t     *testing.T
	r     *rand.Rand
	codec *Codec
	out   map[string][]vector
}

func (m *vectorMaker) add(kind, name string, b []byte, with map[string]string) {
	m.out[kind] = append(m.out[kind], vector{Name: name, Hex: hex.EncodeToString(b), With: with})
}

func (m *vectorMaker) bad(kind, name string, b []byte, with map[string]string) {
	m.out[kind] = append(m.out[kind], vector{Name: name, Hex: hex.EncodeToString(b), With: with, Error: wrong})
}

func makeVectors(t *testing.T) map[string][]vector {
	m := &vectorMaker{t: t, r: rand.New(rand.NewSource(20)), codec: newCodec(t), out: map[string][]vector{}}
	m.values()
	m.headers()
	m.operations()
	m.changes()
	m.identities()
	m.records()
	m.documents()
	m.batches()
	m.messages()
	return m.out
}

// seq16 returns sixteen bytes that are easy to see.
func seq16(first byte) (id [16]byte) {
	for i := range id {
		id[i] = first + byte(i)
	}
	return id
}

func seq32(first byte) (h [32]byte) {
	for i := range h {
		h[i] = first + byte(i)
	}
	return h
}

func (m *vectorMaker) values() {
	for _, v := range []struct {
		name string
		v    syncproto.Value
	}{
		{"none", syncproto.None()}, {"no", syncproto.Bool(false)}, {"yes", syncproto.Bool(true)},
		{"int zero", syncproto.Int(0)}, {"int -1", syncproto.Int(-1)}, {"int greatest", syncproto.Int(1<<63 - 1)}, {"int least", syncproto.Int(-1 << 63)},
		{"date 2026-03-21", syncproto.Date(20533)}, {"date before 1970", syncproto.Date(-1)},
		{"money", syncproto.Money(12_500_000)}, {"year 1405", syncproto.Year(1405)},
		{"reference", syncproto.Ref(seq16(1))}, {"scope", syncproto.Scope(seq16(0x40))},
		{"text", syncproto.Text("محله‌ی ما")}, {"text empty", syncproto.Text("")}, {"code", syncproto.Code("community")},
		{"decimal 12.50", syncproto.Decimal(1250, 2)}, {"decimal negative", syncproto.Decimal(-5, 0)},
		{"point", syncproto.At(syncproto.Point{LatE7: 372_808_123, LonE7: 495_832_456, AccuracyDM: 45})},
		{"point south west", syncproto.At(syncproto.Point{LatE7: -1, LonE7: -1})},
		{"polygon", syncproto.Polygon([]syncproto.Point{{LatE7: 372_808_000, LonE7: 495_832_000}, {LatE7: 372_809_000, LonE7: 495_832_000}, {LatE7: 372_809_000, LonE7: 495_833_000}})},
		{"polygon empty", syncproto.Polygon(nil)},
		{"long text", syncproto.LongText("کوچه تاریک است و چراغ ندارد", "کوچه تاریک است")}, {"long text without base", syncproto.LongText("روشن", "")},
		{"attachment", syncproto.Attachment(48_213, "image/jpeg", seq32(0x80))},
		{"transition", syncproto.Transition("collecting", "submitted")}, {"place", syncproto.Place("a0V")},
		{"number of a newer release", syncproto.RawVarint(40<<2|syncproto.ClassVarint, 300)},
		{"id of a newer release", syncproto.RawFixed(41<<2|syncproto.ClassFixed, seq16(9))},
		{"bytes of a newer release", syncproto.RawBytes(42<<2|syncproto.ClassBytes, "\x00\xff")},
		{"nothing of a newer release", syncproto.Value{Type: 43<<2 | syncproto.ClassNone}},
	} {
		m.add("values", v.name, AppendValue(nil, v.v), nil)
	}
	b := byte(syncproto.TypeInt)
	m.bad("values", "empty", nil, nil)
	m.bad("values", "number not minimal", []byte{b, 0x80, 0}, nil)
	m.bad("values", "number over 64 bits", []byte{b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}, nil)
	m.bad("values", "number cut", []byte{b, 0x80}, nil)
	m.bad("values", "bytes after the end", []byte{byte(syncproto.TypeTrue), 0}, nil)
	m.bad("values", "text cut", []byte{byte(syncproto.TypeText), 5, 'a'}, nil)
	m.bad("values", "text over the limit", []byte{byte(syncproto.TypeText), 0xff, 0xff, 0xff, 0x7f}, nil)
	m.bad("values", "date over 32 bits", AppendValue(nil, syncproto.RawVarint(syncproto.TypeDate, 1<<40)), nil)
	m.bad("values", "decimal with 19 places", AppendValue(nil, syncproto.RawBytes(syncproto.TypeDecimal, "\x13\x02")), nil)
	m.bad("values", "point with bytes after", AppendValue(nil, syncproto.RawBytes(syncproto.TypePoint, "\x02\x02\x00\x00")), nil)
	m.bad("values", "attachment with a short root", AppendValue(nil, syncproto.RawBytes(syncproto.TypeAttachment, "\x01\x00abc")), nil)
	m.bad("values", "long text shorter than it says", AppendValue(nil, syncproto.RawBytes(syncproto.TypeLongText, "\x05ab")), nil)
}

// exampleHeader is the header of the worked example in FORMAT.md.
func exampleHeader() syncproto.Header {
	return syncproto.Header{Verb: syncproto.VerbEdit, Record: seq16(0x10), Form: 12, Package: 1, Scope: seq16(0x30), OriginLog: seq16(0x50), OriginSeq: 7,
		Base: seq16(0x70), Parent: seq16(0x70), Author: seq16(0x90), Role: 1, Grants: 5, Time: 1_780_000_000_000, Corrected: true, Correction: -1500,
		Uptime: 3_600_000, Boot: 12}
}

func exampleOps() []syncproto.Op {
	names := []syncproto.ChangeID{seq16(0x70)}
	return []syncproto.Op{
		{Kind: syncproto.OpSet, Critical: true, Field: 0, Names: names, Value: syncproto.Bool(true)},
		{Kind: syncproto.OpSet, Critical: true, Field: 12, Names: names, Value: syncproto.Text("درمانگاه محله")},
		{Kind: syncproto.OpSetAdd, Critical: true, Field: 25, Value: syncproto.Code("partly")},
	}
}

func (m *vectorMaker) headers() {
	h := exampleHeader()
	h.Commitment = seq32(0xc0)
	good := AppendHeader(nil, &h)
	m.add("headers", "an edit", good, nil)
	create := syncproto.Header{Verb: syncproto.VerbCreate, Record: seq16(1), Form: 1, Scope: seq16(2), OriginLog: seq16(3), OriginSeq: 1, Author: seq16(4)}
	m.add("headers", "the least", AppendHeader(nil, &create), nil)
	for i := range 6 {
		h := randomHeader(m.r)
		h.Commitment = seq32(byte(i))
		m.add("headers", "random "+strconv.Itoa(i), AppendHeader(nil, &h), nil)
	}
	zero := create
	zero.Corrected = true
	m.add("headers", "clock correction zero is written", AppendHeader(nil, &zero), nil)

	m.bad("headers", "empty", nil, nil)
	m.bad("headers", "an unknown field zero", append(bytes.Clone(good), 0xa0, 0x01, 0), nil)
	m.bad("headers", "version 2", append([]byte{2}, good[1:]...), nil)
	m.bad("headers", "cut", good[:len(good)-1], nil)
	m.bad("headers", "a field twice", append(bytes.Clone(good), good[len(good)-34:]...), nil)
	m.bad("headers", "an empty number", append(bytes.Clone(good[:1]), 1<<3|critical, 0), nil)
	m.bad("headers", "a known field in another class", append([]byte{1}, 1<<3|critical|classID), nil)
	m.bad("headers", "required fields missing", []byte{1, 1<<3 | critical, 1}, nil)
	m.bad("headers", "verified 2", bytes.Replace(AppendHeader(nil, &syncproto.Header{Verb: 1, Record: seq16(1), Form: 1, Scope: seq16(2), OriginLog: seq16(3), OriginSeq: 1, Author: seq16(4), Verified: true}), []byte{12 << 3, 1}, []byte{12 << 3, 2}, 1), nil)
}

func (m *vectorMaker) operations() {
	log, seq := syncproto.LogID(seq16(0x50)), uint64(7)
	with := map[string]string{"log": log.String(), "seq": "7"}
	encode := func(ops []syncproto.Op) []byte {
		b, err := EncodeOps(log, seq, ops)
		if err != nil {
			m.t.Fatal(err)
		}
		return b
	}
	m.add("ops", "none", encode(nil), with)
	m.add("ops", "an edit", encode(exampleOps()), with)
	own0, own1 := syncproto.OwnItem(log, seq, 0), syncproto.OwnItem(log, seq, 1)
	m.add("ops", "own and other items", encode([]syncproto.Op{
		{Kind: syncproto.OpItemPut, Critical: true, Field: 30, Item: own0, Value: syncproto.Bool(true)},
		{Kind: syncproto.OpItemPlace, Critical: true, Field: 30, Item: own0, Sub: 1, Value: syncproto.Place("m")},
		{Kind: syncproto.OpSet, Critical: true, Field: 30, Item: own1, Sub: 31, Value: syncproto.Int(4)},
		{Kind: syncproto.OpSet, Critical: true, Field: 30, Item: seq16(0xa0), Sub: 31, Names: []syncproto.ChangeID{seq16(1), seq16(2)}, Value: syncproto.Int(5)},
	}), with)
	m.add("ops", "all kinds", encode([]syncproto.Op{
		{Kind: syncproto.OpSet, Field: 10, Value: syncproto.None()},
		{Kind: syncproto.OpSetAdd, Field: 11, Value: syncproto.Code("a")},
		{Kind: syncproto.OpSetRemove, Field: 11, Names: []syncproto.ChangeID{seq16(3)}, Value: syncproto.Code("b")},
		{Kind: syncproto.OpItemRemove, Field: 12, Item: seq16(9), Names: []syncproto.ChangeID{seq16(3)}, Value: syncproto.Bool(false)},
		{Kind: syncproto.OpIncrement, Field: 13, Value: syncproto.Int(-3)},
		{Kind: syncproto.OpText, Field: 14, Value: syncproto.LongText("ب", "الف")},
		{Kind: syncproto.OpAttachAdd, Field: 15, Item: own0, Value: syncproto.Attachment(1, "text/plain", seq32(1))},
		{Kind: syncproto.OpAttachRemove, Field: 15, Item: seq16(8), Value: syncproto.None()},
		{Kind: syncproto.OpTransition, Field: 16, Value: syncproto.Transition("a", "b")},
		{Kind: syncproto.OpMove, Field: 1, Names: []syncproto.ChangeID{seq16(3)}, Value: syncproto.Scope(seq16(4))},
		{Kind: 99, Critical: true, Field: 17, Value: syncproto.Int(1)},
	}), with)
	for i := range 6 {
		if b, err := EncodeOps(log, seq, randomOps(m.r, log, seq, []syncproto.ChangeID{seq16(1), seq16(2), seq16(3)})); err == nil {
			m.add("ops", "random "+strconv.Itoa(i), b, with)
		}
	}
	id := seq16(0xa0)
	m.bad("ops", "empty", nil, with)
	m.bad("ops", "bytes after the end", []byte{0, 0, 0}, with)
	m.bad("ops", "an unused table entry", append(append([]byte{1}, id[:]...), 0), with)
	m.bad("ops", "table out of order", append(append(append([]byte{2}, id[:]...), make([]byte, 16)...), 0), with)
	m.bad("ops", "a name outside the table", append(append([]byte{1}, id[:]...), 1, 5, 10, 1, 1, 11), with)
	m.bad("ops", "kind zero", []byte{0, 1, 0, 10, 0, 11}, with)
	m.bad("ops", "out of order", []byte{0, 2, 4, 11, 0, 11, 4, 10, 0, 11}, with)
	m.bad("ops", "the same twice", []byte{0, 2, 4, 10, 0, 11, 4, 10, 0, 11}, with)
	m.bad("ops", "own items with a gap", []byte{0, 1, 6, 10, 3, 0, 0, 11}, with)
	m.bad("ops", "an own item written as another's", append(append([]byte{1}, own0[:]...), 1, 6, 10, 0, 0, 0, 11), with)
	m.bad("ops", "more than there are bytes for", []byte{0, 0xff, 0x1f}, with)
}

func (m *vectorMaker) changes() {
	ch, err := NewChange(exampleHeader(), seq16(0xe0), exampleOps())
	if err != nil {
		m.t.Fatal(err)
	}
	good := AppendChange(nil, ch)
	m.add("changes", "an edit", good, nil)
	m.add("changes", "the same, redacted", AppendChange(nil, &syncproto.Change{HeaderBytes: ch.HeaderBytes}), nil)
	bad := bytes.Clone(good)
	bad[len(bad)-1] ^= 1
	m.bad("changes", "operations that are not those committed to", bad, nil)
	m.bad("changes", "secret without operations", good[:len(good)-len(ch.OpsBytes)], nil)
	m.bad("changes", "secret cut", good[:len(good)-len(ch.OpsBytes)-1], nil)
	m.bad("changes", "header cut", good[:20], nil)
	log := randomLog(m.t, m.r, seq16(0x50), 40)
	var headers []string
	for i, ch := range log {
		if _, err := DecodeChange(AppendChange(nil, ch)); err == nil {
			m.add("changes", "random "+strconv.Itoa(i), AppendChange(nil, ch), nil)
		}
		headers = append(headers, hex.EncodeToString(ch.HeaderBytes))
	}
	with := map[string]string{"log": syncproto.LogID(seq16(0x50)).String()}
	m.out["chain"] = append(m.out["chain"],
		vector{Name: "one entry", Hex: hex.EncodeToString(ch.HeaderBytes), With: with},
		vector{Name: "forty entries, some of which make no sense", Hex: headers[0], Then: headers[1:], With: with})
}

func (m *vectorMaker) identities() {
	log := syncproto.LogID(seq16(0x50)).String()
	for _, n := range []string{"0", "1", "4095"} {
		m.add("ids", "own item "+n, nil, map[string]string{"of": "own item", "log": log, "seq": "7", "n": n})
	}
	for _, c := range []string{"plain", "persons", "محرمانه"} {
		m.add("ids", "scope "+c, nil, map[string]string{"of": "scope", "place": log, "compartment": c})
	}
	k := seq32(1)
	m.add("ids", "device", k[:], map[string]string{"of": "device"})
	m.add("ids", "server", k[:], map[string]string{"of": "server"})
	m.add("ids", "change", AppendHeader(nil, ref(exampleHeader())), map[string]string{"of": "change"})

	for _, s := range []string{"", "plain", "سلام، دنیای «ما»", "۱۲۳ 123 ١٢٣", "می‌شود", "日本\xff"} {
		m.add("folds", strconv.Quote(s), m.codec.fold.fold(nil, s), nil)
	}
	m.add("folds", "all letters that fold", m.codec.fold.fold(nil, foldRunes), nil)
	m.bad("folds", "escape at the end", []byte{foldEscape}, nil)
	m.bad("folds", "a byte that stands for nothing", []byte{0xfe}, nil)
}

func ref[T any](v T) *T { return &v }

func (m *vectorMaker) records() {
	s := syncproto.NewRecordState(seq16(0x10))
	s.Form, s.Created, s.Home, s.Number, s.Latest = 12, seq16(0x60), seq16(0x30), 3, seq16(0x70)
	s.Versions[seq16(0x60)] = syncproto.VersionMeta{Author: seq16(0x90), Verb: syncproto.VerbCreate, Role: 1, Time: 1_780_000_000_000}
	s.Versions[seq16(0x70)] = syncproto.VersionMeta{Author: seq16(0x91), Verb: syncproto.VerbSettle, Role: 2, Verified: true, Time: 1_780_000_100_000}
	cell := func(k syncproto.CellKey, position uint64, c ...syncproto.Candidate) {
		s.Cells[k] = &syncproto.Cell{Candidates: c, Position: position}
	}
	cell(syncproto.CellKey{Field: 0}, 9, syncproto.Candidate{Version: seq16(0x70), Value: syncproto.Bool(true)})
	cell(syncproto.CellKey{Field: 12}, 9, syncproto.Candidate{Version: seq16(0x60), Value: syncproto.Text("درمانگاه")}, syncproto.Candidate{Version: seq16(0x70), Value: syncproto.Text("مدرسه")})
	cell(syncproto.CellKey{Field: 13, Element: syncproto.Code("women")}, 4, syncproto.Candidate{Version: seq16(0x60), Value: syncproto.Code("women")})
	cell(syncproto.CellKey{Field: 30, Item: seq16(0xa0), Sub: 31}, 4, syncproto.Candidate{Version: seq16(0x60), Value: syncproto.Int(4)})
	good := AppendRecord(nil, s, 0)
	m.add("records", "whole", good, nil)
	m.add("records", "what changed after position 5", AppendRecord(nil, s, 5), nil)
	erased := syncproto.NewRecordState(seq16(0x10))
	erased.Form, erased.Created, erased.Home, erased.Erased = 12, seq16(0x60), seq16(0x30), true
	m.add("records", "erased", AppendRecord(nil, erased, 0), nil)
	m.bad("records", "cut", good[:len(good)-1], nil)
	m.bad("records", "bytes after the end", append(bytes.Clone(good), 0), nil)
	m.bad("records", "unknown flags", append([]byte{16}, good[1:]...), nil)
	m.bad("records", "with bookkeeping", AppendStoredRecord(nil, s), nil)
}

// exampleCert is the certificate of the example's log, with the keys of the
// device and the log.
func exampleCert() (cert *LogCert, device, log ed25519.PrivateKey) {
	device, log = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)), ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	return SignLogCert(LogCert{Log: seq16(0x50), LogKey: publicOf(log), Serial: 1, Created: 1_780_000_000_000}, device), device, log
}

func (m *vectorMaker) documents() {
	cert, device, logKey := exampleCert()
	b := AppendLogCert(nil, cert)
	m.add("certificates", "a log's", b, nil)
	extra := SignLogCert(LogCert{Log: seq16(0x50), LogKey: publicOf(logKey), Serial: 2, Extra: []syncproto.ExtraField{{Key: 9<<3 | classVarint, Payload: "\x01"}}}, device)
	m.add("certificates", "with a field of a newer release", AppendLogCert(nil, extra), nil)
	tooNew := SignLogCert(LogCert{Log: seq16(0x50), LogKey: publicOf(logKey), Serial: 2, Extra: []syncproto.ExtraField{{Key: 9<<3 | critical | classVarint, Payload: "\x01"}}}, device)
	m.bad("certificates", "with a critical field of a newer release", AppendLogCert(nil, tooNew), nil)
	bad := bytes.Clone(b)
	bad[5] ^= 1
	m.bad("certificates", "of another log", bad, nil)
	m.bad("certificates", "version 2", append([]byte{2}, b[1:]...), nil)
	m.bad("certificates", "cut", b[:50], nil)
	m.bad("certificates", "without a serial", AppendLogCert(nil, SignLogCert(LogCert{Log: seq16(0x50), LogKey: publicOf(logKey)}, device)), nil)

	server := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	pub := publicOf(server)
	with := map[string]string{"receipt_key": hex.EncodeToString(pub[:])}
	make := func(ranges ...Range) *Receipt {
		r, err := SignReceipt(Receipt{Era: seq16(0x20), Log: seq16(0x50), Ranges: ranges, Chain: seq32(0x80), Time: 1_780_000_000_000}, server)
		if err != nil {
			m.t.Fatal(err)
		}
		return r
	}
	rb := AppendReceipt(nil, make(Range{1, 240}))
	m.add("receipts", "one range", rb, with)
	m.add("receipts", "three ranges", AppendReceipt(nil, make(Range{1, 5}, Range{7, 7}, Range{1000, 1 << 40})), with)
	other := publicOf(device)
	m.bad("receipts", "of another server", rb, map[string]string{"receipt_key": hex.EncodeToString(other[:])})
	forged := make(Range{1, 240})
	forged.Ranges = []Range{{1, 241}}
	m.bad("receipts", "forged", AppendReceipt(nil, forged), with)
	touching := make(Range{1, 240})
	touching.Ranges = []Range{{1, 5}, {6, 7}}
	m.bad("receipts", "ranges that touch", AppendReceipt(nil, touching), with)
	touching.Ranges = nil
	m.bad("receipts", "without a range", AppendReceipt(nil, touching), with)
	m.bad("receipts", "version 2", append([]byte{2}, rb[1:]...), with)

	keys := &ServerKeys{Noise: seq32(1), Receipt: pub, Recovery: seq32(0x41)}
	m.add("server_keys", "with a recovery key", AppendServerKeys(nil, keys), nil)
	keys.Recovery = [32]byte{}
	kb := AppendServerKeys(nil, keys)
	m.add("server_keys", "without", kb, nil)
	m.bad("server_keys", "a key missing", kb[:34], nil)
	m.bad("server_keys", "fields out of order", append([]byte{1}, append(bytes.Clone(kb[34:]), kb[1:34]...)...), nil)
}

func (m *vectorMaker) batches() {
	cert, _, logKey := exampleCert()
	log := cert.Log
	start := syncproto.ChainStart(log)
	seal := func(s *BatchSealer, first uint64, prev syncproto.Hash, changes []*syncproto.Change) []byte {
		b, n, err := s.Seal(first, prev, changes, 0)
		if err != nil || n != len(changes) {
			m.t.Fatal(n, err)
		}
		return b
	}
	bundle := func() *BatchSealer { return NewBatchSealer(m.codec, PurposeBundle, cert, logKey) }
	h := exampleHeader()
	h.OriginLog, h.OriginSeq = log, 1
	one, err := NewChange(h, seq16(0xe0), exampleOps())
	if err != nil {
		m.t.Fatal(err)
	}
	good := seal(bundle(), 1, start, []*syncproto.Change{one})
	m.add("batches", "one change, by itself", good, nil)
	changes := randomLog(m.t, m.r, log, 60)
	m.add("batches", "sixty changes, with all that can go wrong in them", seal(bundle(), 1, start, changes), nil)
	written, err := corpus.Creates(4, corpus.Measured(), 40, NewChange)
	if err != nil {
		m.t.Fatal(err)
	}
	for i, ch := range written {
		ch.Header.OriginLog, ch.Header.OriginSeq = log, uint64(i+1)
		if written[i], err = NewChange(ch.Header, ch.Secret, ch.Ops); err != nil {
			m.t.Fatal(err)
		}
	}
	learnt := seal(bundle(), 1, start, written)
	m.add("batches", "forty records as they are written", learnt, nil)
	m.add("batches", "more fields, codes and references than the model remembers", seal(bundle(), 1, start, crowded(m.t, log)), nil)
	m.add("batches", "from the middle of a log", seal(bundle(), 11, chainOver(start, changes[:10]), changes[10:20]), nil)
	s := NewBatchSealer(m.codec, PurposePush, cert, logKey)
	s.PeerKnowsCert()
	var session []string
	for i := 0; i < 40; i += 8 {
		session = append(session, hex.EncodeToString(seal(s, uint64(i+1), chainOver(start, changes[:i]), changes[i:i+8])))
	}
	m.out["batches"] = append(m.out["batches"], vector{Name: "a session whose Hello held the certificate", Hex: session[0], Then: session[1:],
		With: map[string]string{"certificate": hex.EncodeToString(AppendLogCert(nil, cert))}})
	bad := bytes.Clone(good)
	bad[len(bad)-1] ^= 1
	m.bad("batches", "signature changed", bad, nil)
	m.bad("batches", "cut", good[:len(good)-1], nil)
	m.bad("batches", "version 2", append([]byte{2}, good[1:]...), nil)
	m.bad("batches", "leans on what was not sent", raw(m.t, session[1]), nil)
	m.bad("batches", "certificate not sent", raw(m.t, session[0]), nil)
	m.bad("batches", "first change after a foreign chain", seal(bundle(), 1, syncproto.ChainStart(seq16(1)), changes[:1]), nil)
}

func (m *vectorMaker) messages() {
	for _, typ := range allTypes() {
		with := map[string]string{"type": strconv.Itoa(int(typ))}
		name := reflect.TypeOf(NewMessage(typ)).Elem().Name()
		m.add("messages", name+" empty", nil, with)
		for i := range 3 {
			msg := randomMessage(m.r, typ, i == 0)
			m.add("messages", name+" "+strconv.Itoa(i), AppendMessage(nil, msg), with)
			if i > 0 {
				continue
			}
			f, err := m.codec.AppendFrame(nil, msg)
			if err != nil {
				m.t.Fatal(err)
			}
			m.add("frames", name, f, nil)
		}
	}
	credit := map[string]string{"type": "4"}
	m.add("messages", "unknown field skipped", []byte{1 << 3, 7, 9<<3 | classBytes, 2, 1, 2}, credit)
	m.bad("messages", "unknown critical field", []byte{1 << 3, 7, 9<<3 | critical, 2}, credit)
	m.bad("messages", "fields out of order", []byte{2 << 3, 7, 1 << 3, 2}, credit)
	m.bad("messages", "number zero", []byte{1 << 3, 0}, credit)
	m.bad("messages", "number over 32 bits", []byte{1 << 3, 0xff, 0xff, 0xff, 0xff, 0x7f}, credit)
	m.bad("messages", "known field in another class", []byte{1<<3 | classBytes, 1, 1}, credit)
	m.bad("messages", "known field marked critical", []byte{1<<3 | critical, 1}, credit)
	m.bad("messages", "unknown type", nil, map[string]string{"type": "99"})
	m.bad("messages", "an empty list", []byte{2<<3 | classBytes, 1, 0}, map[string]string{"type": "7"})
	m.bad("messages", "text that is not UTF-8", []byte{2<<3 | classBytes, 1, 0xff}, map[string]string{"type": "10"})
	m.bad("messages", "buckets too short", []byte{3<<3 | classBytes, 1, 0xff}, map[string]string{"type": "5"})
	m.packedRecords()
	m.bad("frames", "empty", nil, nil)
	m.bad("frames", "unknown coding", []byte{4, 9, 1}, nil)
	z := append([]byte{byte(MsgBye)}, m.codec.compress(nil, AppendMessage(nil, &Bye{Text: "a text that is a text that is a text"}))...)
	m.bad("frames", "zstd cut", z[:len(z)-4], nil)
}

// packedRecords are frames whose records stand apart: of each message that has
// some, and all that a record can hold.
func (m *vectorMaker) packedRecords() {
	frame := func(name string, msg Message) []byte {
		f, err := m.codec.AppendFrame(nil, msg)
		if err != nil {
			m.t.Fatal(err)
		}
		if f[1] != codingAdaptive {
			m.t.Errorf("frame %s: its records are not packed", name)
		}
		m.add("frames", name, f, nil)
		return f
	}
	p := page(m.t, 30)
	good := frame("a page of records", p)
	c := &Caught{Era: seq16(1), Pages: []Page{{Scope: seq16(2), To: 3}, *p, {Scope: seq16(3), To: 9}}}
	for _, v := range m.out["records"] {
		if v.Error == "" {
			c.Pages[2].Records = append(c.Pages[2].Records, raw(m.t, v.Hex))
		}
	}
	c.Pages[2].Records = append(c.Pages[2].Records, strangeRecords(m.t, m.r, 12)...)
	frame("pages at the end of catching up, with all that a record can hold", c)
	frame("records that were asked for", &Records{Scope: seq16(2), Position: 7, Records: c.Pages[2].Records, Gone: []syncproto.RecordID{seq16(5)}})

	m.bad("frames", "packed records cut", good[:len(good)-9], nil)
	m.bad("frames", "bytes after packed records", append(bytes.Clone(good), 0, 0, 0, 0, 1), nil)
	m.bad("frames", "packed records in a message that has none", []byte{byte(MsgBye), codingAdaptive, 1, 0, 0}, nil)
	m.bad("frames", "more packed records than there are ids for", []byte{byte(MsgPage), codingAdaptive, 1, 0, 200, 1, 2, 1, 1}, nil)
}
