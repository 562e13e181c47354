package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/server/aside"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func actQuarantineCorrect(ctx context.Context, d *desk, q decide, out tell) error {
	if len(q.Set) == 0 && len(q.Drop) == 0 {
		return &cli.Error{Code: cli.Usage, Key: "mahalleh_data.quarantine.nothing", Hint: "mahalleh_data.quarantine.nothing_hint"}
	}
	return d.decided(ctx, q, out, func(row *store.Change) error {
		c := correction{forms: d.server.Hub().Packages(), decide: q}
		if err := c.read(row); err != nil {
			return err
		}
		return d.server.Hub().Correct(ctx, row.ID, d.server.Admin().By, syncproto.PersonID{}, q.Note, c.apply)
	})
}

// correction puts other values into a quarantined change.
type correction struct {
	decide
	forms *schemas.Package
	form  *schemas.Form
}

// read learns the change's form.
func (c *correction) read(row *store.Change) error {
	ch, err := decodeChange(row)
	if err != nil {
		return err
	}
	form, ok := c.forms.Form(schemas.FormID(ch.Header.Form))
	if !ok {
		return &cli.Error{Code: cli.Refused, Key: "mahalleh_data.quarantine.no_form", Hint: "mahalleh_data.quarantine.no_form_hint"}
	}
	c.form = form
	return nil
}

// apply returns the operations with the corrections in them.
func (c *correction) apply(ops []syncproto.Op) ([]syncproto.Op, error) {
	x := aside.Correction{Forms: c.forms, Form: c.form, Set: map[int]string{}, Read: schemas.ParseInput}
	for name, text := range c.Set {
		i, err := c.find(ops, name)
		if err != nil {
			return nil, err
		}
		x.Set[i] = text
	}
	for _, name := range c.Drop {
		if _, err := c.find(ops, name); err != nil {
			return nil, err
		}
		for i := range ops {
			if c.nameOf(&ops[i]) == name {
				x.Drop = append(x.Drop, i)
			}
		}
	}
	for i := range x.Set {
		if !aside.Settable(c.form, &ops[i]) {
			return nil, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.quarantine.not_settable", Args: cli.Args{"field": c.nameOf(&ops[i])}, Hint: "mahalleh_data.quarantine.not_settable_hint"}
		}
	}
	corrected, err := x.Apply(ops)
	if bad, is := errors.AsType[*aside.ValueError](err); is {
		return nil, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.quarantine.bad_value", Args: cli.Args{"field": bad.Field.Name, "value": bad.Text, "problem": bad.Says().In(c.Lang)}, Hint: "mahalleh_data.quarantine.bad_value_hint", Cause: err}
	}
	return corrected, err
}

func (c *correction) nameOf(op *syncproto.Op) string {
	return nameCell(c.form, syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub}).Field
}

// find returns the one operation that writes a field's value.
func (c *correction) find(ops []syncproto.Op, name string) (int, error) {
	found := -1
	for i := range ops {
		if c.nameOf(&ops[i]) != name {
			continue
		}
		if found >= 0 && slices.Contains(c.Drop, name) {
			continue
		}
		if found >= 0 {
			return 0, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.quarantine.many_rows", Args: cli.Args{"field": name}, Hint: "mahalleh_data.quarantine.many_rows_hint"}
		}
		found = i
	}
	if found < 0 {
		var written []string
		for i := range ops {
			written = append(written, c.nameOf(&ops[i]))
		}
		slices.Sort(written)
		return 0, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.quarantine.no_field",
			Args: cli.Args{"field": name, "written": strings.Join(slices.Compact(written), " · ")}, Hint: "mahalleh_data.quarantine.no_field_hint"}
	}
	return found, nil
}
