package syncws

import (
	"context"
	"testing"
	"testing/synctest"
)

// Many do what there is to do at once, few wait for more, and none when all is over.
func TestHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := newHands(ctx)
		for range 3 {
			release, done := make(chan struct{}), make(chan struct{}, 3*maxIdle)
			for range cap(done) {
				h.do(func() { <-release; done <- struct{}{} })
			}
			synctest.Wait()
			if idle := h.idle.Load(); idle != 0 {
				t.Errorf("%d wait while there is work", idle)
			}
			close(release)
			synctest.Wait()
			if len(done) != cap(done) || h.idle.Load() != maxIdle {
				t.Errorf("%d of %d were done, %d wait", len(done), cap(done), h.idle.Load())
			}
		}
		cancel() // the bubble ends with the last of them
	})
}
