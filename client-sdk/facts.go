package clientsdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// The bits of a grant's rights; they are part of the protocol.
const (
	// RightWrite lets a person record in the grant's scope.
	RightWrite uint32 = 2
	// RightSettle lets them decide between conflicting values there.
	RightSettle uint32 = 4
)

// settingAlias keeps the id under which a person enrolled by a typed code
// recorded before the first contact: to this device both are the same person.
const settingAlias = "alias"

// settingPlace keeps the name that the sheet gave the place: it is what the person
// knows it by until the server has told it.
const settingPlace = "place-name"

// facts are what the server told of people, places and rights.
type facts struct {
	serial uint64
	grants map[syncproto.ScopeID]wire.Grant
	places map[syncproto.PlaceID]wire.Place
	people map[syncproto.PersonID]string
	server sessionstore.Server
	alias  syncproto.PersonID
}

// readFacts reads what is known, with the place of the enrolment by the sheet's name
// while the server has told none.
func readFacts(ctx context.Context, store *localstore.Store, place syncproto.PlaceID) (facts, error) {
	f := facts{grants: map[syncproto.ScopeID]wire.Grant{}, places: map[syncproto.PlaceID]wire.Place{}, people: map[syncproto.PersonID]string{}}
	note, err := sessionstore.Grants(ctx, store)
	if err != nil {
		return f, fmt.Errorf("read grants: %w", err)
	}
	f.serial = note.GrantSerial
	for _, g := range note.Grants {
		f.grants[g.Scope] = g
	}
	for _, p := range note.Places {
		f.places[p.ID] = p
	}
	for _, p := range note.People {
		f.people[p.ID] = p.Name
	}
	if _, told := f.places[place]; !told {
		name, err := store.Setting(ctx, settingPlace)
		if err != nil && !errors.Is(err, localstore.ErrNotFound) {
			return f, err
		}
		f.places[place] = wire.Place{ID: place, NameFa: string(name)}
	}
	if f.server, err = sessionstore.ServerOf(ctx, store); err != nil {
		return f, fmt.Errorf("read what the server said: %w", err)
	}
	alias, err := store.Setting(ctx, settingAlias)
	if err != nil && !errors.Is(err, localstore.ErrNotFound) {
		return f, err
	}
	copy(f.alias[:], alias)
	return f, nil
}

// granted reports whether the person may record in a scope, or has another
// right there. Before the server
// has said anything, everything that the device holds is open: nobody is kept
// from recording by a line that is not there.
func (f *facts) granted(scope syncproto.ScopeID, right uint32) bool {
	if f.serial == 0 && len(f.grants) == 0 {
		return true
	}
	return f.grants[scope].Rights&right == right
}

// mayWrite reports whether the person may record a form at a place: what a role may
// not write is said before it is filled in, not when it has been sent.
func (f *facts) mayWrite(place syncproto.PlaceID, form *schemas.Form) bool {
	scope := syncproto.ScopeOf(place, string(form.Compartment))
	if !f.granted(scope, RightWrite) {
		return false
	}
	writes := func(compartment string) bool { return f.granted(syncproto.ScopeOf(place, compartment), RightWrite) }
	return workflow.MayWriteBy(f.grants[scope].Role, writes("reference"), writes("persons"), form.ID)
}

func (f *facts) placeName(id syncproto.PlaceID) schemas.Text {
	p := f.places[id]
	return schemas.Text{Fa: p.NameFa, En: p.NameEn}
}

// lease returns how long reading stays open without another contact, by the
// device's own uptime; ok is false before the first contact, or if the server
// set none.
func (c *Client) lease() (left time.Duration, ok bool) {
	_, k := c.known()
	if k.server.Lease == 0 {
		return 0, false
	}
	lived := k.lived + max(c.opt.Clock.Uptime()-k.up, 0)
	return time.Duration(k.server.LeaseFrom+k.server.Lease)*time.Second - lived, true
}

// mayRead says ErrLeaseOver once the lease is over.
func (c *Client) mayRead() error {
	if left, ok := c.lease(); ok && left <= 0 {
		return refuse(ErrLeaseOver, nil)
	}
	return nil
}

// mine reports whether a version was written by this device's person, under
// either id.
func (c *Client) mine(author syncproto.PersonID) bool {
	id, k := c.known()
	return author == id.Person || !k.alias.IsZero() && author == k.alias
}

// nameOf is the name of an author, "" if it is not known here.
func (c *Client) nameOf(author syncproto.PersonID) string {
	id, k := c.known()
	if author == id.Person || !k.alias.IsZero() && author == k.alias {
		return id.Name
	}
	return k.people[author]
}
