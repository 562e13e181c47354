package localstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// lookBatch is how many records the index looks at before it lets go of the
// lock of those who write: a save waits for no more than that, some hundredths
// of a second.
const lookBatch = 250

// follow brings the index after a commit up to date, but for records that came
// for the first time: a first load would take several times as long if each of
// them were looked at as it comes. Whoever asks for them waits, see catchUp.
func (s *Store) follow(ctx context.Context, t *tx) {
	x := s.index
	if x == nil || s.keys == nil {
		return
	}
	x.later(t.fresh, false)
	if len(t.touched) == 0 {
		return
	}
	ids := make([]syncproto.RecordID, 0, len(t.touched))
	for id := range t.touched {
		ids = append(ids, id)
	}
	if x.still || x.stale != nil {
		x.later(ids, true)
		return
	}
	s.look(ctx, ids)
}

// later leaves records for when somebody asks. unlike says that they are not
// only such as came for the first time.
func (x *index) later(ids []syncproto.RecordID, unlike bool) {
	if len(ids) == 0 {
		return
	}
	x.late = append(x.late, ids...)
	x.behind.Store(true)
	if unlike {
		x.unlike.Store(true)
	}
}

// catchUp has the index look at what it has not looked at when it is called, in
// batches, between which others may write. The caller does not hold write. It
// ends with an error if ctx ends before that.
func (s *Store) catchUp(ctx context.Context) error {
	for left := -1; left != 0 && s.indexBehind(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		left = s.lookAtSome(ctx, left)
	}
	return nil
}

// catchUpSome is catchUp of no more than one batch, for who rather knows not all
// than waits.
func (s *Store) catchUpSome(ctx context.Context) {
	if s.indexBehind() {
		s.lookAtSome(ctx, -1)
	}
}

// catchUpFor is catchUp as far as a list needs it.
func (s *Store) catchUpFor(ctx context.Context, f *Filter) error {
	s.mu.RLock()
	needed := f.whole() || s.index != nil && s.index.unlike.Load()
	s.mu.RUnlock()
	if !needed {
		return nil
	}
	return s.catchUp(ctx)
}

func (s *Store) indexBehind() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index != nil && s.index.behind.Load()
}

// lookAtSome looks at one batch of at most the first records that wait, all if
// that is negative, and returns how many of these are left.
func (s *Store) lookAtSome(ctx context.Context, first int) int {
	s.write.Lock()
	defer s.write.Unlock()
	x := s.index
	if x == nil || s.keys == nil {
		return 0
	}
	if first < 0 || first > len(x.late) {
		first = len(x.late)
	}
	x.still = false // who waits for a list goes before a snapshot
	n := min(first, lookBatch)
	batch := x.late[:n]
	x.late = x.late[n:]
	// Once begun it is done for all who ask: if it ended with the one who asked
	// first, the index would be stale for the others.
	s.look(context.WithoutCancel(ctx), batch)
	if len(x.late) == 0 {
		x.late = nil
		x.unlike.Store(false)
		x.behind.Store(false)
	}
	return first - n
}

// look has the index look at records.
func (s *Store) look(ctx context.Context, ids []syncproto.RecordID) {
	if s.index.stale == nil && s.refresh(ctx, s.index, ids) == nil {
		return
	}
	s.mendIndex(ctx)
}

// mendIndex fills the index anew, the one cure; if that fails too, lists say why.
func (s *Store) mendIndex(ctx context.Context) {
	err := s.cureIndex(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.stale = err
}

// refresh looks at records anew.
func (s *Store) refresh(ctx context.Context, x *index, ids []syncproto.RecordID) error {
	for batch := range slices.Chunk(ids, lookBatch) {
		if err := s.refreshSome(ctx, x, batch); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) refreshSome(ctx context.Context, x *index, ids []syncproto.RecordID) error {
	t, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer t.Rollback()
	w := &indexWriter{ctx: ctx, t: t, seen: map[syncproto.RecordID]bool{}}
	err = s.open(ctx, func(q querier, k *keyring) error {
		for few := range slices.Chunk(ids, readTogether) {
			if err := s.refreshFew(ctx, q, k, w, few); err != nil {
				return err
			}
		}
		// A title that is led by a record which is still to be looked at would lack
		// its beginning. What leads is not led itself.
		leads := slices.DeleteFunc(w.leads, w.has)
		for few := range slices.Chunk(leads, readTogether) {
			if err := s.refreshFew(ctx, q, k, w, few); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = w.putWords()
	}
	if err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// readTogether is how many records are read by one statement.
const readTogether = 32

var (
	amongIDs   = "(" + numbered(readTogether) + ")"
	readOurs   = "SELECT record FROM entry WHERE record IN " + amongIDs + " UNION SELECT record FROM draft WHERE record IN " + amongIDs
	readStates = "SELECT n, record, scope, position, load, gone, hash, state FROM shadow WHERE record IN " + amongIDs
)

// numbered is ?1, ?2 and so on.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", ?%d", i+1)
	}
	return b.String()[2:]
}

// refreshFew looks at readTogether records or fewer. Most have nothing of this
// device's own, so that their rows are read together.
func (s *Store) refreshFew(ctx context.Context, q querier, k *keyring, w *indexWriter, ids []syncproto.RecordID) error {
	args := make([]any, readTogether)
	for i := range args {
		args[i] = ids[min(i, len(ids)-1)][:]
	}
	found, err := q.QueryContext(ctx, readOurs, args...)
	if err != nil {
		return translate(err)
	}
	with, err := scanRecords(found)
	if err != nil {
		return err
	}
	ours := map[syncproto.RecordID]bool{}
	for _, id := range with {
		ours[id] = true
	}
	rows, err := readShadows(ctx, q, readStates, args...)
	if err != nil {
		return err
	}
	for _, id := range ids {
		h := Held{State: syncproto.NewRecordState(id)}
		if r := rows[id]; ours[id] {
			h, err = readHeld(ctx, q, k, id, false)
		} else if r != nil {
			h.State, err = r.shown(k)
		}
		if err == nil {
			err = s.indexOne(ctx, q, k, w, &h)
		}
		if err != nil {
			return fmt.Errorf("index record %v: %w", id, err)
		}
	}
	return nil
}

// indexOne brings a record into the index as it is now, or takes it out.
func (s *Store) indexOne(ctx context.Context, q querier, k *keyring, w *indexWriter, h *Held) error {
	id := h.State.Record
	r := Row{Record: id, Sync: h.Sync, Draft: h.Draft}
	var f face
	switch {
	case h.State.Exists() && !h.State.Erased:
		f = faceOf(s.opt.Packages, h.State)
		r.Form, r.Scope, r.Conflicts = h.State.Form, h.State.Home, len(merge.Conflicts(h.State))
		r.Deleted = !merge.Alive(h.State)
		r.Changed = h.State.Versions[h.State.Latest].Time
	case h.Draft && !h.State.Erased:
		var scope int64
		err := q.QueryRowContext(ctx, "SELECT form, scope, saved FROM draft WHERE record = ? ORDER BY saved DESC LIMIT 1", id[:]).Scan(&r.Form, &scope, &r.Changed)
		if err != nil {
			return missing(err, ErrCorrupt)
		}
		sk, err := k.of(scope)
		if err != nil {
			return err
		}
		r.Scope = sk.id
	default:
		return w.remove(id)
	}
	return w.put(&r, &f)
}
