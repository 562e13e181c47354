package report

import (
	"path/filepath"
	"testing"

	"mahalleh/schemas/forms"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// TestEveryPageIsWritten: however many pages are there already, each is written, with
// its cursor.
func TestEveryPageIsWritten(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	w, err := openWriter(t.Context(), filepath.Join(t.TempDir(), "report.db"), layoutOf(pkg))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := w.script(t.Context(), system); err != nil {
		t.Fatal(err)
	}
	const all = 3*writtenAtOnce + 1
	pages, ready := make(chan *page, all), make(chan struct{})
	close(ready)
	for n := range all {
		id := [16]byte{1, byte(n >> 8), byte(n)}
		pages <- &page{scope: store.Scope{ID: syncproto.ScopeID(id), Place: syncproto.PlaceID(id)}, to: 7, gone: []syncproto.RecordID{id}, ready: ready}
	}
	close(pages)
	told := 0
	n, err := w.putPages(t.Context(), pages, func(n int) { told = n })
	if err != nil || n != all || told != all {
		t.Errorf("%d of %d pages were written, %d told: %v", n, all, told, err)
	}
	w.at = nil
	cursors, err := w.cursors(t.Context())
	if err != nil || len(cursors) != all {
		t.Errorf("%d of %d cursors stand: %v", len(cursors), all, err)
	}
}
