package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxJSONDepth bounds nesting: the deepest thing we read is a GeoJSON ring in a
// row of a record, seven levels; the rest is room for wrappers.
const maxJSONDepth = 16

// node is one JSON value as written: numbers keep their digits and objects their
// order, both of which encoding/json's maps would lose.
type node struct {
	token   any // json.Delim('{'), json.Delim('['), string, json.Number, bool or nil
	members []member
	items   []node
}

type member struct {
	name  string
	value node
}

// parseJSON reads exactly one JSON value and refuses a name that stands twice in an object.
func parseJSON(data []byte) (node, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	root, err := parseNode(decoder, 0)
	if err != nil {
		return node{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return node{}, errors.New("something stands after the end of the value")
	}
	return root, nil
}

func parseNode(decoder *json.Decoder, depth int) (node, error) {
	if depth > maxJSONDepth {
		return node{}, fmt.Errorf("nested more than %d levels deep", maxJSONDepth)
	}
	token, err := decoder.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return node{}, io.ErrUnexpectedEOF
		}
		return node{}, err
	}
	n := node{token: token}
	switch token {
	case json.Delim('{'):
		seen := make(map[string]bool)
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return node{}, err
			}
			key, _ := name.(string)
			if seen[key] {
				return node{}, fmt.Errorf("%q stands twice in one object", key)
			}
			seen[key] = true
			value, err := parseNode(decoder, depth+1)
			if err != nil {
				return node{}, err
			}
			n.members = append(n.members, member{key, value})
		}
	case json.Delim('['):
		for decoder.More() {
			value, err := parseNode(decoder, depth+1)
			if err != nil {
				return node{}, err
			}
			n.items = append(n.items, value)
		}
	default:
		return n, nil
	}
	_, err = decoder.Token() // the closing delimiter
	return n, err
}

func (n node) isObject() bool { return n.token == json.Delim('{') }
func (n node) isArray() bool  { return n.token == json.Delim('[') }
func (n node) isNull() bool   { return n.token == nil }

// member returns the value of that name in an object, or null.
func (n node) member(name string) node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return node{}
}

// show writes a scalar shortly, for messages.
func (n node) show() string {
	const most = 40
	var s string
	switch token := n.token.(type) {
	case nil:
		return "null"
	case string:
		s = token
	case json.Number:
		s = token.String()
	case bool:
		s = fmt.Sprint(token)
	case json.Delim:
		return token.String() + "…"
	}
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
