package indicators

import "bytes"

// chains are events and their corrections. An event that corrects another, one
// that corrects that one, and all that correct the same are one chain, also where
// one of them was deleted.
type chains struct {
	corrects map[ID]ID
	living   map[ID]bool
	stands   map[ID]ID // root of a chain: the event of it that counts
}

func newChains() *chains { return &chains{corrects: map[ID]ID{}, living: map[ID]bool{}} }

// event takes an event and what it corrects, zero for none.
func (c *chains) event(event, corrects ID, living bool) {
	if living {
		c.living[event] = true
	}
	if corrects != (ID{}) && corrects != event {
		c.corrects[event] = corrects
	}
}

// root is where a chain begins: the same for all its events. Of events that
// correct one another in a circle it is the smallest.
func (c *chains) root(event ID) ID {
	seen := map[ID]bool{}
	for !seen[event] {
		seen[event] = true
		before, is := c.corrects[event]
		if !is {
			return event
		}
		event = before
	}
	least := event
	for at := c.corrects[event]; at != event; at = c.corrects[at] {
		if bytes.Compare(at[:], least[:]) < 0 {
			least = at
		}
	}
	return least
}

// decide finds the event of each chain that counts: one that no living event
// corrects, directly or through others; of several the one with the greatest id.
func (c *chains) decide() {
	replaced := map[ID]bool{}
	for event := range c.living {
		for at, is := c.corrects[event]; is && !replaced[at]; at, is = c.corrects[at] {
			replaced[at] = true
		}
	}
	c.stands = map[ID]ID{}
	for event := range c.living {
		root := c.root(event)
		have, any := c.stands[root]
		switch {
		case !any, replaced[have] && !replaced[event]:
			c.stands[root] = event
		case replaced[event] == replaced[have] && bytes.Compare(event[:], have[:]) > 0:
			c.stands[root] = event
		}
	}
}

// counts reports whether this event is the one of its chain that counts.
func (c *chains) counts(event ID) bool { return c.stands[c.root(event)] == event }
