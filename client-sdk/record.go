package clientsdk

import (
	"context"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// SyncState is how far a record's own changes have come; the state that asks
// most for attention wins. SyncKey names its text.
type SyncState = localstore.Sync

// The states, in the order in which they ask for attention.
const (
	SyncNone        = localstore.SyncNone        // no own change is kept
	SyncApplied     = localstore.SyncApplied     // in the server's record
	SyncMerged      = localstore.SyncMerged      // so, together with others' changes
	SyncReceived    = localstore.SyncReceived    // the server holds it and has not said more
	SyncPending     = localstore.SyncPending     // not sent, or not known to have arrived
	SyncConflict    = localstore.SyncConflict    // in the server's record, against another value
	SyncParked      = localstore.SyncParked      // waits on the server for another change
	SyncQuarantined = localstore.SyncQuarantined // set aside on the server until a person decides
)

// Record is a record as the device knows it: what the server is known to hold
// and, over it, the device's own changes that are not known to be in it.
type Record struct {
	ID syncproto.RecordID
	// Form is the latest revision of its form, nil if this release does not know
	// it: such a record is kept and passed on, and shows no values.
	Form *schemas.Form
	// FormID is the form's number, known or not.
	FormID schemas.FormID
	Scope  syncproto.ScopeID
	Title  string
	// Values are what is shown, Computed what the form computes of them.
	Values, Computed schemas.Record
	// Problems and Completeness are what the form says of the record today.
	Problems     []schemas.Problem
	Completeness schemas.Completeness
	// Deleted: it stands as deleted. Contested: somebody deleted what another
	// worked on; it stays visible until a person decides.
	Deleted, Contested, Erased bool
	Sync                       SyncState
	// Pending are own changes laid over the server's record, Aside those that
	// the server parked or set aside; History explains them.
	Pending int
	Aside   []syncproto.ChangeID
	// HasDraft: a form was begun on it and not saved.
	HasDraft  bool
	Conflicts []Conflict

	client *Client
	state  *syncproto.RecordState
}

// Record returns a record; ErrNotFound if the device knows nothing of it. An
// erased one is returned with Erased set and nothing else.
func (c *Client) Record(ctx context.Context, id syncproto.RecordID) (*Record, error) {
	const doing = "read record"
	if err := c.mayRead(); err != nil {
		return nil, told(doing, err)
	}
	h, err := c.held(ctx, id)
	if err != nil {
		return nil, told(doing, err)
	}
	r := &Record{ID: id, FormID: schemas.FormID(h.State.Form), Scope: h.State.Home, Sync: h.Sync, Pending: h.Over, Aside: h.Aside,
		HasDraft: h.Draft, Erased: h.State.Erased, client: c, state: h.State}
	if r.Erased {
		return r, nil
	}
	if !h.State.Exists() {
		return nil, told(doing, refuse(ErrNotFound, nil))
	}
	r.Deleted = !merge.Alive(h.State)
	r.Contested = merge.Look(h.State, merge.PresenceCell).Contested
	if r.Form, _ = c.forms.Form(r.FormID); r.Form != nil {
		boundary, err := c.boundary(ctx, c.placeOf(r.Scope))
		if err != nil {
			return nil, told(doing, err)
		}
		r.Values = merge.Content(r.Form, h.State)
		a := schemas.Assess(r.Form, c.forms, r.Values, schemas.Env{Today: int32(c.Today()), TestMode: c.opt.TestMode, HomeBoundary: boundary})
		r.Computed, r.Problems, r.Completeness = a.Computed(), a.Problems, a.Completeness
		if !r.Deleted {
			repeated, err := c.peers(ctx, r.Form, r.Scope, id, r.Values)
			if err != nil {
				return nil, told(doing, err)
			}
			r.Problems = append(append(r.Problems, repeated...), c.named(ctx, r.Form, id, r.Values)...)
		}
	}
	r.Conflicts = c.conflictsOf(r.Form, h.State)
	if r.Title, err = c.titleOf(ctx, h.State, "fa", true); err != nil {
		return nil, told(doing, err)
	}
	for i := range r.Conflicts {
		r.Conflicts[i].Title = r.Title
	}
	return r, nil
}

// JSON returns the shown values as Draft.SetJSON reads them; "{}" for a form
// that is not known here.
func (r *Record) JSON() ([]byte, error) {
	if r.Form == nil {
		return []byte("{}\n"), nil
	}
	b, err := schemas.EncodeJSON(r.Form, r.Values)
	return b, told("write record", err)
}

// Made says who wrote something and when.
type Made struct {
	Change syncproto.ChangeID
	Author syncproto.PersonID
	// Name is the author's, "" if it is not known here. Mine: this device's person.
	Name string
	Mine bool
	// Role weighs in the choice of the shown value; Verified: the author, an
	// office, vouches for it.
	Role     uint8
	Verified bool
	// Time is the author's, as well as the author's device knew.
	Time time.Time
}

// Who says who wrote what a field shows: several if they wrote the same or
// their texts were fitted together, nobody for an empty field. A field of a row
// is asked for by its row's id.
func (r *Record) Who(field string, row schemas.ID) []Made {
	if r.Form == nil || r.state == nil {
		return nil
	}
	f, ok := r.Form.FieldByName(field)
	if !ok {
		return nil
	}
	k := syncproto.CellKey{Field: uint32(f.ID)}
	if f.Parent != 0 {
		k = syncproto.CellKey{Field: uint32(f.Parent), Item: row, Sub: uint32(f.ID)}
	}
	seen := map[syncproto.ChangeID]bool{}
	var made []Made
	for _, key := range r.state.Keys() {
		whole := key
		whole.Element = syncproto.Value{}
		// A set's elements and a list's rows each have authors of their own.
		inList := f.Parent == 0 && f.Type == schemas.TypeList && key.Field == k.Field
		inFiles := f.Type == schemas.TypeAttachment && key.Field == k.Field
		if whole != k && !inList && !inFiles {
			continue
		}
		for _, v := range merge.Look(r.state, key).Shown {
			if !seen[v] {
				seen[v] = true
				made = append(made, r.client.made(r.state, v))
			}
		}
	}
	return made
}

// LastChange says who changed the record last.
func (r *Record) LastChange() Made {
	if r.state == nil {
		return Made{}
	}
	return r.client.made(r.state, r.state.Latest)
}

func (c *Client) made(s *syncproto.RecordState, v syncproto.ChangeID) Made {
	m, ok := s.Versions[v]
	if !ok {
		return Made{Change: v}
	}
	return c.madeBy(v, m)
}

func (c *Client) madeBy(v syncproto.ChangeID, m syncproto.VersionMeta) Made {
	return Made{Change: v, Author: m.Author, Name: c.nameOf(m.Author), Mine: c.mine(m.Author), Role: m.Role, Verified: m.Verified,
		Time: time.UnixMilli(m.Time)}
}
