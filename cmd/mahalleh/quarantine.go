package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/aside"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// changeItem is a change as commands print it.
type changeItem struct {
	Change string `json:"change"`
	Record string `json:"record,omitempty"`
	formName
	scopeName
	Verb   string `json:"verb,omitempty"`
	By     author `json:"by"`
	Device string `json:"device,omitempty"`
	// When is the author's corrected time, Received the server's.
	When     string `json:"when,omitempty"`
	Received string `json:"received"`
	Outcome  string `json:"outcome"`
	// Reason is why it was set aside or waits, Fault the cell that broke a rule.
	Reason string    `json:"reason,omitempty"`
	Fault  *cellName `json:"fault,omitempty"`
	Ops    []opItem  `json:"ops,omitempty"`
	// Raw is what came if it cannot be read as a change, in hexadecimal.
	Raw       string         `json:"raw,omitempty"`
	Decisions []decisionItem `json:"decisions,omitempty"`
}

// opItem is one operation of a change.
type opItem struct {
	cellName
	Op         string        `json:"op"`
	Value      any           `json:"value"`
	ValueLabel *schemas.Text `json:"value_label,omitempty"`

	cell syncproto.CellKey
}

// decisionItem is what a person decided about a quarantined change.
type decisionItem struct {
	Decision string `json:"decision"`
	By       author `json:"by"`
	At       string `json:"at"`
	Note     string `json:"note,omitempty"`
	Instead  string `json:"instead,omitempty"`
}

// opName is a kind of operation as results have it.
func opName(kind syncproto.OpKind) string {
	switch kind {
	case syncproto.OpSet:
		return "set"
	case syncproto.OpSetAdd:
		return "set-add"
	case syncproto.OpSetRemove:
		return "set-remove"
	case syncproto.OpItemPut:
		return "item-put"
	case syncproto.OpItemRemove:
		return "item-remove"
	case syncproto.OpItemPlace:
		return "item-place"
	case syncproto.OpIncrement:
		return "increment"
	case syncproto.OpText:
		return "text"
	case syncproto.OpAttachAdd:
		return "attach-add"
	case syncproto.OpAttachRemove:
		return "attach-remove"
	case syncproto.OpTransition:
		return "transition"
	case syncproto.OpMove:
		return "move"
	}
	return fmt.Sprintf("#%d", kind)
}

// change describes a change; ops asks for what it says too.
func (n *names) change(row *store.Change, ops bool) (changeItem, error) {
	by, err := n.author(row.Author)
	item := changeItem{Change: row.ID.String(), scopeName: n.scopes[row.Scope], By: by, Received: stamp(row.Received),
		Outcome: row.Result.Outcome.String(), Reason: aside.Reason(row.Result.Reason)}
	if !row.Device.IsZero() {
		item.Device = row.Device.String()
	}
	if err != nil {
		return item, err
	}
	ch, err := wire.DecodeChange(row.Bytes)
	if err != nil {
		if ops {
			item.Raw = hex.EncodeToString(row.Bytes)
		}
		return item, nil // what cannot be read is shown as it came
	}
	h := &ch.Header
	form, formed := n.form(h.Form)
	item.Record, item.formName, item.Verb, item.When = h.Record.String(), formed, h.Verb.String(), stamp(h.AuthorTime())
	if _, cell := hub.Reason(row); cell != (syncproto.CellKey{}) && row.Result.Outcome == syncproto.Quarantined {
		name := nameCell(form, cell)
		item.Fault = &name
	}
	if !ops {
		return item, nil
	}
	for i := range ch.Ops {
		op := &ch.Ops[i]
		k := syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub}
		v := n.value(aside.Leaf(form, k), op.Value)
		item.Ops = append(item.Ops, opItem{cellName: nameCell(form, k), Op: opName(op.Kind), Value: v.Value, ValueLabel: v.Label, cell: k})
	}
	return item, nil
}

func (n *names) decisions(id syncproto.ChangeID) ([]decisionItem, error) {
	rows, err := n.r.Decisions(id)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	var items []decisionItem
	for _, q := range rows {
		by, err := n.author(q.By)
		if err != nil {
			return nil, err
		}
		item := decisionItem{Decision: q.Decision, By: by, At: stamp(q.At), Note: q.Note}
		if !q.Instead.IsZero() {
			item.Instead = q.Instead.String()
		}
		items = append(items, item)
	}
	return items, nil
}

type quarantineList struct {
	// Waiting asks for parked changes instead.
	Waiting bool `json:"waiting"`
}

// page reads a page of the quarantined changes, or of those that wait.
func (q quarantineList) page(r store.Reader, after syncproto.ChangeID) (rows []store.Change, err error) {
	door := access.ForOperator(r)
	if q.Waiting {
		rows, err = door.Waiting(after, pageOf)
	} else {
		rows, err = door.Quarantined(after, pageOf)
	}
	if err != nil {
		return nil, fmt.Errorf("read the quarantine: %w", err)
	}
	return rows, nil
}

func actQuarantineList(ctx context.Context, d *desk, q quarantineList, out tell) error {
	var after syncproto.ChangeID
	for {
		var rows []store.Change
		var items []changeItem
		err := d.view(ctx, func(r store.Reader) (err error) {
			items = nil
			if rows, err = q.page(r, after); err != nil {
				return err
			}
			n, err := d.names(r)
			if err != nil {
				return err
			}
			for i := range rows {
				item, err := n.change(&rows[i], false)
				if err != nil {
					return err
				}
				items = append(items, item)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := out.item(item); err != nil {
				return err
			}
		}
		if len(rows) < pageOf {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

// findChange returns the change with that id, or one in quarantine or waiting
// whose id begins so.
func findChange(r store.Reader, asked string) (store.Change, error) {
	unknown := &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.quarantine.unknown", Args: cli.Args{"change": asked}, Hint: "mahalleh_data.quarantine.unknown_hint"}
	if id, err := syncproto.ParseID(asked); err == nil {
		row, err := r.Change(id)
		if errors.Is(err, store.ErrNotFound) {
			return row, unknown
		}
		return row, err
	}
	var found []store.Change
	for _, q := range []quarantineList{{}, {Waiting: true}} {
		var after syncproto.ChangeID
		for more := len(asked) >= minChangePrefix; more; {
			rows, err := q.page(r, after)
			if err != nil {
				return store.Change{}, err
			}
			for _, row := range rows {
				after = row.ID
				if strings.HasPrefix(row.ID.String(), strings.ToLower(asked)) {
					found = append(found, row)
				}
			}
			more = len(rows) == pageOf
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) > 1 {
		return store.Change{}, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.quarantine.several", Args: cli.Args{"change": asked}, Hint: "mahalleh_data.quarantine.several_hint"}
	}
	return store.Change{}, unknown
}

// minChangePrefix is how many letters of an id name a change at least.
const minChangePrefix = 4

type changeQuery struct {
	Change string `json:"change"`
}

func actQuarantineShow(ctx context.Context, d *desk, q changeQuery, out tell) error {
	item, err := d.lookAt(ctx, q.Change)
	if err != nil {
		return err
	}
	return out.item(item)
}

func (d *desk) lookAt(ctx context.Context, asked string) (item changeItem, err error) {
	err = d.view(ctx, func(r store.Reader) error {
		row, err := findChange(r, asked)
		if err != nil {
			return err
		}
		n, err := d.names(r)
		if err != nil {
			return err
		}
		if item, err = n.change(&row, true); err != nil {
			return err
		}
		item.Decisions, err = n.decisions(row.ID)
		return err
	})
	return item, err
}

// decide is a decision about a quarantined change.
type decide struct {
	Change string `json:"change"`
	Note   string `json:"note"`
	// To is who becomes the author, for reassigning.
	To string `json:"to,omitempty"`
	// Set are values in the place of those that broke a rule, Drop fields that
	// are left out, for correcting.
	Set  map[string]string `json:"set,omitempty"`
	Drop []string          `json:"drop,omitempty"`
	// Lang is the language in which a value that cannot be read is explained.
	Lang string `json:"lang,omitempty"`
}

// decided finds the change, has act decide about it, and tells how it stands.
func (d *desk) decided(ctx context.Context, q decide, out tell, act func(row *store.Change) error) error {
	var row store.Change
	err := d.view(ctx, func(r store.Reader) (err error) {
		row, err = findChange(r, q.Change)
		return err
	})
	if err != nil {
		return err
	}
	if err := act(&row); err != nil {
		return err
	}
	item, err := d.lookAt(ctx, row.ID.String())
	if err != nil {
		return err
	}
	return out.item(item)
}

func actQuarantineRelease(ctx context.Context, d *desk, q decide, out tell) error {
	return d.decided(ctx, q, out, func(row *store.Change) error {
		return d.server.Hub().Release(ctx, row.ID, d.server.Admin().By, q.Note)
	})
}

func actQuarantineKeep(ctx context.Context, d *desk, q decide, out tell) error {
	return d.decided(ctx, q, out, func(row *store.Change) error {
		return d.server.Hub().Keep(ctx, row.ID, d.server.Admin().By, q.Note)
	})
}

func actQuarantineReassign(ctx context.Context, d *desk, q decide, out tell) error {
	return d.decided(ctx, q, out, func(row *store.Change) error {
		var to store.Person
		err := d.view(ctx, func(r store.Reader) (err error) {
			to, err = access.FindPerson(r, q.To)
			return err
		})
		if err != nil {
			return err
		}
		err = d.server.Hub().Correct(ctx, row.ID, d.server.Admin().By, to.ID, q.Note, func(ops []syncproto.Op) ([]syncproto.Op, error) { return ops, nil })
		if errors.Is(err, hub.ErrMayNot) {
			return &cli.Error{Code: cli.Refused, Key: "mahalleh_data.quarantine.may_not", Args: cli.Args{"name": to.Name}, Hint: "mahalleh_data.quarantine.may_not_hint"}
		}
		return err
	})
}

// decodeChange reads a change that is to be worked on.
func decodeChange(row *store.Change) (*syncproto.Change, error) {
	ch, err := wire.DecodeChange(row.Bytes)
	if err != nil {
		return nil, &cli.Error{Code: cli.Refused, Key: "mahalleh_data.quarantine.not_releasable", Hint: "mahalleh_data.quarantine.not_releasable_hint", Cause: err}
	}
	return ch, nil
}
