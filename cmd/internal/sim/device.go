package sim

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// device is one phone: its store, its clock, its line.
type device struct {
	w       *world
	n       int
	person  *person
	path    string
	clock   *deviceClock
	store   *localstore.Store
	session *sessionstore.Store
	key     []byte
	// id is under which the server knows the device; its clones share it.
	id   syncproto.DeviceID
	line *line
	// forms are open on the screen: what stood there when they were opened.
	forms []*openForm
	// saved is a copy of the files made earlier, as a backup app does.
	saved image
	// full says that the disk is full; crash counts as in server.
	full       bool
	crash      int
	crashAfter bool
	dead       bool
	gone       bool // lost for good
	// away are the records of which a page said that they left, and none has
	// brought since.
	away map[syncproto.RecordID]bool
	// broken is a law that the device's store broke in what it was last asked.
	broken error
	// left is how many random bytes there still are, negative for no end.
	left int
}

// openForm is a form that somebody has open.
type openForm struct {
	record syncproto.RecordID
	state  *syncproto.RecordState
}

// deviceClock is right but for an offset that people and batteries cause.
type deviceClock struct {
	w      *world
	offset int64
	boot   int64
}

func (c *deviceClock) Now() time.Time { return time.UnixMilli(c.now()) }
func (c *deviceClock) now() int64     { return c.w.now() + c.offset }
func (c *deviceClock) Uptime() time.Duration {
	return time.Duration(c.w.time-c.boot) * time.Millisecond
}

func (w *world) addDevice(p *person) error {
	d := &device{w: w, n: len(w.devices), person: p, crash: -1, left: -1, away: map[syncproto.RecordID]bool{}}
	d.path = filepath.Join(w.dir, fmt.Sprintf("device%d.db", d.n))
	d.clock = &deviceClock{w: w, boot: w.time}
	d.key = make([]byte, 64)
	randomBytes{w.rng}.Read(d.key)
	var code syncproto.EnrolCode
	randomBytes{w.rng}.Read(code.Secret[:])
	keys := w.server.id.Keys()
	f := keys.Fingerprint()
	copy(code.Fingerprint[:], f[:])
	code.Number = 1
	if !p.places[w.server.place(1)] {
		code.Number = 2
	}
	w.server.codes = append(w.server.codes, store.Code{SecretHash: code.SecretHash(), Person: p.id, Place: code.Place(), Created: w.now(), Expires: w.now() + 1e12})
	err := w.server.issueCodes()
	if err != nil {
		return err
	}
	id := localstore.Identity{Person: code.Author(), Provisional: true, Place: code.Place(), Secret: code.Secret[:], Fingerprint: code.Fingerprint[:],
		Scopes: []syncproto.ScopeID{syncproto.ScopeOf(code.Place(), "plain")}}
	d.store, err = localstore.Create(w.ctx, d.options(), localstore.Setup{Identity: id, Credentials: []localstore.Credential{{Person: id.Person, KeyFile: d.key}}})
	if err != nil {
		return fmt.Errorf("create device %d: %w", d.n, err)
	}
	made, err := d.store.Identity(w.ctx)
	if err != nil {
		return err
	}
	d.id = made.Device
	d.begin()
	w.devices = append(w.devices, d)
	return nil
}

func (d *device) options() localstore.Options {
	return localstore.Options{Path: d.path, Clock: d.clock, Rand: spent{randomBytes{d.w.rng}, d}, Packages: everyForm()}
}

// month is how long the other devices keep it.
const month = 30 * 24 * time.Hour

func (d *device) begin() {
	// Half of the devices let go at once of what a backup holds.
	keep := time.Duration(d.n%2) * month
	d.session = sessionstore.New(d.store, sessionstore.Options{Codec: d.w.opt.Codec, App: "sim", Device: fmt.Sprint("phone ", d.n), Package: 1, Keep: keep})
	d.crash, d.dead = -1, false
}

// open opens the device's store as a start of the program does.
func (d *device) open() error {
	var err error
	if d.store, err = localstore.Open(d.w.ctx, d.options()); err != nil {
		return fmt.Errorf("open device %d: %w", d.n, err)
	}
	if err := d.store.Unlock(d.w.ctx, localstore.Credential{KeyFile: d.key}); err != nil {
		return fmt.Errorf("unlock device %d: %w", d.n, err)
	}
	d.begin()
	return nil
}

func (d *device) shut() error {
	if d.store == nil {
		return nil
	}
	err := d.store.Close()
	d.store = nil
	return err
}

// kill drops the program as a dead process leaves it, and starts it again.
func (d *device) kill() error {
	im, err := imageOf(d.path)
	if err != nil {
		return err
	}
	return d.replace(im)
}

// replace puts other files in the place of the device's and starts again.
func (d *device) replace(im image) error {
	if d.line != nil {
		if err := d.line.cut(); err != nil {
			return err
		}
	}
	if err := d.shut(); err != nil {
		return err
	}
	d.forms = nil
	if err := im.restore(d.path); err != nil {
		return err
	}
	return d.open()
}

// clone makes a second device of this one's files.
func (d *device) clone() error {
	im, err := imageOf(d.path)
	if err != nil {
		return err
	}
	w := d.w
	c := &device{w: w, n: len(w.devices), person: d.person, crash: -1, left: -1, away: maps.Clone(d.away), key: d.key, id: d.id, clock: &deviceClock{w: w, offset: d.clock.offset, boot: d.clock.boot}}
	c.path = filepath.Join(w.dir, fmt.Sprintf("device%d.db", c.n))
	if w.rng.IntN(2) == 0 {
		delete(im, ".head") // the side file stays out of backups
	}
	if err := im.restore(c.path); err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	w.devices = append(w.devices, c)
	return nil
}

// author is under whose id the device writes now.
func (d *device) author() (syncproto.PersonID, error) {
	id, err := d.store.Identity(d.w.ctx)
	return id.Person, err
}

// scopes are those the device may write in, as far as it knows.
func (d *device) scopes() ([]syncproto.ScopeID, error) {
	grants, err := sessionstore.Grants(d.w.ctx, d.store)
	if err != nil {
		return nil, err
	}
	var ids []syncproto.ScopeID
	for _, g := range grants.Grants {
		if g.Rights&2 != 0 && g.Compartment == "plain" {
			ids = append(ids, g.Scope)
		}
	}
	if grants.GrantSerial == 0 {
		id, err := d.store.Identity(d.w.ctx)
		return id.Scopes, err
	}
	return ids, err
}

// records are those that the device shows, in order of their ids.
func (d *device) records() (ids []syncproto.RecordID, err error) {
	err = d.store.Records(d.w.ctx, func(id syncproto.RecordID) error {
		ids = append(ids, id)
		return nil
	})
	return sortRecords(ids), err
}

// write saves a form, with the state that stood on the screen when it was opened.
func (d *device) write(record syncproto.RecordID, opened *syncproto.RecordState, act string) error {
	w := d.w
	author, err := d.author()
	if err != nil {
		return err
	}
	scopes, err := d.scopes()
	if err != nil {
		return err
	}
	if len(scopes) == 0 {
		return nil
	}
	seen := opened
	if planted.Bug("the base is taken at save") && opened.Exists() {
		held, err := d.store.State(w.ctx, record)
		if err != nil {
			return err
		}
		opened = held.State
	}
	beside, err := d.beside(record)
	if err != nil {
		return err
	}
	plan := w.rng.Uint64() // the same content if the store runs build again
	made, err := d.store.Append(w.ctx, func(at localstore.At) (localstore.Saving, error) {
		pen := &pen{w: w, rng: newRand(plan), author: author, at: at, opened: opened, record: record, scopes: scopes, marker: w.oracle.marker(record)}
		ch, ok := pen.compose(act)
		if !ok {
			return localstore.Saving{}, errNothing
		}
		saving := localstore.Saving{Changes: []localstore.NewChange{ch}}
		if beside != nil {
			pen.opened, pen.record, pen.marker = beside, beside.Record, w.oracle.marker(beside.Record)
			pen.at.Seq++
			if ch, ok := pen.compose("edit"); ok {
				saving.Changes = append(saving.Changes, ch)
			}
		}
		if d.full {
			d.left = w.rng.IntN(100)
		}
		return saving, nil
	})
	d.left = -1
	switch {
	case d.full && err != nil:
		w.note("disk full", d.n)
		return nil
	case errors.Is(err, errNothing), errors.Is(err, localstore.ErrScopeGone):
		return nil
	case err != nil:
		return fmt.Errorf("device %d saves: %w", d.n, err)
	}
	for i, ch := range made {
		if i > 0 {
			seen = beside
		}
		if err := w.oracle.wrote(d, ch, seen); err != nil {
			return err
		}
		w.rep.Changes++
		w.note("write", d.n, ch.ID, ch.Header.Verb)
	}
	if d.line != nil {
		d.line.dev.Queued()
	}
	return nil
}

// beside is now and then another record that is saved together with one, as
// fields of two compartments are.
func (d *device) beside(record syncproto.RecordID) (*syncproto.RecordState, error) {
	if !d.full && d.w.rng.IntN(6) > 0 {
		return nil, nil
	}
	ids, err := d.records()
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	id := ids[d.w.rng.IntN(len(ids))]
	s, ok, err := d.w.shown(d, id)
	if err != nil || !ok || id == record {
		return nil, err
	}
	return s, nil
}

var errNothing = errors.New("nothing was changed")
