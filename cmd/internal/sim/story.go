package sim

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// storyEvery is how many seeds there are to one whose history begins with a
// story: a chain of events that chance brings about too seldom.
const (
	storyEvery = 16
	storySeed  = 13
)

// story lets a record move to a place, somebody who only works there edit it,
// and the server lose the move, so that the edit comes before the move does and
// has to wait for it. Nothing is disturbed meanwhile; what comes after is left
// to chance, as in any history.
func (w *world) story() error {
	mover, guest, home := w.cast()
	if guest == nil {
		return nil // everybody works everywhere
	}
	w.note("story", mover.n, guest.n)
	w.healing = true
	defer func() { w.healing = false }()
	if err := w.rest(); err != nil {
		return err
	}
	id := syncproto.RecordID{byte(len(w.oracle.records) + 1), 5, byte(mover.n)}
	if err := mover.write(id, syncproto.NewRecordState(id), "create"); err != nil {
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
