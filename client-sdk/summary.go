package clientsdk

import (
	"context"

	"mahalleh/client-sdk/localstore"
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
	scopes, err := c.scopesOf(ctx, place)
	if err != nil || len(scopes) == 0 {
		return indicators.Summary{}, false, err
	}
	counter := indicators.Counter{}
	f := localstore.Filter{Scopes: scopes, Deleted: true, Max: localstore.MaxRows}
	for {
		page, err := c.store.List(ctx, f)
		if err != nil {
			return indicators.Summary{}, false, err
		}
		for _, row := range page.Rows {
			h, err := c.store.State(ctx, row.Record)
			if err != nil {
				return indicators.Summary{}, false, err
			}
			if h.State.Exists() {
				counter.Add(indicators.Contribution(merge.Counted(c.forms, h.State)))
			}
		}
		if f.After = page.Next; f.After == "" {
			settings := c.provinceSettings(ctx, place)
			return indicators.Summarise(indicators.ID(place), counter, &settings), true, nil
		}
	}
}

// scopesOf are the scopes of a place that are here, none while one of them is on
// its way: the last pages of a contact have not come.
func (c *Client) scopesOf(ctx context.Context, place syncproto.PlaceID) ([]syncproto.ScopeID, error) {
	all, err := c.store.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	of := map[syncproto.ScopeID]bool{}
	for _, name := range c.compartments() {
		of[syncproto.ScopeOf(place, name)] = true
	}
	var here []syncproto.ScopeID
	for _, s := range all {
		if !of[s.Scope] {
			continue
		}
		if !s.Checked {
			return nil, nil
		}
		here = append(here, s.Scope)
	}
	return here, nil
}

// settings are the guards' settings at a place.
func (c *Client) settings(ctx context.Context, place syncproto.PlaceID) *workflow.Settings {
	s := c.provinceSettings(ctx, place)
	return workflow.SettingsOf(&s)
}

// maxDepth bounds how deep places nest.
const maxDepth = 8

// provinceSettings are those of the nearest place above that has a record of them,
// or the ones that ship.
func (c *Client) provinceSettings(ctx context.Context, place syncproto.PlaceID) indicators.Settings {
	form, ok := c.forms.FormByName(indicators.SettingsForm)
	_, k := c.known()
	for range maxDepth {
		if !ok || place == (syncproto.PlaceID{}) {
			break
		}
		page, err := c.store.List(ctx, localstore.Filter{Form: uint32(form.ID), Scopes: []syncproto.ScopeID{syncproto.ScopeOf(place, string(form.Compartment))}, Max: 1})
		if err != nil {
			c.log.Warn("reading the province's settings failed", "err", err)
			break
		}
		if len(page.Rows) > 0 {
			if h, err := c.store.State(ctx, page.Rows[0].Record); err == nil && h.State.Exists() {
				return indicators.SettingsOf(merge.Counted(c.forms, h.State))
			}
		}
		place = k.places[place].Parent
	}
	return indicators.ShippedValues()
}
