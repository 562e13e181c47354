package seconddecoder

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// canonicalFiles are the vectors of content that has exactly one form, and needs no key.
var canonicalFiles = []string{"values.json", "headers.json", "ops.json", "changes.json", "records.json", "server_keys.json", "certificates.json"}

// again decodes content of a file and writes it again; ok is false if it is refused.
func again(file string, b []byte) (out []byte, ok bool) {
	var err error
	switch file {
	case "values.json":
		var v value
		v, err = decodeValue(b)
		out = v.append(nil)
	case "headers.json":
		var h header
		h, err = decodeHeader(b)
		out = h.encode()
	case "ops.json":
		var ops []operation
		ops, err = decodeOps(b, testLog, 7)
		out = encodeOps(ops)
	case "changes.json":
		var c change
		c, err = decodeChange(b)
		out = c.encode()
	case "records.json":
		var c record
		c, err = decodeRecord(b)
		out = c.encode()
	case "server_keys.json":
		var k serverKeys
		k, err = decodeServerKeys(b)
		out = k.document.encode()
	case "certificates.json":
		var c certificate
		c, err = decodeCertificate(b)
		out = c.document.encode()
	}
	return out, err == nil
}

// TestOneForm flips every bit of every valid vector: what is still accepted must be the only form of what it says.
func TestOneForm(t *testing.T) {
	for _, file := range canonicalFiles {
		t.Run(file, func(t *testing.T) {
			tried, accepted := 0, 0
			for _, v := range readVectors(t, filepath.Join(wireDir, "testdata", file)) {
				if v.Error != "" {
					continue
				}
				b := unhex(t, v.Hex)
				for i := range 8 * len(b) {
					b[i/8] ^= 1 << (i % 8)
					if got, ok := again(file, b); ok {
						accepted++
						if !bytes.Equal(got, b) {
							t.Errorf("%s, bit %d: %x is accepted, and written again as %x", v.Name, i, b, got)
						}
					}
					b[i/8] ^= 1 << (i % 8)
					tried++
				}
			}
			t.Logf("%d of %d flipped accepted", accepted, tried)
			if tried == 0 {
				t.Error("no valid vectors")
			}
		})
	}
}

// TestCut cuts every valid vector short: nothing that has an end is whole before it.
func TestCut(t *testing.T) {
	for _, file := range []string{"values.json", "ops.json", "records.json", "headers.json", "certificates.json"} {
		for _, v := range readVectors(t, filepath.Join(wireDir, "testdata", file)) {
			if v.Error != "" {
				continue
			}
			b := unhex(t, v.Hex)
			for n := range b {
				// A header's fields end where they like, but not before the commitment; its later fields may be missing.
				if out, ok := again(file, b[:n]); ok && (file != "headers.json" || !bytes.Equal(out, b[:n])) {
					t.Errorf("%s: %s, cut to %d bytes, is accepted", file, v.Name, n)
				}
			}
		}
	}
}

// FuzzDecoders gives any bytes to every decoder: none may panic, and canonical content has one form.
func FuzzDecoders(f *testing.F) {
	dicts := loadDictionaries(f)
	for _, file := range append([]string{"batches.json", "frames.json", "messages.json", "receipts.json", "folds.json"}, canonicalFiles...) {
		for i, v := range readVectors(f, filepath.Join(wireDir, "testdata", file)) {
			// A few of each say enough to begin with, and keep an ordinary test run short.
			if b := unhex(f, v.Hex); i%8 == 0 && len(b) < 1<<12 {
				f.Add(b)
			}
		}
	}
	if entries, err := os.ReadDir(filepath.Join("testdata", "fuzz", "FuzzDecoders")); err != nil || len(entries) == 0 {
		f.Fatalf("the corpus is empty: %v", err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, file := range canonicalFiles {
			if got, ok := again(file, b); ok && !bytes.Equal(got, b) {
				t.Errorf("%s: %x is accepted, and written again as %x", file, b, got)
			}
		}
		if _, err := decodeReceipt(b, public(3)); err == nil {
			t.Logf("receipt %x", b)
		}
		for typ := range messages {
			if _, err := decodeMessage(typ, b); err != nil && classOf(err) == "" {
				t.Errorf("message %d: %v has no class", typ, err)
			}
		}
		if _, _, _, err := decodeFrame(b); err != nil && classOf(err) == "" {
			t.Errorf("frame: %v has no class", err)
		}
		if _, err := newOpener(dicts).open(b); err != nil && classOf(err) == "" {
			t.Errorf("batch: %v has no class", err)
		}
		// The signature of a batch hides what is behind it, so the streams are also read by themselves.
		third := len(b) / 3
		one := tables{authors: []id{filled(1)}, scopes: []id{filled(2)}}
		for _, s := range []source{
			&prefixSource{&reader{b: b[:third]}, &reader{b: b[third : 2*third]}, &reader{b: b[2*third:]}},
			newModelSource(b[:third], b[third:]),
		} {
			if _, err := unpack(one, testLog, 1, 3, s); err != nil && classOf(err) == "" {
				t.Errorf("packed: %v has no class", err)
			}
		}
		if _, err := decodeApart(67, b); err != nil && classOf(err) == "" {
			t.Errorf("packed records: %v has no class", err)
		}
		if _, _, err := dicts.prefixDecode(b); err != nil && classOf(err) == "" {
			t.Errorf("prefix codes: %v has no class", err)
		}
		text, err := unfold(b)
		if err != nil {
			return
		}
		if back, err := unfold(fold(text)); err != nil || !bytes.Equal(back, text) {
			t.Errorf("%x folds to what unfolds to %x (%v)", text, back, err)
		}
	})
}
