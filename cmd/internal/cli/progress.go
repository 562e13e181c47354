package cli

import (
	"io"
	"strings"
	"sync"
	"time"
)

// screen is the error stream. It holds at most one progress line, which any
// other write removes first, so that log lines and progress never mix.
type screen struct {
	mu         sync.Mutex // guards the fields below and the order of writes
	out        io.Writer
	rewritable bool // a terminal on which a line can be written over
	shown      int  // width of the progress line that stands there
}

// Write writes p after taking the progress line away.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	return s.out.Write(p)
}

// clear takes the progress line away.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

func (s *screen) erase() {
	if s.shown > 0 {
		// Spaces instead of an escape sequence: every terminal knows them.
		_, _ = io.WriteString(s.out, "\r"+strings.Repeat(" ", s.shown)+"\r")
		s.shown = 0
	}
}

// line shows a progress line in place of the previous one.
func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	width := displayWidth(text)
	blank := strings.Repeat(" ", max(0, s.shown-width))
	_, _ = io.WriteString(s.out, "\r"+text+blank)
	s.shown = max(width, 0)
}

// How often progress is shown: a person at a terminal sees it move; a log file
// gets a sign of life.
const (
	rewriteEvery = 100 * time.Millisecond
	lineEvery    = 5 * time.Second
)

// Progress shows a person how far a long work has come.
type Progress struct {
	app  *App
	mu   sync.Mutex // guards next
	next time.Time  // nothing is shown before
}

// Progress starts showing progress on the error stream: on a terminal one line
// that is rewritten, elsewhere a line every few seconds, with --quiet nothing.
func (a *App) Progress() *Progress {
	p := &Progress{app: a}
	if !a.screen.rewritable {
		p.next = a.now().Add(lineEvery)
	}
	return p
}

// Update shows where the work is now, if it is time to. It is cheap enough to
// be called for each item, and may be called from several goroutines.
func (p *Progress) Update(key Key, args ...Args) {
	if p.app.Quiet() {
		return
	}
	now := p.app.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.next) {
		return
	}
	if p.app.screen.rewritable {
		p.next = now.Add(rewriteEvery)
		p.app.screen.line(p.app.T(key, args...))
		return
	}
	p.next = now.Add(lineEvery)
	p.app.Note(key, args...)
}

// Done takes the progress line away; what was achieved is for a Note to say.
func (p *Progress) Done() { p.app.screen.clear() }
