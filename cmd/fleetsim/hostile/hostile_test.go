package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"mahalleh/cmd/fleetsim/fleet"
	"mahalleh/server/syncws"
)

// serving is a server on a fresh store that ends with the test.
func serving(t *testing.T) fleet.Ready {
	t.Helper()
	dir := t.TempDir()
	if err := Roster().Make(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	in, end := io.Pipe()
	said, out := io.Pipe()
	served := make(chan error, 1)
	go func() {
		err := fleet.Serve(context.Background(), dir, syncws.Limits{Greetings: 1_000_000}, in, out)
		out.CloseWithError(err)
		served <- err
	}()
	t.Cleanup(func() {
		end.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	var ready fleet.Ready
	if err := json.NewDecoder(said).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	return ready
}

// Each attack gets as far as the defence that it is aimed at: the server ends it, or
// answers it as often as it is asked, and nothing passes.
func TestAttacksMeetTheirDefence(t *testing.T) {
	s := serving(t)
	// The victim has a log.
	once(t, s, "no-grant", func(h *hand) { h.Parts = h.victim })
	for _, a := range Attacks() {
		t.Run(a.Name, func(t *testing.T) {
			for serial := range variants(a.Name) {
				once(t, s, a.Name, func(h *hand) { h.serial = serial })
			}
		})
	}
}

// variants are how many of an attack there are.
func variants(name string) int {
	switch name {
	case "bombs":
		return 4 * len(bombs())
	case "disorder", "odd-frames", "swapped-ids", "others-logs", "replays", "versions":
		return 12
	}
	return 1
}

// once plays an attack by one attacker until the server has met it.
func once(t *testing.T, s fleet.Ready, name string, change func(*hand)) {
	t.Helper()
	i := slices.IndexFunc(Attacks(), func(a Attack) bool { return a.Name == name })
	a := Attacks()[i]
	a.hands, a.connects = 1, 1000
	g, err := newGang(a, s.Address, s.Keys)
	if err != nil {
		t.Fatal(err)
	}
	limit, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	met := false
	ctx, stop := context.WithCancel(limit)
	defer stop()
	g.did = func() {
		met = true
		stop() // what would go on is over by that
	}
	h := g.hands[0]
	change(h)
	err = a.once(ctx, h)
	if !met && err != nil || errors.Is(err, errLetIn) {
		t.Errorf("%s, variant %d: %v", name, h.serial, err)
	}
}
