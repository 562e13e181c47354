package figures

import (
	"fmt"

	"mahalleh/client-sdk/localstore"
	"mahalleh/syncproto/wire"
)

// cutTrip is one way through the script.
type cutTrip struct {
	*cutting
	outcome
	w      *world
	l      *line
	random *turns
	cut    int // how many bytes still go over, negative for all
	script []scripted
	broken bool
}

// travel connects until all of the script has happened and both ends are silent
// and agree; the device then has asked for its receipt.
func (t *cutTrip) travel() (problem string) {
	for range 3 {
		var err error
		if t.l, err = t.w.connect(); err != nil {
			return "connect: " + err.Error()
		}
		cut, err := t.converse()
		if err != nil {
			return err.Error()
		}
		if cut {
			t.l.device.Cut(nil)
			t.l.server.Cut(nil)
			continue
		}
		if err := t.l.hangUp(); err != nil {
			return err.Error()
		}
		return ""
	}
	return "the line was cut once, and three connections did not bring the device to an end"
}

// converse carries frames to the end or to the cut.
func (t *cutTrip) converse() (cut bool, err error) {
	proved := false
	for {
		moved, cut := t.pass()
		if cut {
			return true, nil
		}
		if moved {
			if t.frames >= 4 && t.frames%everyFrames == 0 && len(t.script) > 0 {
				if err := t.happen(); err != nil {
					return false, err
				}
			}
			continue
		}
		if err := t.l.sound(); err != nil {
			return false, err
		}
		switch {
		case len(t.script) > 0:
			if err := t.happen(); err != nil {
				return false, err
			}
		case !proved:
			proved = true
			t.l.device.Prove()
		default:
			return false, nil
		}
	}
}

// pass carries one frame each way.
func (t *cutTrip) pass() (moved, cut bool) {
	t.l.tellServer()
	up, down := t.l.device.Next(), []byte(nil)
	if up != nil && t.carry(up, t.l.server.Feed) {
		return true, true
	}
	if down = t.l.server.Next(); down != nil && t.carry(down, t.l.device.Feed) {
		return true, true
	}
	return up != nil || down != nil, false
}

// carry brings a frame over, or what of it goes over before the cut: every
// second time the piece arrives, as through a proxy; over a websocket the rest
// of a frame that does not come is a frame that never came.
func (t *cutTrip) carry(m []byte, feed func([]byte)) (cut bool) {
	if t.cut < 0 || t.broken {
		t.count(m)
		feed(m)
		return false
	}
	if t.cut < len(m) {
		piece := m[:t.cut]
		t.count(piece)
		t.broken = true
		if t.cut%2 == 1 {
			feed(piece)
		}
		return true
	}
	t.cut -= len(m)
	t.count(m)
	feed(m)
	return false
}

func (t *cutTrip) count(m []byte) {
	if t.frames < 2 {
		t.handshake += len(m)
	}
	t.frames++
	t.bytes += len(m)
}

// happen does the next thing of the script. The random source begins anew, so
// that a change is the same one whatever was said before it.
func (t *cutTrip) happen() error {
	next := t.script[0]
	t.script = t.script[1:]
	t.random.begin(uint64(1000 + len(t.script)))
	if next.save != nil {
		_, err := t.w.device.Append(t.ctx, func(localstore.At) (localstore.Saving, error) {
			return localstore.Saving{Changes: []localstore.NewChange{*next.save}}, nil
		})
		if err == nil {
			t.l.device.Queued()
		}
		return err
	}
	batch, err := wire.NewBatchOpener(t.w.codec).Open(next.bring)
	if err != nil {
		return fmt.Errorf("open a batch: %w", err)
	}
	_, err = t.w.hub.Accept(t.ctx, t.w.writer.cert.Device(), batch)
	return err
}
