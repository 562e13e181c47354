package hub

import (
	"sync/atomic"
	"time"

	"mahalleh/syncproto"
)

// CommitBounds are the upper bounds of the classes into which commits are
// counted by how long they took; one more class holds the rest.
var CommitBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
}

// Outcomes are how many outcomes a change can have, and 0 for none.
const Outcomes = int(syncproto.Rejected) + 1

// Counters are what a hub has counted since it was opened.
type Counters struct {
	// Pushes are batches that were taken in or refused, Failed those that could
	// not be taken in now.
	Pushes, Failed int64
	// Changes are results told, by outcome; a change that is sent again is
	// counted again.
	Changes [Outcomes]int64
	// Commits are transactions that took batches in, Took how long they took
	// together, Classes how many of them each class of CommitBounds holds.
	Commits int64
	Took    time.Duration
	Classes [len(CommitBounds) + 1]int64
	// Queue is how many batches wait now.
	Queue int
}

// counters count without a lock.
type counters struct {
	pushes, failed, commits, took atomic.Int64
	changes                       [Outcomes]atomic.Int64
	classes                       [len(CommitBounds) + 1]atomic.Int64
}

// Counters returns the present counts.
func (h *Hub) Counters() Counters {
	c := Counters{Pushes: h.count.pushes.Load(), Failed: h.count.failed.Load(), Commits: h.count.commits.Load(),
		Took: time.Duration(h.count.took.Load()), Queue: len(h.queue)}
	for i := range c.Changes {
		c.Changes[i] = h.count.changes[i].Load()
	}
	for i := range c.Classes {
		c.Classes[i] = h.count.classes[i].Load()
	}
	return c
}

// committed counts a transaction and what became of its batches.
func (c *counters) committed(took time.Duration, replies []reply) {
	class := 0
	for class < len(CommitBounds) && took > CommitBounds[class] {
		class++
	}
	c.classes[class].Add(1)
	c.commits.Add(1)
	c.took.Add(int64(took))
	c.pushes.Add(int64(len(replies)))
	for i := range replies {
		for _, r := range replies[i].ack.Results {
			if n := int(r.Result.Outcome); n < Outcomes {
				c.changes[n].Add(1)
			}
		}
	}
}
