package access

import (
	"slices"
	"sync"
	"time"
)

const (
	// freeTries are wrong tries that cost nothing, a person's slips; from one
	// address, behind which a whole office may sit, they are freeFrom.
	freeTries, freeFrom = 3, 20
	// firstWait follows the next one and doubles with each, up to mostWait: a
	// guesser gets fifteen hundred tries a day, and nobody is ever locked out.
	firstWait = 2 * time.Second
	mostWait  = time.Minute
	// forgetTries is after how long without a try somebody begins anew.
	forgetTries = time.Hour
	// mostTried bounds who is remembered; the oldest are forgotten first.
	mostTried = 10_000
)

// tries are wrong passwords and codes: by name and address together, or by
// address. A wait by name alone would let anybody keep a person out for ever.
type tries struct {
	free int
	mu   sync.Mutex
	who  map[string]tried
}

type tried struct {
	wrong int
	last  int64 // Unix ms
}

func (t tried) wait(now int64, free int) time.Duration {
	if t.wrong <= free || now-t.last >= forgetTries.Milliseconds() {
		return 0
	}
	wait := firstWait
	for n := free + 1; n < t.wrong && wait < mostWait; n++ {
		wait *= 2
	}
	return max(0, min(wait, mostWait)-time.Duration(now-t.last)*time.Millisecond)
}

// wait is how long somebody has to wait until they may try again.
func (t *tries) wait(now int64, who string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.who[who].wait(now, t.free)
}

// wrong counts a wrong try.
func (t *tries) wrong(now int64, who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.who == nil {
		t.who = map[string]tried{}
	}
	x := t.who[who]
	if now-x.last >= forgetTries.Milliseconds() {
		x.wrong = 0
	}
	t.who[who] = tried{x.wrong + 1, now}
	if len(t.who) > mostTried {
		t.forget()
	}
}

// forget lets go of the older half.
func (t *tries) forget() {
	times := make([]int64, 0, len(t.who))
	for _, x := range t.who {
		times = append(times, x.last)
	}
	slices.Sort(times)
	for w, x := range t.who {
		if x.last <= times[len(times)/2] {
			delete(t.who, w)
		}
	}
}

// right forgets the wrong tries of whoever was right.
func (t *tries) right(who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.who, who)
}
