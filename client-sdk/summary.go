package clientsdk

import (
	"bytes"
	"context"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// factsOf is what guards ask about a place, nil while the device does not hold all
// that its person may read there: what has not arrived yet is not missing.
func (c *Client) factsOf(ctx context.Context, place syncproto.PlaceID) workflow.Facts {
	s, ok, err := c.summaryOf(ctx, place)
	if err != nil { // a question less; the server asks again
		c.log.Warn("counting a place's records for a step failed", "err", err)
	}
	if err != nil || !ok {
		return nil
	}
	return workflow.FactsOf(&s)
}

// summaryOf counts the records of a place; false while something of it is on its way.
func (c *Client) summaryOf(ctx context.Context, place syncproto.PlaceID) (indicators.Summary, bool, error) {
	scopes, whole, err := c.scopesOf(ctx, place)
	if err != nil || len(scopes) == 0 || !whole {
		return indicators.Summary{}, false, err
	}
	s, err := c.summarise(ctx, place, scopes)
	return s, err == nil, err
}

// summarise counts the records of a place's scopes.
func (c *Client) summarise(ctx context.Context, place syncproto.PlaceID, scopes []syncproto.ScopeID) (indicators.Summary, error) {
	counter := indicators.Counter{}
	f := localstore.Filter{Scopes: scopes, Deleted: true, Max: localstore.MaxRows}
	for {
		page, err := c.store.List(ctx, f)
		if err != nil {
			return indicators.Summary{}, err
		}
		for _, row := range page.Rows {
			h, err := c.store.State(ctx, row.Record)
			if err != nil {
				return indicators.Summary{}, err
			}
			if h.State.Exists() {
				counter.Add(indicators.Contribution(merge.Counted(c.forms, h.State)))
			}
		}
		if f.After = page.Next; f.After == "" {
			settings := c.provinceSettings(ctx, place)
			return indicators.Summarise(indicators.ID(place), counter, &settings), nil
		}
	}
}

// scopesOf are the scopes of a place that are here; whole is false while one of
// them is on its way: the last pages of a contact have not come.
func (c *Client) scopesOf(ctx context.Context, place syncproto.PlaceID) (here []syncproto.ScopeID, whole bool, err error) {
	all, err := c.store.Scopes(ctx)
	if err != nil {
		return nil, false, err
	}
	of := map[syncproto.ScopeID]bool{}
	for _, name := range c.compartments() {
		of[syncproto.ScopeOf(place, name)] = true
	}
	whole = true
	for _, s := range all {
		if of[s.Scope] {
			here, whole = append(here, s.Scope), whole && s.Checked
		}
	}
	return here, whole, nil
}

// Neighbourhood is how one of the device's places stands, counted over the records
// that are here: as the office counts them, but for what has not been sent or
// received.
type Neighbourhood struct {
	Place syncproto.PlaceID
	// Name is the sheet's before the first contact, empty after a typed code.
	Name schemas.Text
	// Mine: the person records there.
	Mine bool
	// Whole: everything that the person may read there has been received.
	Whole    bool
	Summary  indicators.Summary
	Settings workflow.Settings
}

// Neighbourhoods counts the neighbourhoods of this device, the enrolment's first.
// It reads every record of them: call it beside what a person waits for.
func (c *Client) Neighbourhoods(ctx context.Context) ([]Neighbourhood, error) {
	const doing = "count neighbourhoods"
	if err := c.mayRead(); err != nil {
		return nil, told(doing, err)
	}
	if c.Locked() {
		return nil, told(doing, localstore.ErrLocked)
	}
	id, k := c.known()
	places := []syncproto.PlaceID{id.Place}
	for _, g := range k.grants {
		// Others of its kind: a county's or a province's own records are no dossier.
		if k.places[g.Place].Kind == k.places[id.Place].Kind && !slices.Contains(places, g.Place) {
			places = append(places, g.Place)
		}
	}
	slices.SortFunc(places[1:], func(a, b syncproto.PlaceID) int { return bytes.Compare(a[:], b[:]) })
	var all []Neighbourhood
	for _, place := range places {
		scopes, whole, err := c.scopesOf(ctx, place)
		if err != nil {
			return nil, told(doing, err)
		}
		if len(scopes) == 0 {
			continue
		}
		n := Neighbourhood{Place: place, Name: k.placeName(place), Whole: whole, Settings: *c.settings(ctx, place)}
		for _, scope := range scopes {
			n.Mine = n.Mine || k.granted(scope, RightWrite)
		}
		if n.Summary, err = c.summarise(ctx, place, scopes); err != nil {
			return nil, told(doing, err)
		}
		all = append(all, n)
	}
	return all, nil
}

// settings are the guards' settings at a place.
func (c *Client) settings(ctx context.Context, place syncproto.PlaceID) *workflow.Settings {
	s := c.provinceSettings(ctx, place)
	return workflow.SettingsOf(&s)
}

// maxDepth bounds how deep places nest, mostSettings how many records of a
// province's settings are looked at: there is one, and those that were deleted.
const (
	maxDepth     = 8
	mostSettings = 200
)

// placeProvince is the kind of a province among places.
const placeProvince = 2

// provinceSettings are those of the province in which a place lies, or the ones that
// ship. Of two records the first counts, as it does at the office: a guard here and a
// figure there must not count by different tables.
func (c *Client) provinceSettings(ctx context.Context, place syncproto.PlaceID) indicators.Settings {
	form, ok := c.forms.FormByName(indicators.SettingsForm)
	_, k := c.known()
	for range maxDepth {
		if k.places[place].Kind == placeProvince {
			break
		}
		place = k.places[place].Parent
	}
	if !ok || k.places[place].Kind != placeProvince {
		return indicators.ShippedValues()
	}
	page, err := c.store.List(ctx, localstore.Filter{Form: uint32(form.ID), Scopes: []syncproto.ScopeID{syncproto.ScopeOf(place, string(form.Compartment))}, Max: mostSettings})
	if err != nil {
		c.log.Warn("reading the province's settings failed", "err", err)
		return indicators.ShippedValues()
	}
	slices.SortFunc(page.Rows, func(a, b localstore.Row) int { return bytes.Compare(a.Record[:], b.Record[:]) })
	for _, row := range page.Rows {
		if h, err := c.store.State(ctx, row.Record); err == nil && merge.Alive(h.State) {
			return indicators.SettingsOf(merge.Counted(c.forms, h.State))
		}
	}
	return indicators.ShippedValues()
}
