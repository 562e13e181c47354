package access

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// OfDevice returns what a device may hold, ascending by scope: what the people
// who share it may read, together. A revoked device may hold nothing. If it is
// more than a device carries, what is farthest stays out.
func (c *Cache) OfDevice(r store.AccessReader, d store.Device) ([]ScopeGrant, error) {
	if d.Revoked != 0 {
		return nil, nil
	}
	people, err := r.DevicePeople(d.ID)
	if err != nil {
		return nil, fmt.Errorf("read people of device %s: %w", d.ID, err)
	}
	sum := map[syncproto.ScopeID]*ScopeGrant{}
	summed := map[syncproto.PersonID]bool{}
	for _, person := range people {
		h, err := c.look(r, person)
		if err != nil {
			return nil, err
		}
		if summed[h.who.ID] {
			continue // an alias of somebody who is on the device too
		}
		summed[h.who.ID] = true
		for _, g := range h.grants {
			share(sum, g)
		}
	}
	return carried(sorted(sum)), nil
}

// share joins what one more of a device's people may do. Rank is the lowest of
// those who may write: the device says it of all of them.
func share(sum map[syncproto.ScopeID]*ScopeGrant, g ScopeGrant) {
	have := sum[g.Scope]
	if have == nil {
		sum[g.Scope] = &g
		return
	}
	if g.Rights&Write != 0 && (have.Rights&Write == 0 || g.Rank < have.Rank) {
		have.Role, have.Rank = g.Role, g.Rank
	}
	have.Rights |= g.Rights
	have.Since = max(have.Since, g.Since)
	have.near = have.near || g.near
}

// carried returns of what somebody may do that which a device carries.
func carried(all []ScopeGrant) []ScopeGrant {
	if len(all) <= syncproto.MaxScopes {
		return all
	}
	all = slices.Clone(all)
	slices.SortFunc(all, nearer)
	all = all[:syncproto.MaxScopes]
	slices.SortFunc(all, func(a, b ScopeGrant) int { return bytes.Compare(a.Scope[:], b.Scope[:]) })
	return all
}

// Beyond returns how many of the scopes that a person may use a device cannot
// carry: whoever holds so much works at the server for the rest.
func Beyond(r store.AccessReader, person syncproto.PersonID) (int, error) {
	all, err := Of(r, person)
	if err != nil {
		return 0, err
	}
	return len(all) - len(carried(all)), nil
}

// nearer puts first what somebody was given by name, with the places above it,
// then wide places before those inside, older numbers before newer: a place
// that is added takes nothing away from a device.
func nearer(a, b ScopeGrant) int {
	if a.near != b.near {
		if a.near {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number),
		cmp.Compare(slices.Index(Compartments, a.Compartment), slices.Index(Compartments, b.Compartment)))
}
