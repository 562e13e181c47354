package fieldapp

import (
	"context"
	"sync"

	clientsdk "mahalleh/client-sdk"
)

func (a *App) syncRoutes() []route {
	return []route{
		{pattern: "GET /sync", handle: (*visit).getSync},
		{pattern: "POST /sync/now", handle: (*visit).syncNow},
	}
}

// synchroniser keeps the device connected beside the pages.
type synchroniser struct {
	app *App

	mu   sync.Mutex
	wake chan struct{}
	view syncView
}

// syncView is how the sync stands.
type syncView struct {
	Running  bool
	Progress clientsdk.Progress
	Last     *clientsdk.SyncResult
	Err      error
}

func (s *synchroniser) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.signal():
			s.once(ctx)
		}
	}
}

func (s *synchroniser) signal() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{}, 1)
	}
	return s.wake
}

// nudge begins a sync soon.
func (s *synchroniser) nudge() {
	select {
	case s.signal() <- struct{}{}:
	default:
	}
}

func (s *synchroniser) once(ctx context.Context) {
	c := s.app.device()
	if c == nil || c.Locked() {
		return
	}
	s.change(func(v *syncView) { v.Running, v.Err = true, nil })
	r, err := c.Sync(ctx, func(p clientsdk.Progress) { s.change(func(v *syncView) { v.Progress = p }) })
	s.change(func(v *syncView) { v.Running, v.Last, v.Err = false, &r, err })
	s.app.events.tell(eventRecords, eventConflicts)
}

func (s *synchroniser) change(f func(*syncView)) {
	s.mu.Lock()
	f(&s.view)
	s.mu.Unlock()
	s.app.events.tell(eventSync)
}

func (s *synchroniser) now() syncView {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

func (v *visit) getSync() error {
	p := v.page("sync", v.say("screen.nav.sync", nil))
	p.Data = v.sync.now()
	return v.render(p)
}

func (v *visit) syncNow() error {
	v.sync.nudge()
	return v.redirect("/sync")
}
