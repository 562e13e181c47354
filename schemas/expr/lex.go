package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenNumber
	tokenText  // 'literal'
	tokenField // ${name}
	tokenThis  // .
	tokenName  // function name, or one of: and or div mod
	tokenSign  // operator, parenthesis or comma
)

type token struct {
	kind tokenKind
	text string
	pos  int // byte offset
}

// Error says where in an expression something is wrong, and what.
type Error struct {
	Source string
	Pos    int // byte offset in Source
	Reason string
}

// Error shows the reason and the place, counted in characters from one.
func (e *Error) Error() string {
	return fmt.Sprintf("at character %d of %q: %s", utf8.RuneCountInString(e.Source[:e.Pos])+1, e.Source, e.Reason)
}

// lexer cuts an expression into tokens.
type lexer struct {
	source string
	pos    int
}

func (l *lexer) fail(pos int, format string, args ...any) error {
	return &Error{Source: l.source, Pos: min(pos, len(l.source)), Reason: fmt.Sprintf(format, args...)}
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.source) && strings.IndexByte(" \t\r\n", l.source[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	if start == len(l.source) {
		return token{tokenEnd, "", start}, nil
	}
	rest := l.source[start:]
	c := rest[0]
	take := func(kind tokenKind, n int) (token, error) {
		l.pos += n
		return token{kind, rest[:n], start}, nil
	}
	switch {
	case c == '$':
		end := strings.IndexByte(rest, '}')
		if !strings.HasPrefix(rest, "${") || end < 0 {
			return token{}, l.fail(start, "a field is written ${name}")
		}
		l.pos += end + 1
		return token{tokenField, strings.TrimSpace(rest[2:end]), start}, nil
	case c == '\'' || c == '"':
		end := strings.IndexByte(rest[1:], c)
		if end < 0 {
			return token{}, l.fail(start, "the text has no closing quotation mark")
		}
		l.pos += end + 2
		return token{tokenText, rest[1 : end+1], start}, nil
	case isDigit(c):
		n := span(rest, isDigit)
		if n+1 < len(rest) && rest[n] == '.' && isDigit(rest[n+1]) {
			n += 1 + span(rest[n+1:], isDigit)
		}
		return take(tokenNumber, n)
	case c == '.':
		return take(tokenThis, 1)
	case isLetter(c):
		return take(tokenName, span(rest, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' }))
	case strings.HasPrefix(rest, "!="), strings.HasPrefix(rest, "<="), strings.HasPrefix(rest, ">="):
		return take(tokenSign, 2)
	case strings.IndexByte("+-*=<>(),", c) >= 0:
		return take(tokenSign, 1)
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, l.fail(start, "%q is not part of the language", r)
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

// span counts the bytes at the start of s that belong.
func span(s string, belongs func(byte) bool) int {
	n := 0
	for n < len(s) && belongs(s[n]) {
		n++
	}
	return n
}
