package dashboard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mahalleh/schemas/indicators"
	"mahalleh/syncproto"
)

// reckoning is what figures are made of in these tests: how often something moved, and
// how long it takes to make them. A figure's AsOf is how often something had moved.
type reckoning struct {
	figureCache
	t     *testing.T
	takes time.Duration
	made  int

	at    sync.Mutex
	moves []time.Time
}

func (r *reckoning) moveOn() {
	r.at.Lock()
	r.moves = append(r.moves, time.Now())
	r.at.Unlock()
	r.move()
}

// before is how often something had moved before a time: what happens at one moment has
// no order.
func (r *reckoning) before(t time.Time) (n int64) {
	r.at.Lock()
	defer r.at.Unlock()
	for _, m := range r.moves {
		if m.Before(t) {
			n++
		}
	}
	return n
}

func (r *reckoning) make(ctx context.Context) (reckoned, error) {
	r.at.Lock()
	r.made++
	x := reckoned{figures: indicators.Figures{AsOf: int64(len(r.moves))}}
	r.at.Unlock()
	t := time.NewTimer(r.takes)
	defer t.Stop()
	select {
	case <-t.C:
		return x, nil
	case <-ctx.Done():
		return x, ctx.Err()
	}
}

func whatever(*reckoned) bool { return true }

func (r *reckoning) read(place syncproto.PlaceID) int64 {
	r.t.Helper()
	x, err := r.get(r.t.Context(), place, whatever, r.make)
	if err != nil {
		r.t.Error(err)
	}
	return x.figures.AsOf
}

// TestFiguresAreAsOldAsIsSaid: while changes stream in, nobody is handed figures that
// lack what moved longer ago than half a second and three reckonings; whoever looks
// already waits for none; and who asks when told at last gets all of it.
func TestFiguresAreAsOldAsIsSaid(t *testing.T) {
	for _, takes := range []time.Duration{0, 20 * time.Millisecond, 400 * time.Millisecond, 3 * time.Second} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const seed = 7
				rng := rand.New(rand.NewPCG(seed, uint64(takes)))
				r := &reckoning{t: t, takes: takes}
				var told []time.Time
				shown := int64(-1)
				var asking sync.WaitGroup
				r.tell = func() {
					told = append(told, time.Now())
					asking.Go(func() { shown = r.read(syncproto.PlaceID{1}) })
				}
				r.read(syncproto.PlaceID{1})
				began := time.Now()
				var readers sync.WaitGroup
				for range 200 {
					pause := time.Duration(1+rng.IntN(1000)) * time.Millisecond
					readers.Go(func() {
						for time.Since(began) < 20*time.Second {
							time.Sleep(pause)
							asked := time.Now()
							got := r.read(syncproto.PlaceID{1})
							if took := time.Since(asked); took > 0 {
								t.Errorf("seed %d: somebody who looked already waited for %s", seed, took)
							}
							if least := r.before(asked.Add(-(RoundsApart + 3*takes))); got < least {
								t.Errorf("seed %d: figures of move %d were handed on when %d were due", seed, got, least)
							}
						}
					})
				}
				for time.Since(began) < 20*time.Second {
					time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
					r.moveOn()
				}
				readers.Wait()
				time.Sleep(10 * time.Second)
				asking.Wait()
				if all := int64(len(r.moves)); shown != all {
					t.Errorf("seed %d: the page that was told last shows move %d of %d", seed, shown, all)
				}
				for i := 1; i < len(told); i++ {
					if apart := told[i].Sub(told[i-1]); apart < RoundsApart {
						t.Errorf("pages were told %s after they were told", apart)
					}
				}
				// Half of the time is left, and each round reckons once.
				if most := 4 + int(20*time.Second/max(RoundsApart, 2*takes)); r.made > most {
					t.Errorf("figures were made %d times, at most %d are due", r.made, most)
				}
				r.close()
			})
		})
	}
}

// TestQuietMovesAtOnce: after a quiet time pages are told as soon as the figures that
// they show are there.
func TestQuietMovesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reckoning{t: t, takes: 100 * time.Millisecond}
		var told time.Time
		r.tell = func() { told = time.Now() }
		r.read(syncproto.PlaceID{1})
		time.Sleep(3 * time.Second)
		moved := time.Now()
		r.moveOn()
		time.Sleep(time.Second)
		if took := told.Sub(moved); took != r.takes {
			t.Errorf("pages were told after %s", took)
		}
		if got := r.read(syncproto.PlaceID{1}); got != 1 {
			t.Errorf("the figures are of move %d", got)
		}
		// Nobody looks any more: nothing is reckoned.
		time.Sleep(time.Minute)
		made := r.made
		r.moveOn()
		time.Sleep(time.Second)
		if r.made != made {
			t.Error("figures were made that nobody looks at")
		}
		if got := r.read(syncproto.PlaceID{1}); got != 2 {
			t.Errorf("whoever looks again gets those of move %d", got)
		}
		r.close()
	})
}

// TestOneReckonsForAll: two hundred who ask at once for figures that are not there wait
// for one reckoning; somebody who gives up keeps nobody else from it.
func TestOneReckonsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reckoning{t: t, takes: time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := r.get(ctx, syncproto.PlaceID{1}, whatever, r.make); err == nil {
				t.Error("somebody who gave up got figures")
			}
		})
		synctest.Wait()
		for range 200 {
			all.Go(func() { r.read(syncproto.PlaceID{1}) })
		}
		time.Sleep(100 * time.Millisecond)
		cancel()
		all.Wait()
		if r.made != 2 {
			t.Errorf("figures were made %d times", r.made)
		}
	})
}

// TestFiguresOfOtherPlacesAreNotHandedOn: figures of one set of places are nobody's who
// asks for another, and no more places are kept than is bounded.
func TestFiguresOfOtherPlacesAreNotHandedOn(t *testing.T) {
	r := &reckoning{t: t}
	of := func(n byte, ids ...syncproto.PlaceID) string {
		fits := func(x *reckoned) bool { return fmt.Sprint(x.ids) == fmt.Sprint(ids) }
		x, err := r.get(t.Context(), syncproto.PlaceID{n}, fits, func(context.Context) (reckoned, error) { return reckoned{ids: ids}, nil })
		if err != nil {
			t.Error(err)
		}
		return fmt.Sprint(x.ids)
	}
	for n := range byte(3 * mostKept) {
		for _, ids := range [][]syncproto.PlaceID{{{n}}, {{n}, {200}}, {{n}}} {
			if got := of(n, ids...); got != fmt.Sprint(ids) {
				t.Errorf("of %v came those of %s", ids, got)
			}
		}
	}
	if len(r.kept) > mostKept {
		t.Errorf("%d places are kept", len(r.kept))
	}
}
