package access

import (
	"cmp"
	"fmt"
	"slices"

	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// screen is what a role's screen shows besides records, which its compartments
// decide.
type screen struct {
	// figures are shown of the grant's place and all below it.
	figures bool
	// single says that each neighbourhood, person and device is shown by itself,
	// not only in sums.
	single bool
	// second says that a second factor is asked for.
	second bool
}

// screens is the table of what roles' screens show; a role that is not in it sees
// nothing.
var screens = map[Role]screen{
	LocalTeam:        {figures: true, single: true},
	Facilitator:      {figures: true, single: true},
	Steering:         {figures: true, single: true},
	Clinic:           {figures: true, single: true},
	TechnicalManager: {figures: true, single: true},
	County:           {figures: true, single: true},
	Province:         {figures: true, single: true, second: true},
	National:         {figures: true, second: true},
}

// View is what one person's screen may show, in one snapshot: records through its
// Door, figures and places by its own table. What it does not name is denied.
type View struct {
	*Door
	Who store.Person
	// Roles are the grants that hold.
	Roles  []store.Grant
	places *places
	// tops are the places of the grants that show figures, none within another.
	tops []store.Place
}

// View opens a person's view; that of somebody unknown or disabled shows nothing.
func (c *Cache) View(r store.Reader, person syncproto.PersonID) (*View, error) {
	h, err := c.look(r, person)
	if err != nil {
		return nil, err
	}
	v := &View{Door: open(r, h.grants), Who: h.who, places: &places{}}
	if !h.known || h.who.Disabled {
		return v, nil
	}
	serial, err := r.GrantSerial()
	if err != nil {
		return nil, fmt.Errorf("read the grants' serial: %w", err)
	}
	if v.places, err = c.country(r, serial); err != nil {
		return nil, err
	}
	grants, err := grantsOf(r, h.who.ID)
	if err != nil {
		return nil, err
	}
	v.Roles = slices.DeleteFunc(grants, func(g store.Grant) bool { return g.Revoked != 0 })
	v.tops = v.widest()
	return v, nil
}

// widest are the places of the grants that show figures, none within another, by
// number.
func (v *View) widest() []store.Place {
	var all []store.Place
	for _, g := range v.Roles {
		p, there := v.places.byID[g.Place]
		if there && screens[Role(g.Role)].figures && !v.Figures(p.Parent) && !slices.ContainsFunc(all, func(x store.Place) bool { return x.ID == p.ID }) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b store.Place) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// grants reports whether a grant at the place, or at one that it lies in, is as
// asked.
func (v *View) grants(place syncproto.PlaceID, as func(store.Grant, screen) bool) bool {
	if place == (syncproto.PlaceID{}) {
		return false
	}
	return slices.ContainsFunc(v.Roles, func(g store.Grant) bool {
		return v.places.within(place, g.Place) && as(g, screens[Role(g.Role)])
	})
}

// Second reports whether a second factor is asked of the person.
func (v *View) Second() bool {
	return slices.ContainsFunc(v.Roles, func(g store.Grant) bool { return screens[Role(g.Role)].second })
}

// Tops are the widest places of which figures are shown, by number.
func (v *View) Tops() []store.Place { return v.tops }

// Place returns a place of which figures are shown. Errors: store.ErrNotFound,
// alike for one that is not there and one that is not shown.
func (v *View) Place(number uint32) (store.Place, error) {
	i := slices.IndexFunc(v.places.order, func(p store.Place) bool { return p.Number == number })
	if i < 0 || !v.Figures(v.places.order[i].ID) {
		return store.Place{}, store.ErrNotFound
	}
	return v.places.order[i], nil
}

// Figures reports whether figures of a place are shown.
func (v *View) Figures(place syncproto.PlaceID) bool {
	return v.grants(place, func(_ store.Grant, s screen) bool { return s.figures })
}

// Single reports whether a place, with its people and devices, is shown by itself.
func (v *View) Single(place syncproto.PlaceID) bool {
	return v.grants(place, func(_ store.Grant, s screen) bool { return s.single })
}

// Inside are a place of which figures are shown and all that lie in it, by number.
func (v *View) Inside(place syncproto.PlaceID) []store.Place {
	if !v.Figures(place) {
		return nil
	}
	var all []store.Place
	for _, p := range v.places.order {
		if v.places.within(p.ID, place) {
			all = append(all, p)
		}
	}
	return all
}

// Above are the places in which a place lies, the nearest first. Their names are
// for everybody.
func (v *View) Above(place store.Place) []store.Place {
	var all []store.Place
	for range maxDepth {
		up, ok := v.places.byID[place.Parent]
		if !ok {
			break
		}
		all = append(all, up)
		place = up
	}
	return all
}

// PlaceOf is the place of that id, whatever it is; false if there is none.
func (v *View) PlaceOf(id syncproto.PlaceID) (store.Place, bool) {
	p, ok := v.places.byID[id]
	return p, ok
}
