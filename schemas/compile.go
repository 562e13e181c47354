package schemas

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mahalleh/schemas/expr"
)

// A key names a field to an expression: its id, and how it is reached.
const (
	keyRecord = uint64(iota) << 32 // a field of the record
	keyRow                         // a field of the row in which the expression stands
	keyColumn                      // a field of every row of its list
)

func keyField(key uint64) FieldID { return FieldID(key & (1<<32 - 1)) }
func keyMode(key uint64) uint64   { return key &^ (1<<32 - 1) }

// scope is what an expression of one field, or of a record, may name.
type scope struct {
	form  *Form
	lists map[string]*CodeList
	owner *Field // nil for a record-wide rule
	this  bool   // "." has a meaning
}

// Field finds a sibling in the row first, then a field of the record or a column of rows.
func (s scope) Field(name string) (expr.Symbol, error) {
	if s.owner != nil && s.owner.Parent != 0 {
		list := s.form.byID[s.owner.Parent]
		if field, ok := list.byName[name]; ok {
			return expr.Symbol{Key: keyRow | uint64(field.ID), Type: field.exprType()}, nil
		}
	}
	field, ok := s.form.byName[name]
	if !ok {
		if near, ok := nearest(name, slices.Sorted(maps.Keys(s.form.byName))); ok {
			return expr.Symbol{}, fmt.Errorf("the form has no field %q; perhaps %q", clip(name), near)
		}
		return expr.Symbol{}, fmt.Errorf("the form has no field %q", clip(name))
	}
	if field.Parent == 0 {
		return expr.Symbol{Key: keyRecord | uint64(field.ID), Type: field.exprType()}, nil
	}
	element := field.exprType()
	return expr.Symbol{Key: keyColumn | uint64(field.ID), Type: expr.Type{Kind: expr.KindColumn, List: element.List, Elem: element.Kind}}, nil
}

// This returns the field to which the rule belongs.
func (s scope) This() (expr.Symbol, error) {
	if !s.this || s.owner == nil {
		return expr.Symbol{}, errors.New(`"." stands only in a constraint of a field`)
	}
	mode := keyRecord
	if s.owner.Parent != 0 {
		mode = keyRow
	}
	return expr.Symbol{Key: mode | uint64(s.owner.ID), Type: s.owner.exprType()}, nil
}

// HasCode says whether a code list has the code.
func (s scope) HasCode(list, code string) bool {
	codes, ok := s.lists[list]
	if !ok {
		return false
	}
	_, ok = codes.byCode[code]
	return ok
}

// HasAttr says whether some code of a list has the attribute.
func (s scope) HasAttr(list, attr string) bool {
	codes, ok := s.lists[list]
	return ok && slices.ContainsFunc(codes.Items, func(item CodeItem) bool {
		_, ok := item.Attrs[attr]
		return ok
	})
}

// exprType returns what the field is to an expression.
func (f *Field) exprType() expr.Type {
	typ := f.Type
	if typ == TypeComputed {
		typ = f.Result
	}
	switch typ {
	case TypeText, TypeLongText:
		return expr.Type{Kind: expr.KindText}
	case TypeInteger, TypeMoney, TypeJalaliYear, TypeCounter, TypeDecimal:
		return expr.Type{Kind: expr.KindNumber}
	case TypeDate:
		return expr.Type{Kind: expr.KindDate}
	case TypeBoolean:
		return expr.Type{Kind: expr.KindBool}
	case TypeCode, TypeState:
		return expr.Type{Kind: expr.KindCode, List: f.List}
	case TypeCodes:
		return expr.Type{Kind: expr.KindCodes, List: f.List}
	case TypeReference:
		return expr.Type{Kind: expr.KindRef}
	case TypeReferences:
		return expr.Type{Kind: expr.KindRefs}
	case TypePoint:
		return expr.Type{Kind: expr.KindPoint}
	case TypePolygon:
		return expr.Type{Kind: expr.KindPolygon}
	case TypeList:
		return expr.Type{Kind: expr.KindRows}
	case TypeAttachment:
		return expr.Type{Kind: expr.KindFiles}
	}
	return expr.Type{}
}

// compileForm checks every expression of a form and the order in which they are evaluated.
func (l *loader) compileForm(file string, form *Form) {
	before := len(l.errs)
	for _, field := range form.eachField() {
		where := form.path(field)
		s := scope{form: form, lists: l.pkg.lists, owner: field}
		for _, e := range []struct {
			name, source string
			into         **expr.Program
			fits         func(*Field, expr.Type) bool
		}{
			{"relevant", field.Relevant, &field.relevant, isCondition},
			{"required_when", field.RequiredWhen, &field.requiredWhen, isCondition},
			{"calculate", field.Calculate, &field.calculate, holds},
			{"prefill", field.Prefill, &field.prefill, holds},
		} {
			if e.source != "" {
				*e.into = l.compile(file, where, e.name, e.source, s, field.Sensitivity, e.fits)
			}
		}
		s.this = true
		for i, constraint := range field.Constraints {
			field.Constraints[i].program = l.compile(file, where, "constraint", constraint.Expr, s, field.Sensitivity, isCondition)
		}
	}
	for i, constraint := range form.Constraints {
		highest := S0
		names := make([]string, len(constraint.Fields))
		for j, id := range constraint.Fields {
			highest = max(highest, form.byID[id].Sensitivity)
			names[j] = form.byID[id].Name
		}
		s := scope{form: form, lists: l.pkg.lists}
		form.Constraints[i].program = l.compile(file, strings.Join(names, ", "), "constraint", constraint.Expr, s, highest, isCondition)
	}
	if len(l.errs) == before {
		l.orderFields(file, form)
	}
}

// compile checks one expression: its names and types, that it yields what its
// place needs, and that it reads nothing more sensitive than its place.
func (l *loader) compile(file, where, place, source string, s scope, allowed Sensitivity, fits func(*Field, expr.Type) bool) *expr.Program {
	program, err := expr.Compile(source, s)
	if err != nil {
		l.refuse(file, where, ErrExpression, "%s: %v", place, err)
		return nil
	}
	if !fits(s.owner, program.Type()) {
		l.refuse(file, where, ErrExpression, "%s: %q yields %v, which does not fit here", place, source, program.Type().Kind)
	}
	for _, key := range program.Reads() {
		read := s.form.byID[keyField(key)]
		if read.Sensitivity > allowed {
			l.refuse(file, where, ErrSensitivity, "%s reads %q (%v), but may read no more than %v", place, s.form.path(read), read.Sensitivity, allowed)
		}
	}
	return program
}

func isCondition(_ *Field, t expr.Type) bool { return t.Kind == expr.KindBool }

// holds says whether the field can hold what the expression yields.
func holds(field *Field, t expr.Type) bool {
	want := field.exprType().Kind
	switch {
	case t.Kind == want, t.Kind == expr.KindEmpty:
		return t.Kind != expr.KindRows && t.Kind != expr.KindFiles
	}
	return (want == expr.KindText || want == expr.KindCode) && (t.Kind == expr.KindText || t.Kind == expr.KindCode)
}

// eachField returns every field, the fields of rows after their list.
func (f *Form) eachField() []*Field {
	all := make([]*Field, 0, len(f.byID))
	for _, field := range f.fields {
		all = append(append(all, field), field.Fields...)
	}
	return all
}

// path names a field for people: "field", or "list.field" for a field of rows.
func (f *Form) path(field *Field) string {
	if field.Parent == 0 {
		return field.Name
	}
	return f.byID[field.Parent].Name + "." + field.Name
}

// orderFields sorts the fields so that each comes after the fields that its
// relevance and its calculation read, and refuses a circle of them.
func (l *loader) orderFields(file string, form *Form) {
	const (
		untouched = iota
		open
		done
	)
	state := make(map[FieldID]int)
	var trail []string
	var visit func(field *Field) bool
	visit = func(field *Field) bool {
		switch state[field.ID] {
		case done:
			return true
		case open:
			name := form.path(field)
			circle := append(trail[slices.Index(trail, name):], name)
			l.refuse(file, name, ErrCycle, "these fields wait for one another: %s", strings.Join(circle, " → "))
			return false
		}
		state[field.ID] = open
		trail = append(trail, form.path(field))
		for _, id := range field.dependsOn() {
			if !visit(form.byID[id]) {
				return false
			}
		}
		trail = trail[:len(trail)-1]
		state[field.ID] = done
		form.order = append(form.order, field)
		return true
	}
	for _, field := range form.eachField() {
		if !visit(field) {
			return
		}
	}
}

// dependsOn returns the fields that must be known before this one.
func (f *Field) dependsOn() []FieldID {
	var ids []FieldID
	if f.Parent != 0 {
		ids = append(ids, f.Parent)
	}
	for _, program := range []*expr.Program{f.relevant, f.calculate} {
		if program == nil {
			continue
		}
		for _, key := range program.Reads() {
			ids = append(ids, keyField(key))
		}
	}
	return ids
}
