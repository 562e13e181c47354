package dashboard

import (
	"context"
	"sync"
	"time"

	"mahalleh/syncproto"
)

const (
	// RoundsApart is the least time between two rounds: changes may stream in, and what
	// was reckoned is handed on that long.
	RoundsApart = 500 * time.Millisecond
	// roundAtMost bounds how long pages wait to be told for what others look at to be
	// reckoned; what is not done by then is reckoned when somebody asks.
	roundAtMost = time.Second
	// watchedFor is how long after somebody asked for a place's figures they are
	// reckoned anew before anybody asks.
	watchedFor = 5 * time.Second
	// mostKept bounds how many places' figures are kept.
	mostKept = 64
)

// figureCache keeps the figures of places, so that two hundred readers who look at one
// province cost what one does, while changes stream in too.
//
// What moved is told in rounds. A round begins with the first move after a quiet time,
// and otherwise RoundsApart after the one before and as long as that took. It reckons
// what somebody looks at anew, and then tells the pages; until they are told, what was
// reckoned for the round before is handed on, so that nobody waits for what is about to
// come. So a figure lacks nothing that moved longer ago than RoundsApart and three times
// as long as a round reckons, and a page is told of all that moved. When it was reckoned
// stands in it.
//
// The zero value is ready for use.
type figureCache struct {
	// tell tells the pages that are open; nil tells nobody.
	tell func()

	mu   sync.Mutex
	kept map[syncproto.PlaceID]*keptFigures
	// round is the last that pages were told of, coming that for which is being
	// reckoned: round, or the one after it.
	round, coming uint64
	// moved says that a round is to come, running that somebody sees to it.
	moved, running bool
	began, ended   time.Time // of the last round
	// ctx is that of the rounds, until stop; nil before the first.
	ctx    context.Context
	stop   context.CancelFunc
	closed bool
	work   sync.WaitGroup
}

// keptFigures are those of one place.
type keptFigures struct {
	// turn is held by whoever reckons them: others wait.
	turn chan struct{}
	// What follows is guarded by the cache's mu.
	got    reckoned
	round  uint64
	known  bool
	asked  time.Time
	reckon reckoner
}

// reckoner makes figures as they are now.
type reckoner func(context.Context) (reckoned, error)

// get returns what is kept of a place if it is of the round that pages were told of,
// and fits the asker; else it has reckon make it.
func (c *figureCache) get(ctx context.Context, place syncproto.PlaceID, fits func(*reckoned) bool, reckon reckoner) (reckoned, error) {
	k, got, ok := c.look(place, fits, reckon)
	if ok {
		return got, nil
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return reckoned{}, ctx.Err()
	}
	if _, got, ok = c.look(place, fits, reckon); ok {
		return got, nil
	}
	return c.reckon(ctx, k, reckon)
}

// look notes that somebody asked for a place, and returns what is kept if it may be
// handed on.
func (c *figureCache) look(place syncproto.PlaceID, fits func(*reckoned) bool, reckon reckoner) (*keptFigures, reckoned, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.kept[place]
	if k == nil {
		if c.kept == nil {
			c.kept = map[syncproto.PlaceID]*keptFigures{}
		}
		if len(c.kept) >= mostKept {
			c.dropOldest()
		}
		k = &keptFigures{turn: make(chan struct{}, 1)}
		c.kept[place] = k
	}
	k.asked, k.reckon = time.Now(), reckon
	return k, k.got, k.known && k.round >= c.round && fits(&k.got)
}

// dropOldest forgets what nobody asked for for the longest time; the caller holds mu.
func (c *figureCache) dropOldest() {
	var oldest syncproto.PlaceID
	first := true
	for place, k := range c.kept {
		if first || k.asked.Before(c.kept[oldest].asked) {
			oldest, first = place, false
		}
	}
	delete(c.kept, oldest)
}

// reckon makes what is kept; the caller holds its turn.
func (c *figureCache) reckon(ctx context.Context, k *keptFigures, reckon reckoner) (reckoned, error) {
	c.mu.Lock()
	round := c.coming
	c.mu.Unlock()
	got, err := reckon(ctx)
	if err != nil {
		return got, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k.got, k.round, k.known = got, round, true
	return got, nil
}

// move says that something moved. It does not block.
func (c *figureCache) move() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved = true
	if c.running || c.closed {
		return
	}
	c.running = true
	if c.ctx == nil {
		c.ctx, c.stop = context.WithCancel(context.Background())
	}
	c.work.Go(c.rounds)
}

// rounds goes on until nothing moves.
func (c *figureCache) rounds() {
	for c.wait() {
		c.next()
	}
}

// wait passes the time to the next round, false if there is none to come.
func (c *figureCache) wait() bool {
	c.mu.Lock()
	if !c.moved || c.closed {
		c.running = false
		c.mu.Unlock()
		return false
	}
	next := c.began.Add(RoundsApart)
	if rested := c.ended.Add(c.ended.Sub(c.began)); rested.After(next) {
		next = rested
	}
	c.mu.Unlock()
	t := time.NewTimer(time.Until(next))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// next is one round. It ends when it is said that it was told, so that what moves
// meanwhile is for the one after it.
func (c *figureCache) next() {
	c.mu.Lock()
	c.moved, c.coming, c.began = false, c.round+1, time.Now()
	var watched []*keptFigures
	for _, k := range c.kept {
		if k.known && c.began.Sub(k.asked) < watchedFor {
			watched = append(watched, k)
		}
	}
	c.mu.Unlock()
	for _, k := range watched {
		if c.ctx.Err() != nil || time.Since(c.began) > roundAtMost {
			break
		}
		c.anew(k)
	}
	c.mu.Lock()
	c.round, c.ended = c.coming, time.Now()
	c.mu.Unlock()
	if c.tell != nil {
		c.tell()
	}
}

// anew reckons what somebody looks at for the coming round. What goes wrong is told to
// whoever asks next: they reckon it again.
func (c *figureCache) anew(k *keptFigures) {
	k.turn <- struct{}{}
	defer func() { <-k.turn }()
	c.mu.Lock()
	reckon, done := k.reckon, k.round >= c.coming
	c.mu.Unlock()
	if !done {
		_, _ = c.reckon(c.ctx, k, reckon)
	}
}

// forget has everything be reckoned again, and tells nobody.
func (c *figureCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.coming++
	c.round = c.coming
}

// close ends the rounds, and waits for the one that is under way.
func (c *figureCache) close() {
	c.mu.Lock()
	c.closed = true
	if c.stop != nil {
		c.stop()
	}
	c.mu.Unlock()
	c.work.Wait()
}
