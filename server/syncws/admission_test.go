package syncws

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestGateAdmits(t *testing.T) {
	begin := time.UnixMilli(1_700_000_000_000)
	tests := []struct {
		name   string
		limits Limits
		after  time.Duration // since the gate was made
		tries  int
		want   int // admitted
	}{
		{"within the rate", Limits{Handshakes: 10}, 0, 10, 10},
		{"over the rate", Limits{Handshakes: 10}, 0, 25, 10},
		{"a rest does not save up more than a second", Limits{Handshakes: 10}, time.Hour, 25, 10},
		{"the default", Limits{}, 0, defaultHandshakes + 5, defaultHandshakes},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := newGate(test.limits, begin)
			got := 0
			for range test.tries {
				if _, ok := g.admit(origin{}, begin.Add(test.after)); ok {
					got++
				}
			}
			if got != test.want {
				t.Errorf("admitted %d, want %d", got, test.want)
			}
		})
	}
}

// A storm of devices that all do as they are told is over in the time that its
// number and the rate give.
func TestGateSpreadsAStorm(t *testing.T) {
	const devices, rate = 1000, 50
	now := time.UnixMilli(1_700_000_000_000)
	g := newGate(Limits{Handshakes: rate}, now)
	due := make([]time.Time, devices)
	for i := range due {
		due[i] = now
	}
	attempts, end := 0, now
	for step := time.Duration(0); step < 2*time.Minute; step += 10 * time.Millisecond {
		at := now.Add(step)
		left := due[:0]
		for _, d := range due {
			if d.After(at) {
				left = append(left, d)
				continue
			}
			attempts++
			if after, ok := g.admit(origin{}, at); !ok {
				if after < soonest || after > latest {
					t.Fatalf("told to wait %v", after)
				}
				left = append(left, at.Add(after))
			} else {
				end = at
			}
		}
		due = left
	}
	if took := end.Sub(now); len(due) > 0 || took > 2*devices/rate*time.Second || attempts > 3*devices {
		t.Errorf("%d devices left after %v and %d attempts", len(due), took, attempts)
	}
}

func TestGateNeverPromisesTheFarFuture(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	g := newGate(Limits{Handshakes: 1, Sessions: 1}, now)
	for range 5000 {
		if after := g.later(now); after < soonest || after > latest {
			t.Fatalf("told to wait %v", after)
		}
	}
}

func TestOriginOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:4711": "192.0.2.7/32", "[::ffff:192.0.2.7]:1": "192.0.2.7/32", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64",
		"127.0.0.1:1": "", "127.8.8.8:1": "", "[::1]:1": "", "@": "", "pipe": "", "": "",
	} {
		got := originOf(remote)
		if want == "" && got != (origin{}) || want != "" && netip.Prefix(got).String() != want {
			t.Errorf("%q: got %v, want %q", remote, netip.Prefix(got), want)
		}
	}
}

// One address takes its part and leaves the others theirs; who gives a place back
// lets the next one in; and addresses that nobody comes from any more are forgotten.
func TestGateSharesAmongAddresses(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	g := newGate(Limits{Handshakes: 100, Waiting: 50, PerAddress: 10}, now)
	a, b := originOf("192.0.2.1:1"), originOf("192.0.2.2:1")
	admitted := func(from origin, tries int) (n int) {
		for range tries {
			if after, ok := g.admit(from, now); ok {
				n++
			} else if after < soonest || after > latest {
				t.Fatalf("told to wait %v", after)
			}
		}
		return n
	}
	if n := admitted(a, 200); n != 5 { // a tenth of the places
		t.Errorf("one address has %d waiting, want 5", n)
	}
	for range 5 {
		g.known(a)
	}
	if n := admitted(a, 200); n != 5 { // what is left of a tenth of the handshakes
		t.Errorf("one address had %d more handshakes, want 5", n)
	}
	if n := admitted(b, 200); n != 5 {
		t.Errorf("another address has %d waiting, want 5", n)
	}
	if n := admitted(origin{}, 200); n != 40 { // all places but those of the two
		t.Errorf("this machine has %d waiting, want 40", n)
	}
	if n := admitted(b, 10); n != 0 {
		t.Errorf("%d came in although nobody more may wait", n)
	}
	for range 50 - 10 {
		g.known(origin{})
	}
	for range 5 {
		g.known(a)
		g.known(b)
	}
	if g.waiting != 0 {
		t.Errorf("%d wait, want none", g.waiting)
	}
	now = now.Add(time.Hour)
	admitted(b, 1)
	if len(g.from) != 1 {
		t.Errorf("%d addresses are kept, want the one that came", len(g.from))
	}
}

// However many addresses there are, the table of them stays small.
func TestGateForgetsAddresses(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	g := newGate(Limits{Handshakes: 100}, now)
	most := 0
	for n := range 100_000 {
		from := originOf(fmt.Sprintf("[2001:db8:%x:%x::1]:1", n>>16, n&0xffff))
		if _, ok := g.admit(from, now); ok {
			g.known(from)
		}
		now = now.Add(time.Millisecond)
		most = max(most, len(g.from))
	}
	if most > 500 {
		t.Errorf("%d addresses were kept at a time", most)
	}
}
