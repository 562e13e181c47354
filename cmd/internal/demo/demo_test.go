package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"mahalleh/schemas/forms"
	"mahalleh/schemas/indicators"
	"mahalleh/server"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/sqlitestore"
	"mahalleh/syncproto"
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
	for _, p := range []*Phone{out.Phones[0], out.Phones[4]} {
		agree(t, story, p)
	}
	if report, err := st.Check(ctx); err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %v %v", report.Problems, err)
	}
}

// A phone and the server reckon the figures of a neighbourhood from what each of them
// holds, and say the same; but for what no record says.
func agree(t *testing.T, s *Story, p *Phone) {
	t.Helper()
	ctx := t.Context()
	if err := p.open(ctx); err != nil {
		t.Fatal(err)
	}
	defer p.client.Close()
	place := p.client.Person().Place
	mine, err := p.client.Figures(ctx, place, 0, 0)
	if err != nil {
		t.Fatalf("%s asks for figures: %v", p.Name, err)
	}
	r, err := report.Open(ctx, report.Options{Path: filepath.Join(t.TempDir(), "report.db"), View: s.Store.View, Forms: s.Server.Hub().Packages()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Rebuild(ctx, nil); err != nil {
		t.Fatal(err)
	}
	settings := indicators.ShippedValues()
	theirs, err := r.Figures(ctx, indicators.Moment{Today: mine.Today, Now: mine.AsOf}, []syncproto.PlaceID{place}, &settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"D01", "D05", "D10", "D11", "D12", "D13", "D14", "D15", "D16", "D20", "D21", "D22", "D28"} {
		a, _ := mine.Figure(id)
		b, _ := theirs.Figure(id)
		phone, err1 := json.Marshal([]any{a.Values, a.Tables})
		server, err2 := json.Marshal([]any{b.Values, b.Tables})
		if err := errors.Join(err1, err2); err != nil || string(phone) != string(server) {
			t.Errorf("%s of %s: %v\nphone  %s\nserver %s", id, p.Place, err, phone, server)
		}
	}
	if f, _ := mine.Figure("D13"); len(f.Values) == 0 || f.Values[0].Number.Mantissa < 10 {
		t.Errorf("%s counts %v assets: too little to compare", p.Name, f.Values)
	}
}
