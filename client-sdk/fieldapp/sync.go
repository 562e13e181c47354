package fieldapp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/syncer"
)

// synchroniser keeps the device connected beside the pages, locked or not, until
// a person pauses it.
type synchroniser struct {
	app *App

	mu    sync.Mutex
	now   syncView
	alarm chan struct{}      // wakes run; has room for one
	leave context.CancelFunc // ends the connection that stands
	over  chan struct{}      // closed when no connection stands any more
}

// syncView is how the sync stands.
type syncView struct {
	// Running: it is connected, or tries to be.
	Running  bool
	Progress clientsdk.Progress
	// News are what became of changes since the program began, the newest first;
	// Settled conflicts that others settled.
	News    []clientsdk.Verdict
	Settled []clientsdk.Settlement
	// Sent and Received are counts of this run of the program, Caught when it was
	// up to date last, by the device's clock.
	Sent, Received uint64
	Caught         time.Time
	// Err is why it ended, when only a person can help. While it waits for the next
	// try Progress.Err is why the last one ended.
	Err error
}

// why is what keeps it from being connected, nil if nothing does.
func (v *syncView) why() error {
	if v.Running && v.Progress.Phase == syncer.Waiting {
		return v.Progress.Err
	}
	return v.Err
}

const (
	// maxNews bounds what is kept of news; older ones stand in the records' history.
	maxNews = 50
	// tryAgain is after how long it is tried again when only a person seemed to be
	// able to help: the office may have helped meanwhile.
	tryAgain = 10 * time.Minute
)

// wake is the channel that wakes run.
func (s *synchroniser) wake() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alarm == nil {
		s.alarm = make(chan struct{}, 1)
	}
	return s.alarm
}

// nudge connects at once: a person touched the button, or can be connected now.
func (s *synchroniser) nudge() {
	s.halt()
	select {
	case s.wake() <- struct{}{}:
	default:
	}
}

// halt ends the connection that stands, and returns when it has ended.
func (s *synchroniser) halt() {
	s.mu.Lock()
	leave, over := s.leave, s.over
	s.mu.Unlock()
	if leave != nil {
		leave()
		<-over
	}
}

// run connects whenever it may, until ctx ends.
func (s *synchroniser) run(ctx context.Context) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake():
		case <-again.C:
		}
		s.follow(ctx)
		again.Reset(tryAgain)
	}
}

// follow stays connected until it is halted or only a person can help.
func (s *synchroniser) follow(ctx context.Context) {
	c := s.app.device()
	if c == nil || c.Locked() || s.app.prefs.get().Paused {
		return
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	over := make(chan struct{})
	s.change(func(v *syncView) { v.Running, v.Err, v.Progress = true, nil, clientsdk.Progress{} }, leave, over)
	var last clientsdk.Progress
	_, err := c.Follow(ctx, func(p clientsdk.Progress) {
		s.change(func(v *syncView) { v.add(p, &last, s.app.opt.SDK.Clock.Now()) }, leave, over)
	}, func(r clientsdk.SyncResult) {
		s.change(func(v *syncView) { v.tell(&r) }, leave, over)
		s.app.events.tell(eventRecords, eventConflicts)
	})
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	s.change(func(v *syncView) { v.Running, v.Err = false, err }, nil, nil)
	close(over)
	s.app.events.tell(eventRecords, eventConflicts)
}

// add takes a step of the sync into the view. Counts begin anew with each connection.
func (v *syncView) add(p clientsdk.Progress, last *clientsdk.Progress, now time.Time) {
	if p.ChangesUp < last.ChangesUp || p.RecordsDown < last.RecordsDown {
		*last = clientsdk.Progress{}
	}
	v.Sent += p.ChangesUp - last.ChangesUp
	v.Received += p.RecordsDown - last.RecordsDown
	v.Progress, *last = p, p
	if p.Phase == syncer.Idle {
		v.Caught = now
	}
}

// tell takes news into the view.
func (v *syncView) tell(r *clientsdk.SyncResult) {
	v.News = append(slices.Clone(r.Verdicts), v.News...)
	v.News = v.News[:min(len(v.News), maxNews)]
	v.Settled = append(slices.Clone(r.Settled), v.Settled...)
	v.Settled = v.Settled[:min(len(v.Settled), maxNews)]
}

func (s *synchroniser) change(f func(*syncView), leave context.CancelFunc, over chan struct{}) {
	s.mu.Lock()
	f(&s.now)
	s.leave, s.over = leave, over
	s.mu.Unlock()
	s.app.events.tell(eventSync)
}

func (s *synchroniser) view() syncView {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// forget drops what names records: it is sealed while the device is locked.
func (s *synchroniser) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.News, s.now.Settled = nil, nil
}
