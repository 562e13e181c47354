package sim

import (
	"errors"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// compartments are those of every place.
var compartments = []string{"reference", "plain", "persons", "harm"}

// countyNumber is the place in which the neighbourhoods lie, the places 1 and 2.
const countyNumber = 3

// held is a span of time in which somebody had a place; until is 0 while they do.
type held struct {
	person      syncproto.PersonID
	place       syncproto.PlaceID
	from, until int64
}

// rights is the oracle's own book of who may use what, apart from the server's.
type rights struct {
	w       *world
	spans   []held
	revoked map[syncproto.DeviceID]int64
}

// granted notes that somebody gets a place, or loses it.
func (b *rights) granted(person syncproto.PersonID, place syncproto.PlaceID, has bool) {
	if has {
		b.spans = append(b.spans, held{person: person, place: place, from: b.w.now()})
		return
	}
	for i := range b.spans {
		if s := &b.spans[i]; s.person == person && s.place == place && s.until == 0 {
			s.until = b.w.now()
		}
	}
}

// writable reports whether somebody could write in a scope at some moment from
// then on.
func (b *rights) writable(person syncproto.PersonID, scope syncproto.ScopeID, then int64) bool {
	for _, s := range b.spans {
		if s.person != person || s.until != 0 && s.until < then {
			continue
		}
		for _, c := range compartments {
			if syncproto.ScopeOf(s.place, c) == scope {
				return true
			}
		}
	}
	return false
}

// readable are the scopes that somebody may read now: all of their places, and
// the reference compartment of the place above.
func (b *rights) readable(p *person) map[syncproto.ScopeID]bool {
	scopes := map[syncproto.ScopeID]bool{}
	for place, has := range p.places {
		if !has {
			continue
		}
		for _, c := range compartments {
			scopes[syncproto.ScopeOf(place, c)] = true
		}
		scopes[syncproto.ScopeOf(b.w.server.place(countyNumber), "reference")] = true
	}
	return scopes
}

// dismissed reports whether the device was revoked.
func (b *rights) dismissed(d *device) bool { return b.revoked[d.id] != 0 }

// readableOn are the scopes that a device may be sent; none if it was revoked.
func (b *rights) readableOn(id syncproto.DeviceID) map[syncproto.ScopeID]bool {
	if b.revoked[id] == 0 {
		for _, d := range b.w.devices {
			if d.id == id {
				return b.readable(d.person)
			}
		}
	}
	return map[syncproto.ScopeID]bool{}
}

// owners are the people of the devices, by the identity of these.
func (b *rights) owners() map[syncproto.DeviceID]*person {
	all := map[syncproto.DeviceID]*person{}
	for _, d := range b.w.devices {
		all[d.id] = d.person
	}
	return all
}

// offered checks what a device is told that it may use.
func (b *rights) offered(id syncproto.DeviceID, ev session.ServerEvent) error {
	var offered []syncproto.ScopeID
	switch ev := ev.(type) {
	case session.SessionLoaded:
		for _, s := range ev.Starts {
			offered = append(offered, s.Scope)
		}
		for _, g := range ev.Welcome.Grants {
			offered = append(offered, g.Scope)
		}
		for _, c := range ev.Acts.Chains {
			offered = append(offered, c.Scope)
		}
	case session.GrantsLoaded:
		for _, g := range ev.Grants.Grants {
			offered = append(offered, g.Scope)
		}
	}
	if len(offered) == 0 {
		return nil
	}
	allowed := b.readableOn(id)
	for _, scope := range offered {
		if !allowed[scope] {
			return broken("scope", "a device is offered scope %s, which it may not read", scope)
		}
	}
	return nil
}

// used checks that an applied change was its author's to make: they could write
// where they saw the record, and where they moved it, at the moment of receipt
// or, since a change may wait, later. What a supervisor released is theirs.
func (b *rights) used(r store.Reader, ch *syncproto.Change, row *store.Change, owner *person) error {
	decisions, err := r.Decisions(row.ID)
	if err != nil {
		return err
	}
	for _, d := range decisions {
		if d.Decision == hub.DecisionReleased {
			return nil
		}
	}
	if at := b.revoked[row.Device]; at != 0 && row.Received > at {
		return broken("only who may writes", "change %s came from a device after it was revoked, and was applied", row.ID)
	}
	if owner == nil {
		return nil // its device was put back to before its enrolment
	}
	scopes := []syncproto.ScopeID{ch.Header.Scope}
	for i := range ch.Ops {
		if to, ok := ch.Ops[i].Value.AsScope(); ok && ch.Ops[i].Kind == syncproto.OpMove {
			scopes = append(scopes, to)
		}
	}
	for _, scope := range scopes {
		if !b.writable(owner.id, scope, row.Received) {
			return broken("only who may writes", "change %s was applied, whose author could not write in scope %s", row.ID, scope)
		}
	}
	return nil
}

// revoke ends a device's access for good.
func (w *world) revoke(d *device) error {
	if w.oracle.rights.dismissed(d) {
		return nil
	}
	known, err := w.server.revoke(d.id, w.now())
	if err != nil || !known {
		return err
	}
	w.note("revoke device", d.n)
	w.oracle.rights.revoked[d.id] = w.now()
	w.server.hub.AccessChanged()
	return nil
}

// revoke reports whether the server knows the device.
func (s *server) revoke(id syncproto.DeviceID, at int64) (known bool, err error) {
	err = s.disk().Update(s.w.ctx, func(tx store.Tx) error {
		d, err := tx.Device(id)
		if known = err == nil; errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		d.Revoked = at
		return tx.PutDevice(d)
	})
	return known, err
}

// revokeAgain revokes again what a restored server forgot; a device that it
// does not know at all enrols anew, as one that was never revoked.
func (s *server) revokeAgain() error {
	b := &s.w.oracle.rights
	for _, d := range s.w.devices {
		at := b.revoked[d.id]
		if at == 0 {
			continue
		}
		known, err := s.revoke(d.id, at)
		if err != nil {
			return err
		}
		if !known {
			delete(b.revoked, d.id)
		}
	}
	return nil
}
