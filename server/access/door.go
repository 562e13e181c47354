package access

import (
	"fmt"
	"maps"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Door is one reader's way to records, within one snapshot. It answers
// store.ErrNotFound alike for what is not there and for what the reader may not
// see.
type Door struct {
	r   store.Reader
	all bool
	// order is what the reader may do, ascending by scope. It may be shared: a
	// province has thousands of scopes, and each request opens doors.
	order []ScopeGrant
}

func open(r store.Reader, grants []ScopeGrant) *Door { return &Door{r: r, order: grants} }

// ForDevice opens the door for a device: what the people who share it may read.
func (c *Cache) ForDevice(r store.Reader, device syncproto.DeviceID) (*Door, error) {
	d, err := r.Device(device)
	if err != nil {
		return nil, fmt.Errorf("read device %s: %w", device, err)
	}
	grants, err := c.OfDevice(r, d)
	if err != nil {
		return nil, err
	}
	return open(r, grants), nil
}

// ForPerson opens the door for a person.
func ForPerson(r store.Reader, person syncproto.PersonID) (*Door, error) {
	grants, err := Of(r, person)
	if err != nil {
		return nil, err
	}
	return open(r, grants), nil
}

// ForOperator opens every door: for the commands that an operator runs on the
// server's own machine, with the store's file in hand.
func ForOperator(r store.Reader) *Door { return &Door{r: r, all: true} }

// Grants returns what the reader may do, scope by scope.
func (d *Door) Grants() []ScopeGrant { return d.order }

// In returns what the reader may do in a scope, which says of which place and
// compartment it is; false if that is nothing.
func (d *Door) In(scope syncproto.ScopeID) (ScopeGrant, bool) {
	return grantIn(d.order, scope)
}

// May reports whether the reader has all these rights in a scope.
func (d *Door) May(scope syncproto.ScopeID, rights Rights) bool {
	if d.all {
		return true
	}
	g, _ := d.In(scope)
	return g.Rights&rights == rights
}

// MayWrite reports whether the reader may write a form in a scope, with these rights
// besides.
func (d *Door) MayWrite(scope syncproto.ScopeID, form uint32, rights Rights) bool {
	g, _ := d.In(scope)
	return d.May(scope, Write|rights) && (d.all || g.Forms == nil || slices.Contains(g.Forms, form))
}

// Scope returns a scope that the reader may read; a scope nobody has written
// to yet is there, empty.
func (d *Door) Scope(id syncproto.ScopeID) (store.Scope, error) {
	if !d.May(id, Read) {
		return store.Scope{}, store.ErrNotFound
	}
	return d.r.Scope(id)
}

// Page returns what changed in a scope after a position, up to another; see
// store.RecordReader. Of an erased record only the mark goes out.
func (d *Door) Page(scope syncproto.ScopeID, after, upTo uint64, maxBytes int) (records []store.Record, marks []store.Mark, to uint64, more bool, err error) {
	if !d.May(scope, Read) {
		return nil, nil, 0, false, store.ErrNotFound
	}
	records, marks, to, more, err = d.r.Page(scope, after, upTo, maxBytes)
	records = slices.DeleteFunc(records, func(r store.Record) bool { return r.State.Erased })
	return records, marks, to, more, err
}

// Whole returns a page of a scope that the reader may read and holds nothing of,
// see store.RecordReader.
func (d *Door) Whole(scope syncproto.ScopeID, after, upTo uint64, maxBytes int) (records [][]byte, marks []store.Mark, to uint64, more bool, err error) {
	if !d.May(scope, Read) {
		return nil, nil, 0, false, store.ErrNotFound
	}
	return d.r.Whole(scope, after, upTo, maxBytes)
}

// Record returns a record in a scope that the reader may read.
func (d *Door) Record(id syncproto.RecordID) (store.Record, error) {
	row, err := d.r.Record(id)
	if err != nil {
		return row, err
	}
	if !d.May(row.State.Home, Read) {
		return store.Record{}, store.ErrNotFound
	}
	return row, nil
}

// Records lists records of the scopes that the reader may read.
func (d *Door) Records(f store.Filter) ([]store.Record, error) {
	if !d.all {
		var want map[syncproto.ScopeID]bool
		if f.Scopes != nil {
			want = make(map[syncproto.ScopeID]bool, len(f.Scopes))
			for _, s := range f.Scopes {
				want[s] = true
			}
		}
		f.Scopes = []syncproto.ScopeID{}
		for _, g := range d.order {
			if g.Rights&Read != 0 && (want == nil || want[g.Scope]) {
				f.Scopes = append(f.Scopes, g.Scope)
			}
		}
		if len(f.Scopes) == 0 {
			return nil, nil
		}
	}
	return d.r.Records(f)
}

// Conflicts lists records with open conflicts in these scopes, as far as the reader may
// read them, by id; all of the reader's if scopes is nil. Neither other records nor the
// conflicts of other scopes are looked at.
func (d *Door) Conflicts(scopes map[syncproto.ScopeID]bool, max int) ([]store.Record, error) {
	f := store.Filter{Conflicts: true, Max: max}
	if scopes != nil {
		f.Scopes = slices.Collect(maps.Keys(scopes))
	}
	return d.Records(f)
}

// Each calls f for every record of a scope; see store.RecordReader.
func (d *Door) Each(scope syncproto.ScopeID, f func(id syncproto.RecordID, hash [16]byte) error) error {
	if !d.May(scope, Read) {
		return store.ErrNotFound
	}
	return d.r.Each(scope, f)
}

// History returns the changes of a record that the reader may read.
func (d *Door) History(id syncproto.RecordID) ([]store.Change, error) {
	if _, err := d.Record(id); err != nil {
		return nil, err
	}
	return d.r.History(id)
}

// Quarantined lists quarantined changes in the scopes that the reader supervises.
func (d *Door) Quarantined(after syncproto.ChangeID, max int) ([]store.Change, error) {
	return d.supervised(syncproto.Quarantined, after, max)
}

// Waiting lists parked changes in those scopes: they wait for what may never
// arrive.
func (d *Door) Waiting(after syncproto.ChangeID, max int) ([]store.Change, error) {
	return d.supervised(syncproto.Parked, after, max)
}

// Received lists all changes with an outcome, those of erased records without their
// content. It is the operator's alone: for anybody else it is empty.
func (d *Door) Received(o syncproto.Outcome, after syncproto.ChangeID, max int) ([]store.Change, error) {
	if !d.all {
		return nil, nil
	}
	return d.r.ByOutcome(o, nil, after, max)
}

func (d *Door) supervised(o syncproto.Outcome, after syncproto.ChangeID, max int) ([]store.Change, error) {
	var scopes []syncproto.ScopeID
	if !d.all {
		scopes = []syncproto.ScopeID{}
		for _, g := range d.order {
			if g.Rights&Supervise != 0 {
				scopes = append(scopes, g.Scope)
			}
		}
		if len(scopes) == 0 {
			return nil, nil
		}
	}
	return d.r.ByOutcome(o, scopes, after, max)
}
