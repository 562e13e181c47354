package expr

// arithmetic applies op to two numbers; empty in, empty out, and so is dividing by zero.
func arithmetic(op func(Decimal, Decimal) (Decimal, error)) func(*machine, *node) (Value, error) {
	return func(m *machine, n *node) (Value, error) {
		args, err := m.args(n)
		if err != nil || args[0].IsEmpty() || args[1].IsEmpty() {
			return Value{}, err
		}
		if (n.name == "div" || n.name == "mod") && args[1].Num.Mantissa == 0 {
			return Value{}, nil
		}
		number, err := op(args[0].Num, args[1].Num)
		return NumberValue(number), err
	}
}

func evalNegate(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil || v.IsEmpty() {
		return Value{}, err
	}
	number, err := Decimal{}.Sub(v.Num)
	return NumberValue(number), err
}

func evalAbs(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil || v.IsEmpty() || v.Num.Mantissa >= 0 {
		return v, err
	}
	return evalNegate(m, n)
}

// evalRound keeps the given number of digits after the point, a half going away from zero.
func evalRound(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil || args[0].IsEmpty() || args[1].IsEmpty() {
		return Value{}, err
	}
	digits := args[1].Num.Round(0).Mantissa
	return NumberValue(args[0].Num.Round(int(min(max(digits, 0), MaxScale)))), nil
}

// checkExtreme accepts numbers or dates, one by one or as columns, not both kinds.
func checkExtreme(c *checker, n *node) (Type, error) {
	result := Type{}
	for _, kid := range n.kids {
		typ := kid.typ
		if typ.Kind == KindColumn {
			typ = Type{Kind: typ.Elem}
		}
		if typ.Kind != KindNumber && typ.Kind != KindDate && typ.Kind != KindEmpty {
			return Type{}, c.fail(kid, "%s takes number or date here, not %v", n.name, typ.Kind)
		}
		var err error
		if result, err = c.common(n, result, typ); err != nil {
			return Type{}, err
		}
	}
	return result, nil
}

// evalExtreme returns the least or greatest of what is not empty.
func evalExtreme(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil {
		return Value{}, err
	}
	best := Value{}
	for _, arg := range args {
		candidates := []Value{arg}
		if arg.Kind == KindColumn {
			candidates = arg.Column
		}
		for _, v := range candidates {
			if v.IsEmpty() {
				continue
			}
			if order := v.Num.Cmp(best.Num); best.IsEmpty() || (n.name == "min" && order < 0) || (n.name == "max" && order > 0) {
				best = v
			}
		}
	}
	return best, nil
}

func checkSum(c *checker, n *node) (Type, error) {
	typ := n.kids[0].typ
	if typ.Kind != KindColumn || typ.Elem != KindNumber {
		return Type{}, c.fail(n.kids[0], "sum takes a column of numbers, ${list.field}")
	}
	return Type{Kind: KindNumber}, nil
}

// evalSum adds what is not empty; the sum of nothing is 0.
func evalSum(m *machine, n *node) (Value, error) {
	column, err := m.eval(n.kids[0])
	if err != nil {
		return Value{}, err
	}
	total := Decimal{}
	for _, v := range column.Column {
		if v.IsEmpty() {
			continue
		}
		if total, err = total.Add(v.Num); err != nil {
			return Value{}, err
		}
	}
	return NumberValue(total), nil
}
