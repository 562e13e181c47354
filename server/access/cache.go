package access

import (
	"errors"
	"fmt"
	"sync"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// Cache remembers what people may do for as long as no grant changes: to
// expand grants over all places costs thousands of hashes, and every read of
// every session asks. The serial of the grants, which each act that matters
// moves, is read in the caller's snapshot, as is who shares a device and who is
// disabled. Do not use one in a transaction that writes grants. A new one is
// ready for use; it is safe for concurrent use.
type Cache struct {
	mu     sync.Mutex
	serial uint64
	held   map[syncproto.PersonID]*holding
}

// holding is what one person may do. It is shared and never changed.
type holding struct {
	grants  []ScopeGrant // ascending by scope
	byScope map[syncproto.ScopeID]ScopeGrant
	// lost are scopes in which a revoked grant let the person write.
	lost map[syncproto.ScopeID]bool
}

// holder is a person and what they may do: nothing, if they are disabled or
// not known.
type holder struct {
	who   store.Person
	known bool
	*holding
}

// look returns the person that an author id stands for.
func (c *Cache) look(r store.AccessReader, id syncproto.PersonID) (holder, error) {
	who, err := Resolve(r, id)
	if errors.Is(err, store.ErrNotFound) {
		return holder{who: store.Person{ID: id}, holding: &holding{}}, nil
	}
	if err != nil {
		return holder{}, fmt.Errorf("read person %s: %w", id, err)
	}
	if who.Disabled {
		return holder{who, true, &holding{}}, nil
	}
	serial, err := r.GrantSerial()
	if err != nil {
		return holder{}, fmt.Errorf("read the grants' serial: %w", err)
	}
	h := c.known(serial, who.ID)
	if h == nil {
		if h, err = hold(r, who.ID); err != nil {
			return holder{}, err
		}
		c.keep(serial, who.ID, h)
	}
	return holder{who, true, h}, nil
}

func (c *Cache) known(serial uint64, who syncproto.PersonID) *holding {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serial != serial {
		return nil
	}
	return c.held[who]
}

func (c *Cache) keep(serial uint64, who syncproto.PersonID, h *holding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || c.serial < serial {
		c.serial, c.held = serial, map[syncproto.PersonID]*holding{}
	}
	if c.serial == serial {
		c.held[who] = h
	}
}

// hold looks up what a person's grants come to.
func hold(r store.AccessReader, person syncproto.PersonID) (*holding, error) {
	grants, err := grantsOf(r, person)
	if err != nil {
		return nil, err
	}
	p, err := readPlaces(r)
	if err != nil {
		return nil, err
	}
	h := &holding{grants: expand(p, grants), byScope: map[syncproto.ScopeID]ScopeGrant{}, lost: map[syncproto.ScopeID]bool{}}
	for _, g := range h.grants {
		h.byScope[g.Scope] = g
	}
	for _, g := range grants {
		row, known := ruleOf(Role(g.Role))
		if g.Revoked == 0 || !known {
			continue
		}
		for _, x := range p.order {
			for _, c := range Compartments {
				if p.within(x.ID, g.Place) && row.below[c]&Write != 0 {
					h.lost[syncproto.ScopeOf(x.ID, c)] = true
				}
			}
		}
	}
	return h, nil
}

// Of returns everything that a person may do, scope by scope, ascending by
// scope. A disabled or unknown person may do nothing.
func Of(r store.AccessReader, person syncproto.PersonID) ([]ScopeGrant, error) {
	h, err := new(Cache).look(r, person)
	if err != nil {
		return nil, err
	}
	return h.grants, nil
}
