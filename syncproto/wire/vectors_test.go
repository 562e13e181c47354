package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mahalleh/syncproto"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vector is one line of a file in testdata, for a reader in any language:
// the bytes, what is needed beside them, and what they say or how they are wrong.
type vector struct {
	Name string `json:"name"`
	// With is what the bytes do not hold: log and sequence of operations, the
	// type of a message, the parts that a hash is made of.
	With map[string]string `json:"with,omitempty"`
	// Hex are the bytes; a second batch of a session follows its first.
	Hex     string   `json:"hex"`
	Then    []string `json:"then,omitempty"`
	Decoded any      `json:"decoded,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// kinds say how each kind of bytes is read.
func kinds(t *testing.T) map[string]func(v vector) (any, error) {
	codec := newCodec(t)
	id := func(v vector, key string) [16]byte {
		got, err := syncproto.ParseID(v.With[key])
		if err != nil {
			t.Fatalf("%s: %s: %v", v.Name, key, err)
		}
		return got
	}
	num := func(v vector, key string) uint64 {
		n, err := strconv.ParseUint(v.With[key], 10, 64)
		if err != nil {
			t.Fatalf("%s: %s: %v", v.Name, key, err)
		}
		return n
	}
	return map[string]func(v vector) (any, error){
		"values": func(v vector) (any, error) {
			c := &cursor{buf: raw(t, v.Hex)}
			val := c.value("value")
			return val, c.end("value")
		},
		"headers": func(v vector) (any, error) { h, err := DecodeHeader(raw(t, v.Hex)); return h, err },
		"ops": func(v vector) (any, error) {
			return DecodeOps(id(v, "log"), num(v, "seq"), raw(t, v.Hex))
		},
		"changes": func(v vector) (any, error) {
			ch, err := DecodeChange(raw(t, v.Hex))
			if err != nil {
				return nil, err
			}
			return map[string]any{"id": ch.ID, "header": ch.Header, "secret": ch.Secret[:], "redacted": ch.Redacted(), "ops": ch.Ops}, nil
		},
		"chain": func(v vector) (any, error) {
			h := syncproto.ChainStart(id(v, "log"))
			out := []syncproto.Hash{h}
			for _, header := range append([]string{v.Hex}, v.Then...) {
				h = syncproto.ChainNext(h, raw(t, header))
				out = append(out, h)
			}
			return out, nil
		},
		"ids": func(v vector) (any, error) {
			switch v.With["of"] {
			case "own item":
				return syncproto.OwnItem(id(v, "log"), num(v, "seq"), int(num(v, "n"))), nil
			case "scope":
				return syncproto.ScopeOf(id(v, "place"), v.With["compartment"]), nil
			case "device":
				return DeviceOf([32]byte(raw(t, v.Hex))), nil
			case "server":
				return ServerOf([32]byte(raw(t, v.Hex))), nil
			case "change":
				return syncproto.IDOf(raw(t, v.Hex)), nil
			}
			return nil, fmt.Errorf("id of %q", v.With["of"])
		},
		"records": func(v vector) (any, error) {
			s, delta, err := DecodeRecord(raw(t, v.Hex))
			if err != nil {
				return nil, err
			}
			return recordView(s, delta), nil
		},
		"certificates": func(v vector) (any, error) {
			c, err := DecodeLogCert(raw(t, v.Hex))
			if err != nil {
				return nil, err
			}
			m := plain(reflect.ValueOf(*c)).(map[string]any)
			m["device"], m["ref"] = plain(reflect.ValueOf(c.Device())), hex.EncodeToString(refBytes(raw(t, v.Hex)))
			return m, nil
		},
		"receipts": func(v vector) (any, error) {
			r, err := DecodeReceipt(raw(t, v.Hex))
			if err == nil {
				err = r.Verify([32]byte(raw(t, v.With["receipt_key"])))
			}
			if err != nil {
				return nil, err
			}
			m := plain(reflect.ValueOf(*r)).(map[string]any)
			m["code"] = r.Code()
			return m, nil
		},
		"server_keys": func(v vector) (any, error) {
			k, err := DecodeServerKeys(raw(t, v.Hex))
			if err != nil {
				return nil, err
			}
			m := plain(reflect.ValueOf(*k)).(map[string]any)
			m["fingerprint"] = plain(reflect.ValueOf(k.Fingerprint()))
			return m, nil
		},
		"folds": func(v vector) (any, error) {
			b, err := codec.fold.unfold(raw(t, v.Hex), syncproto.MaxChange)
			if err != nil {
				return nil, err
			}
			return map[string]any{"bytes": b, "text": string(b)}, nil
		},
		"batches": func(v vector) (any, error) {
			o := NewBatchOpener(codec)
			if c := v.With["certificate"]; c != "" {
				cert, err := DecodeLogCert(raw(t, c))
				if err != nil {
					t.Fatalf("%s: %v", v.Name, err)
				}
				o.LearnCert(cert)
			}
			var out []any
			for _, h := range append([]string{v.Hex}, v.Then...) {
				b, err := o.Open(raw(t, h))
				if err != nil {
					return nil, err
				}
				out = append(out, batchView(b))
			}
			return out, nil
		},
		"messages": func(v vector) (any, error) {
			m, err := DecodeMessage(MsgType(num(v, "type")), raw(t, v.Hex))
			return m, err
		},
		"frames": func(v vector) (any, error) {
			m, err := codec.DecodeFrame(raw(t, v.Hex))
			if err != nil {
				return nil, err
			}
			return map[string]any{"type": m.Type(), "message": m}, nil
		},
	}
}

func refBytes(b []byte) []byte { r := refOf(b); return r[:] }

func batchView(b *Batch) any {
	var changes []any
	for i := range b.Entries {
		e := &b.Entries[i]
		m := map[string]any{"seq": e.Seq, "header": e.Header, "redacted": e.Ops == nil, "id": e.ID()}
		if e.Ops != nil {
			m["secret"], m["ops"] = e.Secret[:], e.Ops
		}
		if _, err := e.Open(); err != nil {
			m["error"] = errorClass(err)
		}
		changes = append(changes, m)
	}
	return map[string]any{"purpose": b.Purpose, "log": b.Cert.Log, "first": b.First, "prev": b.Prev, "last": b.Last, "changes": changes}
}

func recordView(s *syncproto.RecordState, delta bool) any {
	var cells []any
	for _, k := range s.Keys() {
		m := plain(reflect.ValueOf(k)).(map[string]any)
		if k.Element == (syncproto.Value{}) {
			delete(m, "element")
		}
		m["candidates"] = s.Cells[k].Candidates
		cells = append(cells, m)
	}
	var versions []any
	for _, v := range sortedVersions(s) {
		m := plain(reflect.ValueOf(s.Versions[v])).(map[string]any)
		m["version"] = v
		versions = append(versions, m)
	}
	view := map[string]any{"record": s.Record, "form": s.Form, "created": s.Created, "home": s.Home, "number": s.Number,
		"latest": s.Latest, "erased": s.Erased, "delta": delta, "cells": cells, "versions": versions}
	if !delta {
		h := StateHash(s)
		view["state_hash"] = h[:]
	}
	return view
}

func sortedVersions(s *syncproto.RecordState) []syncproto.ChangeID {
	var ids []syncproto.ChangeID
	for v := range s.Versions {
		ids = append(ids, v)
	}
	return syncproto.SortIDs(ids)
}

// errorClass names the sentinel that an error wraps.
func errorClass(err error) string {
	for _, c := range []struct {
		name string
		err  error
	}{{"truncated", ErrTruncated}, {"not canonical", ErrNotCanonical}, {"too large", ErrTooLarge}, {"too new", ErrTooNew},
		{"malformed", ErrMalformed}, {"spoilt", ErrSpoilt}, {"signature", ErrSignature}, {"chain", ErrChain}, {"unknown ref", ErrUnknownRef},
		{"unknown dictionary", ErrUnknownDictionary}, {"unknown message", ErrUnknownMessage}} {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	return "other: " + err.Error()
}

// plain turns what was decoded into maps, lists, texts and numbers: bytes in
// hexadecimal, numbers of 64 bits as texts, names in snake case.
func plain(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	switch x := v.Interface().(type) {
	case syncproto.Value:
		return valueView(x)
	case syncproto.ExtraField:
		return map[string]any{"key": strconv.FormatUint(x.Key, 10), "payload": hex.EncodeToString([]byte(x.Payload))}
	case []byte:
		return hex.EncodeToString(x)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return plain(v.Elem())
	case reflect.Struct:
		m := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				m[snake(f.Name)] = plain(v.Field(i))
			}
		}
		return m
	case reflect.Map:
		m := map[string]any{}
		for _, k := range v.MapKeys() {
			m[k.String()] = plain(v.MapIndex(k))
		}
		return m
	case reflect.Array:
		b := make([]byte, v.Len())
		for i := range b {
			b[i] = byte(v.Index(i).Uint())
		}
		return hex.EncodeToString(b)
	case reflect.Slice:
		out := []any{}
		for i := range v.Len() {
			out = append(out, plain(v.Index(i)))
		}
		return out
	case reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int(v.Uint())
	case reflect.Int:
		return int(v.Int())
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	}
	return fmt.Sprint(v.Interface())
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) {
			if i > 0 && !unicode.IsUpper(rune(name[i-1])) {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func valueView(v syncproto.Value) any {
	m := map[string]any{"type": uint8(v.Type)}
	id := v.ID()
	switch v.Type.Class() {
	case syncproto.ClassVarint:
		m["number"] = strconv.FormatUint(v.Num(), 10)
	case syncproto.ClassFixed:
		m["id"] = hex.EncodeToString(id[:])
	case syncproto.ClassBytes:
		m["payload"] = hex.EncodeToString([]byte(v.Bytes()))
	}
	if n, ok := v.AsInt(); ok {
		m["value"] = strconv.FormatInt(n, 10)
	}
	if s, ok := v.AsText(); ok && utf8.ValidString(s) {
		m["text"] = s
	}
	if b, ok := v.AsBool(); ok {
		m["value"] = b
	}
	if text, base, ok := v.AsLongText(); ok {
		m["text"], m["base"] = text, base
	}
	if from, to, ok := v.AsTransition(); ok {
		m["from"], m["to"] = from, to
	}
	if n, scale, ok := v.AsDecimal(); ok {
		m["mantissa"], m["scale"] = strconv.FormatInt(n, 10), scale
	}
	if p, ok := v.AsPoint(); ok {
		m["point"] = []int{int(p.LatE7), int(p.LonE7), int(p.AccuracyDM)}
	}
	if ring, ok := v.AsPolygon(); ok {
		out := []any{}
		for _, p := range ring {
			out = append(out, []int{int(p.LatE7), int(p.LonE7)})
		}
		m["ring"] = out
	}
	if size, media, root, ok := v.AsAttachment(); ok {
		m["size"], m["media_type"], m["root"] = strconv.FormatUint(size, 10), media, hex.EncodeToString(root[:])
	}
	return m
}

func raw(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// asJSON gives a value the form that it has once read from a file.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(plain(reflect.ValueOf(v)))
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestVectors(t *testing.T) {
	made := map[string][]vector{}
	if *update {
		made = makeVectors(t)
	}
	for kind, read := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join("testdata", kind+".json")
			if *update {
				writeVectors(t, path, made[kind], read)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var vectors []vector
			if err := json.Unmarshal(b, &vectors); err != nil {
				t.Fatal(err)
			}
			if len(vectors) < 2 {
				t.Fatalf("got %d vectors, want more", len(vectors))
			}
			for _, v := range vectors {
				got, err := read(v)
				if v.Error != "" || err != nil {
					if err == nil || errorClass(err) != v.Error {
						t.Errorf("%s: got error %v, want %q", v.Name, err, v.Error)
					}
					continue
				}
				if !reflect.DeepEqual(asJSON(t, got), v.Decoded) {
					t.Errorf("%s: got\n%v, want\n%v", v.Name, asJSON(t, got), v.Decoded)
				}
			}
		})
	}
}

// TestVectorsOfTheSecondDecoder reads the vectors that another reader of the
// document made of it. Which flaw is found first may differ; what is refused
// and what valid bytes say may not.
func TestVectorsOfTheSecondDecoder(t *testing.T) {
	b, err := os.ReadFile("../prototest/seconddecoder/testdata/more.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Of string
		vector
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 100 {
		t.Fatalf("got %d vectors, want more", len(vectors))
	}
	read := kinds(t)
	for _, v := range vectors {
		got, err := read[strings.TrimSuffix(v.Of, ".json")](v.vector)
		switch {
		case v.Error != "" && err == nil:
			t.Errorf("%s: %s: accepted, want %q", v.Of, v.Name, v.Error)
		case v.Error == "" && err != nil:
			t.Errorf("%s: %s: %v", v.Of, v.Name, err)
		case v.Error == "" && !reflect.DeepEqual(asJSON(t, got), v.Decoded):
			t.Errorf("%s: %s: got\n%v, want\n%v", v.Of, v.Name, asJSON(t, got), v.Decoded)
		}
	}
}

func writeVectors(t *testing.T, path string, vectors []vector, read func(vector) (any, error)) {
	t.Helper()
	for i := range vectors {
		v := &vectors[i]
		got, err := read(*v)
		if (err != nil) != (v.Error != "") {
			t.Errorf("%s: got error %v, want %q", v.Name, err, v.Error)
		}
		if err != nil {
			if v.Error = errorClass(err); strings.HasPrefix(v.Error, "other") {
				t.Errorf("%s: got error %v of no class", v.Name, err)
			}
			continue
		}
		v.Decoded = asJSON(t, got)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(vectors); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
