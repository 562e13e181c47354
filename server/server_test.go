package server_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/syncws"
	"mahalleh/syncproto"
)

// memory keeps erasures for a test.
type memory struct{ all []hub.Erasure }

func (m *memory) Add(e hub.Erasure) error { m.all = append(m.all, e); return nil }

func (m *memory) All() ([]hub.Erasure, error) { return m.all, nil }

func open(t *testing.T, path string, seed byte, erased *memory) (*server.Server, *sqlitestore.Store) {
	t.Helper()
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Open(t.Context(), server.Options{Store: st, Packages: p, Erasures: erased,
		Clock: func() int64 { return 1_800_000_000_000 }, Rand: rand.NewChaCha8([32]byte{seed})})
	if err != nil {
		t.Fatal(err)
	}
	return s, st
}

// TestReopen proves that a server is the same to its devices after a restart,
// in a new era, and that erasures are replayed before anything else.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	first, st := open(t, path, 1, &memory{})
	keys := first.Identity().Keys()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	erased := syncproto.RecordID{9}
	second, st := open(t, path, 2, &memory{all: []hub.Erasure{{Record: erased, Scope: syncproto.ScopeID{8}, At: 1}}})
	defer second.Close()
	again := second.Identity().Keys()
	if got, want := again.Fingerprint(), keys.Fingerprint(); got != want {
		t.Errorf("got other keys after a restart")
	}
	err := st.View(t.Context(), func(r store.Reader) error {
		eras, err := r.Eras()
		if err != nil {
			return err
		}
		if got, want := len(eras), 2; got != want {
			t.Errorf("got %d eras, want %d", got, want)
		}
		row, err := r.Record(erased)
		if err == nil && !row.State.Erased {
			t.Error("the record is not erased in advance")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHealth(t *testing.T) {
	s, _ := open(t, filepath.Join(t.TempDir(), "s.db"), 1, &memory{})
	check := func(name string, code int, problem string) {
		t.Helper()
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		var got server.Health
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != code || got.Problem != problem || got.OK != (problem == "") || got.Time == 0 {
			t.Errorf("%s: got %d %+v, want %d and the problem %q", name, w.Code, got, code, problem)
		}
	}
	check("open", http.StatusOK, "")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("closing", http.StatusServiceUnavailable, "stopping")
}

// TestSyncPath proves that the sessions' path is there and wants a device.
func TestSyncPath(t *testing.T) {
	s, _ := open(t, filepath.Join(t.TempDir(), "s.db"), 1, &memory{})
	defer s.Close()
	for path, want := range map[string]int{syncws.Path: http.StatusUpgradeRequired, "/": http.StatusNotFound} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := w.Code; got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}
