package hub_test

import (
	"testing"

	"mahalleh/syncproto"
)

const day = int64(24 * 60 * 60 * 1000)

func (b *bench) wantTime(when string, want int64, alarm bool) {
	b.t.Helper()
	if now, raised := b.hub.Now(); now != want || raised != alarm {
		b.t.Errorf("%s: the server's time is %d days from what it should be, alarm %v; want alarm %v", when, (now-want)/day, raised, alarm)
	}
}

// A clock that says 2099 for a minute leaves no trace: nothing is committed
// under that time, nothing expires, and time goes on where it was.
func TestClockLeapsForwardAndComesBack(t *testing.T) {
	b := newBench(t)
	right := b.clock
	b.up, b.clock = 1000, right+1000
	b.wantTime("before", right+1000, false)
	b.up, b.clock = 3000, right+73*365*day
	b.wantTime("during", right+3000, true)
	a := b.phone(1, "facilitator")
	ch := a.save(syncproto.NewRecordState(syncproto.RecordID{9}), newAsset("سالن"))
	a.mustPush(1)
	if got := b.row(ch.ID).Received; got != right+3000 {
		t.Errorf("received %d days late", (got-right)/day)
	}
	b.up, b.clock = 9000, right+9000
	b.wantTime("after", right+9000, false)
	b.close()
	b.open()
	b.wantTime("opened again", right+9000, false)
}

// The last time kept is compared at opening too.
func TestClockLeapAtOpening(t *testing.T) {
	tests := []struct {
		name  string
		by    int64
		alarm bool
	}{
		{"stood still for a week", 7 * day, false},
		{"stood still for a month", 29 * day, false},
		{"a leap of a year", 365 * day, true},
		{"a year back", -365 * day, true},
		{"corrected by a minute", -60_000, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			last := b.clock
			b.close()
			b.clock += tt.by
			b.open()
			want := max(b.clock, last)
			if tt.alarm {
				want = last
			}
			b.wantTime("opened", want, tt.alarm)
		})
	}
}

// The operator says that the machine's clock is right, whichever way it leapt;
// the next run believes it too.
func TestClockIsTrustedByAnAct(t *testing.T) {
	for _, by := range []int64{400 * day, -400 * day} {
		b := newBench(t)
		b.clock += by
		if state := b.hub.Clock(); !state.Alarm || state.Machine != b.clock || state.Server != b.clock-by {
			t.Fatalf("by %d days: %+v", by/day, state)
		}
		state, err := b.hub.TrustClock(b.ctx)
		if err != nil || state.Alarm || state.Server != b.clock {
			t.Fatalf("trusted: %+v, %v", state, err)
		}
		b.close()
		b.clock++
		b.open()
		b.wantTime("opened again", b.clock, false)
	}
}
