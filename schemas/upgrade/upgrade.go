// Package upgrade reads a record that was written under an older revision of its form as a record of a newer one.
package upgrade

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"mahalleh/schemas"
)

// ErrBadStep says that a step does not fit the forms it speaks of.
var ErrBadStep = errors.New("step does not fit the forms")

// Step says how a record of revision From reads as revision From+1. Whatever a
// step does not name stays as it is: field ids mean the same in all revisions, so
// most revisions need no step at all.
type Step struct {
	Form  schemas.FormID
	From  uint32
	Moves []Move
	Codes []CodeChange
}

// Move gives the value of a field of revision From to a field of the next
// revision: a field that changed its type has a new id. Both stand in the record,
// or both in the rows of the same list.
type Move struct {
	Old, New schemas.FieldID
	// Convert turns the old value into one that the new field holds; nil when it
	// fits as it is. It must be pure. An empty result leaves the old value in place.
	Convert func(schemas.Value) schemas.Value
}

// CodeChange renames a code in the fields that use a code list, in this form
// only. A code that its list itself replaces needs none.
type CodeChange struct {
	List     string
	Old, New string
}

// Table is a set of steps that fit a package. It never changes and may be shared.
type Table struct {
	pkg   *schemas.Package
	steps map[stepKey]Step
}

type stepKey struct {
	form schemas.FormID
	from uint32
}

// NewTable checks steps against the forms of a package: both revisions exist, the
// fields stand in them, kinds agree where nothing converts, codes exist. It
// returns ErrBadStep with form, revision and reason.
func NewTable(pkg *schemas.Package, steps ...Step) (*Table, error) {
	t := &Table{pkg: pkg, steps: make(map[stepKey]Step, len(steps))}
	var errs []error
	for _, step := range steps {
		key := stepKey{step.Form, step.From}
		if _, ok := t.steps[key]; ok {
			errs = append(errs, fmt.Errorf("form %d, revision %d: two steps: %w", step.Form, step.From, ErrBadStep))
		}
		if err := check(pkg, step); err != nil {
			errs = append(errs, fmt.Errorf("form %d, revision %d: %w: %w", step.Form, step.From, err, ErrBadStep))
		}
		t.steps[key] = step
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return t, nil
}

func check(pkg *schemas.Package, step Step) error {
	older, ok := pkg.FormRevision(step.Form, step.From)
	if !ok {
		return errors.New("there is no such revision")
	}
	newer, ok := pkg.FormRevision(step.Form, step.From+1)
	if !ok {
		return fmt.Errorf("there is no revision %d", step.From+1)
	}
	for _, move := range step.Moves {
		from, inOlder := older.Field(move.Old)
		to, inNewer := newer.Field(move.New)
		_, stays := newer.Field(move.Old)
		switch {
		case !inOlder || !inNewer:
			return fmt.Errorf("move of field %d to %d: the first is not in the older or the second not in the newer revision", move.Old, move.New)
		case stays:
			return fmt.Errorf("move of field %d: it still stands in the newer revision", move.Old)
		case from.Parent != to.Parent:
			return fmt.Errorf("move of field %d to %d: they stand in different rows", move.Old, move.New)
		case !from.Stored() || !to.Stored():
			return fmt.Errorf("move of field %d to %d: a computed field has no value", move.Old, move.New)
		}
		oldKind, _ := from.Type.ValueKind()
		newKind, _ := to.Type.ValueKind()
		if move.Convert == nil && oldKind != newKind {
			return fmt.Errorf("move of field %d to %d: %v does not fit %v", move.Old, move.New, oldKind, newKind)
		}
	}
	for _, change := range step.Codes {
		list, ok := pkg.List(change.List)
		if !ok {
			return fmt.Errorf("there is no list %q", change.List)
		}
		if _, ok := list.Item(change.New); !ok {
			return fmt.Errorf("%q is not in list %s", change.New, change.List)
		}
	}
	return nil
}

// Upgrade returns the record, written under revision from, as revision to has it:
// every step between is applied, then codes that their list has replaced. Nothing
// is lost: what no step names stays, and a value whose new field is already filled
// stays under its old id. A record of an unknown form, or of a newer revision than
// to, is returned as it is. The record given is not changed.
func (t *Table) Upgrade(record schemas.Record, from, to uint32) schemas.Record {
	form, ok := t.pkg.FormRevision(record.Form, to)
	if !ok || from >= to {
		return record
	}
	out := record.Clone()
	for revision := from; revision < to; revision++ {
		step, ok := t.steps[stepKey{record.Form, revision}]
		if !ok {
			continue
		}
		newer, ok := t.pkg.FormRevision(record.Form, revision+1)
		if !ok {
			continue // NewTable has seen it
		}
		for _, move := range step.Moves {
			apply(out.Fields, newer, move)
		}
		for _, change := range step.Codes {
			eachCode(out.Fields, newer, 0, func(field *schemas.Field, code string) string {
				if field.List == change.List && code == change.Old {
					return change.New
				}
				return code
			})
		}
	}
	eachCode(out.Fields, form, 0, func(field *schemas.Field, code string) string {
		list, ok := t.pkg.List(field.List)
		if !ok {
			return code
		}
		if item := list.Current(code); item.Code != "" {
			return item.Code
		}
		return code
	})
	return out
}

// apply moves one value in the record, or in every row of its list.
func apply(fields map[schemas.FieldID]schemas.Value, newer *schemas.Form, move Move) {
	to, ok := newer.Field(move.New)
	if !ok {
		return
	}
	if to.Parent != 0 {
		eachRow(fields, to.Parent, func(row map[schemas.FieldID]schemas.Value) { moveValue(row, move) })
		return
	}
	moveValue(fields, move)
}

func moveValue(fields map[schemas.FieldID]schemas.Value, move Move) {
	value := fields[move.Old]
	if value.IsEmpty() || !fields[move.New].IsEmpty() {
		return
	}
	if move.Convert != nil {
		if value = move.Convert(value); value.IsEmpty() {
			return
		}
	}
	fields[move.New] = value
	delete(fields, move.Old)
}

// eachRow lets change work on a copy of every row of a list.
func eachRow(fields map[schemas.FieldID]schemas.Value, list schemas.FieldID, change func(map[schemas.FieldID]schemas.Value)) {
	items := fields[list].Items()
	if len(items) == 0 {
		return
	}
	rows := make([]schemas.Item, len(items))
	for i, item := range items {
		rows[i] = schemas.Item{ID: item.ID, Fields: maps.Clone(item.Fields)}
		change(rows[i].Fields)
	}
	fields[list] = schemas.ItemsValue(rows)
}

// eachCode replaces every code in the fields of the record (parent 0) or of a row, and in its rows.
func eachCode(fields map[schemas.FieldID]schemas.Value, form *schemas.Form, parent schemas.FieldID, replace func(*schemas.Field, string) string) {
	for _, id := range slices.Sorted(maps.Keys(fields)) {
		field, ok := form.Field(id)
		if !ok || field.Parent != parent {
			continue
		}
		switch value := fields[id]; value.Kind() {
		case schemas.KindCode:
			if code := replace(field, value.Code()); code != value.Code() {
				fields[id] = schemas.CodeValue(code)
			}
		case schemas.KindCodes:
			codes := slices.Clone(value.Codes())
			for i, code := range codes {
				codes[i] = replace(field, code)
			}
			if !slices.Equal(codes, value.Codes()) {
				fields[id] = schemas.CodesValue(codes...)
			}
		case schemas.KindItems:
			eachRow(fields, id, func(row map[schemas.FieldID]schemas.Value) { eachCode(row, form, id, replace) })
		}
	}
}
