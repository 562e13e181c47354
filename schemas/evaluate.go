package schemas

import (
	"mahalleh/schemas/expr"
)

// Env is what judging a record needs to know of the world. Nothing else is asked for.
type Env struct {
	// Today is the civil date in Tehran as days since 1970-01-01 (jalali.Tehran.Day).
	Today int32
	// TestMode lets invented national ids (prefix 000) pass.
	TestMode bool
	// HomeBoundary is the boundary of the record's neighbourhood; nil when it is not known.
	HomeBoundary []Point
}

// evaluation holds what every field of one record is: relevant or not, and its
// value as expressions see it. A field that is not relevant is empty to all others.
type evaluation struct {
	form   *Form
	lists  Lists
	record Record
	env    expr.Env

	root   rowState     // of the record's own fields, by Field.index
	rows   [][]rowState // of each list field, by the list's index and the row
	row    *rowState    // the row in which an expression stands now
	failed []failure
}

// rowState holds the fields of the record, or of one row, by Field.index.
type rowState struct {
	fields   map[FieldID]Value
	values   []expr.Value
	relevant []bool
}

// failure is a field whose expression had no answer within the bounds.
type failure struct {
	field *Field
	row   int
}

func newRowState(fields map[FieldID]Value, n int) rowState {
	return rowState{fields: fields, values: make([]expr.Value, n), relevant: make([]bool, n)}
}

// evaluate decides relevance and computes fields, each after what it depends on.
func evaluate(form *Form, lists Lists, record Record, env Env) *evaluation {
	e := &evaluation{form: form, lists: lists, record: record,
		env:  expr.Env{Today: env.Today, TestMode: env.TestMode, HomeBoundary: env.HomeBoundary},
		root: newRowState(record.Fields, len(form.fields)),
		rows: make([][]rowState, len(form.fields)),
	}
	e.env.CodeInfo = e.codeInfo
	for _, field := range form.order {
		if field.Parent == 0 {
			e.row = nil
			e.settle(field, &e.root, 0)
			continue
		}
		list := form.byID[field.Parent]
		for i := range e.rows[list.index] {
			e.row = &e.rows[list.index][i]
			e.settle(field, e.row, i+1)
		}
	}
	e.row = nil
	return e
}

// settle decides one field of the record or of a row.
func (e *evaluation) settle(field *Field, state *rowState, row int) {
	state.relevant[field.index] = field.relevant == nil || e.run(field.relevant, field, row).True()
	if !state.relevant[field.index] {
		return
	}
	if field.Type == TypeComputed {
		state.values[field.index] = e.run(field.calculate, field, row)
		return
	}
	value := state.fields[field.ID]
	if kind, _ := field.Type.ValueKind(); value.kind != kind {
		return // empty, or of a kind that only a newer or a broken form knows
	}
	if field.Type == TypeList {
		items := value.Items()
		rows := make([]rowState, len(items))
		for i, item := range items {
			rows[i] = newRowState(item.Fields, len(field.Fields))
		}
		e.rows[field.index] = rows
	}
	state.values[field.index] = toExpr(value)
}

// run evaluates a program; one without an answer is empty and noted.
func (e *evaluation) run(program *expr.Program, field *Field, row int) expr.Value {
	v, err := program.Eval(e, &e.env)
	if err != nil {
		e.failed = append(e.failed, failure{field, row})
		return expr.Value{}
	}
	return v
}

// Value gives an expression the value of a field.
func (e *evaluation) Value(key uint64) expr.Value {
	field, ok := e.form.byID[keyField(key)]
	if !ok {
		return expr.Value{}
	}
	switch {
	case keyMode(key) == keyRecord:
		return e.root.values[field.index]
	case keyMode(key) == keyRow && e.row != nil:
		return e.row.values[field.index]
	case keyMode(key) == keyColumn:
		rows := e.rows[e.form.byID[field.Parent].index]
		column := make([]expr.Value, len(rows))
		for i := range rows {
			column[i] = rows[i].values[field.index]
		}
		return expr.Value{Kind: expr.KindColumn, Column: column}
	}
	return expr.Value{}
}

func (e *evaluation) codeInfo(list, code string) (parent string, attrs map[string]string, ok bool) {
	codes, ok := e.lists.List(list)
	if !ok {
		return "", nil, false
	}
	item, ok := codes.Item(code)
	return item.Parent, item.Attrs, ok
}

// toExpr turns a value into what expressions see of it.
func toExpr(v Value) expr.Value {
	switch v.kind {
	case KindBool:
		return expr.BoolValue(v.Bool())
	case KindInt, KindDecimal:
		return expr.NumberValue(v.Decimal())
	case KindText:
		return expr.TextValue(v.text)
	case KindCode:
		return expr.CodeValue(v.text)
	case KindCodes:
		return expr.Value{Kind: expr.KindCodes, Strs: v.Codes()}
	case KindDate:
		return expr.DateValue(v.Date())
	case KindRef:
		return expr.Value{Kind: expr.KindRef, Str: v.text}
	case KindRefs:
		ids := v.Refs()
		strs := make([]string, len(ids))
		for i, id := range ids {
			strs[i] = string(id[:])
		}
		return expr.Value{Kind: expr.KindRefs, Strs: strs}
	case KindPoint:
		return expr.Value{Kind: expr.KindPoint, Points: []Point{v.Point()}}
	case KindPolygon:
		return expr.Value{Kind: expr.KindPolygon, Points: v.Polygon()}
	case KindItems:
		return expr.Value{Kind: expr.KindRows, Num: expr.Int(int64(len(v.Items())))}
	case KindAttachments:
		return expr.Value{Kind: expr.KindFiles, Num: expr.Int(int64(len(v.Attachments())))}
	}
	return expr.Value{}
}

// fromExpr turns what an expression yielded into a value that a field of that
// type holds. Whole numbers are rounded, a half going away from zero.
func fromExpr(v expr.Value, typ Type) Value {
	if v.IsEmpty() {
		return Value{}
	}
	kind, _ := typ.ValueKind()
	switch kind {
	case KindBool:
		return BoolValue(v.True())
	case KindInt:
		return IntValue(v.Num.Round(0).Mantissa)
	case KindDecimal:
		return DecimalValue(v.Num)
	case KindText:
		return TextValue(v.Str)
	case KindCode:
		return CodeValue(v.Str)
	case KindCodes:
		return CodesValue(v.Strs...)
	case KindDate:
		return DateValue(int32(v.Num.Mantissa))
	case KindRef:
		return refFromExpr(v.Str)
	case KindRefs:
		ids := make([]ID, len(v.Strs))
		for i, s := range v.Strs {
			ids[i] = refFromExpr(s).Ref()
		}
		return RefsValue(ids...)
	case KindPoint:
		return PointValue(v.Points[0])
	case KindPolygon:
		return PolygonValue(v.Points)
	}
	return Value{}
}

func refFromExpr(s string) Value { return Value{kind: KindRef, text: s} }
