package clientsdk

import (
	"context"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Tally returns how many records of each form a list would hold in all.
func (c *Client) Tally(ctx context.Context, q Query) (map[schemas.FormID]int, error) {
	const doing = "count records by form"
	f, err := c.filter(q)
	if err != nil {
		return nil, told(doing, err)
	}
	counted, err := c.store.Tally(ctx, f)
	if err != nil {
		return nil, told(doing, err)
	}
	all := map[schemas.FormID]int{}
	for form, n := range counted {
		all[schemas.FormID(form)] = n
	}
	return all, nil
}

// MaySettle reports whether the person may decide between conflicting values of
// records in a scope, as far as the device knows.
func (c *Client) MaySettle(scope syncproto.ScopeID) bool {
	_, k := c.known()
	return k.granted(scope, RightWrite|RightSettle)
}

// Title is what the draft's title fields show so far, in a language.
func (d *Draft) Title(ctx context.Context, lang string) string {
	t, err := d.c.titleOfValues(ctx, d.form, d.now, lang, true)
	if err != nil { // a reference that cannot be read is left out
		d.c.log.Warn("naming a draft failed", "err", err)
	}
	return t
}
