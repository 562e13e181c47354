package clientsdk

import (
	"context"
	"errors"
	"slices"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// Settlement is a conflict that somebody settled elsewhere, told to whoever
// had written one of its values.
type Settlement struct {
	// Conflict is how it stood before; if this device never saw it open, of its
	// Values only the own one is known.
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

// outcomes returns what became of own values in conflicts that were settled
// during a run, each conflict once.
func (c *Client) outcomes(ctx context.Context, l *listener) ([]Settlement, error) {
	all, err := c.settledSince(ctx, l.open)
	if err != nil {
		return all, err
	}
	heard := make([]syncproto.Result, len(l.order))
	for i, id := range l.order {
		heard[i] = l.heard[id]
	}
	unseen, err := c.settledUnseen(ctx, heard)
	for _, x := range unseen {
		if !slices.ContainsFunc(all, func(y Settlement) bool { return y.ID == x.ID }) {
			all = append(all, x)
		}
	}
	return all, err
}

// settledUnseen returns what became of conflicts that came with a result of this
// sync and were settled before this device saw them open. Of such a conflict only
// the own value is known.
func (c *Client) settledUnseen(ctx context.Context, heard []syncproto.Result) (all []Settlement, err error) {
	if c.mayRead() != nil {
		return nil, nil
	}
	for i := range heard {
		for _, cell := range heard[i].Cells {
			if cell.Reason != syncproto.ReasonDistinct && cell.Reason != syncproto.ReasonContested {
				continue
			}
			x, ok, err := c.unseen(ctx, heard[i].Change, cell.Cell)
			if err != nil {
				return all, told("read an outcome", err)
			}
			if ok {
				all = append(all, x)
			}
		}
	}
	return all, nil
}

// unseen reads what became of an own value that was in a conflict; ok is false
// while it still stands, and if this device's person settled it.
func (c *Client) unseen(ctx context.Context, own syncproto.ChangeID, cell syncproto.CellKey) (out Settlement, ok bool, err error) {
	o, err := c.store.Change(ctx, own)
	if isNotFound(err) || err == nil && o.Change == nil {
		return out, false, nil
	}
	if err != nil {
		return out, false, err
	}
	h, err := c.store.State(ctx, o.Change.Header.Record)
	if isNotFound(err) || err == nil && (h.State.Erased || !h.State.Exists()) {
		return out, false, nil
	}
	if err != nil {
		return out, false, err
	}
	if slices.ContainsFunc(h.State.Candidates(cell), func(x syncproto.Candidate) bool { return x.Version == own }) {
		return out, false, nil
	}
	if slices.ContainsFunc(merge.Conflicts(h.State), func(x merge.Conflict) bool { return x.Cell == cell }) {
		return out, false, nil // open still, between other values
	}
	form, _ := c.forms.Form(schemas.FormID(h.State.Form))
	x := c.conflict(form, h.State, cell)
	mine := Candidate{N: 1, Alive: o.Change.Header.Verb != syncproto.VerbDelete, By: []Made{c.madeOf(o.Change)}, Mine: true}
	for _, f := range c.ownEntry(form, nil, &o).Fields {
		if f.Path == x.Path && x.Presence {
			mine.Alive = f.Value.Bool()
		} else if f.Path == x.Path {
			mine.Value = f.Value
		}
	}
	x.Values = []Candidate{mine}
	if x.Title, err = c.titleOf(ctx, h.State, "fa", true); err != nil {
		return out, false, err
	}
	out = c.settlement(x, h.State)
	return out, !out.By.Mine, nil
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
