package seconddecoder

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// vector is one entry of a file of vectors.
type vector struct {
	Name    string            `json:"name"`
	With    map[string]string `json:"with"`
	Hex     string            `json:"hex"`
	Then    []string          `json:"then"`
	Decoded any               `json:"decoded"`
	Error   string            `json:"error"`
}

// unhex reads hexadecimal of a vector.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("vector: %v", err)
	}
	return b
}

func (v vector) id(t testing.TB, name string) id {
	t.Helper()
	b := unhex(t, v.With[name])
	if len(b) != len(id{}) {
		t.Fatalf("with.%s has %d bytes", name, len(b))
	}
	return id(b)
}

// outcome is what the second decoder makes of a vector: what it decodes to, and the bytes written again (nil where no one form is told).
type outcome struct {
	decoded any
	again   []byte
	more    map[string]int // kinds met, to be counted
}

// decoders are the readers by file of vectors; with says which keys of `with` they look at.
var decoders = map[string]struct {
	with   string
	decode func(testing.TB, *dictionaries, vector, []byte) (outcome, error)
}{
	"values.json": {"", func(_ testing.TB, _ *dictionaries, _ vector, b []byte) (outcome, error) {
		v, err := decodeValue(b)
		return outcome{decoded: v.json(), again: v.append(nil)}, err
	}},
	"headers.json": {"", func(_ testing.TB, _ *dictionaries, _ vector, b []byte) (outcome, error) {
		h, err := decodeHeader(b)
		return outcome{decoded: h.json(), again: h.encode()}, err
	}},
	"ops.json": {"log seq", func(t testing.TB, _ *dictionaries, v vector, b []byte) (outcome, error) {
		ops, err := decodeOps(b, v.id(t, "log"), numberOf(v.With["seq"]))
		return outcome{decoded: opsJSON(ops), again: encodeOps(ops)}, err
	}},
	"changes.json": {"", func(_ testing.TB, _ *dictionaries, _ vector, b []byte) (outcome, error) {
		c, err := decodeChange(b)
		if err != nil {
			return outcome{}, err
		}
		return outcome{decoded: c.json(), again: c.encode(), more: map[string]int{fmt.Sprintf("redacted %v", c.redacted): 1}}, nil
	}},
	"ids.json":          {"log seq n of place compartment", decodeIDs},
	"chain.json":        {"log", decodeChain},
	"folds.json":        {"", decodeFold},
	"certificates.json": {"", decodeCertificateVector},
	"receipts.json": {"receipt_key", func(t testing.TB, _ *dictionaries, v vector, b []byte) (outcome, error) {
		c, err := decodeReceipt(b, unhex(t, v.With["receipt_key"]))
		if err != nil {
			return outcome{}, err
		}
		if got := encodeRanges(c.ranges); !bytes.Equal(got, c.fields[3].data) {
			t.Errorf("%s: ranges again %x, want %x", v.Name, got, c.fields[3].data)
		}
		if got, want := serverID(unhex(t, v.With["receipt_key"])), c.server; got != want {
			t.Errorf("%s: server id of the key %s, want %s", v.Name, got, want)
		}
		return outcome{decoded: c.json(), again: c.document.encode()}, nil
	}},
	"server_keys.json": {"", func(_ testing.TB, _ *dictionaries, _ vector, b []byte) (outcome, error) {
		k, err := decodeServerKeys(b)
		return outcome{decoded: k.json(), again: k.document.encode()}, err
	}},
	"records.json": {"", func(_ testing.TB, _ *dictionaries, _ vector, b []byte) (outcome, error) {
		c, err := decodeRecord(b)
		return outcome{decoded: c.json(), again: c.encode(), more: map[string]int{fmt.Sprintf("flags %d", c.flags): 1}}, err
	}},
	"batches.json":  {"certificate", decodeBatches},
	"messages.json": {"type", decodeMessageVector},
	"frames.json":   {"", decodeFrameVector},
}

func decodeIDs(t testing.TB, _ *dictionaries, v vector, b []byte) (outcome, error) {
	var got id
	of := v.With["of"]
	switch of {
	case "own item":
		got = ownItem(v.id(t, "log"), numberOf(v.With["seq"]), uint32(numberOf(v.With["n"])))
	case "scope":
		place := v.id(t, "place")
		got = shortHash([]byte("mahalleh scope 1\n"), place[:], []byte(v.With["compartment"]))
	case "device":
		got = deviceID(b)
	case "server":
		got = serverID(b)
	case "change":
		got = changeID(b)
	default:
		t.Errorf("%s: an id of %q is not covered", v.Name, of)
	}
	return outcome{decoded: got.String(), more: map[string]int{"of " + of: 1}}, nil
}

func decodeChain(t testing.TB, _ *dictionaries, v vector, b []byte) (outcome, error) {
	h := chainStart(v.id(t, "log"))
	out := []hash{h}
	for _, header := range append([][]byte{b}, v.then(t)...) {
		h = chainNext(h, header)
		out = append(out, h)
	}
	return outcome{decoded: hexList(out)}, nil
}

func (v vector) then(t testing.TB) [][]byte {
	t.Helper()
	var out [][]byte
	for _, s := range v.Then {
		out = append(out, unhex(t, s))
	}
	return out
}

func decodeFold(_ testing.TB, _ *dictionaries, _ vector, b []byte) (outcome, error) {
	text, err := unfold(b)
	return outcome{decoded: map[string]any{"bytes": hex.EncodeToString(text), "text": string(text)}, again: fold(text)}, err
}

func decodeCertificateVector(_ testing.TB, _ *dictionaries, _ vector, b []byte) (outcome, error) {
	c, err := decodeCertificate(b)
	return outcome{decoded: c.json(), again: c.document.encode()}, err
}

func decodeBatches(t testing.TB, d *dictionaries, v vector, b []byte) (outcome, error) {
	o := newOpener(d)
	if s := v.With["certificate"]; s != "" {
		c, err := decodeCertificate(unhex(t, s))
		if err != nil {
			t.Fatalf("%s: certificate: %v", v.Name, err)
		}
		o.know(c)
	}
	out := outcome{more: map[string]int{}}
	var list []any
	for _, b := range append([][]byte{b}, v.then(t)...) {
		opened, err := o.open(b)
		if err != nil {
			return out, err
		}
		out.more[fmt.Sprintf("flags %d", b[3])]++
		out.more[fmt.Sprintf("coding %d", opened.coding)]++
		list = append(list, opened.json())
		checkSame(t, v.Name, opened, out.more)
	}
	out.decoded = list
	return out, nil
}

// checkSame writes the changes that make sense again: what came out of a batch has one form.
func checkSame(t testing.TB, name string, b batch, counts map[string]int) {
	for _, u := range b.changes {
		c := change{headerBytes: u.header, redacted: u.redacted, secret: u.secret, opsBytes: u.ops}
		if err := c.look(); err != nil {
			counts["change "+classOf(err)]++
			continue
		}
		counts["change"]++
		if got := c.header.encode(); !bytes.Equal(got, u.header) {
			t.Errorf("%s, %d: header again %x, want %x", name, u.seq, got, u.header)
		}
		if got := encodeOps(c.ops); !c.redacted && !bytes.Equal(got, u.ops) {
			t.Errorf("%s, %d: operations again %x, want %x", name, u.seq, got, u.ops)
		}
	}
}

func decodeMessageVector(t testing.TB, _ *dictionaries, v vector, b []byte) (outcome, error) {
	typ := numberOf(v.With["type"])
	m, err := decodeMessage(typ, b)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{decoded: m, more: map[string]int{messages[typ].name: 1}}
	if !strings.Contains(v.Name, "unknown field") {
		out.again = messageAgain(t, v.Name, typ, v.Decoded)
	}
	return out, nil
}

// messageAgain writes a message from the vector's JSON, not from what was decoded.
func messageAgain(t testing.TB, name string, typ uint64, decoded any) []byte {
	m, ok := decoded.(map[string]any)
	if !ok {
		return nil
	}
	b, err := encodeMessage(messages[typ].fields, m)
	if err != nil {
		t.Errorf("%s: write again: %v", name, err)
	}
	return append([]byte{}, b...)
}

func decodeFrameVector(t testing.TB, _ *dictionaries, v vector, b []byte) (outcome, error) {
	typ, coding, m, err := decodeFrame(b)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{decoded: map[string]any{"type": typ, "message": m}, more: map[string]int{messages[typ].name: 1, fmt.Sprintf("coding %d", coding): 1}}
	want, _ := v.Decoded.(map[string]any)
	again := messageAgain(t, v.Name, typ, want["message"])
	if coding == codingPlain {
		out.again = append(putU(putU(nil, typ), coding), again...)
	}
	// The random pages of the vectors hold no records; those that stand apart are some.
	if coding == codingModel {
		for _, l := range recordLists(typ, m) {
			records, _ := l["records"].([]any)
			for _, s := range records {
				raw := unhex(t, s.(string))
				c, err := decodeRecord(raw)
				if err != nil || !bytes.Equal(c.encode(), raw) {
					t.Errorf("%s: record %x: %v", v.Name, raw, err)
				}
				out.more["record in a page"]++
			}
		}
	}
	return out, nil
}

func readVectors(t testing.TB, path string) []vector {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("open vectors: %v", err)
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.UseNumber()
	dec.DisallowUnknownFields()
	var list []vector
	if err := dec.Decode(&list); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return list
}

// plain brings what was decoded to the types that reading JSON gives.
func plain(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("write JSON: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var out any
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("read JSON: %v", err)
	}
	return out
}

// covered are the kinds that the vectors of a file must hold, so that a file losing one is seen.
var covered = map[string][]string{
	"ids.json":     {"of own item", "of scope", "of device", "of server", "of change"},
	"changes.json": {"redacted true", "redacted false"},
	"records.json": {"flags 0", "flags 1", "flags 2"},
	"batches.json": {"flags 3", "flags 7", "flags 2", "flags 0", "coding 2", "coding 3", "change", "change spoilt", "change too new"},
	"frames.json":  {"coding 0", "coding 3", "record in a page"},
}

// onlyValid are the files in which nothing is to be refused.
var onlyValid = map[string]bool{"ids.json": true, "chain.json": true}

func TestVectors(t *testing.T) {
	dicts := loadDictionaries(t)
	files, err := filepath.Glob(filepath.Join(wireDir, "testdata", "*.json"))
	if err != nil || len(files) != len(decoders) {
		t.Fatalf("%d files of vectors, want %d (%v)", len(files), len(decoders), err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			d, ok := decoders[name]
			if !ok {
				t.Fatal("nothing decodes this file")
			}
			counts := map[string]int{}
			for _, v := range readVectors(t, path) {
				for k := range v.With {
					if !strings.Contains(" "+d.with+" ", " "+k+" ") {
						t.Errorf("%s: with.%s is not covered", v.Name, k)
					}
				}
				got := checkVector(t, dicts, v, d.decode)
				for k, n := range got.more {
					counts[k] += n
				}
				if v.Error != "" {
					counts["refused"]++
				} else {
					counts["valid"]++
				}
			}
			t.Logf("%v", counts)
			if counts["valid"] == 0 || counts["refused"] == 0 && !onlyValid[name] {
				t.Errorf("%d valid vectors and %d to be refused", counts["valid"], counts["refused"])
			}
			want := covered[name]
			if name == "messages.json" || name == "frames.json" {
				for _, m := range messages {
					want = append(want, m.name)
				}
			}
			for _, k := range want {
				if counts[k] == 0 {
					t.Errorf("no vector of kind %q", k)
				}
			}
		})
	}
}

func checkVector(t *testing.T, dicts *dictionaries, v vector, decode func(testing.TB, *dictionaries, vector, []byte) (outcome, error)) outcome {
	t.Helper()
	b := unhex(t, v.Hex)
	out, err := decode(t, dicts, v, b)
	if v.Error != "" {
		if err == nil {
			t.Errorf("%s: decoded, want %s", v.Name, v.Error)
		} else if got := classOf(err); got != v.Error {
			t.Errorf("%s: refused as %q (%v), want %q", v.Name, got, err, v.Error)
		}
		return outcome{}
	}
	if err != nil {
		t.Errorf("%s: %v", v.Name, err)
		return outcome{}
	}
	if got := plain(t, out.decoded); !reflect.DeepEqual(got, v.Decoded) {
		t.Errorf("%s: decoded differs: %s", v.Name, difference("", got, v.Decoded))
	}
	if out.again != nil && !bytes.Equal(out.again, b) {
		t.Errorf("%s: written again %x, want %x", v.Name, out.again, b)
	}
	return out
}

// difference finds the first place where two JSON values part.
func difference(path string, got, want any) string {
	g, gok := got.(map[string]any)
	w, wok := want.(map[string]any)
	if gok && wok {
		for k := range w {
			if !reflect.DeepEqual(g[k], w[k]) {
				return difference(path+"."+k, g[k], w[k])
			}
		}
		for k := range g {
			if _, ok := w[k]; !ok {
				return fmt.Sprintf("%s.%s: got %v, want none", path, k, g[k])
			}
		}
	}
	gl, gok := got.([]any)
	wl, wok := want.([]any)
	if gok && wok && len(gl) == len(wl) {
		for i := range wl {
			if !reflect.DeepEqual(gl[i], wl[i]) {
				return difference(fmt.Sprintf("%s[%d]", path, i), gl[i], wl[i])
			}
		}
	}
	return fmt.Sprintf("%s: got %v, want %v", path, got, want)
}
