package texts

import (
	"fmt"
	"slices"
	"strings"
)

// message is a parsed text: literal parts and arguments.
type message []part

// part is a piece of a message: a literal when name is empty, otherwise the
// argument name, written out, or, when one is set, the word that fits its
// number.
type part struct {
	literal   string
	name      string
	plural    bool
	one, many string
}

// parseMessage reads a text with its arguments: {name} is replaced by the
// argument, {name|one|many} by the first word when the argument is 1 and by
// the second otherwise, {{ and }} are braces.
func parseMessage(text string) (message, error) {
	var m message
	literal := strings.Builder{}
	flush := func() {
		if literal.Len() > 0 {
			m = append(m, part{literal: literal.String()})
			literal.Reset()
		}
	}
	for text != "" {
		i := strings.IndexAny(text, "{}")
		if i < 0 {
			literal.WriteString(text)
			break
		}
		literal.WriteString(text[:i])
		brace := text[i]
		rest := text[i+1:]
		if rest != "" && rest[0] == brace {
			literal.WriteByte(brace)
			text = rest[1:]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if brace == '}' || end < 0 {
			return nil, fmt.Errorf("unbalanced %q in %q: write it twice for a brace, or close the argument", brace, text)
		}
		flush()
		p, err := parseArgument(rest[:end])
		if err != nil {
			return nil, err
		}
		m = append(m, p)
		text = rest[end+1:]
	}
	flush()
	return m, nil
}

func parseArgument(s string) (part, error) {
	fields := strings.Split(s, "|")
	p := part{name: fields[0]}
	if !isArgumentName(p.name) {
		return p, fmt.Errorf("argument %q: its name must be lower-case letters, digits and _", s)
	}
	switch len(fields) {
	case 1:
	case 3:
		p.plural, p.one, p.many = true, fields[1], fields[2]
	default:
		return p, fmt.Errorf("argument %q: write {name} or {name|one|many}", s)
	}
	return p, nil
}

func isArgumentName(s string) bool {
	for _, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// arguments are the names used in the message, sorted, each once.
func (m message) arguments() []string {
	var names []string
	for _, p := range m {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
