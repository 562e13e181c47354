package clientsdk

import (
	"context"
	"errors"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// Settlement is a conflict that somebody settled elsewhere, told to whoever
// had written one of its values.
type Settlement struct {
	// Conflict is how it stood before.
	Conflict
	// Value is what the field holds now; Alive, of a conflict about presence,
	// whether record or row is there.
	Value schemas.Value
	Alive bool
	By    Made
}

// awaited returns the open conflicts whose outcome this device's person waits
// for; none while the device may not be read.
func (c *Client) awaited(ctx context.Context) ([]Conflict, error) {
	if c.mayRead() != nil {
		return nil, nil
	}
	all, err := c.Conflicts(ctx)
	if err != nil {
		return nil, err
	}
	var own []Conflict
	for _, x := range all {
		for _, v := range x.Values {
			if v.Mine {
				own = append(own, x)
				break
			}
		}
	}
	return own, nil
}

// settledSince returns what became of conflicts that are not open any more.
func (c *Client) settledSince(ctx context.Context, open []Conflict) ([]Settlement, error) {
	if len(open) == 0 || c.mayRead() != nil {
		return nil, nil
	}
	var all []Settlement
	for _, x := range open {
		_, err := c.Conflict(ctx, x.Record, x.ID)
		if err == nil {
			continue // still open
		}
		if !errors.Is(err, ErrNotFound) {
			return all, err
		}
		h, err := c.store.State(ctx, x.Record)
		if isNotFound(err) {
			continue // it has left the device
		}
		if err != nil {
			return all, told("read an outcome", err)
		}
		if h.State.Erased || !h.State.Exists() {
			continue
		}
		all = append(all, c.settlement(x, h.State))
	}
	return all, nil
}

func (c *Client) settlement(x Conflict, s *syncproto.RecordState) Settlement {
	v := merge.Look(s, x.cell)
	out := Settlement{Conflict: x}
	if x.Presence {
		out.Alive, _ = v.Value.AsBool()
	} else {
		out.Value = merge.FromWire(v.Value)
	}
	if len(v.Shown) > 0 {
		out.By = c.made(s, v.Shown[len(v.Shown)-1])
	}
	return out
}
