// Package sample makes a plausible, fictional province: people, organisations,
// neighbourhoods and the month in which their dossiers are recorded. Everything
// is written through the door that real devices use: signed batches that the
// server's hub takes in, under a clock that runs through the month. Nobody in it
// exists.
package sample

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/jalali"
	"mahalleh/server"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// Options say what is made and where. Store, Erasures and Clock are needed.
type Options struct {
	// Store is empty, and stays the caller's.
	Store    store.Store
	Erasures server.Erasures
	// Clock gives the machine's time, Unix milliseconds; the server goes on
	// under it when the sample is made.
	Clock func() int64
	// Province is the two-digit code, Neighbourhoods how many it has.
	Province       string
	Neighbourhoods int
	// Months is how many Jalali months pass after Start, the day on which the
	// dossiers are assigned.
	Months int
	Start  jalali.Date
	// Seed decides everything else: the same seed makes the same content.
	Seed uint64
	// Scale multiplies how much is recorded in a neighbourhood.
	Scale float64
	// Fold, if set, is called now and then so that the store's write-ahead log
	// stays small.
	Fold func(context.Context) error
	// Progress, if set, is told how many changes have been written, how many days
	// have passed, and of how many.
	Progress func(changes, day, days int)

	// inspect, if set, sees every record as its author left it, the version that a
	// decision on it would have named before, and on which day.
	inspect func(d *device, form *schemas.Form, id recordID, r schemas.Record, version schemas.ID, day jalali.Day)
}

// Made says what was made.
type Made struct {
	Neighbourhoods, People, Devices int
	// Trained are people whose training is recorded.
	Trained int
	// Records are those by form, Changes all changes.
	Records map[string]int
	Changes int
	// Conflicts are open ones, Settled those that were settled.
	Conflicts, Settled int
	// Dossiers are those by state on the last day, Late those not submitted by
	// then though they were due.
	Dossiers map[string]int
	Late     int
	// Revoked devices were lost; Silent ones, not counting those, were not heard
	// of for a week and more.
	Revoked, Silent int
	// Content is a hash of all records: the same options give the same.
	Content [32]byte
}

// ErrProvince says that there is no such province.
var ErrProvince = errors.New("there is no such province")

// Make makes the sample in a store that holds nothing.
func Make(ctx context.Context, o Options) (made *Made, err error) {
	w, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.server.Close()) }()
	if err := w.found(); err != nil {
		return nil, fmt.Errorf("make the province: %w", err)
	}
	if err := w.run(); err != nil {
		return nil, fmt.Errorf("let the months pass: %w", err)
	}
	if err := w.count(); err != nil {
		return nil, fmt.Errorf("count what was made: %w", err)
	}
	w.clock.real.Store(true)
	if _, err := w.server.Hub().TrustClock(ctx); err != nil {
		return nil, err
	}
	return &w.made, nil
}

// open opens the server whose clock is the sample's, and whose keys follow from
// the seed.
func open(ctx context.Context, o Options) (*world, error) {
	w := &world{ctx: ctx, o: o, clock: &clock{machine: o.Clock}, random: newRandom(o.Seed, 0, 0),
		made: Made{Neighbourhoods: o.Neighbourhoods, Records: map[string]int{}, Dossiers: map[string]int{}}}
	w.start = o.Start.EpochDay()
	last, err := o.Start.AddMonths(o.Months)
	if err != nil {
		return nil, fmt.Errorf("the last day: %w", err)
	}
	// The screen is looked at on the morning after the last due day.
	w.end = moment(last.EpochDay()+1, 9, 0)
	w.clock.now.Store(moment(w.start-10, 9, 0))
	if w.forms, err = forms.Load(); err != nil {
		return nil, fmt.Errorf("load the forms: %w", err)
	}
	if w.codec, err = wire.NewCodec(); err != nil {
		return nil, err
	}
	w.server, err = server.Open(ctx, server.Options{Store: o.Store, Packages: w.forms, Erasures: o.Erasures, Clock: w.clock.read, Rand: w.random})
	return w, err
}

// count looks at what the store holds in the end.
func (w *world) count() error {
	h := sha256.New()
	var scopes []store.Scope
	err := w.o.Store.View(w.ctx, func(r store.Reader) (err error) {
		scopes, err = r.Scopes()
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range scopes {
		h.Write(s.ID[:])
		h.Write(s.Sum[:])
		h.Write(binary.BigEndian.AppendUint64(nil, s.Position))
	}
	h.Sum(w.made.Content[:0])
	for _, n := range w.hoods {
		if err := n.count(); err != nil {
			return err
		}
	}
	for _, d := range w.devices() {
		switch {
		case d.lost:
			w.made.Revoked++
		case d.seen < w.end-silence:
			w.made.Silent++
		}
		w.made.Devices++
	}
	return w.conflicts()
}

// silence is after how many milliseconds a device counts as silent.
const silence = 7 * day

// count looks at the neighbourhood's dossier.
func (n *hood) count() error {
	return n.w.o.Store.View(n.w.ctx, func(r store.Reader) error {
		rec, err := r.Record(n.dossier)
		if err != nil {
			return fmt.Errorf("read the dossier of %s: %w", n.place.NameFa, err)
		}
		form, _ := n.w.forms.FormByName("dossier")
		content := merge.Content(form, rec.State)
		status, _ := form.FieldByName("status")
		submitted, _ := form.FieldByName("submitted_on")
		due, _ := form.FieldByName("due_on")
		n.w.made.Dossiers[content.Fields[status.ID].Code()]++
		if content.Fields[submitted.ID].IsEmpty() && content.Fields[due.ID].Date() < int32(today(n.w.end)) {
			n.w.made.Late++
		}
		return nil
	})
}

// conflicts counts the open ones.
func (w *world) conflicts() error {
	f := store.Filter{Conflicts: true, Max: 200}
	for {
		var some []store.Record
		err := w.o.Store.View(w.ctx, func(r store.Reader) (err error) {
			some, err = r.Records(f)
			return err
		})
		if err != nil || len(some) == 0 {
			return err
		}
		for _, rec := range some {
			w.made.Conflicts += rec.Open
			f.After = rec.State.Record
		}
	}
}

// moment is a time of a civil day in Tehran, Unix milliseconds.
func moment(d jalali.Day, hour, minute int) int64 {
	return int64(d)*day + int64(hour)*60*minuteMS + int64(minute)*minuteMS - tehran
}

const (
	minuteMS = 60_000
	hour     = 60 * minuteMS
	day      = 24 * hour
	// tehran is how far its clock is ahead of UTC, all year since 1401.
	tehran = 3*hour + 30*minuteMS
)

// today is the civil day in Tehran.
func today(ms int64) jalali.Day { return jalali.Day((ms + tehran) / day) }

// fields are what a form is filled in with, by name.
type fields map[string]any

// ids of records, short.
type recordID = syncproto.RecordID
