package expr

import "slices"

// checkSelected accepts codes or one code, and a code of the same list.
func checkSelected(c *checker, n *node) (Type, error) {
	if err := c.is(n, 0, KindCodes, KindCode); err != nil {
		return Type{}, err
	}
	if err := c.is(n, 1, KindText, KindCode); err != nil {
		return Type{}, err
	}
	return Type{Kind: KindBool}, c.code(n.kids[1], n.kids[0].typ.List)
}

// evalSelected is false for an empty set.
func evalSelected(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil {
		return Value{}, err
	}
	if args[0].Kind == KindCode {
		return BoolValue(same(args[0], args[1])), nil
	}
	return BoolValue(!args[1].IsEmpty() && slices.Contains(args[0].Strs, args[1].Str)), nil
}

// evalCount counts rows, files, the elements of a set, or what is not empty in a column.
func evalCount(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil {
		return Value{}, err
	}
	count := int64(0)
	switch v.Kind {
	case KindRows, KindFiles:
		count = v.Num.Mantissa
	case KindColumn:
		for _, element := range v.Column {
			if !element.IsEmpty() {
				count++
			}
		}
	default:
		count = int64(len(v.Strs))
	}
	return NumberValue(Int(count)), nil
}

// checkColumn accepts a column of single values.
func checkColumn(c *checker, n *node) (Type, error) {
	typ := n.kids[0].typ
	switch typ.Elem {
	case KindBool, KindNumber, KindText, KindCode, KindDate, KindRef:
		if typ.Kind == KindColumn {
			return Type{Kind: KindBool}, nil
		}
	}
	return Type{}, c.fail(n.kids[0], "%s takes a column of single values, ${list.field}", n.name)
}

// evalUnique says whether no value stands twice in a column; empty rows do not count.
func evalUnique(m *machine, n *node) (Value, error) {
	column, err := m.eval(n.kids[0])
	if err != nil {
		return Value{}, err
	}
	type key struct {
		num Decimal
		str string
	}
	seen := make(map[key]bool, len(column.Column))
	for _, v := range column.Column {
		if v.IsEmpty() {
			continue
		}
		k := key{v.Num.Trim(), v.Str}
		if seen[k] {
			return BoolValue(false), nil
		}
		seen[k] = true
	}
	return BoolValue(true), nil
}

// checkColumnValue accepts a column and a value to find in it.
func checkColumnValue(c *checker, n *node) (Type, error) {
	if _, err := checkColumn(c, n); err != nil {
		return Type{}, err
	}
	column, value := n.kids[0].typ, n.kids[1].typ
	if _, err := c.common(n, Type{Kind: column.Elem}, value); err != nil {
		return Type{}, err
	}
	if err := c.code(n.kids[1], column.List); err != nil {
		return Type{}, err
	}
	if n.name == "item-count-where" {
		return Type{Kind: KindNumber}, nil
	}
	return Type{Kind: KindBool}, nil
}

// countWhere counts the rows whose value equals the second argument; ” counts the empty ones.
func countWhere(m *machine, n *node) (int64, error) {
	args, err := m.args(n)
	if err != nil {
		return 0, err
	}
	count := int64(0)
	for _, v := range args[0].Column {
		if same(v, args[1]) {
			count++
		}
	}
	return count, nil
}

func evalListContains(m *machine, n *node) (Value, error) {
	count, err := countWhere(m, n)
	return BoolValue(count > 0), err
}

func evalItemCountWhere(m *machine, n *node) (Value, error) {
	count, err := countWhere(m, n)
	return NumberValue(Int(count)), err
}

func checkParentCode(c *checker, n *node) (Type, error) {
	if n.kids[0].typ.Kind != KindCode || n.kids[0].typ.List == "" {
		return Type{}, c.fail(n.kids[0], "parent-code takes a field with one code")
	}
	return Type{Kind: KindText}, nil
}

// evalParentCode returns the code above a code in its list, or empty.
func evalParentCode(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil || v.IsEmpty() || m.env.CodeInfo == nil {
		return Value{}, err
	}
	parent, _, _ := m.env.CodeInfo(n.kids[0].typ.List, v.Str)
	return TextValue(parent), nil
}

func checkCodeAttr(c *checker, n *node) (Type, error) {
	if n.kids[0].typ.Kind != KindCode || n.kids[0].typ.List == "" {
		return Type{}, c.fail(n.kids[0], "code-attr takes a field with one code")
	}
	attr, err := c.literal(n, 1)
	if err == nil && !c.scope.HasAttr(n.kids[0].typ.List, attr) {
		err = c.fail(n.kids[1], "no code of the list %s has an attribute %q", n.kids[0].typ.List, attr)
	}
	return Type{Kind: KindText}, err
}

// evalCodeAttr returns an attribute that a code has in its list, or empty.
func evalCodeAttr(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil || v.IsEmpty() || m.env.CodeInfo == nil {
		return Value{}, err
	}
	_, attrs, _ := m.env.CodeInfo(n.kids[0].typ.List, v.Str)
	return TextValue(attrs[n.kids[1].value.Str]), nil
}
