package wire

import (
	"crypto/ed25519"
	"math/rand"
	"slices"
	"strconv"
	"testing"

	"mahalleh/syncproto"
)

// These make valid things at random; every test prints its seed.

func randomID(r *rand.Rand) (id [16]byte) {
	r.Read(id[:])
	return id
}

// randomValue returns a value that passes Check, of a known type or, one time
// in ten, of one of a newer release.
func randomValue(r *rand.Rand) syncproto.Value {
	switch r.Intn(21) {
	case 0:
		return syncproto.None()
	case 1:
		return syncproto.Bool(r.Intn(2) == 0)
	case 2:
		return syncproto.Int(int64(r.Uint64()) >> r.Intn(64))
	case 3:
		return syncproto.Date(int32(r.Intn(40000) - 10000))
	case 4:
		return syncproto.Money(r.Int63n(1 << 40))
	case 5:
		return syncproto.Year(int32(1300 + r.Intn(200)))
	case 6:
		return syncproto.Ref(randomID(r))
	case 7:
		return syncproto.Scope(randomID(r))
	case 8, 9:
		return syncproto.Text(persianText(r, r.Intn(80)))
	case 10:
		return syncproto.Code("code_" + string(rune('a'+r.Intn(26))))
	case 11:
		return syncproto.Decimal(r.Int63n(1<<30)-1<<29, uint8(r.Intn(syncproto.MaxDecimalScale+1)))
	case 12:
		return syncproto.At(syncproto.Point{LatE7: int32(r.Uint32()), LonE7: int32(r.Uint32()), AccuracyDM: r.Uint32()})
	case 13:
		ring := make([]syncproto.Point, r.Intn(6))
		for i := range ring {
			ring[i] = syncproto.Point{LatE7: int32(r.Uint32()), LonE7: int32(r.Uint32())}
		}
		return syncproto.Polygon(ring)
	case 14, 15:
		base := persianText(r, r.Intn(40))
		switch r.Intn(3) {
		case 0:
			return syncproto.LongText(base+persianText(r, r.Intn(20)), base)
		case 1:
			return syncproto.LongText(string([]rune(base)[:len([]rune(base))/2])+"x"+base, base)
		}
		return syncproto.LongText(persianText(r, r.Intn(40)), "")
	case 16:
		return syncproto.Attachment(r.Uint64()>>r.Intn(60), "image/jpeg", syncproto.Hash(append(append([]byte{}, randomBytes(r, 31)...), 1)))
	case 17:
		return syncproto.Transition("from", persianText(r, r.Intn(5)))
	case 18:
		return syncproto.Place(string(randomBytes(r, r.Intn(9))))
	case 19:
		return syncproto.RawBytes(60<<2|syncproto.ClassBytes, string(randomBytes(r, r.Intn(40))))
	}
	return []syncproto.Value{syncproto.RawVarint(61<<2|syncproto.ClassVarint, r.Uint64()>>r.Intn(64)),
		syncproto.RawFixed(62<<2|syncproto.ClassFixed, randomID(r)), {Type: 63<<2 | syncproto.ClassNone}}[r.Intn(3)]
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	r.Read(b)
	return b
}

// randomOps returns operations of a change at this origin that name some of
// the versions.
func randomOps(r *rand.Rand, log syncproto.LogID, seq uint64, versions []syncproto.ChangeID) []syncproto.Op {
	n, own := r.Intn(8), r.Intn(3)
	var ops []syncproto.Op
	if r.Intn(2) == 0 {
		ops = append(ops, syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: 0, Value: syncproto.Bool(true)})
	}
	for i := range own {
		ops = append(ops, syncproto.Op{Kind: syncproto.OpItemPut, Critical: true, Field: 30, Item: syncproto.OwnItem(log, seq, i), Value: syncproto.Bool(true)})
	}
	for i := range n {
		op := syncproto.Op{Kind: syncproto.OpKind(1 + r.Intn(20)), Critical: r.Intn(4) > 0, Field: uint32(10 + 3*i + r.Intn(3)), Value: randomValue(r)}
		if r.Intn(4) == 0 {
			op.Field, op.Item, op.Sub = 30, randomID(r), uint32(r.Intn(300))
			if own > 0 && r.Intn(2) == 0 {
				op.Item = syncproto.OwnItem(log, seq, r.Intn(own))
				op.Sub = uint32(2 + i)
			}
		}
		if len(versions) > 0 {
			for range r.Intn(3) {
				op.Names = append(op.Names, versions[r.Intn(len(versions))])
			}
			op.Names = syncproto.SortIDs(op.Names)
		}
		ops = append(ops, op)
	}
	return ops
}

func randomHeader(r *rand.Rand) syncproto.Header {
	h := syncproto.Header{Verb: syncproto.Verb(1 + r.Intn(9)), Record: randomID(r), Form: 1 + r.Uint32()>>r.Intn(32), Package: uint32(r.Intn(3)),
		Scope: randomID(r), OriginLog: randomID(r), OriginSeq: 1 + r.Uint64()>>(2+r.Intn(60)), Author: randomID(r),
		Role: uint8(r.Intn(256)), Verified: r.Intn(2) == 0, Grants: r.Uint64() >> (1 + r.Intn(63)), Time: int64(r.Uint64()) >> (4 + r.Intn(58)),
		Uptime: r.Uint64() >> (1 + r.Intn(63)), Boot: uint64(r.Intn(4))}
	if r.Intn(2) == 0 {
		h.Corrected, h.Correction = true, int64(r.Uint64())>>(4+r.Intn(60))
	}
	if r.Intn(2) == 0 {
		h.Base, h.Parent = randomID(r), randomID(r)
	}
	if r.Intn(4) == 0 {
		h.Group = randomID(r)
	}
	if r.Intn(4) == 0 {
		h.Extra = []syncproto.ExtraField{{Key: 20<<3 | classVarint, Payload: "\x05"}, {Key: 21<<3 | critical | classBytes, Payload: "\x02hi"},
			{Key: 900<<3 | classID, Payload: string(randomBytes(r, 16))}, {Key: 901<<3 | classHash, Payload: string(randomBytes(r, 32))}}
	}
	return h
}

// randomLog returns n changes as one log's, seldom ordinary: foreign origins,
// redacted ones, content of newer releases, and some that make no sense.
func randomLog(t testing.TB, r *rand.Rand, log syncproto.LogID, n int) []*syncproto.Change {
	t.Helper()
	authors := []syncproto.PersonID{randomID(r), randomID(r)}
	scopes := []syncproto.ScopeID{randomID(r), randomID(r), randomID(r)}
	records := []syncproto.RecordID{randomID(r)}
	var versions []syncproto.ChangeID
	var out []*syncproto.Change
	for i := range n {
		h := randomHeader(r)
		h.Author, h.Scope = authors[r.Intn(2)], scopes[r.Intn(3)]
		if r.Intn(4) > 0 {
			h.OriginLog, h.OriginSeq = log, uint64(i+1)
		}
		if r.Intn(3) > 0 {
			h.Record = records[r.Intn(len(records))]
		}
		records = append(records, h.Record)
		if len(versions) > 0 && r.Intn(2) == 0 {
			h.Base, h.Parent = versions[r.Intn(len(versions))], versions[r.Intn(len(versions))]
		}
		ops := randomOps(r, h.OriginLog, h.OriginSeq, append(versions, h.Base))
		if len(ops) > 0 && ops[0].Field == 0 && !h.Base.IsZero() && r.Intn(2) == 0 {
			ops[0].Names = []syncproto.ChangeID{h.Base}
		}
		ch, err := NewChange(h, randomID(r), ops)
		if err != nil {
			// Two like operations, a name of nothing: try another.
			ch, err = NewChange(h, randomID(r), nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		versions = append(versions, ch.ID)
		switch r.Intn(12) {
		case 0: // redacted
			ch = &syncproto.Change{ID: ch.ID, Header: ch.Header, HeaderBytes: ch.HeaderBytes}
		case 1: // operations that make no sense, committed to
			ch.OpsBytes = randomBytes(r, 1+r.Intn(30))
			ch.Header.Commitment = syncproto.Commit(ch.Secret, ch.OpsBytes)
			ch.HeaderBytes = AppendHeader(nil, &ch.Header)
		case 2: // operations other than those committed to
			ch.OpsBytes = append([]byte{}, ch.OpsBytes...)
			ch.Secret[0]++
		case 3: // a header that makes no sense
			ch.HeaderBytes = randomBytes(r, r.Intn(50))
		case 4: // and that is redacted
			ch.HeaderBytes, ch.OpsBytes = randomBytes(r, r.Intn(50)), nil
		}
		out = append(out, ch)
	}
	return out
}

func randomKey(r *rand.Rand) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(randomBytes(r, 32)) }

func publicOf(k ed25519.PrivateKey) [32]byte { return [32]byte(k.Public().(ed25519.PublicKey)) }

// randomCert returns a certificate and the key of its log.
func randomCert(r *rand.Rand) (*LogCert, ed25519.PrivateKey) {
	key := randomKey(r)
	return SignLogCert(LogCert{Log: randomID(r), LogKey: publicOf(key), Serial: 1 + uint64(r.Intn(9)), Created: 1_780_000_000_000 + r.Int63n(1<<30)}, randomKey(r)), key
}

func newCodec(t testing.TB) *Codec {
	t.Helper()
	c, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// strangeRecords are n records as pages carry them, with conflicts, items,
// elements, deltas and every type of value.
func strangeRecords(t testing.TB, r *rand.Rand, n int) (out [][]byte) {
	t.Helper()
	for i := range n {
		s := syncproto.NewRecordState(randomID(r))
		s.Form, s.Created, s.Home, s.Number = uint32(1+r.Intn(4)), randomID(r), randomID(r), uint64(r.Intn(300))
		versions := make([]syncproto.ChangeID, 1+r.Intn(3))
		author := syncproto.PersonID(randomID(r))
		for i := range versions {
			versions[i] = randomID(r)
			if r.Intn(3) == 0 {
				author = randomID(r)
			}
			s.Versions[versions[i]] = syncproto.VersionMeta{Author: author, Verb: syncproto.Verb(r.Intn(8)), Role: uint8(r.Intn(3)), Verified: r.Intn(2) == 0, Time: r.Int63n(1 << 42)}
		}
		s.Latest = versions[0]
		items := []syncproto.ItemID{randomID(r), randomID(r)}
		for range r.Intn(30) {
			k := syncproto.CellKey{Field: uint32(r.Intn(40))}
			if r.Intn(4) == 0 {
				k.Item, k.Sub = items[r.Intn(2)], uint32(r.Intn(4))
			}
			if r.Intn(4) == 0 {
				k.Element = randomValue(r)
			}
			c := &syncproto.Cell{Position: uint64(r.Intn(10))}
			for _, v := range syncproto.SortIDs(slices.Clone(versions[:1+r.Intn(len(versions))])) {
				c.Candidates = append(c.Candidates, syncproto.Candidate{Version: v, Value: randomValue(r)})
			}
			s.Cells[k] = c
		}
		b := AppendRecord(nil, s, uint64(i%3))
		if _, _, err := DecodeRecord(b); err != nil {
			t.Fatalf("a random record: %v", err)
		}
		out = append(out, b)
	}
	return out
}

// crowded are changes with more fields, codes of one field and references of
// another than the model that learns remembers, each of them twice.
func crowded(t testing.TB, log syncproto.LogID) (out []*syncproto.Change) {
	t.Helper()
	id := func(kind byte, n int) (id [16]byte) {
		id[0], id[1], id[2] = kind, byte(n>>8), byte(n)
		return id
	}
	const rounds = 60
	for i := range rounds {
		n := i % (rounds / 2)
		var ops []syncproto.Op
		set := func(field int, v syncproto.Value) {
			ops = append(ops, syncproto.Op{Kind: syncproto.OpSet, Critical: true, Field: uint32(field), Value: v})
		}
		for k := range 10 {
			ops = append(ops, syncproto.Op{Kind: syncproto.OpSetAdd, Critical: true, Field: 10, Value: syncproto.Code("c" + strconv.Itoa(10*n+k))})
		}
		for k := range 2 {
			ops = append(ops, syncproto.Op{Kind: syncproto.OpSetAdd, Critical: true, Field: 11, Value: syncproto.Ref(id(2, 2*n+k))})
		}
		for k := range 10 {
			set(100+10*n+k, []syncproto.Value{syncproto.Int(int64(k)), syncproto.Date(int32(20000 + i)), syncproto.Code("yes"),
				syncproto.At(syncproto.Point{LatE7: int32(i), LonE7: int32(k)})}[k%4])
		}
		h := syncproto.Header{Verb: syncproto.VerbEdit, Record: id(3, i), Form: 12, Scope: seq16(0x30), OriginLog: log, OriginSeq: uint64(i + 1),
			Author: seq16(0x90), Time: 1_780_000_000_000 + int64(i)}
		ch, err := NewChange(h, id(4, i), ops)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, ch)
	}
	return out
}
