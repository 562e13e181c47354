package clientsdk

import (
	"cmp"
	"context"
	"slices"

	"mahalleh/schemas"
	"mahalleh/schemas/alike"
	"mahalleh/syncproto/merge"
)

// Likely is a record that may well be the one that is being typed.
type Likely struct {
	Row
	alike.Match
}

const (
	// maxLikely is how many a person is shown; nearRead how many records are read
	// to find them.
	maxLikely = 5
	nearRead  = 24
)

// Likely returns records that may be the one being typed, the surest first: of
// the same form, with nearly the same name in any spelling, or the same number.
// It says nothing of rules over several records, which are among Problems. What
// it costs does not grow with the number of records.
func (d *Draft) Likely(ctx context.Context) ([]Likely, error) {
	const doing = "look for the same record"
	if err := d.c.mayRead(); err != nil {
		return nil, told(doing, err)
	}
	now := schemas.Normalise(d.form, d.now)
	compared := alike.Of(d.form)
	words := compared.Begins(now)
	if len(words) == 0 {
		return nil, nil
	}
	ids, err := d.c.store.Near(ctx, uint32(d.form.ID), words, d.record, nearRead)
	if err != nil {
		return nil, told(doing, err)
	}
	var all []Likely
	for _, id := range ids {
		h, err := d.c.store.State(ctx, id)
		if err != nil {
			return nil, told(doing, err)
		}
		if !h.State.Exists() || h.State.Erased || !merge.Alive(h.State) {
			continue
		}
		x := Likely{Match: compared.Records(now, merge.Content(d.form, h.State))}
		least := alike.Elsewhere
		if h.State.Home == d.home() {
			least = alike.Here
		}
		if x.Sure < least {
			continue
		}
		x.Row = Row{ID: id, Form: d.form, FormID: d.form.ID, Scope: h.State.Home, Sync: h.Sync, HasDraft: h.Draft}
		if x.Title, err = d.c.titleOf(ctx, h.State, "fa", true); err != nil {
			return nil, told(doing, err)
		}
		x.Changed = d.c.made(h.State, h.State.Latest).Time
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b Likely) int {
		return cmp.Or(cmp.Compare(b.Sure, a.Sure), cmp.Compare(len(b.Alike), len(a.Alike)), slices.Compare(a.ID[:], b.ID[:]))
	})
	return all[:min(len(all), maxLikely)], nil
}
