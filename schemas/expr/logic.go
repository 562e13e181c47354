package expr

// Empty in and, or and not is "not known": no and anything is no, yes or
// anything is yes, and otherwise what is not known stays not known.

func evalAnd(m *machine, n *node) (Value, error) { return evalLogic(m, n, false) }
func evalOr(m *machine, n *node) (Value, error)  { return evalLogic(m, n, true) }

// evalLogic stops at the first operand that decides.
func evalLogic(m *machine, n *node, decides bool) (Value, error) {
	unknown := false
	for _, kid := range n.kids {
		v, err := m.eval(kid)
		switch {
		case err != nil:
			return Value{}, err
		case v.IsEmpty():
			unknown = true
		case v.True() == decides:
			return BoolValue(decides), nil
		}
	}
	if unknown {
		return Value{}, nil
	}
	return BoolValue(!decides), nil
}

func evalNot(m *machine, n *node) (Value, error) {
	v, err := m.eval(n.kids[0])
	if err != nil || v.IsEmpty() {
		return Value{}, err
	}
	return BoolValue(!v.True()), nil
}

// checkEqual lets any two values of one kind be compared that are one thing, and anything with the empty text.
func checkEqual(c *checker, n *node) (Type, error) {
	a, b := n.kids[0], n.kids[1]
	kind, err := c.common(n, a.typ, b.typ)
	if err != nil {
		return Type{}, err
	}
	if a.typ.Kind != KindEmpty && b.typ.Kind != KindEmpty {
		switch kind.Kind {
		case KindBool, KindNumber, KindText, KindCode, KindDate, KindRef:
		default:
			return Type{}, c.fail(n, "%s compares %v only with ''", n.name, kind.Kind)
		}
	}
	if err := c.code(a, b.typ.List); err != nil {
		return Type{}, err
	}
	return Type{Kind: KindBool}, c.code(b, a.typ.List)
}

func evalEqual(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil {
		return Value{}, err
	}
	return BoolValue(same(args[0], args[1]) == (n.name == "=")), nil
}

func checkOrder(c *checker, n *node) (Type, error) {
	if err := c.all(n, KindNumber, KindDate); err != nil {
		return Type{}, err
	}
	_, err := c.common(n, n.kids[0].typ, n.kids[1].typ)
	return Type{Kind: KindBool}, err
}

// evalOrder has no answer when one side is empty. A condition reads that as no; a
// constraint as kept, so that a rule on three numbers is silent until all three are there.
func evalOrder(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil {
		return Value{}, err
	}
	if args[0].IsEmpty() || args[1].IsEmpty() {
		return Value{}, nil
	}
	order := args[0].Num.Cmp(args[1].Num)
	switch n.name {
	case "<":
		return BoolValue(order < 0), nil
	case "<=":
		return BoolValue(order <= 0), nil
	case ">":
		return BoolValue(order > 0), nil
	}
	return BoolValue(order >= 0), nil
}

func checkIf(c *checker, n *node) (Type, error) {
	if err := c.is(n, 0, KindBool); err != nil {
		return Type{}, err
	}
	return c.common(n, n.kids[1].typ, n.kids[2].typ)
}

// evalIf takes the last argument when the condition is no or empty.
func evalIf(m *machine, n *node) (Value, error) {
	condition, err := m.eval(n.kids[0])
	if err != nil {
		return Value{}, err
	}
	if condition.True() {
		return m.eval(n.kids[1])
	}
	return m.eval(n.kids[2])
}

func checkCoalesce(c *checker, n *node) (Type, error) {
	typ := n.kids[0].typ
	for _, kid := range n.kids[1:] {
		var err error
		if typ, err = c.common(n, typ, kid.typ); err != nil {
			return Type{}, err
		}
	}
	return typ, nil
}

// evalCoalesce returns the first argument that is not empty.
func evalCoalesce(m *machine, n *node) (Value, error) {
	for _, kid := range n.kids {
		if v, err := m.eval(kid); err != nil || !v.IsEmpty() {
			return v, err
		}
	}
	return Value{}, nil
}
