// Package aside reads changes that were set aside and corrects them, for whoever decides
// about them: the operator's commands and the committee's pages.
package aside

import (
	"errors"
	"fmt"
	"slices"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// Reason is a reason as results and the catalogues have it, "" for none.
func Reason(r syncproto.Reason) string {
	switch r {
	case syncproto.ReasonNone:
		return ""
	case syncproto.ReasonMalformed:
		return "malformed"
	case syncproto.ReasonForbidden:
		return "forbidden"
	case syncproto.ReasonBadType:
		return "bad_type"
	case syncproto.ReasonBadValue:
		return "bad_value"
	case syncproto.ReasonRevoked:
		return "revoked"
	case syncproto.ReasonTooNew:
		return "too_new"
	case syncproto.ReasonOtherHome:
		return "other_home"
	case syncproto.ReasonUnknownName:
		return "unknown_author"
	case syncproto.ReasonTooLarge:
		return "too_large"
	case syncproto.ReasonNoConsent:
		return "no_consent"
	case syncproto.ReasonWaitsConsent:
		return "waits_consent"
	case syncproto.ReasonWaitsCreate:
		return "waits_create"
	case syncproto.ReasonWaitsContent:
		return "waits_content"
	case syncproto.ReasonWaitsHome:
		return "waits_home"
	}
	return fmt.Sprintf("#%d", r)
}

// Field is the form's field of that number, nil if it has none or is not known.
func Field(form *schemas.Form, id uint32) *schemas.Field {
	if form == nil {
		return nil
	}
	f, ok := form.Field(schemas.FieldID(id))
	if !ok {
		return nil
	}
	return f
}

// Leaf is the field whose value stands in a cell, nil if it is not known.
func Leaf(form *schemas.Form, k syncproto.CellKey) *schemas.Field {
	if k.Item != (syncproto.ItemID{}) && k.Sub >= syncproto.FirstFormField {
		return Field(form, k.Sub)
	}
	return Field(form, k.Field)
}

// Settable reports whether a correction may put another value into an operation.
func Settable(form *schemas.Form, op *syncproto.Op) bool {
	return Leaf(form, cellOf(op)) != nil && (op.Kind == syncproto.OpSet || op.Kind == syncproto.OpText)
}

func cellOf(op *syncproto.Op) syncproto.CellKey {
	return syncproto.CellKey{Field: op.Field, Item: op.Item, Sub: op.Sub}
}

// ErrNotSettable says that an operation takes no other value.
var ErrNotSettable = errors.New("the operation takes no other value")

// ValueError says that a text cannot be read as a field's value.
type ValueError struct {
	Field *schemas.Field
	Text  string
	Err   error
}

// Error returns the English text.
func (e *ValueError) Error() string {
	return fmt.Sprintf("value %q of field %s: %v", e.Text, e.Field.Name, e.Err)
}

// Unwrap returns what was wrong.
func (e *ValueError) Unwrap() error { return e.Err }

// Says is what is wrong with the value, in both languages.
func (e *ValueError) Says() schemas.Text {
	if told, ok := errors.AsType[*schemas.FieldError](e.Err); ok {
		return told.Message
	}
	return schemas.Text{Fa: e.Err.Error(), En: e.Err.Error()}
}

// Correction puts other values into operations, named by their places, and leaves others
// out. Read says how a text is read: schemas.ParseInput or schemas.ParseTyped.
type Correction struct {
	Forms *schemas.Package
	Form  *schemas.Form
	Set   map[int]string
	Drop  []int
	Read  func(form *schemas.Form, lists schemas.Lists, field *schemas.Field, text string) (schemas.Value, error)
}

// Apply returns the operations with the corrections in them. Errors: *ValueError,
// ErrNotSettable.
func (c *Correction) Apply(ops []syncproto.Op) ([]syncproto.Op, error) {
	out := slices.Clone(ops)
	for i, text := range c.Set {
		if i < 0 || i >= len(ops) || !Settable(c.Form, &ops[i]) {
			return nil, ErrNotSettable
		}
		field := Leaf(c.Form, cellOf(&ops[i]))
		v, err := c.Read(c.Form, c.Forms, field, text)
		if err != nil {
			return nil, &ValueError{field, text, err}
		}
		if out[i].Value, err = c.travelling(&ops[i], field, v); err != nil {
			return nil, err
		}
	}
	var left []syncproto.Op
	for i := range out {
		if !slices.Contains(c.Drop, i) {
			left = append(left, out[i])
		}
	}
	return left, nil
}

// travelling is a value as it travels: the merge package makes an operation on a new
// record that holds this value alone, as for a form on a screen.
func (c *Correction) travelling(op *syncproto.Op, field *schemas.Field, v schemas.Value) (syncproto.Value, error) {
	if v.IsEmpty() {
		return syncproto.None(), nil
	}
	after := map[schemas.FieldID]schemas.Value{field.ID: v}
	if field.Parent != 0 {
		row := schemas.Item{ID: op.Item, Fields: map[schemas.FieldID]schemas.Value{field.ID: v}}
		after = map[schemas.FieldID]schemas.Value{field.Parent: schemas.ItemsValue([]schemas.Item{row})}
	}
	e := merge.Edit{Form: c.Form, Opened: syncproto.NewRecordState(syncproto.RecordID{}),
		Before: schemas.Record{Form: c.Form.ID}, After: schemas.Record{Form: c.Form.ID, Fields: after},
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
	return syncproto.Value{}, fmt.Errorf("the value of field %s cannot be written as an operation: %w", field.Name, ErrNotSettable)
}
