package clientsdk

import (
	"slices"

	"mahalleh/schemas"
)

// Spot is one field of a form: one of the record, where List is empty, or one of
// the row of a list, counted from 0.
type Spot struct {
	List  string
	Row   int
	Field string
}

// SetTyped gives a field the value that a text says, as a person types it on a
// screen (schemas.ParseTyped): money in toman. A text that cannot be read is kept as
// Set keeps it, in rows too.
func (d *Draft) SetTyped(at Spot, text string) error {
	f, c, err := d.spot(at)
	if err != nil {
		return err
	}
	v, err := schemas.ParseTyped(d.form, d.c.forms, f, text)
	if err != nil {
		err = told("set "+at.Field, err)
		d.keepTyped(c, text, err)
		return err
	}
	return d.SetSpot(at, v)
}

// SetSpot gives a field of the record or of a row a value, the empty Value to clear
// it.
func (d *Draft) SetSpot(at Spot, v schemas.Value) error {
	f, c, err := d.spot(at)
	if err != nil {
		return err
	}
	if c.row == 0 {
		return d.put(f, v)
	}
	list, _ := d.form.Field(f.Parent)
	rows := d.rows(list)
	row := schemas.Record{Fields: rows[at.Row].Fields}.Clone()
	row.Fields[f.ID] = v
	rows[at.Row].Fields = row.Fields // put leaves empty values out
	delete(d.typed, c)
	return d.putRows(list, rows, func(row int) int { return row })
}

// Spot returns what a field of the record or of a row holds, and the text that was
// typed into it if that cannot be read.
func (d *Draft) Spot(at Spot) (v schemas.Value, typed string) {
	f, c, err := d.spot(at)
	if err != nil {
		return schemas.Value{}, ""
	}
	v = d.now.Fields[f.ID]
	if c.row > 0 {
		v = d.now.Fields[f.Parent].Items()[at.Row].Fields[f.ID]
	}
	return v, d.typed[c].text
}

// AddRow puts an empty row at the end of a list and returns where it stands.
func (d *Draft) AddRow(list string) (int, error) {
	f, err := d.list(list)
	if err != nil {
		return 0, err
	}
	rows := append(d.rows(f), schemas.Item{})
	return len(rows) - 1, d.putRows(f, rows, func(row int) int { return row })
}

// DropRow takes a row out of a list.
func (d *Draft) DropRow(list string, row int) error {
	f, err := d.list(list)
	if err != nil {
		return err
	}
	rows := d.rows(f)
	if row < 0 || row >= len(rows) {
		return told("drop a row of "+list, refuse(ErrNotFound, nil))
	}
	return d.putRows(f, slices.Delete(rows, row, row+1), func(old int) int {
		switch {
		case old == row:
			return -1
		case old > row:
			return old - 1
		}
		return old
	})
}

// PutRow puts a row into a list at a place, such as one that DropRow took out.
func (d *Draft) PutRow(list string, row int, item schemas.Item) error {
	f, err := d.list(list)
	if err != nil {
		return err
	}
	rows := d.rows(f)
	row = min(max(row, 0), len(rows))
	return d.putRows(f, slices.Insert(rows, row, item), func(old int) int {
		if old >= row {
			return old + 1
		}
		return old
	})
}

// MoveRow puts a row of a list to another place.
func (d *Draft) MoveRow(list string, from, to int) error {
	f, err := d.list(list)
	if err != nil {
		return err
	}
	rows := d.rows(f)
	if from < 0 || from >= len(rows) || to < 0 || to >= len(rows) {
		return told("move a row of "+list, refuse(ErrNotFound, nil))
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	order = slices.Insert(slices.Delete(order, from, from+1), to, from)
	moved := make([]schemas.Item, len(rows))
	for i, old := range order {
		moved[i] = rows[old]
	}
	return d.putRows(f, moved, func(old int) int { return slices.Index(order, old) })
}

// RowOffers are what the form proposes for the empty fields of a row; see Offers.
func (d *Draft) RowOffers(list string, row int) map[schemas.FieldID]schemas.Value {
	f, err := d.list(list)
	if err != nil {
		return nil
	}
	return schemas.PrefillRow(d.form, d.c.forms, d.now, f.ID, row, d.env())
}

func (d *Draft) list(name string) (*schemas.Field, error) {
	f, err := d.settable(name)
	if err == nil && f.Type != schemas.TypeList {
		err = told("look at the rows of "+name, refuse(ErrUnknownField, nil, "field", name))
	}
	return f, err
}

// spot finds a field, and where a text stands that was typed into it.
func (d *Draft) spot(at Spot) (*schemas.Field, cell, error) {
	if at.List == "" {
		f, err := d.settable(at.Field)
		if err != nil {
			return nil, cell{}, err
		}
		return f, cell{field: f.ID}, nil
	}
	list, err := d.list(at.List)
	if err != nil {
		return nil, cell{}, err
	}
	f, ok := list.FieldByName(at.Field)
	if !ok || !f.Stored() {
		return nil, cell{}, told("set "+at.Field, refuse(ErrUnknownField, nil, "field", at.List+"."+at.Field))
	}
	if at.Row < 0 || at.Row >= len(d.now.Fields[list.ID].Items()) {
		return nil, cell{}, told("set "+at.Field, refuse(ErrNotFound, nil))
	}
	return f, cell{f.ID, at.Row + 1}, nil
}

// rows are the rows of a list, for changing.
func (d *Draft) rows(list *schemas.Field) []schemas.Item {
	return slices.Clone(d.now.Fields[list.ID].Items())
}

// putRows gives a list its rows; what was typed into a row goes where the row went,
// -1 for nowhere.
func (d *Draft) putRows(list *schemas.Field, rows []schemas.Item, went func(row int) int) error {
	kept := map[cell]typedText{}
	for at, t := range d.typed {
		if column, ok := d.form.Field(at.field); ok && column.Parent == list.ID {
			if to := went(at.row - 1); to >= 0 {
				kept[cell{at.field, to + 1}] = t
			}
		}
	}
	if err := d.put(list, schemas.ItemsValue(rows)); err != nil {
		return err
	}
	for at, t := range kept {
		d.typed[at] = t
	}
	return nil
}
