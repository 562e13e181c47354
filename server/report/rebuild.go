package report

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mahalleh/server/store"
)

// buildSuffix is that of the file in which a report is being made.
const buildSuffix = ".new"

// Rebuild makes the report anew from the store: into a file of its own, indexes
// last, which then takes the place of the old one. Until then the old one is read,
// and nothing follows. progress, if set, hears how many records are done.
func (r *Report) Rebuild(ctx context.Context, progress func(records int)) (err error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.RLock()
	shut := r.shut
	r.mu.RUnlock()
	if shut {
		return fmt.Errorf("make the report: %w", ErrClosed)
	}
	made := r.o.Path + buildSuffix
	if err := remove(made); err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	if err := r.build(ctx, made, progress); err != nil {
		return fmt.Errorf("make the report: %w", errors.Join(err, remove(made)))
	}
	if err := r.letGo(false); err != nil {
		return err
	}
	// The old one's log must not be taken for the new one's.
	if err := remove(r.o.Path); err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	if err := os.Rename(made, r.o.Path); err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	if err := settle(filepath.Dir(r.o.Path)); err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	if err := r.take(ctx); err != nil {
		return fmt.Errorf("open the report that was made: %w", err)
	}
	return nil
}

// build makes a file with everything that the store holds now, in one transaction
// without a journal: the pages that it makes are written once, as far as they fit into
// memory.
func (r *Report) build(ctx context.Context, path string, progress func(int)) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	w, err := openWriter(ctx, path, r.layout)
	if err != nil {
		return err
	}
	if err := errors.Join(w.build(ctx, func() error { return r.fill(ctx, w, progress) }), w.close()); err != nil {
		return err
	}
	// Nothing of it was forced to the disk until now.
	if f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// fill writes all that the store holds into a file that is being made.
func (r *Report) fill(ctx context.Context, w *writer, progress func(int)) error {
	if err := w.script(ctx, system); err != nil {
		return err
	}
	for _, t := range r.layout.order {
		if err := w.script(ctx, t.create); err != nil {
			return fmt.Errorf("make table %s: %w", t.name, err)
		}
	}
	if err := r.begin(ctx, w); err != nil {
		return err
	}
	// What moves meanwhile is taken in by the next rounds.
	for done := 0; ; {
		n, err := r.o.take(ctx, w, func(n int) {
			if progress != nil {
				progress(done + n)
			}
		})
		if err != nil {
			return err
		}
		if done += n; n < roundRecords {
			break
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	if _, err := r.o.count(ctx, w); err != nil {
		return err
	}
	for _, t := range r.layout.order {
		if t.index == "" {
			continue
		}
		if err := w.script(ctx, t.index); err != nil {
			return fmt.Errorf("make the index of %s: %w", t.name, err)
		}
	}
	return w.note(ctx, printName, r.layout.print)
}

// roundRecords are so few that what is left may be followed with indexes.
const roundRecords = 1000

// begin notes of which past of the store the file is.
func (r *Report) begin(ctx context.Context, w *writer) error {
	return r.o.View(ctx, func(rd store.Reader) error {
		era, err := rd.LastEra()
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the store's past: %w", err)
		}
		return w.note(ctx, eraName, era.ID.String())
	})
}

// Remove takes a report that is not open away, and all that lies beside it.
func Remove(path string) error {
	if err := errors.Join(remove(path), remove(path+buildSuffix)); err != nil {
		return fmt.Errorf("remove report: %w", err)
	}
	return nil
}

// remove takes a database and what lies beside it away.
func remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
