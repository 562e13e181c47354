package sim

import (
	"errors"
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// thirtyYears is how wrong a clock may be, in milliseconds.
const thirtyYears = 30 * 365 * 24 * 3600 * 1000

// maxDevices bounds the devices of a history, clones included.
const maxDevices = 12

// step plays one thing that happens.
func (w *world) step() error {
	w.time += int64(w.rng.IntN(30_000))
	d := w.devices[w.rng.IntN(len(w.devices))]
	if d.gone {
		return nil
	}
	switch roll := w.rng.IntN(1000); {
	case roll < 300:
		return w.save(d)
	case roll < 330:
		return w.openForm(d)
	case roll < 430:
		if d.line == nil {
			return d.connect()
		}
		return nil
	case roll < 840:
		return w.traffic(1 + w.rng.IntN(40))
	case roll < 870:
		if d.line != nil {
			w.note("cut", d.n)
			return d.line.cut()
		}
	case roll < 885:
		if d.line != nil {
			d.line.deafUp, d.line.deafDown = w.rng.IntN(2) == 0, w.rng.IntN(2) == 0
			w.note("one-way", d.n, d.line.deafUp, d.line.deafDown)
		}
	case roll < 900:
		d.crash, d.crashAfter = w.rng.IntN(4), w.rng.IntN(2) == 0
		w.note("arm device", d.n, d.crash, d.crashAfter)
	case roll < 910:
		w.note("kill device", d.n)
		return d.kill()
	case roll < 920:
		w.server.crash, w.server.crashAfter = w.rng.IntN(8), w.rng.IntN(2) == 0
		w.note("arm server", w.server.crash, w.server.crashAfter)
	case roll < 926:
		return w.restartServer()
	case roll < 936:
		d.clock.offset = int64(w.rng.IntN(3)-1) * thirtyYears
		if d.line != nil {
			// A clock does not jump within a connection; the person set it before.
			if err := d.line.cut(); err != nil {
				return err
			}
		}
		w.note("clock", d.n, d.clock.offset)
	case roll < 942:
		if len(w.devices) < maxDevices {
			w.note("clone", d.n)
			return d.clone()
		}
	case roll < 954:
		return w.copyOrRestore(d)
	case roll < 966:
		return w.backUpOrRestore()
	case roll < 974:
		return w.changeGrant()
	case roll < 980:
		return w.erase()
	case roll < 986:
		d.full = !d.full
		w.note("device disk", d.n, d.full)
	case roll < 988:
		return w.revoke(d)
	case roll < 991:
		w.server.full = !w.server.full
		w.note("server disk", w.server.full)
	default:
		return w.decide()
	}
	return nil
}

// save saves a form on a device: one opened earlier, one opened now, or a new one.
func (w *world) save(d *device) error {
	if len(d.forms) > 0 && w.rng.IntN(3) == 0 {
		i := w.rng.IntN(len(d.forms))
		f := d.forms[i]
		d.forms = append(d.forms[:i:i], d.forms[i+1:]...)
		w.note("late save", d.n)
		return d.write(f.record, f.state, "edit")
	}
	ids, err := d.records()
	if err != nil {
		return err
	}
	if len(ids) == 0 || len(w.oracle.records) < 3 || w.rng.IntN(12) == 0 {
		_, err := w.make(d, "create")
		return err
	}
	// Most work is on few records.
	id := ids[w.rng.IntN(1+w.rng.IntN(len(ids)))]
	s, ok, err := w.shown(d, id)
	if err != nil || !ok {
		return err
	}
	act := "edit"
	switch w.rng.IntN(24) {
	case 0:
		act = "delete"
	case 1:
		act = "restore"
	case 2, 11:
		act = "move"
	case 3, 4, 12:
		act = "transition"
	case 5:
		act = "newer form"
	case 6, 7, 8, 9:
		act = "settle"
	case 10:
		act = "bad"
	}
	return d.write(id, s, act)
}

// shown is the record as the device shows it; false if it shows none.
func (w *world) shown(d *device, id syncproto.RecordID) (*syncproto.RecordState, bool, error) {
	held, err := d.store.State(w.ctx, id)
	if err != nil {
		return nil, false, fmt.Errorf("device %d shows %s: %w", d.n, id, err)
	}
	return held.State, held.State.Exists() && !held.State.Erased, nil
}

// openForm opens a form, to be saved at some later time.
func (w *world) openForm(d *device) error {
	ids, err := d.records()
	if err != nil || len(ids) == 0 {
		return err
	}
	id := ids[w.rng.IntN(len(ids))]
	s, ok, err := w.shown(d, id)
	if err != nil || !ok {
		return err
	}
	d.forms = append(d.forms, &openForm{record: id, state: s.Clone()})
	w.note("open form", d.n, id)
	return nil
}

// traffic moves messages on random lines.
func (w *world) traffic(n int) error {
	for range n {
		var lines []*line
		for _, d := range w.devices {
			if d.line != nil {
				lines = append(lines, d.line)
			}
		}
		if len(lines) == 0 {
			return nil
		}
		if err := w.move(lines[w.rng.IntN(len(lines))]); err != nil {
			return err
		}
	}
	return nil
}

// move moves one line a little and plays out what comes of it.
func (w *world) move(l *line) error {
	_, err := l.pump(w.rng.IntN(2) == 0)
	if err == nil && w.rng.IntN(40) == 0 {
		err = l.tick()
	}
	return w.aftermath(l, err)
}

// aftermath plays out a death, and takes down a line that has ended.
func (w *world) aftermath(l *line, err error) error {
	switch {
	case errors.Is(err, errDied) && l.d.dead:
		w.note("device died", l.d.n)
		return l.d.kill()
	case errors.Is(err, errDied) && w.server.dead:
		w.note("server died")
		return w.restartServer()
	case err != nil:
		return err
	}
	if l.d.line == l && l.over() {
		c, _ := l.dev.Ended()
		at, _ := l.srv.Ended()
		w.note("line over", l.d.n, c.Code, c.Key, at.Code, at.Detail)
		return l.cut()
	}
	return nil
}

func (w *world) restartServer() error {
	w.note("restart server")
	if err := w.server.kill(); err != nil {
		return err
	}
	return w.server.start()
}

// copyOrRestore copies a device's files, or puts an earlier copy back.
func (w *world) copyOrRestore(d *device) error {
	if d.saved == nil || w.rng.IntN(2) == 0 {
		im, err := imageOf(d.path)
		d.saved = im
		w.note("copy device", d.n)
		return err
	}
	old := image{}
	for end, b := range d.saved {
		if end != ".head" {
			old[end] = b
		}
	}
	now, err := imageOf(d.path)
	if err != nil {
		return err
	}
	if head, ok := now[".head"]; ok && w.rng.IntN(2) == 0 {
		old[".head"] = head // the side file is not in the copy and stays
	} else if head, ok := d.saved[".head"]; ok {
		old[".head"] = head
	}
	w.note("restore device", d.n)
	if err := d.replace(old); err != nil {
		return err
	}
	return w.oracle.lost()
}

// backUpOrRestore takes a backup of the server, verifies the last one, or puts
// it back.
func (w *world) backUpOrRestore() error {
	if w.server.unmarked != nil && w.rng.IntN(2) == 0 {
		return w.server.verified()
	}
	if w.server.backup == nil || w.rng.IntN(2) == 0 {
		return w.backUp()
	}
	w.note("restore server")
	if err := w.server.restoreBackup(); err != nil {
		return err
	}
	return w.oracle.lost()
}

// backUp takes a backup of the server, as often as not with the server stopped
// for it, and verifies it now or later.
func (w *world) backUp() error {
	stopped := w.rng.IntN(2) == 0
	w.note("back up", stopped)
	if err := w.server.backUp(stopped); err != nil {
		return err
	}
	if w.healing || w.rng.IntN(2) == 0 {
		return w.server.verified()
	}
	return nil
}

// changeGrant takes a place away from somebody, or gives it back.
func (w *world) changeGrant() error {
	p := w.people[w.rng.IntN(len(w.people))]
	place := w.server.place(uint32(1 + w.rng.IntN(2)))
	p.places[place] = !p.places[place]
	w.oracle.rights.granted(p.id, place, p.places[place])
	w.note("grant", p.id, place, p.places[place])
	return w.server.regrant()
}

// erase erases a record for ever.
func (w *world) erase() error {
	var there []syncproto.RecordID
	err := w.server.store.View(w.ctx, func(r store.Reader) error {
		rows, err := r.Records(store.Filter{Max: 100})
		for _, row := range rows {
			there = append(there, row.State.Record)
		}
		return err
	})
	if err != nil || len(there) == 0 {
		return err
	}
	id := sortRecords(there)[w.rng.IntN(len(there))]
	w.note("erase", id)
	w.oracle.erased[id] = true
	return w.server.hub.Erase(w.ctx, id)
}

// decide lets a supervisor look at a quarantined change.
func (w *world) decide() error {
	var rows []store.Change
	err := w.server.store.View(w.ctx, func(r store.Reader) (err error) {
		rows, err = r.ByOutcome(syncproto.Quarantined, nil, syncproto.ChangeID{}, 50)
		return err
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	row := rows[w.rng.IntN(len(rows))]
	if w.rng.IntN(3) == 0 {
		w.note("keep out", row.ID)
		return w.server.hub.Keep(w.ctx, row.ID, w.people[0].id, "")
	}
	w.note("release", row.ID)
	err = w.server.hub.Release(w.ctx, row.ID, w.people[0].id, "")
	if isNotReleasable(err) {
		return nil
	}
	return err
}
