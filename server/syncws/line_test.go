package syncws

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever waits in a line is served after those before, and after the pause; who
// leaves because the session ends holds nobody up.
func TestLineServesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(4)
		const some, each = 5, 10 * time.Millisecond
		began, served := time.Now(), make(chan time.Duration, some)
		for range some {
			go func() {
				leave := l.take(t.Context())
				served <- time.Since(began)
				time.Sleep(each)
				leave()
			}()
		}
		for n := range some {
			if at, want := <-served, time.Duration(n)*5*each; at != want {
				t.Errorf("the turn of number %d comes after %v, want %v", n+1, at, want)
			}
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		leave := l.take(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan bool)
		go func() {
			l.take(ctx)()
			close(gone)
		}()
		cancel()
		<-gone
		leave()
	})
}
