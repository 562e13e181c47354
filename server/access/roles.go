package access

import (
	"errors"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// RolesAt returns what somebody is at a place, by grants for it and for the places
// above. A role that was taken away after since counts: what came before that was
// its holder's to do. Nobody that is known has no roles.
func (c *Cache) RolesAt(r store.AccessReader, person syncproto.PersonID, place syncproto.PlaceID, since int64) ([]Role, error) {
	who, err := Resolve(r, person)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	grants, err := grantsOf(r, who.ID)
	if err != nil {
		return nil, err
	}
	serial, err := r.GrantSerial()
	if err != nil {
		return nil, err
	}
	p, err := c.country(r, serial)
	if err != nil {
		return nil, err
	}
	var roles []Role
	for _, g := range grants {
		if (g.Revoked == 0 || g.Revoked > since) && p.within(place, g.Place) && !slices.Contains(roles, Role(g.Role)) {
			roles = append(roles, Role(g.Role))
		}
	}
	return roles, nil
}
