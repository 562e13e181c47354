package expr

import (
	"slices"
)

// The cost bound: no expression of a form, nor of a package that was received,
// takes longer to parse or evaluate than these allow.
const (
	MaxSource = 2_000   // bytes; the longest rule of the dossier has 300
	MaxNodes  = 256     // operators, functions, fields and literals
	MaxDepth  = 64      // nesting; it also bounds the stack of parser and evaluator
	MaxSteps  = 1 << 20 // one a node, element of a row or text byte; a ring of MaxCorners corners takes half
)

type nodeKind uint8

const (
	nodeLiteral nodeKind = iota
	nodeField
	nodeThis
	nodeCall
)

// node is one part of a parsed expression. Operators are calls of functions named after their signs.
type node struct {
	kind nodeKind
	pos  int
	name string // of the field or function
	kids []*node

	value Value  // of a literal
	key   uint64 // of a field
	typ   Type
	fn    *function
	state any // what checking prepares for evaluating: a compiled pattern, a date
}

// binary operators, loosest first, as XPath 1.0 section 3.5 orders them.
var precedence = [][]string{{"or"}, {"and"}, {"=", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "div", "mod"}}

type parser struct {
	lexer
	token token
	nodes int
	depth int
}

// parse reads a whole expression. It returns an *Error.
func parse(source string) (*node, error) {
	p := &parser{lexer: lexer{source: source}}
	if len(source) > MaxSource {
		return nil, p.fail(MaxSource, "longer than %d bytes", MaxSource)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.fail(p.token.pos, "an operator is missing before %q", p.token.text)
	}
	return root, nil
}

func (p *parser) advance() error {
	t, err := p.next()
	p.token = t
	return err
}

func (p *parser) node(kind nodeKind, pos int, name string) (*node, error) {
	p.nodes++
	if p.nodes > MaxNodes {
		return nil, p.fail(pos, "more than %d parts", MaxNodes)
	}
	return &node{kind: kind, pos: pos, name: name}, nil
}

func (p *parser) call(pos int, name string, kids ...*node) (*node, error) {
	n, err := p.node(nodeCall, pos, name)
	if err != nil {
		return nil, err
	}
	n.kids = kids
	n.fn = functions[name]
	return n, nil
}

// enter counts one level of nesting.
func (p *parser) enter() error {
	p.depth++
	if p.depth > MaxDepth {
		return p.fail(p.token.pos, "nested more than %d levels deep", MaxDepth)
	}
	return nil
}

// binary reads a chain of operators of one level of precedence. The chain is
// evaluated from the left, so its depth is its length; that counts as nesting.
func (p *parser) binary(level int) (*node, error) {
	if level == len(precedence) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	if err != nil {
		return nil, err
	}
	outer := p.depth
	defer func() { p.depth = outer }()
	for (p.token.kind == tokenSign || p.token.kind == tokenName) && slices.Contains(precedence[level], p.token.text) {
		operator := p.token
		if err := p.enter(); err != nil {
			return nil, err
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.binary(level + 1)
		if err != nil {
			return nil, err
		}
		if left, err = p.call(operator.pos, operator.text, left, right); err != nil {
			return nil, err
		}
	}
	return left, nil
}

func (p *parser) unary() (*node, error) {
	if p.token.kind != tokenSign || p.token.text != "-" {
		return p.primary()
	}
	pos := p.token.pos
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	operand, err := p.unary()
	if err != nil {
		return nil, err
	}
	return p.call(pos, "negate", operand)
}

func (p *parser) primary() (*node, error) {
	t := p.token
	var n *node
	var err error
	switch {
	case t.kind == tokenNumber:
		if n, err = p.node(nodeLiteral, t.pos, ""); err != nil {
			return nil, err
		}
		number, err := ParseDecimal(t.text)
		if err != nil {
			return nil, p.fail(t.pos, "%v", err)
		}
		n.value = NumberValue(number)
	case t.kind == tokenText:
		if n, err = p.node(nodeLiteral, t.pos, ""); err != nil {
			return nil, err
		}
		n.value = TextValue(t.text)
	case t.kind == tokenField:
		n, err = p.node(nodeField, t.pos, t.text)
	case t.kind == tokenThis:
		n, err = p.node(nodeThis, t.pos, ".")
	case t.kind == tokenName:
		return p.function()
	case t.kind == tokenSign && t.text == "(":
		return p.parenthesis()
	case t.kind == tokenEnd:
		return nil, p.fail(t.pos, "the expression ends too early")
	default:
		return nil, p.fail(t.pos, "%q cannot stand here", t.text)
	}
	if err != nil {
		return nil, err
	}
	return n, p.advance()
}

func (p *parser) parenthesis() (*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	inner, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	return inner, p.expect(")")
}

func (p *parser) expect(sign string) error {
	if p.token.kind != tokenSign || p.token.text != sign {
		return p.fail(p.token.pos, "%q is missing", sign)
	}
	return p.advance()
}

func (p *parser) function() (*node, error) {
	name := p.token
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	fn := functions[name.text]
	if fn == nil || fn.operator {
		return nil, p.fail(name.pos, "there is no function %q", name.text)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var args []*node
	for p.token.kind != tokenSign || p.token.text != ")" {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if len(args) < fn.min || (fn.max >= 0 && len(args) > fn.max) {
		return nil, p.fail(name.pos, "%s takes %s, not %d", name.text, fn.arity(), len(args))
	}
	return p.call(name.pos, name.text, args...)
}
