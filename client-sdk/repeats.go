package clientsdk

import (
	"context"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// repeats returns the warning that another record of the same scope cannot be
// told apart from this one, as far as this device knows; nil if there is none.
// Forms that can be repeated have some dozens of records at a place, so they
// are all looked at, up to one page of a list.
func (c *Client) repeats(ctx context.Context, form *schemas.Form, scope syncproto.ScopeID, id syncproto.RecordID, r schemas.Record) ([]schemas.Problem, error) {
	if len(form.Unique) == 0 {
		return nil, nil
	}
	list, err := c.store.List(ctx, localstore.Filter{Form: uint32(form.ID), Scopes: []syncproto.ScopeID{scope}, Max: localstore.MaxRows})
	if err != nil {
		return nil, err
	}
	for _, row := range list.Rows {
		if row.Record == id {
			continue
		}
		h, err := c.store.State(ctx, row.Record)
		if err != nil {
			return nil, err
		}
		if h.State.Exists() && schemas.Repeats(form, schemas.ID(id), r, schemas.ID(row.Record), merge.Content(form, h.State)) {
			return []schemas.Problem{schemas.Repeated(form)}, nil
		}
	}
	return nil, nil
}
