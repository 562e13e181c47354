package clientsdk

import (
	"context"
	"fmt"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// settingAside keeps the ids of own changes that the server parked or set
// aside, one after another: a record of which nothing else is known stands in
// no list.
const settingAside = "aside"

// maxAside bounds what is kept there.
const maxAside = 10 * MaxTroubles

func isAside(o syncproto.Outcome) bool {
	return o == syncproto.Parked || o == syncproto.Quarantined || o == syncproto.Rejected
}

// noteAside adds changes to those that are set aside.
func (c *Client) noteAside(ctx context.Context, ids []syncproto.ChangeID) error {
	if len(ids) == 0 {
		return nil
	}
	known, err := c.aside(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			known = append(known, id)
		}
	}
	return c.putAside(ctx, known[max(len(known)-maxAside, 0):])
}

func (c *Client) aside(ctx context.Context) ([]syncproto.ChangeID, error) {
	b, err := c.store.Setting(ctx, settingAside)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []syncproto.ChangeID
	for chunk := range slices.Chunk(b, len(syncproto.ChangeID{})) {
		if len(chunk) != len(syncproto.ChangeID{}) {
			return nil, refuse(ErrDamaged, fmt.Errorf("list of changes set aside has %d bytes", len(b)))
		}
		ids = append(ids, syncproto.ChangeID(chunk))
	}
	return ids, nil
}

func (c *Client) putAside(ctx context.Context, ids []syncproto.ChangeID) error {
	var b []byte
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return c.store.SetSetting(ctx, settingAside, b)
}

// troubles lists the changes that are parked or set aside now.
func (c *Client) troubles(ctx context.Context) ([]Trouble, error) {
	noted, err := c.aside(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := c.listedAside(ctx)
	if err != nil {
		return nil, err
	}
	var all []Trouble
	seen := map[syncproto.ChangeID]bool{}
	for _, id := range slices.Concat(listed, noted) {
		if seen[id] || len(all) == MaxTroubles {
			continue
		}
		seen[id] = true
		t, is, err := c.trouble(ctx, id)
		if err != nil {
			return nil, err
		}
		if is {
			all = append(all, t)
		}
	}
	return all, nil
}

// listedAside finds changes set aside by the records that stand in lists.
func (c *Client) listedAside(ctx context.Context) (ids []syncproto.ChangeID, err error) {
	l, err := c.store.List(ctx, localstore.Filter{Attention: localstore.SyncParked, Deleted: true, Max: MaxTroubles})
	if err != nil {
		return nil, err
	}
	for _, row := range l.Rows {
		h, err := c.store.State(ctx, row.Record)
		if err != nil {
			return nil, err
		}
		ids = append(ids, h.Aside...)
	}
	return ids, nil
}

// trouble reads one change that was set aside; is reports whether it still is.
func (c *Client) trouble(ctx context.Context, id syncproto.ChangeID) (t Trouble, is bool, err error) {
	own, err := c.store.Change(ctx, id)
	if isNotFound(err) {
		return t, false, nil
	}
	if err != nil || own.Result == nil || own.Change == nil || !isAside(own.Result.Outcome) {
		return t, false, err
	}
	h := &own.Change.Header
	form, _ := c.forms.Form(schemas.FormID(h.Form))
	t = Trouble{Record: h.Record, Verdict: c.verdict(form, nil, own.Result)}
	written, err := c.store.AsWritten(ctx, h.Record)
	if err == nil && written.State.Exists() && !written.State.Erased {
		t.Title, err = c.titleOf(ctx, written.State, "fa", true)
	}
	return t, true, err
}
