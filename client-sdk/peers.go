package clientsdk

import (
	"context"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// maxPeers bounds how many records a record is held against until every rule
// has flagged one; the index finds only those that a rule may well flag, so
// there are hardly ever so many.
const maxPeers = 100

// peers returns the warnings of the form's rules over several records (Unique
// and Among) for a record and the others of its scope, or of all where the rule
// says so, as far as this device knows them: each rule once, with the first record that it flags.
func (c *Client) peers(ctx context.Context, form *schemas.Form, scope syncproto.ScopeID, id syncproto.RecordID, r schemas.Record) ([]schemas.Problem, error) {
	keys := schemas.LookKeys(form, r)
	if len(keys) == 0 {
		return nil, nil
	}
	ids, err := c.store.Peers(ctx, scope, keys, id, maxPeers)
	if err != nil {
		return nil, err
	}
	var settings *indicators.Settings
	number := func(name string) (int64, bool) {
		if settings == nil {
			s := c.provinceSettings(ctx, c.placeOf(scope))
			settings = &s
		}
		return settings.Number(name)
	}
	rules := make([]*schemas.Among, len(form.Among))
	for i := range form.Among {
		rules[i] = form.Among[i].Adjusted(number)
	}
	var repeated []schemas.Problem
	among := make([]schemas.Problem, len(form.Among))
	open := len(form.Among) // rules that have not flagged a record yet
	if len(form.Unique) > 0 {
		open++
	}
	for _, other := range ids {
		if open == 0 {
			break
		}
		h, err := c.store.State(ctx, other)
		if err != nil {
			return nil, err
		}
		if !h.State.Exists() || h.State.Form != uint32(form.ID) {
			continue
		}
		values := merge.Content(form, h.State)
		far := h.State.Home != scope
		if repeated == nil && (form.UniqueEverywhere || !far) && schemas.Repeats(form, schemas.ID(id), r, schemas.ID(other), values) {
			repeated = append(repeated, schemas.Repeated(form, schemas.ID(other)))
			open--
		}
		for i := range form.Among {
			if among[i].Rule != "" || far && !rules[i].Everywhere || !rules[i].Holds(form, schemas.ID(id), r, schemas.ID(other), values) {
				continue
			}
			title, err := c.titleText(ctx, form, h.State)
			if err != nil {
				return nil, err
			}
			among[i] = schemas.AmongProblem(rules[i], schemas.ID(other), title)
			open--
		}
	}
	for _, p := range among {
		if p.Rule != "" {
			repeated = append(repeated, p)
		}
	}
	return repeated, nil
}

// named returns what is wrong between a record and those that it names, as far as
// this device knows them.
func (c *Client) named(ctx context.Context, form *schemas.Form, id syncproto.RecordID, r schemas.Record) []schemas.Problem {
	return workflow.Named(c.forms, form, schemas.ID(id), r, recordsHere{ctx: ctx, c: c})
}

// titleText is a record's title in both languages, or its form's name.
func (c *Client) titleText(ctx context.Context, form *schemas.Form, s *syncproto.RecordState) (schemas.Text, error) {
	fa, err := c.titleOf(ctx, s, "fa", true)
	if err != nil {
		return schemas.Text{}, err
	}
	en, err := c.titleOf(ctx, s, "en", true)
	if fa == "" || en == "" {
		return form.Label, err
	}
	return schemas.Text{Fa: fa, En: en}, err
}
