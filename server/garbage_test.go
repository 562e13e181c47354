package server

import "testing"

func TestGarbageFor(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, mostGarbage}, {4 << 20, mostGarbage}, {32 << 20, 200}, {64 << 20, 100}, {1 << 30, 100}} {
		if got := percentFor(c.live); got != c.want {
			t.Errorf("with %d bytes in use: got %d %%, want %d", c.live, got, c.want)
		}
	}
}
