package wire

import (
	"errors"
	"math/rand"
	"reflect"
	"testing"

	"mahalleh/syncproto"
)

// roundTrip writes a frame, and if it is written reads it: a writer never sends
// what a reader refuses, or reads otherwise.
func roundTrip(t *testing.T, codec *Codec, m Message) error {
	t.Helper()
	b, err := codec.AppendFrame(nil, m)
	if err != nil {
		return err
	}
	got, err := codec.DecodeFrame(b)
	if err != nil {
		t.Fatalf("type %d: written, but not read: %v", m.Type(), err)
	}
	if !reflect.DeepEqual(got, m) {
		t.Fatalf("type %d: got %+v, want %+v", m.Type(), got, m)
	}
	return nil
}

// cellRecord is a record of one cell whose key is this number, and whose item and
// sub-field follow.
func cellRecord(id byte, key uint64, rest ...uint64) []byte {
	s := syncproto.NewRecordState(seq16(id))
	b := AppendRecord(nil, s, 0)
	b = appendUvarint(b[:len(b)-1], 1)
	b = appendUvarint(b, key)
	for _, n := range rest {
		b = appendUvarint(b, n)
	}
	return append(b, 0)
}

// What the tape cannot carry travels as it is, and what is over a limit of the
// reader's stays at home.
func TestWhatAReaderRefusesDoesNotLeave(t *testing.T) {
	codec := newCodec(t)
	many := func(r []byte) (list [][]byte) {
		for range 9 {
			list = append(list, r)
		}
		return list
	}
	s := syncproto.NewRecordState(seq16(7))
	s.Form = 9
	form := AppendRecord(nil, s, 0)
	form = append(append(form[:17:17], 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), form[18:]...)
	for name, m := range map[string]Message{
		"a field of more than 32 bits":     &Page{Records: many(cellRecord(1, 1<<34))},
		"a sub-field of more than 32 bits": &Page{Records: many(cellRecord(2, 12<<2|1, 0, 1<<33))},
		"a form of more than 32 bits":      &Records{Records: many(form)},
		"the same in the pages of Caught":  &Caught{Pages: []Page{{Records: many(cellRecord(1, 1<<34))}}},
	} {
		if err := roundTrip(t, codec, m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	v := syncproto.ChangeID(seq16(8))
	s.Versions[v] = syncproto.VersionMeta{}
	s.Cells[syncproto.CellKey{Field: 12}] = &syncproto.Cell{Candidates: []syncproto.Candidate{{Version: v, Value: syncproto.Text(string(make([]byte, 250<<10)))}}}
	long := AppendRecord(nil, s, 0)
	half := &Page{Results: make([]syncproto.Result, MaxResults)}
	for range 15 {
		half.Records = append(half.Records, long)
	}
	for i := range half.Results {
		half.Results[i].Cells = make([]syncproto.CellResult, 30)
		for j := range half.Results[i].Cells {
			half.Results[i].Cells[j].Cell.Field = uint32(j + 200)
		}
	}
	for name, m := range map[string]Message{
		"records and the rest together": half,
		"too many results":              &Ack{Results: make([]syncproto.Result, MaxResults+1)},
		"a long name":                   &Hello{App: string(make([]byte, maxName+1))},
		"too many records":              &Page{Records: make([][]byte, MaxPageRecords+1)},
		"too many pages":                &Caught{Pages: make([]Page, MaxPages+1)},
	} {
		if err := roundTrip(t, codec, m); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %v, want %v", name, err, ErrTooLarge)
		}
	}
	for name, m := range map[string]Message{
		"a text that is not UTF-8": &Bye{Text: "\xff"},
		"an empty record":          &Page{Records: [][]byte{long, {}}},
		"a proof of another size":  &Enrol{Proof: []byte{1}},
	} {
		if err := roundTrip(t, codec, m); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want %v", name, err, ErrMalformed)
		}
	}
}

// wild breaks a message's limits at random: long lists and texts, bytes that are
// no text, records that are none.
func wild(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if r.Intn(2) == 0 {
				wild(r, v.Field(i))
			}
		}
	case reflect.String:
		v.SetString(string(randomBytes(r, r.Intn(6000))))
	case reflect.Slice:
		if r.Intn(2) == 0 && v.Len() > 0 {
			wild(r, v.Index(r.Intn(v.Len())))
			return
		}
		n := r.Intn([]int{3, 300, 20000}[r.Intn(3)])
		s := reflect.MakeSlice(v.Type(), n, n)
		for i := range n {
			if v.Len() > 0 {
				s.Index(i).Set(v.Index(i % v.Len()))
			}
		}
		v.Set(s)
	}
}

// torn changes a byte or two of some records.
func torn(r *rand.Rand, records [][]byte) {
	for i := range records {
		if r.Intn(3) != 0 || len(records[i]) == 0 {
			continue
		}
		records[i] = append([]byte(nil), records[i]...)
		for range 1 + r.Intn(2) {
			records[i][r.Intn(len(records[i]))] ^= byte(1 << r.Intn(8))
		}
		switch r.Intn(4) {
		case 0:
			records[i] = records[i][:r.Intn(len(records[i]))]
		case 1:
			records[i] = append(records[i], 0)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	codec := newCodec(t)
	const seed = 31
	r := rand.New(rand.NewSource(seed))
	written := 0
	for i := range 1500 {
		typ := allTypes()[i%len(allTypes())]
		m := randomMessage(r, typ, false)
		for _, l := range recordLists(m) {
			*l = strangeRecords(t, r, r.Intn(12))
			torn(r, *l)
		}
		if r.Intn(2) == 0 {
			wild(r, reflect.ValueOf(m).Elem())
		}
		b, err := codec.AppendFrame(nil, m)
		if err != nil {
			continue
		}
		written++
		got, err := codec.DecodeFrame(b)
		if err != nil {
			t.Fatalf("seed %d, message %d of type %d: written, but not read: %v", seed, i, typ, err)
		}
		// A list that is empty and one that is not there are the same.
		if want := AppendMessage(nil, m); string(AppendMessage(nil, got)) != string(want) {
			t.Fatalf("seed %d, message %d of type %d: got %+v, want %+v", seed, i, typ, got, m)
		}
	}
	if written < 500 {
		t.Errorf("seed %d: only %d messages could be written", seed, written)
	}
}

// FuzzSentRecords sends whatever is given as records; what leaves is read.
func FuzzSentRecords(f *testing.F) {
	codec := newCodec(f)
	for _, rec := range append(page(f, 4).Records, strangeRecords(f, rand.New(rand.NewSource(3)), 4)...) {
		f.Add(rec)
	}
	f.Add(cellRecord(1, 1<<34))
	seedFrom(f, "records")
	f.Fuzz(func(t *testing.T, rec []byte) {
		for _, records := range [][][]byte{{rec}, {rec, rec, rec, rec, rec, rec}} {
			_ = roundTrip(t, codec, &Page{Records: records})
		}
	})
}
