package expr

// Every function of places is empty when one of its places is.

// ring evaluates a polygon and pays for looking at it once.
func (m *machine) ring(n *node) ([]Point, error) {
	v, err := m.eval(n)
	if err != nil {
		return nil, err
	}
	return v.Points, m.spend(len(v.Points))
}

func evalArea(m *machine, n *node) (Value, error) {
	ring, err := m.ring(n.kids[0])
	if err != nil || len(ring) == 0 {
		return Value{}, err
	}
	return NumberValue(AreaHa(ring)), nil
}

func evalIsClosed(m *machine, n *node) (Value, error) {
	ring, err := m.ring(n.kids[0])
	if err != nil || len(ring) == 0 {
		return Value{}, err
	}
	return BoolValue(IsClosed(ring)), nil
}

func evalIsSimple(m *machine, n *node) (Value, error) {
	ring, err := m.ring(n.kids[0])
	if err != nil || len(ring) == 0 {
		return Value{}, err
	}
	if err := m.spend(len(ring) * len(ring) / 2); err != nil {
		return Value{}, err
	}
	return BoolValue(IsSimple(ring)), nil
}

func evalDistance(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil || args[0].IsEmpty() || args[1].IsEmpty() {
		return Value{}, err
	}
	return NumberValue(DistanceM(args[0].Points[0], args[1].Points[0])), nil
}

func checkWithin(c *checker, n *node) (Type, error) {
	if err := c.is(n, 0, KindPoint, KindPolygon); err != nil {
		return Type{}, err
	}
	if err := c.is(n, 1, KindPolygon); err != nil {
		return Type{}, err
	}
	if len(n.kids) == 3 {
		if err := c.is(n, 2, KindNumber); err != nil {
			return Type{}, err
		}
	}
	return Type{Kind: KindBool}, nil
}

// evalWithin says whether a point, or every corner of a polygon, lies in a
// polygon or at most the margin of metres outside.
func evalWithin(m *machine, n *node) (Value, error) {
	args, err := m.args(n)
	if err != nil || len(args[0].Points) == 0 || len(args[1].Points) == 0 {
		return Value{}, err
	}
	margin := 0.0
	if len(args) == 3 {
		margin = args[2].Num.Float()
	}
	if err := m.spend(len(args[0].Points) * len(args[1].Points)); err != nil {
		return Value{}, err
	}
	for _, p := range args[0].Points {
		if !Within(p, args[1].Points, margin) {
			return BoolValue(false), nil
		}
	}
	return BoolValue(true), nil
}

// evalHomeBoundary returns the ring of the record's neighbourhood, or empty.
func evalHomeBoundary(m *machine, _ *node) (Value, error) {
	if len(m.env.HomeBoundary) == 0 {
		return Value{}, nil
	}
	return Value{Kind: KindPolygon, Points: m.env.HomeBoundary}, nil
}
