package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
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
	ops = slices.Clone(ops)
	for name, text := range c.Set {
		i, err := c.find(ops, name)
		if err != nil {
			return nil, err
		}
		if ops[i].Value, err = c.value(&ops[i], text); err != nil {
			return nil, err
		}
	}
	for _, name := range c.Drop {
		if _, err := c.find(ops, name); err != nil {
			return nil, err
		}
		ops = slices.DeleteFunc(ops, func(op syncproto.Op) bool { return c.nameOf(&op) == name })
	}
	return ops, nil
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

// value reads a typed value for the field that an operation writes. The merge
// package turns it into what travels, as for a form on a screen.
func (c *correction) value(op *syncproto.Op, text string) (syncproto.Value, error) {
	field := leaf(c.form, syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub})
	if field == nil || op.Kind != syncproto.OpSet && op.Kind != syncproto.OpText {
		return syncproto.Value{}, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.quarantine.not_settable", Args: cli.Args{"field": c.nameOf(op)}, Hint: "mahalleh_data.quarantine.not_settable_hint"}
	}
	v, err := schemas.ParseInput(c.form, c.forms, field, text)
	if err != nil {
		problem := err.Error()
		if told, ok := errors.AsType[*schemas.FieldError](err); ok {
			problem = told.Message.In(c.Lang)
		}
		return syncproto.Value{}, &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.quarantine.bad_value", Args: cli.Args{"field": field.Name, "value": text, "problem": problem}, Hint: "mahalleh_data.quarantine.bad_value_hint", Cause: err}
	}
	if v.IsEmpty() {
		return syncproto.None(), nil
	}
	return travelling(c.form, op, field, v)
}

// travelling makes an operation on a new record that holds this value alone,
// and takes the value out of it.
func travelling(form *schemas.Form, op *syncproto.Op, field *schemas.Field, v schemas.Value) (syncproto.Value, error) {
	after := map[schemas.FieldID]schemas.Value{field.ID: v}
	if field.Parent != 0 {
		row := schemas.Item{ID: op.Item, Fields: map[schemas.FieldID]schemas.Value{field.ID: v}}
		after = map[schemas.FieldID]schemas.Value{field.Parent: schemas.ItemsValue([]schemas.Item{row})}
	}
	e := merge.Edit{Form: form, Opened: syncproto.NewRecordState(syncproto.RecordID{}),
		Before: schemas.Record{Form: form.ID}, After: schemas.Record{Form: form.ID, Fields: after},
		NewItem: func(int) syncproto.ItemID { return op.Item }}
	for _, made := range e.Ops() {
		if made.Kind != op.Kind || made.Field != op.Field || made.Sub != op.Sub {
			continue
		}
		if text, _, ok := made.Value.AsLongText(); ok {
			// The text it was written on stays the author's.
			_, base, _ := op.Value.AsLongText()
			return syncproto.LongText(text, base), nil
		}
		return made.Value, nil
	}
	return syncproto.Value{}, errors.New("the value cannot be written as an operation")
}
