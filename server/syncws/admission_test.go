package syncws

import (
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
				if _, ok := g.admit(begin.Add(test.after)); ok {
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
			if after, ok := g.admit(at); !ok {
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
