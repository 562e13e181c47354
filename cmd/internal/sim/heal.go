package sim

import (
	"errors"
	"slices"

	"mahalleh/client-sdk/sessionstore"
	"mahalleh/server/hub"
	"mahalleh/syncproto/session"
)

func isNotReleasable(err error) bool { return errors.Is(err, hub.ErrNotReleasable) }

// Bounds of healing: rounds of connecting and talking, and messages on one
// line within a round. A world that has not come to rest by then never will.
const (
	healRounds   = 40
	healMessages = 20_000
)

// heal ends all faults, lets everybody sync until nothing moves, and checks
// the laws.
func (w *world) heal() error {
	w.healing = true
	w.note("heal")
	w.server.full, w.server.crash = false, -1
	for _, d := range w.devices {
		d.full, d.crash, d.clock.offset = false, -1, 0
		if d.line != nil {
			if err := d.line.cut(); err != nil {
				return err
			}
		}
	}
	if err := w.rest(); err != nil {
		return err
	}
	if err := w.oracle.nothingWaits(); err != nil {
		return err
	}
	if err := w.together(); err != nil {
		return err
	}
	if err := w.oracle.toldLast(); err != nil {
		return err
	}
	// What stands in a backup need not be kept by devices. One that finds itself
	// copied when it connects again sends under another log what the first
	// backup does not have there.
	for range 2 {
		if err := w.backUp(); err != nil {
			return err
		}
		if err := w.rest(); err != nil {
			return err
		}
	}
	if err := w.unbroken(); err != nil {
		return err
	}
	if err := w.noMending(); err != nil {
		return err
	}
	if err := w.oracle.forgotten(); err != nil {
		return err
	}
	return w.oracle.check()
}

// together lets something happen while everybody is connected: it reaches all
// without another greeting.
func (w *world) together() error {
	w.note("together")
	if err := w.changeGrant(); err != nil {
		return err
	}
	for range 3 {
		d := w.devices[w.rng.IntN(len(w.devices))]
		if w.oracle.rights.dismissed(d) {
			continue
		}
		if err := w.save(d); err != nil {
			return err
		}
	}
	for range 3 {
		if err := w.decide(); err != nil {
			return err
		}
	}
	if w.rng.IntN(4) == 0 {
		if err := w.erase(); err != nil {
			return err
		}
	}
	if w.rng.IntN(2) == 0 {
		// For a while the server has no room.
		w.server.full = true
		if err := w.traffic(100); err != nil {
			return err
		}
		w.server.full = false
	}
	return w.rest()
}

// rest lets everybody sync until nothing moves and all copies agree.
func (w *world) rest() error {
	for round := range healRounds {
		if err := w.ended(); err != nil {
			return err
		}
		quiet := true
		for _, d := range w.devices {
			settled, err := w.settle(d)
			if err != nil {
				return err
			}
			quiet = quiet && settled
		}
		if quiet && round > 0 && !w.unread() && w.oracle.agree() == nil {
			return nil
		}
		w.time += 60_000
	}
	if err := w.oracle.agree(); err != nil {
		return err
	}
	return broken("liveness", "after %d rounds some device still has something to do: %s", healRounds, w.oracle.restless())
}

// unread reports whether some session has not looked at what it was woken for.
func (w *world) unread() bool {
	return slices.ContainsFunc(w.devices, func(d *device) bool { return d.line != nil && len(d.line.mail) > 0 })
}

// noMending checks that copies differed only where an accident explains it: a
// history without copies put back has nothing to mend.
func (w *world) noMending() error {
	for _, accident := range []string{"restore server", "restore device", "clone", "forgotten"} {
		if w.rep.Events[accident] > 0 {
			return nil
		}
	}
	if n := w.rep.Events["mend"]; n > 0 {
		return broken("nothing needs mending without an accident", "%d records were mended", n)
	}
	return nil
}

// unbroken checks that no device found an act rewritten where nobody put the
// server back.
func (w *world) unbroken() error {
	if w.rep.Events["restore server"] > 0 {
		return nil
	}
	for _, d := range w.devices {
		acts, err := sessionstore.ActsOf(w.ctx, d.store)
		if err != nil {
			return err
		}
		if len(acts.Breaks) > 0 {
			return broken("acts go on", "device %d found that the server's acts do not go on from what it holds: %+v", d.n, acts.Breaks[0])
		}
	}
	return nil
}

// settle connects a device and lets it talk until it has nothing left to do.
func (w *world) settle(d *device) (bool, error) {
	if d.line == nil {
		if err := d.connect(); err != nil {
			return false, err
		}
	}
	l := d.line
	if err := w.aftermath(l, l.tick()); err != nil {
		return false, err
	}
	for n := range healMessages {
		if d.line != l {
			return w.dismissed(l), nil
		}
		up, err := l.pump(true)
		if err := w.aftermath(l, err); err != nil {
			return false, err
		}
		if d.line != l {
			continue
		}
		down, err := l.pump(false)
		if err := w.aftermath(l, err); err != nil {
			return false, err
		}
		if up || down {
			continue
		}
		if l.dev.Settled() {
			return true, nil
		}
		// Nothing moves by itself: only a timer may bring it on.
		if d.line != l {
			return false, nil
		}
		deadline, ok := l.dev.Deadline()
		if !ok {
			return false, broken("liveness", "device %d is connected, not settled, and waits for nothing", d.n)
		}
		w.time += max(1, min(deadline-d.clock.now(), 3600_000))
		if err := w.aftermath(l, l.tick()); err != nil {
			return false, err
		}
		if n > healMessages-2 {
			break
		}
	}
	return false, broken("liveness", "device %d talks without end", d.n)
}

// dismissed reports whether a line ended because the device was revoked and has
// given all that it had.
func (w *world) dismissed(l *line) bool {
	c, ended := l.dev.Ended()
	return w.oracle.rights.dismissed(l.d) && ended && c.Code == session.CloseRevoked && c.RetryAfter == 0
}
