package hub

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/planted"
)

// A step that lacks what a rule asks for waits for it. What it asks for stands in
// other records, so that something has to look again when one of these changes:
// records with such a step are noted, with what was asked for. There are hardly ever
// any. An honest device asked before it saved, and what it saw is here, except after
// the store was put back from a backup: then devices send again what they have, one
// device's step before another's evidence.

// heldKey holds the records with a step that waits for other records.
const heldKey = "hub.held"

// maxHeld bounds them, maxHeldAt those in one scope, so that nobody can crowd out
// those of other places. Beyond it a step waits for a change of its own record.
const (
	maxHeld   = 200
	maxHeldAt = 20
)

// asked is what the rules of a record's steps asked for: records, and forms at a
// place, as the keys say.
type asked map[askedKey]struct{}

// homeKey marks the scope that a record with a step that waits is in.
const homeKey = math.MaxUint32

// askedKey is a record, or a form in a scope, or with homeKey a scope.
type askedKey struct {
	id   [16]byte
	form uint32
}

func (a asked) record(id syncproto.RecordID) { a[askedKey{id: id}] = struct{}{} }

func (a asked) forms(e *evidence, names []string) {
	for _, name := range names {
		if form, known := e.w.h.packages.FormByName(name); known {
			for _, scope := range e.scopes {
				a[askedKey{scope, uint32(form.ID)}] = struct{}{}
			}
		}
	}
}

// concerned says whether one of the transaction's changed records was asked for.
func (a asked) concerned(w *work) bool {
	for id, t := range w.records {
		if !t.dirty {
			continue
		}
		_, itself := a[askedKey{id: id}]
		_, here := a[askedKey{t.state.Home, t.state.Form}]
		if itself || here {
			return true
		}
	}
	return false
}

// holdsFor notes that a step of a record waits for what was asked.
func (w *work) holdsFor(s *syncproto.RecordState, what asked) {
	if w.held[s.Record] == nil {
		w.held[s.Record] = asked{}
	}
	for k := range what {
		w.held[s.Record][k] = struct{}{}
	}
	w.held[s.Record][askedKey{s.Home, homeKey}] = struct{}{}
}

// home is the scope of the record that asked.
func (a asked) home() (home syncproto.ScopeID) {
	for k := range a {
		if k.form == homeKey {
			return k.id
		}
	}
	return home
}

// heldSteps is what was noted last of steps that wait, kept between transactions.
type heldSteps struct {
	bytes []byte
	all   map[syncproto.RecordID]asked
	// by are the records by what they asked for.
	by map[askedKey][]syncproto.RecordID
}

func readHeld(b []byte) *heldSteps {
	h := &heldSteps{bytes: b, all: decodeHeld(b), by: map[askedKey][]syncproto.RecordID{}}
	for id, a := range h.all {
		for k := range a {
			h.by[k] = append(h.by[k], id)
		}
	}
	return h
}

// concerned are those that asked for one of the transaction's changed records.
func (h *heldSteps) concerned(w *work) map[syncproto.RecordID]bool {
	found := map[syncproto.RecordID]bool{}
	for id, t := range w.records {
		if !t.dirty {
			continue
		}
		for _, k := range []askedKey{{id: id}, {t.state.Home, t.state.Form}} {
			for _, waits := range h.by[k] {
				found[waits] = true
			}
		}
	}
	return found
}

// freeHeld looks again at the steps that wait for what the transaction changed, until
// none follows any more, and notes those that wait now.
func (w *work) freeHeld() error {
	before, err := w.tx.Meta(heldKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read which steps wait: %w", err)
	}
	if len(before) == 0 && len(w.held) == 0 {
		return nil
	}
	known := w.h.heldSteps
	if known == nil || !bytes.Equal(known.bytes, before) {
		known = readHeld(before)
		w.h.heldSteps = known
	}
	all, changed := maps.Clone(known.all), len(w.held) > 0
	for id, a := range w.held {
		all[id] = a
	}
	for again := true; again; {
		again = false
		concerned := known.concerned(w)
		for _, id := range ascending(all) {
			if !concerned[id] && (w.held[id] == nil || !w.held[id].concerned(w)) || planted.Bug("nobody looks again at a step that waits for its evidence") {
				continue
			}
			changed = true
			w.held[id] = nil
			freed, err := w.freeOf(id)
			if err != nil {
				return err
			}
			again = again || freed
			if all[id] = w.held[id]; all[id] == nil {
				delete(all, id)
			}
		}
	}
	if !changed {
		return nil
	}
	// Who waits already stays, whoever comes now.
	at := map[syncproto.ScopeID]int{}
	for _, fresh := range []bool{false, true} {
		for _, id := range ascending(all) {
			if _, old := known.all[id]; old == fresh {
				continue
			}
			home := all[id].home()
			if at[home]++; len(all[id]) == 0 || at[home] > maxHeldAt {
				delete(all, id)
			}
		}
	}
	for _, id := range ascending(all) {
		if _, old := known.all[id]; !old && len(all) > maxHeld {
			delete(all, id)
		}
	}
	if after := encodeHeld(all); !bytes.Equal(after, before) {
		return w.tx.PutMeta(heldKey, after)
	}
	return nil
}

// freeOf looks again at the steps of one record. A program that fails at it leaves
// the record as it was: what freed it is not to blame.
func (w *work) freeOf(id syncproto.RecordID) (freed bool, err error) {
	t, err := w.record(id)
	if errors.Is(err, store.ErrCorrupt) {
		w.h.log.Error("a record with a step that waits cannot be read", "record", id, "err", err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	as := t.state.Clone()
	defer func() {
		if what := recover(); what != nil {
			w.h.log.Error("a step that waits cannot be looked at", "record", id, "cause", what)
			t.state, freed = as, false
		}
	}()
	_, freed, err = merge.Free(t.state, w, w)
	if errors.Is(err, store.ErrCorrupt) {
		w.h.log.Error("a step waits for a record that cannot be read", "record", id, "err", err)
		t.state = as
		return false, nil
	}
	t.dirty = t.dirty || freed
	return freed, err
}

// encodeHeld writes records with what their steps asked for.
func encodeHeld(all map[syncproto.RecordID]asked) []byte {
	var b []byte
	for _, id := range ascending(all) {
		b = append(b, id[:]...)
		b = binary.AppendUvarint(b, uint64(len(all[id])))
		keys := make([]askedKey, 0, len(all[id]))
		for k := range all[id] {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(x, y askedKey) int {
			if c := bytes.Compare(x.id[:], y.id[:]); c != 0 {
				return c
			}
			return cmp.Compare(x.form, y.form)
		})
		for _, k := range keys {
			b = append(b, k.id[:]...)
			b = binary.AppendUvarint(b, uint64(k.form))
		}
	}
	return b
}

// decodeHeld reads what encodeHeld wrote; what cannot be read is left out.
func decodeHeld(b []byte) map[syncproto.RecordID]asked {
	all := map[syncproto.RecordID]asked{}
	for len(b) > 16 {
		id := syncproto.RecordID(b[:16])
		n, size := binary.Uvarint(b[16:])
		if size <= 0 {
			return all
		}
		b = b[16+size:]
		a := asked{}
		for ; n > 0 && len(b) > 16; n-- {
			form, size := binary.Uvarint(b[16:])
			if size <= 0 {
				return all
			}
			a[askedKey{[16]byte(b[:16]), uint32(form)}] = struct{}{}
			b = b[16+size:]
		}
		all[id] = a
	}
	return all
}
