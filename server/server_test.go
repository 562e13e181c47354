package server_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// TestReady: what stops the server makes it unready, what only needs looking at
// does so for who asks strictly; a store that cannot be written is one of the
// former.
func TestReady(t *testing.T) {
	var alarms []server.Alarm
	p, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "s.db")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Open(t.Context(), server.Options{Store: st, Packages: p, Erasures: &memory{}, Clock: func() int64 { return 1_800_000_000_000 },
		Rand: rand.NewChaCha8([32]byte{1}), Alarms: func() []server.Alarm { return alarms }})
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, path string, code int, want ...string) {
		t.Helper()
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		var got server.Readiness
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != code || !slices.Equal(got.Alarms, want) {
			t.Errorf("%s: got %d %+v, want %d and %v", name, w.Code, got, code, want)
		}
	}
	check("all is well", "/readyz", http.StatusOK)
	alarms = []server.Alarm{{Name: "backup_old"}}
	check("an old backup", "/readyz", http.StatusOK, "backup_old")
	check("an old backup, strictly", "/readyz?strict", http.StatusServiceUnavailable, "backup_old")
	if w := httptest.NewRecorder(); true {
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "backup_old") {
			t.Errorf("alive with an old backup: %d %s", w.Code, w.Body)
		}
	}
	alarms = append(alarms, server.Alarm{Name: "disk_full", Stops: true})
	check("a full disk", "/readyz", http.StatusServiceUnavailable, "backup_old", "disk_full")
	alarms = nil
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("closing", "/readyz", http.StatusServiceUnavailable, "stopping")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadyTriesToWrite: a store whose writing fails is told, and is not tried
// again for every asker.
func TestReadyTriesToWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, st := overFailing(t)
		defer s.Close()
		if r := s.Ready(t.Context()); !r.OK {
			t.Errorf("at first %+v", r)
		}
		st.err = store.ErrFull
		before := st.tried
		for range 5 {
			s.Ready(t.Context())
		}
		if st.tried != before {
			t.Errorf("asked five times within a moment, it wrote %d times", st.tried-before)
		}
		time.Sleep(time.Minute) // the bubble's
		if r := s.Ready(t.Context()); r.OK || !slices.Equal(r.Alarms, []string{"storage"}) {
			t.Errorf("with a full disk %+v", r)
		}
		st.err = nil
		time.Sleep(time.Minute)
		if r := s.Ready(t.Context()); !r.OK {
			t.Errorf("with room again %+v", r)
		}
	})
}

// overFailing is a server over a store that can be made to fail.
func overFailing(t *testing.T) (*server.Server, *failing) {
	t.Helper()
	p, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	real, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "s.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { real.Close() })
	st := &failing{Store: real}
	s, err := server.Open(t.Context(), server.Options{Store: st, Packages: p, Erasures: &memory{}, Clock: func() int64 { return 1_800_000_000_000 },
		Rand: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	return s, st
}

// TestReadyHoldsNobody: while the store is being tried, whoever else asks is
// answered at once; a disk that hangs and lets go of nothing is told, and holds
// nobody for longer than the attempt.
func TestReadyHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, st := overFailing(t)
		defer s.Close()
		st.hang = make(chan struct{})
		first := make(chan server.Readiness, 1)
		go func() { first <- s.Ready(t.Context()) }()
		synctest.Wait()
		begin := time.Now()
		for range 3 {
			if r := s.Ready(t.Context()); !r.OK || time.Since(begin) != 0 {
				t.Errorf("beside the attempt: %+v after %s", r, time.Since(begin))
			}
		}
		if r := <-first; r.OK || time.Since(begin) != 5*time.Second {
			t.Errorf("the attempt that hangs: %+v after %s", r, time.Since(begin))
		}
		for range 3 {
			time.Sleep(20 * time.Second) // the bubble's
			begin, before := time.Now(), st.tried
			if r := s.Ready(t.Context()); r.OK || time.Since(begin) != 0 || st.tried != before {
				t.Errorf("while the disk hangs: %+v after %s, tried %d times more", r, time.Since(begin), st.tried-before)
			}
		}
		close(st.hang)
		synctest.Wait()
		time.Sleep(time.Minute) // the bubble's
		if r := s.Ready(t.Context()); !r.OK {
			t.Errorf("the disk goes on: %+v", r)
		}
	})
}

// TestReadyAskerGoesAway: it does not wait on, and leaves no false answer.
func TestReadyAskerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, st := overFailing(t)
		defer s.Close()
		st.hang = make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			s.Ready(ctx)
			close(left)
		}()
		synctest.Wait()
		begin := time.Now()
		leave()
		<-left
		if time.Since(begin) != 0 {
			t.Errorf("who went away waited %s", time.Since(begin))
		}
		close(st.hang)
		synctest.Wait()
		if r := s.Ready(t.Context()); !r.OK {
			t.Errorf("afterwards: %+v", r)
		}
	})
}

// failing is a store that cannot be written while err is set, and whose writing
// hangs until hang is closed, whatever the context says.
type failing struct {
	store.Store
	err   error
	hang  chan struct{}
	tried int
}

func (f *failing) Update(ctx context.Context, do func(store.Tx) error) error {
	f.tried++
	if f.hang != nil {
		<-f.hang
	}
	if f.err != nil {
		return f.err
	}
	return f.Store.Update(context.WithoutCancel(ctx), do)
}
