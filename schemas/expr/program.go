// Package expr is the expression language of the forms: a typed, pure, cost-bounded subset of XLSForm, parsed, checked and evaluated in Go only.
package expr

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// MaxCorners bounds the corners of a polygon: testing a ring for crossings takes
// corners²/2 steps, and 1,024 corners draw a neighbourhood to the metre.
const MaxCorners = 1_024

// maxPattern bounds the source of a regular expression; RE2 runs in time linear
// in the text, with a factor that grows with the pattern.
const maxPattern = 200

// ErrTooCostly says that an evaluation took more than MaxSteps.
var ErrTooCostly = errors.New("expression takes too long")

// Symbol is what a scope knows of a field: the key by which Vars gives its value, and its type.
type Symbol struct {
	Key  uint64
	Type Type
}

// Scope tells the checker which fields and codes there are.
type Scope interface {
	// Field returns the symbol of ${name}; name may be "list.field". The error
	// says in words why there is none.
	Field(name string) (Symbol, error)
	// This returns the symbol of ".", or an error where it has no meaning.
	This() (Symbol, error)
	// HasCode says whether a code list has the code.
	HasCode(list, code string) bool
	// HasAttr says whether some code of a list has the attribute.
	HasAttr(list, attr string) bool
}

// Vars gives the values of fields during an evaluation.
type Vars interface {
	// Value returns the value of the field with that key, of the type its symbol promised or empty.
	Value(key uint64) Value
}

// Env is what the world outside the record says; the language has no other way to reach it.
type Env struct {
	// Today is the civil date in Tehran as days since 1970-01-01.
	Today int32
	// TestMode lets invented national ids pass.
	TestMode bool
	// HomeBoundary is the ring of the neighbourhood that the record belongs to; nil when it is not known.
	HomeBoundary []Point
	// CodeInfo returns what a code list says of a code: the code above it and its
	// attributes. It may be nil.
	CodeInfo func(list, code string) (parent string, attrs map[string]string, ok bool)
}

// Program is a checked expression, ready to evaluate. It never changes and may be
// shared by any number of goroutines.
type Program struct {
	source string
	root   *node
	reads  []uint64
}

// Compile parses and checks an expression against the fields of scope. It
// returns an *Error that names the place of the first thing wrong.
func Compile(source string, scope Scope) (*Program, error) {
	root, err := parse(source)
	if err != nil {
		return nil, err
	}
	c := &checker{source: source, scope: scope}
	if err := c.check(root); err != nil {
		return nil, err
	}
	slices.Sort(c.reads)
	return &Program{source: source, root: root, reads: slices.Compact(c.reads)}, nil
}

// Source returns the text of the expression.
func (p *Program) Source() string { return p.source }

// Type returns what evaluating yields, when it does not yield the empty value.
func (p *Program) Type() Type { return p.root.typ }

// Reads returns the keys of all fields that the expression may read, sorted.
func (p *Program) Reads() []uint64 { return slices.Clone(p.reads) }

// Eval evaluates the expression. It depends on nothing but vars and env. It
// returns ErrOverflow or ErrTooCostly when there is no answer.
func (p *Program) Eval(vars Vars, env *Env) (Value, error) {
	m := &machine{vars: vars, env: env}
	v, err := m.eval(p.root)
	if err != nil {
		return Value{}, fmt.Errorf("evaluate %q: %w", p.source, err)
	}
	return v, nil
}

// CompilePattern compiles an RE2 expression of bounded length that must match a
// whole text; "." matches line ends too, or a rule would end with the first line.
func CompilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("regular expression of %d bytes, at most %d", len(pattern), maxPattern)
	}
	return regexp.Compile("^(?s:" + pattern + ")$")
}

// machine is one evaluation.
type machine struct {
	vars  Vars
	env   *Env
	steps int
}

// spend counts steps.
func (m *machine) spend(steps int) error {
	m.steps += steps
	if m.steps > MaxSteps {
		return ErrTooCostly
	}
	return nil
}

func (m *machine) eval(n *node) (Value, error) {
	if err := m.spend(1); err != nil {
		return Value{}, err
	}
	switch n.kind {
	case nodeLiteral:
		return n.value, nil
	case nodeField, nodeThis:
		v := m.vars.Value(n.key)
		return v, m.spend(len(v.Column) + len(v.Strs) + len(v.Str))
	}
	return n.fn.eval(m, n)
}

// args evaluates all arguments of a call.
func (m *machine) args(n *node) ([]Value, error) {
	values := make([]Value, len(n.kids))
	for i, kid := range n.kids {
		v, err := m.eval(kid)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}
