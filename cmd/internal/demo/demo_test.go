package demo

import (
	"context"
	"crypto/rand"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
)

type testClock struct{ now time.Time }

func (c testClock) Now() time.Time        { return c.now }
func (c testClock) Uptime() time.Duration { return time.Hour }

// noted keeps erasures in memory.
type noted struct {
	mu  sync.Mutex
	all []hub.Erasure
}

func (n *noted) Add(e hub.Erasure) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, e)
	return nil
}

func (n *noted) All() ([]hub.Erasure, error) { return n.all, nil }

// The main job, whole: five phones over real websockets, and every replica
// equal at the end.
func TestStory(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	packages, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	clock := testClock{time.Date(2026, 1, 16, 8, 0, 0, 0, time.UTC)}
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(dir, "server.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	srv, err := server.Open(ctx, server.Options{Store: st, Packages: packages, Erasures: &noted{}, Clock: func() int64 { return clock.now.UnixMilli() }, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	story := &Story{Server: srv, Store: st, Dir: dir, Address: l.Addr().String(), Clock: clock}
	out, err := story.Play(ctx, func() error {
		stop := Serve(l, srv.Handler())
		t.Cleanup(func() { stop(context.Background()) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.Different != 0 || out.Received != out.Recorded || out.Compared == 0 {
		t.Fatalf("got %+v", *out)
	}
	if out.Merged == 0 || out.Conflict == 0 || out.OpenConflicts == 0 {
		t.Errorf("merged %d, in conflict %d, open %d: the story shows too little", out.Merged, out.Conflict, out.OpenConflicts)
	}
	if report, err := st.Check(ctx); err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %v %v", report.Problems, err)
	}
}
