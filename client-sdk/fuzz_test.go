package clientsdk

import (
	"os"
	"path/filepath"
	"testing"

	"mahalleh/schemas"
)

// seedDrafts are drafts as the store holds them.
func seedDrafts(t testing.TB) [][]byte {
	t.Helper()
	d, o := newDevice(t), newOffice(t)
	fresh := d.begin("need", needJSON)
	_ = fresh.Set("affected_count", "بسیار")
	id := d.record("asset", assetJSON)
	o.sync(d)
	edit := d.open(id)
	d.set(edit, "address", "")
	d.set(edit, "condition", "5")
	var all [][]byte
	for _, x := range []*Draft{fresh, edit} {
		b, err := x.encode()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return append(all, []byte("{}"), []byte(`{"Version":2}`), []byte(`{"Version":1,"Set":{"#10":{"kind":"date","value":"tomorrow"}}}`))
}

func FuzzDraft(f *testing.F) {
	dir := filepath.Join("testdata", "fuzz", "FuzzDraft")
	if corpus, err := os.ReadDir(dir); err != nil || len(corpus) == 0 {
		f.Fatalf("the corpus in %s is empty: %v", dir, err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, set, err := decodeDraft(b)
		if err != nil {
			return
		}
		again, err := schemas.EncodeJSON(&schemas.Form{}, set)
		if err != nil {
			t.Fatalf("values that were read cannot be written: %v", err)
		}
		if back, err := schemas.DecodeJSON(&schemas.Form{}, nil, again); err != nil || !back.Equal(set) {
			t.Errorf("values do not survive: %v\n%s", err, again)
		}
	})
}

// TestDraftBytes reads what this release writes, and what it must refuse.
func TestDraftBytes(t *testing.T) {
	for i, b := range seedDrafts(t) {
		_, _, _, err := decodeDraft(b)
		if (err == nil) != (i < 2) {
			t.Errorf("draft %d: %v", i, err)
		}
	}
}
