package sim

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// storyEvery is how many seeds there are to one whose history begins with one of
// the stories: chains of events that chance brings about too seldom.
const storyEvery = 16

// story tells the seed's story, if it has one. Nothing is disturbed meanwhile; what
// comes after is left to chance, as in any history.
func (w *world) story() error {
	tell := map[uint64]func() error{1: w.lateEvidence, 5: w.keptOut, 9: w.poisoned, 13: w.lateMove}[w.opt.Seed%storyEvery]
	if tell == nil {
		return nil
	}
	w.healing = true
	defer func() { w.healing = false }()
	if err := w.rest(); err != nil {
		return err
	}
	return tell()
}

// lateMove lets a record move to a place, somebody who only works there edit it,
// and the server lose the move, so that the edit comes before the move does and
// has to wait for it.
func (w *world) lateMove() error {
	mover, guest, home := w.cast()
	if guest == nil {
		return nil // everybody works everywhere
	}
	w.note("story", mover.n, guest.n)
	id, err := w.make(mover, "create")
	if err != nil {
		return err
	}
	s, ok, err := w.shown(mover, id)
	if err != nil || !ok || s.Home == home {
		return err // it was made where the guest works
	}
	if err := w.rest(); err != nil {
		return err
	}
	if err := w.server.backUp(true); err != nil {
		return err
	}
	if s, ok, err = w.shown(mover, id); err != nil || !ok {
		return err
	}
	if err := mover.write(id, s, "move"); err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	for _, d := range w.devices {
		if d.line != nil {
			if err := d.line.cut(); err != nil {
				return err
			}
		}
	}
	if s, ok, err = w.shown(guest, id); err != nil || !ok || !merge.Alive(s) {
		return err
	}
	if err := guest.write(id, s, "edit"); err != nil {
		return err
	}
	if err := w.server.verified(); err != nil {
		return err
	}
	w.note("restore server")
	if err := w.server.restoreBackup(); err != nil {
		return err
	}
	if err := w.oracle.lost(); err != nil {
		return err
	}
	if _, err = w.settle(guest); err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	return w.oracle.nothingWaits()
}

// keptOut lets somebody make a record with a value that no program could apply, and
// go on writing in it before they hear of that. A supervisor keeps the making out:
// what was written later waits for what never comes, and can be kept out as well.
func (w *world) keptOut() error {
	d := w.devices[0]
	w.note("story of what is kept out", d.n)
	from := len(w.oracle.order)
	id, err := w.make(d, "bad")
	if err != nil {
		return err
	}
	s, ok, err := w.shown(d, id)
	if err != nil || !ok {
		return err
	}
	if err := d.write(id, s, "edit"); err != nil {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	for i, want := range []syncproto.Outcome{syncproto.Quarantined, syncproto.Parked} {
		change := w.oracle.order[from+i]
		if i == 1 && w.oracle.became(change, syncproto.Quarantined) == nil {
			break // it has a value of its own that is not allowed
		}
		if err := w.oracle.became(change, want); err != nil {
			return err
		}
		if i == 1 && w.rng.IntN(2) == 0 {
			break // it waits for ever
		}
		w.note("keep out", change)
		if err := w.server.hub.Keep(w.ctx, change, w.people[0].id, ""); err != nil {
			return broken("nothing waits for ever", "change %s, which is %s, cannot be kept out: %v", change, want, err)
		}
		if err := w.rest(); err != nil {
			return err
		}
	}
	return w.oracle.toldLast()
}

// poisoned lets the server's program fail at one change, each time it works on it.
// Those beside it, before and after, in the same batch, go on.
func (w *world) poisoned() error {
	d := w.devices[0]
	w.note("story of poison", d.n)
	from := len(w.oracle.order)
	for range 3 {
		if _, err := w.make(d, "create"); err != nil {
			return err
		}
	}
	// Another record may be saved together with one.
	made := w.oracle.order[from:]
	bad := made[len(made)/2]
	w.server.poison = map[syncproto.ChangeID]bool{bad: true}
	// Afterwards a person may release it, to a program that is mended.
	defer func() { w.server.poison = nil }()
	if err := w.rest(); err != nil {
		return err
	}
	if err := w.oracle.became(bad, syncproto.Quarantined); err != nil {
		return err
	}
	others := 0
	for _, id := range made {
		// What is saved beside may break a rule of its own: that is set aside by itself.
		h := &w.oracle.written[id].Header
		if h.Verb == syncproto.VerbCreate && h.Record != w.oracle.written[bad].Header.Record {
			others++
			if err := w.oracle.became(id, syncproto.Applied); err != nil {
				return err
			}
		}
	}
	if others < 2 {
		return broken("nothing blocks", "of %d changes only %d stand beside the bad one", len(made), others)
	}
	return w.oracle.toldLast()
}

// make makes a new record on a device.
func (w *world) make(d *device, act string) (syncproto.RecordID, error) {
	id := syncproto.RecordID{byte(len(w.oracle.records) + 1), 5, byte(d.n)}
	return id, d.write(id, syncproto.NewRecordState(id), act)
}

// cast returns a device of somebody who works in both places, and one of
// somebody who works in one only, with the scope where they do; nil if nobody does.
func (w *world) cast() (mover, guest *device, home syncproto.ScopeID) {
	for _, d := range w.devices {
		var scopes []syncproto.ScopeID
		for n := range uint32(2) {
			if place := w.server.place(n + 1); d.person.places[place] {
				scopes = append(scopes, syncproto.ScopeOf(place, "plain"))
			}
		}
		switch {
		case len(scopes) == 2 && mover == nil:
			mover = d
		case len(scopes) == 1 && guest == nil:
			guest, home = d, scopes[0]
		}
	}
	return mover, guest, home
}
