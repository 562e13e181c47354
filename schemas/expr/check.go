package expr

import (
	"fmt"
	"slices"
)

// checker gives every node its type.
type checker struct {
	source string
	scope  Scope
	reads  []uint64
}

func (c *checker) fail(n *node, format string, args ...any) error {
	return &Error{Source: c.source, Pos: n.pos, Reason: fmt.Sprintf(format, args...)}
}

func (c *checker) check(n *node) error {
	switch n.kind {
	case nodeLiteral:
		n.typ = Type{Kind: n.value.Kind}
		return nil
	case nodeField, nodeThis:
		symbol, err := Symbol{}, error(nil)
		if n.kind == nodeThis {
			symbol, err = c.scope.This()
		} else {
			symbol, err = c.scope.Field(n.name)
		}
		if err != nil {
			return c.fail(n, "%v", err)
		}
		n.key, n.typ = symbol.Key, symbol.Type
		c.reads = append(c.reads, symbol.Key)
		return nil
	}
	for _, kid := range n.kids {
		if err := c.check(kid); err != nil {
			return err
		}
	}
	var err error
	n.typ, err = n.fn.check(c, n)
	return err
}

// is demands that argument i has one of the kinds; the literal ” fits everywhere.
func (c *checker) is(n *node, i int, kinds ...Kind) error {
	got := n.kids[i].typ.Kind
	if got == KindEmpty || slices.Contains(kinds, got) {
		return nil
	}
	return c.fail(n.kids[i], "%s takes %v here, not %v", n.name, listed(kinds), got)
}

// all demands one of the kinds of every argument.
func (c *checker) all(n *node, kinds ...Kind) error {
	for i := range n.kids {
		if err := c.is(n, i, kinds...); err != nil {
			return err
		}
	}
	return nil
}

func listed(kinds []Kind) string {
	s := ""
	for i, kind := range kinds {
		if i > 0 {
			s += " or "
		}
		s += kind.String()
	}
	return s
}

// code refuses a literal that is no code of the list: a slip that would make a rule silently false.
func (c *checker) code(n *node, list string) error {
	if n.kind == nodeLiteral && n.value.Kind == KindText && list != "" && !c.scope.HasCode(list, n.value.Str) {
		return c.fail(n, "%q is not a code of the list %s", n.value.Str, list)
	}
	return nil
}

// literal returns the text that argument i is, which must not be computed.
func (c *checker) literal(n *node, i int) (string, error) {
	kid := n.kids[i]
	if kid.kind != nodeLiteral || kid.value.Kind != KindText {
		return "", c.fail(kid, "%s takes a text between quotation marks here", n.name)
	}
	return kid.value.Str, nil
}

// common returns the type that holds values of both types.
func (c *checker) common(n *node, a, b Type) (Type, error) {
	switch {
	case a.Kind == KindEmpty:
		return b, nil
	case b.Kind == KindEmpty, a == b:
		return a, nil
	case a.Kind == b.Kind && (a.Kind == KindCode || a.Kind == KindCodes):
		return Type{Kind: a.Kind}, nil // of different lists
	case isWord(a.Kind) && isWord(b.Kind):
		return Type{Kind: KindText}, nil
	}
	return Type{}, c.fail(n, "%s mixes %v and %v", n.name, a.Kind, b.Kind)
}

func isWord(k Kind) bool { return k == KindText || k == KindCode }
