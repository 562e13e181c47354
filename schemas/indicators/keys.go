package indicators

import (
	"encoding/base64"
	"strconv"
	"strings"

	"mahalleh/schemas/jalali"
)

// A key is a kind and parts, "asset|Ab3…|physical": what a part means is said
// where the kind is counted, and read in the same order where it is summed up.

// part is one part of a key.
type part string

const separator = "|"

var separators = strings.NewReplacer(separator, " ", "\n", " ", "\t", " ", "\r", " ")

func num(n int64) part { return part(strconv.FormatInt(n, 10)) }

// name is a text that people read.
func name(s string) part { return part(separators.Replace(s)) }

func flag(b bool) part {
	if b {
		return "1"
	}
	return ""
}

// id is a record's or a person's id, empty for none.
func id(x ID) part {
	if x == (ID{}) {
		return ""
	}
	return part(base64.RawURLEncoding.EncodeToString(x[:]))
}

func key(kind string, parts []part) string {
	n := len(kind)
	for _, p := range parts {
		n += 1 + len(p)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(kind)
	for _, p := range parts {
		b.WriteString(separator)
		b.WriteString(string(p))
	}
	return b.String()
}

// parts reads a key from its first part on. What is missing reads as empty, so
// that a kind may get more parts at its end.
type parts struct{ rest string }

func splitKey(key string) (kind string, p parts) {
	kind, rest, _ := strings.Cut(key, separator)
	return kind, parts{rest}
}

func (p *parts) text() string {
	var s string
	s, p.rest, _ = strings.Cut(p.rest, separator)
	return s
}

func (p *parts) flag() bool { return p.text() != "" }

func (p *parts) int() int64 {
	n, _ := p.known()
	return n
}

// known is a number, and whether there was one.
func (p *parts) known() (int64, bool) {
	n, err := strconv.ParseInt(p.text(), 10, 64)
	return n, err == nil
}

// day is a date, 0 if there is none.
func (p *parts) day() jalali.Day { return jalali.Day(p.int()) }

func (p *parts) id() (x ID) {
	b, err := base64.RawURLEncoding.DecodeString(p.text())
	if err == nil && len(b) == len(x) {
		copy(x[:], b)
	}
	return x
}
