package access

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
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
	// places and roll are as of the serial, nil until somebody asks.
	places *places
	roll   *roll
}

// holding is what one person may do. It is shared and never changed.
type holding struct {
	grants []ScopeGrant // ascending by scope
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
		p, err := c.country(r, serial)
		if err != nil {
			return holder{}, err
		}
		if h, err = hold(r, p, who.ID); err != nil {
			return holder{}, err
		}
		c.keep(serial, func() { c.held[who.ID] = h })
	}
	return holder{who, true, h}, nil
}

// in returns what a person may do in a scope.
func (h *holding) in(scope syncproto.ScopeID) (ScopeGrant, bool) { return grantIn(h.grants, scope) }

// grantIn looks for a scope among grants that ascend by scope.
func grantIn(grants []ScopeGrant, scope syncproto.ScopeID) (ScopeGrant, bool) {
	low, high := 0, len(grants)
	for low < high {
		if middle := (low + high) / 2; bytes.Compare(grants[middle].Scope[:], scope[:]) < 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == len(grants) || grants[low].Scope != scope {
		return ScopeGrant{}, false
	}
	return grants[low], true
}

// Places returns all places in their order; the list is shared and never changed.
func (c *Cache) Places(r store.AccessReader) ([]store.Place, error) {
	serial, err := r.GrantSerial()
	if err != nil {
		return nil, fmt.Errorf("read the grants' serial: %w", err)
	}
	p, err := c.country(r, serial)
	if err != nil {
		return nil, err
	}
	return p.order, nil
}

// country returns the places as of a serial.
func (c *Cache) country(r store.AccessReader, serial uint64) (*places, error) {
	c.mu.Lock()
	known, at := c.places, c.serial
	c.mu.Unlock()
	if known != nil && at == serial {
		return known, nil
	}
	p, err := readPlaces(r)
	if err != nil {
		return nil, err
	}
	c.keep(serial, func() { c.places = &p })
	return &p, nil
}

func (c *Cache) known(serial uint64, who syncproto.PersonID) *holding {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serial != serial {
		return nil
	}
	return c.held[who]
}

// keep has f keep what was looked up as of a serial, unless it is an old one.
func (c *Cache) keep(serial uint64, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || c.serial < serial {
		c.serial, c.held, c.places, c.roll = serial, map[syncproto.PersonID]*holding{}, nil, nil
	}
	if c.serial == serial {
		f()
	}
}

// hold looks up what a person's grants come to.
func hold(r store.AccessReader, p *places, person syncproto.PersonID) (*holding, error) {
	grants, err := grantsOf(r, person)
	if err != nil {
		return nil, err
	}
	h := &holding{grants: slices.Clip(expand(p, grants))}
	for _, g := range grants {
		row, known := ruleOf(Role(g.Role))
		if g.Revoked == 0 || !known {
			continue
		}
		for _, x := range p.order {
			for _, c := range Compartments {
				if p.within(x.ID, g.Place) && row.below[c]&Write != 0 {
					if h.lost == nil {
						h.lost = map[syncproto.ScopeID]bool{}
					}
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
