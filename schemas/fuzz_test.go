package schemas

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestCorporaAreNotEmpty(t *testing.T) {
	for _, target := range []string{"FuzzDecodeJSON", "FuzzLoad"} {
		entries, err := os.ReadDir(filepath.Join("testdata", "fuzz", target))
		if err != nil || len(entries) == 0 {
			t.Errorf("%s: got %d seeds, %v, want some", target, len(entries), err)
		}
	}
}

// FuzzDecodeJSON holds that no input makes reading, normalising or judging panic,
// and that what was read and normalised survives writing and reading.
func FuzzDecodeJSON(f *testing.F) {
	form, pkg := demoForm(f)
	full, err := os.ReadFile("testdata/full.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := DecodeJSON(form, pkg, data)
		if err != nil {
			_ = err.Error()
			return
		}
		record = Normalise(form, record)
		Validate(form, pkg, record, demoEnv)
		Compute(form, pkg, record, demoEnv)
		written, err := EncodeJSON(form, record)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeJSON(form, pkg, written)
		if err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, written)
		}
		if again = Normalise(form, again); !again.Equal(record) {
			t.Errorf("got %+v, want %+v", again, record)
		}
	})
}

// FuzzLoad holds that no form file makes loading panic.
func FuzzLoad(f *testing.F) {
	files := demoFiles(f)
	f.Add(files[demoFile].Data)
	f.Fuzz(func(t *testing.T, data []byte) {
		changed := fstest.MapFS{}
		for name, file := range files {
			changed[name] = file
		}
		changed[demoFile] = &fstest.MapFile{Data: data}
		pkg, err := Load(changed)
		if err != nil {
			_ = err.Error()
			return
		}
		for _, form := range pkg.Forms() {
			Validate(form, pkg, Record{Form: form.ID}, demoEnv)
		}
	})
}
