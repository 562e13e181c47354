package access

import (
	"bytes"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Colleagues returns the names of those who may author records in the places
// that a device reads, and the aliases that stand for them, at most max,
// ascending by id: a device can then say who wrote a value.
func (c *Cache) Colleagues(r store.AccessReader, d store.Device, max int) ([]wire.Person, error) {
	mine, err := c.OfDevice(r, d)
	if err != nil {
		return nil, err
	}
	readable := map[syncproto.PlaceID]bool{}
	for _, g := range mine {
		readable[g.Place] = true
	}
	p, err := readPlaces(r)
	if err != nil {
		return nil, err
	}
	grants, err := r.Grants(syncproto.PersonID{})
	if err != nil {
		return nil, err
	}
	near := map[syncproto.PersonID]bool{}
	for _, g := range grants {
		for place := range readable {
			if p.within(place, g.Place) || p.within(g.Place, place) {
				near[g.Person] = true
				break
			}
		}
	}
	people, err := r.People()
	if err != nil {
		return nil, err
	}
	names := map[syncproto.PersonID]string{}
	for _, x := range people {
		names[x.ID] = x.Name
	}
	var out []wire.Person
	for _, x := range people {
		switch {
		case near[x.ID]:
			out = append(out, wire.Person{ID: x.ID, Name: x.Name})
		case near[x.AliasOf]:
			out = append(out, wire.Person{ID: x.ID, Name: names[x.AliasOf]})
		}
	}
	slices.SortFunc(out, func(a, b wire.Person) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	if len(out) > max {
		out = out[:max]
	}
	return out, nil
}
