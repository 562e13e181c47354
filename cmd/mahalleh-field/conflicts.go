package main

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// presencePath names, instead of a field, whether a record is there.
const presencePath = "presence"

// conflictItem is an open conflict as commands print it.
type conflictItem struct {
	ID     string `json:"id"`
	Record string `json:"record"`
	Form   string `json:"form"`
	Title  string `json:"title"`
	// Field is what settle takes: a field's name, "list[row id].field", or presence.
	Field    string       `json:"field"`
	Label    schemas.Text `json:"label"`
	Presence bool         `json:"presence,omitempty"`
	// Values are the rivals, the first is the one shown now.
	Values []candidateItem `json:"candidates"`
}

type candidateItem struct {
	N int `json:"n"`
	// Value is true or false for a conflict about presence.
	Value json.RawMessage `json:"value"`
	Mine  bool            `json:"mine"`
	By    []madeItem      `json:"by"`
}

func (d *device) conflictItem(c *clientsdk.Conflict) (conflictItem, error) {
	item := conflictItem{ID: c.ID, Record: c.Record.String(), Title: c.Title, Field: c.Path, Label: c.Label, Presence: c.Presence}
	if c.Form != nil {
		item.Form = c.Form.Name
	}
	for _, k := range c.Values {
		x := candidateItem{N: k.N, Mine: k.Mine, Value: json.RawMessage(strconv.FormatBool(k.Alive))}
		if !c.Presence {
			var err error
			if x.Value, err = valueJSON(k.Value); err != nil {
				return item, err
			}
		}
		for _, m := range k.By {
			x.By = append(x.By, madeJSON(m))
		}
		item.Values = append(item.Values, x)
	}
	return item, nil
}

func conflictsCommand(a *cli.App) *cobra.Command {
	return deviceCommand(a, "conflicts [ID]", "field.conflicts", func(ctx context.Context, d *device, args []string) error {
		all, err := d.Conflicts(ctx)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			id, err := d.find(ctx, args[0])
			if err != nil {
				return err
			}
			r, err := d.Record(ctx, id)
			if err != nil {
				return err
			}
			all = r.Conflicts
		}
		last := syncproto.RecordID{}
		for i := range all {
			c := &all[i]
			if a.JSON() {
				item, err := d.conflictItem(c)
				if err == nil {
					err = a.PrintJSON(item)
				}
				if err != nil {
					return err
				}
				continue
			}
			if c.Record != last {
				last = c.Record
				form := ""
				if c.Form != nil {
					form = c.Form.Label.In(d.lang())
				}
				if err := a.Say("field.conflicts.record", cli.Args{"form": form, "title": d.titleOr(c.Title), "id": shortID(c.Record.String())}); err != nil {
					return err
				}
			}
			if err := d.sayConflict(ctx, c); err != nil {
				return err
			}
		}
		return d.pending(len(all))
	})
}

// pending ends a command with the exit code of pending conflicts, or says that
// there are none.
func (d *device) pending(n int) error {
	if n == 0 {
		d.app.Note("field.conflicts.none")
		return nil
	}
	return &cli.Error{Code: cli.Conflicts, Key: "field.conflicts.pending", Args: cli.Args{"n": n}, Hint: "field.conflicts.pending_hint"}
}

func (d *device) presence(there bool) string {
	if there {
		return d.app.T("field.value.there")
	}
	return d.app.T("field.value.gone")
}

// labelOf is what a conflict is about, in a person's words.
func (d *device) labelOf(c *clientsdk.Conflict) string {
	if label := c.Label.In(d.lang()); label != "" {
		return label
	}
	return d.app.Member("field.part", c.Path)
}

func (d *device) sayConflict(ctx context.Context, c *clientsdk.Conflict) error {
	a := d.app
	if err := say(a, 2, a.T("field.conflicts.field", cli.Args{"label": d.labelOf(c), "field": c.Path})); err != nil {
		return err
	}
	for _, k := range c.Values {
		value := d.presence(k.Alive)
		if !c.Presence {
			value = d.shown(ctx, c.Field, k.Value)
		}
		var by []string
		for _, m := range k.By {
			by = append(by, d.who(m)+" "+d.minute(m.Time))
		}
		key := cli.Key("field.conflicts.other")
		if k.N == 1 {
			key = "field.conflicts.shown"
		}
		if err := say(a, 4, a.T(key, cli.Args{"n": k.N, "value": value, "by": strings.Join(by, d.comma())})); err != nil {
			return err
		}
	}
	return nil
}

func settleCommand(a *cli.App) *cobra.Command {
	var reason string
	c := deviceCommand(a, "settle ID FIELD CHOICE", "field.settle", func(ctx context.Context, d *device, args []string) error {
		id, err := d.find(ctx, args[0])
		if err != nil {
			return err
		}
		r, err := d.Record(ctx, id)
		if err != nil {
			return err
		}
		c, err := d.conflictOf(r, args[1])
		if err != nil {
			return err
		}
		choice, err := d.choice(ctx, c, args[2])
		if err != nil {
			return err
		}
		saved, err := d.Settle(ctx, id, c.ID, choice, reason)
		if err != nil {
			return err
		}
		if a.JSON() {
			return a.PrintJSON(actItem{Record: id.String(), Change: saved.Change.String()})
		}
		after, err := d.Record(ctx, id)
		if err != nil {
			return err
		}
		value := d.presence(!after.Deleted)
		if c.Field != nil && c.Field.Parent == 0 {
			value = d.shown(ctx, c.Field, after.Values.Fields[c.Field.ID])
		}
		return a.Say("field.settle.done", cli.Args{"field": d.labelOf(c), "value": value})
	})
	c.Flags().StringVar(&reason, "reason", "", a.T("field.flag.reason"))
	return c
}

// conflictOf returns the conflict of a record that a field's name, a label or
// a conflict's id names.
func (d *device) conflictOf(r *clientsdk.Record, field string) (*clientsdk.Conflict, error) {
	var paths []string
	for i := range r.Conflicts {
		c := &r.Conflicts[i]
		if c.Path == field || c.ID == field || c.Label.Fa != "" && persian.Fold(c.Label.Fa) == persian.Fold(field) || c.Label.En != "" && strings.EqualFold(c.Label.En, field) {
			return c, nil
		}
		paths = append(paths, c.Path)
	}
	if len(paths) == 0 {
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "field.settle.nothing", Args: cli.Args{"id": shortID(r.ID.String())}, Hint: "field.settle.nothing_hint"}
	}
	return nil, &cli.Error{Code: cli.DataInvalid, Key: "field.settle.no_field", Args: cli.Args{"field": field, "fields": strings.Join(paths, ", ")}, Hint: "field.settle.no_field_hint"}
}

// choice reads mine, theirs, the number of a value, or a new value. A number
// that is no value's is refused unless "=" says that it is meant as a value.
func (d *device) choice(ctx context.Context, c *clientsdk.Conflict, text string) (clientsdk.Choice, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "mine":
		return clientsdk.Mine(), nil
	case "theirs":
		return clientsdk.Theirs(), nil
	}
	value, given := strings.CutPrefix(text, "=")
	if !given {
		if n, err := strconv.Atoi(persian.ToASCIIDigits(strings.TrimSpace(text))); err == nil {
			if n < 1 || n > len(c.Values) {
				return clientsdk.Choice{}, &cli.Error{Code: cli.Usage, Key: "field.settle.no_number", Args: cli.Args{"n": n, "most": len(c.Values)}, Hint: "field.settle.no_number_hint"}
			}
			return clientsdk.Nth(n), nil
		}
	}
	if c.Field == nil || c.Form == nil {
		return clientsdk.Choice{}, &cli.Error{Code: cli.Usage, Key: "field.settle.no_value", Args: cli.Args{"text": text}, Hint: "field.settle.no_value_hint"}
	}
	v, err := d.parse(ctx, c.Form, c.Field, value)
	if err != nil {
		return clientsdk.Choice{}, err
	}
	for _, k := range c.Values {
		if k.Value.Equal(v) {
			return clientsdk.Nth(k.N), nil
		}
	}
	return clientsdk.NewValue(v), nil
}
