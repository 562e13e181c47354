package sessionstore

import (
	"testing"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// actsServer is a server's end: chains of acts, each a list of digests.
type actsServer map[syncproto.ScopeID][]syncproto.Hash

func (a actsServer) act(scope syncproto.ScopeID, what byte) {
	a[scope] = append(a[scope], syncproto.Hash{what})
}

func (a actsServer) at(scope syncproto.ScopeID, n uint64) syncproto.Checkpoint {
	c := syncproto.Checkpoint{Scope: scope, Count: min(n, uint64(len(a[scope])))}
	for _, d := range a[scope][:c.Count] {
		c.Head = syncproto.ActsNext(c.Head, d)
	}
	return c
}

// contact answers a Hello as the server's desk does, and returns how often
// the device found something broken.
func (a actsServer) contact(t *testing.T, s *Store) (broken int) {
	t.Helper()
	hello, err := s.ReadHello(ctx)
	if err != nil {
		t.Fatal(err)
	}
	h := &hello.Hello
	told := map[syncproto.ScopeID]uint64{}
	var known []syncproto.Checkpoint
	for i, n := range h.Acts {
		if n > 0 {
			told[h.Cursors[i].Scope] = n
			known = append(known, a.at(h.Cursors[i].Scope, n))
		}
	}
	saved, err := s.SaveWelcome(ctx, session.SaveWelcome{Welcome: wire.Welcome{GrantSerial: h.Grants, ReceivedHead: h.Head, Acts: syncproto.ActsKnown(known)}})
	if err != nil {
		t.Fatal(err)
	}
	if saved.ActsBroken {
		broken++
	}
	var said wire.Checkpoints
	for scope, acts := range a {
		now, from := a.at(scope, 1<<60), told[scope]
		if now.Count == from {
			continue
		}
		c := wire.ActChain{Scope: scope, Count: now.Count, Head: now.Head}
		if from > 0 && from < now.Count {
			c.From, c.Links = from, acts[from:]
		}
		said.Chains = append(said.Chains, c)
	}
	if len(said.Chains) == 0 {
		return broken
	}
	kept, err := s.KeepCheckpoints(ctx, session.KeepCheckpoints{Said: said})
	if err != nil {
		t.Fatal(err)
	}
	return broken + len(kept.Broken)
}

// TestActs plays a server that adds acts, rewrites an old one, rewrites the
// last one, and takes some away.
func TestActs(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(actsServer)
		broken int
	}{
		{"nothing was done", func(actsServer) {}, 0},
		{"more was done", func(a actsServer) { a.act(scope(1), 8); a.act(scope(1), 9) }, 0},
		{"the first act was rewritten, then more was done", func(a actsServer) { a[scope(1)][0] = syncproto.Hash{7}; a.act(scope(1), 9) }, 1},
		{"the last act was rewritten", func(a actsServer) { a[scope(1)][1] = syncproto.Hash{7} }, 1},
		{"the last act was taken out", func(a actsServer) { a[scope(1)] = a[scope(1)][:1] }, 1},
		{"all were taken out", func(a actsServer) { a[scope(1)] = nil }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, local, clock := newStore(t, 0)
			welcomed(t, s, 3, 1)
			server := actsServer{}
			server.act(scope(1), 1)
			server.act(scope(1), 2)
			if broken := server.contact(t, s); broken != 0 {
				t.Fatalf("%d broken at first contact", broken)
			}
			before := held(t, local)
			if len(before.Held) != 1 || before.Held[0] != server.at(scope(1), 2) {
				t.Fatalf("holds %+v", before.Held)
			}
			c.change(server)
			clock.pass(2 * time.Hour)
			if broken := server.contact(t, s); broken != c.broken {
				t.Errorf("%d broken, want %d", broken, c.broken)
			}
			after := held(t, local)
			if len(after.Breaks) != c.broken {
				t.Fatalf("breaks are %+v, want %d", after.Breaks, c.broken)
			}
			for _, b := range after.Breaks {
				if len(b.Held) != 1 || b.Held[0] != before.Held[0] || b.At != clock.now.UnixMilli() {
					t.Errorf("the proof is %+v, held was %+v", b, before.Held)
				}
			}
			if confirmed := after.Confirmed == clock.now.UnixMilli(); confirmed != (c.broken == 0) {
				t.Errorf("confirmed at %d", after.Confirmed)
			}
			// It is told once, and the device goes on from what the server has now.
			for range 2 {
				if broken := server.contact(t, s); broken != 0 {
					t.Error("told again")
				}
			}
			if n := len(held(t, local).Breaks); n != c.broken {
				t.Errorf("%d breaks at the end, want %d", n, c.broken)
			}
		})
	}
}

// In a live session, further acts must follow from those that are held.
func TestActsWhileLive(t *testing.T) {
	s, local, _ := newStore(t, 0)
	server := actsServer{}
	for n := range byte(3) {
		server.act(scope(1), n+1)
	}
	say := func(from, to uint64) int {
		t.Helper()
		c := wire.ActChain{Scope: scope(1), Count: to, Head: server.at(scope(1), to).Head, From: from, Links: server[scope(1)][from:to]}
		kept, err := s.KeepCheckpoints(ctx, session.KeepCheckpoints{Said: wire.Checkpoints{Chains: []wire.ActChain{c}}})
		if err != nil {
			t.Fatal(err)
		}
		return len(kept.Broken)
	}
	if say(0, 1) != 0 || say(1, 2) != 0 || say(1, 2) != 0 {
		t.Error("acts that follow from one another break")
	}
	server[scope(1)][0] = syncproto.Hash{9}
	if say(2, 3) != 1 {
		t.Error("a chain with another beginning goes on")
	}
	a := held(t, local)
	if len(a.Breaks) != 1 || a.Breaks[0].Scope != scope(1) || a.Breaks[0].Said != server.at(scope(1), 3) || a.Held[0] != server.at(scope(1), 3) {
		t.Errorf("kept is %+v", a)
	}
}

// A scope that was taken away is left out by both ends.
func TestActsOfAScopeTakenAway(t *testing.T) {
	s, local, _ := newStore(t, 0)
	welcomed(t, s, 3, 1)
	server := actsServer{}
	server.act(scope(1), 1)
	server.contact(t, s)
	if hello, err := s.ReadHello(ctx); err != nil || len(hello.Hello.Acts) == 0 {
		t.Fatalf("Hello names %v (%v)", hello.Hello.Acts, err)
	}
	welcomed(t, s, 4, 2) // scope 1 is not among the grants any more
	if n := len(held(t, local).Breaks); n != 0 {
		t.Errorf("%d breaks", n)
	}
}

func held(t *testing.T, local *localstore.Store) Acts {
	t.Helper()
	a, err := ActsOf(ctx, local)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// welcomed has the server greet with a grant in one scope.
func welcomed(t *testing.T, s *Store, serial uint64, n byte) {
	t.Helper()
	log, _, err := s.current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w := wire.Welcome{GrantSerial: serial, Grants: grants(n), ReceivedHead: log.Head}
	if _, err := s.SaveWelcome(ctx, session.SaveWelcome{Welcome: w}); err != nil {
		t.Fatal(err)
	}
}
