// Package report derives from the store what the committee's figures and exports
// are read from: typed tables, one for each form, and counters for each place, in
// a database file of its own that follows the store and can be made anew.
//
// Sync never waits for it: it has its own file, its own writer, and a cursor for
// each scope. What was erased goes from it when it catches up.
package report

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	// The driver of the file.
	_ "modernc.org/sqlite"

	"mahalleh/schemas"
	"mahalleh/server/store"
)

// Errors that callers can tell apart.
var (
	// ErrBuilding says that the report is not there yet: it has never been made for
	// these forms and formulas, or the store was put back to an earlier state. Run
	// and Rebuild make it.
	ErrBuilding = errors.New("the report has to be made anew first")
	// ErrClosed answers those who ask a closed report.
	ErrClosed = errors.New("the report is closed")
)

// Options say what is followed and where the report is kept.
type Options struct {
	// Path is the report's database file; its folder is made if it is not there.
	Path string
	// View runs f over one snapshot of the store.
	View  func(ctx context.Context, f func(store.Reader) error) error
	Forms *schemas.Package
	// Log is told what Run cannot tell anybody; nil discards it.
	Log *slog.Logger
}

// Report is the report of one store. It is safe for concurrent use; one process
// at a time may have it.
type Report struct {
	o      Options
	layout *layout
	// moved is filled when something may be there to be read.
	moved chan struct{}

	// told is called after Run took something in.
	told atomic.Pointer[func()]

	// turn is held by whoever writes, and guards what follows.
	turn  sync.Mutex
	write *writer
	// littered says that pages of what went may still lie in the write-ahead log.
	littered bool

	// mu guards reads, which is exchanged when the report was made anew, with the
	// summaries of its file. nil while there is none.
	mu    sync.RWMutex
	reads *sql.DB
	held  *summaries
	shut  bool
}

// Open opens the report. One that was made for other forms, formulas or another
// past of the store is not read: Current says so, and Rebuild makes it anew.
func Open(ctx context.Context, o Options) (*Report, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open report: %w", err)
	}
	o.Path = path
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open report: %w", err)
	}
	// A report that was never finished holds content that nobody takes out any more.
	if err := remove(path + buildSuffix); err != nil {
		return nil, fmt.Errorf("open report: %w", err)
	}
	r := &Report{o: o, layout: layoutOf(o.Forms), moved: make(chan struct{}, 1)}
	if err := r.take(ctx); err != nil && !errors.Is(err, ErrBuilding) {
		return nil, fmt.Errorf("open report %s: %w", path, err)
	}
	return r, nil
}

// take opens the file that is there, ErrBuilding if it is not of use.
func (r *Report) take(ctx context.Context) error {
	if _, err := os.Stat(r.o.Path); errors.Is(err, os.ErrNotExist) {
		return ErrBuilding
	} else if err != nil {
		return err
	}
	w, err := openWriter(ctx, r.o.Path, r.layout)
	if err != nil {
		// It can be made anew, whatever is wrong with it.
		r.o.Log.Warn("the report cannot be read and is made anew", "path", r.o.Path, "err", err)
		return ErrBuilding
	}
	fits, err := w.fits(ctx, r.o.View)
	if err != nil || !fits {
		err = errors.Join(err, w.close())
		if err == nil {
			err = ErrBuilding
		}
		return err
	}
	reads, err := openReads(r.o.Path)
	if err != nil {
		return errors.Join(err, w.close())
	}
	r.write = w
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads, r.held = reads, &summaries{}
	return nil
}

// Current reports whether the report is there and may be read.
func (r *Report) Current() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.reads != nil
}

// Moved says that something was committed. It does not block.
func (r *Report) Moved() {
	select {
	case r.moved <- struct{}{}:
	default:
	}
}

// Tell has f called whenever Run has taken in what moved: what was read before may
// be old. f must not block.
func (r *Report) Tell(f func()) { r.told.Store(&f) }

// followApart is the least time between two rounds: while changes stream in, each has
// its share of what a round costs whatever is in it.
const followApart = 200 * time.Millisecond

// Run follows the store until ctx is over: it makes the report if there is none,
// takes in what is there, and then whatever Moved tells of.
func (r *Report) Run(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		var again <-chan time.Time
		switch err := r.follow(ctx); {
		case errors.Is(err, errLittered):
			again = time.After(sweepAgain)
		case err != nil && ctx.Err() == nil:
			r.o.Log.Error("the report cannot follow; figures are older than the data until it can", "err", err)
		}
		if f := r.told.Load(); f != nil {
			(*f)()
		}
		select {
		case <-r.moved:
		case <-again:
		case <-ctx.Done():
		}
		select {
		case <-time.After(time.Until(began.Add(followApart))):
		case <-ctx.Done():
		}
	}
}

func (r *Report) follow(ctx context.Context) error {
	if !r.Current() {
		return r.Rebuild(ctx, nil)
	}
	_, err := r.CatchUp(ctx)
	return err
}

// view asks the report, ErrBuilding while there is none.
func (r *Report) view(ctx context.Context, f func(*sql.Tx) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.shut {
		return ErrClosed
	}
	if r.reads == nil {
		return ErrBuilding
	}
	tx, err := r.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(f(tx), tx.Rollback())
}

// Close waits for whoever reads and writes, and closes the file.
func (r *Report) Close() error {
	r.turn.Lock()
	defer r.turn.Unlock()
	return r.letGo(true)
}

// letGo closes the file; the caller holds the turn.
func (r *Report) letGo(forEver bool) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut = r.shut || forEver
	if r.reads != nil {
		err = r.reads.Close()
		r.reads = nil
	}
	if r.write != nil {
		err = errors.Join(err, r.write.close())
		r.write = nil
	}
	if err != nil {
		return fmt.Errorf("close report: %w", err)
	}
	return nil
}
