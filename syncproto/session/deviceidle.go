package session

import "fmt"

// Idle checks the law of liveness when nothing is under way: every message of
// Next has been taken and delivered, every effect answered. It returns nil if
// all is done or something is sure to happen by itself (a timer, the peer's
// answer with a timer behind it), and otherwise says what is stuck.
func (d *Device) Idle() error {
	if d.state == deviceNew || d.state == deviceClosed {
		return nil
	}
	if len(d.control) > 0 || len(d.outbox) > 0 {
		return fmt.Errorf("%d messages have not been taken", len(d.control)+len(d.outbox))
	}
	for a, n := range d.waiting {
		if n > 0 {
			return fmt.Errorf("%d effects of type %d have not been answered", n, a)
		}
	}
	if _, timer := d.Deadline(); !timer {
		return fmt.Errorf("connected without a timer in state %d", d.state)
	}
	switch d.state {
	case deviceEnrolling, deviceGreeting:
		return nil // the server's turn, with the timer of its silence
	case deviceLive:
	default:
		return fmt.Errorf("nothing is asked of the store in state %d", d.state)
	}
	if d.unsent() > 0 && len(d.flights) == 0 && !d.paused() {
		return fmt.Errorf("%d changes are queued, none under way, and nothing is awaited", d.unsent())
	}
	if len(d.taken) > 0 {
		return fmt.Errorf("%d pages count as not committed", len(d.taken))
	}
	if d.owed >= int64(d.cfg.Window)/4 {
		return fmt.Errorf("credit of %d bytes is kept back", d.owed)
	}
	if d.mend == nil && len(d.queue) > 0 {
		return fmt.Errorf("%d scopes differ and none is being mended", len(d.queue))
	}
	if m := d.mend; m != nil && m.phase != mendCompared && m.left == 0 {
		return fmt.Errorf("mending rests in phase %d", m.phase)
	}
	for _, p := range d.purges {
		if !d.paused() && d.unsent() == 0 && len(d.flights) == 0 {
			return fmt.Errorf("scope %v waits to be dropped although everything is received", p.scope)
		}
	}
	return nil
}
