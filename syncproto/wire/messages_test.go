package wire

import (
	"bytes"
	"errors"
	"math/rand"
	"reflect"
	"testing"

	"mahalleh/syncproto"
)

// allTypes are the numbers of all messages.
func allTypes() []MsgType {
	var ts []MsgType
	for t := range 256 {
		if NewMessage(MsgType(t)) != nil {
			ts = append(ts, MsgType(t))
		}
	}
	return ts
}

// fill sets a value at random; a third of all fields stays zero, at depth 0
// none if whole.
func fill(r *rand.Rand, v reflect.Value, whole bool) {
	if !whole && r.Intn(3) == 0 {
		return
	}
	switch v.Interface().(type) {
	case syncproto.CellKey:
		k := syncproto.CellKey{Field: r.Uint32()}
		if r.Intn(2) == 0 {
			r.Read(k.Item[:])
			k.Sub = r.Uint32() >> 20
		}
		if r.Intn(2) == 0 {
			k.Element = syncproto.Code(persianText(r, 5))
		}
		v.Set(reflect.ValueOf(k))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i), whole)
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(r.Intn(255) + 1))
		}
	case reflect.Slice:
		n := r.Intn(4) + 1
		s := reflect.MakeSlice(v.Type(), n, n)
		for i := range n {
			if s.Index(i).Kind() == reflect.Uint8 {
				s.Index(i).SetUint(uint64(r.Intn(256)))
			} else {
				fill(r, s.Index(i), s.Index(i).Kind() == reflect.Slice || whole)
			}
		}
		v.Set(s)
	case reflect.String:
		v.SetString(persianText(r, 1+r.Intn(20)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> uint(64-v.Type().Bits()) >> r.Intn(v.Type().Bits()))
	case reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.Intn(60))
	}
}

// persianText returns n letters.
func persianText(r *rand.Rand, n int) string {
	letters := []rune("ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی \u200c۰۱۲a.")
	b := make([]rune, n)
	for i := range b {
		b[i] = letters[r.Intn(len(letters))]
	}
	return string(b)
}

// randomMessage returns a message of the type that a right peer could send.
func randomMessage(r *rand.Rand, t MsgType, whole bool) Message {
	m := NewMessage(t)
	fill(r, reflect.ValueOf(m).Elem(), whole)
	switch m := m.(type) {
	case *Enrol:
		if m.Proof != nil {
			m.Proof = make([]byte, 64)
			r.Read(m.Proof)
		}
	case *Compare:
		if m.Buckets != nil {
			m.Buckets = make([]byte, Buckets*16)
			r.Read(m.Buckets)
		}
	}
	return m
}

func TestMessagesComeBack(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	for _, typ := range allTypes() {
		for i := range 200 {
			m := randomMessage(r, typ, i == 0)
			b := AppendMessage(nil, m)
			got, err := DecodeMessage(typ, b)
			if err != nil {
				t.Fatalf("seed %d: type %d: %v\n%+v", seed, typ, err, m)
			}
			if !reflect.DeepEqual(got, m) {
				t.Fatalf("seed %d: type %d: got\n%+v, want\n%+v", seed, typ, got, m)
			}
			if again := AppendMessage(nil, got); !bytes.Equal(again, b) {
				t.Fatalf("seed %d: type %d: encoded again differently", seed, typ)
			}
		}
	}
}

func TestMessageOfANewerRelease(t *testing.T) {
	base := AppendMessage(nil, &Credit{Bytes: 7})
	tests := []struct {
		name string
		tail []byte
		want error
	}{
		{"unknown number", []byte{9<<3 | classVarint, 5}, nil},
		{"unknown bytes", []byte{9<<3 | classBytes, 2, 1, 2}, nil},
		{"unknown number, critical", []byte{9<<3 | critical | classVarint, 5}, ErrTooNew},
		{"cut", []byte{9<<3 | classBytes, 3, 1}, ErrTruncated},
		{"out of order", []byte{1<<3 | classVarint, 5}, ErrNotCanonical},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DecodeMessage(MsgCredit, append(bytes.Clone(base), tt.tail...))
			if !errors.Is(err, tt.want) {
				t.Fatalf("got error %v, want %v", err, tt.want)
			}
			if err == nil && got.(*Credit).Bytes != 7 {
				t.Errorf("got %+v, want Bytes 7", got)
			}
		})
	}
}
