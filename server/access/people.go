package access

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// roll is who was ever granted a role where, and everybody's names. It is shared
// and never changed: thousands of sessions ask after one change of grants.
type roll struct {
	at    map[syncproto.PlaceID][]syncproto.PersonID
	names map[syncproto.PersonID]string
	// aliases are the ids that stand for somebody else.
	aliases map[syncproto.PersonID][]syncproto.PersonID
}

// PeopleChanged says that people were added without a new serial of the grants, as
// by an enrolment. A snapshot from before may bring the old names back, until the
// next time.
func (c *Cache) PeopleChanged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roll = nil
}

func (c *Cache) rollOf(r store.AccessReader, serial uint64) (*roll, error) {
	c.mu.Lock()
	known, at := c.roll, c.serial
	c.mu.Unlock()
	if known != nil && at == serial {
		return known, nil
	}
	grants, err := r.Grants(syncproto.PersonID{})
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	people, err := r.People()
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	l := &roll{at: map[syncproto.PlaceID][]syncproto.PersonID{}, names: make(map[syncproto.PersonID]string, len(people)),
		aliases: map[syncproto.PersonID][]syncproto.PersonID{}}
	for _, g := range grants {
		l.at[g.Place] = append(l.at[g.Place], g.Person)
	}
	for _, p := range people {
		if p.AliasOf.IsZero() {
			l.names[p.ID] = p.Name
		} else {
			l.aliases[p.AliasOf] = append(l.aliases[p.AliasOf], p.ID)
		}
	}
	c.keep(serial, func() { c.roll = l })
	return l, nil
}

// Colleagues returns the names of those who may author records in the places
// that a device reads, or once might, and the aliases that stand for them, at
// most max, ascending by id: a device can then say who wrote a value. Who works
// only elsewhere is not named.
func (c *Cache) Colleagues(r store.AccessReader, d store.Device, max int) ([]wire.Person, error) {
	mine, err := c.OfDevice(r, d)
	if err != nil {
		return nil, err
	}
	serial, err := r.GrantSerial()
	if err != nil {
		return nil, fmt.Errorf("read the grants' serial: %w", err)
	}
	p, err := c.country(r, serial)
	if err != nil {
		return nil, err
	}
	l, err := c.rollOf(r, serial)
	if err != nil {
		return nil, err
	}
	// Rights go down: who was granted a role at a place above may write here.
	near := map[syncproto.PlaceID]bool{}
	for _, g := range mine {
		place := g.Place
		for i := 0; i < maxDepth && !near[place]; i++ {
			near[place] = true
			if place = p.byID[place].Parent; place == (syncproto.PlaceID{}) {
				break
			}
		}
	}
	named := map[syncproto.PersonID]bool{}
	var out []wire.Person
	for place := range near {
		for _, person := range l.at[place] {
			if named[person] {
				continue
			}
			named[person] = true
			out = append(out, wire.Person{ID: person, Name: l.names[person]})
			for _, alias := range l.aliases[person] {
				out = append(out, wire.Person{ID: alias, Name: l.names[person]})
			}
		}
	}
	slices.SortFunc(out, func(a, b wire.Person) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out[:min(len(out), max)], nil
}

// Holders are the people who have rights in a compartment of a place by roles there or
// above, by name. Whoever is disabled is not among them.
func (c *Cache) Holders(r store.AccessReader, place syncproto.PlaceID, compartment string, rights Rights) ([]store.Person, error) {
	serial, err := r.GrantSerial()
	if err != nil {
		return nil, fmt.Errorf("read the grants' serial: %w", err)
	}
	p, err := c.country(r, serial)
	if err != nil {
		return nil, err
	}
	l, err := c.rollOf(r, serial)
	if err != nil {
		return nil, err
	}
	scope, asked := syncproto.ScopeOf(place, compartment), map[syncproto.PersonID]bool{}
	var all []store.Person
	for range maxDepth {
		for _, id := range l.at[place] {
			if asked[id] {
				continue
			}
			asked[id] = true
			h, err := c.look(r, id)
			if err != nil {
				return nil, err
			}
			if g, has := h.in(scope); h.known && has && g.Rights&rights == rights {
				all = append(all, h.who)
			}
		}
		if place = p.byID[place].Parent; place == (syncproto.PlaceID{}) {
			break
		}
	}
	slices.SortFunc(all, func(a, b store.Person) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return all, nil
}
