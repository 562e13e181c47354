package main

import (
	"errors"
	"testing"

	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
)

// TestRestoreSparesWhatIsInUse: a server that was started while the backup was read
// through keeps its database.
func TestRestoreSparesWhatIsInUse(t *testing.T) {
	f := folder{dir: t.TempDir()}
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: f.database()})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := new(restore).newer(t.Context(), nil, f, sqlitestore.Manifest{}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("got %v, want that it is in use", err)
	}
}
