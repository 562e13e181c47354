package syncws

import (
	"sync"
	"sync/atomic"
	"time"
)

// crowd bounds what messages that have not arrived whole hold together. When there
// is no room for more, the longest of them is given up, of several as long the one
// that began first: so whoever only holds room makes way for those who come after,
// and a message of an ordinary length is given up last.
type crowd struct {
	most int64

	mu    sync.Mutex
	held  int64
	parts map[*part]bool
	began uint64
}

// part is a message that has not arrived whole.
type part struct {
	crowd *crowd
	bytes int64
	began uint64
	// giveUp makes its reader stop; it is called at most once, from any goroutine.
	giveUp func()
	over   atomic.Bool
}

func newCrowd(most int64) *crowd { return &crowd{most: most, parts: map[*part]bool{}} }

// grow makes a message hold so many bytes, unless it is given up: then it reports false.
func (p *part) grow(bytes int64) bool {
	c := p.crowd
	c.mu.Lock()
	if p.over.Load() {
		c.mu.Unlock()
		return false
	}
	if !c.parts[p] {
		c.parts[p] = true
		c.began++
		p.began = c.began
	}
	c.held += bytes - p.bytes
	p.bytes = bytes
	var given []*part
	for c.held > c.most {
		given = append(given, c.dropLongest())
	}
	c.mu.Unlock()
	for _, g := range given {
		g.giveUp()
	}
	return !p.over.Load()
}

// dropLongest takes out the one that makes way; mu is held.
func (c *crowd) dropLongest() *part {
	var longest *part
	for p := range c.parts {
		if longest == nil || p.bytes > longest.bytes || p.bytes == longest.bytes && p.began < longest.began {
			longest = p
		}
	}
	longest.over.Store(true)
	c.remove(longest)
	return longest
}

// remove takes a message out; mu is held.
func (c *crowd) remove(p *part) {
	if c.parts[p] {
		delete(c.parts, p)
		c.held -= p.bytes
	}
}

// done says that a message has arrived, or does not come.
func (p *part) done() {
	p.crowd.mu.Lock()
	defer p.crowd.mu.Unlock()
	p.crowd.remove(p)
}

// holds is what all messages under way hold beyond what everybody may.
func (c *crowd) holds() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// makeWay asks the other end to leave because too much is under way, and stops
// reading what it sends.
func (c *conn) makeWay() {
	c.h.count.busy.Add(1)
	c.shed(c.h.gate.later(time.Now()))
	// The reader looks whether its message was given up after it has set its own
	// deadline, so one of both is seen.
	c.ws.SetReadDeadline(time.Now())
}
