package access

import (
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
	r      store.AccessReader
	cache  *Cache
	device store.Device
	// pages says that the changes come from the server's own pages, where everybody
	// writes who is signed in.
	pages   bool
	people  map[syncproto.PersonID]bool
	authors map[syncproto.PersonID]holder
}

// NewWriter returns a Writer for changes that came from a device.
func (c *Cache) NewWriter(r store.AccessReader, device store.Device) (*Writer, error) {
	people, err := r.DevicePeople(device.ID)
	if err != nil {
		return nil, fmt.Errorf("read people of device %s: %w", device.ID, err)
	}
	w := &Writer{r: r, cache: c, device: device, people: map[syncproto.PersonID]bool{}, authors: map[syncproto.PersonID]holder{}}
	for _, p := range people {
		w.people[p] = true
	}
	return w, nil
}

// NewPageWriter returns a Writer for what signed-in people write on the server's own
// pages: they may do there what a device of their own may do for them, and no more.
func (c *Cache) NewPageWriter(r store.AccessReader) *Writer {
	return &Writer{r: r, cache: c, pages: true, authors: map[syncproto.PersonID]holder{}}
}

// Judge says whether the author of a change may make it in a scope: ReasonNone,
// or why it must be set aside for a supervisor.
func (w *Writer) Judge(h *syncproto.Header, scope syncproto.ScopeID) (syncproto.Reason, error) {
	if w.device.Revoked != 0 && !planted.Bug("a revoked device still writes") {
		return syncproto.ReasonRevoked, nil
	}
	if !w.pages && !w.people[h.Author] {
		return syncproto.ReasonUnknownName, nil
	}
	a, err := w.author(h.Author)
	if err != nil {
		return syncproto.ReasonNone, err
	}
	if !a.known {
		return syncproto.ReasonUnknownName, nil
	}
	if a.who.Disabled {
		return syncproto.ReasonRevoked, nil
	}
	g, has := a.in(scope)
	need := Write
	if h.Verified {
		need |= Decide
	}
	if h.Verb == syncproto.VerbSettle {
		need |= Settle
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

// Compartment is that of a scope in which the author of a change has rights, ""
// if they have none there.
func (w *Writer) Compartment(author syncproto.PersonID, scope syncproto.ScopeID) (string, error) {
	a, err := w.author(author)
	if err != nil {
		return "", err
	}
	g, _ := a.in(scope)
	return g.Compartment, nil
}

// Rank is the weight of the author's role in a scope, 0 if they may not write there:
// what a change of theirs may claim.
func (w *Writer) Rank(author syncproto.PersonID, scope syncproto.ScopeID) (uint8, error) {
	a, err := w.author(author)
	if err != nil {
		return 0, err
	}
	g, _ := a.in(scope)
	return g.Rank, nil
}

func (w *Writer) author(id syncproto.PersonID) (holder, error) {
	if a, known := w.authors[id]; known {
		return a, nil
	}
	a, err := w.cache.look(w.r, id)
	if err == nil {
		w.authors[id] = a
	}
	return a, err
}
