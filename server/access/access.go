// Package access says who may see or write which scope, and is the only door
// through which a reader reaches records.
package access

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"mahalleh/schemas/workflow"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// Rights are what a person may do in a scope.
type Rights uint32

// The rights. Bits are for ever: they travel to devices.
const (
	Read      Rights = 1
	Write     Rights = 2
	Settle    Rights = 4  // decide between conflicting values
	Decide    Rights = 8  // approve, return, vouch for values as verified
	Supervise Rights = 16 // look at and decide about quarantined changes
)

// Role is what a person is at a place; the codes are those of the domain's
// table of default scopes.
type Role string

// The roles, lowest rank first.
const (
	LocalTeam        Role = "local_team"
	Facilitator      Role = "facilitator"
	Steering         Role = "steering"
	Clinic           Role = "clinic"
	TechnicalManager Role = "technical_manager"
	County           Role = "county"
	Province         Role = "province"
	National         Role = "national"
)

// The compartments of the neighbourhood dossier.
const (
	Reference = "reference"
	Plain     = "plain"
	Persons   = "persons"
	Harm      = "harm"
)

// Compartments are all compartments that places have now, in order.
var Compartments = []string{Reference, Plain, Persons, Harm}

// ErrUnknownRole says that a role is not one of the table.
var ErrUnknownRole = errors.New("unknown role")

// rule is one row of the table of roles.
type rule struct {
	role Role
	// rank weighs in the choice of the shown value (syncproto.Header.Role).
	rank uint8
	// below are the rights in each compartment of the place and all places
	// below it.
	below map[string]Rights
}

const (
	worker     = Read | Write
	supervisor = Read | Write | Settle | Decide | Supervise
)

// rules is the table of default scopes: what is not in it is denied. Names of
// persons stay below the province; exact harm and referrals stay with the
// facilitators and technical managers of the neighbourhood.
var rules = []rule{
	{role: LocalTeam, rank: 5, below: map[string]Rights{Reference: Read, Plain: worker}},
	{role: Facilitator, rank: 10, below: map[string]Rights{Reference: worker, Plain: worker | Settle, Persons: worker | Settle, Harm: worker | Settle}},
	{role: Steering, rank: 15, below: map[string]Rights{Reference: Read, Plain: worker}},
	{role: Clinic, rank: 15, below: map[string]Rights{Reference: Read, Plain: worker, Persons: worker}},
	{role: TechnicalManager, rank: 20, below: map[string]Rights{Reference: supervisor, Plain: supervisor, Persons: supervisor, Harm: supervisor}},
	{role: County, rank: 30, below: map[string]Rights{Reference: supervisor, Plain: Read | Write | Decide, Persons: Read}},
	{role: Province, rank: 40, below: map[string]Rights{Reference: supervisor, Plain: supervisor}},
	{role: National, rank: 50, below: map[string]Rights{Reference: Read}},
}

// formsOf are the forms to which a role's writing is narrowed, nil for none: devices
// know the same table.
func formsOf(role Role) []uint32 {
	var forms []uint32
	for _, f := range workflow.Writes(workflow.Role(role)) {
		forms = append(forms, uint32(f))
	}
	return forms
}

func ruleOf(role Role) (rule, bool) {
	i := slices.IndexFunc(rules, func(r rule) bool { return r.role == role })
	if i < 0 {
		return rule{}, false
	}
	return rules[i], true
}

// Roles lists the roles, lowest rank first.
func Roles() []Role {
	roles := make([]Role, len(rules))
	for i, r := range rules {
		roles[i] = r.role
	}
	return roles
}

// ScopeGrant is what somebody may do in one scope.
type ScopeGrant struct {
	Scope       syncproto.ScopeID
	Place       syncproto.PlaceID
	Compartment string
	Rights      Rights
	// Role is the highest role by which one may write there, Rank its weight;
	// both are zero where one may only read. For a device that people share, it
	// is the lowest of theirs: what any of them may claim.
	Role Role
	Rank uint8
	// Forms narrows writing; nil for all forms.
	Forms []uint32
	// Since is the latest serial of the grants that give these rights.
	Since uint64
	// near says that the place is one for which a role was granted, or above it.
	near bool
	// place orders what does not fit on a device.
	kind   store.PlaceKind
	number uint32
}

// places is the order of places, read once per question.
type places struct {
	byID  map[syncproto.PlaceID]store.Place
	order []store.Place
}

func readPlaces(r store.AccessReader) (places, error) {
	all, err := r.Places()
	if err != nil {
		return places{}, fmt.Errorf("read places: %w", err)
	}
	p := places{byID: make(map[syncproto.PlaceID]store.Place, len(all)), order: all}
	for _, x := range all {
		p.byID[x.ID] = x
	}
	return p, nil
}

// maxDepth bounds how deep places nest: nation, province, county, neighbourhood
// and what a province may put between.
const maxDepth = 8

// ScopeRow returns a scope nobody has written to yet: which compartment of
// which place it is. A scope of no place, which only a program's mistake makes,
// has neither.
func ScopeRow(r store.AccessReader, id syncproto.ScopeID) (store.Scope, error) {
	p, err := readPlaces(r)
	if err != nil {
		return store.Scope{}, err
	}
	for _, x := range p.order {
		for _, c := range Compartments {
			if syncproto.ScopeOf(x.ID, c) == id {
				return store.Scope{ID: id, Place: x.ID, Compartment: c}, nil
			}
		}
	}
	return store.Scope{ID: id}, nil
}

// within reports whether a place is the other one or lies in it.
func (p *places) within(place, in syncproto.PlaceID) bool {
	for range maxDepth {
		if place == in {
			return true
		}
		x, ok := p.byID[place]
		if !ok || x.Parent == (syncproto.PlaceID{}) {
			return false
		}
		place = x.Parent
	}
	return false
}

// Resolve returns the person that an author id stands for: itself, or whom it
// is an alias of.
func Resolve(r store.AccessReader, id syncproto.PersonID) (store.Person, error) {
	p, err := r.Person(id)
	if err != nil {
		return p, err
	}
	if !p.AliasOf.IsZero() {
		return r.Person(p.AliasOf)
	}
	return p, nil
}

// expand returns everything that grants open, scope by scope, ascending by
// scope. Besides the places of their grants, people read the reference
// compartments of the places above, where organisations stand.
func expand(p *places, grants []store.Grant) []ScopeGrant {
	sum := map[syncproto.ScopeID]*ScopeGrant{}
	for _, g := range grants {
		row, known := ruleOf(Role(g.Role))
		if g.Revoked != 0 && known && planted.Bug("a revoked grant still opens what lies above") {
			for _, x := range p.order {
				if x.ID != g.Place && p.within(g.Place, x.ID) {
					add(sum, x, true, Reference, Read, row, g.Serial)
				}
			}
		}
		if g.Revoked != 0 || !known {
			continue
		}
		for _, x := range p.order {
			switch {
			case p.within(x.ID, g.Place):
				for _, c := range Compartments {
					add(sum, x, x.ID == g.Place, c, row.below[c], row, g.Serial)
				}
			case p.within(g.Place, x.ID):
				add(sum, x, true, Reference, Read, row, g.Serial)
			}
		}
	}
	return sorted(sum)
}

func add(sum map[syncproto.ScopeID]*ScopeGrant, place store.Place, near bool, compartment string, rights Rights, row rule, serial uint64) {
	if rights == 0 {
		return
	}
	id := syncproto.ScopeOf(place.ID, compartment)
	g := sum[id]
	if g == nil {
		g = &ScopeGrant{Scope: id, Place: place.ID, Compartment: compartment, Forms: []uint32{}, kind: place.Kind, number: place.Number}
		sum[id] = g
	}
	if rights&Write != 0 {
		if forms := formsOf(row.role); forms == nil {
			g.Forms = nil
		} else if g.Forms != nil || g.Rights&Write == 0 {
			g.Forms = append(g.Forms, forms...)
		}
		if row.rank > g.Rank {
			g.Role, g.Rank = row.role, row.rank
		}
	}
	g.Rights |= rights
	g.Since = max(g.Since, serial)
	g.near = g.near || near
}

func sorted(sum map[syncproto.ScopeID]*ScopeGrant) []ScopeGrant {
	all := make([]ScopeGrant, 0, len(sum))
	for _, g := range sum {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b ScopeGrant) int { return bytes.Compare(a.Scope[:], b.Scope[:]) })
	return all
}
