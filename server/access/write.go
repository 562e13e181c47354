package access

import (
	"errors"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// Writer decides about the changes of one transaction; it remembers what it
// has read, so that a batch costs one look per author. Make a new one in every
// transaction: grants are read inside it.
type Writer struct {
	r       Reader
	device  store.Device
	people  map[syncproto.PersonID]bool
	authors map[syncproto.PersonID]*author
}

type author struct {
	known, disabled bool
	grants          map[syncproto.ScopeID]ScopeGrant
	// lost are scopes that a revoked grant of the author gave.
	lost map[syncproto.ScopeID]bool
}

// NewWriter returns a Writer for changes that came from a device.
func NewWriter(r Reader, device store.Device) (*Writer, error) {
	people, err := r.DevicePeople(device.ID)
	if err != nil {
		return nil, fmt.Errorf("read people of device %s: %w", device.ID, err)
	}
	w := &Writer{r: r, device: device, people: map[syncproto.PersonID]bool{}, authors: map[syncproto.PersonID]*author{}}
	for _, p := range people {
		w.people[p] = true
	}
	return w, nil
}

// Judge says whether the author of a change may make it in a scope: ReasonNone,
// or why it must be set aside for a supervisor.
func (w *Writer) Judge(h *syncproto.Header, scope syncproto.ScopeID) (syncproto.Reason, error) {
	if w.device.Revoked != 0 && !planted.Bug("a revoked device still writes") {
		return syncproto.ReasonRevoked, nil
	}
	if !w.people[h.Author] {
		return syncproto.ReasonUnknownName, nil
	}
	a, err := w.author(h.Author)
	if err != nil {
		return syncproto.ReasonNone, err
	}
	if !a.known {
		return syncproto.ReasonUnknownName, nil
	}
	if a.disabled {
		return syncproto.ReasonRevoked, nil
	}
	g, has := a.grants[scope]
	need := Write
	if h.Verified {
		need |= Decide
	}
	if !has || g.Rights&need != need {
		if a.lost[scope] {
			return syncproto.ReasonRevoked, nil
		}
		return syncproto.ReasonForbidden, nil
	}
	if h.Role > g.Rank || g.Forms != nil && !slices.Contains(g.Forms, h.Form) {
		return syncproto.ReasonForbidden, nil
	}
	return syncproto.ReasonNone, nil
}

func (w *Writer) author(id syncproto.PersonID) (*author, error) {
	if a := w.authors[id]; a != nil {
		return a, nil
	}
	a := &author{grants: map[syncproto.ScopeID]ScopeGrant{}, lost: map[syncproto.ScopeID]bool{}}
	w.authors[id] = a
	who, err := Resolve(w.r, id)
	if errors.Is(err, store.ErrNotFound) {
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read author %s: %w", id, err)
	}
	a.known, a.disabled = true, who.Disabled
	grants, err := Of(w.r, id)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		a.grants[g.Scope] = g
	}
	all, err := w.r.Grants(who.ID)
	if err != nil {
		return nil, fmt.Errorf("read grants of %s: %w", who.ID, err)
	}
	p, err := readPlaces(w.r)
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		row, known := ruleOf(Role(g.Role))
		if g.Revoked == 0 || !known {
			continue
		}
		for _, x := range p.order {
			for _, c := range Compartments {
				if p.within(x.ID, g.Place) && row.below[c]&Write != 0 {
					a.lost[syncproto.ScopeOf(x.ID, c)] = true
				}
			}
		}
	}
	return a, nil
}
